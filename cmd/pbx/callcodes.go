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
		switch c.Feature {
		case provisioning.FeatureCallTransfer:
			out = append(out, call.Code{Keys: c.Code})
		case provisioning.FeatureCallPark:
			if lots := snap.ParkingLots(domain); len(lots) > 0 {
				out = append(out, call.Code{Keys: c.Code, Dial: lots[0].Number})
			}
		}
	}
	return out
}
