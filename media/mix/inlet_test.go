package mix

import (
	"math/rand/v2"
	"slices"
	"testing"

	"naisen/media"
	"naisen/media/mediatest"
)

// arrival is a packet on its way.
type arrival struct {
	at  float64 // ms
	seq uint16
	p   []byte
}

// network gives a voice's packets an order and times of arrival.
type network struct {
	name   string
	jitter float64 // ms, uniform
	loss   float64
	double float64
	drift  float64 // of the sender's clock: 0.01 is one in a hundred too fast
	stall  bool    // nothing for 300 ms, then all at once
}

func (n network) send(r *rand.Rand, k *talker, packets int) (out []arrival) {
	for i := range packets {
		p := k.frame()
		at := float64(i)*20/(1+n.drift) + r.Float64()*n.jitter
		if n.stall && at > 2000 && at < 2300 {
			at = 2300
		}
		if r.Float64() < n.loss {
			continue
		}
		out = append(out, arrival{at, k.seq, p})
		if r.Float64() < n.double {
			out = append(out, arrival{at + 5, k.seq, p})
		}
	}
	slices.SortStableFunc(out, func(a, b arrival) int {
		switch {
		case a.at < b.at:
			return -1
		case a.at > b.at:
			return 1
		}
		return 0
	})
	return out
}

func TestNetworks(t *testing.T) {
	for _, c := range []struct {
		network
		share float64 // of the power that the tone has, at least
		delay int     // ms at the end, at most
		lost  bool
	}{
		{network{name: "clean"}, 0.99, 60, false},
		{network{name: "jitter", jitter: 50}, 0.9, 140, false},
		{network{name: "loss", loss: 0.05}, 0.9, 60, true},
		{network{name: "heavy loss", loss: 0.4, jitter: 30}, 0.4, 160, true},
		{network{name: "doubled", double: 0.5, jitter: 10}, 0.97, 100, false},
		{network{name: "fast clock", drift: 0.004}, 0.93, 140, false},
		{network{name: "slow clock", drift: -0.004}, 0.93, 100, false},
		{network{name: "stall", stall: true}, 0.85, 120, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := New(0)
			a, b := join(t, m, media.PCMU, 400), join(t, m, media.PCMU, 0)
			const ticks = 600
			on := c.send(rand.New(rand.NewPCG(1, 2)), a, ticks)
			for tick := range ticks {
				for len(on) > 0 && on[0].at <= float64(tick)*20+7 {
					a.m.Push(a.codec, 1, on[0].seq, on[0].p)
					on = on[1:]
				}
				m.Tick()
				b.hear()
			}
			pcm := b.heard[len(b.heard)/4:]
			s := a.m.Stats()
			if share := mediatest.ToneIn(b.last(100), 8000, 400); share < 0.4 {
				t.Errorf("at the end the tone has %.2f", share)
			}
			good := 0
			for at := 0; at+160 <= len(pcm); at += 160 {
				if mediatest.Amplitude(pcm[at:at+160], 8000, 400) > 3000 {
					good++
				}
			}
			if share := float64(good) / float64(len(pcm)/160); share < c.share {
				t.Errorf("%.3f of the time there is a voice; %+v", share, s)
			}
			if s.DelayMillis > c.delay {
				t.Errorf("the voice is %d ms late; %+v", s.DelayMillis, s)
			}
			if c.lost != (s.Lost > ticks/50) {
				t.Errorf("lost %d", s.Lost)
			}
			if c.double > 0 && s.Doubled+s.Late < ticks/4 {
				t.Errorf("doubled %d, late %d", s.Doubled, s.Late)
			}
		})
	}
}

// A voice that stops, and one that begins anew with another SSRC, are heard without an old packet between.
func TestStops(t *testing.T) {
	m := New(0)
	a, b := join(t, m, media.PCMU, 400), join(t, m, media.PCMU, 0)
	talk(m, 30, a, b)
	for range 30 {
		m.Tick()
		b.hear()
	}
	if mediatest.Power(b.last(300)) > 1 {
		t.Error("a voice that stopped goes on")
	}
	a.hz = 800
	for range 20 {
		a.seq += 7 // a change of stream says nothing about its numbers
		a.m.Push(a.codec, 99, a.seq-7, a.frame())
		a.seq -= 7
		m.Tick()
		b.hear()
	}
	if !b.hears(800) {
		t.Error("the new stream is not heard")
	}
	a.m.Push("OPUS-X", 1, 1, []byte{1})
	a.m.Push(media.PCMU, 99, a.seq+1, make([]byte, maxPayload+1))
	a.m.Push(media.PCMU, 99, a.seq+1, nil)
	if s := a.m.Stats(); s.Unusable != 3 {
		t.Errorf("unusable %d, not 3", s.Unusable)
	}
}

func TestPacketTimes(t *testing.T) {
	for _, frames := range []int{1, 2, 3} { // 20, 40, 60 ms
		m := New(0)
		a, b := join(t, m, media.PCMU, 400), join(t, m, media.G722, 0)
		for tick := range 120 {
			if tick%frames == 0 {
				var p []byte
				for range frames {
					p = append(p, a.frame()...)
				}
				a.m.Push(a.codec, 1, uint16(tick/frames), p)
			}
			m.Tick()
			b.hear()
		}
		if g := mediatest.Gaps(b.last(1000), 16000, 400, 15); len(g) != 0 || !b.hears(400) {
			t.Errorf("packets of %d ms: gaps %v, %+v", 20*frames, g, a.m.Stats())
		}
	}
}

// FuzzMember: whatever comes, nothing breaks and the delay stays in bounds.
func FuzzMember(f *testing.F) {
	f.Add([]byte{0, 0, 1, 160, 255, 255, 3, 200, 128, 0, 9, 2})
	f.Fuzz(func(t *testing.T, script []byte) {
		m := New(1)
		a, b := join(t, m, media.PCMU, 0), join(t, m, media.G722, 0)
		codecs := []media.Codec{media.PCMU, media.PCMA, media.G722, "NONE"}
		for len(script) >= 4 {
			op, hi, lo, n := script[0], script[1], script[2], script[3]
			script = script[4:]
			a.m.Push(codecs[op%4], uint32(op>>6), uint16(hi)<<8|uint16(lo), make([]byte, 3*int(n)))
			if op&8 != 0 {
				m.Tick()
				if p := b.m.Out(codecs[op>>4&1]); len(p) == 0 || len(p) > maxPayload {
					t.Fatalf("a frame of %d octets", len(p))
				}
			}
			if op&32 != 0 {
				b.m.Gate(media.Gate(n%6), a.m)
			}
		}
	})
}
