package browser

import (
	"context"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
)

// road is what lies between the browser and the switch: a router that carries its WebSocket and what it sends to the TURN relay, under an address of its own.
// Moved, it is another network: what was open is gone without a word, what is opened anew comes from another address.
type road struct {
	t       *testing.T
	toWSS   string
	toRelay string
	tcp     net.Listener
	udp     *net.UDPConn
	work    sync.WaitGroup

	mu     sync.Mutex
	from   netip.Addr // as the switch sees who comes
	open   bool
	lines  []net.Conn
	ways   map[netip.AddrPort]*net.UDPConn // by who sends; nil: its network is gone
	relays int                             // ways that were made since the last move
}

func newRoad(t *testing.T) *road {
	t.Helper()
	r := &road{t: t, from: netip.MustParseAddr("127.0.0.21"), open: true, ways: map[netip.AddrPort]*net.UDPConn{}}
	var err error
	r.tcp, err = net.Listen("tcp4", "127.0.0.1:0")
	must(t, err)
	r.udp, err = net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	must(t, err)
	t.Cleanup(func() {
		_, _ = r.tcp.Close(), r.udp.Close()
		r.cut()
		r.work.Wait()
	})
	return r
}

// leads opens the road to a switch.
func (r *road) leads(wss, relay string) {
	r.toWSS, r.toRelay = wss, relay
	r.work.Go(r.accept)
	r.work.Go(r.carry)
}

// cut takes the network away.
func (r *road) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.open = false
	for _, c := range r.lines {
		_ = c.Close()
	}
	r.lines = nil
	for k, c := range r.ways {
		if c != nil {
			_ = c.Close()
		}
		r.ways[k] = nil
	}
}

// move gives another one.
func (r *road) move(to string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.from, r.open, r.relays = netip.MustParseAddr(to), true, 0
}

// relayed tells how many sockets of the browser came to the relay since the last move.
func (r *road) relayed() int { r.mu.Lock(); defer r.mu.Unlock(); return r.relays }

func (r *road) accept() {
	for {
		c, err := r.tcp.Accept()
		if err != nil {
			return
		}
		r.join(c)
	}
}

// join carries a connection both ways, until either side ends or the network is gone.
func (r *road) join(c net.Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(r.from, 0))}
	if !r.open {
		_ = c.Close()
		return
	}
	up, err := d.DialContext(context.Background(), "tcp4", r.toWSS)
	if err != nil {
		_ = c.Close()
		return
	}
	r.lines = append(r.lines, c, up)
	for _, pair := range [][2]net.Conn{{c, up}, {up, c}} {
		r.work.Go(func() {
			_, _ = io.Copy(pair[0], pair[1])
			_, _ = pair[0].Close(), pair[1].Close()
		})
	}
}

func (r *road) carry() {
	b := make([]byte, 2048)
	for {
		n, src, err := r.udp.ReadFromUDPAddrPort(b)
		if err != nil {
			return
		}
		if up := r.way(src); up != nil {
			_, _ = up.Write(b[:n])
		}
	}
}

// way is the mapping of who sends: whom the network forgot it forgot for good.
func (r *road) way(src netip.AddrPort) *net.UDPConn {
	r.mu.Lock()
	defer r.mu.Unlock()
	up, known := r.ways[src]
	if known || !r.open {
		return up
	}
	to, err := netip.ParseAddrPort(r.toRelay)
	if err == nil {
		up, err = net.DialUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(r.from, 0)), net.UDPAddrFromAddrPort(to))
	}
	if err != nil {
		return nil
	}
	r.ways[src] = up
	r.relays++
	r.work.Go(func() {
		b := make([]byte, 2048)
		for {
			n, err := up.Read(b)
			if err != nil && !strings.Contains(err.Error(), "refused") {
				return
			}
			_, _ = r.udp.WriteToUDPAddrPort(b[:n], src)
		}
	})
	return up
}
