package mix

import (
	"naisen/media"
	"naisen/media/codec"
)

// Member is one who takes part. It belongs to its mixer's goroutine.
type Member struct {
	of   *Mixer
	gate media.Gate
	only *Member      // GateWhisper: who alone hears it
	src  media.Source // of an announcement; nil: packets

	in   inlet
	out  outlet
	gone bool // removed; what it says is still to fade

	level     int64 // smoothed power of its voice; 0: silent
	heard     bool  // chosen for this tick
	kept      bool  // was, for the tick before
	said      bool  // its share is in the sum
	whispered bool
	ended     bool // an announcement that is over

	public, private, listen gain

	voice [maxFrame]int16 // what it says
	share [maxFrame]int16 // of it, in the sum
	aside [maxFrame]int16 // of it, to only
	ear   [maxFrame]int32 // what it hears, unlimited
	frame [maxFrame]int16 // what it hears
}

func newMember(m *Mixer) *Member {
	mb := &Member{of: m}
	mb.in.jitter.prefill = firstPrefill
	mb.tune(m.rate)
	return mb
}

// Gate says what the member takes part in. With media.GateWhisper it hears everybody and only is the one who hears it; nobody if nil.
func (mb *Member) Gate(g media.Gate, only *Member) {
	if g != media.GateWhisper {
		only = nil
	}
	mb.gate, mb.only = g, only
}

func (mb *Member) talks() bool { return mb.gate == media.GateBoth || mb.gate == media.GateTalk }

func (mb *Member) listens() bool {
	return mb.gate == media.GateBoth || mb.gate == media.GateListen || mb.gate == media.GateWhisper
}

func (mb *Member) tune(rate int) {
	mb.in.tune(rate)
	mb.out.tune(rate)
	for _, g := range []*gain{&mb.public, &mb.private, &mb.listen} {
		g.tune(rate)
		g.now = 0 // what was buffered at the other rate is gone: rise anew
	}
}

// Push takes one packet of the member's voice. What is no audio that can be decoded, too long, late or doubled is counted and left out.
func (mb *Member) Push(c media.Codec, ssrc uint32, seq uint16, payload []byte) {
	if len(payload) == 0 || len(payload) > maxPayload || c != mb.in.codec && !mb.decodes(c) {
		mb.in.stats.Unusable++
		return
	}
	mb.in.push(ssrc, seq, payload)
}

// Skip says that a packet of the stream was no voice, a digit for instance: its number is not missing.
func (mb *Member) Skip(ssrc uint32, seq uint16) {
	if mb.in.dec != nil {
		mb.in.push(ssrc, seq, nil)
	}
}

// Hears says whether Out brings anything but silence: who does not listen need not be sent to.
func (mb *Member) Hears() bool { return !mb.listen.silent() }

// decodes starts a decoder; false if there is none.
func (mb *Member) decodes(c media.Codec) bool {
	if !codec.Known(c) {
		return false
	}
	mb.in.codec = c
	mb.in.jitter.reset()
	if !mb.of.retune() {
		mb.in.tune(mb.of.rate)
	}
	return mb.in.dec != nil
}

// Out is the last tick's payload for the member in its codec; nil if it cannot be encoded. It is valid until the next call.
func (mb *Member) Out(c media.Codec) []byte {
	if c != mb.out.codec {
		if !codec.Known(c) {
			return nil
		}
		mb.out.codec = c
		if mb.of.retune() {
			clear(mb.frame[:mb.of.frame]) // it was mixed at another rate
		} else {
			mb.out.tune(mb.of.rate)
		}
	}
	return mb.out.encode(mb.frame[:mb.of.frame])
}

// pull brings the member's next 20 ms, silence if there is nothing.
func (mb *Member) pull(n int) {
	voice := mb.voice[:n]
	if mb.src != nil {
		mb.ended = !mb.in.read(mb.src, voice)
		mb.level = 1
		return
	}
	if !mb.in.pull(voice) {
		mb.level = 0
		return
	}
	mb.level = max(power(voice), mb.level*15/16, 1)
}

// rank is the level by which the loudest are chosen.
func (mb *Member) rank() int64 {
	if mb.kept {
		return 4 * mb.level // twice the amplitude
	}
	return mb.level
}

// speak adds the member's voice to the sum, and keeps what it whispers.
func (mb *Member) speak(sum []int32) {
	n := len(sum)
	mb.public.to(mb.heard && !mb.gone && !mb.ended)
	mb.private.to(mb.only != nil && !mb.gone)
	if mb.said = !mb.public.silent(); mb.said {
		mb.public.scale(mb.share[:n], mb.voice[:n])
		for i, s := range mb.share[:n] {
			sum[i] += int32(s)
		}
	}
	if mb.whispered = !mb.private.silent(); mb.whispered {
		mb.private.scale(mb.aside[:n], mb.voice[:n])
	}
}

// Stats of what the member said. Counters only grow.
type Stats struct {
	Lost, Late, Doubled, Unusable uint64 // packets
	Concealed                     uint64 // ticks in which something was made up
	Dropped                       uint64 // packets left out to shorten the delay
	DelayMillis                   int    // what waits now
}

// Stats of the member so far.
func (mb *Member) Stats() Stats {
	s := mb.in.stats
	s.DelayMillis = mb.in.delay()
	return s
}
