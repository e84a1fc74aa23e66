package main

import (
	"time"

	"naisen/cmd/pbx/internal/route"
)

// emergency tells everybody who must know that somebody calls for help: the log, the metrics and the audit log. It opens the window in which
// a call back gets through.
func (p *pbx) emergency(r route.Request, plan route.Plan) {
	snap := p.directory.Snapshot()
	if r.Desk != "" { // help is called from a desk, and calls back there
		r.Extension = r.Desk
	}
	site, _ := snap.Site(r.Domain, plan.Site)
	e, _ := snap.Extension(r.Domain, r.Extension)
	p.log.Warn("pbx: emergency call placed", "domain", r.Domain, "extension", r.Extension, "number", plan.To, "site", site.Name, "as", plan.Shown.Number)
	p.alarms.happened("emergency-call", r.Domain, r.Extension, plan.To+" at "+site.Name)
	p.auditor.emergency(r.Domain, r.Extension, plan.To, map[string]any{"site": site.Name, "address": site.Address, "as": plan.Shown.Number})
	p.signalling.callbacks.open(r.Domain, r.Extension, time.Duration(site.CallbackMinutes)*time.Minute, plan.Shown.Number, e.CallerID)
}
