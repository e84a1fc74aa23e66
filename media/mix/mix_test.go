package mix

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"naisen/media"
	"naisen/media/codec"
	"naisen/media/mediatest"
	"naisen/media/play"
)

// talker is a member with a voice and an ear.
type talker struct {
	t     testing.TB
	m     *Member
	codec media.Codec
	enc   codec.Encoder
	dec   codec.Decoder
	hz    float64
	amp   float64
	at    int // samples said
	seq   uint16
	heard []int16
}

func join(t testing.TB, m *Mixer, c media.Codec, hz float64) *talker {
	t.Helper()
	mb, err := m.Add()
	if err != nil {
		t.Fatal(err)
	}
	enc, _ := codec.NewEncoder(c)
	dec, _ := codec.NewDecoder(c)
	return &talker{t: t, m: mb, codec: c, enc: enc, dec: dec, hz: hz, amp: 6000, seq: 65500}
}

// frame is the next 20 ms of the talker's tone, encoded; silence without one.
func (k *talker) frame() []byte {
	n := k.enc.Rate() / TicksPerSecond
	pcm := make([]int16, n)
	for i := range pcm {
		if k.hz > 0 {
			pcm[i] = int16(k.amp * math.Sin(2*math.Pi*k.hz*float64(k.at+i)/float64(k.enc.Rate())))
		}
	}
	k.at += n
	k.seq++
	return k.enc.Encode(nil, pcm)
}

func (k *talker) say() { k.m.Push(k.codec, 7, k.seq, k.frame()) }

func (k *talker) hear() {
	p := k.m.Out(k.codec)
	if n := codec.Samples(k.codec, p, 8000); n != 160 {
		k.t.Fatalf("%s: a frame of %d octets", k.codec, len(p))
	}
	k.heard = k.dec.Decode(k.heard, p)
}

// talk lets everybody speak and listen for some ticks.
func talk(m *Mixer, ticks int, who ...*talker) {
	for range ticks {
		for _, k := range who {
			k.say()
		}
		m.Tick()
		for _, k := range who {
			k.hear()
		}
	}
}

// last gives the latest milliseconds that were heard.
func (k *talker) last(millis int) []int16 { return k.heard[len(k.heard)-k.dec.Rate()*millis/1000:] }

func (k *talker) hears(hz float64) bool {
	return mediatest.Amplitude(k.last(300), k.dec.Rate(), hz) > 2000
}

// deaf: what is left of a tone is no more than the noise that the codec makes of the others.
func (k *talker) deaf(hz float64) bool {
	limit := 60.0
	if k.codec == media.G722 || k.codec == media.Opus {
		limit = 240
	}
	return mediatest.Amplitude(k.last(300), k.dec.Rate(), hz) < limit
}

func TestMixMinus(t *testing.T) {
	for _, codecs := range [][]media.Codec{
		{media.PCMU, media.PCMA, media.PCMU}, {media.G722, media.PCMA, media.G722}, {media.G722, media.G722, media.G722},
		{media.Opus, media.PCMA, media.G722}, {media.Opus, media.Opus, media.Opus},
	} {
		m := New(0)
		var who []*talker
		for i, c := range codecs {
			who = append(who, join(t, m, c, []float64{500, 900, 1300}[i]))
		}
		talk(m, 40, who...)
		for _, k := range who {
			for _, o := range who {
				if k == o && !k.deaf(o.hz) {
					t.Errorf("%v: %v hears itself", codecs, k.hz)
				}
				if k != o && !k.hears(o.hz) {
					t.Errorf("%v: %v does not hear %v: %.0f", codecs, k.hz, o.hz, mediatest.Amplitude(k.last(300), k.dec.Rate(), o.hz))
				}
			}
		}
		want := 8000
		for _, c := range codecs {
			if c != media.PCMU && c != media.PCMA {
				want = 16000
			}
		}
		if codecs[1] == media.Opus {
			want = 48000
		}
		if m.Rate() != want {
			t.Errorf("%v: mixed at %d Hz", codecs, m.Rate())
		}
	}
}

func TestWideband(t *testing.T) {
	m := New(0)
	a, b, c := join(t, m, media.G722, 5000), join(t, m, media.G722, 0), join(t, m, media.PCMU, 0)
	talk(m, 60, a, b, c)
	if !b.hears(5000) {
		t.Error("the wide band is lost between two who have it")
	}
	if mediatest.Amplitude(c.last(300), 8000, 3000) > 60 { // 8000 - 5000
		t.Error("a narrow ear hears the alias of a wide voice")
	}
	m.Remove(a.m)
	m.Remove(b.m)
	if m.Rate() != 8000 {
		t.Errorf("works at %d Hz for narrow voices", m.Rate())
	}
}

func TestGates(t *testing.T) {
	m := New(0)
	agent, caller, boss := join(t, m, media.PCMU, 500), join(t, m, media.PCMU, 900), join(t, m, media.PCMU, 1300)
	for _, c := range []struct {
		name string
		set  func()
		hear map[*talker][]float64
	}{
		{"listens", func() { boss.m.Gate(media.GateListen, nil) }, map[*talker][]float64{agent: {900}, caller: {500}, boss: {500, 900}}},
		{"whispers", func() { boss.m.Gate(media.GateWhisper, agent.m) }, map[*talker][]float64{agent: {900, 1300}, caller: {500}, boss: {500, 900}}},
		{"whispers to the other", func() { boss.m.Gate(media.GateWhisper, caller.m) }, map[*talker][]float64{agent: {900}, caller: {500, 1300}, boss: {500, 900}}},
		{"barges in", func() { boss.m.Gate(media.GateBoth, nil) }, map[*talker][]float64{agent: {900, 1300}, caller: {500, 1300}, boss: {500, 900}}},
		{"held", func() { caller.m.Gate(media.GateNone, nil) }, map[*talker][]float64{agent: {1300}, caller: {}, boss: {500}}},
		{"pages", func() {
			caller.m.Gate(media.GateListen, nil)
			agent.m.Gate(media.GateTalk, nil)
			boss.m.Gate(media.GateListen, nil)
		}, map[*talker][]float64{agent: {}, caller: {500}, boss: {500}}},
		{"whispers to nobody", func() { agent.m.Gate(media.GateWhisper, nil) }, map[*talker][]float64{agent: {}, caller: {}, boss: {}}},
	} {
		c.set()
		talk(m, 40, agent, caller, boss)
		for k, tones := range c.hear {
			want := map[float64]bool{}
			for _, hz := range tones {
				want[hz] = true
			}
			for _, hz := range []float64{500, 900, 1300} {
				if want[hz] && !k.hears(hz) {
					t.Errorf("%s: %v does not hear %v", c.name, k.hz, hz)
				}
				if !want[hz] && !k.deaf(hz) {
					t.Errorf("%s: %v hears %v: %.0f", c.name, k.hz, hz, mediatest.Amplitude(k.last(300), 8000, hz))
				}
			}
		}
	}
}

// steepest is the largest step between neighbours: a click is steeper than any tone in the audio.
func steepest(pcm []int16) (most int) {
	for i := 1; i < len(pcm); i++ {
		d := int(pcm[i]) - int(pcm[i-1])
		most = max(most, d, -d)
	}
	return most
}

func TestNoClicks(t *testing.T) {
	m := New(0)
	a, b, c := join(t, m, media.PCMU, 0), join(t, m, media.PCMU, 0), join(t, m, media.PCMU, 300)
	talk(m, 10, a, b)
	talk(m, 20, a, b, c)
	c.m.Gate(media.GateListen, nil)
	talk(m, 5, a, b, c)
	c.m.Gate(media.GateBoth, nil)
	talk(m, 10, a, b, c)
	m.Remove(c.m)
	talk(m, 10, a, b)
	slope := int(2 * math.Pi * 300 / 8000 * c.amp)
	if !mediatest.HasTone(a.heard[20*160:28*160], 8000, 300) {
		t.Fatal("nothing was heard")
	}
	if s := steepest(a.heard); s > slope*4/3 { // the law's own steps are about a thirtieth
		t.Errorf("a step of %d where the tone has %d", s, slope)
	}
	if mediatest.Power(a.last(100)) > 10 {
		t.Error("who left is still heard")
	}
}

func TestLoudest(t *testing.T) {
	m := New(2)
	var who []*talker
	for i := range 6 {
		k := join(t, m, media.PCMU, float64(400+200*i))
		k.amp = float64(1000 + 200*i)
		who = append(who, k)
	}
	ear := join(t, m, media.PCMU, 0)
	talk(m, 60, append(who, ear)...)
	for i, k := range who {
		if heard := mediatest.Amplitude(ear.last(300), 8000, k.hz) > 300; heard != (i >= 4) {
			t.Errorf("%d (%v Hz) heard: %v", i, k.hz, heard)
		}
	}
	who[1].amp = 2300
	talk(m, 40, append(who, ear)...)
	if mediatest.Amplitude(ear.last(300), 8000, who[1].hz) > 300 {
		t.Error("one that is hardly louder takes another one's place")
	}
	who[0].amp = 20000
	talk(m, 40, append(who, ear)...)
	if mediatest.Amplitude(ear.last(300), 8000, who[0].hz) < 15000 {
		t.Error("who raised the voice is not heard")
	}
}

func TestTooLoud(t *testing.T) {
	m := New(20)
	var who []*talker
	for range 10 {
		k := join(t, m, media.PCMA, 250)
		k.amp = 16000
		who = append(who, k)
	}
	ear := join(t, m, media.PCMA, 0)
	talk(m, 40, append(who, ear)...)
	pcm := ear.last(300)
	top := 0
	for _, s := range pcm {
		top = max(top, int(s), -int(s))
	}
	if top < 28000 {
		t.Errorf("ten loud voices give %d", top)
	}
	if s := steepest(pcm); s > 40000 { // so many together are nearly square, 30,000; a sum that wraps round steps by 65,000
		t.Errorf("it crackles: step of %d", s)
	}
	for v := int32(-400000); v < 400000; v += 7 {
		if soft(v+7) < soft(v) || soft(-v) != -soft(v) {
			t.Fatalf("the limit is not monotone and odd at %d", v)
		}
	}
	if soft(knee) != knee || soft(-1234) != -1234 {
		t.Error("what is not too loud is changed")
	}
}

func TestAnnounce(t *testing.T) {
	m := New(0)
	a, b := join(t, m, media.G722, 0), join(t, m, media.PCMU, 700)
	talk(m, 10, a, b)
	clip, err := play.FromPCM(media.PCMU, mediatest.Sine(8000, 1500, 6000, 400), 8000)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Announce(clip.Play()); err != nil {
		t.Fatal(err)
	}
	talk(m, 20, a, b)
	if !a.hears(1500) || !b.hears(1500) || !a.hears(700) {
		t.Error("an announcement is not heard beside the voices")
	}
	talk(m, 30, a, b)
	if !a.deaf(1500) || len(m.voices) != 0 {
		t.Error("the announcement does not end")
	}
	for range maxVoices {
		_ = m.Announce(clip.Play())
	}
	if err := m.Announce(clip.Play()); !errors.Is(err, ErrFull) {
		t.Errorf("no bound of announcements: %v", err)
	}
}

func TestRoom(t *testing.T) {
	m := New(0)
	for range MaxMembers {
		join(t, m, media.PCMU, 0)
	}
	if _, err := m.Add(); !errors.Is(err, ErrFull) {
		t.Errorf("one more than there is room for: %v", err)
	}
	m.Remove(m.members[3])
	if _, err := m.Add(); err != nil || m.Len() != MaxMembers {
		t.Errorf("the place of who left: %v", err)
	}
	m.Remove(&Member{}) // never was in
}

func TestNothingAllocates(t *testing.T) {
	m := New(0)
	var who []*talker
	var packets [][][]byte
	for i, c := range []media.Codec{media.PCMU, media.PCMA, media.G722, media.G722, media.PCMU, media.PCMA, media.PCMU} {
		k := join(t, m, c, float64(400+100*i))
		who = append(who, k)
		var ps [][]byte
		for range 300 {
			ps = append(ps, k.frame())
		}
		packets = append(packets, ps)
	}
	talk(m, 5, who...)
	at := 0
	if n := testing.AllocsPerRun(200, func() {
		for i, k := range who {
			if at%17 != 3 || i%2 == 0 { // some are lost
				k.m.Push(k.codec, 9, uint16(at), packets[i][at%300])
			}
		}
		at++
		m.Tick()
		for _, k := range who {
			k.m.Out(k.codec)
		}
	}); n != 0 {
		t.Errorf("%v allocations a tick", n)
	}
}

// BenchmarkTick is the work of 20 ms, members half and half G.711 and G.722, all speaking.
func BenchmarkTick(b *testing.B) {
	for _, wide := range []bool{false, true} {
		for _, n := range []int{3, 10, 50} {
			b.Run(fmt.Sprintf("%d members wide=%v", n, wide), func(b *testing.B) {
				m := New(0)
				var who []*talker
				for i := range n {
					c := media.PCMU
					if wide && i%2 == 0 {
						c = media.G722
					}
					who = append(who, join(b, m, c, float64(300+20*i)))
				}
				frames := make([][]byte, n)
				for i, k := range who {
					frames[i] = k.frame()
				}
				seq := uint16(rand.IntN(1000))
				for b.Loop() {
					seq++
					for i, k := range who {
						k.m.Push(k.codec, 1, seq, frames[i])
					}
					m.Tick()
					for _, k := range who {
						k.m.Out(k.codec)
					}
				}
			})
		}
	}
}
