package main

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"naisen/cmd/pbx/internal/app"
	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/limit"
	"naisen/cmd/pbx/internal/route"
	"naisen/provisioning"
	"naisen/provisioning/directory"
)

const (
	missedRest  = 3 * time.Second // in which the mobile's own call ends, and its network knows that
	missedRing  = 30 * time.Second
	missedMost  = 1000      // waiting or ringing, of the switch
	missedKept  = 20_000    // extensions whose rates are remembered
	missedBurst = 3         // calls back to a mobile at once
	missedRate  = 1.0 / 60  // and per second in the long run
	missedDaily = 10.0      // and per day: twice that, where it was quiet before
	secondsADay = 24 * 3600 // of missedDaily
)

// missedCalls calls mobiles back that let a number for it ring and hung up. Any network may claim a number, so a stranger can make us ring the mobile of
// one of ours, and can do no more: whoever answers gives the PIN. How often, is bounded for each person, and it is paid and limited as that one's calls are.
type missedCalls struct {
	calls     func(call.Incoming) error
	room      func() bool // the switch has room for one call more
	directory *directory.Directory
	audit     *auditor
	log       *slog.Logger

	rates, days    *limit.Rates[string]
	begun, dropped atomic.Uint64

	mu      sync.Mutex             // guards the rest; nothing is called under it
	waiting map[string]*time.Timer // by extension@domain: one until it talks, or has ended; nil once it rings
	closed  bool
	work    sync.WaitGroup // timers that have not stopped
}

func newMissedCalls(calls func(call.Incoming) error, room func() bool, d *directory.Directory, a *auditor, clock func() time.Time, log *slog.Logger) *missedCalls {
	return &missedCalls{calls: calls, room: room, directory: d, audit: a, log: log, waiting: map[string]*time.Timer{},
		rates: limit.NewRates[string](missedRate, missedBurst, missedKept, clock), days: limit.NewRates[string](missedDaily/secondsADay, missedDaily, missedKept, clock)}
}

// startMissed begins when calls can be begun.
func (p *pbx) startMissed() {
	p.missed = newMissedCalls(p.calls.Originate, p.origins.room, p.directory, p.auditor, time.Now, p.log)
	p.closing("missed calls", func(context.Context) error { p.missed.Close(); return nil })
}

// callBackMobile implements app.Programs.Missed.
func (p *pbx) callBackMobile(m app.MissedCall) { p.missed.add(m) }

// add has a mobile called after a moment, if nothing stands against it. It does not block.
func (c *missedCalls) add(m app.MissedCall) {
	key := at(m.Domain, m.Extension)
	if !c.reserve(key) {
		c.drop(m, "one is under way, or too many are")
		return
	}
	if !c.rates.Allow(key) || !c.days.Allow(key) {
		c.release(key)
		c.drop(m, "too often")
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, waits := c.waiting[key]; !waits || c.closed {
		return
	}
	c.work.Add(1)
	c.waiting[key] = time.AfterFunc(missedRest, func() {
		defer c.work.Done()
		c.ring(key, m)
	})
}

func (c *missedCalls) reserve(key string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, waits := c.waiting[key]; waits || c.closed || len(c.waiting) >= missedMost {
		return false
	}
	c.waiting[key] = nil
	return true
}

func (c *missedCalls) release(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.waiting, key)
}

func (c *missedCalls) drop(m app.MissedCall, why string) {
	c.dropped.Add(1)
	c.log.Info("missed calls: a mobile is not called back", "domain", m.Domain, "extension", m.Extension, "why", why)
}

// ring begins the call. What the directory says has changed meanwhile, perhaps: the number must still be one that calls back.
func (c *missedCalls) ring(key string, m app.MissedCall) {
	c.mu.Lock()
	if _, waits := c.waiting[key]; waits {
		c.waiting[key] = nil
	}
	c.mu.Unlock()
	snap := c.directory.Snapshot()
	did, _ := snap.DID(m.Domain, m.Number)
	e, known := snap.Extension(m.Domain, m.Extension)
	if !did.CallBack || !known || !snap.Active(m.Domain, m.Extension) || !c.room() {
		c.release(key)
		c.drop(m, "it may not be called any more, or the switch is busy")
		return
	}
	in := call.Incoming{ID: newID(), MaxForwards: 70,
		Request: route.Request{Domain: m.Domain, Extension: e.Number, Number: e.Number, Display: e.Display, Dialled: did.Number, Site: e.Site},
		Origin: &call.Origin{Request: route.CallBack(m.Domain, e), Ring: missedRing, After: m.Call, Done: func(call.Originated) { c.release(key) },
			Then: route.Run{Verb: route.VerbThrough, Name: did.Number, For: e.Number, Language: m.Language, Data: map[string]string{route.Name: e.Display}}}}
	if err := c.calls(in); err != nil {
		c.release(key)
		c.drop(m, err.Error())
		return
	}
	c.begun.Add(1)
	c.audit.enter(provisioning.AuditEntry{Time: time.Now(), Domain: m.Domain, Subject: "extension " + at(m.Domain, e.Number), Action: "call.called-back", Object: e.Number,
		Outcome: "ok", Detail: map[string]any{"call": in.ID, "after": m.Call, "number": did.Number}})
}

// Close forgets who waits. A call that rings is the switch's.
func (c *missedCalls) Close() {
	c.mu.Lock()
	c.closed = true
	for _, t := range c.waiting {
		if t != nil && t.Stop() {
			c.work.Done()
		}
	}
	c.mu.Unlock()
	c.work.Wait()
}

// missedMetrics shows mobiles that were called back, and what was not.
func (p *pbx) missedMetrics(c *collector) {
	c.add("naisen_mobiles_called_back_total", "Calls begun to mobiles whose owner had hung up at a number for that.", prometheus.CounterValue, func() float64 { return float64(p.missed.begun.Load()) })
	c.add("naisen_mobiles_not_called_back_total", "Mobiles not called back: too often, one under way, or no room.", prometheus.CounterValue, func() float64 { return float64(p.missed.dropped.Load()) })
}
