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
		st := SourceState{SSRC: ssrc, ROC: s.roc, Sequence: s.sequence, HasRTP: s.seen, RTCPIndex: s.rtcpIndex}
		if i, ok := c.srtp.Index(ssrc); ok && i > st.RTCPIndex {
			st.RTCPIndex = i
		}
		out = append(out, st)
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
		c.sources[st.SSRC] = &source{
			ssrc: st.SSRC, sequence: st.Sequence, roc: st.ROC,
			seen: st.HasRTP, resumed: true, rtcpIndex: st.RTCPIndex,
			restored: true, floor: uint64(st.ROC)<<16 | uint64(st.Sequence), rtcpFloor: st.RTCPIndex,
		}
		c.srtp.SetIndex(st.SSRC, st.RTCPIndex)
	}
	c.last = nil
	return nil
}

// resume tells the library the rollover counter of the first packet that is sent after Restore:
// the library takes the counter as that packet's own, so a wrap in between is counted here.
func (c *Context) resume(s *source, seq uint16) {
	if !s.resumed || !s.seen {
		return
	}
	s.resumed = false
	c.srtp.SetROC(s.ssrc, guessROC(s, seq))
}

// resumeReceive does the same for received packets until the first is accepted; false: the packet is not newer than the State.
func (c *Context) resumeReceive(s *source, seq uint16) bool {
	if !s.seen {
		return true
	}
	roc := guessROC(s, seq)
	if uint64(roc)<<16|uint64(seq) <= s.floor {
		return false
	}
	if s.resumed {
		c.srtp.SetROC(s.ssrc, roc)
	}
	return true
}

// guessROC estimates the rollover counter of seq from the highest known one (RFC 3711 section 3.3.1).
func guessROC(s *source, seq uint16) uint32 {
	switch {
	case seq-s.sequence < 1<<15 && seq < s.sequence:
		return s.roc + 1
	case s.sequence-seq < 1<<15 && seq > s.sequence && s.roc > 0:
		return s.roc - 1
	}
	return s.roc
}
