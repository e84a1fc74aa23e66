package relay

import "time"

const (
	lateSource  = 200 * time.Millisecond // packets of the SSRC before arrive so long after a change
	streamQuiet = time.Second            // in which a stream that goes on elsewhere was not heard where it was
	maxDropout  = 3000                   // packets that may be missing where a stream goes on (RFC 3550 appendix A.1)
	sourceQuiet = 60 * time.Millisecond  // and are not taken for a change back while the present one speaks
)

// stream says which SSRC is the peer's voice. It is a value without clock or socket.
//
// The first trusted packet pins the SSRC. A change is taken at once, since its source already proved itself (key or pinned address) and
// waiting would lose speech (threats E8); but late packets of the SSRC before do not change it back, else reordering around a change
// would tear the stream in two.
type stream struct {
	started   bool
	ssrc      uint32
	high      uint16 // highest sequence number
	last      int64  // arrival of the last packet
	old       uint32 // the SSRC before
	changedAt int64  // 0: never
}

// take judges a trusted packet: ok says that it belongs to the stream, newest that nothing newer arrived before.
func (s *stream) take(ssrc uint32, seq uint16, now int64) (ok, newest bool) {
	switch {
	case !s.started:
		s.started = true
	case ssrc == s.ssrc:
		s.last = now
		ahead := int16(seq-s.high) > 0
		if ahead {
			s.high = seq
		}
		return true, ahead
	case s.changedAt != 0 && ssrc == s.old && now-s.changedAt < int64(lateSource) && now-s.last < int64(sourceQuiet):
		return false, false
	default:
		s.old, s.changedAt = s.ssrc, now
	}
	s.ssrc, s.high, s.last = ssrc, seq, now
	return true, true
}

// goesOn says that a packet can only be of the stream, and that nothing of it came for streamQuiet.
func (s *stream) goesOn(ssrc uint32, seq uint16, now int64) bool {
	ahead := seq - s.high
	return s.started && ssrc == s.ssrc && ahead > 0 && ahead < maxDropout && now-s.last >= int64(streamQuiet)
}
