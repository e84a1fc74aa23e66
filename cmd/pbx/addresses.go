package main

import (
	"errors"
	"net"
	"net/netip"

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

// sides picks the address that leads to other machines and the one that stays on this one; with one address it is both.
func sides(addrs []netip.Addr) (outside, inside netip.Addr) {
	for _, a := range addrs {
		switch {
		case a.IsLoopback() && !inside.IsValid():
			inside = a
		case !a.IsLoopback() && !outside.IsValid():
			outside = a
		}
	}
	if !outside.IsValid() {
		outside = inside
	}
	if !inside.IsValid() {
		inside = outside
	}
	return outside, inside
}
