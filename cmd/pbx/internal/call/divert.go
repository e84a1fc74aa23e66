package call

import (
	"slices"
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/sip"
)

// maxDiversions is how often one call may be sent elsewhere by who does not take it.
const maxDiversions = 5

// errand is what a leg is called with besides the offer: whom it is shown, and how the call came to it.
type errand struct {
	shown    route.Shown
	way      []sip.Diversion
	diverter string
	referrer string
}

// hops is the Max-Forwards for another leg: each diversion takes one too (RFC 3261 section 16.6 step 3). Sent as 0 it would mean 70.
func (c *Call) hops() int {
	if c.in.MaxForwards <= 0 {
		return c.in.MaxForwards
	}
	return max(1, c.in.MaxForwards-c.diverted)
}

// errand of the legs of the present step.
func (c *Call) errand() errand {
	e := errand{shown: c.plan.Shown, way: c.in.Way}
	if t := c.transfer; t != nil && !t.recall {
		e.referrer = t.home.ext
	}
	return e
}

// divert follows the redirection of a phone of ours (RFC 3261 section 8.1.3.4), within the rights of that phone's extension: whoever calls
// it cannot be made to pay or to reach what the extension may not. False: it is not followed.
func (c *Call) divert(p *party, e Ended) bool {
	uri, err := sip.ParseURI(e.Moved)
	if e.Cause.Status/100 != 3 || err != nil || p.ext == "" || c.plan.Emergency || c.diverted >= maxDiversions {
		return false
	}
	dialled, e164, ok := c.deps.Number(c.in.Request.Domain, uri)
	if !ok || dialled == p.ext || slices.ContainsFunc(p.errand.way, func(d sip.Diversion) bool { return d.By.URI.User == dialled }) {
		return false // a stranger, or a circle
	}
	plan := c.route(c.request(p, dialled, e164))
	if plan.Refuse.Status != 0 || len(plan.Steps) == 0 {
		c.log.Info("call: diversion refused", "leg", p.id, "to", dialled, "rule", plan.Why)
		return false
	}
	c.diverted++
	c.log.Info("call: diverted", "by", p.number, "to", dialled, "rule", plan.Why)
	way := append(slices.Clone(p.errand.way), sip.Diversion{Reason: "deflection",
		By: sip.Address{Display: p.name, URI: sip.URI{Scheme: "sip", User: p.ext, Host: c.in.Request.Domain}}})
	next := errand{shown: p.errand.shown, way: way, referrer: p.errand.referrer}
	if plan.Direction == route.Outbound {
		next.diverter = plan.Shown.Number
		if c.direction != route.Inbound { // an extension's number means nothing outside
			next.shown = plan.Shown
		}
	}
	before := len(c.called)
	step := plan.Steps[0]
	for _, t := range step.Targets {
		if t.Kind == route.ToTrunk {
			c.trunk = t.Trunk
		}
		for _, d := range c.deps.Dialler.Find(c.in.Request.Domain, t) {
			c.ring(d, d.Security, next)
		}
	}
	if len(c.called) == before {
		return false
	}
	c.arm(max(step.Ring, time.Until(c.due)))
	return true
}
