package relay

import (
	"testing"
	"time"
)

func TestPauseByRate(t *testing.T) {
	for rate, want := range map[int64]time.Duration{
		0: 0, 2000: 0, 7999: 0, 8000: time.Millisecond, 24000: time.Millisecond, 48000: 500 * time.Microsecond, 240000: 100 * time.Microsecond,
	} {
		if got := pauseFor(rate); got != want {
			t.Errorf("%d packets/s: %v, want %v", rate, got, want)
		}
	}
}

func TestNapperFollowsTheLoad(t *testing.T) {
	var n napper
	ms := int64(time.Millisecond)
	for now := int64(0); now <= 200*ms; now += ms {
		n.saw(25, now)
	}
	if n.pause == 0 {
		t.Error("25,000 packets/s and no pause")
	}
	for now := 201 * ms; now <= 420*ms; now += ms {
		n.saw(1, now)
	}
	if n.pause != 0 {
		t.Error("the load fell and the pause stayed")
	}
}
