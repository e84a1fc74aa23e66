package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
	"naisen/provisioning"
	"naisen/provisioning/directory"
	"naisen/provisioning/live"
	"naisen/sip"
)

// endings is the one place that ends what somebody is doing: a person, one of their sessions, a device, a token. Whoever has a reason calls End, which
// writes a provisioning.Revocation; everything else follows the change feed, on every process and after a restart: the revoker ends registrations,
// subscriptions and WebSockets, the verifier and the embedded identity service refuse tokens, sign-ins and refresh tokens, and what is here ends calls and
// lets everybody who listens or watches ask again. Somebody who was disabled or deleted, in whatever way, goes the same way.
type endings struct {
	store     provisioning.Store
	directory *directory.Directory
	calls     func() *call.Switch
	again     *live.Bell
	effects   map[string]effect             // beside those that stand in defaultEffects
	audit     func(provisioning.AuditEntry) // of what happens beside; must not block
	clock     func() time.Time
	log       *slog.Logger

	looked  time.Time     // when follow was called last: the revoker's
	recheck time.Duration // how often the rights of calls under way are asked again

	mu   sync.Mutex
	left map[[2]string]time.Time // domain and user: who left when, and whose Revocation is not written yet
	wake chan struct{}
	stop context.CancelFunc
	done chan struct{}
}

// effect is what an event of a kind does beside ending the tokens and what goes on with them.
type effect struct {
	Calls  provisioning.Fate
	Phones bool // registrations by password or certificate end as well: the telephone has to prove itself anew
}

// endedPrompt is what those hear whose call has to end.
const endedPrompt = "call/ended"

// Kinds of events, as they stand in a Revocation.
const (
	whyLeaver     = "leaver" // disabled or deleted here
	whyRightsLost = "rights-lost"

	whyDeviceStopped = "device-stopped" // locked, quarantined, wiped or deleted here
)

// skewOfCalls is how far the clock of who tells us may be behind ours: a call that began a moment after an event did not begin with rights of after it.
const skewOfCalls = time.Minute

func (e *endings) effectOf(why string) effect {
	if f, ok := e.effects[why]; ok {
		return f
	}
	return defaultEffects[why]
}

// End ends everything of a subject, as an event says. It tells whether that changed anything: an event that is told again, or that came after a newer one,
// does not. The audit entry is part of the same transaction; detail says who told us. What the event's kind does to telephones and calls is data.
func (e *endings) End(ctx context.Context, who provisioning.Subject, domain string, x provisioning.Ending, detail map[string]any) (changed bool, err error) {
	f := e.effectOf(x.Why)
	x.Calls, x.Phones = f.Calls, f.Phones
	if now := e.clock(); x.At.After(now) { // a clock that is ahead must not refuse what is issued from now on
		x.At = now
	}
	err = e.store.Update(ctx, who, func(w provisioning.Writer) error {
		if changed, err = provisioning.End(w, domain, x); err != nil || !changed {
			return err
		}
		if err := e.leaveDesks(w, domain, x); err != nil {
			return err
		}
		object := x.Of + " " + x.Name
		if x.Of != provisioning.RevokedUser {
			object = x.Of + " " + provisioning.Fingerprint(x.Name)
		}
		return w.AddAudit(provisioning.AuditEntry{Domain: domain, Action: "access.end", Object: object, Outcome: "ok", Detail: entered(x, detail)})
	})
	return changed, err
}

// leaveDesks signs somebody out of the telephones of others.
func (e *endings) leaveDesks(w provisioning.Writer, domain string, x provisioning.Ending) error {
	if x.Of != provisioning.RevokedUser || !x.Phones {
		return nil
	}
	snap := e.directory.Snapshot()
	for _, person := range snap.Owned(domain, x.Name) {
		for _, desk := range snap.DesksOf(domain, person, e.clock()) {
			if err := provisioning.Delete[provisioning.HotDesk](w, domain, desk, ""); err != nil && !errors.Is(err, provisioning.ErrNotFound) {
				return err
			}
		}
	}
	return nil
}

func entered(x provisioning.Ending, detail map[string]any) map[string]any {
	out := map[string]any{"why": x.Why, "happened": x.At, "calls": string(x.Calls)}
	for k, v := range detail {
		out[k] = v
	}
	return out
}

// start writes what is left to write of those who left, until Close.
func (e *endings) start(ctx context.Context) {
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	e.left, e.wake, e.stop, e.done = map[[2]string]time.Time{}, make(chan struct{}, 1), stop, make(chan struct{})
	go e.run(run)
}

// Close stops it and waits. Nothing may follow any more.
func (e *endings) Close() {
	e.stop()
	<-e.done
}

// follow is called by the revoker for each change of the directory.
func (e *endings) follow(last, next *directory.Snapshot) {
	for _, r := range next.RevokedSince(last) {
		before := last.Revocation(r.Domain, r.Of, r.Name)
		e.again.Ring(r.Domain)
		if r.Before.After(before.Before) || r.Cut.After(before.Cut) || r.Barred != "" && before.Barred == "" {
			e.endCalls(next, r)
		}
	}
	for _, k := range next.StoppedSince(last) {
		e.endWhere(k[0], whyDeviceStopped, e.effectOf(whyDeviceStopped).Calls, func(_ *call.Snapshot, p call.PartySnapshot) bool { return readProof(p.Proof).mac == k[1] })
	}
	then := e.looked
	if e.looked = e.clock(); then.IsZero() {
		then = e.looked
	}
	left := next.LeftSince(last, then, e.looked)
	if len(left) == 0 {
		return
	}
	e.mu.Lock()
	for _, k := range left {
		e.left[k] = e.clock()
	}
	e.mu.Unlock()
	e.poke()
	for _, k := range left { // at once, and by what was theirs a moment ago: their extensions may have gone with them
		e.again.Ring(k[0])
		owned := last.Owned(k[0], k[1])
		e.endWhere(k[0], whyLeaver, e.effectOf(whyLeaver).Calls, func(_ *call.Snapshot, p call.PartySnapshot) bool {
			return slices.Contains(owned, p.Extension) || readProof(p.Proof).owner == k[1]
		})
	}
}

func (e *endings) poke() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// endCalls ends the calls of which a party is what was revoked.
func (e *endings) endCalls(snap *directory.Snapshot, r directory.RevokedAt) {
	how, until := r.Calls, r.Cut
	if r.Before.After(r.Cut) { // the last event spares calls, but not what somebody hears
		how, until = provisioning.FateContinue, r.Before
	}
	e.endWhere(r.Domain, r.Why, how, func(s *call.Snapshot, p call.PartySnapshot) bool {
		return (r.Barred != "" || !s.Started.After(until.Add(skewOfCalls))) && concerns(snap, r, p)
	})
}

// endWhere ends the calls of a domain with such a party, but those for help. Whoever hears the calls of others hears no more, whatever becomes of calls.
func (e *endings) endWhere(domain, why string, how provisioning.Fate, such func(*call.Snapshot, call.PartySnapshot) bool) {
	for _, s := range e.calls().Snapshots(domain) {
		if s.Over || s.Urgent || !slices.ContainsFunc(s.Parties, func(p call.PartySnapshot) bool { return such(s, p) }) {
			continue
		}
		switch {
		case hearing[s.Script]:
			e.endCall(s, provisioning.FateEnd, why)
		case how == provisioning.FateEnd, how == provisioning.FateNotice:
			e.endCall(s, how, why)
		}
	}
}

// hearing are the scripts by which somebody hears the calls of others.
var hearing = map[string]bool{
	route.VerbFeature + ":" + provisioning.FeatureListen: true, route.VerbFeature + ":" + provisioning.FeatureWhisper: true, route.VerbFeature + ":" + provisioning.FeatureBarge: true,
}

// concerns says that a party of a call is, or is admitted by, what was revoked.
func concerns(snap *directory.Snapshot, r directory.RevokedAt, p call.PartySnapshot) bool {
	if p.Extension == "" {
		return false
	}
	by, print := readProof(p.Proof), provisioning.Fingerprint(r.Name)
	switch r.Of {
	case provisioning.RevokedUser:
		e, _ := snap.Extension(r.Domain, p.Extension)
		return e.User == r.Name || by.owner == r.Name
	case provisioning.RevokedSession:
		return by.session == print
	case provisioning.RevokedDevice:
		return by.instance == print || by.device == print
	case provisioning.RevokedToken:
		return by.token == print
	}
	return false
}

func (e *endings) endCall(s *call.Snapshot, how provisioning.Fate, why string) {
	var end call.Event = call.Hangup{Cause: sip.CauseNormal}
	if how == provisioning.FateNotice {
		end = call.Dismiss{Prompt: endedPrompt, Cause: sip.CauseNormal}
	}
	err := e.calls().Post(s.Domain, s.ID, end)
	if err == nil {
		e.log.Info("pbx: a call is ended", "call", s.ID, "domain", s.Domain, "why", why, "how", string(how))
	}
}

// endingPatience bounds one write; endingAgain is the rest after one that failed.
const (
	endingPatience = 10 * time.Second
	endingAgain    = time.Second
)

func (e *endings) run(ctx context.Context) {
	defer close(e.done)
	again, recheck := time.NewTimer(time.Hour), time.NewTicker(e.recheck)
	defer again.Stop()
	defer recheck.Stop()
	again.Stop()
	for {
		select {
		case <-ctx.Done():
			e.depart(context.WithoutCancel(ctx)) // what a token still opens must not come back with the next start
			return
		case <-recheck.C:
			e.askAgain()
			e.forget(ctx)
			continue
		case <-e.wake:
		case <-again.C:
		}
		if e.depart(ctx) {
			again.Reset(endingAgain)
		}
	}
}

// depart revokes what those had who left. True: some are left, and have to be tried again.
func (e *endings) depart(ctx context.Context) (again bool) {
	e.mu.Lock()
	left := make(map[[2]string]time.Time, len(e.left))
	for k, at := range e.left {
		left[k] = at
	}
	e.mu.Unlock()
	for k, at := range left {
		err := e.departed(ctx, k, at)
		if err != nil && ctx.Err() == nil {
			e.log.Error("pbx: what somebody had who left is not revoked yet", "domain", k[0], "user", k[1], "err", err)
			again = true
			continue
		}
		e.mu.Lock()
		if e.left[k].Equal(at) {
			delete(e.left, k)
		}
		e.mu.Unlock()
	}
	return again
}

func (e *endings) departed(ctx context.Context, k [2]string, at time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, endingPatience)
	defer cancel()
	_, err := e.End(ctx, provisioning.Subject{Domain: k[0], System: true}, k[0], provisioning.Ending{Of: provisioning.RevokedUser, Name: k[1], Why: whyLeaver, At: at}, nil)
	if errors.Is(err, provisioning.ErrNotFound) { // the domain went with them
		return nil
	}
	if err != nil {
		return fmt.Errorf("leaver: %w", err)
	}
	return nil
}

// startEndings lets end what somebody has no right to any more.
func (p *pbx) startEndings(ctx context.Context) {
	p.endings.start(ctx)
	p.closing("endings", func(context.Context) error { p.endings.Close(); return nil })
	p.startRevoker(ctx, p.signalling)
}

// revoked is why a token is worth nothing any more, as the newest snapshot says.
func (p *pbx) revoked(s provisioning.Subject) string { return p.directory.Snapshot().Revoked(s) }
