package main

import (
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	garbageTime  = 8         // seconds of garbage that gather before the collector runs
	garbageFew   = 32 << 20  // bytes that may gather in any case
	garbageMany  = 256 << 20 // and never more
	garbageTick  = 250 * time.Millisecond
	garbageLeast = 25 // percent: many thousand calls must not be marked all the time
	garbageMost  = 2000
)

// keepReserve tells the collector, as what lives changes, which share of it may gather as garbage, so that it runs every few seconds under
// load and holds little on a quiet switch. With a share that is fixed a switch with few calls collects all the time, a third of a call's
// processor time, and one with many has a reserve that grows with them; with a fixed number of bytes 500 calls a second are collected
// each second, and on one processor the calls of a tenth of that second wait. GOGC in the environment takes its place.
func keepReserve() (stop func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	end, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(garbageTick)
		defer tick.Stop()
		s := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"}, {Name: "/gc/heap/allocs:bytes"}}
		var f flow
		for now := 0; ; {
			metrics.Read(s)
			lives := s[0].Value.Uint64() + s[1].Value.Uint64() + s[2].Value.Uint64()
			if want := garbagePercent(lives, f.reserve(s[3].Value.Uint64())); want > now+now/8 || want < now-now/8 { // the world stops for it
				debug.SetGCPercent(want)
				now = want
			}
			select {
			case <-tick.C:
			case <-end:
				return
			}
		}
	}()
	return func() { close(end); <-done }
}

// flow is how fast memory is taken: a rise is believed at once, a fall over some seconds.
type flow struct {
	taken  uint64 // bytes, ever
	second uint64 // bytes a second
}

// reserve is told at each tick how much was taken ever, and says how many bytes of garbage may gather.
func (f *flow) reserve(taken uint64) uint64 {
	if f.taken == 0 { // what the start took says nothing
		f.taken = taken
	}
	now := (taken - f.taken) * uint64(time.Second/garbageTick)
	f.second = max(now, (15*f.second+now)/16)
	f.taken = taken
	return max(garbageFew, min(garbageMany, garbageTime*f.second))
}

// garbagePercent is the share of so many bytes that live, heap, stacks and globals, which comes to the reserve.
func garbagePercent(lives, reserve uint64) int {
	return int(max(garbageLeast, min(garbageMost, reserve*100/max(1, lives))))
}
