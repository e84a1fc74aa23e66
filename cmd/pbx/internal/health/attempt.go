package health

import (
	"math"
	"strconv"
	"time"

	"golang.org/x/time/rate"

	"naisen/cmd/pbx/internal/route"
	"naisen/sip"
)

// Attempt is one call that goes out by a trunk. Its methods may be called from anywhere; Ended counts once.
type Attempt struct {
	b       *Book
	key     Key
	uri     string
	started time.Time

	// guarded by Book.mu
	rung, answered, over bool
}

// Start takes a channel of the trunk for a call to uri, or says why there is none: ErrChannels, ErrPaced, ErrPaused. Nothing stands in the way
// of an urgent call.
func (b *Book) Start(k Key, l Limits, uri string, urgent bool) (*Attempt, error) {
	others := b.elsewhere(k)
	b.mu.Lock()
	defer b.mu.Unlock()
	s, now := b.state(k), b.now()
	if !urgent {
		switch {
		case l.Calls > 0 && s.Calls+others >= l.Calls:
			s.Busy++
			return nil, ErrChannels
		case now.Before(s.Closed), now.Before(s.paused[uri]): // RFC 3261 section 21.5.4, JJ-90.24 section 5.7.3
			s.Paced++
			return nil, ErrPaused
		case !s.mayStart(l.PerSecond, now):
			s.Paced++
			return nil, ErrPaced
		}
	}
	s.Calls++
	s.Attempts++
	return &Attempt{b: b, key: k, uri: uri, started: now}, nil
}

// Arrived counts a call that came in by the trunk: it uses a channel, and shows that the carrier is there.
func (b *Book) Arrived(k Key) *Attempt {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.state(k)
	s.Calls++
	b.heard(k, s, true, "a call came in")
	return &Attempt{b: b, key: k, started: b.now(), rung: true, answered: true} // what it comes to says nothing of calls out
}

// mayStart takes a token of the pacing; a change of the rate starts a new bucket.
func (s *state) mayStart(perSecond float64, now time.Time) bool {
	if perSecond <= 0 {
		s.limiter = nil
		return true
	}
	if s.limiter == nil || s.limiter.Limit() != rate.Limit(perSecond) {
		s.limiter = rate.NewLimiter(rate.Limit(perSecond), max(1, int(math.Ceil(perSecond))))
	}
	return s.limiter.AllowN(now, 1)
}

// Progress: the carrier has found somebody.
func (a *Attempt) Progress() {
	a.b.mu.Lock()
	defer a.b.mu.Unlock()
	a.progress(a.b.state(a.key))
}

func (a *Attempt) progress(s *state) {
	if a.rung || a.over {
		return
	}
	a.rung = true
	pdd := a.b.now().Sub(a.started)
	if s.PDD == 0 {
		s.PDD = pdd
	}
	s.PDD += time.Duration(smoothing * float64(pdd-s.PDD))
	a.b.heard(a.key, s, true, "a call went through")
}

// Answered: somebody answered.
func (a *Attempt) Answered() {
	a.b.mu.Lock()
	defer a.b.mu.Unlock()
	s := a.b.state(a.key)
	a.progress(s)
	if !a.answered && !a.over {
		a.answered = true
		s.Answered++
		s.AnswerRate += smoothing * (1 - s.AnswerRate)
		s.FailureRate -= smoothing * s.FailureRate
	}
}

// Ended gives the channel back. ours: the switch ended it, so that the cause says nothing of the carrier. retryAfter is the carrier's, 0: none.
func (a *Attempt) Ended(c sip.Cause, ours bool, retryAfter time.Duration) {
	a.b.mu.Lock()
	defer a.b.mu.Unlock()
	if a.over {
		return
	}
	s := a.b.state(a.key)
	if !a.answered && !ours {
		a.refused(s, c, retryAfter)
	}
	a.over = true
	s.Calls--
}

func (a *Attempt) refused(s *state, c sip.Cause, retryAfter time.Duration) {
	s.AnswerRate -= smoothing * s.AnswerRate
	failed := route.CarrierFailed(c) && !a.rung
	if retryAfter > 0 {
		until := a.b.now().Add(retryAfter)
		if failed && c.Status == 503 {
			s.Closed = until
			a.b.log.Warn("trunk: closed by the carrier", "domain", a.key.Domain, "trunk", a.key.Trunk, "for", retryAfter)
		}
		s.pause(a.uri, until, a.b.now())
	}
	if !failed {
		s.FailureRate -= smoothing * s.FailureRate
		a.progress(s) // whatever the called side said, the carrier worked
		return
	}
	s.Failed++
	s.FailureRate += smoothing * (1 - s.FailureRate)
	a.b.heard(a.key, s, false, "calls fail: "+strconv.Itoa(c.Status)+" "+c.Text)
}

// pause remembers a Request-URI, at most maxPaused of them: past ones go first, then any.
func (s *state) pause(uri string, until, now time.Time) {
	if s.paused == nil {
		s.paused = map[string]time.Time{}
	}
	if len(s.paused) >= maxPaused {
		for u, t := range s.paused {
			if now.After(t) {
				delete(s.paused, u)
			}
		}
		for u := range s.paused {
			if len(s.paused) < maxPaused {
				break
			}
			delete(s.paused, u)
		}
	}
	s.paused[uri] = until
}
