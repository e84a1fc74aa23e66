package main

import (
	"naisen/cmd/pbx/internal/call"
	"naisen/provisioning"
	"naisen/sip"
	"naisen/sip/stack"
)

// moveHere lets a telephone that dialled the code go on with the call that its extension has at another one, as an INVITE with Replaces would. False: no
// such code was dialled.
func (s *signalling) moveHere(tx *stack.ServerTx, in call.Incoming) bool {
	r := in.Request
	feature, _, ok := s.directory.Snapshot().Feature(r.Domain, r.Dialled)
	if !ok || r.Extension == "" || feature != provisioning.FeatureMove {
		return false
	}
	id := s.talkingLeg(r.Domain, r.Extension)
	l := s.legs.get(id)
	if l == nil {
		s.log.Info("signalling: no call to move", "domain", r.Domain, "by", r.Extension)
		s.refuse(tx, sip.CauseUnavailable)
		return true
	}
	s.substitute(tx, in, call.Replace{Leg: id}, l.ask)
	return true
}

// talkingLeg is the leg by which an extension talks, of several that of the call that was answered last; empty: it does not.
func (s *signalling) talkingLeg(domain, extension string) (talking call.LegID) {
	var last *call.Snapshot
	for _, c := range s.calls.Snapshots(domain) {
		if c.Phase != call.Talking || last != nil && !c.Answered.After(last.Answered) {
			continue
		}
		for _, p := range c.Parties {
			if p.Extension == extension && (p.Phase == call.PartyUp || p.Phase == call.PartyHeld) {
				last, talking = c, p.Leg
			}
		}
	}
	return talking
}
