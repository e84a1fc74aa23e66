package tone

import (
	"errors"
	"math"
	"testing"

	"naisen/media"
	"naisen/media/codec"
	"naisen/media/mediatest"
)

func heard(t *testing.T, country string, k Kind, c media.Codec, frames int) ([]int16, int) {
	t.Helper()
	s, err := Source(country, k, c)
	if err != nil {
		t.Fatal(err)
	}
	d, err := codec.NewDecoder(c)
	if err != nil {
		t.Fatal(err)
	}
	var pcm []int16
	for range frames {
		p, ok := s.Next()
		if !ok {
			break
		}
		pcm = d.Decode(pcm, p)
	}
	return pcm, d.Rate()
}

func TestJapan(t *testing.T) {
	for _, c := range []media.Codec{media.PCMU, media.G722} {
		pcm, rate := heard(t, "jp", Dial, c, 250)
		if len(pcm) != 5*rate || mediatest.ToneIn(pcm[rate/5:], rate, 400) < 0.98 || len(mediatest.Gaps(pcm, rate, 400, 20)) != 0 {
			t.Errorf("%s: dial tone is not a continuous 400 Hz: %d samples, %.4f, %v", c, len(pcm), mediatest.ToneIn(pcm[rate/5:], rate, 400), mediatest.Gaps(pcm, rate, 400, 20))
		}
		pcm, rate = heard(t, "jp", Busy, c, 100)
		if g := mediatest.Gaps(pcm, rate, 400, 400); len(g) != 1 || g[0].StartMillis < 480 || g[0].LengthMillis < 470 || g[0].LengthMillis > 530 {
			t.Errorf("%s: busy pauses %v", c, g)
		}
		pcm, rate = heard(t, "jp", Ringback, c, 300)
		if g := mediatest.Gaps(pcm, rate, 400, 500); len(g) != 1 || g[0].LengthMillis < 1950 || g[0].LengthMillis > 2100 {
			t.Errorf("%s: ring-back pauses %v", c, g)
		}
		one := pcm[:rate]
		for hz, share := range map[float64]float64{400: 0.66, 384: 0.166, 416: 0.166} { // full modulation by 16 Hz: 1 and two of a quarter
			if got := mediatest.ToneIn(one, rate, hz); math.Abs(got-share) > 0.05 {
				t.Errorf("%s: ring-back has %.2f at %v Hz", c, got, hz)
			}
		}
	}
}

func TestLevel(t *testing.T) {
	pcm, rate := heard(t, "jp", Dial, media.PCMU, 50)
	if db := 20 * math.Log10(mediatest.Amplitude(pcm, rate, 400)/32767); math.Abs(db+16) > 0.3 {
		t.Errorf("%.1f dBFS", db)
	}
}

func TestBeepEnds(t *testing.T) {
	pcm, rate := heard(t, "jp", Beep, media.PCMU, 1000)
	if len(pcm) != rate/2 || !mediatest.HasTone(pcm[:rate*4/10], rate, 1000) {
		t.Errorf("%d samples", len(pcm))
	}
}

func TestEveryToneIsSeamless(t *testing.T) {
	for country, tones := range countries {
		for kind, c := range tones {
			pcm := c.PCM()
			if len(pcm)%(renderRate/50) != 0 {
				t.Errorf("%s %d: %d samples are not whole frames", country, kind, len(pcm))
			}
			if len(c.Pulses) == 0 {
				for _, hz := range c.Hz {
					if cycles := hz * float64(len(pcm)) / renderRate; cycles != math.Trunc(cycles) {
						t.Errorf("%s %d: %v cycles of %v Hz", country, kind, cycles, hz)
					}
				}
			}
			for _, hz := range c.Hz {
				if mediatest.Amplitude(pcm[:renderRate/5], renderRate, hz) < 300 {
					t.Errorf("%s %d: %v Hz is not in it", country, kind, hz)
				}
			}
		}
	}
}

func TestFallback(t *testing.T) {
	for k := Dial; k <= RecordBeep; k++ {
		for _, country := range []string{"jp", "us", "gb", "eu", "xx", ""} {
			if len(Of(country, k).Hz) == 0 {
				t.Errorf("%q has no tone %d", country, k)
			}
		}
	}
	if _, err := Source("jp", Dial, "GSM"); !errors.Is(err, codec.ErrUnknown) {
		t.Error(err)
	}
}
