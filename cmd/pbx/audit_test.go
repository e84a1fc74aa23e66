package main

import (
	"fmt"
	"net/netip"
	"testing"
)

// TestSignInFloodHidesNobody: guesses from one source, or at one domain, take no room from the facts of others.
func TestSignInFloodHidesNobody(t *testing.T) {
	a := auditQueue(1000)
	wave := func(domain, source string, n int) (entered int) {
		before := len(a.queue)
		for i := range n {
			a.failedSignIn(domain, fmt.Sprint(i), netip.MustParseAddr(source), "wrong")
		}
		return len(a.queue) - before
	}
	if n := wave("a.example", "192.0.2.66", 1500); n < 1 || n > 15 {
		t.Errorf("one source filled %d entries", n)
	}
	if n := wave("a.example", "192.0.2.1", 1); n != 1 {
		t.Error("another source of the same domain was not heard")
	}
	for i := range 200 {
		wave("a.example", fmt.Sprintf("2001:db8:0:%x::1", i), 1)
	}
	before := len(a.queue)
	if a.callDenied("a.example", "2001", "0990512345", nil); len(a.queue) != before+1 {
		t.Error("the flood hides a refused call of the same domain")
	}
	if n := wave("b.example", "192.0.2.66", 1); n != 0 {
		t.Error("a source is held back in one domain only")
	}
	if n := wave("b.example", "192.0.2.2", 1); n != 1 {
		t.Error("the flood at one domain took the room of another")
	}
	if n := wave("b.example", "2001:db8:0:5::99", 1); n != 1 {
		t.Error("a /64 with one entry before is quiet already")
	}
	if a.dropped.Load() == 0 {
		t.Error("nothing was counted as left out")
	}
}

func TestSourceOf(t *testing.T) {
	for in, want := range map[string]string{"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "2001:db8:1:2:3::4": "2001:db8:1:2::", "fe80::1%eth0": "fe80::"} {
		if got := sourceOf(netip.MustParseAddr(in)); got.String() != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}
