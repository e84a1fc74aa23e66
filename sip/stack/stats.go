package stack

import (
	"sync"
	"sync/atomic"
	"time"
)

// Stats counters only grow; those of the second line and QueueDelay are gauges. QueueFull is part of Shed. Withheld are answers to
// strangers that would have been much larger than the request. Overrun are datagrams that the kernel dropped before we read them. Refused are WebSocket handshakes.
type Stats struct {
	Received, Sent, Malformed, Shed, QueueFull, Retransmitted, Duplicates, Withheld, Refused, Panics uint64
	Overrun                                                                                          uint64
	Transactions, Connections, WebSockets, Queued                                                    int
	QueueDelay                                                                                       time.Duration
}

type counters struct {
	received, sent, malformed, shed, queueFull, retransmitted, duplicates, withheld, refused atomic.Uint64
	sockets                                                                                  atomic.Int64
}

// Stats is a snapshot.
func (s *Stack) Stats() Stats {
	out := Stats{
		Received: s.stats.received.Load(), Sent: s.stats.sent.Load(), Malformed: s.stats.malformed.Load(), Shed: s.stats.shed.Load(),
		Retransmitted: s.stats.retransmitted.Load(), Duplicates: s.stats.duplicates.Load(), Withheld: s.stats.withheld.Load(), Panics: s.panics.Load(), Refused: s.stats.refused.Load(), WebSockets: int(s.stats.sockets.Load()),
		Transactions: int(s.transactions.Load()),
	}
	s.pool.mu.Lock()
	out.Connections = s.pool.total
	s.pool.mu.Unlock()
	for _, sh := range s.shards {
		out.Queued += sh.queue.len()
	}
	for _, l := range s.packets {
		out.Overrun += kernelDropped(l.pc)
	}
	out.QueueDelay, out.QueueFull = s.QueueDelay(), s.stats.queueFull.Load()
	return out
}

// sampler lets one event per second through and counts the others.
type sampler struct {
	mu      sync.Mutex
	at      time.Time
	skipped int
}

// next tells whether this one is let through, and how many were not since the last.
func (s *sampler) next() (skipped int, ok bool) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.at.IsZero() && now.Sub(s.at) < time.Second {
		s.skipped++
		return 0, false
	}
	skipped, s.skipped, s.at = s.skipped, 0, now
	return skipped, true
}
