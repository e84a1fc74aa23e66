package turn

import (
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

const (
	greeting     = 10 * time.Second // for the handshake and the first word
	stranger     = 30 * time.Second // for an allocation: from the beginning, and again when one has ended
	idle         = 11 * time.Minute // a connection with one and without a word: every allocation is refreshed sooner
	patience     = 10 * time.Second // for what is written to be taken
	recovery     = time.Second      // after an error of the listener, such as no descriptor being left
	maxStrangers = 32               // connections of one address without an allocation; with one they have the quotas, since an office may be one address
)

// bounded is a listener that outlives errors, refuses connections above a number, and lets none stay that asks for nothing.
type bounded struct {
	net.Listener
	most int
	log  *slog.Logger
	done chan struct{} // closed by Close
	once sync.Once

	mu    sync.Mutex // guards conns; nothing is called under it
	conns map[netip.AddrPort]*talking

	refused, failed atomic.Uint64
}

func newBounded(l net.Listener, most int, log *slog.Logger) *bounded {
	return &bounded{Listener: l, most: most, log: log, done: make(chan struct{}), conns: map[netip.AddrPort]*talking{}}
}

// Accept implements net.Listener; its one error is net.ErrClosed. The TLS handshake is part of the first Read.
func (b *bounded) Accept() (net.Conn, error) {
	for {
		c, err := b.Listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil, err
		case err != nil:
			b.failed.Add(1)
			b.log.Error("turn: accept", "err", err)
			if !b.pause(recovery) {
				return nil, net.ErrClosed
			}
			continue
		}
		if t := b.take(c); t != nil {
			return t, nil
		}
		b.refused.Add(1)
		_ = c.Close()
	}
}

// pause waits; false: the listener closes.
func (b *bounded) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-b.done:
		return false
	case <-timer.C:
		return true
	}
}

// Close implements net.Listener.
func (b *bounded) Close() error {
	b.once.Do(func() { close(b.done) })
	return b.Listener.Close()
}

// take gives a connection its place; nil: there is none.
func (b *bounded) take(c net.Conn) *talking {
	at, ok := c.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return nil
	}
	now := time.Now()
	t := &talking{Conn: c, of: b, from: at.AddrPort(), first: now.Add(greeting)}
	t.expect(now)
	if c.SetWriteDeadline(t.first) != nil { // of the handshake
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	same := 0
	for _, other := range b.conns {
		if other.until.Load() != nil && source(other.from) == source(t.from) {
			same++
		}
	}
	if len(b.conns) >= b.most || same >= maxStrangers {
		return nil
	}
	b.conns[t.from] = t
	return t
}

// source is what counts as one address: of IPv6 the network that one customer is given.
func source(a netip.AddrPort) netip.Addr {
	ip := a.Addr().Unmap()
	if p, err := ip.Prefix(64); err == nil && ip.Is6() {
		return p.Addr()
	}
	return ip
}

// holds notes that the connection from an address has an allocation, or none any more.
func (b *bounded) holds(from net.Addr, yes bool) {
	at, ok := from.(*net.TCPAddr)
	if !ok { // a client over UDP
		return
	}
	b.mu.Lock()
	t := b.conns[at.AddrPort()]
	b.mu.Unlock()
	switch {
	case t == nil:
	case yes:
		t.until.Store(nil)
	default:
		t.expect(time.Now())
	}
}

func (b *bounded) open() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.conns)
}

// talking is a connection that has its place until Close.
type talking struct {
	net.Conn
	of    *bounded
	from  netip.AddrPort
	first time.Time                 // until when it must have said something
	heard bool                      // it has; the reader's own
	until atomic.Pointer[time.Time] // until when it must have an allocation; nil: it has one
}

func (t *talking) expect(now time.Time) {
	end := now.Add(stranger)
	t.until.Store(&end)
}

// Read implements net.Conn. Nobody without an allocation gets more time by saying more.
func (t *talking) Read(p []byte) (int, error) {
	end := t.first
	if t.heard {
		end = time.Now().Add(idle)
		if until := t.until.Load(); until != nil {
			end = *until
		}
	}
	if err := t.SetReadDeadline(end); err != nil {
		return 0, err
	}
	n, err := t.Conn.Read(p)
	t.heard = t.heard || n > 0
	return n, err
}

// Write implements net.Conn. What is not taken in time ends the connection: after half a TLS record nothing can follow.
func (t *talking) Write(p []byte) (int, error) {
	if err := t.SetWriteDeadline(time.Now().Add(patience)); err != nil {
		return 0, err
	}
	n, err := t.Conn.Write(p)
	if err != nil {
		_ = t.Close()
	}
	return n, err
}

// Close implements net.Conn.
func (t *talking) Close() error {
	t.of.mu.Lock()
	if t.of.conns[t.from] == t {
		delete(t.of.conns, t.from)
	}
	t.of.mu.Unlock()
	return t.Conn.Close()
}
