package main

import (
	"net/netip"
	"testing"
)

// Media and signalling leave by an address of the peer's family, and loopback talks to loopback.
func TestLeaveBy(t *testing.T) {
	lo4, lo6, out4, out6 := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1"), netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	all := []netip.Addr{lo4, lo6, out4, out6}
	for _, c := range []struct {
		ours       []netip.Addr
		peer, want netip.Addr
	}{
		{all, netip.MustParseAddr("198.51.100.1"), out4}, {all, netip.MustParseAddr("2001:db8:1::1"), out6},
		{all, netip.MustParseAddr("127.0.0.2"), lo4}, {all, lo6, lo6}, {all, netip.Addr{}, out4},
		{[]netip.Addr{lo4}, netip.MustParseAddr("198.51.100.1"), lo4}, {[]netip.Addr{lo4, out4}, lo6, lo4},
		{[]netip.Addr{lo4, lo6}, netip.Addr{}, lo4}, {nil, lo4, netip.Addr{}},
	} {
		if got := leaveBy(c.ours, c.peer); got != c.want {
			t.Errorf("%v towards %v: %v, want %v", c.ours, c.peer, got, c.want)
		}
	}
}

// With several addresses of the peer's kind the kernel says which; with one, or when it names none of ours, the guess stays.
func TestLeaveTo(t *testing.T) {
	lo, other, out := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("127.0.0.9"), netip.MustParseAddr("192.0.2.1")
	for _, c := range []struct {
		ours       []netip.Addr
		peer, want netip.Addr
	}{
		{[]netip.Addr{other, lo, out}, lo, lo}, // the guess would be the first
		{[]netip.Addr{other, out}, lo, other},
		{[]netip.Addr{other, netip.MustParseAddr("127.0.0.8")}, lo, other},
		{[]netip.Addr{lo, out}, netip.Addr{}, out},
	} {
		if got := leaveTo(c.ours, c.peer); got != c.want {
			t.Errorf("%v towards %v: %v, want %v", c.ours, c.peer, got, c.want)
		}
	}
}
