package main

import (
	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
)

// mobiles are an extension's telephones beyond a trunk, as some of those that ring for it.
type mobiles struct {
	places []call.Destination // one of each kind, at most
	traits []route.Device     // of them, as routing lines them up with the others
}

// mobiles are those of a target; none where it has none or the trunk does not carry. Whoever talks with one talks with the extension.
func (d *dialler) mobiles(domain string, t route.Target) (out mobiles) {
	for _, m := range []*route.Mobile{t.Ours, t.Mobile} {
		if m == nil {
			continue
		}
		at, ok := d.mobile(domain, *m)
		if !ok {
			continue
		}
		at.Number, at.Extension, at.Trunk, at.Idle, at.Proof = t.Number, t.Number, "", t.Idle, ""
		out.places, out.traits = append(out.places, at), append(out.traits, route.Device{Q: -1, After: m.After})
	}
	return out
}

// mobile is the place of one. A carrier that brings the mobiles of our people into the office is asked for those, and for nobody else.
func (d *dialler) mobile(domain string, m route.Mobile) (call.Destination, bool) {
	var places []call.Destination
	if m.Ours {
		tr, ok := d.directory.Snapshot().Trunk(domain, m.To.Trunk)
		if !ok || tr.Disabled || !tr.FMC() {
			return call.Destination{}, false
		}
		m.Unasked = tr.FMCNoVoicemail
		places = d.byTrunk(domain, tr, m.To)
	} else {
		places = d.findCarrier(domain, m.To)
	}
	if len(places) == 0 {
		return call.Destination{}, false
	}
	places[0].Mobile = &m
	return places[0], true
}
