package codec_test

import (
	"errors"
	"testing"

	"naisen/media"
	"naisen/media/codec"
	"naisen/media/mediatest"
)

var all = []media.Codec{media.PCMU, media.PCMA, media.G722}

func pair(t testing.TB, c media.Codec) (codec.Encoder, codec.Decoder) {
	t.Helper()
	e, err := codec.NewEncoder(c)
	if err != nil {
		t.Fatal(err)
	}
	d, err := codec.NewDecoder(c)
	if err != nil {
		t.Fatal(err)
	}
	return e, d
}

// A tone goes through each codec, frame by frame, and comes back as itself.
func TestToneSurvives(t *testing.T) {
	for _, c := range all {
		e, d := pair(t, c)
		hz := []float64{300, 1000, 3000}
		if c == media.G722 {
			hz = append(hz, 6000)
		}
		for _, f := range hz {
			pcm := mediatest.Sine(e.Rate(), f, 8000, 500)
			var payload []byte
			var back []int16
			for at := 0; at < len(pcm); at += e.Rate() / 50 {
				frame := e.Encode(nil, pcm[at:at+e.Rate()/50])
				if len(frame) != codec.FrameBytes {
					t.Fatalf("%s: frame of %d octets", c, len(frame))
				}
				payload = append(payload, frame...)
				back = d.Decode(back, frame)
			}
			if len(back) != len(pcm) || len(payload) != 25*codec.FrameBytes {
				t.Fatalf("%s: %d samples back", c, len(back))
			}
			settled := back[len(back)/10:]
			if level := mediatest.ToneIn(settled, d.Rate(), f); level < 0.98 {
				t.Errorf("%s %v Hz: level %.3f", c, f, level)
			}
			if a := mediatest.Amplitude(settled, d.Rate(), f); a < 7000 || a > 9000 {
				t.Errorf("%s %v Hz: amplitude %.0f", c, f, a)
			}
		}
	}
	if _, err := codec.NewEncoder("OPUS"); !errors.Is(err, codec.ErrUnknown) {
		t.Error(err)
	}
	if _, err := codec.NewDecoder(""); !errors.Is(err, codec.ErrUnknown) {
		t.Error(err)
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
		}); n != 0 {
			t.Errorf("%s: %v allocations a frame", c, n)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	for _, c := range all {
		b.Run(string(c), func(b *testing.B) {
			e, _ := pair(b, c)
			pcm, payload := mediatest.Sine(e.Rate(), 440, 8000, 20), make([]byte, 0, 200)
			for b.Loop() {
				payload = e.Encode(payload[:0], pcm)
			}
		})
	}
}
