// Package siptest owns what tests of signalling need: an in-memory network with delay, loss, duplication and reordering by seed, scripted
// phones that check us without our own transaction layer, and golden ladders of every message. It works inside a testing/synctest
// bubble, where time is virtual. It is never linked into the switch.
package siptest

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"naisen/sip/stack"
)

// Link says what happens to packets from one host to another. The zero value delivers at once (plus the skew of Network).
type Link struct {
	Delay     time.Duration
	Jitter    time.Duration // up to that much more, at random; packets may overtake each other
	Loss      float64       // 0..1
	Duplicate float64       // 0..1
	Down      bool          // nothing arrives, and nothing can be dialled
}

// Network carries packets and streams between addresses in memory. Each pair of hosts has its own skew of a few microseconds, and each
// packet its own dice, so that packets sent at the same virtual instant always arrive in the same order (see fate.go).
type Network struct {
	seed  uint64
	start time.Time

	mu      sync.Mutex
	names   []string                           // lane order
	lanes   map[netip.Addr]int                 // index into names
	packets map[netip.AddrPort]*packetConn     // listening
	streams map[netip.AddrPort]*streamAccept   // listening
	links   map[[2]netip.Addr]Link             // directed
	batch   []*sent                            // of this instant, in the order in which they were sent
	known   map[string]int                     // Call-IDs, by when they were first seen
	calls   int                                // how many
	latest  map[[2]netip.Addr]time.Time        // directed: when the last packet arrives
	usual   Link                               // of all other pairs
	port    uint16                             // last ephemeral
	drop    func(from, to string, m Seen) bool // see Drop
	trace   []Seen
}

// NewNetwork makes an empty network. Equal seeds give equal accidents.
func NewNetwork(seed uint64) *Network {
	return &Network{
		seed: seed, start: time.Now(), lanes: make(map[netip.Addr]int), packets: make(map[netip.AddrPort]*packetConn),
		streams: make(map[netip.AddrPort]*streamAccept), links: make(map[[2]netip.Addr]Link), known: make(map[string]int),
		latest: make(map[[2]netip.Addr]time.Time),
		port:   40000,
	}
}

// Host names an address in ladders; lanes stand in the order of these calls.
func (n *Network) Host(name string, a netip.Addr) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.lane(a)
	n.names[n.lanes[a]] = name
}

// lane gives each host its place. Called with mu held.
func (n *Network) lane(a netip.Addr) int {
	i, ok := n.lanes[a]
	if !ok {
		i = len(n.names)
		n.lanes[a] = i
		n.names = append(n.names, a.String())
	}
	return i
}

// Usual sets what happens between hosts without a Link of their own.
func (n *Network) Usual(l Link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.settle()
	n.usual = l
}

// Link sets what happens in one direction, from now on.
func (n *Network) Link(from, to netip.Addr, l Link) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.settle()
	n.links[[2]netip.Addr{from, to}] = l
}

// Drop loses exactly the packets for which f says so, whatever the links do. It is called with the names of the hosts, without locks
// of its own needed; nil stops it.
func (n *Network) Drop(f func(from, to string, m Seen) bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.settle()
	n.drop = f
}

// ListenPacket is for stack.Config. Port 0 takes a free one.
func (n *Network) ListenPacket(a netip.AddrPort) (net.PacketConn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if a.Port() == 0 {
		a = n.ephemeral(a.Addr())
	}
	if n.packets[a] != nil {
		return nil, fmt.Errorf("siptest: %s is in use", a)
	}
	n.lane(a.Addr())
	p := newPacketConn(n, a)
	n.packets[a] = p
	return p, nil
}

// ephemeral is called with mu held.
func (n *Network) ephemeral(a netip.Addr) netip.AddrPort {
	n.port++
	return netip.AddrPortFrom(a, n.port)
}

// ListenStream is for stack.Config.
func (n *Network) ListenStream(a netip.AddrPort) (net.Listener, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if a.Port() == 0 {
		a = n.ephemeral(a.Addr())
	}
	if n.streams[a] != nil {
		return nil, fmt.Errorf("siptest: %s is in use", a)
	}
	n.lane(a.Addr())
	l := &streamAccept{n: n, addr: a, conns: make(chan net.Conn, 64), done: make(chan struct{})}
	n.streams[a] = l
	return l, nil
}

// DialStream is for stack.Config and for phones.
func (n *Network) DialStream(_ context.Context, local netip.Addr, remote netip.AddrPort) (net.Conn, error) {
	n.mu.Lock()
	l := n.streams[remote]
	from := n.ephemeral(local)
	down := n.links[[2]netip.Addr{local, remote.Addr()}].Down
	n.mu.Unlock()
	if l == nil || down || !local.IsValid() {
		return nil, fmt.Errorf("siptest: connection to %s refused", remote)
	}
	a, b := newStream(n, from, remote), newStream(n, remote, from)
	a.peer, b.peer = b, a
	select {
	case l.conns <- b:
		return a, nil
	case <-l.done:
		return nil, fmt.Errorf("siptest: connection to %s refused", remote)
	}
}

// Config is a stack.Config that listens on this network.
func (n *Network) Config(listen ...stack.Listen) stack.Config {
	return stack.Config{Listen: listen, ListenPacket: n.ListenPacket, ListenStream: n.ListenStream, DialStream: n.DialStream, Shards: 2}
}
