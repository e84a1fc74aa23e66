package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/directory"
	"naisen/sip/event"
	"naisen/sip/registrar"
	"naisen/sip/stack"
)

// revoker ends what somebody has no right to any more, whoever took it away and however: it follows the directory, and compares. Registrations and
// subscriptions end when the extension was deleted or disabled, when its owner was disabled or barred or the contract ended, and when what proved them does so no longer: the
// password was changed, the token's person does not own the extension any more, or the token, its session, its device or its person was revoked. Otherwise a
// lost phone would go on ringing until its registration runs out, and for whoever gets the number next. What else ends is told to others in the same step.
type revoker struct {
	directory *directory.Directory
	registrar *registrar.Registrar
	watchers  watchers
	others    []func(last, next *directory.Snapshot)
	stop      context.CancelFunc
	done      chan struct{}
}

// watchers are those who subscribed to something, registered or not.
type watchers interface {
	Watchers() []event.AOR
	revoke(a event.AOR, lost func(proof string) bool)
}

// newRevoker follows the directory until Close. The registrar has loaded its table.
func newRevoker(ctx context.Context, d *directory.Directory, r *registrar.Registrar, w watchers, others ...func(last, next *directory.Snapshot)) *revoker {
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	v := &revoker{directory: d, registrar: r, watchers: w, others: others, stop: stop, done: make(chan struct{})}
	go v.run(run)
	return v
}

// startRevoker also tells of those for whom nobody answers.
func (p *pbx) startRevoker(ctx context.Context, s *signalling) {
	v := newRevoker(ctx, p.directory, p.registrar, s.events, p.endings.follow)
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
		for _, f := range v.others {
			f(last, next)
		}
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
			v.remove(aor, registrar.EventRejected, func(registrar.Binding) bool { return true })
			continue
		}
		w := worthOf(last, next, domain, number)
		v.remove(aor, registrar.EventDeactivated, func(b registrar.Binding) bool { return w.lost(from(b.Proof, b.Instance), b.Registered) })
	}
	for _, a := range v.watchers.Watchers() {
		w := worthOf(last, next, a.Domain, a.User)
		v.watchers.revoke(a, func(proof string) bool { return w.lost(proof, w.watched) })
	}
}

// remove ends bindings, and the WebSockets over which they came: their peers are told to prove themselves anew.
func (v *revoker) remove(aor string, why registrar.Event, lost func(registrar.Binding) bool) {
	var flows []*stack.Flow
	v.registrar.RemoveIf(aor, why, func(b registrar.Binding) bool {
		gone := lost(b)
		if gone && b.Flow != nil {
			flows = append(flows, b.Flow)
		}
		return gone
	})
	for _, f := range flows {
		f.EndAt(time.Now())
	}
}

// worth is what the proofs of an extension are worth now.
type worth struct {
	now             *directory.Snapshot
	domain, owner   string
	number          string
	active, changed bool      // changed: the password is another one
	watched         time.Time // when subscriptions were proved, as far as it matters: nobody notes that
}

func worthOf(last, next *directory.Snapshot, domain, number string) worth {
	before, had := last.Credential(domain, number)
	now, has := next.Credential(domain, number)
	e, _ := next.Extension(domain, number)
	w := worth{now: next, domain: domain, number: number, owner: e.User, active: next.Active(domain, number), changed: !has || had && before != now, watched: time.Now()}
	if last.Revocation(domain, provisioning.RevokedUser, e.User).Phones != next.Revocation(domain, provisioning.RevokedUser, e.User).Phones {
		w.watched = time.Time{} // all there are were proved before that
	}
	return w
}

// lost says that a proof, made at a time, is worth nothing any more.
func (w worth) lost(text string, made time.Time) bool {
	p := readProof(text)
	switch {
	case !w.active, p.kind == proofToken && p.owner != w.owner, p.revoked(w.now, w.domain, w.owner, made):
		return true
	case p.kind == proofSoftphone:
		_, _, there := w.now.Softphone(w.domain, p.owner)
		return !there
	case p.kind == proofToken, p.kind == proofCertificate:
		return false
	case p.kind == proofDevice: // locked, wiped, gone, of another extension now, or with a password that is over
		return !w.now.DeviceCounts(w.domain, w.number, p.mac, p.generation, time.Now())
	}
	return w.changed
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
