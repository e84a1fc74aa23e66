package main

import (
	"context"
	"strings"

	"naisen/provisioning/directory"
	"naisen/sip/event"
	"naisen/sip/registrar"
)

// revoker ends registrations whose right is gone: the extension was deleted or disabled, its owner was disabled, or what proved it does so
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

func (v *revoker) run(ctx context.Context) {
	defer close(v.done)
	last := v.directory.Snapshot()
	v.revoke(last, last) // what changed while the switch was down
	for v.directory.WaitVersion(ctx, last.Version()+1) == nil {
		next := v.directory.Snapshot()
		v.revoke(last, next)
		last = next
	}
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
