package turn

import (
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// door is a listener at which a test knocks.
type door struct {
	knocks chan any // a net.Conn or an error
	closed chan struct{}
}

func (d door) Accept() (net.Conn, error) {
	select {
	case k := <-d.knocks:
		if err, ok := k.(error); ok {
			return nil, err
		}
		return k.(net.Conn), nil
	case <-d.closed:
		return nil, net.ErrClosed
	}
}

func (d door) Close() error {
	close(d.closed)
	return nil
}

func (d door) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 5349} }

// called is the relay's end of a connection.
type called struct {
	net.Conn
	from net.Addr
}

func (c called) RemoteAddr() net.Addr { return c.from }

// house is a relay behind a door, inside a bubble.
type house struct {
	*Server
	t *testing.T
	door
}

func newHouse(t *testing.T, most int) *house {
	h := &house{&Server{cfg: Config{Realm: "naisen", Most: most, PerUser: 2, Clock: time.Now, Inside: ours}, held: map[string]int{}}, t,
		door{make(chan any), make(chan struct{})}}
	h.tcp = newBounded(tls.NewListener(h.door, certificate(t)), 2*most, slog.New(slog.DiscardHandler))
	if err := h.serve(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Server.Close() })
	return h
}

// knock opens a connection and gives the caller's end.
func (h *house) knock(from string) net.Conn {
	here, there := net.Pipe()
	h.t.Cleanup(func() { _ = here.Close() })
	h.knocks <- called{there, net.TCPAddrFromAddrPort(netip.MustParseAddrPort(from))}
	synctest.Wait()
	return here
}

// goneAfter tells whether the one connection ends between a second before and a second after d.
func (h *house) goneAfter(d time.Duration) bool {
	<-time.After(d - time.Second)
	synctest.Wait()
	before := h.tcp.open()
	<-time.After(2 * time.Second)
	synctest.Wait()
	return before == 1 && h.tcp.open() == 0
}

// Strangers have a place for as long as somebody who means it needs for an allocation, whatever they say.
func TestStrangersGo(t *testing.T) {
	const from = "192.0.2.1:1000"
	request := append([]byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}, "twelve bytes"...) // a STUN binding request
	secure := func(h *house) net.Conn {
		c := tls.Client(h.knock(from), &tls.Config{InsecureSkipVerify: true})
		if err := c.Handshake(); err != nil {
			h.t.Fatal(err)
		}
		return c
	}
	every := func(h *house, c net.Conn, b []byte) { // until it is closed
		for {
			if _, err := c.Write(b); err != nil {
				return
			}
			select {
			case <-time.After(2 * time.Second):
			case <-h.t.Context().Done():
				return
			}
		}
	}
	for name, c := range map[string]struct {
		do   func(h *house)
		want time.Duration
	}{
		"silent": {func(h *house) { h.knock(from) }, greeting},
		"a handshake by drops": {func(h *house) {
			c := h.knock(from)
			if _, err := c.Write([]byte{22, 3, 1, 2, 0}); err != nil {
				h.t.Fatal(err)
			}
			go every(h, c, []byte{1})
		}, greeting},
		"silent after the handshake": {func(h *house) { go func() { _, _ = io.Copy(io.Discard, secure(h)) }() }, greeting},
		"no end of requests": {func(h *house) {
			c := secure(h)
			go func() { _, _ = io.Copy(io.Discard, c) }()
			go every(h, c, request)
		}, stranger},
		"an allocation, then silent": {func(h *house) {
			c := secure(h)
			go func() { _, _ = io.Copy(io.Discard, c) }()
			h.tcp.holds(net.TCPAddrFromAddrPort(netip.MustParseAddrPort(from)), true)
			_, _ = c.Write(request)
		}, idle},
		"an allocation that ended": {func(h *house) {
			c := secure(h)
			go func() { _, _ = io.Copy(io.Discard, c) }()
			at := net.TCPAddrFromAddrPort(netip.MustParseAddrPort(from))
			h.tcp.holds(at, true)
			_, _ = c.Write(request)
			<-time.After(time.Minute)
			h.tcp.holds(at, false)
			_, _ = c.Write(request)
		}, stranger},
		"takes no answer": {func(h *house) {
			c := secure(h)
			h.tcp.holds(net.TCPAddrFromAddrPort(netip.MustParseAddrPort(from)), true)
			_, _ = c.Write(request)
			if n, err := c.Read(make([]byte, 1500)); n == 0 {
				h.t.Fatal(err)
			}
			<-time.After(time.Minute)
			_, _ = c.Write(request)
		}, patience},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHouse(t, 100)
				c.do(h)
				if !h.goneAfter(c.want) {
					t.Errorf("not gone after %v", c.want)
				}
			})
		})
	}
}

// One address cannot take every place; those of it that have an allocation do not count.
func TestStrangersOfOneAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, 100)
		at := func(ip string, port int) string {
			return netip.AddrPortFrom(netip.MustParseAddr(ip), uint16(port)).String()
		}
		for i := range maxStrangers {
			h.knock(at("192.0.2.1", 1000+i))
			h.knock(at("2001:db8::1", 1000+i))
		}
		for _, c := range []struct {
			ip   string
			open int
		}{{"192.0.2.1", 64}, {"::ffff:192.0.2.1", 64}, {"2001:db8::2", 64}, {"2001:db8:0:1::1", 65}, {"192.0.2.2", 66}} {
			h.knock(at(c.ip, 2000))
			if got := h.tcp.open(); got != c.open {
				t.Errorf("after %s: %d, want %d", c.ip, got, c.open)
			}
		}
		h.tcp.holds(net.TCPAddrFromAddrPort(netip.MustParseAddrPort("192.0.2.1:1000")), true)
		h.knock(at("192.0.2.1", 2000))
		if s := h.Stats(); h.tcp.open() != 67 || s.Turned != 3 {
			t.Errorf("%d open, %+v", h.tcp.open(), s)
		}
	})
}

func TestMostConnections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, 2)
		for i := range 6 {
			h.knock(netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), 1000).String())
		}
		if s := h.Stats(); h.tcp.open() != 4 || s.Turned != 2 {
			t.Errorf("%d open, %+v", h.tcp.open(), s)
		}
	})
}

// A listener without descriptors comes back when there are some, and closes while it waits.
func TestAcceptGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, 2)
		began := time.Now()
		for range 3 {
			h.knocks <- &net.OpError{Op: "accept", Err: syscall.EMFILE}
		}
		h.knock("192.0.2.1:1000")
		if took := time.Since(began); h.tcp.open() != 1 || took != 3*recovery || h.Stats().Failed != 3 {
			t.Errorf("%d open after %v, %+v", h.tcp.open(), took, h.Stats())
		}
		accepted := make(chan error)
		other := door{make(chan any), make(chan struct{})}
		b := newBounded(other, 1, slog.New(slog.DiscardHandler))
		go func() {
			_, err := b.Accept()
			accepted <- err
		}()
		other.knocks <- syscall.EMFILE
		synctest.Wait()
		began = time.Now()
		_ = b.Close()
		if err := <-accepted; !errors.Is(err, net.ErrClosed) || time.Since(began) != 0 {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}
