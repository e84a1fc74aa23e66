package siptest

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
)

// World is what lies outside a NAT: a Network, or Loopback.
type World interface {
	ListenPacket(netip.AddrPort) (net.PacketConn, error)
	DialStream(ctx context.Context, local netip.Addr, remote netip.AddrPort) (net.Conn, error)
}

// Loopback is the machine's own sockets. Its hosts are the addresses of 127.0.0.0/8.
type Loopback struct{}

// ListenPacket implements World.
func (Loopback) ListenPacket(a netip.AddrPort) (net.PacketConn, error) {
	return net.ListenUDP("udp", net.UDPAddrFromAddrPort(a))
}

// DialStream implements World.
func (Loopback) DialStream(ctx context.Context, local netip.Addr, remote netip.AddrPort) (net.Conn, error) {
	d := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(local, 0))}
	return d.DialContext(ctx, "tcp", remote.String())
}

// Mapping is how a NAT maps UDP, and whom it lets in (RFC 4787 sections 4.1 and 5).
type Mapping int

// The two ends of what there is.
const (
	FullCone  Mapping = iota // endpoint-independent, both: one outer port for an inner one, and anybody reaches it
	Symmetric                // address and port-dependent, both: an outer port for each destination, which alone is heard
)

// NAT is a box between a private network and a World, for UDP and for TCP from inside. What is inside has no address there: it is reached only by what it
// has begun. It works on virtual and on real time.
type NAT struct {
	world   World
	kind    Mapping
	readers sync.WaitGroup

	mu      sync.Mutex
	outside netip.Addr
	down    bool
	maps    map[mapKey]*natMap
	inner   map[netip.AddrPort]*natPacketConn
	streams map[*natStream]bool
}

// mapKey names a mapping: of a full cone without a destination.
type mapKey struct{ inside, to netip.AddrPort }

type natMap struct {
	pc  net.PacketConn
	key mapKey
}

// NewNAT puts a NAT with one outer address into a world. Close ends it.
func NewNAT(w World, outside netip.Addr, kind Mapping) *NAT {
	return &NAT{world: w, kind: kind, outside: outside, maps: map[mapKey]*natMap{}, inner: map[netip.AddrPort]*natPacketConn{}, streams: map[*natStream]bool{}}
}

// Rebind forgets every mapping, as a box does that was idle for long or was switched off and on: UDP gets other ports, and connections are dead, of which
// nobody is told.
func (n *NAT) Rebind() {
	n.mu.Lock()
	n.forget()
	n.mu.Unlock()
}

// Move is Rebind with another outer address.
func (n *NAT) Move(outside netip.Addr) {
	n.mu.Lock()
	n.outside = outside
	n.forget()
	n.mu.Unlock()
}

// Down cuts the box off, or brings it back. Connections do not outlive it, and nobody is told.
func (n *NAT) Down(down bool) {
	n.mu.Lock()
	n.down = down
	if down {
		n.forget()
	}
	n.mu.Unlock()
}

// Forget is Rebind of one connection from inside.
func (n *NAT) Forget(c net.Conn) {
	if s, ok := c.(*natStream); ok {
		s.deaf()
	}
}

// forget is called with mu held.
func (n *NAT) forget() {
	for k, m := range n.maps {
		delete(n.maps, k)
		_ = m.pc.Close()
	}
	for s := range n.streams {
		s.deaf()
	}
}

// Close frees the outer sockets and connections, and waits for who reads them.
func (n *NAT) Close() {
	n.mu.Lock()
	n.down = true
	n.forget()
	for s := range n.streams {
		delete(n.streams, s)
		_ = s.out.Close()
		s.inbox.close()
	}
	for _, p := range n.inner {
		p.inbox.close()
	}
	n.mu.Unlock()
	n.readers.Wait()
}

// ListenPacket gives a socket inside. Port 0 takes a free one.
func (n *NAT) ListenPacket(inside netip.AddrPort) (net.PacketConn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for port := uint16(40000); inside.Port() == 0 || n.inner[inside] != nil && port > 40000; port++ {
		inside = netip.AddrPortFrom(inside.Addr(), port)
	}
	if n.inner[inside] != nil {
		return nil, fmt.Errorf("siptest: %s is in use", inside)
	}
	p := &natPacketConn{n: n, addr: inside, inbox: inbox{changed: make(chan struct{}, 1)}}
	n.inner[inside] = p
	return p, nil
}

// mapping finds or makes the outer socket of a packet.
func (n *NAT) mapping(inside, to netip.AddrPort) *natMap {
	key := mapKey{inside: inside}
	if n.kind == Symmetric {
		key.to = to
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if m := n.maps[key]; m != nil || n.down {
		return m
	}
	pc, err := n.world.ListenPacket(netip.AddrPortFrom(n.outside, 0))
	if err != nil {
		return nil
	}
	m := &natMap{pc, key}
	n.maps[key] = m
	n.readers.Go(func() { n.read(m) })
	return m
}

// read hands in what the mapping lets in.
func (n *NAT) read(m *natMap) {
	for buf := make([]byte, 65535); ; {
		size, from, err := m.pc.ReadFrom(buf)
		if err != nil {
			return
		}
		u, ok := from.(*net.UDPAddr)
		if !ok {
			continue
		}
		source := netip.AddrPortFrom(u.AddrPort().Addr().Unmap(), u.AddrPort().Port())
		n.mu.Lock()
		to, open := n.inner[m.key.inside], n.maps[m.key] == m && (n.kind == FullCone || source == m.key.to)
		n.mu.Unlock()
		if to != nil && open {
			to.put(packet{append([]byte(nil), buf[:size]...), source})
		}
	}
}

// natPacketConn is a socket inside.
type natPacketConn struct {
	n    *NAT
	addr netip.AddrPort
	inbox
}

func (p *natPacketConn) ReadFrom(b []byte) (int, net.Addr, error) {
	pk, err := p.take()
	if err != nil {
		return 0, nil, err
	}
	return copy(b, pk.data), net.UDPAddrFromAddrPort(pk.from), nil
}

// WriteTo is lost without a word where there is no way out.
func (p *natPacketConn) WriteTo(b []byte, to net.Addr) (int, error) {
	u, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, net.InvalidAddrError("not a UDP address")
	}
	if m := p.n.mapping(p.addr, netip.AddrPortFrom(u.AddrPort().Addr().Unmap(), u.AddrPort().Port())); m != nil {
		_, _ = m.pc.WriteTo(b, to)
	}
	return len(b), nil
}

func (p *natPacketConn) Close() error {
	p.n.mu.Lock()
	if p.n.inner[p.addr] == p {
		delete(p.n.inner, p.addr)
	}
	p.n.mu.Unlock()
	p.close()
	return nil
}
