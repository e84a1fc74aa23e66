package plc_test

import (
	"math"
	"testing"

	"naisen/media/codec/plc"
	"naisen/media/mediatest"
)

// A lost packet of a steady voice is not heard: the tone goes on, without a step at either end.
func TestLossOfATone(t *testing.T) {
	for _, rate := range []int{8000, 16000} {
		for _, hz := range []float64{110, 180, 440, 1000, 2700} {
			frame := rate / 50
			pcm := mediatest.Sine(rate, hz, 9000, 400)
			steepest := 9000 * 2 * math.Pi * hz / float64(rate) // of the tone from sample to sample
			c := plc.New(rate)
			var out []int16
			for at := 0; at < len(pcm); at += frame {
				if at == 8*frame || at == 12*frame {
					out = c.Conceal(out, frame)
					continue
				}
				got := append([]int16(nil), pcm[at:at+frame]...)
				c.Good(got)
				out = append(out, got...)
			}
			if len(out) != len(pcm) {
				t.Fatalf("%d samples of %d", len(out), len(pcm))
			}
			if gaps := mediatest.Gaps(out, rate, hz, 20); hz >= 180 && len(gaps) != 0 {
				t.Errorf("%d Hz, tone of %v: %v", rate, hz, gaps)
			}
			for i := 1; i < len(out); i++ {
				if d := math.Abs(float64(out[i]) - float64(out[i-1])); d > 1.3*steepest+700 {
					t.Errorf("%d Hz, tone of %v: step of %.0f at sample %d", rate, hz, d, i)
					break
				}
			}
			if level := mediatest.ToneIn(out, rate, hz); level < 0.93 {
				t.Errorf("%d Hz, tone of %v: %.3f of it is left", rate, hz, level)
			}
		}
	}
}

// A long loss fades and ends in silence; before anything was heard there is silence.
func TestLongLoss(t *testing.T) {
	c := plc.New(8000)
	if p := mediatest.Power(c.Conceal(nil, 160)); p != 0 {
		t.Errorf("noise of power %v before the first packet", p)
	}
	c = plc.New(8000)
	pcm := mediatest.Sine(8000, 200, 9000, 100)
	c.Good(pcm)
	out := c.Conceal(nil, 800)
	last := math.Inf(1)
	for at := 80; at < 640; at += 80 {
		p := mediatest.Power(out[at : at+80])
		if p > last {
			t.Errorf("louder after %d ms: %.0f above %.0f", at/8, p, last)
		}
		last = p
	}
	if first := mediatest.Power(out[:80]); first < 0.5*9000*9000/2 {
		t.Errorf("first 10 ms faded to %.0f", first)
	}
	if p := mediatest.Power(out[480:]); p != 0 {
		t.Errorf("power %v after 60 ms", p)
	}
	after := mediatest.Sine(8000, 200, 9000, 20)
	c.Good(after)
	if d := int(after[0]); d > 500 || d < -500 {
		t.Errorf("voice comes back with a step to %d", d)
	}
}

// Any length, any content, any order: never out of bounds.
func FuzzConceal(f *testing.F) {
	f.Add([]byte{1, 200, 3, 0, 255, 90}, true)
	f.Fuzz(func(t *testing.T, script []byte, wide bool) {
		rate := 8000
		if wide {
			rate = 16000
		}
		c := plc.New(rate)
		seed := uint32(1)
		for _, b := range script[:min(len(script), 64)] {
			n := int(b>>1) * 5
			if b&1 == 0 {
				if got := c.Conceal(nil, n); len(got) != n {
					t.Fatalf("%d samples for %d", len(got), n)
				}
				continue
			}
			pcm := make([]int16, n)
			for i := range pcm {
				seed = seed*1664525 + 1013904223
				pcm[i] = int16(seed >> 16)
			}
			c.Good(pcm)
		}
	})
}

func TestNoAllocations(t *testing.T) {
	c := plc.New(16000)
	pcm, buf := mediatest.Sine(16000, 300, 9000, 20), make([]int16, 0, 320)
	if n := testing.AllocsPerRun(50, func() {
		c.Good(pcm)
		buf = c.Conceal(buf[:0], 320)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkGood(b *testing.B) {
	c, pcm := plc.New(8000), mediatest.Sine(8000, 300, 9000, 20)
	for b.Loop() {
		c.Good(pcm)
	}
}

func BenchmarkConceal(b *testing.B) {
	c, pcm, buf := plc.New(8000), mediatest.Sine(8000, 300, 9000, 20), make([]int16, 0, 160)
	for b.Loop() {
		c.Good(pcm)
		buf = c.Conceal(buf[:0], 160)
	}
}
