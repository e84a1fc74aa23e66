package siptest

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"time"
)

func (p *natPacketConn) LocalAddr() net.Addr                { return net.UDPAddrFromAddrPort(p.addr) }
func (p *natPacketConn) SetDeadline(t time.Time) error      { p.setDeadline(t); return nil }
func (p *natPacketConn) SetReadDeadline(t time.Time) error  { p.setDeadline(t); return nil }
func (p *natPacketConn) SetWriteDeadline(t time.Time) error { return nil }

// DialStream connects from inside to somewhere outside.
func (n *NAT) DialStream(ctx context.Context, inside netip.AddrPort, remote netip.AddrPort) (net.Conn, error) {
	n.mu.Lock()
	outside, down := n.outside, n.down
	n.mu.Unlock()
	if down {
		return nil, fmt.Errorf("siptest: no way to %s", remote)
	}
	out, err := n.world.DialStream(ctx, outside, remote)
	if err != nil {
		return nil, err
	}
	s := &natStream{n: n, inside: inside, remote: remote, out: out, inbox: inbox{changed: make(chan struct{}, 1)}}
	n.mu.Lock()
	n.streams[s] = true
	n.mu.Unlock()
	n.readers.Go(s.read)
	return s, nil
}

// natStream is the inner end of a connection through a NAT.
type natStream struct {
	n              *NAT
	inside, remote netip.AddrPort
	out            net.Conn
	dead           atomic.Bool // the box has forgotten it: nothing passes, and the other side is not told
	rest           []byte      // read, but not yet taken; only the reader touches it
	inbox
}

func (s *natStream) deaf() { s.dead.Store(true) }

func (s *natStream) read() {
	for buf := make([]byte, 65535); ; {
		n, err := s.out.Read(buf)
		if n > 0 && !s.dead.Load() {
			s.put(packet{append([]byte(nil), buf[:n]...), s.remote})
		}
		if err != nil {
			if !s.dead.Load() {
				s.inbox.close()
			}
			return
		}
	}
}

func (s *natStream) Read(b []byte) (int, error) {
	if len(s.rest) == 0 {
		p, err := s.take()
		if err != nil {
			return 0, err
		}
		s.rest = p.data
	}
	m := copy(b, s.rest)
	s.rest = s.rest[m:]
	return m, nil
}

func (s *natStream) Write(b []byte) (int, error) {
	if s.dead.Load() {
		return len(b), nil
	}
	return s.out.Write(b)
}

// Close ends the connection; one that the box has forgotten stays open outside until that ends.
func (s *natStream) Close() error {
	s.inbox.close()
	if s.dead.Load() {
		return nil
	}
	s.n.mu.Lock()
	delete(s.n.streams, s)
	s.n.mu.Unlock()
	return s.out.Close()
}

func (s *natStream) LocalAddr() net.Addr                { return net.TCPAddrFromAddrPort(s.inside) }
func (s *natStream) RemoteAddr() net.Addr               { return net.TCPAddrFromAddrPort(s.remote) }
func (s *natStream) SetDeadline(t time.Time) error      { s.setDeadline(t); return nil }
func (s *natStream) SetReadDeadline(t time.Time) error  { s.setDeadline(t); return nil }
func (s *natStream) SetWriteDeadline(t time.Time) error { return nil }
