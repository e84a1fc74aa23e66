package main

import "sync"

// alarms counts what an operator must know of, by reason. The log line is written where the reason is.
type alarms struct {
	mu    sync.Mutex
	count map[string]uint64
}

func newAlarms() *alarms { return &alarms{count: map[string]uint64{}} }

func (a *alarms) raise(reason string) {
	a.mu.Lock()
	a.count[reason]++
	a.mu.Unlock()
}

// each calls f for every reason seen so far.
func (a *alarms) each(f func(reason string, count uint64)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for reason, n := range a.count {
		f(reason, n)
	}
}
