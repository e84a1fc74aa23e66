package mediatest

import (
	"math"
	"reflect"
	"testing"
	"time"
)

func TestToneIn(t *testing.T) {
	for _, c := range []struct {
		name     string
		rate     int
		pcm      []int16
		hz       float64
		min, max float64
	}{
		{"pure", 8000, Sine(8000, 440, 8000, 500), 440, 0.99, 1},
		{"other", 8000, Sine(8000, 440, 8000, 500), 880, 0, 0.01},
		{"half of two", 8000, Mix(Sine(8000, 440, 8000, 500), Sine(8000, 1000, 8000, 500)), 1000, 0.45, 0.55},
		{"silence", 8000, make([]int16, 4000), 440, 0, 0},
		{"nothing", 8000, nil, 440, 0, 0},
		{"wideband", 16000, Sine(16000, 5000, 100, 500), 5000, 0.99, 1},
	} {
		if got := ToneIn(c.pcm, c.rate, c.hz); got < c.min || got > c.max {
			t.Errorf("%s: %.3f", c.name, got)
		}
	}
	if a := Amplitude(Sine(8000, 440, 8000, 500), 8000, 440); math.Abs(a-8000) > 80 {
		t.Errorf("amplitude %.0f", a)
	}
	if !HasTone(Sine(8000, 440, 8000, 100), 8000, 440) || HasTone(Sine(8000, 440, 8000, 100), 8000, 600) {
		t.Error("HasTone")
	}
}

func TestGaps(t *testing.T) {
	tone := Sine(8000, 440, 8000, 1000)
	hole := func(from, to int) []int16 {
		p := append([]int16(nil), tone...)
		clear(p[from*8 : to*8])
		return p
	}
	if g := Gaps(tone, 8000, 440, 20); len(g) != 0 {
		t.Errorf("gaps in a whole tone: %v", g)
	}
	g := Gaps(hole(300, 420), 8000, 440, 100)
	if len(g) != 1 || g[0].LengthMillis < 105 || g[0].LengthMillis > 135 || g[0].StartMillis < 285 || g[0].StartMillis > 310 {
		t.Errorf("%v", g)
	}
	if g := Gaps(hole(300, 360), 8000, 440, 100); len(g) != 0 {
		t.Errorf("60 ms counts as 100: %v", g)
	}
	if g := Gaps(append(make([]int16, 4000), tone...), 8000, 440, 50); len(g) != 0 {
		t.Errorf("silence before the tone is no gap: %v", g)
	}
	if g := Gaps(tone, 8000, 1000, 50); len(g) != 1 || g[0].LengthMillis != 1000 {
		t.Errorf("tone that never comes: %v", g)
	}
	start, end, ok := Span(append(make([]int16, 4000), tone...), 8000, 440)
	if !ok || start < 480 || start > 505 || end < 1490 || end > 1505 {
		t.Errorf("span %d to %d %v", start, end, ok)
	}
	if _, _, ok := Span(make([]int16, 4000), 8000, 440); ok {
		t.Error("tone in silence")
	}
}

func TestSchedule(t *testing.T) {
	perfect := Impairment{}.Schedule(100, 20*time.Millisecond)
	for i, a := range perfect {
		if a.Index != i || a.At != time.Duration(i)*20*time.Millisecond {
			t.Fatalf("%d: %+v", i, a)
		}
	}
	bad := Impairment{Loss: 0.4, Duplicate: 0.1, Delay: 10 * time.Millisecond, Jitter: 200 * time.Millisecond, Seed: 3}
	got := bad.Schedule(5000, 20*time.Millisecond)
	if !reflect.DeepEqual(got, bad.Schedule(5000, 20*time.Millisecond)) {
		t.Error("the same seed, another network")
	}
	seen, late := map[int]int{}, 0
	high := -1
	for _, a := range got {
		seen[a.Index]++
		if a.Index < high {
			late++
		}
		high = max(high, a.Index)
		if d := a.At - time.Duration(a.Index)*20*time.Millisecond; d < 10*time.Millisecond || d >= 210*time.Millisecond {
			t.Fatalf("delay %v", d)
		}
	}
	if lost := 5000 - len(seen); lost < 1800 || lost > 2200 {
		t.Errorf("%d of 5000 lost", lost)
	}
	if double := len(got) - len(seen); double < 200 || double > 400 {
		t.Errorf("%d doubled", double)
	}
	if late < 1000 {
		t.Errorf("only %d overtaken", late)
	}
}
