package main

import (
	"errors"
	"net"
	"net/netip"
	"slices"

	"naisen/sip/stack"
)

// errNoAddress: "auto" found nothing to listen on.
var errNoAddress = errors.New("this machine has no usable IP address")

// machineAddresses lists the addresses that "auto" stands for: loopback first, then the IPv4 and global IPv6 addresses of interfaces that are up.
func machineAddresses() ([]netip.Addr, error) {
	found, err := net.InterfaceAddrs()
	if err != nil {
		return nil, err
	}
	var loop, rest []netip.Addr
	for _, a := range found {
		p, err := netip.ParsePrefix(a.String())
		if err != nil {
			continue
		}
		addr := p.Addr().Unmap()
		switch {
		case addr == netip.MustParseAddr("127.0.0.1"):
			loop = append(loop, addr)
		case addr.IsLoopback(), addr.IsLinkLocalUnicast(), addr.IsMulticast():
		default:
			rest = append(rest, addr)
		}
	}
	if all := append(loop, rest...); len(all) > 0 {
		return all, nil
	}
	return nil, errNoAddress
}

// listeners expands the configuration into what the stack opens.
func (c Config) listeners() ([]stack.Listen, error) {
	var out []stack.Listen
	for _, text := range c.SIP.Listen {
		l, err := parseListen(text)
		if err != nil {
			return nil, err
		}
		addrs := []netip.Addr{l.addr}
		if !l.addr.IsValid() {
			if addrs, err = machineAddresses(); err != nil {
				return nil, err
			}
		}
		for _, a := range addrs {
			out = append(out, stack.Listen{Transport: l.transport, Addr: netip.AddrPortFrom(a, l.port), Advertise: c.SIP.Advertise})
		}
	}
	return out, nil
}

// addressesOf are the distinct IP addresses of listeners, in order.
func addressesOf(listeners []stack.Listen) []netip.Addr {
	var out []netip.Addr
	seen := map[netip.Addr]bool{}
	for _, l := range listeners {
		if a := l.Addr.Addr(); !seen[a] {
			seen[a] = true
			out = append(out, a)
		}
	}
	return out
}

// leaveBy picks, of our addresses, the one by which a peer is reached: of its family, and on loopback only for a peer there. Of a peer that
// is not known yet the first that leads to other machines is taken. Zero when there are none.
func leaveBy(ours []netip.Addr, peer netip.Addr) netip.Addr {
	best, score := netip.Addr{}, -1
	for _, a := range ours {
		n := 0
		if a.IsLoopback() == (peer.IsValid() && peer.IsLoopback()) {
			n++
		}
		if peer.IsValid() && a.Is4() == peer.Is4() {
			n += 2
		}
		if n > score {
			best, score = a, n
		}
	}
	return best
}

// leaveTo is leaveBy where several of our addresses lead to other machines: the kernel's routes decide. Nothing is sent.
func leaveTo(ours []netip.Addr, peer netip.Addr) netip.Addr {
	guess, choices := leaveBy(ours, peer), 0
	for _, a := range ours {
		if peer.IsValid() && a.Is4() == peer.Is4() && a.IsLoopback() == peer.IsLoopback() {
			choices++
		}
	}
	if choices < 2 {
		return guess
	}
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(peer, 5060)))
	if err != nil {
		return guess
	}
	defer c.Close()
	if a := c.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap(); slices.Contains(ours, a) {
		return a
	}
	return guess
}

// parseServer reads a name server.
func parseServer(text string) (netip.AddrPort, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		return netip.AddrPortFrom(a, 53), nil
	}
	return netip.ParseAddrPort(text)
}

// nameServers of the configuration; Validate has parsed them.
func (c Config) nameServers() (out []netip.AddrPort) {
	for _, text := range c.SIP.DNS {
		if a, err := parseServer(text); err == nil {
			out = append(out, a)
		}
	}
	return out
}

// ownHost writes a host as the table of our own names has it: an IPv6 address may be spelled in many ways (RFC 5952).
func ownHost(host string) string {
	if a, err := netip.ParseAddr(host); err == nil {
		return a.Unmap().String()
	}
	return host
}
