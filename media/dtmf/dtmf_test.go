package dtmf

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// tones is what a press is made of; levels in dB below full scale.
type tones struct {
	key       rune
	low, high float64 // level
	off       float64 // share by which both frequencies are wrong
	on, pause time.Duration
	noise     float64 // level of white noise over all of it; 0: none
}

func (t tones) pcm(r *rand.Rand) []int16 {
	i := strings.IndexRune(keys, t.key)
	f1, f2 := frequencies[i/4]*(1+t.off), frequencies[4+i%4]*(1+t.off)
	n, all := int(t.on*rate/time.Second), int((t.on+t.pause)*rate/time.Second)
	out := make([]int16, all)
	amp := func(db float64) float64 { return 32767 * math.Pow(10, db/20) }
	for k := range out {
		v := 0.0
		if k < n {
			s := float64(k) / rate * 2 * math.Pi
			v = amp(t.low)*math.Sin(f1*s) + amp(t.high)*math.Sin(f2*s+1)
		}
		if t.noise != 0 {
			v += amp(t.noise) * r.NormFloat64()
		}
		out[k] = int16(min(max(v, -32768), 32767))
	}
	return out
}

// hear feeds 20 ms frames, beginning with some silence so that blocks and tones fall apart.
func hear(pcm []int16, lead int) (keys string, last time.Duration) {
	d := New()
	pcm = append(make([]int16, lead), pcm...)
	pcm = append(pcm, make([]int16, 800)...)
	for len(pcm) > 0 {
		n := min(160, len(pcm))
		if p, ok := d.Hear(pcm[:n]); ok {
			keys, last = keys+string(p.Rune), p.Length
		}
		pcm = pcm[n:]
	}
	return keys, last
}

// ITU-T Q.24: what must be heard and what must not.
func TestPresses(t *testing.T) {
	const ms = time.Millisecond
	r := rand.New(rand.NewPCG(1, 2))
	for _, key := range keys {
		good := tones{key: key, low: -16, high: -14, on: 50 * ms, pause: 50 * ms}
		for name, c := range map[string]struct {
			change func(*tones)
			heard  bool
		}{
			"as a telephone sends it": {func(*tones) {}, true},
			"40 ms":                   {func(x *tones) { x.on = 40 * ms }, true},
			"three seconds":           {func(x *tones) { x.on = 3 * time.Second }, true},
			"1.5 % high":              {func(x *tones) { x.off = 0.015 }, true},
			"1.5 % low":               {func(x *tones) { x.off = -0.015 }, true},
			"weak":                    {func(x *tones) { x.low, x.high = -32, -30 }, true},
			"loud":                    {func(x *tones) { x.low, x.high = -7, -7 }, true},
			"twist 6 dB":              {func(x *tones) { x.low = -20; x.high = -14 }, true},
			"reverse twist 3 dB":      {func(x *tones) { x.low = -14; x.high = -17 }, true},
			"noise 15 dB below":       {func(x *tones) { x.noise = -29 }, true},
			"12 ms":                   {func(x *tones) { x.on = 12 * ms }, false},
			"twist 14 dB":             {func(x *tones) { x.low = -28 }, false},
			"reverse twist 10 dB":     {func(x *tones) { x.high = -26 }, false},
			"4 % off":                 {func(x *tones) { x.off = 0.04 }, false},
			"far too weak":            {func(x *tones) { x.low, x.high = -60, -60 }, false},
			"noise as loud":           {func(x *tones) { x.noise = -14 }, false},
		} {
			x := good
			c.change(&x)
			for _, lead := range []int{0, 17, 51, 90} {
				got, length := hear(x.pcm(r), lead)
				if want := map[bool]string{true: string(key)}[c.heard]; got != want {
					t.Errorf("%c %s, %d samples later: %q", key, name, lead, got)
				}
				if c.heard && (length > x.on+Block || length < x.on-3*Block) {
					t.Errorf("%c %s: held %v", key, name, length)
				}
			}
		}
	}
}

// A number dialled fast, the same key twice, and an interruption of 10 ms that is none.
func TestSequence(t *testing.T) {
	const ms = time.Millisecond
	r := rand.New(rand.NewPCG(1, 2))
	var pcm []int16
	for _, key := range "0355512221#*AD" {
		pcm = append(pcm, tones{key: key, low: -16, high: -14, on: 50 * ms, pause: 50 * ms, noise: -45}.pcm(r)...)
	}
	if got, _ := hear(pcm, 33); got != "0355512221#*AD" {
		t.Errorf("%q", got)
	}
	pcm = append(tones{key: '5', low: -16, high: -14, on: 60 * ms, pause: 10 * ms}.pcm(r), tones{key: '5', low: -16, high: -14, on: 60 * ms, pause: 50 * ms}.pcm(r)...)
	if got, _ := hear(pcm, 0); got != "5" {
		t.Errorf("interrupted: %q", got)
	}
}

// Single tones, chords of music and noise are no keys.
func TestNoKeys(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	d := New()
	for n := range 4000 {
		frame := make([]int16, 160)
		base := 110 * math.Pow(2, float64(n/25%48)/12)
		for k := range frame {
			s := float64(n*160+k) / rate * 2 * math.Pi
			switch n % 3 {
			case 0:
				frame[k] = int16(9000 * math.Sin(base*s))
			case 1:
				frame[k] = int16(4000*math.Sin(base*s) + 4000*math.Sin(base*1.26*s) + 4000*math.Sin(base*1.5*s))
			case 2:
				frame[k] = int16(6000 * r.NormFloat64())
			}
		}
		if p, ok := d.Hear(frame); ok {
			t.Fatalf("frame %d: %+v", n, p)
		}
	}
}

func TestNoAllocation(t *testing.T) {
	d, frame := New(), make([]int16, 160)
	if n := testing.AllocsPerRun(100, func() { d.Hear(frame) }); n != 0 {
		t.Errorf("%v", n)
	}
}

func BenchmarkHear(b *testing.B) {
	d, frame := New(), make([]int16, 160)
	for b.Loop() {
		d.Hear(frame)
	}
}
