package main

import (
	"cmp"
	"slices"

	"naisen/cmd/pbx/internal/call"
	"naisen/provisioning"
	"naisen/provisioning/directory"
)

// stead is the place in a call that an extension takes by what it dialled, as an INVITE with Replaces would: that of a telephone which rings (代理応答), its
// own at another telephone, or beside who is parked. Its Post is nil: nobody is there. False: that is no code for one, or a slot where nobody is parked.
func (s *signalling) stead(domain, extension, dialled string) (at call.Stead, ok bool) {
	if extension == "" {
		return call.Stead{}, false
	}
	snap := s.directory.Snapshot()
	switch feature, argument, _ := snap.Feature(domain, dialled); feature {
	case provisioning.FeaturePickup, provisioning.FeaturePickupOf:
		_, at.Leg = pickable(snap, s.calls.Snapshots(domain), extension, argument)
		at.Early = true
	case provisioning.FeatureMove:
		at.Leg = s.talkingLeg(domain, extension)
	default:
		return s.parkedIn(domain, dialled)
	}
	if l := s.legs.get(at.Leg); l != nil {
		at.Post = l.ask
	} else {
		s.log.Info("signalling: no call to take", "domain", domain, "by", extension)
	}
	return at, true
}

// pickable is the leg that an extension may pick up: of the calls of its domain that ring in its pick-up group the first to come, or that of one extension;
// empty: none.
func pickable(snap *directory.Snapshot, list []*call.Snapshot, by, only string) (found *call.Snapshot, leg call.LegID) {
	slices.SortFunc(list, func(a, b *call.Snapshot) int { return cmp.Or(a.Started.Compare(b.Started), cmp.Compare(a.ID, b.ID)) })
	for _, c := range list {
		if c.Phase == call.Originating { // who is rung is wanted itself
			continue
		}
		me, _ := snap.Extension(c.Domain, by)
		for _, p := range c.Parties {
			e, ok := snap.Extension(c.Domain, p.Extension)
			if ok && e.Number != by && (only == "" || e.Number == only) && me.Pickup != "" && e.Pickup == me.Pickup && !p.Dialog.Inbound && p.Phase < call.PartyUp {
				return c, p.Leg
			}
		}
	}
	return nil, ""
}
