package main

import (
	"naisen/cmd/pbx/internal/call"
	"naisen/provisioning"
)

// callCodes are what an extension may press while it talks: nothing, unless its settings say so.
func (p *pbx) callCodes(domain, extension string) []call.Code {
	snap := p.directory.Snapshot()
	if !snap.Settings(domain, extension).CallCodes {
		return nil
	}
	var out []call.Code
	for _, c := range snap.FeatureCodes(domain).During() {
		code := call.Code{Keys: c.Code}
		switch c.Feature {
		case provisioning.FeatureCallTransfer:
		case provisioning.FeatureCallPark:
			lots := snap.ParkingLots(domain)
			if len(lots) == 0 {
				continue
			}
			code.Dial = lots[0].Number
		case provisioning.FeatureCallConsult:
			code.Does = call.Consults
		case provisioning.FeatureCallSwap:
			code.Does = call.Swaps
		case provisioning.FeatureCallJoin:
			code.Does = call.Joins
		case provisioning.FeatureCallComplete:
			code.Does = call.Completes
		case provisioning.FeatureCallReturn:
			code.Does = call.Returns
		case provisioning.FeatureCallMove:
			code.Does = call.Moves
		case provisioning.FeatureCallPause:
			code.Does = call.Pauses
		case provisioning.FeatureCallResume:
			code.Does = call.Resumes
		case provisioning.FeatureCallKeep:
			code.Does = call.Keeps
		default:
			continue
		}
		out = append(out, code)
	}
	return out
}

// heldBeside finds the leg by which an extension holds another call than that of the leg but: the last that was answered.
func (s *signalling) heldBeside(domain, extension string, but call.LegID) call.Reach {
	leg := s.heldLeg(domain, extension, but)
	l := s.legs.get(leg)
	if l == nil {
		return call.Reach{}
	}
	return call.Reach{Leg: leg, Post: l.ask}
}

// heldLeg is the leg by which an extension holds a call, the last that was answered, but not the leg but; empty: there is none.
func (s *signalling) heldLeg(domain, extension string, but call.LegID) (held call.LegID) {
	var last *call.Snapshot
	for _, c := range s.calls.Snapshots(domain) {
		if c.Phase != call.Talking || last != nil && !c.Answered.After(last.Answered) {
			continue
		}
		for _, p := range c.Parties {
			if p.Extension == extension && p.Phase == call.PartyHeld && p.Leg != but {
				last, held = c, p.Leg
			}
		}
	}
	return held
}
