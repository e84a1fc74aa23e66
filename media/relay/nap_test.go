package relay

import (
	"testing"
	"time"
)

func TestNapperFollowsTheLoad(t *testing.T) {
	var n napper
	ms := int64(time.Millisecond)
	for now := int64(0); now <= 200*ms; now += ms {
		n.saw(25, now)
	}
	if !n.on {
		t.Error("25,000 packets/s and no rest")
	}
	for now := 201 * ms; now <= 420*ms; now += ms {
		n.saw(3, now)
	}
	if n.on {
		t.Error("the load fell and it rests on")
	}
}

// Whatever the packet time of a phone, each of its packets waits as long as the one before; none waits longer than the grid and the least rest.
func TestRestAddsNoJitter(t *testing.T) {
	var n napper
	for _, ptime := range []time.Duration{10, 20, 30, 40, 60} {
		for phase := time.Duration(0); phase < 2*time.Millisecond; phase += 37 * time.Microsecond {
			at := int64(12345*time.Millisecond + phase)
			first := n.rest(at)
			if first > napGrid+napLeast || first < napLeast {
				t.Fatalf("a rest of %v", first)
			}
			for range 50 {
				if at += int64(ptime * time.Millisecond); n.rest(at) != first {
					t.Fatalf("%d ms: %v, then %v", ptime, first, n.rest(at))
				}
			}
		}
	}
}
