package relay

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"naisen/media"
	"naisen/media/codec"
	"naisen/media/mediatest"
	"naisen/media/mix"
	clips "naisen/media/play"
)

// voice is a phone that speaks a tone.
type voice struct {
	*phone
	leg   testLeg
	hz    float64
	enc   codec.Encoder
	dec   codec.Decoder
	at    int
	last  heard
	any   bool
	heard []int16
}

func newVoice(t *testing.T, e *Engine, s media.Security, c media.Codec, hz float64) *voice {
	t.Helper()
	v := &voice{phone: newPhone(t, c), leg: newLeg(t, e, media.Profile{SecureSIP: true}), hz: hz}
	v.calls(v.leg, want(s), want(s))
	var err error
	if v.enc, err = codec.NewEncoder(c); err != nil {
		t.Fatal(err)
	}
	v.dec, _ = codec.NewDecoder(c)
	return v
}

func (v *voice) frame() []byte {
	pcm := make([]int16, v.enc.Rate()/50)
	for i := range pcm {
		pcm[i] = int16(6000 * math.Sin(2*math.Pi*v.hz*float64(v.at+i)/float64(v.enc.Rate())))
	}
	v.at += len(pcm)
	return v.enc.Encode(nil, pcm)
}

// listen takes the next packet, which must follow the one before as one stream.
func (v *voice) listen() {
	v.t.Helper()
	h := v.hear()
	if v.any {
		if h.SSRC != v.last.SSRC || h.Sequence != v.last.Sequence+1 {
			v.t.Fatalf("%v: packet %d of %x after %d of %x", v.hz, h.Sequence, h.SSRC, v.last.Sequence, v.last.SSRC)
		}
		if step := int32(h.Timestamp - v.last.Timestamp); step < 160 {
			v.t.Fatalf("%v: the timestamp goes by %d", v.hz, step)
		}
	}
	v.last, v.any = h, true
	v.heard = v.dec.Decode(v.heard, h.payload)
}

// converse lets all speak and listen, as fast as the relay brings packets.
func converse(frames int, all ...*voice) {
	for range frames {
		for _, v := range all {
			v.say(v.frame())
		}
		for _, v := range all {
			v.listen()
		}
	}
}

// hears checks which tones are in the latest 200 ms.
func (v *voice) hears(what string, yes ...*voice) {
	v.t.Helper()
	pcm := v.heard[len(v.heard)-v.dec.Rate()/5:]
	for _, hz := range []float64{500, 900, 1300} {
		want := false
		for _, o := range yes {
			want = want || o.hz == hz
		}
		if a := mediatest.Amplitude(pcm, v.dec.Rate(), hz); want != (a > 2000) || !want && a > 300 {
			v.t.Errorf("%s: %v hears %v at %.0f, wanted: %v", what, v.hz, hz, a, want)
		}
	}
}

func TestMixAndBack(t *testing.T) {
	eachSecurity(t, func(t *testing.T, s media.Security) {
		e := engineFor(t, Config{Shards: 2})
		agent, caller, boss := newVoice(t, e, s, media.PCMU, 500), newVoice(t, e, s, media.PCMA, 900), newVoice(t, e, s, media.PCMU, 1300)
		b := e.Bridge()
		for _, v := range []*voice{agent, caller} {
			if err := b.Join(v.leg.Endpoint); err != nil {
				t.Fatal(err)
			}
		}
		converse(15, agent, caller)
		agent.hears("two", caller)
		caller.hears("two", agent)
		if !strings.Contains(b.String(), "<-> (table)") {
			t.Errorf("two are not relayed: %s", b)
		}
		w := &witness{}
		defer b.Attach(w)()

		if err := b.Join(boss.leg.Endpoint); err != nil {
			t.Fatal(err)
		}
		converse(30, agent, caller, boss)
		agent.hears("three", caller, boss)
		caller.hears("three", agent, boss)
		boss.hears("three", agent, caller)
		if !strings.HasPrefix(b.String(), "mix: ") || strings.Count(b.String(), " both]") != 3 {
			t.Errorf("three are not mixed: %s", b)
		}
		from := map[string]int{}
		for _, f := range w.seen() {
			from[f.From]++
		}
		for _, v := range []*voice{agent, caller, boss} {
			if from[v.leg.ID()] != 30 { // each member's own voice is a track
				t.Errorf("%v: %d frames tapped", v.hz, from[v.leg.ID()])
			}
		}

		b.Whisper(boss.leg.Endpoint, agent.leg.Endpoint)
		converse(30, agent, caller, boss)
		agent.hears("whisper", caller, boss)
		caller.hears("whisper", agent)
		boss.hears("whisper", agent, caller)
		if !strings.Contains(b.String(), "whisper>"+agent.leg.ID()[:6]) {
			t.Errorf("whisper is not shown: %s", b)
		}

		b.Leave(boss.leg.Endpoint)
		converse(25, agent, caller)
		agent.hears("two again", caller)
		caller.hears("two again", agent)
		if !strings.Contains(b.String(), "<-> (table)") {
			t.Errorf("two are not relayed again: %s", b)
		}
		if sends := e.Totals(); sends.SendErrors+sends.Malformed != 0 {
			t.Errorf("%+v", sends)
		}
	})
}

// A bridge of two is a relay, octet by octet, before a whisper gate and after it.
func TestWhisperOfTwo(t *testing.T) {
	e := engineFor(t, Config{Shards: 1})
	a, c := newVoice(t, e, media.SecurityForbidden, media.PCMU, 500), newVoice(t, e, media.SecurityForbidden, media.PCMU, 900)
	b := e.Bridge()
	for _, v := range []*voice{a, c} {
		if err := b.Join(v.leg.Endpoint); err != nil {
			t.Fatal(err)
		}
	}
	b.Whisper(a.leg.Endpoint, c.leg.Endpoint)
	converse(25, a, c)
	a.hears("whisper", c)
	c.hears("whisper", a)
	if !strings.HasPrefix(b.String(), "mix: ") {
		t.Errorf("not mixed: %s", b)
	}
	b.Gate(a.leg.Endpoint, media.GateWhisper) // to whom?
	if s := b.String(); !strings.Contains(s, "listen") || strings.Contains(s, "mix") {
		t.Errorf("whispers to nobody: %s", s)
	}
	b.Gate(a.leg.Endpoint, media.GateBoth)
	p := a.frame()
	a.say(p)
	for {
		h := c.hear() // what the mix sent before comes first
		if bytes.Equal(h.payload, p) {
			break
		}
	}
	if strings.Contains(b.String(), "mix") {
		t.Errorf("still mixed: %s", b)
	}
}

func TestMixOfRates(t *testing.T) {
	e := engineFor(t, Config{Shards: 1})
	a, c, d := newVoice(t, e, media.SecurityForbidden, media.G722, 500), newVoice(t, e, media.SecurityForbidden, media.PCMA, 900), newVoice(t, e, media.SecurityForbidden, media.G722, 1300)
	b := e.Bridge()
	for _, v := range []*voice{a, c, d} {
		if err := b.Join(v.leg.Endpoint); err != nil {
			t.Fatal(err)
		}
	}
	converse(30, a, c, d)
	a.hears("rates", c, d)
	c.hears("rates", a, d)
	d.hears("rates", a, c)
}

// Who listens in does not keep the caller's digits from the other side; in a conference they are the room's own.
func TestDigitsInAMix(t *testing.T) {
	e := engineFor(t, Config{Shards: 1})
	var all []*voice
	b := e.Bridge()
	for _, hz := range []float64{500, 900, 1300} {
		v := newVoice(t, e, media.SecurityForbidden, media.PCMU, hz)
		all = append(all, v)
		if err := b.Join(v.leg.Endpoint); err != nil {
			t.Fatal(err)
		}
	}
	press := func() {
		for i := range 5 {
			end := byte(0)
			if i == 4 {
				end = 0x80
			}
			all[0].send(all[0].next(all[0].agreed.EventSendPT, []byte{5, end | 10, 0, byte(160 * (i + 1) / 8)}, 0))
		}
		all[0].ts += 960
	}
	events := func(v *voice, packets int) (n int) {
		for range packets {
			if h := v.hear(); h.PayloadType == v.agreed.EventRecvPT {
				n++
			}
		}
		return n
	}
	b.Gate(all[2].leg.Endpoint, media.GateListen)
	converse(5, all...)
	press()
	if n := events(all[1], 12); n == 0 {
		t.Error("the other side does not get the digit")
	}
	if n := events(all[2], 12); n != 0 {
		t.Error("who listens gets the digit")
	}
	event[media.Digit](t, all[0].leg)
	b.Gate(all[2].leg.Endpoint, media.GateBoth)
	press()
	event[media.Digit](t, all[0].leg)
	for _, v := range all[1:] {
		if n := events(v, 12); n != 0 {
			t.Error("a digit is heard in a conference")
		}
	}
}

// An announcement is heard beside the voices of three, and in place of the one of two.
func TestAnnounce(t *testing.T) {
	e := engineFor(t, Config{Shards: 1})
	var all []*voice
	b := e.Bridge()
	beep := func(c media.Codec) (media.Source, error) {
		clip, err := clips.FromPCM(c, mediatest.Sine(8000, 2000, 8000, 1000), 8000)
		if err != nil {
			return nil, err
		}
		return clip.Play(), nil
	}
	for i, hz := range []float64{500, 900, 1300} {
		v := newVoice(t, e, media.SecurityForbidden, media.PCMU, hz)
		all = append(all, v)
		if err := b.Join(v.leg.Endpoint); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			continue
		}
		converse(20, all...)
		b.(interface {
			Announce(func(media.Codec) (media.Source, error))
		}).Announce(beep)
		converse(30, all...)
		for _, v := range all {
			pcm := v.heard[len(v.heard)-1600:]
			if a := mediatest.Amplitude(pcm, 8000, 2000); a < 5000 {
				t.Errorf("%d members: %v hears the announcement at %.0f", i+1, v.hz, a)
			}
		}
		if i == 1 {
			event[media.PlayEnded](t, all[0].leg)
			event[media.PlayEnded](t, all[1].leg)
		} else {
			all[0].hears("beside", all[1], all[2])
		}
	}
}

func TestFullRoom(t *testing.T) {
	e := engineFor(t, Config{Shards: 2})
	b := e.Bridge()
	var legs []testLeg
	for range mix.MaxMembers + 1 {
		legs = append(legs, newLeg(t, e, media.Profile{}))
	}
	for i, l := range legs {
		if err := b.Join(l.Endpoint); (i < mix.MaxMembers) != (err == nil) || err != nil && !errors.Is(err, ErrFull) {
			t.Fatalf("Join %d: %v", i, err)
		}
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	done := make(chan int, 1)
	for _, s := range e.shards {
		s.post(&command{do: func(s *shard, _ *endpoint, _ int64) { done <- len(s.mixes) }})
		if n := <-done; n != 0 {
			t.Errorf("%d mixes live on", n)
		}
	}
}
