package main

import (
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"
)

func TestGarbagePercent(t *testing.T) {
	for lives, want := range map[uint64]int{0: garbageMost, 1 << 20: garbageMost, 8 << 20: 400, 32 << 20: 100, 64 << 20: 50, 1 << 30: garbageLeast} {
		if got := garbagePercent(lives, garbageFew); got != want {
			t.Errorf("%d MiB live: %d %%, want %d", lives>>20, got, want)
		}
	}
}

// A quiet switch keeps the least, a busy one some seconds of what it takes, none more than the most; and it goes back.
func TestGarbageReserve(t *testing.T) {
	var f flow
	taken := uint64(0)
	run := func(second uint64) (reserve uint64) {
		for range 120 {
			taken += second / uint64(time.Second/garbageTick)
			reserve = f.reserve(taken)
		}
		return reserve
	}
	for _, c := range []struct{ second, least, most uint64 }{
		{1 << 20, garbageFew, garbageFew}, {16 << 20, 127 << 20, 128 << 20}, {100 << 20, garbageMany, garbageMany}, {0, garbageFew, garbageFew},
	} {
		if got := run(c.second); got < c.least || got > c.most {
			t.Errorf("%d MiB/s: %d MiB", c.second>>20, got>>20)
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
