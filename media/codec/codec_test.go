package codec_test

import (
	"errors"
	"fmt"
	"testing"

	"naisen/media"
	"naisen/media/codec"
	"naisen/media/mediatest"
)

var all = []media.Codec{media.PCMU, media.PCMA, media.G722, media.Opus}

func pair(t testing.TB, c media.Codec) (codec.Encoder, codec.Decoder) {
	t.Helper()
	return pairAt(t, c, codec.Rates(c)[0])
}

func pairAt(t testing.TB, c media.Codec, rate int) (codec.Encoder, codec.Decoder) {
	t.Helper()
	if !c.Transcodes() {
		t.Errorf("%s is not said to be transcoded", c)
	}
	e, err := codec.NewEncoderAt(c, rate)
	if err != nil {
		t.Fatal(err)
	}
	d, err := codec.NewDecoderAt(c, rate)
	if err != nil {
		t.Fatal(err)
	}
	return e, d
}

// A tone goes through each codec at each of its rates, frame by frame, and comes back as itself.
func TestToneSurvives(t *testing.T) {
	for _, c := range all {
		for _, rate := range codec.Rates(c) {
			e, d := pairAt(t, c, rate)
			hz := []float64{300, 1000, 3000}
			if rate > 8000 {
				hz = append(hz, 6000)
			}
			least, most := 0.98, 0.13 // of a voice codec less is asked: a sine is no voice
			if c == media.Opus {
				least, most = 0.9, 0.35
			}
			for _, f := range hz {
				pcm := mediatest.Sine(rate, f, 8000, 500)
				var back []int16
				for at := 0; at < len(pcm); at += rate / 50 {
					frame := e.Encode(nil, pcm[at:at+rate/50])
					if c != media.Opus && len(frame) != codec.FrameBytes || codec.Samples(c, frame, rate) != rate/50 {
						t.Fatalf("%s: frame of %d octets", c, len(frame))
					}
					back = d.Decode(back, frame)
				}
				if len(back) != len(pcm) {
					t.Fatalf("%s: %d samples back", c, len(back))
				}
				settled := back[len(back)/10:]
				if level := mediatest.ToneIn(settled, rate, f); level < least {
					t.Errorf("%s at %d, %v Hz: level %.3f", c, rate, f, level)
				}
				if a := mediatest.Amplitude(settled, rate, f); a < 8000*(1-most) || a > 8000*(1+most) {
					t.Errorf("%s at %d, %v Hz: amplitude %.0f", c, rate, f, a)
				}
			}
		}
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []media.Codec{"", media.G729, media.L16, "SPEEX"} {
		if _, err := codec.NewEncoder(c); !errors.Is(err, codec.ErrUnknown) {
			t.Error(err)
		}
		if _, err := codec.NewDecoder(c); !errors.Is(err, codec.ErrUnknown) {
			t.Error(err)
		}
		if c.Transcodes() || codec.Known(c) || codec.Samples(c, make([]byte, 20), 8000) != 0 {
			t.Errorf("%q is known", c)
		}
	}
	if _, err := codec.NewEncoderAt(media.PCMU, 16000); !errors.Is(err, codec.ErrRate) {
		t.Error(err)
	}
	if _, err := codec.NewDecoderAt(media.Opus, 44100); !errors.Is(err, codec.ErrRate) {
		t.Error(err)
	}
}

// What is lost is concealed: a steady tone has no gap.
func TestConceals(t *testing.T) {
	for _, c := range all {
		for _, rate := range codec.Rates(c) {
			e, d := pairAt(t, c, rate)
			pcm := mediatest.Sine(rate, 400, 8000, 1000)
			var back []int16
			for i, at := 0, 0; at < len(pcm); i, at = i+1, at+rate/50 {
				frame := e.Encode(nil, pcm[at:at+rate/50])
				if i%10 == 7 {
					back = d.Conceal(back, rate/50)
				} else {
					back = d.Decode(back, frame)
				}
			}
			if len(back) != len(pcm) {
				t.Fatalf("%s: %d samples", c, len(back))
			}
			if g := mediatest.Gaps(back, rate, 400, 20); len(g) != 0 {
				t.Errorf("%s at %d: %v", c, rate, g)
			}
		}
	}
}

// G.722 packs two samples to an octet: an odd number of samples must not lose one or shift the rest.
func TestOddSamples(t *testing.T) {
	whole, _ := pair(t, media.G722)
	parts, _ := pair(t, media.G722)
	pcm := mediatest.Sine(16000, 700, 9000, 100)
	want := whole.Encode(nil, pcm)
	var got []byte
	for at := 0; at < len(pcm); at += 7 {
		got = parts.Encode(got, pcm[at:min(at+7, len(pcm))])
	}
	if string(got) != string(want) {
		t.Error("odd pieces give another payload")
	}
}

func TestNoAllocations(t *testing.T) {
	for _, c := range all {
		e, d := pair(t, c)
		pcm, payload := make([]int16, e.Rate()/50), make([]byte, 0, 200)
		back := make([]int16, 0, 400)
		if n := testing.AllocsPerRun(50, func() {
			payload = e.Encode(payload[:0], pcm)
			back = d.Decode(back[:0], payload)
			if c != media.Opus { // the library's concealment makes three small slices
				back = d.Conceal(back[:0], len(back))
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations a frame", c, n)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	each(b, func(b *testing.B, e codec.Encoder, _ codec.Decoder) {
		pcm, payload := mediatest.Sine(e.Rate(), 440, 8000, 20), make([]byte, 0, 200)
		for b.Loop() {
			payload = e.Encode(payload[:0], pcm)
		}
	})
}

func each(b *testing.B, f func(*testing.B, codec.Encoder, codec.Decoder)) {
	for _, c := range all {
		for _, rate := range codec.Rates(c) {
			b.Run(fmt.Sprintf("%s/%d", c, rate), func(b *testing.B) {
				e, d := pairAt(b, c, rate)
				f(b, e, d)
			})
		}
	}
}
