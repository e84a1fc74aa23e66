package main

import (
	"maps"
	"net/netip"

	"naisen/provisioning"
	"naisen/sip/stack"
	"naisen/sip/trunk"
)

// styles are how carriers want our packets, by their addresses. Immutable once published.
type styles struct {
	version provisioning.Version
	nets    []netStyle
	hosts   map[netip.Addr]stack.PeerStyle
}

type netStyle struct {
	prefix netip.Prefix
	style  stack.PeerStyle
}

func peerStyle(p *trunk.Profile) stack.PeerStyle {
	return stack.PeerStyle{DSCP: p.DSCPSIP, Compact: p.Compact}
}

// style implements stack.Config.Peer: asked for each packet, so that most switches answer without a look.
func (t *trunks) style(a netip.Addr) stack.PeerStyle {
	s := t.styles.Load()
	if s == nil || s.version != t.directory.Snapshot().Version() {
		s = t.restyle()
	}
	if len(s.nets)+len(s.hosts) == 0 {
		return stack.PeerStyle{}
	}
	a = a.Unmap().WithZone("")
	if style, ok := s.hosts[a]; ok {
		return style
	}
	for _, n := range s.nets {
		if n.prefix.Contains(a) {
			return n.style
		}
	}
	return stack.PeerStyle{}
}

// restyle reads the networks of carriers anew; addresses that were looked up are learned again by the next call or probe.
func (t *trunks) restyle() *styles {
	t.mu.Lock()
	defer t.mu.Unlock()
	snap := t.directory.Snapshot()
	old := t.styles.Load()
	if old != nil && old.version == snap.Version() {
		return old
	}
	s := &styles{version: snap.Version()}
	if old != nil {
		s.hosts = old.hosts
	}
	for _, at := range snap.AllTrunks() {
		p, err := trunkProfile(at.Domain, at.Trunk)
		if err != nil || peerStyle(p) == (stack.PeerStyle{}) {
			continue
		}
		for _, text := range at.Trunk.Sources {
			if prefix, err := netip.ParsePrefix(text); err == nil {
				s.nets = append(s.nets, netStyle{prefix, peerStyle(p)})
			}
		}
	}
	t.styles.Store(s)
	return s
}

// remember notes how the carrier behind an address that was looked up wants its packets.
func (t *trunks) remember(a netip.Addr, p *trunk.Profile) {
	a, style := a.Unmap().WithZone(""), peerStyle(p)
	if t.style(a) == style {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	s := *t.styles.Load()
	s.hosts = maps.Clone(s.hosts)
	if s.hosts == nil || len(s.hosts) >= maxHosts {
		s.hosts = map[netip.Addr]stack.PeerStyle{}
	}
	s.hosts[a] = style
	t.styles.Store(&s)
}
