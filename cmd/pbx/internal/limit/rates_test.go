package limit

import (
	"testing"
	"time"
)

// clock is wall time that a test moves.
type clock struct{ now time.Time }

func newClock() *clock                { return &clock{time.Date(2026, 4, 1, 9, 0, 0, 0, time.UTC)} }
func (c *clock) Now() time.Time       { return c.now }
func (c *clock) pass(d time.Duration) { c.now = c.now.Add(d) }
func count(n int, f func() bool) (ok int) { // how many of n succeed
	for range n {
		if f() {
			ok++
		}
	}
	return ok
}

func TestRates(t *testing.T) {
	c := newClock()
	r := NewRates[string](1, 5, 100, c.Now)
	if n := count(50, func() bool { return r.Allow("flood") }); n != 5 {
		t.Errorf("%d of a burst of 5", n)
	}
	if !r.Allow("quiet") {
		t.Error("one key's flood cost another its token")
	}
	c.pass(3 * time.Second)
	if n := count(50, func() bool { return r.Allow("flood") }); n != 3 {
		t.Errorf("%d after 3 s, want 3", n)
	}
	c.pass(-time.Hour) // a clock that is set back gives and takes nothing
	if r.Allow("flood") {
		t.Error("a token out of nothing")
	}
}

func TestRatesAreBounded(t *testing.T) {
	c := newClock()
	r := NewRates[int](1, 1, 100, c.Now)
	for i := range 10_000 {
		r.Allow(i)
		if i%10 == 0 {
			r.Allow(-1)
		}
	}
	if r.Len() > 100 {
		t.Errorf("%d keys are kept", r.Len())
	}
	if r.Allow(-1) {
		t.Error("a key that keeps coming was forgotten")
	}
}
