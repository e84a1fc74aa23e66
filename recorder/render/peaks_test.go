package render

import (
	"testing"

	"naisen/recorder"
)

// The waveform has the loudest moment of each step, is as long as the recording, and never has more steps than may be, however long that is.
func TestPeaks(t *testing.T) {
	const rate = 8000
	for _, seconds := range []int{0, 1, 39, 40, 41, 3600} {
		p := newPeaks(rate)
		for s := range seconds {
			left, right := make([]int32, rate), make([]int32, rate)
			left[rate/2], right[0] = -40_000, int32(s%2)*16_384 // clipped; every other second
			p.take(left[:777], right[:777])
			p.take(left[777:], right[777:])
		}
		w := p.end(rate)
		if seconds == 0 {
			if w != nil {
				t.Error("a waveform of nothing")
			}
			continue
		}
		if n := len(w.Left); n != len(w.Right) || n > recorder.MaxPeaks || n < 50 || int64(n)*w.StepUS < int64(seconds)*1_000_000 || int64(n-1)*w.StepUS >= int64(seconds)*1_000_000 {
			t.Errorf("%d s: %d and %d steps of %d µs", seconds, n, len(w.Right), w.StepUS)
		}
		at := func(us int64) int64 { return us / w.StepUS }
		if w.Left[at(500_000)] != 255 || seconds > 1 && w.Right[at(1_000_000)] != 128 || seconds == 1 && w.Right[0] != 0 {
			t.Errorf("%d s: %d %d", seconds, w.Left[at(500_000)], w.Right[at(1_000_000)%int64(len(w.Right))])
		}
	}
}
