package main

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"naisen/cmd/pbx/internal/limit"
	"naisen/provisioning"
	"naisen/provisioning/policy"
)

// auditor writes facts of the signalling plane to the audit log without making a shard wait: bounded, sampled under attack, every drop counted.
type auditor struct {
	store   provisioning.Store
	queue   chan provisioning.AuditEntry
	domains *limit.Rates[string]     // failed sign-ins of one domain per second: another's flood hides nothing of it
	refused *limit.Rates[string]     // refused calls of one domain: guessing passwords hides none of them
	sources *limit.Rates[netip.Addr] // and of one source in it
	callers *limit.Rates[string]     // refused calls of one extension
	devices *limit.Rates[string]     // what one telephone did, and the alarms of one name
	minute  *tally                   // what the rates leave out, as one entry a minute
	dropped atomic.Uint64
	guessed func(domain string, from netip.Addr) // each failed sign-in, sampled or not; nil: nobody counts. It must not block
	done    chan struct{}
	stop    chan struct{} // ends minutes, which closes told
	told    chan struct{}
	log     *slog.Logger

	closing sync.RWMutex
	closed  bool // guarded by closing
}

func newAuditor(store provisioning.Store, log *slog.Logger) *auditor {
	a := auditQueue(1000)
	a.store, a.log = store, log
	go a.run()
	go a.minutes()
	return a
}

// auditQueue is an auditor that takes entries, and nobody yet to write them.
func auditQueue(bound int) *auditor {
	return &auditor{queue: make(chan provisioning.AuditEntry, bound), done: make(chan struct{}), stop: make(chan struct{}), told: make(chan struct{}), minute: newTally(time.Now),
		devices: limit.NewRates[string](0.01, 20, 20_000, time.Now),
		domains: limit.NewRates[string](5, 100, 10_000, time.Now), sources: limit.NewRates[netip.Addr](0.2, 10, 20_000, time.Now),
		refused: limit.NewRates[string](5, 100, 10_000, time.Now), callers: limit.NewRates[string](0.2, 30, 20_000, time.Now)}
}

// failedSignIn notes a SIP client that did not prove who it claimed to be. A scan would fill the log: past the rate the rest is counted, and told once a minute.
func (a *auditor) failedSignIn(domain, user string, from netip.Addr, why string) {
	if a.guessed != nil {
		a.guessed(domain, from)
	}
	if len(user) > 64 {
		user = user[:64]
	}
	a.stranger(provisioning.AuditEntry{Domain: domain, Subject: from.String(), Action: "sip.sign-in", Object: user, Outcome: "denied",
		Source: from.String(), Reason: why})
}

// wrongCertificate notes a telephone whose certificate names an extension and is not to be believed.
func (a *auditor) wrongCertificate(domain, user string, from netip.Addr, why string) {
	if a.guessed != nil {
		a.guessed(domain, from)
	}
	a.stranger(provisioning.AuditEntry{Domain: domain, Subject: from.String(), Action: "device.certificate", Object: user, Outcome: "denied",
		Source: from.String(), Reason: why})
}

// wrongCode notes a code of an enrolment that is none, or not any more.
func (a *auditor) wrongCode(domain string, from netip.Addr) {
	a.stranger(provisioning.AuditEntry{Domain: domain, Subject: from.String(), Action: "softphone.claimed", Object: "code", Outcome: "denied", Source: from.String(), Reason: "wrong code"})
}

// refusedToken notes tokens that REST does not take. Whose they claim to be is not believed: they are in the log of one domain.
func (a *auditor) refusedToken(domain string) func(source, reason string) {
	return func(source, reason string) {
		a.stranger(provisioning.AuditEntry{Domain: domain, Subject: "anonymous", Action: "token.refused", Object: "api", Outcome: "denied", Source: source, Reason: reason})
	}
}

// stranger notes what somebody did who proved nothing. Entries of one source, and of one domain, are bounded; what is more is counted.
func (a *auditor) stranger(e provisioning.AuditEntry) {
	e.Time = time.Now()
	from, _ := addressIn(e.Source)
	if !a.sources.Allow(from) || !a.domains.Allow(e.Domain) {
		a.count(e)
		return
	}
	a.enter(e)
}

// often notes what somebody known does and may do again and again; key says what is bounded.
func (a *auditor) often(key string, e provisioning.AuditEntry) {
	e.Time = time.Now()
	if !a.devices.Allow(key) {
		a.count(e)
		return
	}
	a.enter(e)
}

// count leaves an entry out of the log for now.
func (a *auditor) count(e provisioning.AuditEntry) {
	a.dropped.Add(1)
	a.minute.add(e)
}

// emergency notes a call for help. No rate leaves one out; only a full queue does, which is counted.
func (a *auditor) emergency(domain, extension, number string, detail map[string]any) {
	a.enter(provisioning.AuditEntry{Time: time.Now(), Domain: domain, Subject: extension + "@" + domain, Action: "call.emergency", Object: number, Outcome: "ok",
		Detail: detail})
}

// callDenied notes a call that the rights or limits of the one who would have paid refused (threats B10).
func (a *auditor) callDenied(domain, extension, dialled string, detail map[string]any) {
	if len(dialled) > 64 {
		dialled = dialled[:64]
	}
	e := provisioning.AuditEntry{Time: time.Now(), Domain: domain, Subject: extension + "@" + domain, Action: "call.denied", Object: dialled,
		Outcome: "denied", Detail: detail}
	if !a.callers.Allow(domain+"/"+extension) || !a.refused.Allow(domain) {
		a.count(e)
		return
	}
	a.enter(e)
}

// registerDenied notes a telephone that a policy of the domain lets not be reached as its extension. It asks again and again: as often as refused calls.
func (a *auditor) registerDenied(domain, extension string, detail map[string]any) {
	if !a.callers.Allow(domain+"/"+extension) || !a.refused.Allow(domain) {
		a.dropped.Add(1)
		return
	}
	a.enter(provisioning.AuditEntry{Time: time.Now(), Domain: domain, Subject: extension + "@" + domain, Action: string(policy.PhoneRegister),
		Object: provisioning.KindExtension + "/" + extension, Outcome: "denied", Detail: detail})
}

// sourceOf is what one attacker has: an address, or the /64 of an IPv6 one.
func sourceOf(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if p, err := a.Prefix(64); err == nil && a.Is6() {
		return p.Addr()
	}
	return a
}

// addressIn is sourceOf what an entry says of where it came from: an address or, from the identity service, a /64.
func addressIn(source string) (netip.Addr, bool) {
	if p, err := netip.ParsePrefix(source); err == nil {
		return sourceOf(p.Addr()), true
	}
	from, err := netip.ParseAddr(source)
	return sourceOf(from), err == nil
}

func (a *auditor) enter(e provisioning.AuditEntry) {
	a.closing.RLock() // an alarm may be raised while the switch ends
	defer a.closing.RUnlock()
	if a.closed {
		a.dropped.Add(1)
		return
	}
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

// minutes tells once a minute what was left out.
func (a *auditor) minutes() {
	defer close(a.told)
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-a.stop:
			a.tellMinute()
			return
		}
		a.tellMinute()
	}
}

func (a *auditor) tellMinute() {
	for _, e := range a.minute.take() {
		a.enter(e)
	}
}

// Close writes what waits. What comes later is counted only.
func (a *auditor) Close() {
	close(a.stop)
	<-a.told
	a.closing.Lock()
	a.closed = true
	a.closing.Unlock()
	close(a.queue)
	<-a.done
}
