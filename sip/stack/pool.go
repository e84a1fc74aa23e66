package stack

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	dialTime    = 4 * time.Second // a trunk that does not answer must leave time for the next one (threats.md I13)
	dialsAtOnce = 256
)

// dialKey says which of our own connections may be shared.
type dialKey struct {
	transport string
	addr      netip.AddrPort
	local     netip.Addr
	tls       tlsKey
}

// pool holds the connections.
type pool struct {
	mu      sync.Mutex
	conns   map[*conn]struct{}
	sources map[netip.Addr]int // accepted or being accepted, by peer
	total   int                // accepted, dialled and being so
	dialled map[dialKey]*conn
	dialing map[dialKey][]func(*Flow, error)
	noTCP   map[netip.AddrPort]time.Time // until when TCP need not be tried there; at most maxNoTCP
}

func newPool() pool {
	return pool{conns: make(map[*conn]struct{}), sources: make(map[netip.Addr]int), dialled: make(map[dialKey]*conn),
		dialing: make(map[dialKey][]func(*Flow, error)), noTCP: make(map[netip.AddrPort]time.Time)}
}

// reserve counts an accepted connection before anything is spent on it.
func (s *Stack) reserve(remote netip.Addr) bool {
	trusted := s.trusted(remote)
	s.pool.mu.Lock()
	defer s.pool.mu.Unlock()
	if s.pool.total >= s.limits.Connections || !trusted && s.pool.sources[remote] >= s.limits.PerAddress {
		return false
	}
	s.pool.total++
	s.pool.sources[remote]++
	return true
}

func (s *Stack) release(remote netip.Addr) {
	s.pool.mu.Lock()
	defer s.pool.mu.Unlock()
	s.pool.total--
	if s.pool.sources[remote]--; s.pool.sources[remote] <= 0 {
		delete(s.pool.sources, remote)
	}
}

// remember makes the connection closable by Close; false when the stack is closing.
func (s *Stack) remember(c *conn) bool {
	s.pool.mu.Lock()
	defer s.pool.mu.Unlock()
	if s.closing() {
		return false
	}
	s.pool.conns[c] = struct{}{}
	return true
}

func (s *Stack) forget(c *conn) {
	s.pool.mu.Lock()
	delete(s.pool.conns, c)
	if c.dialed != nil && s.pool.dialled[*c.dialed] == c {
		delete(s.pool.dialled, *c.dialed)
	}
	s.pool.mu.Unlock()
	if c.ws == nil { // a WebSocket is counted by whoever took its handshake
		s.release(c.flow.remote.Addr())
	}
}

// connect finds or makes the connection to a target and calls then once, at once or from another goroutine. It never blocks.
func (s *Stack) connect(to Target, then func(*Flow, error)) {
	k := s.dialKey(to)
	s.pool.mu.Lock()
	if c := s.pool.dialled[k]; c != nil && !c.closed() {
		s.pool.mu.Unlock()
		then(c.flow, nil)
		return
	}
	waiting, running := s.pool.dialing[k]
	full := !running && (len(s.pool.dialing) >= dialsAtOnce || s.pool.total >= s.limits.Connections)
	if !full {
		s.pool.dialing[k] = append(waiting, then)
		if !running {
			s.pool.total++
			s.pool.sources[k.addr.Addr()]++
		}
	}
	s.pool.mu.Unlock()
	switch {
	case full:
		s.stats.shed.Add(1)
		then(nil, ErrTransport)
	case !running && !s.spawn(func() { s.dial(k, to) }):
		s.release(k.addr.Addr())
		s.dialled(k, nil)
	}
}

func (s *Stack) dialKey(to Target) dialKey {
	k := dialKey{transport: to.Transport, addr: to.Addr, local: s.dialFrom(to)}
	if to.Transport == "tls" {
		k.tls = s.clientTLS(to).key()
	}
	return k
}

// dialFrom: the address of our listener for that transport, so that a multi-homed machine shows the peer the address it knows.
func (s *Stack) dialFrom(to Target) netip.Addr {
	if to.Local.IsValid() {
		return to.Local
	}
	if l := s.listenFor(to.Transport, to.Local, to.Addr.Addr()); l != nil {
		return l.Addr.Addr()
	}
	return netip.Addr{}
}

func (s *Stack) dial(k dialKey, to Target) {
	c, err := s.open(k, to)
	if err != nil {
		s.log.Info("sip connect failed", "transport", k.transport, "remote", k.addr, "err", err)
		s.release(k.addr.Addr())
		s.dialled(k, nil)
		return
	}
	if !s.remember(c) {
		c.close()
		s.release(k.addr.Addr())
		s.dialled(k, nil)
		return
	}
	s.dialled(k, c)
	c.serve()
}

func (s *Stack) open(k dialKey, to Target) (*conn, error) {
	ctx, cancel := s.within(dialTime)
	defer cancel()
	raw, err := s.cfg.DialStream(ctx, k.local, k.addr)
	if err != nil {
		return nil, err
	}
	tuneSocket(raw)
	nc := raw
	if k.transport == "tls" {
		t := tls.Client(raw, s.clientTLS(to).build())
		if err := t.HandshakeContext(ctx); err != nil {
			_ = raw.Close()
			return nil, err
		}
		nc = t
	}
	c := s.newConn(nc, raw, k.transport)
	c.dialed = &k
	c.proven.Store(true)
	// The pool counts by what was asked for; an in-memory network may name the peer otherwise.
	c.flow.remote = k.addr
	return c, nil
}

// dialled hands the outcome to all who wait for it.
func (s *Stack) dialled(k dialKey, c *conn) {
	s.pool.mu.Lock()
	waiting := s.pool.dialing[k]
	delete(s.pool.dialing, k)
	if c != nil {
		s.pool.dialled[k] = c
	}
	s.pool.mu.Unlock()
	for _, then := range waiting {
		if c == nil {
			then(nil, ErrTransport)
		} else {
			then(c.flow, nil)
		}
	}
}

func (s *Stack) handshakeServer(raw net.Conn) (*tls.Conn, error) {
	ctx, cancel := s.within(handshakeTime)
	defer cancel()
	cfg, err := s.serverTLS()
	if err != nil {
		return nil, err
	}
	t := tls.Server(raw, cfg)
	return t, t.HandshakeContext(ctx)
}

// within is a context that ends with d or with the stack.
func (s *Stack) within(d time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	ok := s.spawn(func() {
		select {
		case <-s.done:
			cancel()
		case <-ctx.Done():
		}
	})
	if !ok {
		cancel()
	}
	return ctx, cancel
}
