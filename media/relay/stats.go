package relay

import (
	"sync/atomic"
	"time"

	"naisen/media"
)

// counters of one endpoint: written by its shard, read by anyone.
type counters struct {
	received, sent           atomic.Uint64 // RTP packets
	receivedBytes, sentBytes atomic.Uint64 // payload
	unauthentic, replayed    atomic.Uint64
	stranger, malformed      atomic.Uint64
	early                    atomic.Uint64 // before the negotiation was complete, or on probation
	unnegotiated             atomic.Uint64 // payload type, direction or SSRC that was not agreed
	unrelayed                atomic.Uint64 // the other side has no such codec
	gated                    atomic.Uint64 // nobody was to hear it
	excess                   atomic.Uint64 // above Config.PacketRate
	stun                     atomic.Uint64
	sendErrors               atomic.Uint64
	reportsIn, reportsOut    atomic.Uint64 // RTCP
	digitsDropped            atomic.Uint64

	lost, remoteLost  atomic.Uint64
	jitter, roundTrip atomic.Int64 // nanoseconds
}

// tally is a copy of the counters.
type tally struct {
	received, sent, receivedBytes, sentBytes uint64
	unauthentic, replayed                    uint64
	stranger, malformed, early               uint64
	unnegotiated, unrelayed, gated           uint64
	stun, sendErrors, reportsIn, reportsOut  uint64
	digitsDropped, lost, excess              uint64
}

func (c *counters) read() tally {
	return tally{
		received: c.received.Load(), sent: c.sent.Load(), receivedBytes: c.receivedBytes.Load(), sentBytes: c.sentBytes.Load(),
		unauthentic: c.unauthentic.Load(), replayed: c.replayed.Load(),
		stranger: c.stranger.Load(), malformed: c.malformed.Load(), early: c.early.Load(),
		unnegotiated: c.unnegotiated.Load(), unrelayed: c.unrelayed.Load(), gated: c.gated.Load(),
		stun: c.stun.Load(), sendErrors: c.sendErrors.Load(), reportsIn: c.reportsIn.Load(), reportsOut: c.reportsOut.Load(),
		digitsDropped: c.digitsDropped.Load(), lost: c.lost.Load(), excess: c.excess.Load(),
	}
}

func (t *tally) add(o tally) {
	t.received += o.received
	t.sent += o.sent
	t.receivedBytes += o.receivedBytes
	t.sentBytes += o.sentBytes
	t.unauthentic += o.unauthentic
	t.replayed += o.replayed
	t.stranger += o.stranger
	t.malformed += o.malformed
	t.early += o.early
	t.unnegotiated += o.unnegotiated
	t.unrelayed += o.unrelayed
	t.gated += o.gated
	t.stun += o.stun
	t.sendErrors += o.sendErrors
	t.reportsIn += o.reportsIn
	t.reportsOut += o.reportsOut
	t.digitsDropped += o.digitsDropped
	t.lost += o.lost
	t.excess += o.excess
}

// Totals are the engine's counters for metrics. Endpoints and PortPairs are gauges, the rest only grows.
type Totals struct {
	Endpoints                int
	PortPairs, PortPairsMax  int
	Received, Sent           uint64 // RTP packets
	ReceivedBytes, SentBytes uint64 // payload octets
	Lost                     uint64 // gaps in what was received
	Unauthentic, Replayed    uint64 // SRTP and SRTCP
	Stranger                 uint64 // source that was not learned
	Malformed                uint64 // not RTP or RTCP, truncated, too large
	Early                    uint64 // before the negotiation was complete, or a source on probation
	Unnegotiated             uint64 // payload type, direction or SSRC that was not agreed
	Unrelayed                uint64 // no common codec across the bridge
	Gated                    uint64 // nobody was to hear it: no bridge, a gate, a hold, a prompt playing
	Excess                   uint64 // above Config.PacketRate
	STUN                     uint64 // ignored, or checks of browsers that were answered
	Strange                  uint64 // on the browsers' port, and no check of a leg of ours
	Lapsed                   uint64 // times that a browser was not sent to any more, since its checks had ceased (RFC 7675)
	SendErrors               uint64
	ReportsIn, ReportsOut    uint64 // RTCP
	Transcoded               uint64 // packets decoded and encoded again
	Concealed                uint64 // pieces of those that were made up: lost or late
	DigitsDropped            uint64 // no telephone-event agreed, or too many waiting
	Panics                   uint64 // over what a socket brought; the packet was dropped
}

// Totals sums all endpoints, closed ones included.
func (e *Engine) Totals() Totals {
	e.mu.Lock()
	t := e.past
	n := len(e.live)
	strange := uint64(0)
	for _, f := range e.fronts {
		strange += f.strange.Load()
	}
	for ep := range e.live {
		t.add(ep.count.read())
	}
	e.mu.Unlock()
	var made, concealed uint64
	for _, s := range e.shards {
		made += s.transcoded.Load()
		concealed += s.concealed.Load()
	}
	return Totals{
		Endpoints: n, PortPairs: e.ports.inUse(), PortPairsMax: len(e.ports.busy),
		Received: t.received, Sent: t.sent, ReceivedBytes: t.receivedBytes, SentBytes: t.sentBytes, Lost: t.lost,
		Unauthentic: t.unauthentic, Replayed: t.replayed, Stranger: t.stranger, Malformed: t.malformed, Early: t.early,
		Unnegotiated: t.unnegotiated, Unrelayed: t.unrelayed, Gated: t.gated, Excess: t.excess, STUN: t.stun, Strange: strange, Lapsed: e.lapsed.Load(), SendErrors: t.sendErrors,
		ReportsIn: t.reportsIn, ReportsOut: t.reportsOut, DigitsDropped: t.digitsDropped,
		Transcoded: made, Concealed: concealed, Panics: e.panics.Load(),
	}
}

// Stats of the endpoint so far. Lost, Jitter and RoundTrip are as of at most a tenth of a second ago.
func (e *endpoint) Stats() media.Stats {
	c := &e.count
	st := media.Stats{
		Received: c.received.Load(), Sent: c.sent.Load(), ReceivedBytes: c.receivedBytes.Load(), SentBytes: c.sentBytes.Load(),
		Lost: c.lost.Load(), Unauthentic: c.unauthentic.Load(), Replayed: c.replayed.Load(),
		Stranger: c.stranger.Load(), Malformed: c.malformed.Load(),
		Jitter: time.Duration(c.jitter.Load()), RoundTrip: time.Duration(c.roundTrip.Load()), RemoteLost: c.remoteLost.Load(),
	}
	if q := e.gauge.shown.Load(); q != nil {
		st.Quality = *q
	}
	if r := e.remote.Load(); r != nil {
		st.Remote = *r
	}
	if s := e.session.Load(); s != nil && s.secure {
		st.Secure, st.SRTP = true, s.suite
	}
	return st
}
