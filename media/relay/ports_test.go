package relay

import (
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"naisen/media"
)

func TestPortsRest(t *testing.T) {
	p := newPorts(2001, 2005, time.Second) // 2002 and 2004
	a, ok := p.take(0)
	b, ok2 := p.take(0)
	if !ok || !ok2 || a == b {
		t.Fatalf("take: %d %v, %d %v", a, ok, b, ok2)
	}
	if _, ok := p.take(0); ok {
		t.Fatal("a third pair of two")
	}
	p.release(a, 10)
	if _, ok := p.take(10 + int64(time.Second) - 1); ok {
		t.Error("reused while it rests")
	}
	if got, ok := p.take(10 + int64(time.Second)); !ok || got != a {
		t.Error("not reused after the rest")
	}
	if p.inUse() != 2 {
		t.Errorf("in use %d", p.inUse())
	}
}

// A pair that a call had is not chosen for minutes while others are free, and then the one that was released first.
func TestPortsReleasedFirst(t *testing.T) {
	const sec = int64(time.Second)
	p := newPorts(2000, 2099, 5*time.Second) // 50 pairs
	var had []int
	for range 25 {
		i, _ := p.take(0)
		had = append(had, i)
	}
	for k, i := range had {
		p.release(i, int64(k)*sec)
	}
	now := 60 * sec
	for range 25 {
		if i, ok := p.take(now); !ok || slices.Contains(had, i) {
			t.Fatalf("pair %d (%v) was used a minute ago, and others never", i, ok)
		}
	}
	for _, want := range had {
		if i, ok := p.take(now); !ok || i != want {
			t.Fatalf("pair %d (%v), and %d was released first", i, ok, want)
		}
	}
	for _, i := range had[:5] {
		p.release(i, now)
	}
	if i, ok := p.take(now + 5*sec + int64(preferred)); !ok || !slices.Contains(had[:5], i) {
		t.Errorf("after the time there is none: %d %v", i, ok)
	}
}

func TestPortsOpen(t *testing.T) {
	p := newPorts(16384, 32767, time.Second)
	lo := netip.MustParseAddr("127.0.0.1")
	s, err := p.open(lo, 46, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer p.close(s, 0)
	if s.port%2 != 0 {
		t.Errorf("RTP port %d is odd", s.port)
	}
	one := newPorts(s.port, s.port+1, time.Second) // the same pair: taken
	if _, err := one.open(lo, 46, 0); !errors.Is(err, media.ErrNoPorts) {
		t.Errorf("a taken port: %v", err)
	}
	if one.inUse() != 0 {
		t.Error("a failed bind kept the pair")
	}
}

func TestAddress(t *testing.T) {
	for _, s := range []string{"127.0.0.1:5004", "[2001:db8::7]:65535", "0.0.0.0:1"} {
		want := netip.MustParseAddrPort(s)
		a := addressOf(want)
		if got := a.addrPort(); got != want {
			t.Errorf("%s became %s", want, got)
		}
	}
	mapped := addressOf(netip.MustParseAddrPort("[::ffff:10.0.0.1]:9"))
	if got := mapped.addrPort(); got != netip.MustParseAddrPort("10.0.0.1:9") {
		t.Errorf("mapped: %s", got)
	}
}

func TestUsable(t *testing.T) {
	for addr, want := range map[string]bool{
		"192.0.2.7:4000": true, "[2001:db8::1]:4000": true, "192.0.2.7:0": false, "0.0.0.0:4000": false, "[::]:4000": false,
		"224.0.0.1:4000": false, "[ff02::1]:4000": false, "255.255.255.255:4000": false,
	} {
		if usable(netip.MustParseAddrPort(addr)) != want {
			t.Errorf("%s: %v", addr, !want)
		}
	}
	if usable(netip.AddrPort{}) {
		t.Error("no address at all")
	}
}
