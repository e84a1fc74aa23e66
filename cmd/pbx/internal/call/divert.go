package call

import (
	"slices"
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/sip"
)

// errand is what a leg is called with besides the offer: whom it is shown, and how the call came to it.
type errand struct {
	shown    route.Shown
	way      []sip.Diversion
	diverter string
	record   route.Record // of a recorded number of ours on the way: it is that number's call, whoever sent it there
	referrer string
	intro    introduction
}

// passed says that the call was at an extension already.
func (e errand) passed(number string) bool {
	return slices.ContainsFunc(e.way, func(d sip.Diversion) bool { return d.By.URI.User == number })
}

// hops is the Max-Forwards for another leg: each diversion takes one too (RFC 3261 section 16.6 step 3). Sent as 0 it would mean 70.
func (c *Call) hops() int {
	if c.in.MaxForwards <= 0 {
		return c.in.MaxForwards
	}
	return max(1, c.in.MaxForwards-c.diverted)
}

// errand of the legs that ring a target of the present step.
func (c *Call) errand(to route.Target) errand {
	e := errand{shown: c.plan.Shown, way: c.in.Way}
	if to.As != nil {
		e.shown = *to.As
	}
	if d := to.Diverter; d != nil {
		e.diverter = d.Number
		if !c.caller.outside { // an extension's number means nothing outside
			e.shown = *d
		}
	}
	if t := c.transfer; t != nil && !t.recall {
		e.referrer = t.home.ext
	}
	return e
}

// divert follows the redirection of a phone of ours (RFC 3261 section 8.1.3.4), within the rights of that phone's extension: whoever calls
// it cannot be made to pay or to reach what the extension may not. False: it is not followed.
func (c *Call) divert(p *party, e Ended) bool {
	uri, err := sip.ParseURI(e.Moved)
	if e.Cause.Status/100 != 3 || err != nil || p.ext == "" || p.afar || c.plan.Emergency || c.phase == Originating || c.diverted >= route.MaxHops {
		return false
	}
	d, ok := c.deps.Number(c.in.Request.Domain, uri)
	if !ok || d.Number == p.ext || p.errand.passed(d.Number) {
		return false // a stranger, or a circle
	}
	way := append(slices.Clone(p.errand.way), sip.Diversion{Reason: "deflection",
		By: sip.Address{Display: p.name, URI: sip.URI{Scheme: "sip", User: p.ext, Host: c.in.Request.Domain}}})
	ask := c.request(p, d)
	ask.Way = way
	plan := c.route(ask)
	if plan.Refuse.Status != 0 || len(plan.Steps) == 0 {
		c.log.Info("call: diversion refused", "leg", p.id, "to", d.Number, "rule", plan.Why)
		return false
	}
	if plan.Record.Media == route.EncryptRequired && c.caller.staysInClear() {
		c.log.Info("call: diversion refused: the caller is not encrypted", "leg", p.id, "to", d.Number, "rule", plan.Why)
		return false
	}
	c.diverted++
	if plan.Emergency {
		c.urgent, c.help = true, help{true, plan.Site}
		if c.caller.local == nil { // no answer of ours has said yet what it must do
			c.caller.security = c.in.Security
		}
	}
	c.log.Info("call: diverted", "by", p.number, "to", d.Number, "rule", plan.Why)
	way = append(way, plan.Way...)
	before := len(c.called)
	step := plan.Steps[0]
	for _, t := range step.Targets {
		if t.Number == p.ext || p.errand.passed(t.Number) { // it sent the call away
			continue
		}
		next := c.errand(t)
		next.way, next.referrer, next.record = way, p.errand.referrer, p.errand.record.And(plan.Record)
		if plan.Direction == route.Outbound {
			next.diverter = plan.Shown.Number
			if c.direction != route.Inbound { // an extension's number means nothing outside
				next.shown = plan.Shown
			}
		}
		c.reach(t, next, step.Ring)
	}
	if len(c.called) == before {
		return false
	}
	c.arm(max(step.Ring, time.Until(c.due)))
	return true
}

// sendOn follows what the step before wished for, now that it reached nobody: the call goes on by the plan of whoever sends it, within that
// one's rights, and what was decided about the recording and the caller's name stays; a recorded number on the way adds what it demands. A plan
// that is refused, or that forbids a caller in the clear, leaves what was planned before. True: the caller must hear the notice first, and the call goes on by itself.
func (c *Call) sendOn() bool {
	f, ok := c.wish()
	if !ok {
		return false
	}
	ask := c.in.Request
	ask.Forward, ask.Way = &f, c.in.Way
	plan := c.route(ask)
	if plan.Refuse.Status != 0 || len(plan.Steps) == 0 {
		c.log.Info("call: forward refused", "by", f.By.Number, "reason", f.Reason, "rule", plan.Why)
		return false
	}
	if plan.Record.Media == route.EncryptRequired && !c.urgent && c.caller.staysInClear() {
		c.log.Info("call: forward refused: the caller is not encrypted", "by", f.By.Number, "reason", f.Reason, "rule", plan.Why)
		return false
	}
	c.diverted++
	c.log.Info("call: forwarded", "by", f.By.Number, "rule", plan.Why)
	c.in.Way = append(slices.Clip(c.in.Way), plan.Way...)
	c.plan.Steps, c.step, c.outcome, c.carrierFailed = plan.Steps, 0, 0, false
	c.plan.Record = c.plan.Record.And(plan.Record)
	if !plan.Record.Tells() || !c.warns() {
		return false
	}
	c.phase = Routing
	c.announceOrDial()
	return true
}

// wish is the forward of the step before that its outcome asks for.
func (c *Call) wish() (route.Forward, bool) {
	if c.step == 0 || c.diverted >= route.MaxHops {
		return route.Forward{}, false
	}
	for _, f := range c.plan.Steps[c.step-1].Forward {
		if f.On&c.outcome != 0 {
			return f, true
		}
	}
	return route.Forward{}, false
}
