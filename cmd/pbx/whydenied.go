package main

import (
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/provisioning"
	"naisen/provisioning/policy"
)

// whyDenied is what the audit log says of a call that was refused.
func (p *pbx) whyDenied(r route.Request, c route.Charge, rule string, now time.Time) map[string]any {
	if !policy.OfSite(rule) {
		return map[string]any{"class": c.Class, "rule": rule}
	}
	snap := p.directory.Snapshot()
	who := snap.Telephone(r.Domain, c.Extension)
	who.Address, who.Device = r.From, r.Instance
	facts := policy.Facts(snap, now, rule, who, provisioning.Object{Domain: r.Domain, Kind: policy.KindNumber, Class: c.Class})
	facts["class"] = c.Class
	return facts
}
