package rest

import (
	"sync"
	"time"

	"golang.org/x/time/rate"

	"naisen/provisioning"
)

// maxLimited bounds how many callers are remembered.
const maxLimited = 16 << 10

// caller is whom a rate is counted for: more tokens of the same user and client do not give more.
type caller struct{ issuer, domain, user, client string }

type limits struct {
	perSecond rate.Limit
	burst     int
	mu        sync.Mutex
	young     map[caller]*rate.Limiter
	old       map[caller]*rate.Limiter
}

func newLimits(perSecond float64) *limits {
	return &limits{perSecond: rate.Limit(perSecond), burst: max(1, int(2*perSecond)), young: map[caller]*rate.Limiter{}}
}

// take counts one request and says how long to wait if it is one too many.
func (l *limits) take(s provisioning.Subject, now time.Time) time.Duration {
	r := l.of(caller{s.Issuer, s.Domain, s.User, s.Client}).ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait > 0 {
		r.CancelAt(now)
	}
	return wait
}

// of finds the caller's limiter. When half the bound is young, the old half is forgotten: those callers are idle or get a new burst.
func (l *limits) of(c caller) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	if r := l.young[c]; r != nil {
		return r
	}
	r := l.old[c]
	if r == nil {
		r = rate.NewLimiter(l.perSecond, l.burst)
	}
	if len(l.young) >= maxLimited/2 {
		l.old, l.young = l.young, map[caller]*rate.Limiter{}
	}
	l.young[c] = r
	return r
}
