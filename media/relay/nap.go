package relay

import "time"

const (
	napFrom  = 4000                   // packets a second on one shard, forty calls; below that every packet is served as it comes
	napGrid  = 2 * time.Millisecond   // a busy shard serves what has come at these moments
	napLeast = 100 * time.Microsecond // a shorter rest costs more than it gathers
	napSpan  = 100 * time.Millisecond
)

// napper makes a busy shard gather packets, so that one wake-up serves many: on a processor that is idle in between, a wake-up costs more than a packet. It
// wakes at fixed moments, two milliseconds apart: phones send every 10, 20, 30, 40 or 60 ms, so each packet of a stream waits as long as the one before,
// and gathering adds delay but no jitter. At the load of a few dozen calls it never waits.
type napper struct {
	since int64 // start of the span being counted
	count int
	on    bool
}

// saw counts packets and judges by the rate of the last span.
func (n *napper) saw(packets int, now int64) {
	n.count += packets
	span := now - n.since
	if span < int64(napSpan) {
		return
	}
	n.on = int64(n.count)*int64(time.Second)/span >= napFrom
	n.since, n.count = now, 0
}

// rest is how long to wait for the next moment of the grid.
func (n *napper) rest(now int64) time.Duration {
	left := napGrid - time.Duration(now%int64(napGrid))
	if left < napLeast {
		left += napGrid
	}
	return left
}
