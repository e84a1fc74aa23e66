package stack

import (
	"runtime"
	"testing"
)

// What a burst of transactions made the maps grow to is given back, also while some of them stay.
func TestTableShrinks(t *testing.T) {
	heap := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	x := newTable[int, int]()
	before := heap()
	for i := range 100_000 {
		x.set(i, i)
	}
	for i := 100; i < 100_000; i++ {
		x.delete(i)
	}
	if after := heap(); after > before+64<<10 {
		t.Errorf("100 entries keep %d KiB", (after-before)>>10)
	}
	for i := range 100 {
		if x.m[i] != i {
			t.Fatalf("entry %d is lost", i)
		}
	}
	if len(x.m) != 100 {
		t.Errorf("%d entries", len(x.m))
	}
}
