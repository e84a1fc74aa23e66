package relay

import (
	"encoding/binary"

	"naisen/media/rtp"
)

const longest = 0xffff // duration of one segment (RFC 4733 section 2.5.1.3)

// echo is a digit of one member being made anew for another one whose clock is another one or whose audio is made anew too. Its timestamps
// are the listener's stream's own (RFC 4733 section 2.1): the moment at which it began there.
type echo struct {
	speaker uint64
	ssrc    uint32
	began   uint32 // timestamp of the speaker's present segment
	whole   uint32 // of its earlier segments, on its clock
	code    byte
	serial  uint64 // ours, for the restamper
	seq     uint16
}

// regenerates says that an event cannot keep its place in the audio's timestamps on its way.
func regenerates(from, to *session) bool {
	return from.agreed.EventClock != to.agreed.EventClock || from.clock != from.agreed.EventClock || to.clock != to.agreed.EventClock ||
		!relays(from.audio, to.audio)
}

// regenerate sends one packet of a digit.
func (s *shard) regenerate(from, to *endpoint, source, sess *session, h rtp.Header, payload []byte, now int64) {
	if len(payload) < rtp.EventSize {
		from.count.malformed.Add(1)
		return
	}
	e, length := to.leg.echo, uint32(binary.BigEndian.Uint16(payload[2:]))
	same := e != nil && e.speaker == from.serial && e.ssrc == h.SSRC
	switch {
	case same && h.Timestamp == e.began:
	case same && h.Timestamp == e.began+longest && payload[0] == e.code:
		e.began, e.whole = h.Timestamp, e.whole+longest
	case same && int32(h.Timestamp-e.began) < 0:
		return // late, of a digit before
	default:
		e = &echo{speaker: from.serial, ssrc: h.SSRC, began: h.Timestamp, code: payload[0], serial: s.engine.serial.Add(1), seq: uint16(random32())}
		to.leg.echo = e
	}
	ticks := uint32(uint64(e.whole+length) * uint64(sess.agreed.EventClock) / uint64(source.agreed.EventClock))
	segment := uint32(0)
	if ticks > longest {
		segment = (ticks - 1) / longest
	}
	out := rtp.Header{PayloadType: sess.agreed.EventSendPT, Sequence: e.seq, Start: rtp.HeaderSize, End: rtp.HeaderSize + rtp.EventSize}
	e.seq++
	// The stream's clock is the audio's; an event clock that differs from it counts the same moments (RFC 4733 section 2.1 forbids it, peers do it).
	out.Timestamp = segment * longest * uint32(sess.clock/sess.agreed.EventClock)
	body := s.out[out.Start:out.End]
	copy(body, payload[:2])
	binary.BigEndian.PutUint16(body[2:], uint16(ticks-segment*longest))
	s.emit(to, sess, rtp.Source{Owner: e.serial}, out, s.out[:out.End], now)
	if t := to.leg.trans; t != nil {
		t.muted = now + int64(muteEvent)
	}
}
