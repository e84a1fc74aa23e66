package stack

import (
	"net/netip"
	"testing"
)

// A flood from spoofed addresses costs a bounded table.
func TestAdmissionTableIsBounded(t *testing.T) {
	a := newAdmission(Limits{RatePerSource: 1e-9, Rate: 1e9}, func(netip.Addr) bool { return false })
	address := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}) }
	for i := range 3 * maxSources {
		a.allow(address(i))
	}
	if n := len(a.sources); n > maxSources {
		t.Errorf("%d sources are held, the bound is %d", n, maxSources)
	}
}
