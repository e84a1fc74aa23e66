package relay

import "time"

const (
	napFrom  = 8000 // packets a second on one shard, about eighty calls; below that every packet is served as it comes
	napBatch = 24   // packets that one wake-up shall find
	napMax   = time.Millisecond
	napSpan  = 100 * time.Millisecond
)

// napper makes a busy shard wait a little between batches, so that one wake-up serves several packets. At the load of a few dozen calls
// it never waits.
type napper struct {
	since int64 // start of the span being counted
	count int
	pause time.Duration
}

// saw counts packets and sets the pause by the rate of the last span.
func (n *napper) saw(packets int, now int64) {
	n.count += packets
	span := now - n.since
	if span < int64(napSpan) {
		return
	}
	n.pause = pauseFor(int64(n.count) * int64(time.Second) / span)
	n.since, n.count = now, 0
}

// pauseFor gives the pause for a rate in packets a second.
func pauseFor(rate int64) time.Duration {
	if rate < napFrom {
		return 0
	}
	return min(napMax, napBatch*time.Second/time.Duration(rate))
}
