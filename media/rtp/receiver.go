package rtp

import "time"

// Receiver keeps the statistics of one received stream (RFC 3550 appendices A.1, A.3, A.8). Not safe for concurrent use.
// When the SSRC changes the totals go on and the sequence starts anew.
type Receiver struct {
	clock int64

	started  bool
	ssrc     uint32
	highest  int64 // extended sequence number
	base     int64 // first of this SSRC
	received int64 // of this SSRC
	transit  int64
	jitter   int64 // RTP clock units, times 16

	priorExpected, priorReceived int64 // at the last report
	lostBefore                   int64 // of earlier SSRCs
	gaps                         int64 // runs of packets that did not come in order

	lastSR   uint32 // middle 32 bits of the peer's NTP time
	lastSRAt int64
}

// NewReceiver for a stream on the given RTP clock, Hz.
func NewReceiver(clock int) *Receiver { return &Receiver{clock: int64(clock)} }

// SetClock goes on on another RTP clock, Hz: the negotiation brought another codec. The totals stay.
func (r *Receiver) SetClock(clock int) {
	if int64(clock) != r.clock {
		r.clock, r.jitter, r.transit = int64(clock), 0, 0
	}
}

// Packet counts one authenticated packet that arrived at the given monotonic nanoseconds.
// timed is false for telephone events, whose timestamp stands still: they count, but say nothing about jitter.
func (r *Receiver) Packet(h Header, arrived int64, timed bool) {
	d := h.Sequence - uint16(r.highest)
	if !r.started || h.SSRC != r.ssrc || d > maxDropout && d < 1<<16-maxMisorder {
		r.restart(h)
	} else if step := int64(int16(d)); step > 0 {
		if r.highest += step; step > 1 {
			r.gaps++
		}
	}
	r.received++
	if !timed {
		return
	}
	transit := arrived/1000*r.clock/1_000_000 - int64(h.Timestamp)
	if r.received > 1 && r.transit != 0 {
		diff := int64(int32(uint32(transit - r.transit)))
		if diff < 0 {
			diff = -diff
		}
		r.jitter += diff - (r.jitter+8)>>4
	}
	r.transit = transit
}

func (r *Receiver) restart(h Header) {
	if r.started {
		r.lostBefore += r.lost()
	}
	r.started, r.ssrc = true, h.SSRC
	r.highest, r.base = int64(h.Sequence), int64(h.Sequence)
	r.received, r.priorExpected, r.priorReceived = 0, 0, 0
	r.transit = 0
}

func (r *Receiver) lost() int64 { return max(r.highest-r.base+1-r.received, 0) }

// Lost is the number of packets that never arrived, over all SSRCs. A late packet lowers it again.
func (r *Receiver) Lost() uint64 { return uint64(r.lostBefore + r.lost()) }

// Gaps is how many runs of missing packets there were: lost ones by it is the mean length of a run.
func (r *Receiver) Gaps() uint64 { return uint64(r.gaps) }

// Jitter is the interarrival jitter (RFC 3550 section 6.4.1).
func (r *Receiver) Jitter() time.Duration {
	return time.Duration(r.jitter>>4) * time.Second / time.Duration(r.clock)
}

// SSRC of the stream, and whether there was any packet.
func (r *Receiver) SSRC() (uint32, bool) { return r.ssrc, r.started }

// SenderReport notes the peer's SR, for the round trip that the peer computes.
func (r *Receiver) SenderReport(ntp uint64, now int64) { r.lastSR, r.lastSRAt = uint32(ntp>>16), now }

// Report makes the reception block for our next report and starts a new interval; ok is false if nothing was received yet.
func (r *Receiver) Report(now int64) (b Reception, ok bool) {
	if !r.started {
		return Reception{}, false
	}
	expected := r.highest - r.base + 1
	b = Reception{
		SSRC: r.ssrc, Lost: int32(min(expected-r.received, 1<<23-1)), Highest: uint32(r.highest), Jitter: uint32(r.jitter >> 4),
	}
	due, got := expected-r.priorExpected, r.received-r.priorReceived
	r.priorExpected, r.priorReceived = expected, r.received
	if due > 0 && due > got {
		b.Fraction = uint8(min((due-got)<<8/due, 255))
	}
	if r.lastSRAt != 0 {
		b.LastSR = r.lastSR
		b.Delay = uint32((now - r.lastSRAt) / 1000 * 65536 / 1_000_000)
	}
	return b, true
}
