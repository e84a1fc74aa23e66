package turn

import (
	"errors"
	"net"
	"net/netip"
	"sync"

	"github.com/pion/turn/v5"
)

var (
	errQuota = errors.New("turn: too many allocations")
	errTCP   = errors.New("turn: media is UDP") // RFC 6062 would open connections
)

// hasRoom answers an allocation above a quota with 486 before anything is made; take decides.
func (s *Server) hasRoom(user, _ string, _ net.Addr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held[user] >= s.cfg.PerUser || s.total >= s.cfg.Most {
		s.count.refused.Add(1)
		return false
	}
	return true
}

func (s *Server) take(user string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.held[user] >= s.cfg.PerUser || s.total >= s.cfg.Most {
		return false
	}
	s.held[user]++
	s.total++
	return true
}

func (s *Server) give(user string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total--
	if s.held[user]--; s.held[user] <= 0 {
		delete(s.held, user)
	}
}

// generator makes the relayed sockets.
type generator struct{ s *Server }

// Validate implements turn.RelayAddressGenerator.
func (generator) Validate() error { return nil }

// AllocatePacketConn implements turn.RelayAddressGenerator: any free port, whatever was asked for.
func (g generator) AllocatePacketConn(c turn.AllocateListenerConfig) (net.PacketConn, net.Addr, error) {
	s := g.s
	if !s.take(c.UserID) {
		return nil, nil, errQuota
	}
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(s.cfg.Inside, 0)))
	if err != nil {
		s.give(c.UserID)
		return nil, nil, err
	}
	s.count.allocations.Add(1)
	return &fenced{UDPConn: conn, s: s, user: c.UserID}, conn.LocalAddr(), nil
}

// AllocateListener implements turn.RelayAddressGenerator.
func (generator) AllocateListener(turn.AllocateListenerConfig) (net.Listener, net.Addr, error) {
	return nil, nil, errTCP
}

// AllocateConn implements turn.RelayAddressGenerator.
func (generator) AllocateConn(turn.AllocateConnConfig) (net.Conn, error) { return nil, errTCP }

// fenced is a relayed socket that reaches our media ports and nothing else: permissions are per address, and there is more than media on ours.
type fenced struct {
	*net.UDPConn
	s    *Server
	user string
	once sync.Once
}

// WriteTo sends to media of ours; what goes elsewhere is dropped.
func (f *fenced) WriteTo(p []byte, to net.Addr) (int, error) {
	u, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, net.ErrClosed
	}
	at := u.AddrPort()
	if !f.s.ours(at.Addr().Unmap()) || !f.s.cfg.Ports(at.Port()) {
		f.s.count.dropped.Add(1)
		return len(p), nil
	}
	return f.UDPConn.WriteToUDPAddrPort(p, netip.AddrPortFrom(f.s.cfg.Inside, at.Port()))
}

// ReadFrom takes what media of ours sends, under the address that the client knows it by.
func (f *fenced) ReadFrom(p []byte) (int, net.Addr, error) {
	for {
		n, from, err := f.UDPConn.ReadFromUDPAddrPort(p)
		if err != nil {
			return n, nil, err
		}
		if from.Addr().Unmap() != f.s.cfg.Inside || !f.s.cfg.Ports(from.Port()) {
			f.s.count.dropped.Add(1)
			continue
		}
		known := f.s.cfg.Inside
		if f.s.cfg.Public.IsValid() {
			known = f.s.cfg.Public
		}
		return n, net.UDPAddrFromAddrPort(netip.AddrPortFrom(known, from.Port())), nil
	}
}

// Close gives the user's place back.
func (f *fenced) Close() error {
	f.once.Do(func() { f.s.give(f.user) })
	return f.UDPConn.Close()
}
