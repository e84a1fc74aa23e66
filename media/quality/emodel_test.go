package quality

import (
	"math"
	"testing"
	"time"

	"naisen/media"
)

// The figures of ITU-T G.107: R = 93.2 with every default (table 2), the curve of delay with perfect echo control (G.114 figure 1 reads about
// 89 at 150 ms, 80 at 250 ms, 68 at 350 ms), and the quality classes of annex B.
func TestRating(t *testing.T) {
	for _, c := range []struct{ delay, ie, want, off float64 }{
		{0, 0, 93.2, 0.05},
		{0, 11, 82.2, 0.05},
		{50, 0, 91.8, 1.5},
		{150, 0, 89.5, 1.5},
		{250, 0, 80, 3},
		{350, 0, 68, 4},
		{400, 0, 63, 5},
	} {
		if got := rating(c.delay, c.ie); math.Abs(got-c.want) > c.off {
			t.Errorf("%v ms, Ie %v: R %.2f, want %v", c.delay, c.ie, got, c.want)
		}
	}
}

// G.107 table B.1: limits of the classes of satisfaction.
func TestMOS(t *testing.T) {
	for r, want := range map[float64]float64{-5: 1, 0: 1, 50: 2.58, 60: 3.10, 70: 3.60, 80: 4.02, 90: 4.34, 93.2: 4.41, 100: 4.5, 120: 4.5} {
		if got := MOS(r); math.Abs(got-want) > 0.006 {
			t.Errorf("R %v: MOS %.3f, want %v", r, got, want)
		}
	}
}

// G.107 equation 7-29 with the Bpl of G.113 appendix I.
func TestLoss(t *testing.T) {
	for _, c := range []struct{ ie, bpl, loss, burst, want float64 }{
		{0, 4.3, 0, 1, 0}, {0, 4.3, 1, 1, 17.92}, {0, 25.1, 1, 1, 3.64}, {0, 25.1, 5, 1, 15.78}, {11, 19, 3, 1, 22.45}, {0, 25.1, 5, 2, 17.21},
	} {
		if got := lossImpairment(c.ie, c.bpl, c.loss, c.burst); math.Abs(got-c.want) > 0.01 {
			t.Errorf("%+v: %.3f", c, got)
		}
	}
}

func TestNetwork(t *testing.T) {
	perfect := Network{Codec: media.PCMU}
	worse := []Network{
		{Codec: media.PCMU, Loss: 0.01},
		{Codec: media.PCMU, Loss: 0.05},
		{Codec: media.PCMU, Loss: 0.05, Burst: 3},
		{Codec: media.PCMU, Loss: 0.05, Burst: 3, RoundTrip: 600 * time.Millisecond},
		{Codec: media.PCMU, Loss: 0.4, Burst: 3, RoundTrip: 600 * time.Millisecond, Jitter: 80 * time.Millisecond},
	}
	last := perfect.MOS()
	if last < 4.3 || last > 4.45 {
		t.Errorf("without a fault: %.2f", last)
	}
	for _, n := range worse {
		got := n.MOS()
		if got >= last || got < 1 || math.IsNaN(got) {
			t.Errorf("%+v: %.2f after %.2f", n, got, last)
		}
		last = got
	}
	for _, n := range []Network{{Loss: -1}, {Loss: 7}, {Burst: -2}, {RoundTrip: time.Hour}, {Codec: "G729"}, {Codec: "OPUS", Loss: 0.02}} {
		if got := n.MOS(); got < 1 || got > 4.5 || math.IsNaN(got) {
			t.Errorf("%+v: %v", n, got)
		}
	}
}
