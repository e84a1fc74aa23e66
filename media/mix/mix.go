// Package mix lets 2 to 50 members hear each other without themselves: jitter buffers, gates, loudest speakers, soft limit, one frame of 20 ms
// for each member at each tick. It owns samples and never a socket, a clock or a call: whoever ticks it (the relay's pacer) brings packets
// in and takes payloads out. A Mixer and its members belong to one goroutine. Nothing is allocated per packet or per tick.
package mix

import (
	"errors"
	"slices"

	"naisen/media"
	"naisen/media/codec"
)

// Sentinel errors; callers use errors.Is.
var (
	ErrFull = errors.New("mix: no room for another member")
)

const (
	// MaxMembers of one mixer.
	MaxMembers = 50
	// TicksPerSecond is how often Tick is to be called.
	TicksPerSecond = 50

	defaultSpeakers = 5 // heard at once; the noise of fifty rooms is not
	minRate         = 8000
	maxRate         = 48000
	maxFrame        = maxRate / TicksPerSecond // samples
	maxVoices       = 4                        // announcements at once
)

// Mixer is one conversation.
type Mixer struct {
	rate     int // Hz; the best that a member can speak or hear
	frame    int // samples of a tick
	speakers int

	members []*Member
	leaving []*Member // faded out by the next tick
	voices  []*Member // what the room itself says
	ranking []*Member // room for choosing the loudest
	sum     [maxFrame]int32
}

// New makes an empty mixer in which so many speakers are heard at once; 0: five. Up to that number all are added, above it the loudest.
func New(speakers int) *Mixer {
	if speakers <= 0 {
		speakers = defaultSpeakers
	}
	m := &Mixer{speakers: speakers, ranking: make([]*Member, 0, MaxMembers)}
	m.tune(minRate)
	return m
}

// Rate at which the mixer works now, Hz: 8000, 16000 or 48000.
func (m *Mixer) Rate() int { return m.rate }

// Len is the number of members.
func (m *Mixer) Len() int { return len(m.members) }

// Add brings a member in: it hears and is heard from the next tick on, rising within 10 ms. ErrFull.
func (m *Mixer) Add() (*Member, error) {
	if len(m.members) >= MaxMembers {
		return nil, ErrFull
	}
	mb := newMember(m)
	m.members = append(m.members, mb)
	return mb, nil
}

// Remove takes a member out. What it said fades within the next tick; it is not an error if it is not in.
func (m *Mixer) Remove(mb *Member) {
	i := slices.Index(m.members, mb)
	if i < 0 {
		return
	}
	m.members = slices.Delete(m.members, i, i+1)
	for _, o := range m.members {
		if o.only == mb {
			o.only = nil
		}
	}
	mb.gone = true
	if mb.public.now > 0 || mb.private.now > 0 {
		m.leaving = append(m.leaving, mb)
	}
	m.retune()
}

// Announce lets everybody who listens hear a source once: a tone that somebody joined. One too many is not heard.
func (m *Mixer) Announce(src media.Source) error {
	if len(m.voices) >= maxVoices {
		return ErrFull
	}
	v := newMember(m)
	v.src, v.gate = src, media.GateTalk
	if !v.decodes(src.Codec()) {
		return codec.ErrUnknown
	}
	m.voices = append(m.voices, v)
	return nil
}

// retune works at the best rate that anybody needs: more is wasted, less is heard. Opus asks for 48 kHz where everybody has it, and else for
// what the others can hear. It says whether the rate changed.
func (m *Mixer) retune() bool {
	best, opus := minRate, true
	for _, mb := range m.members {
		for _, c := range []media.Codec{mb.in.codec, mb.out.codec} {
			if c == "" {
				continue
			}
			best = max(best, codec.Rates(c)[0])
			opus = opus && c == media.Opus
		}
	}
	if opus && best > minRate {
		best = maxRate
	}
	if best == m.rate {
		return false
	}
	m.tune(best)
	return true
}

func (m *Mixer) tune(rate int) {
	m.rate, m.frame = rate, rate/TicksPerSecond
	for _, mb := range slices.Concat(m.members, m.leaving, m.voices) {
		mb.tune(rate)
	}
}

// Tick mixes the next 20 ms. Afterwards each member's Out has them.
func (m *Mixer) Tick() {
	for _, mb := range m.members {
		mb.pull(m.frame)
	}
	for _, mb := range m.leaving {
		mb.pull(m.frame)
	}
	for _, v := range m.voices {
		v.pull(m.frame)
	}
	m.choose()
	sum := m.sum[:m.frame]
	clear(sum)
	for _, mb := range m.members {
		mb.speak(sum)
	}
	for _, mb := range m.leaving {
		mb.speak(sum)
	}
	for _, v := range m.voices {
		v.heard = true
		v.speak(sum)
	}
	for _, mb := range m.members {
		m.hear(mb, sum)
	}
	clear(m.leaving)
	m.leaving = m.leaving[:0]
	m.voices = slices.DeleteFunc(m.voices, func(v *Member) bool { return v.ended })
}

// choose decides who is heard: everybody, or the loudest where too many speak at once. Who is heard already keeps the place unless another
// one is twice as loud: two equal voices shall not take turns.
func (m *Mixer) choose() {
	m.ranking = m.ranking[:0]
	for _, mb := range m.members {
		mb.heard = false
		if mb.talks() && mb.level > 0 {
			m.ranking = append(m.ranking, mb)
		}
	}
	if len(m.ranking) > m.speakers {
		slices.SortStableFunc(m.ranking, louder)
	}
	for _, mb := range m.ranking[:min(len(m.ranking), m.speakers)] {
		mb.heard = true
	}
	for _, mb := range m.members {
		mb.kept = mb.heard
	}
}

func louder(a, b *Member) int {
	x, y := a.rank(), b.rank()
	switch {
	case x > y:
		return -1
	case x < y:
		return 1
	}
	return 0
}

// hear makes one member's frame: all that is said to all, less itself, and what is said to it alone.
func (m *Mixer) hear(mb *Member, sum []int32) {
	out := mb.ear[:m.frame]
	if mb.said {
		own := mb.share[:m.frame]
		for i, s := range sum {
			out[i] = s - int32(own[i])
		}
	} else {
		copy(out, sum)
	}
	for _, o := range m.members {
		if o.only == mb && o.whispered {
			for i, s := range o.aside[:m.frame] {
				out[i] += int32(s)
			}
		}
	}
	mb.listen.to(mb.listens())
	mb.listen.limit(mb.frame[:m.frame], out)
}
