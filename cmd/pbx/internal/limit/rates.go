// Package limit owns the counters that bound what calls may cost and how many may come: spending by payer, rates by key, shedding by delay.
// It is pure: it reads no clock but the one it is given, does no I/O, starts no goroutine, and never knows a call, a socket or a message.
package limit

import (
	"sync"
	"time"
)

// Rates gives each key a token bucket of its own, in bounded memory: when half the bound is young, the older half is forgotten. A key
// that is forgotten begins with a full bucket again.
type Rates[K comparable] struct {
	perSecond, burst float64
	half             int
	clock            func() time.Time

	mu         sync.Mutex
	young, old map[K]bucket
}

type bucket struct {
	tokens float64
	at     time.Time
}

// NewRates remembers at most bound keys.
func NewRates[K comparable](perSecond, burst float64, bound int, clock func() time.Time) *Rates[K] {
	return &Rates[K]{perSecond: perSecond, burst: burst, half: max(1, bound/2), clock: clock, young: map[K]bucket{}}
}

// Allow takes a token of the key if there is one.
func (r *Rates[K]) Allow(k K) bool {
	now := r.clock()
	r.mu.Lock()
	defer r.mu.Unlock()
	b, ok := r.young[k]
	if !ok {
		if b, ok = r.old[k]; !ok {
			b = bucket{r.burst, now}
		}
		if len(r.young) >= r.half {
			r.old, r.young = r.young, map[K]bucket{}
		}
	}
	b.tokens = min(r.burst, b.tokens+r.perSecond*max(0, now.Sub(b.at).Seconds()))
	b.at = now
	allowed := b.tokens >= 1
	if allowed {
		b.tokens--
	}
	r.young[k] = b
	return allowed
}

// Give returns a token to the key: what it was taken for did no harm.
func (r *Rates[K]) Give(k K) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if b, ok := r.young[k]; ok {
		b.tokens = min(r.burst, b.tokens+1)
		r.young[k] = b
	}
}

// Len is how many keys are remembered.
func (r *Rates[K]) Len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.young) + len(r.old)
}
