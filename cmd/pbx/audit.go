package main

import (
	"context"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"time"

	"naisen/cmd/pbx/internal/limit"
	"naisen/provisioning"
)

// auditor writes facts of the signalling plane to the audit log without making a shard wait: bounded, sampled under attack, every drop counted.
type auditor struct {
	store   provisioning.Store
	queue   chan provisioning.AuditEntry
	domains *limit.Rates[string]     // failed sign-ins of one domain per second: another's flood hides nothing of it
	refused *limit.Rates[string]     // refused calls of one domain: guessing passwords hides none of them
	sources *limit.Rates[netip.Addr] // and of one source in it
	callers *limit.Rates[string]     // refused calls of one extension
	dropped atomic.Uint64
	guessed func(domain string, from netip.Addr) // each failed sign-in, sampled or not; nil: nobody counts. It must not block
	done    chan struct{}
	log     *slog.Logger
}

func newAuditor(store provisioning.Store, log *slog.Logger) *auditor {
	a := auditQueue(1000)
	a.store, a.log = store, log
	go a.run()
	return a
}

// auditQueue is an auditor that takes entries, and nobody yet to write them.
func auditQueue(bound int) *auditor {
	return &auditor{queue: make(chan provisioning.AuditEntry, bound), done: make(chan struct{}),
		domains: limit.NewRates[string](5, 100, 10_000, time.Now), sources: limit.NewRates[netip.Addr](0.2, 10, 20_000, time.Now),
		refused: limit.NewRates[string](5, 100, 10_000, time.Now), callers: limit.NewRates[string](0.2, 30, 20_000, time.Now)}
}

// failedSignIn notes a SIP client that did not prove who it claimed to be. A scan would fill the log: past the rate the rest is counted only.
func (a *auditor) failedSignIn(domain, user string, from netip.Addr, why string) {
	if a.guessed != nil {
		a.guessed(domain, from)
	}
	if !a.sources.Allow(sourceOf(from)) || !a.domains.Allow(domain) {
		a.dropped.Add(1)
		return
	}
	if len(user) > 64 {
		user = user[:64]
	}
	a.enter(provisioning.AuditEntry{Time: time.Now(), Domain: domain, Subject: from.String(), Action: "sip.sign-in", Object: user, Outcome: "denied",
		Detail: map[string]any{"reason": why, "left_out": a.dropped.Load()}})
}

// emergency notes a call for help. No rate leaves one out; only a full queue does, which is counted.
func (a *auditor) emergency(domain, extension, number string, detail map[string]any) {
	a.enter(provisioning.AuditEntry{Time: time.Now(), Domain: domain, Subject: extension + "@" + domain, Action: "call.emergency", Object: number, Outcome: "ok",
		Detail: detail})
}

// callDenied notes a call that the rights or limits of the one who would have paid refused (threats B10).
func (a *auditor) callDenied(domain, extension, dialled string, detail map[string]any) {
	if !a.callers.Allow(domain+"/"+extension) || !a.refused.Allow(domain) {
		a.dropped.Add(1)
		return
	}
	if len(dialled) > 64 {
		dialled = dialled[:64]
	}
	a.enter(provisioning.AuditEntry{Time: time.Now(), Domain: domain, Subject: extension + "@" + domain, Action: "call.denied", Object: dialled,
		Outcome: "denied", Detail: detail})
}

// sourceOf is what one attacker has: an address, or the /64 of an IPv6 one.
func sourceOf(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if p, err := a.Prefix(64); err == nil && a.Is6() {
		return p.Addr()
	}
	return a
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
