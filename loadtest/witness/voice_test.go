package witness

import (
	"math/rand/v2"
	"testing"
	"time"

	"naisen/media/codec/g711"
)

// speech is packets from to to of a voice as a channel, behind so many samples of silence.
func speech(voice, before, from, to int) []int16 {
	pcm := make([]int16, before)
	for n := from; n < to; n++ {
		pcm = append(pcm, g711.DecodeU(nil, Say(voice, n))...)
	}
	return pcm
}

func TestVoices(t *testing.T) {
	for _, voice := range []int{1, 2, 30, 59, Voices} {
		runs := Runs(append(speech(voice, 1234, 0, 300), make([]int16, 700)...))
		h := Of(runs, voice)
		if h.Packets != 300 || h.Missing != 0 || h.Breaks != 0 || Noise(runs, voice) != 0 || h.First < 1230 || h.First > 1240 {
			t.Errorf("voice %d: %+v", voice, h)
		}
	}
}

// What is missing is counted, whether silence is in its place or nothing, and another's voice is not taken for it.
func TestWhatIsMissing(t *testing.T) {
	gap := append(speech(7, 100, 0, 50), speech(7, 13*frame, 63, 100)...)
	if h := Of(Runs(gap), 7); h.Missing != 13 || h.Breaks != 1 || h.Packets != 87 {
		t.Errorf("with silence: %+v", h)
	}
	long := append(speech(7, 100, 0, 50), speech(7, 200*frame, 50, 100)...)
	if h := Of(Runs(long), 7); h.Missing != 0 || h.Packets != 100 {
		t.Errorf("silence, and nothing missing: %+v", h)
	}
	cut := append(speech(7, 100, 0, 50), speech(7, 0, 63, 100)...)
	if h := Of(Runs(cut), 7); h.Missing != 13 || h.Breaks != 1 {
		t.Errorf("cut out: %+v", h)
	}
	if h := Of(Runs(speech(9, 100, 0, 50)), 7); h.Packets != 0 {
		t.Errorf("another voice: %+v", h)
	}
	if h := Of(Runs(append(speech(7, 0, 0, 50), speech(9, 0, 10, 50)...)), 9); h.Packets != 40 || h.Missing != 0 {
		t.Errorf("one after the other: %+v", h)
	}
	if h := Of(Runs(append(speech(7, 33, 0, 50), speech(7, 77, 50, 100)...)), 7); h.Packets < 99 || h.Breaks > 1 {
		t.Errorf("a jump of 77 samples: %+v", h)
	}
}

// A packet that stands alone is of a voice when it is the one before a run of it or the one after.
func TestAlone(t *testing.T) {
	for name, x := range map[string]struct {
		pcm           []int16
		packets, gone int
	}{
		"the first":          {append(speech(7, 100, 0, 1), speech(7, 9*frame, 1, 20)...), 20, 0},
		"the last":           {append(speech(7, 100, 0, 19), speech(7, 9*frame, 19, 20)...), 20, 0},
		"between":            {append(append(speech(7, 100, 0, 9), speech(7, 5*frame, 9, 10)...), speech(7, 5*frame, 10, 20)...), 20, 0},
		"not the one before": {append(speech(7, 100, 3, 4), speech(7, 9*frame, 1, 20)...), 19, 0},
		"not the one after":  {append(speech(7, 100, 0, 19), speech(7, 9*frame, 20, 21)...), 19, 0},
		"of another":         {append(speech(9, 100, 4, 5), speech(7, 9*frame, 1, 20)...), 19, 0},
		"and then a gap":     {append(append(speech(7, 100, 0, 9), speech(7, 5*frame, 9, 10)...), speech(7, 5*frame, 12, 20)...), 18, 2},
	} {
		if h := Of(Runs(append(x.pcm, make([]int16, frame)...)), 7); h.Packets != x.packets || h.Missing != x.gone {
			t.Errorf("%s: %+v", name, h)
		}
	}
}

// A stretch of speech begins at its own time however seldom the machine let the leg speak, and has its packets side by side.
func TestClock(t *testing.T) {
	l := &leg{began: time.Now().Add(-time.Second), zeroth: 1<<32 - 100}
	l.clock = l.zeroth
	l.tick(words)
	first := l.clock
	if d := int32(first - l.zeroth); d < rate || d > 60*rate {
		t.Fatalf("a second after its beginning the clock stands at %d", d)
	}
	l.began = l.began.Add(-time.Second)
	for range 5 {
		l.tick(words)
	}
	if l.clock != first+5*frame {
		t.Errorf("within words the clock jumped to %d", l.clock-first)
	}
	if l.tick(knock); int32(l.clock-first) < rate {
		t.Errorf("the knocks begin at %d", l.clock-first)
	}
	l.began = l.began.Add(time.Hour)
	if before := l.clock; l.does != knock {
		t.Error("it forgot what it does")
	} else if l.tick(words); l.clock != before+frame {
		t.Errorf("the clock went back or on to %d", l.clock-before)
	}
}

// Noise as of a watermark at -25 dB, and µ-law over it, leave the voice as it was.
func TestVoiceUnderNoise(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	pcm := speech(11, 555, 0, 200)
	for i := range pcm {
		pcm[i] += int16(r.NormFloat64() * loudness / 1.414 / 17.8)
	}
	if h := Of(Runs(g711.DecodeU(nil, g711.EncodeU(nil, pcm))), 11); h.Packets < 199 || h.Missing != 0 {
		t.Errorf("%+v", h)
	}
}

// A knock is silence in a recording, and says whose it is and which.
func TestKnock(t *testing.T) {
	a, b := &leg{voice: 60, heard: map[int]int{}}, &leg{voice: 59}
	for _, c := range knocking(59, 41) {
		if g711.DecodeU(nil, []byte{c})[0] != 0 {
			t.Fatalf("%#x is heard", c)
		}
	}
	a.listen(append(make([]byte, 12), knocking(59, 41)...))
	a.listen(append(make([]byte, 12), Say(59, 3)...))
	a.listen(make([]byte, 12))
	if !a.hears(b, 41) || a.hears(b, 42) || a.hears(&leg{voice: 58}, 0) {
		t.Errorf("%v", a.heard)
	}
}

// Packets that stand alone are of a voice if it said them, in that order.
func TestLone(t *testing.T) {
	alone := func(voice int, packets ...int) []Run {
		var pcm []int16
		for _, n := range packets {
			pcm = append(pcm, speech(voice, frame, n, n+1)...)
		}
		return Runs(pcm)
	}
	for name, x := range map[string]struct {
		runs []Run
		want int
	}{
		"of it":         {alone(7, 0, 3, 5), 3},
		"never said":    {alone(7, 0, 9), 1},
		"in disorder":   {alone(7, 5, 3), 1},
		"of another":    {alone(20, 1, 4), 0},
		"none is alone": {Runs(speech(7, frame, 0, 4)), 0},
	} {
		if got := Lone(x.runs, 7, 8); got != x.want {
			t.Errorf("%s: %d of %+v, want %d", name, got, x.runs, x.want)
		}
	}
}
