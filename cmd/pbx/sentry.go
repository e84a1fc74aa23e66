package main

import (
	"net/netip"
	"sync"
	"time"

	"naisen/cmd/pbx/internal/limit"
)

const (
	manyGuesses   = 50     // failed sign-ins at a domain in five minutes: more than an office with a new password
	guessedBounds = 10_000 // domains
)

// sentry counts failed sign-ins, all of them: what the audit log samples and the throttle holds back too.
type sentry struct {
	alarms *alarms
	mu     sync.Mutex
	counts *limit.Spikes[string]
}

func newSentry(a *alarms, clock func() time.Time) *sentry {
	return &sentry{alarms: a, counts: limit.NewSpikes[string](manyGuesses, 0, guessedBounds, clock)}
}

func (s *sentry) guessed(domain string, from netip.Addr) {
	s.mu.Lock()
	many := s.counts.Add(domain)
	s.mu.Unlock()
	if many {
		s.alarms.happened("sign-in-guesses", domain, "", "last from "+sourceOf(from).String())
	}
}
