package limit

import (
	"crypto/rand"
	"encoding/binary"
	"sync"
	"time"
)

// Defaults of a Shedder. A caller's phone repeats an INVITE after half a second: what stands longer than the target makes work of itself.
const (
	ShedTarget = 100 * time.Millisecond

	shedTick    = 100 * time.Millisecond // of the control
	shedStands  = 5                      // ticks above the target before anything is shed: a burst is served
	shedMost    = 0.98                   // some are let through, to see whether it is over
	shedError   = 0.012                  // of the delay above or below the target, in targets, per tick
	shedChange  = 0.12                   // of its change since the tick before
	shedSpan    = 8.0                    // targets that are looked at: an hour of delay is answered like a second
	retryLeast  = 5                      // s
	retrySpread = 25                     // s, at full shedding: who is sent away together does not come back together
)

// Priority of a new request. What belongs to a call that stands, and calls for help, are never asked about.
type Priority int

// Priorities: the first is shed with the measured share, the second only when that is more than half.
const (
	New      Priority = iota
	Standing          // somebody who was here before: a refreshed registration, a request that has been challenged already
)

// Shedder sheds new requests while the queueing delay stands above a target: the lowest delay of each tick must stand above it for half a
// second, as in CoDel (RFC 8289 section 3); from then on it moves the share that it sheds by how far that is from the target and where it is going, as PIE does
// (RFC 8033 section 4.2). It needs no timer: each request that asks is a sample.
type Shedder struct {
	clock func() time.Time

	mu     sync.Mutex
	since  time.Time     // begin of the tick; zero: never asked
	low    time.Duration // lowest delay of the tick
	before time.Duration // of the one before
	above  int           // ticks in a row that were above the target
	share  float64
	debt   [2]float64 // per priority: what was not shed of a whole request
	shed   [2]uint64
	asked  [2]uint64
}

// NewShedder sheds nothing until the delay stands.
func NewShedder(clock func() time.Time) *Shedder { return &Shedder{clock: clock} }

// Ask tells whether a new request that met this queueing delay is to be served. If not, its sender may come back after retry, which is
// spread at random.
func (s *Shedder) Ask(p Priority, delay time.Duration) (retry time.Duration, ok bool) {
	now := s.clock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sample(now, delay)
	s.asked[p]++
	share := s.share
	if p == Standing {
		share = max(0, 2*share-1)
	}
	if s.debt[p] += share; s.debt[p] < 1 {
		if share == 0 {
			s.debt[p] = 0
		}
		return 0, true
	}
	s.debt[p]--
	s.shed[p]++
	return Spread(retryLeast, 1+int(retrySpread*s.share)), false
}

// Spread draws a Retry-After of least seconds and less than width more, so that those who were sent away come back apart. The draw is the
// operating system's: a simulation that seeds it plays the same again.
func Spread(least, width int) time.Duration {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails
	return time.Duration(least+int(binary.LittleEndian.Uint32(b[:]))%width) * time.Second
}

// sample notes a delay. Ticks in which nobody asked had none.
func (s *Shedder) sample(now time.Time, delay time.Duration) {
	if s.since.IsZero() || now.Before(s.since) {
		s.since, s.low = now, delay
		return
	}
	for n := now.Sub(s.since) / shedTick; n > 0; n-- {
		s.step(s.low)
		s.since, s.low = s.since.Add(shedTick), delay
		if n > 1 {
			s.low = 0
		}
		if s.share == 0 && s.before == 0 && n > 2 { // a long silence changes nothing more
			s.since = now
			break
		}
	}
	s.low = min(s.low, delay)
}

// step ends a tick.
func (s *Shedder) step(low time.Duration) {
	targets := func(d time.Duration) float64 { return max(-shedSpan, min(shedSpan, float64(d)/float64(ShedTarget))) }
	if s.above++; low <= ShedTarget {
		s.above = 0
	}
	if s.share > 0 || s.above >= shedStands {
		s.share = max(0, min(shedMost, s.share+shedError*(targets(low)-1)+shedChange*(targets(low)-targets(s.before))))
	}
	s.before = low
}

// ShedState is what a Shedder does now. Counters only grow.
type ShedState struct {
	Share                 float64 // of new requests, 0 to 1, as of the last one
	New, Standing         uint64  // shed
	AskedNew, AskedStands uint64
}

// State is a snapshot. A switch that nobody calls any more sheds nothing.
func (s *Shedder) State() ShedState {
	now := s.clock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.since.IsZero() && now.Sub(s.since) >= shedStands*shedTick {
		s.sample(now, 0)
	}
	return ShedState{s.share, s.shed[New], s.shed[Standing], s.asked[New], s.asked[Standing]}
}

// Shedding tells whether anything is shed now.
func (s *Shedder) Shedding() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.share > 0
}
