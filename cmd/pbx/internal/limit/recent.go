package limit

import (
	"sync"
	"time"
)

// Recent remembers keys for at least as long as it was told to and at most twice as long. It has a bound and no timer: past the bound the
// older half of what it knows is forgotten first.
type Recent struct {
	keep  time.Duration
	most  int
	clock func() time.Time

	mu       sync.Mutex
	since    time.Time // begin of now
	now, old map[uint64]struct{}
}

// NewRecent remembers for keep, at most 2*most keys of 8 octets.
func NewRecent(keep time.Duration, most int, clock func() time.Time) *Recent {
	return &Recent{keep: keep, most: most, clock: clock}
}

// Add remembers a key.
func (r *Recent) Add(key uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.age()
	if r.now == nil {
		r.now = map[uint64]struct{}{}
	}
	if r.now[key] = struct{}{}; len(r.now) >= r.most {
		r.turn()
	}
}

// Has tells whether a key was added and is not forgotten yet.
func (r *Recent) Has(key uint64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.age()
	_, now := r.now[key]
	_, old := r.old[key]
	return now || old
}

func (r *Recent) age() {
	passed := r.clock().Sub(r.since)
	if passed < r.keep {
		return
	}
	r.turn()
	if passed >= 2*r.keep {
		r.old = nil
	}
}

func (r *Recent) turn() {
	r.old, r.now, r.since = r.now, nil, r.clock()
}
