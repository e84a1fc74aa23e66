package resample_test

import (
	"errors"
	"math"
	"testing"

	"naisen/media/codec/resample"
	"naisen/media/mediatest"
)

func whole(t *testing.T, pcm []int16, from, to int) []int16 {
	t.Helper()
	out, err := resample.All(pcm, from, to)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestResampleBands(t *testing.T) {
	for _, c := range []struct{ from, to int }{
		{8000, 16000}, {16000, 8000}, {16000, 48000}, {48000, 16000}, {8000, 48000}, {48000, 8000}, {44100, 16000}, {22050, 16000}, {11025, 8000},
	} {
		low := float64(min(c.from, c.to))
		for _, share := range []float64{0.02, 0.2, 0.35, 0.42} { // passband, of the lower rate
			hz := share * low
			out := whole(t, mediatest.Sine(c.from, hz, 10000, 500), c.from, c.to)
			mid := out[len(out)/8 : len(out)*7/8]
			db := 20 * math.Log10(mediatest.Amplitude(mid, c.to, hz)/10000)
			if math.Abs(db) > 0.1 || mediatest.ToneIn(mid, c.to, hz) < 0.9999 {
				t.Errorf("%d to %d: %.0f Hz at %.2f dB, share %.5f", c.from, c.to, hz, db, mediatest.ToneIn(mid, c.to, hz))
			}
		}
		if c.from <= c.to {
			continue
		}
		for _, share := range []float64{0.51, 0.6, 0.8} { // would fold back into the band
			if hz := share * low; hz < float64(c.from)/2 {
				out := whole(t, mediatest.Sine(c.from, hz, 10000, 500), c.from, c.to)
				mid := out[len(out)/8 : len(out)*7/8]
				if db := 10 * math.Log10((mediatest.Power(mid)+1e-9)/(10000*10000/2)); db > -60 {
					t.Errorf("%d to %d: %.0f Hz comes through at %.0f dB", c.from, c.to, hz, db)
				}
			}
		}
	}
}

func TestResampleLengthAndPlace(t *testing.T) {
	for _, c := range []struct{ from, to, n, want int }{
		{8000, 16000, 160, 320}, {16000, 8000, 321, 161}, {16000, 8000, 1, 1}, {48000, 16000, 100, 34}, {44100, 16000, 44100, 16000}, {8000, 8000, 5, 5}, {8000, 16000, 0, 0},
	} {
		if got := len(whole(t, make([]int16, c.n), c.from, c.to)); got != c.want {
			t.Errorf("%d of %d to %d: %d samples", c.n, c.from, c.to, got)
		}
	}
	pcm := make([]int16, 1600)
	pcm[800] = 20000 // an impulse 100 ms in stays 100 ms in
	out := whole(t, pcm, 8000, 48000)
	best := 0
	for i, s := range out {
		if s > out[best] {
			best = i
		}
	}
	if best != 4800 {
		t.Errorf("impulse moved to %d", best)
	}
}

func TestResampleStream(t *testing.T) {
	pcm := mediatest.Mix(mediatest.Sine(8000, 440, 9000, 300), mediatest.Sine(8000, 2500, 5000, 300))
	want := whole(t, pcm, 8000, 16000)
	r, err := resample.New(8000, 16000)
	if err != nil {
		t.Fatal(err)
	}
	var got []int16
	for at := 0; at < len(pcm); {
		n := min(1+at%173, len(pcm)-at)
		got = r.Process(got, pcm[at:at+n])
		at += n
	}
	got = r.Flush(got)
	if len(got) != len(want) {
		t.Fatalf("%d samples, not %d", len(got), len(want))
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("sample %d: %d, not %d", i, got[i], want[i])
		}
	}
	frame, buf := make([]int16, 160), make([]int16, 0, 400)
	if n := testing.AllocsPerRun(50, func() { buf = r.Process(buf[:0], frame) }); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

func TestResampleClips(t *testing.T) {
	pcm := make([]int16, 800)
	for i := range pcm {
		pcm[i] = math.MaxInt16
		if i/4%2 == 1 {
			pcm[i] = math.MinInt16
		}
	}
	for i, s := range whole(t, pcm, 8000, 16000)[100:1500] {
		if prev := pcm[(i+100)/2]; prev > 0 != (s > 0) && (s > 30000 || s < -30000) {
			t.Fatalf("sample %d wrapped round to %d", i, s)
		}
	}
}

func TestResampleBounds(t *testing.T) {
	for _, c := range [][2]int{{0, 8000}, {8000, 0}, {-8000, 8000}, {1_000_000_000, 16000}, {44101, 16000}, {8000, 384000}} {
		if _, err := resample.New(c[0], c[1]); !errors.Is(err, resample.ErrRate) {
			t.Errorf("%v: %v", c, err)
		}
	}
}

func BenchmarkResample8to16(b *testing.B) {
	r, err := resample.New(8000, 16000)
	if err != nil {
		b.Fatal(err)
	}
	frame, buf := make([]int16, 160), make([]int16, 0, 400)
	for b.Loop() {
		buf = r.Process(buf[:0], frame)
	}
}

// A live stream gives for each frame in its share out, from the first frame on.
func TestLiveFrames(t *testing.T) {
	for _, c := range [][2]int{{8000, 16000}, {16000, 8000}, {16000, 48000}, {48000, 16000}, {8000, 48000}, {48000, 8000}, {8000, 8000}} {
		r, err := resample.NewLive(c[0], c[1])
		if err != nil {
			t.Fatal(err)
		}
		pcm := mediatest.Sine(c[0], 700, 9000, 400)
		var out []int16
		for at := 0; at < len(pcm); at += c[0] / 100 {
			before := len(out)
			out = r.Process(out, pcm[at:at+c[0]/100])
			if n := len(out) - before; n != c[1]/100 {
				t.Fatalf("%v: %d samples for 10 ms", c, n)
			}
		}
		if level := mediatest.ToneIn(out[len(out)/10:], c[1], 700); level < 0.9999 {
			t.Errorf("%v: %.5f", c, level)
		}
	}
	if _, err := resample.NewLive(0, 8000); !errors.Is(err, resample.ErrRate) {
		t.Error(err)
	}
}
