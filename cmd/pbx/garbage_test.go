package main

import (
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"
)

func TestGarbagePercent(t *testing.T) {
	for lives, want := range map[uint64]int{0: garbageMost, 1 << 20: garbageMost, 8 << 20: 400, 32 << 20: 100, 64 << 20: 50, 1 << 30: garbageLeast} {
		if got := garbagePercent(lives); got != want {
			t.Errorf("%d MiB live: %d %%, want %d", lives>>20, got, want)
		}
	}
}

// The collector is told what was computed, and goes on with it.
func TestKeepReserve(t *testing.T) {
	t.Setenv("GOGC", "") // as a service has it
	defer debug.SetGCPercent(debug.SetGCPercent(100))
	stop := keepReserve()
	defer stop()
	s := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	for begin := time.Now(); ; <-time.After(10 * time.Millisecond) {
		if metrics.Read(s); s[0].Value.Uint64() != 100 {
			break
		}
		if time.Since(begin) > 20*time.Second {
			t.Fatal("nobody told the collector")
		}
	}
}
