package relay

import (
	"naisen/media"
	"naisen/media/rtp"
)

var _ media.Copier = (*endpoint)(nil)

// Copy implements media.Copier.
func (e *endpoint) Copy(to media.Endpoint) (stop func()) {
	other, ok := to.(*endpoint)
	if !ok || other == e {
		return func() {}
	}
	other.rehome(e.home.Load())
	e.web.copied.Store(other)
	return func() { e.web.copied.CompareAndSwap(other, nil) }
}

// duplicate sends a packet to who is sent a peer's voice as well, before the packet itself is changed for its own way. The endpoint follows to this
// shard when the speaker has moved; what comes meanwhile is dropped and counted.
func (s *shard) duplicate(from, to *endpoint, k kind, h rtp.Header, pkt []byte, now int64) {
	if to.shard.Load() != s {
		to.rehome(s)
		to.count.gated.Add(1)
		return
	}
	if h.End > maxDatagram {
		to.count.malformed.Add(1)
		return
	}
	s.forward(from, to, k, h, s.out[:copy(s.out[:], pkt[:h.End])], now)
}
