package siptest

import (
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

// inbox is a queue that one goroutine reads with a deadline. Everything it waits on is a channel, so virtual time goes on.
type inbox struct {
	mu       sync.Mutex
	items    []packet
	deadline time.Time
	closed   bool
	changed  chan struct{}
}

type packet struct {
	data []byte
	from netip.AddrPort
}

func (q *inbox) poke() {
	select {
	case q.changed <- struct{}{}:
	default:
	}
}

func (q *inbox) put(p packet) {
	q.mu.Lock()
	if !q.closed && len(q.items) < 1<<16 {
		q.items = append(q.items, p)
	}
	q.mu.Unlock()
	q.poke()
}

func (q *inbox) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	q.poke()
}

func (q *inbox) setDeadline(t time.Time) {
	q.mu.Lock()
	q.deadline = t
	q.mu.Unlock()
	q.poke()
}

// take waits for a packet. What is queued is still read after close.
func (q *inbox) take() (packet, error) {
	for {
		q.mu.Lock()
		if len(q.items) > 0 {
			p := q.items[0]
			q.items = q.items[1:]
			q.mu.Unlock()
			return p, nil
		}
		closed, deadline := q.closed, q.deadline
		q.mu.Unlock()
		if closed {
			q.poke()
			return packet{}, net.ErrClosed
		}
		var timeout <-chan time.Time
		var timer *time.Timer
		if !deadline.IsZero() {
			d := time.Until(deadline)
			if d <= 0 {
				return packet{}, os.ErrDeadlineExceeded
			}
			timer = time.NewTimer(d)
			timeout = timer.C
		}
		select {
		case <-q.changed:
		case <-timeout:
		}
		if timer != nil {
			timer.Stop()
		}
	}
}

// packetConn is one UDP socket.
type packetConn struct {
	n    *Network
	addr netip.AddrPort
	inbox
}

func newPacketConn(n *Network, a netip.AddrPort) *packetConn {
	return &packetConn{n: n, addr: a, inbox: inbox{changed: make(chan struct{}, 1)}}
}

func (p *packetConn) ReadFrom(b []byte) (int, net.Addr, error) {
	pk, err := p.take()
	if err != nil {
		return 0, nil, err
	}
	return copy(b, pk.data), net.UDPAddrFromAddrPort(pk.from), nil
}

func (p *packetConn) WriteTo(b []byte, to net.Addr) (int, error) {
	u, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, net.InvalidAddrError("not a UDP address")
	}
	ap := u.AddrPort()
	dst := netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
	data := append([]byte(nil), b...)
	p.n.send(p.addr, dst, data, func(d time.Duration) {
		time.AfterFunc(d, func() {
			p.n.mu.Lock()
			q := p.n.packets[dst]
			p.n.mu.Unlock()
			if q != nil {
				q.put(packet{data, p.addr})
			}
		})
	})
	return len(b), nil
}

func (p *packetConn) Close() error {
	p.n.mu.Lock()
	if p.n.packets[p.addr] == p {
		delete(p.n.packets, p.addr)
	}
	p.n.mu.Unlock()
	p.close()
	return nil
}

func (p *packetConn) LocalAddr() net.Addr                { return net.UDPAddrFromAddrPort(p.addr) }
func (p *packetConn) SetDeadline(t time.Time) error      { p.setDeadline(t); return nil }
func (p *packetConn) SetReadDeadline(t time.Time) error  { p.setDeadline(t); return nil }
func (p *packetConn) SetWriteDeadline(t time.Time) error { return nil }

// streamAccept is one listening stream socket.
type streamAccept struct {
	n     *Network
	addr  netip.AddrPort
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (l *streamAccept) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *streamAccept) Close() error {
	l.once.Do(func() {
		close(l.done)
		l.n.mu.Lock()
		delete(l.n.streams, l.addr)
		l.n.mu.Unlock()
	})
	return nil
}

func (l *streamAccept) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.addr) }

// streamConn is one end of a stream. A link's delay holds; loss shows as Down only, since TCP repairs the rest.
type streamConn struct {
	n             *Network
	local, remote netip.AddrPort
	peer          *streamConn
	inbox
	rest []byte // read, but not yet taken; only the reader touches it

	wmu  sync.Mutex
	next time.Time // guarded by wmu: when the last chunk arrives; none may overtake it
}

func newStream(n *Network, local, remote netip.AddrPort) *streamConn {
	return &streamConn{n: n, local: local, remote: remote, inbox: inbox{changed: make(chan struct{}, 1)}}
}

func (c *streamConn) Read(b []byte) (int, error) {
	if len(c.rest) == 0 {
		p, err := c.take()
		if err != nil {
			return 0, err
		}
		c.rest = p.data
	}
	m := copy(b, c.rest)
	c.rest = c.rest[m:]
	return m, nil
}

func (c *streamConn) Write(b []byte) (int, error) {
	c.mu.Lock()
	closed := c.closed
	c.mu.Unlock()
	if closed {
		return 0, net.ErrClosed
	}
	data := append([]byte(nil), b...)
	done := false
	c.n.send(c.local, c.remote, data, func(d time.Duration) { // never, while the cable is cut; TCP would notice later
		if !done {
			done = true
			c.arrive(d, func() { c.peer.put(packet{data, c.local}) })
		}
	})
	return len(b), nil
}

// arrive runs f after d, but not before what was sent earlier.
func (c *streamConn) arrive(d time.Duration, f func()) {
	c.wmu.Lock()
	at := time.Now().Add(d)
	if !at.After(c.next) {
		at = c.next.Add(time.Nanosecond)
	}
	c.next = at
	c.wmu.Unlock()
	time.AfterFunc(time.Until(at), f)
}

func (c *streamConn) Close() error {
	c.close()
	c.n.mu.Lock()
	c.n.settle() // what was written comes first
	c.n.mu.Unlock()
	c.arrive(0, c.peer.close)
	return nil
}

func (c *streamConn) LocalAddr() net.Addr                { return net.TCPAddrFromAddrPort(c.local) }
func (c *streamConn) RemoteAddr() net.Addr               { return net.TCPAddrFromAddrPort(c.remote) }
func (c *streamConn) SetDeadline(t time.Time) error      { c.setDeadline(t); return nil }
func (c *streamConn) SetReadDeadline(t time.Time) error  { c.setDeadline(t); return nil }
func (c *streamConn) SetWriteDeadline(t time.Time) error { return nil }
