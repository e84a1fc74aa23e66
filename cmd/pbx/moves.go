package main

import "naisen/cmd/pbx/internal/call"

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
