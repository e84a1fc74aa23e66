package main

import (
	"context"
	"errors"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
	"naisen/provisioning"
	"naisen/provisioning/directory"
)

// askAgain asks for the rights of every call that has lasted for a while: a call may outlive what allowed it by hours. Who lost them goes as whyRightsLost says.
// Whoever listens or watches is asked every few seconds anyway.
func (e *endings) askAgain() {
	snap, now := e.directory.Snapshot(), e.clock()
	for _, s := range e.calls().Snapshots("") {
		if s.Over || s.Urgent || now.Sub(s.Started) < e.recheck {
			continue
		}
		rule := lostRight(snap, s)
		if rule == "" {
			continue
		}
		e.audit(provisioning.AuditEntry{Domain: s.Domain, Subject: "system", Action: "call.rights-lost", Object: s.ID, Outcome: "denied",
			Detail: map[string]any{"rule": rule, "calls": string(e.effectOf(whyRightsLost).Calls)}})
		e.endWhere(s.Domain, whyRightsLost, e.effectOf(whyRightsLost).Calls, func(o *call.Snapshot, _ call.PartySnapshot) bool { return o.ID == s.ID })
	}
}

// lostRight names the rule by which a call would not be allowed now; empty: it would. What depends on the time of day is judged as when it began: nobody is cut
// off because the office closes. That a number was dialled with the PIN is believed.
func lostRight(snap *directory.Snapshot, s *call.Snapshot) string {
	for _, p := range s.Parties {
		if p.Extension == "" {
			continue
		}
		if !snap.Active(s.Domain, p.Extension) {
			return "extension " + p.Extension + " is not in use any more"
		}
		e, _ := snap.Extension(s.Domain, p.Extension)
		if by := readProof(p.Proof); by.kind == proofToken && by.owner != e.User {
			return "extension " + p.Extension + " is somebody else's now"
		}
	}
	if s.Charge.Extension == "" || s.Paid == "" {
		return ""
	}
	v := route.May(snap, route.Judged{Domain: s.Domain, Extension: s.Charge.Extension, At: s.Started, PIN: true, Standing: true}, s.Paid)
	if v.Denied {
		return v.Rule
	}
	return ""
}

// forget takes away revocations that can refuse nothing any more.
func (e *endings) forget(ctx context.Context) {
	for _, k := range e.directory.Snapshot().Stale(e.clock()) {
		ctx, cancel := context.WithTimeout(ctx, endingPatience)
		err := e.store.Update(ctx, provisioning.Subject{Domain: k[0], System: true}, func(w provisioning.Writer) error {
			r, tag, err := provisioning.Get[provisioning.Revocation](w, k[0], k[1])
			if err != nil || r.Until.IsZero() || !e.clock().After(r.Until) { // it was revoked anew meanwhile
				return err
			}
			return provisioning.Delete[provisioning.Revocation](w, k[0], k[1], tag)
		})
		cancel()
		if err != nil && !errors.Is(err, provisioning.ErrNotFound) && ctx.Err() == nil {
			e.log.Warn("pbx: a revocation that is over was not taken away", "domain", k[0], "err", err)
		}
	}
}
