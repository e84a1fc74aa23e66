package rtp

import "time"

const (
	maxDropout  = 3000            // packets; RFC 3550 appendix A.1
	maxMisorder = 100             // packets; the same
	maxSkew     = 2 * time.Second // by which a source's clock may disagree with ours before it counts as a new one
	sentWindow  = 128             // sequence numbers remembered as sent
)

// Restamper gives a peer one unbroken stream (one SSRC, sequence numbers without a step, a timestamp that follows the clock) out of sources
// that come and go: ring-back, prompts, the other leg, its re-INVITE, digits. It never gives a sequence number twice, which under SRTP
// would repeat the key stream. Not safe for concurrent use: one goroutine, or a lock of the leg that sends.
type Restamper struct {
	ssrc  uint32
	clock int64 // RTP clock, Hz
	frame uint32

	owner   Source
	started bool
	shift   int64  // extended sequence out - in, of this source
	tsShift uint32 // timestamp out - in, of this source
	base    int64  // extended sequence of this source's first packet: nothing before it belongs to it
	inHigh  int64  // highest extended sequence in
	inTS    uint32 // its timestamp
	inAt    int64  // when that timestamp was first seen, nanoseconds

	top   int64  // highest extended sequence sent
	topTS uint32 // its timestamp
	topAt int64  // when that timestamp was first sent, nanoseconds
	sent  [sentWindow / 64]uint64
}

// Source identifies who speaks: an owner that the caller numbers, and the SSRC that the owner uses.
type Source struct {
	Owner uint64
	SSRC  uint32
}

// NewRestamper starts a stream with the given SSRC and RTP clock (8000 for all of G.711 and G.722).
// seq and ts should be random; the top bit of seq is dropped so that the receiver cannot miss the first rollover (RFC 3711 section 3.3.1).
func NewRestamper(ssrc uint32, seq uint16, ts uint32, clock int) *Restamper {
	r := &Restamper{ssrc: ssrc, clock: int64(clock), frame: uint32(clock / 50)}
	r.top = int64(seq&0x7fff) - 1
	r.topTS = ts - r.frame
	return r
}

// SetClock goes on on another RTP clock, Hz: the negotiation brought another codec. The next packet counts as one of another source, so
// that its timestamp follows on by the time that passed (RFC 7160 section 4.1 is what receivers make of it).
func (r *Restamper) SetClock(clock int) {
	if int64(clock) != r.clock {
		r.clock, r.frame, r.owner = int64(clock), uint32(clock/50), Source{}
	}
}

// SSRC of the stream.
func (r *Restamper) SSRC() uint32 { return r.ssrc }

// Shift is what is added to the sequence numbers and timestamps of a source, as long as it is the one that speaks and does not start anew: all that
// a forwarder needs which only rewrites headers. false: it is not.
func (r *Restamper) Shift(from Source) (seq uint16, ts uint32, ok bool) {
	return uint16(r.shift), r.tsShift, r.started && r.owner == from
}

// Last returns the highest sequence number sent and its timestamp.
func (r *Restamper) Last() (seq uint16, ts uint32) { return uint16(r.top), r.topTS }

// Stamp maps a packet's header into the stream; now is monotonic nanoseconds. Start, End and the payload type stay as they are.
// false: drop the packet; its place is before the change of source, or was sent already.
func (r *Restamper) Stamp(from Source, in Header, now int64) (Header, bool) {
	if !r.started || from != r.owner || r.broken(in, now) {
		r.change(from, in, now)
		in.Marker = true
	}
	inExt := r.inHigh + int64(int16(in.Sequence-uint16(r.inHigh)))
	ext := inExt + r.shift
	if ext < r.base || !r.mark(ext) {
		return Header{}, false
	}
	if inExt >= r.inHigh {
		if in.Timestamp != r.inTS {
			r.inTS, r.inAt = in.Timestamp, now
		}
		r.inHigh = inExt
	}
	in.SSRC, in.Sequence, in.Timestamp = r.ssrc, uint16(ext), in.Timestamp+r.tsShift
	if ext == r.top && in.Timestamp != r.topTS {
		r.topTS, r.topAt = in.Timestamp, now
	}
	return in, true
}

// change makes in the next packet of the stream: sequence one on, timestamp on by the time that passed, one frame at least.
func (r *Restamper) change(from Source, in Header, now int64) {
	step := r.frame
	if r.started {
		if passed := r.ticks(now - r.topAt); passed > int64(step) {
			step = uint32(passed)
		}
	}
	r.owner, r.started = from, true
	r.base = r.top + 1
	r.inHigh, r.inTS, r.inAt = int64(in.Sequence), in.Timestamp, now
	r.shift = r.base - r.inHigh
	r.tsShift = r.topTS + step - in.Timestamp
}

// broken says that the source restarted without changing its SSRC: its sequence numbers jump beyond RFC 3550 appendix A.1,
// or its timestamp leaves the clock. A fixed timestamp is a digit (RFC 4733 section 2.5.1.2), however long.
func (r *Restamper) broken(in Header, now int64) bool {
	d := in.Sequence - uint16(r.inHigh)
	if d > maxDropout && d < 1<<16-maxMisorder {
		return true
	}
	if d >= 1<<15 || in.Timestamp == r.inTS { // late, or the same moment
		return false
	}
	skew := int64(int32(in.Timestamp-r.inTS)) - r.ticks(now-r.inAt)
	limit := r.ticks(int64(maxSkew))
	return skew > limit || skew < -limit
}

func (r *Restamper) ticks(nanos int64) int64 {
	return nanos / 1000 * r.clock / 1_000_000
}

// mark notes ext as sent; false if it was sent before or is too old to know.
func (r *Restamper) mark(ext int64) bool {
	if ahead := ext - r.top; ahead > 0 {
		for ; ahead >= 64; ahead -= 64 {
			r.sent[1], r.sent[0] = r.sent[0], 0
		}
		if ahead > 0 {
			r.sent[1] = r.sent[1]<<ahead | r.sent[0]>>(64-ahead)
			r.sent[0] <<= ahead
		}
		r.sent[0] |= 1
		r.top = ext
		return true
	}
	back := r.top - ext
	if back >= sentWindow {
		return false
	}
	bit := uint64(1) << (back % 64)
	if r.sent[back/64]&bit != 0 {
		return false
	}
	r.sent[back/64] |= bit
	return true
}
