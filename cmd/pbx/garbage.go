package main

import (
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	garbageReserve = 32 << 20 // bytes that gather before the collector runs, whatever lives
	garbageTick    = time.Second
	garbageLeast   = 25 // percent: many thousand calls must not be marked all the time
	garbageMost    = 2000
)

// keepReserve tells the collector, as what lives changes, which share of it may gather as garbage, so that it is always about the same
// number of bytes. With a share that is fixed a switch with few calls collects all the time, a third of a call's processor time, and one
// with many has a reserve that grows with them. GOGC in the environment takes its place.
func keepReserve() (stop func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	end, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(garbageTick)
		defer tick.Stop()
		s := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/stack:bytes"}, {Name: "/gc/scan/globals:bytes"}}
		for now := 0; ; {
			metrics.Read(s)
			lives := uint64(0)
			for _, m := range s {
				lives += m.Value.Uint64()
			}
			if want := garbagePercent(lives); want > now+now/8 || want < now-now/8 { // the world stops for it
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

// garbagePercent is the share of so many bytes that live, heap, stacks and globals, which comes to the reserve.
func garbagePercent(lives uint64) int {
	return int(max(garbageLeast, min(garbageMost, garbageReserve*100/max(1, lives))))
}
