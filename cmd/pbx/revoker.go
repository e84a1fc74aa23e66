package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"naisen/provisioning/directory"
	"naisen/sip/event"
	"naisen/sip/registrar"
)

// revoker ends registrations whose right is gone: the extension was deleted or disabled, its owner was disabled or the contract ended, or what proved it does so
// no longer: the password was changed, or the token's person does not own the extension any more. Otherwise a lost phone would go on ringing until its registration runs out, and for whoever gets the number next.
type revoker struct {
	directory *directory.Directory
	registrar *registrar.Registrar
	watchers  watchers
	stop      context.CancelFunc
	done      chan struct{}
}

// watchers are those who subscribed to something, registered or not.
type watchers interface {
	Watchers() []event.AOR
	revoke(a event.AOR, lost func(proof string) bool)
}

// newRevoker follows the directory until Close. The registrar has loaded its table.
func newRevoker(ctx context.Context, d *directory.Directory, r *registrar.Registrar, w watchers) *revoker {
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	v := &revoker{directory: d, registrar: r, watchers: w, stop: stop, done: make(chan struct{})}
	go v.run(run)
	return v
}

// startRevoker also tells of those for whom nobody answers.
func (p *pbx) startRevoker(ctx context.Context, s *signalling) {
	v := newRevoker(ctx, p.directory, p.registrar, s.events)
	p.closing("revoker", func(context.Context) error { v.Close(); return nil })
	p.alarms.watchEach("contract-sponsor", (&sponsors{directory: p.directory}).alone)
}

func (v *revoker) run(ctx context.Context) {
	defer close(v.done)
	last := v.directory.Snapshot()
	v.revoke(last, last) // what changed while the switch was down
	for {
		wait, done := untilContract(ctx, last, time.Now())
		err := v.directory.WaitVersion(wait, last.Version()+1)
		done()
		if err != nil && (ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded)) {
			return
		}
		next := v.directory.Snapshot()
		v.revoke(last, next)
		last = next
	}
}

// untilContract waits no longer than to the end of the next contract, and a minute where one will end, since the clock may be set.
func untilContract(ctx context.Context, s *directory.Snapshot, now time.Time) (context.Context, context.CancelFunc) {
	ends := s.ContractEnds(now)
	if ends.IsZero() {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, min(ends.Sub(now), time.Minute))
}

func (v *revoker) revoke(last, next *directory.Snapshot) {
	for _, aor := range v.registrar.AORs() {
		number, domain, _ := strings.Cut(aor, "@")
		if _, account := next.Account(domain, number); account && !known(next, domain, number) {
			if passwordOf(last, domain, number) != passwordOf(next, domain, number) {
				v.registrar.Remove(aor, registrar.EventDeactivated)
			}
			continue
		}
		if !next.Active(domain, number) {
			v.registrar.Remove(aor, registrar.EventRejected)
			continue
		}
		lost := lost(last, next, domain, number)
		v.registrar.RemoveIf(aor, registrar.EventDeactivated, func(b registrar.Binding) bool { return lost(b.Proof) })
	}
	for _, a := range v.watchers.Watchers() {
		v.watchers.revoke(a, lost(last, next, a.Domain, a.User))
	}
}

// lost tells which proofs of an extension are worth nothing any more.
func lost(last, next *directory.Snapshot, domain, number string) func(proof string) bool {
	before, had := last.Credential(domain, number)
	now, has := next.Credential(domain, number)
	e, _ := next.Extension(domain, number)
	active, changed := next.Active(domain, number), !has || had && before != now
	return func(proof string) bool {
		owner, token := strings.CutPrefix(proof, proofToken)
		switch {
		case !active:
			return true
		case token:
			return owner != e.User
		case proof == proofCertificate:
			return false
		}
		return changed
	}
}

func known(s *directory.Snapshot, domain, number string) bool {
	_, ok := s.Extension(domain, number)
	return ok
}

// passwordOf a telephone system that registers with us.
func passwordOf(s *directory.Snapshot, domain, user string) string {
	t, _ := s.Account(domain, user)
	p, _ := s.TrunkPassword(domain, t.Name)
	return p.Reveal()
}

// Close stops following and waits.
func (v *revoker) Close() {
	v.stop()
	<-v.done
}
