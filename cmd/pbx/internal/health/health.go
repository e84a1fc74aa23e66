// Package health owns what is known of trunks while calls run: up or down, how good, how many calls, how fast new ones may start. It sends
// nothing and decides no route: it orders the ways that it is given, and says which may be taken now.
package health

import (
	"errors"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"naisen/provisioning"
)

// Errors of Start; callers use errors.Is.
var (
	ErrChannels = errors.New("health: every channel of the trunk is in use")
	ErrPaced    = errors.New("health: new calls come faster than the trunk takes them")
	ErrPaused   = errors.New("health: the carrier asked not to be tried again yet")
)

const (
	downAfter  = 3                // failures in a row
	upAfter    = 2                // answered probes in a row
	trialAfter = 30 * time.Second // a trunk that nobody probes is tried again
	maxPaused  = 1000             // Request-URIs remembered per trunk
	smoothing  = 0.1              // weight of the newest call in rates
)

// Key names a trunk.
type Key struct{ Domain, Trunk string }

// Limits of a trunk. Zero values are no limits.
type Limits struct {
	Calls     int
	PerSecond float64
}

// Status is what people and metrics see of a trunk.
type Status struct {
	Up       bool
	Since    time.Time // of Up; zero: nothing has happened yet
	Why      string    // what made it so, such as "503 Service Unavailable", "OPTIONS unanswered"
	Probed   bool      // OPTIONS are sent
	Closed   time.Time // Retry-After of the carrier: not tried before
	Calls    int       // now
	Attempts uint64
	Answered uint64
	Failed   uint64 // by the carrier
	Busy     uint64 // not tried: no channel
	Paced    uint64 // not tried: too fast
	// FailureRate and AnswerRate (ASR) are shares of the latest calls, about the last twenty.
	FailureRate, AnswerRate float64
	PDD                     time.Duration // post-dial delay, smoothed; 0: unknown
	RTT                     time.Duration // of the last OPTIONS
}

// Book keeps the state of every trunk. Its methods may be called from anywhere and never block.
type Book struct {
	now  func() time.Time
	pick func(n int) int // a number below n, for weights
	log  *slog.Logger
	afar func(Key) int // see Elsewhere

	mu     sync.Mutex
	trunks map[Key]*state
}

// state is guarded by Book.mu.
type state struct {
	Status
	bad, good int // in a row
	limiter   *rate.Limiter
	paused    map[string]time.Time // by Request-URI
}

// New makes an empty book. pick gives a random number below n.
func New(now func() time.Time, pick func(n int) int, log *slog.Logger) *Book {
	return &Book{now: now, pick: pick, log: log, trunks: map[Key]*state{}}
}

// Elsewhere says how many channels of a trunk other nodes use. Only before anything else is asked.
func (b *Book) Elsewhere(afar func(Key) int) { b.afar = afar }

func (b *Book) elsewhere(k Key) int {
	if b.afar == nil {
		return 0
	}
	return b.afar(k)
}

func (b *Book) elsewheres(domain string, ways []provisioning.Trunk) []int {
	out := make([]int, len(ways))
	for i, t := range ways {
		out[i] = b.elsewhere(Key{domain, t.Name})
	}
	return out
}

func (b *Book) state(k Key) *state {
	s, ok := b.trunks[k]
	if !ok {
		s = &state{Status: Status{Up: true, AnswerRate: 1}}
		b.trunks[k] = s
	}
	return s
}

// Status of a trunk; one that is not known yet is up.
func (b *Book) Status(k Key) Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s, ok := b.trunks[k]; ok {
		return s.Status
	}
	return Status{Up: true, AnswerRate: 1}
}

// Each calls f for every trunk seen so far, with a copy.
func (b *Book) Each(f func(Key, Status)) {
	b.mu.Lock()
	all := make(map[Key]Status, len(b.trunks))
	for k, s := range b.trunks {
		all[k] = s.Status
	}
	b.mu.Unlock()
	for k, s := range all {
		f(k, s)
	}
}

// Keep forgets trunks that do not exist any more, unless calls still use them.
func (b *Book) Keep(exists func(Key) bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for k, s := range b.trunks {
		if s.Calls == 0 && !exists(k) {
			delete(b.trunks, k)
		}
	}
}

// Probe takes what came of an OPTIONS.
func (b *Book) Probe(k Key, alive bool, rtt time.Duration, why string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.state(k)
	s.Probed = true
	if alive {
		s.RTT = rtt
	}
	b.heard(k, s, alive, why)
}

// Unprobed says that no OPTIONS are sent any more.
func (b *Book) Unprobed(k Key) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if s, ok := b.trunks[k]; ok {
		s.Probed = false
	}
}

// heard moves between up and down with hysteresis; the lock is held.
func (b *Book) heard(k Key, s *state, alive bool, why string) {
	if alive {
		s.good, s.bad = s.good+1, 0
	} else {
		s.good, s.bad = 0, s.bad+1
	}
	switch {
	case s.Up && s.bad >= downAfter:
		b.turn(k, s, false, why)
	case !s.Up && (s.good >= upAfter || alive && !s.Probed):
		b.turn(k, s, true, why)
	}
}

func (b *Book) turn(k Key, s *state, up bool, why string) {
	s.Up, s.Since, s.Why = up, b.now(), why
	if up {
		b.log.Info("trunk: up", "domain", k.Domain, "trunk", k.Trunk, "why", why)
	} else {
		b.log.Warn("trunk: down", "domain", k.Domain, "trunk", k.Trunk, "why", why)
	}
}

// usable: up, or down and not probed for so long that only a call can tell; the lock is held.
func (s *state) usable(now time.Time) bool {
	return now.After(s.Closed) && (s.Up || !s.Probed && now.Sub(s.Since) >= trialAfter)
}
