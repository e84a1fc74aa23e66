package secure

import (
	"cmp"
	"slices"
)

// SourceState is the progress of one SSRC under a key: with it another process can carry on without a gap.
type SourceState struct {
	SSRC      uint32
	ROC       uint32 // rollover counter of Sequence
	Sequence  uint16 // highest RTP sequence number
	HasRTP    bool
	RTCPIndex uint32 // last SRTCP index
}

// Snapshot lists the progress of every source, by SSRC. It holds no key.
func (c *Context) Snapshot() []SourceState {
	out := make([]SourceState, 0, len(c.sources))
	for ssrc, s := range c.sources {
		out = append(out, SourceState{SSRC: ssrc, ROC: s.roc, Sequence: s.sequence, HasRTP: s.seen, RTCPIndex: s.rtcpIndex})
	}
	slices.SortFunc(out, func(a, b SourceState) int { return cmp.Compare(a.SSRC, b.SSRC) })
	return out
}

// Restore sets a fresh Context to a Snapshot. What was authenticated before the Snapshot is refused as a replay.
// ErrExhausted if there are more sources than one key may carry.
func (c *Context) Restore(states []SourceState) error {
	if len(states) > maxSources {
		return ErrExhausted
	}
	for _, st := range states {
		s := &source{ssrc: st.SSRC, sequence: st.Sequence, roc: st.ROC, seen: st.HasRTP, rtcpIndex: st.RTCPIndex, restored: true, rtcpFloor: st.RTCPIndex}
		if st.HasRTP {
			s.floor = uint64(st.ROC)<<16 | uint64(st.Sequence)
		}
		c.sources[st.SSRC] = s
	}
	c.last = nil
	return nil
}

// rocOf estimates the rollover counter of seq from the highest known sequence number (RFC 3711 section 3.3.1).
func (s *source) rocOf(seq uint16) uint32 {
	switch {
	case !s.seen:
		return s.roc
	case seq-s.sequence < 1<<15 && seq < s.sequence:
		return s.roc + 1
	case s.sequence-seq < 1<<15 && seq > s.sequence && s.roc > 0:
		return s.roc - 1
	}
	return s.roc
}
