package relay

import (
	"slices"

	"naisen/media"
	"naisen/media/mix"
	"naisen/media/rtp"
)

// mixing is a bridge whose members are mixed, on one shard. Signalling makes it, seats them and ends it by commands; all else is the shard's.
type mixing struct {
	shard *shard
	mixer *mix.Mixer
	seats []*seat
	next  int64 // when the next frame is due; 0: at once
}

// seat is an endpoint's place in a mix. Signalling hands it to the packet path by the route; what is in it is the shard's.
type seat struct {
	of     *mixing
	ep     *endpoint
	serial uint64
	head   rtp.Header
	member *mix.Member // nil until the shard has seated it, and after it left
}

// seating is what signalling wants of one seat.
type seating struct {
	seat, only *seat
	gate       media.Gate
}

// mix seats the members, those who are new as well. Called under the bridge's lock.
func (b *bridge) mix() {
	if b.mixing == nil {
		b.mixing = &mixing{shard: b.members[0].ep.home.Load(), mixer: mix.New(0)}
	}
	m := b.mixing
	plan := make([]seating, len(b.members))
	for i := range b.members {
		x := &b.members[i]
		if x.seat == nil {
			x.seat = &seat{of: m, ep: x.ep, serial: x.ep.engine.serial.Add(1),
				head: rtp.Header{Sequence: uint16(random32()), Timestamp: random32(), SSRC: random32()}}
		}
		plan[i] = seating{seat: x.seat, gate: x.gate}
	}
	for i, x := range b.members {
		if j := b.find(x.only); x.only != nil && j >= 0 {
			plan[i].only = b.members[j].seat
		}
	}
	m.shard.post(&command{do: func(s *shard, _ *endpoint, _ int64) { s.seat(m, plan) }})
}

// unmix ends the mix: from the next packet on there is a relay again, or nothing.
func (b *bridge) unmix() {
	m := b.mixing
	if m == nil {
		return
	}
	b.mixing = nil
	for i := range b.members {
		b.members[i].seat = nil
	}
	m.shard.post(&command{do: func(s *shard, _ *endpoint, _ int64) { s.seat(m, nil) }})
}

// Announce lets everybody who listens hear a source once: beside the voices in a mix, in place of them where two are relayed.
func (b *bridge) Announce(make func(media.Codec) (media.Source, error)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if m := b.mixing; m != nil {
		if src, err := make(media.PCMU); err == nil {
			m.shard.post(&command{do: func(*shard, *endpoint, int64) { _ = m.mixer.Announce(src) }}) // one too many is not heard
		}
		return
	}
	for _, x := range b.members {
		if src, err := make(x.ep.Codec()); err == nil && x.listens() {
			x.ep.Play(src)
		}
	}
}

// seat brings a mix to what signalling wants.
func (s *shard) seat(m *mixing, plan []seating) {
	m.seats = slices.DeleteFunc(m.seats, func(x *seat) bool {
		stays := slices.ContainsFunc(plan, func(p seating) bool { return p.seat == x })
		if !stays {
			m.mixer.Remove(x.member)
			x.member = nil
		}
		return !stays
	})
	for _, p := range plan {
		if p.seat.member == nil {
			mb, err := m.mixer.Add()
			if err != nil { // the bridge has the same bound
				p.seat.ep.count.unrelayed.Add(1)
				continue
			}
			p.seat.member = mb
			m.seats = append(m.seats, p.seat)
		}
	}
	for _, p := range plan {
		if p.seat.member == nil {
			continue
		}
		var only *mix.Member
		if p.only != nil {
			only = p.only.member
		}
		p.seat.member.Gate(p.gate, only)
	}
	known := slices.Index(s.mixes, m)
	switch {
	case len(plan) == 0 && known >= 0:
		s.mixes = slices.Delete(s.mixes, known, known+1)
	case len(plan) > 0 && known < 0:
		s.mixes = append(s.mixes, m)
		s.nextPace = 0
	}
}

// bring takes a packet of a member into its mix: audio to its jitter buffer, digits to the one who may hear them.
func (s *shard) bring(r *route, e *endpoint, sess *session, k kind, h rtp.Header, pkt []byte, now int64) {
	if owner := r.seat.of.shard; owner != s {
		s.bringOver(owner, r, e, sess, k, h, pkt)
		return
	}
	mb := r.seat.member
	switch {
	case mb == nil:
		e.count.gated.Add(1)
	case k == kindEvent:
		mb.Skip(h.SSRC, h.Sequence)
		if r.hears != nil && r.hears.shard.Load() == s {
			s.forward(e, r.hears, k, h, pkt, now)
		}
	case k == kindNoise: // silence
		mb.Skip(h.SSRC, h.Sequence)
	default:
		mb.Push(sess.agreed.Codec, h.SSRC, h.Sequence, pkt[h.Start:h.End])
	}
}

// bringOver does it by way of the mix's shard, for the moment in which a new member still lives on another one.
func (s *shard) bringOver(owner *shard, r *route, e *endpoint, sess *session, k kind, h rtp.Header, pkt []byte) {
	held := append([]byte(nil), pkt[:h.End]...)
	owner.post(&command{do: func(s *shard, _ *endpoint, now int64) {
		if n := copy(s.out[:], held); n == len(held) {
			s.bring(r, e, sess, k, h, s.out[:n], now)
		}
	}})
}

// mostTicks in one round: a mix that was kept waiting catches up without keeping others waiting.
const mostTicks = 2

// mixNow mixes what is due and says when the next frame is.
func (s *shard) mixNow(m *mixing, now int64) int64 {
	if m.next == 0 || now-m.next > int64(maxBehind) {
		m.next = now
	}
	for n := 0; m.next <= now && n < mostTicks; n++ {
		m.next += int64(frameTime)
		m.mixer.Tick()
		for _, x := range m.seats {
			s.mixOut(x, now)
		}
	}
	return m.next
}

// mixOut sends a member what it hears. A prompt or a digit of ours comes first, as in a relay.
func (s *shard) mixOut(x *seat, now int64) {
	e := x.ep
	if e.shard.Load() != s { // on its way here
		return
	}
	sess := e.current(now)
	if sess == nil {
		return
	}
	x.head.Timestamp += uint32(sess.agreed.Codec.Clock() / mix.TicksPerSecond)
	if !sess.sends || e.leg.busy() || !x.member.Hears() {
		return
	}
	payload := x.member.Out(sess.agreed.Codec)
	if len(payload) == 0 {
		e.count.unrelayed.Add(1)
		return
	}
	x.head.Sequence++
	h := x.head
	h.PayloadType, h.Start, h.End = sess.agreed.SendPT, rtp.HeaderSize, rtp.HeaderSize+copy(s.out[rtp.HeaderSize:], payload)
	s.emit(e, sess, rtp.Source{Owner: x.serial, SSRC: h.SSRC}, h, s.out[:h.End], now)
}
