package relay

import (
	"runtime"
	"testing"
	"unsafe"

	"naisen/media"
	"naisen/media/secure"
)

// TestMemoryPerCall holds the budget of a two-leg SRTP call: 60 KiB in all, of which the relay's own heap may take a quarter.
func TestMemoryPerCall(t *testing.T) {
	if testing.Short() {
		t.Skip("a hundred calls")
	}
	const calls, budget = 100, 15 << 10
	e := engineFor(t, Config{Shards: 1})
	phones := make([]*phone, 2*calls)
	for i := range phones {
		phones[i] = newPhone(t)
		phones[i].suite = secure.AESCM80
	}
	heap := func() int64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	required := want(media.SecurityRequired)
	var legs []media.Endpoint
	before := heap()
	for i := range calls {
		b := e.Bridge()
		for _, p := range phones[2*i : 2*i+2] {
			l, err := e.Endpoint(media.Profile{Local: loopback, SecureSIP: true}, func(media.Event) {})
			if err != nil {
				t.Fatal(err)
			}
			offer, err := p.neg.Offer(required)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := l.Answer(p.only(offer), required); err != nil {
				t.Fatal(err)
			}
			if err := b.Join(l); err != nil {
				t.Fatal(err)
			}
			legs = append(legs, l)
		}
	}
	per := (heap() - before) / calls
	t.Logf("%d octets a call", per)
	if per > budget {
		t.Errorf("%d octets a call, budget %d", per, budget)
	}
	if n := unsafe.Sizeof(endpoint{}); n > 896 {
		t.Errorf("an endpoint has %d octets: above 896 the allocator gives it 1,024", n)
	}
	runtime.KeepAlive(legs)
}
