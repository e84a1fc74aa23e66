package health

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/sip"
)

func trunkA() Key { return Key{"d", "a"} }

type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func book() (*Book, *clock) {
	c := &clock{time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)}
	return New(c.now, func(int) int { return 0 }, slog.New(slog.DiscardHandler)), c
}

func start(t *testing.T, b *Book, l Limits, uri string) *Attempt {
	t.Helper()
	a, err := b.Start(trunkA(), l, uri, false)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestChannelsAndPacing(t *testing.T) {
	b, _ := book()
	first := start(t, b, Limits{Calls: 2}, "u1")
	start(t, b, Limits{Calls: 2}, "u2")
	if _, err := b.Start(trunkA(), Limits{Calls: 2}, "u3", false); !errors.Is(err, ErrChannels) {
		t.Errorf("third channel of two: %v", err)
	}
	urgent, err := b.Start(trunkA(), Limits{Calls: 2, PerSecond: 0.001}, "119", true)
	if err != nil {
		t.Fatalf("an emergency call: %v", err)
	}
	urgent.Ended(sip.CauseNormal, true, 0)
	first.Ended(sip.CauseBusy, false, 0)
	first.Ended(sip.CauseBusy, false, 0) // once
	start(t, b, Limits{Calls: 2}, "u3")
	if s := b.Status(trunkA()); s.Calls != 2 || s.Busy != 1 || s.Attempts != 4 || s.Failed != 0 {
		t.Errorf("%+v", s)
	}

	paced, c := book()
	b = paced
	for range 2 {
		start(t, b, Limits{PerSecond: 2}, "u")
	}
	if _, err := b.Start(trunkA(), Limits{PerSecond: 2}, "u", false); !errors.Is(err, ErrPaced) {
		t.Errorf("third call within a second: %v", err)
	}
	c.at = c.at.Add(500 * time.Millisecond)
	start(t, b, Limits{PerSecond: 2}, "u")
	start(t, b, Limits{}, "u") // the limit is gone: live
}

// JJ-90.24 section 5.7.3: not the same Request-URI within Retry-After; RFC 3261 section 21.5.4: after 503 nothing at all.
func TestRetryAfter(t *testing.T) {
	b, c := book()
	start(t, b, Limits{}, "u1").Ended(sip.StatusCause(480), false, time.Minute)
	if _, err := b.Start(trunkA(), Limits{}, "u1", false); !errors.Is(err, ErrPaused) {
		t.Errorf("the same number: %v", err)
	}
	start(t, b, Limits{}, "u2").Ended(sip.StatusCause(503), false, 10*time.Second)
	if _, err := b.Start(trunkA(), Limits{}, "u3", false); !errors.Is(err, ErrPaused) {
		t.Errorf("another number after 503: %v", err)
	}
	if a, err := b.Start(trunkA(), Limits{}, "119", true); err != nil {
		t.Errorf("an emergency call: %v", err)
	} else {
		a.Ended(sip.CauseNormal, true, 0)
	}
	c.at = c.at.Add(11 * time.Second)
	start(t, b, Limits{}, "u3")
	c.at = c.at.Add(time.Minute)
	start(t, b, Limits{}, "u1")
	for i := range 3 * maxPaused {
		start(t, b, Limits{}, fmt.Sprint("x", i)).Ended(sip.StatusCause(480), false, time.Hour)
	}
	if n := len(b.trunks[trunkA()].paused); n > maxPaused {
		t.Errorf("%d Request-URIs are remembered", n)
	}
}

func TestHysteresis(t *testing.T) {
	b, c := book()
	fail := func() { start(t, b, Limits{}, "u").Ended(sip.StatusCause(503), false, 0) }
	fail()
	fail()
	start(t, b, Limits{}, "u").Ended(sip.CauseBusy, false, 0) // the carrier works
	fail()
	fail()
	if !b.Status(trunkA()).Up {
		t.Fatal("down before three failures in a row")
	}
	fail()
	if s := b.Status(trunkA()); s.Up || s.Why != "calls fail: 503 Service Unavailable" || s.Since != c.at {
		t.Fatalf("%+v", s)
	}
	start(t, b, Limits{}, "u").Progress() // without probes a call that goes through is all the proof there is
	if !b.Status(trunkA()).Up {
		t.Fatal("still down")
	}
	for range 3 {
		b.Probe(trunkA(), false, 0, "OPTIONS unanswered")
	}
	b.Probe(trunkA(), true, time.Millisecond, "OPTIONS answered")
	if b.Status(trunkA()).Up {
		t.Fatal("one answer brought it back")
	}
	b.Probe(trunkA(), true, time.Millisecond, "OPTIONS answered")
	if s := b.Status(trunkA()); !s.Up || s.RTT != time.Millisecond || !s.Probed {
		t.Fatalf("%+v", s)
	}
	before := b.Status(trunkA()).Failed
	start(t, b, Limits{}, "u").Ended(sip.StatusCause(503), true, 0) // we cancelled: it says nothing
	if s := b.Status(trunkA()); s.Failed != before {
		t.Errorf("%+v", s)
	}
}

// A call that came in uses a channel, and nothing else of the figures.
func TestArrived(t *testing.T) {
	b, _ := book()
	in := b.Arrived(trunkA())
	if _, err := b.Start(trunkA(), Limits{Calls: 1}, "u", false); !errors.Is(err, ErrChannels) {
		t.Errorf("the only channel is taken: %v", err)
	}
	in.Ended(sip.StatusCause(503), false, time.Minute)
	in.Ended(sip.CauseNormal, false, 0)
	if s := b.Status(trunkA()); s.Calls != 0 || s.Failed != 0 || s.Attempts != 0 || !s.Closed.IsZero() {
		t.Errorf("%+v", s)
	}
}

func names(list []provisioning.Trunk) (out []string) {
	for _, t := range list {
		out = append(out, t.Name)
	}
	return out
}

func TestOrder(t *testing.T) {
	b, c := book()
	ways := []provisioning.Trunk{{Name: "last", Priority: 2}, {Name: "a", Priority: 1}, {Name: "b", Priority: 1}, {Name: "full", Priority: 1, MaxCalls: 1}}
	if _, err := b.Start(Key{"d", "full"}, Limits{Calls: 1}, "u", false); err != nil {
		t.Fatal(err)
	}
	if got := names(b.Order("d", ways)); !slices.Equal(got, []string{"a", "b", "last", "full"}) {
		t.Errorf("%v", got)
	}
	for range 3 {
		start(t, b, Limits{}, "u").Ended(sip.CauseTransport, false, 0)
	}
	if got := names(b.Order("d", ways)); !slices.Equal(got, []string{"b", "last", "a", "full"}) {
		t.Errorf("a is down: %v", got)
	}
	c.at = c.at.Add(trialAfter + time.Second)
	if got := names(b.Order("d", ways)); !slices.Equal(got, []string{"a", "b", "last", "full"}) {
		t.Errorf("a gets a trial: %v", got)
	}
	if got := names(b.Order("other", ways)); !slices.Equal(got, []string{"a", "b", "full", "last"}) {
		t.Errorf("another domain: %v", got)
	}
}

// Shares follow weight, and quality takes from a trunk's share.
func TestWeightAndQuality(t *testing.T) {
	b, _ := book()
	n := 0
	b.pick = func(total int) int { n++; return n % total } // every number in turn
	ways := []provisioning.Trunk{{Name: "a", Weight: 3}, {Name: "b", Weight: 1}}
	share := func() (first int) {
		for range 4000 {
			if b.Order("d", ways)[0].Name == "a" {
				first++
			}
		}
		return first
	}
	if got := share(); got != 3000 {
		t.Errorf("3 to 1 gives %d of 4000", got)
	}
	for range 2 { // not down yet
		start(t, b, Limits{}, "u").Ended(sip.StatusCause(500), false, 0)
	}
	if got := share(); got >= 2900 || got < 1500 {
		t.Errorf("after failures %d of 4000", got)
	}
}

func TestKeep(t *testing.T) {
	b, _ := book()
	busy := start(t, b, Limits{}, "u")
	b.Probe(Key{"d", "gone"}, true, 0, "")
	b.Keep(func(Key) bool { return false })
	seen := 0
	b.Each(func(k Key, s Status) { seen++ })
	if seen != 1 {
		t.Errorf("%d trunks, want the one with a call", seen)
	}
	busy.Ended(sip.CauseNormal, false, 0)
	b.Keep(func(Key) bool { return false })
	if len(b.trunks) != 0 {
		t.Errorf("%d left", len(b.trunks))
	}
}
