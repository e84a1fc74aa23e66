package relay

import (
	"time"

	"golang.org/x/sys/unix"
)

const (
	napFrom = 4000 // packets a second on one shard; below that every packet is served as it comes
	napFull = 12000
	napMax  = 2 * time.Millisecond
	napSpan = 100 * time.Millisecond
)

// napper makes a busy shard wait a little between batches, so that one wake-up serves several packets: at 25,000 packets a second a batch
// of 2 ms holds fifty. At the load of a few dozen calls it never waits.
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
	rate := int64(n.count) * int64(time.Second) / span
	n.pause = pauseFor(rate)
	n.since, n.count = now, 0
}

// pauseFor gives the pause for a rate in packets a second: none, then growing to napMax.
func pauseFor(rate int64) time.Duration {
	switch {
	case rate < napFrom:
		return 0
	case rate >= napFull:
		return napMax
	}
	return napMax * time.Duration(rate-napFrom+1000) / (napFull - napFrom + 1000)
}

// nap waits in the kernel, with the scheduler told: this is no timer but a part of waiting for packets.
func (n *napper) nap(int64) {
	if n.pause == 0 {
		return
	}
	t := unix.NsecToTimespec(int64(n.pause))
	_ = unix.Nanosleep(&t, nil)
}
