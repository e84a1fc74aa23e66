package relay

import (
	"sync/atomic"
	"time"

	"naisen/media"
	"naisen/media/rtp"
)

const (
	frameTime   = 20 * time.Millisecond
	maxBehind   = 200 * time.Millisecond // a pacer later than this starts a new schedule instead of a burst
	digitLength = 120 * time.Millisecond
	digitGap    = 60 * time.Millisecond
	maxDigits   = 32 // waiting to be sent
)

// play is one Play under way, owned by the endpoint's shard but for stopped.
type play struct {
	src     media.Source
	stopped atomic.Bool
	serial  uint64
	begun   bool
	next    int64 // when the next frame is due
	head    rtp.Header
	told    media.PlayEnded
}

// Play replaces what the peer hears from the bridge. A Play while another runs ends that one. It begins when the leg is
// negotiated and may send, and it pauses while the peer is on hold: a notice must be heard.
func (e *endpoint) Play(src media.Source) (stop func()) {
	p := &play{src: src, serial: e.engine.serial.Add(1)}
	p.told.SSRC, p.told.Source = e.ssrc, src
	p.head = rtp.Header{Sequence: uint16(random32()), Timestamp: random32(), SSRC: random32()}
	if e.closing.Load() {
		e.post(p.told)
		return func() {}
	}
	e.command(func(s *shard, e *endpoint, now int64) {
		e.endPlay(false, now)
		e.leg.play = p
		if e.leg.gone {
			e.endPlay(false, now)
			return
		}
		s.repace(e)
	})
	return func() {
		if p.stopped.CompareAndSwap(false, true) {
			e.command(func(_ *shard, e *endpoint, now int64) {
				if e.leg.play == p {
					e.endPlay(false, now)
				}
			})
		}
	}
}

// endPlay ends the play that is heard, if any, and tells the call, once.
func (e *endpoint) endPlay(complete bool, now int64) {
	p := e.leg.play
	if p == nil {
		return
	}
	e.leg.play = nil
	p.told.Complete, p.told.EndedAt = complete, now
	if p.told.StartedAt == 0 {
		p.told.StartedAt = now
	}
	e.post(p.told)
}

// perform sends what is due to one endpoint and says when it is due again; 0: nothing left.
func (s *shard) perform(e *endpoint, now int64) int64 {
	sess := e.current(now)
	if !e.leg.busy() {
		return 0
	}
	if sess == nil || !sess.sends {
		return now + int64(frameTime) // looked at again when the negotiation is complete or the hold ends
	}
	if due := s.performDigit(e, sess, now); due != 0 {
		return due
	}
	if e.leg.play == nil {
		return 0
	}
	return s.performPlay(e, sess, now)
}

// performPlay sends the frames that are due. The schedule is fixed by the first frame, so lateness of the loop does not add up.
func (s *shard) performPlay(e *endpoint, sess *session, now int64) int64 {
	p := e.leg.play
	if !p.begun || now-p.next > int64(maxBehind) {
		p.begun, p.next = true, now
	}
	for p.next <= now {
		payload, ok := p.src.Next()
		if !ok {
			e.endPlay(true, now)
			return 0
		}
		if !s.frameOut(e, sess, p, payload, now) {
			e.endPlay(false, now)
			return 0
		}
		p.next += int64(frameTime)
	}
	return p.next
}

// frameOut sends one frame of a source and shows it to the taps; false if the source's codec cannot be heard on this leg.
func (s *shard) frameOut(e *endpoint, sess *session, p *play, payload []byte, now int64) bool {
	k := kindOf(p.src.Codec())
	if !relays(k, sess.audio) || len(payload) > maxDatagram-rtp.HeaderSize {
		return false
	}
	n := rtp.HeaderSize + copy(s.out[rtp.HeaderSize:], payload)
	if translate := translation(k, sess.audio); translate != nil {
		translate(s.out[rtp.HeaderSize:n])
	}
	h := p.head
	h.PayloadType, h.Start, h.End = sess.agreed.SendPT, rtp.HeaderSize, n
	p.head.Sequence++
	p.head.Timestamp += uint32(sess.clock / 50)
	// The taps see it before it is encrypted in place; the header that they see is what Stamp will give.
	r := e.route.Load()
	tapped := r != nil && len(r.taps) > 0
	if tapped {
		copy(s.shown[:], s.out[rtp.HeaderSize:n])
	}
	out, sent := s.emit(e, sess, rtp.Source{Owner: p.serial, SSRC: h.SSRC}, h, s.out[:n], now)
	if !sent {
		return true
	}
	if tapped {
		s.show(r, media.Frame{
			From: e.id, Played: true, Codec: sess.agreed.Codec, Payload: s.shown[:n-rtp.HeaderSize],
			Sequence: out.Sequence, Timestamp: out.Timestamp, SSRC: out.SSRC, Marker: out.Marker, Arrived: now,
		})
	}
	if p.told.Packets == 0 {
		p.told.FirstRTP, p.told.FirstSequence, p.told.StartedAt = out.Timestamp, out.Sequence, now
	}
	p.told.LastRTP, p.told.LastSequence = out.Timestamp, out.Sequence
	p.told.Packets++
	return true
}

// keys are the digits that a leg sends to its peer.
type keys struct {
	waiting []rune
	now     *digit
	after   int64 // the next one not before: the gap after the last one
}

// digit is one press being sent.
type digit struct {
	event  *rtp.Event
	head   rtp.Header
	serial uint64
	next   int64
}

// queueDigit adds a press to those waiting.
func (s *shard) queueDigit(e *endpoint, r rune) {
	if e.leg.keys == nil {
		e.leg.keys = &keys{}
	}
	if e.leg.gone || len(e.leg.keys.waiting) >= maxDigits {
		e.count.digitsDropped.Add(1)
		return
	}
	e.leg.keys.waiting = append(e.leg.keys.waiting, r)
	s.repace(e)
}

// performDigit sends what is due of the digits and says when to come back; 0: no digit. What is played waits meanwhile.
func (s *shard) performDigit(e *endpoint, sess *session, now int64) int64 {
	l := e.leg.keys
	if l == nil {
		return 0
	}
	if l.now == nil {
		switch {
		case len(l.waiting) == 0:
			return 0
		case now < l.after:
			return l.after
		}
		if sess.agreed.EventSendPT == 0 { // nobody agreed to hear them
			e.count.digitsDropped.Add(uint64(len(l.waiting)))
			l.waiting = nil
			return 0
		}
		event, _ := rtp.NewEvent(l.waiting[0], digitLength, sess.agreed.EventClock)
		l.waiting = l.waiting[1:]
		l.now = &digit{event: event, serial: e.engine.serial.Add(1), next: now, head: rtp.Header{Sequence: uint16(random32()), Timestamp: random32()}}
	}
	d := l.now
	if now < d.next {
		return d.next
	}
	payload, marker, ok := d.event.Next()
	if !ok {
		l.now, l.after = nil, now+int64(digitGap)
		if len(l.waiting) > 0 {
			return l.after
		}
		return 0
	}
	h := d.head
	d.head.Sequence++
	h.Marker, h.PayloadType = marker, sess.agreed.EventSendPT
	h.Start, h.End = rtp.HeaderSize, rtp.HeaderSize+copy(s.out[rtp.HeaderSize:], payload)
	s.emit(e, sess, rtp.Source{Owner: d.serial}, h, s.out[:h.End], now)
	d.next += int64(frameTime)
	return d.next
}
