package play

import (
	"errors"
	"testing"
	"time"

	"naisen/media"
	"naisen/media/codec"
	"naisen/media/codec/resample"
	"naisen/media/mediatest"
)

func drain(t *testing.T, s media.Source, most int) (pcm []int16, frames int) {
	t.Helper()
	d, err := codec.NewDecoder(s.Codec())
	if err != nil {
		t.Fatal(err)
	}
	for frames < most {
		p, ok := s.Next()
		if !ok {
			break
		}
		if len(p) != codec.FrameBytes {
			t.Fatalf("frame of %d octets", len(p))
		}
		pcm = d.Decode(pcm, p)
		frames++
	}
	return pcm, frames
}

func TestClip(t *testing.T) {
	tone := mediatest.Sine(16000, 600, 9000, 493) // not whole frames
	for _, c := range []media.Codec{media.PCMU, media.PCMA, media.G722} {
		clip, err := FromPCM(c, tone, 16000)
		if err != nil {
			t.Fatal(err)
		}
		lead := 0 // silence for a decoder with state
		if c == media.G722 {
			lead = settleFrames
		}
		if clip.Frames() != 25+lead || clip.Duration() != time.Duration(25+lead)*20*time.Millisecond || clip.Codec() != c || clip.Bytes() != (25+lead)*160 {
			t.Errorf("%s: %d frames, %v", c, clip.Frames(), clip.Duration())
		}
		a, b := clip.Play(), clip.Play()
		if _, ok := a.Next(); !ok {
			t.Fatal("no frame")
		}
		pcm, n := drain(t, b, 100) // another source of the same clip starts at its beginning
		rate := len(pcm) / n * 50
		if n != 25+lead || !mediatest.HasTone(pcm, rate, 600) {
			t.Errorf("%s: %d frames", c, n)
		}
		if _, ok := b.Next(); ok {
			t.Error("a source went on after its end")
		}
		if g := mediatest.Gaps(pcm[:rate*48/100], rate, 600, 40); len(g) != 0 {
			t.Errorf("%s: gaps %v", c, g)
		}
	}
}

func TestLoop(t *testing.T) {
	clip, err := FromPCM(media.PCMA, mediatest.Sine(8000, 400, 9000, 100), 8000)
	if err != nil {
		t.Fatal(err)
	}
	pcm, n := drain(t, clip.Loop(), 500)
	if n != 500 {
		t.Fatalf("a loop ended after %d frames", n)
	}
	if g := mediatest.Gaps(pcm, 8000, 400, 20); len(g) != 0 || mediatest.ToneIn(pcm, 8000, 400) < 0.99 {
		t.Errorf("the loop is not seamless: %v", g)
	}
	empty, err := NewClip(media.PCMU, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := empty.Loop().Next(); ok {
		t.Error("a loop over nothing gave a frame")
	}
}

// G.722 decodes by what came before. A second clip in the same stream must be whole, and a looped tone must not jump.
func TestDecoderState(t *testing.T) {
	tone := mediatest.Sine(16000, 1000, 12000, 300)
	clip, err := FromPCM(media.G722, tone, 16000)
	if err != nil {
		t.Fatal(err)
	}
	s, _ := Sequence(clip.Play(), clip.Play())
	pcm, _ := drain(t, s, 100)
	for _, sample := range pcm {
		if sample > 21000 || sample < -21000 {
			t.Fatalf("the second clip begins with a bang: %d", sample)
		}
	}
	period, err := PeriodFromPCM(media.G722, tone, 16000)
	if err != nil {
		t.Fatal(err)
	}
	pcm, _ = drain(t, period.Loop(), 100)
	if g := mediatest.Gaps(pcm, 16000, 1000, 20); len(g) != 0 || mediatest.ToneIn(pcm[1600:], 16000, 1000) < 0.99 {
		t.Errorf("looped tone: gaps %v level %.3f", g, mediatest.ToneIn(pcm[1600:], 16000, 1000))
	}
}

func TestSequence(t *testing.T) {
	one, _ := FromPCM(media.PCMU, mediatest.Sine(8000, 500, 9000, 200), 8000)
	quiet, _ := Silence(media.PCMU, 190*time.Millisecond)
	two, _ := FromPCM(media.PCMU, mediatest.Sine(8000, 900, 9000, 200), 8000)
	s, err := Sequence(one.Play(), quiet.Play(), two.Play())
	if err != nil {
		t.Fatal(err)
	}
	pcm, n := drain(t, s, 100)
	if n != 30 || !mediatest.HasTone(pcm[:1600], 8000, 500) || mediatest.Power(pcm[1600:3200]) > 1 || !mediatest.HasTone(pcm[3200:], 8000, 900) {
		t.Errorf("%d frames, or parts in the wrong place", n)
	}
	law, _ := Silence(media.PCMA, time.Second)
	if _, err := Sequence(one.Play(), law.Play()); !errors.Is(err, ErrMixed) {
		t.Errorf("two codecs: %v", err)
	}
	if _, err := Sequence(); !errors.Is(err, ErrFrames) {
		t.Errorf("nothing: %v", err)
	}
}

func TestSilence(t *testing.T) {
	for _, c := range []media.Codec{media.PCMU, media.PCMA, media.G722} {
		clip, err := Silence(c, 101*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		if pcm, n := drain(t, clip.Play(), 100); n != 6 || mediatest.Power(pcm) > 100 {
			t.Errorf("%s: %d frames of power %.0f", c, n, mediatest.Power(pcm))
		}
	}
	if clip, err := Silence(media.PCMU, -time.Second); err != nil || clip.Frames() != 0 {
		t.Errorf("negative: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	if _, err := NewClip(media.PCMU, make([]byte, 161)); !errors.Is(err, ErrFrames) {
		t.Error(err)
	}
	if _, err := NewClip(media.Opus, make([]byte, 160)); !errors.Is(err, ErrFrames) {
		t.Error(err)
	}
	if _, err := NewClip(media.G729, nil); !errors.Is(err, codec.ErrUnknown) {
		t.Error(err)
	}
	if _, err := FromPCM(media.G729, nil, 8000); !errors.Is(err, codec.ErrUnknown) {
		t.Error(err)
	}
	if _, err := FromPCM(media.PCMU, nil, 1); !errors.Is(err, resample.ErrRate) {
		t.Error(err)
	}
}

func TestNextDoesNotAllocate(t *testing.T) {
	clip, _ := Silence(media.PCMU, time.Second)
	s := clip.Loop()
	if n := testing.AllocsPerRun(200, func() { s.Next() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
