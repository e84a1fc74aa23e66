package relay

import (
	"sync/atomic"
	"time"

	"naisen/media"
	"naisen/media/dtmf"
	"naisen/media/quality"
	"naisen/media/rtp"
)

// qualityInterval is how often a leg's quality is judged.
const qualityInterval = 5 * time.Second

// gauge judges a leg, both directions apart: what we receive every five seconds by our own figures, what the peer receives by each of its
// reports. It belongs to the endpoint's shard; what it found is published as a value.
type gauge struct {
	next                 int64 // when the running interval ends
	received, lost, gaps uint64
	interval             quality.Network // the last one
	tones                *dtmf.Detector  // of a peer without telephone-event; nil until it speaks
	speaksXR             bool            // the peer sent extended reports: it gets ours
	state                media.Quality
	shown                atomic.Pointer[media.Quality] // nil: nothing is known yet
	reportAt             int64                         // of RTCP; it stands here, as what follows, since an endpoint just fits a size that the allocator has
	lull                 time.Duration                 // of the profile; never written again
	lulled               int64                         // when Lull was posted last; 0: not since it was heard
}

// judge closes the interval when it is over.
func (s *shard) judge(e *endpoint, sess *session, now int64) {
	g, l := e.gauge, &e.leg
	if now < g.next {
		return
	}
	begun := g.next != 0
	g.next = now + int64(qualityInterval)
	received, lost, gaps := e.count.received.Load(), l.receiver.Lost(), l.receiver.Gaps()
	got, gone, runs := received-g.received, lost-min(g.lost, lost), gaps-g.gaps
	g.received, g.lost, g.gaps = received, lost, gaps
	if !begun || got == 0 || sess.audio == kindNone || sess.audio == kindFax { // nothing came: a hold is no bad line
		return
	}
	n := quality.Network{Codec: sess.agreed.Codec, Loss: float64(gone) / float64(got+gone), Jitter: l.receiver.Jitter(), RoundTrip: g.state.RoundTrip}
	if runs > 0 {
		n.Burst = float64(gone) / float64(runs) * (1 - n.Loss)
	}
	g.interval = n
	assess(&g.state.FromPeer, n)
	e.tellQuality()
}

// assess adds one interval to a direction.
func assess(h *media.Hearing, n quality.Network) {
	mos := n.MOS()
	if h.Intervals == 0 {
		h.Worst = mos
	}
	h.Mean = (h.Mean*float64(h.Intervals) + mos) / float64(h.Intervals+1)
	h.Worst, h.MOS, h.Loss, h.Jitter = min(h.Worst, mos), mos, n.Loss, n.Jitter
	h.Intervals++
}

// tellQuality publishes what the gauge has: once in some seconds, never for each packet.
func (e *endpoint) tellQuality() {
	q := e.gauge.state
	e.gauge.shown.Store(&q)
}

// reported takes what the peer tells of the stream that we send it.
func (s *shard) reported(e *endpoint, sess *session, b rtp.Reception) {
	g := e.gauge
	if rtt := b.RoundTrip(rtp.NTP(e.engine.cfg.Clock())); rtt > 0 {
		g.state.RoundTrip = rtt
		e.count.roundTrip.Store(int64(rtt))
	}
	e.count.remoteLost.Store(uint64(max(b.Lost, 0)))
	assess(&g.state.ToPeer, quality.Network{Codec: sess.agreed.Codec, Loss: float64(b.Fraction) / 256,
		Jitter: time.Duration(b.Jitter) * time.Second / time.Duration(sess.clock), RoundTrip: g.state.RoundTrip})
	e.tellQuality()
}

// extended takes the peer's VoIP metrics: they know what its jitter buffer threw away. Its own opinion scores are not believed; ours are made
// of its figures.
func (s *shard) extended(e *endpoint, sess *session, m *rtp.Metrics) {
	g := e.gauge
	g.speaksXR = true
	if m.SSRC != e.ssrc {
		return
	}
	n := quality.Network{Codec: sess.agreed.Codec, Loss: min(m.Loss+m.Discard, 1), Jitter: g.state.ToPeer.Jitter, RoundTrip: g.state.RoundTrip}
	if n.Loss > 0 && m.BurstDensity > 0 {
		n.Burst = 1 / (1 - min(m.BurstDensity, 0.9)) // mean run of losses inside a burst
	}
	assess(&g.state.ToPeer, n)
	e.tellQuality()
}

// metrics appends our own VoIP metrics to a report for a peer that speaks them.
func (e *endpoint) metrics(pkt []byte) ([]byte, error) {
	g := e.gauge
	ssrc, heard := e.leg.receiver.SSRC()
	if !g.speaksXR || !heard || g.state.FromPeer.Intervals == 0 {
		return pkt, nil
	}
	n := g.interval
	listening := n
	listening.RoundTrip = 0
	return rtp.AppendMetrics(pkt, e.ssrc, rtp.Metrics{SSRC: ssrc, Loss: n.Loss, GapDensity: n.Loss, RoundTrip: n.RoundTrip, R: int(n.R() + 0.5),
		MOSListening: listening.MOS(), MOSConversation: n.MOS()})
}
