package main

import (
	"context"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"naisen/provisioning"
)

// auditor writes facts of the signalling plane to the audit log without making a shard wait: bounded, sampled under attack, every drop counted.
type auditor struct {
	store   provisioning.Store
	queue   chan provisioning.AuditEntry
	limit   *rate.Limiter
	dropped atomic.Uint64
	done    chan struct{}
	log     *slog.Logger
}

func newAuditor(store provisioning.Store, log *slog.Logger) *auditor {
	a := &auditor{store: store, queue: make(chan provisioning.AuditEntry, 1000), limit: rate.NewLimiter(5, 100), done: make(chan struct{}), log: log}
	go a.run()
	return a
}

// failedSignIn notes a SIP client that did not prove who it claimed to be. A scan would fill the log: past the rate the rest is counted only.
func (a *auditor) failedSignIn(domain, user string, from netip.Addr, why string) {
	if !a.limit.Allow() {
		a.dropped.Add(1)
		return
	}
	if len(user) > 64 {
		user = user[:64]
	}
	a.enter(provisioning.AuditEntry{Time: time.Now(), Domain: domain, Subject: from.String(), Action: "sip.sign-in", Object: user, Outcome: "denied",
		Detail: map[string]any{"reason": why, "left_out": a.dropped.Load()}})
}

func (a *auditor) enter(e provisioning.AuditEntry) {
	select {
	case a.queue <- e:
	default:
		a.dropped.Add(1)
	}
}

func (a *auditor) run() {
	defer close(a.done)
	for e := range a.queue {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		err := a.store.Update(ctx, provisioning.Subject{System: true}, func(w provisioning.Writer) error { return w.AddAudit(e) })
		cancel()
		if err != nil {
			a.dropped.Add(1)
			a.log.Error("audit: entry not written", "action", e.Action, "err", err)
		}
	}
}

// Close writes what waits. Nothing may enter any more.
func (a *auditor) Close() {
	close(a.queue)
	<-a.done
}
