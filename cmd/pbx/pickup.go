package main

import (
	"cmp"
	"slices"

	"naisen/cmd/pbx/internal/call"
	"naisen/provisioning"
	"naisen/provisioning/directory"
	"naisen/sip"
	"naisen/sip/stack"
)

// pickUp lets a phone that dialled a pick-up code take the place of one that rings (代理応答), as an INVITE with Replaces would. False: no such
// code was dialled.
func (s *signalling) pickUp(tx *stack.ServerTx, in call.Incoming) bool {
	snap, r := s.directory.Snapshot(), in.Request
	feature, argument, ok := snap.Feature(r.Domain, r.Dialled)
	if !ok || r.Extension == "" || feature != provisioning.FeaturePickup && feature != provisioning.FeaturePickupOf {
		return false
	}
	id, ok := s.ringing(snap, r.Domain, r.Extension, argument)
	var ringing *leg
	if ok {
		ringing = s.legs.get(id)
	}
	if ringing == nil {
		s.log.Info("signalling: nothing to pick up", "domain", r.Domain, "by", r.Extension)
		s.refuse(tx, sip.CauseUnavailable)
		return true
	}
	s.substitute(tx, in, call.Replace{Leg: id, Early: true}, ringing.ask)
	return true
}

// ringing is the leg that an extension may pick up: of the calls that ring in its pick-up group the first to come, or that of one extension.
func (s *signalling) ringing(snap *directory.Snapshot, domain, by, only string) (call.LegID, bool) {
	me, _ := snap.Extension(domain, by)
	list := s.calls.Snapshots(domain)
	slices.SortFunc(list, func(a, b *call.Snapshot) int { return cmp.Or(a.Started.Compare(b.Started), cmp.Compare(a.ID, b.ID)) })
	for _, c := range list {
		if c.Phase == call.Originating { // who is rung is wanted itself
			continue
		}
		for _, p := range c.Parties {
			e, ok := snap.Extension(domain, p.Extension)
			if ok && e.Number != by && (only == "" || e.Number == only) && me.Pickup != "" && e.Pickup == me.Pickup && !p.Dialog.Inbound && p.Phase < call.PartyUp {
				return p.Leg, true
			}
		}
	}
	return "", false
}
