package call

import (
	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/sip"
)

// maxTransfers bounds how often one call is transferred, diverted or taken over: phones that pass a call round come to an end, and a
// recording has room for so many parties.
const maxTransfers = 12

// transfer is one under way. The party that stays is c.caller meanwhile, and winner is nil.
type transfer struct {
	by      *party       // who asked; nil once it is gone
	home    party        // what is needed of it afterwards: it is rung again when the transfer fails
	keys    bool         // it was asked for by keys: by has no display that says how it ends
	asking  bool         // another call will answer: Adopt, Kept, or Returned
	away    bool         // who asked consults somebody in that call
	peer    *Mailbox     // of that call; nil: by is on its way there, or it was found by a leg
	recall  bool         // home is being rung again
	verdict Program      // that by is to hear before it has its party back; nil: nothing
	failed  sip.Cause    // it hears that now, and this will be reported; zero: it does not
	record  route.Record // how the call was recorded before: what the target demands is over with the transfer
	target  Reach        // of an attended one
}

// onReferred begins a transfer (RFC 3515). It is done inside: nobody else is asked to call anybody.
func (c *Call) onReferred(e Referred) {
	p := c.party(e.Leg)
	if p == nil {
		return
	}
	switch {
	case c.phase != Talking || c.other(p) == nil || c.surrender != nil || c.engaged():
		p.leg.Refuse(sip.StatusCause(491))
	case p.ext == "" && e.Replaces.CallID == "" && p.trunk != "" && c.transfers < maxTransfers:
		c.beyond(p, e)
	case p.ext == "", p.afar: // whose rights would judge it? A carrier has none of a person's
		p.leg.Refuse(sip.CauseDeclined)
	case c.transfers >= maxTransfers:
		c.log.Warn("call: transferred too often", "leg", p.id)
		p.leg.Refuse(sip.CauseDeclined)
	case e.Replaces.CallID != "":
		c.attended(p, e)
	default:
		c.blind(p, e)
	}
}

// blind rings whom the referrer may ring (RFC 5589 section 6).
func (c *Call) blind(p *party, e Referred) {
	d, ok := c.deps.Number(c.in.Request.Domain, e.To)
	if !ok { // strangers are reached by trunks, and by those of the plan only
		p.leg.Refuse(sip.CauseForbidden)
		return
	}
	plan := c.route(c.request(p, d))
	if plan.Refuse.Status != 0 {
		c.log.Info("call: transfer refused", "leg", p.id, "to", d.Number, "rule", plan.Why)
		c.declined(p, plan.Refuse)
		return
	}
	c.log.Info("call: transfer", "by", p.number, "to", d.Number, "rule", plan.Why)
	c.sendAway(p, plan)
}

// sendAway takes the referrer out and rings whom the plan names. Whoever stays is encrypted first where the plan demands it: if it cannot be,
// nothing has happened, and the referrer is told 488.
func (c *Call) sendAway(p *party, plan route.Plan) {
	then := func() {
		if !c.talks(p) {
			p.leg.Refuse(sip.StatusCause(491))
			return
		}
		c.part(p)
		c.redial(plan)
	}
	if !c.encryptFirst(plan.Record.Media, c.other(p), then, func(cause sip.Cause) { c.declined(p, cause) }) {
		then()
	}
}

// beyond sends the call back into the network that it came from or went to: nobody of ours pays, and nobody else can be reached so.
func (c *Call) beyond(p *party, e Referred) {
	if c.deps.Beyond == nil {
		p.leg.Refuse(sip.CauseDeclined)
		return
	}
	plan, ok := c.deps.Beyond(c.in.Request.Domain, p.trunk, e.To, e.By)
	if !ok {
		p.leg.Refuse(sip.CauseDeclined)
		return
	}
	c.log.Info("call: transfer within the trunk's network", "trunk", p.trunk, "rule", plan.Why)
	c.part(p)
	c.redial(plan)
}

// declined tells the referrer that nothing comes of its REFER. A status that means the dialog itself (404, 481 and others, RFC 5057
// section 5.1) would end the call between the two: it is reported, as that of the INVITE that was wished for.
func (c *Call) declined(p *party, cause sip.Cause) {
	if cause.Status == 403 || cause.Status == 603 {
		p.leg.Refuse(cause)
		return
	}
	p.leg.ReferProgress(cause)
}

// request is what p asks for when it sends a call elsewhere: judged by its own rights, whoever is sent, and not recorded as its own. Help comes to
// where p is.
func (c *Call) request(p *party, d Dialled) route.Request {
	return route.Request{Domain: c.in.Request.Domain, Extension: p.ext, Number: p.ext, Display: p.name, Dialled: d.Number, E164: d.E164, Device: d.Device,
		Site: p.at.site, Desk: p.at.desk, Away: true, Afar: p.afar, Remote: p.at.remote}
}

// part takes the referrer out of the conversation and accepts its REFER: 202, and the first NOTIFY at once (RFC 3515 section 2.4.4).
func (c *Call) part(p *party) {
	stays := c.other(p)
	c.unask()
	c.stopMoving()
	c.moveOn()
	c.leave(p)
	c.silence(stays)
	for _, q := range []*party{p, stays} {
		c.remove(q)
	}
	c.caller, c.winner, c.aligning = stays, nil, nil
	c.veil() // who forbade it is gone
	c.phase, c.failure = Routing, sip.Cause{}
	c.transfers++
	c.transfer = &transfer{by: p, home: *p, record: c.plan.Record}
	p.leg.ReferProgress(sip.Cause{Status: 100})
}

// redial rings the targets of another plan for the party that stayed.
func (c *Call) redial(plan route.Plan) {
	if c.replan(plan) {
		c.playNotice(c.caller)
		return
	}
	c.dial()
}

// replan takes another plan for the party that stayed. What was demanded of its recording still is, and what the target demands besides. True: it must
// hear the notice first.
func (c *Call) replan(plan route.Plan) bool {
	if plan.Direction != route.Outbound { // a carrier is shown what it accepts of us, a phone whom it will talk with
		plan.Shown = c.identity(c.caller)
	}
	plan.Record = c.plan.Record.And(plan.Record)
	c.urgent = c.urgent || plan.Emergency                      // a call back after one stays so wherever it is sent
	c.plan, c.step, c.in.Way, c.outcome = plan, 0, plan.Way, 0 // the way to the party that stays is over
	c.joinClass(plan.Record.Media)
	return c.warns()
}

// identity is the name and number of a party as another one may see it.
func (c *Call) identity(p *party) route.Shown {
	switch {
	case p.hidden:
		return route.Shown{Withheld: true}
	case p.asserted != (route.Shown{}):
		return p.asserted
	}
	return route.Shown{Number: p.number, Display: p.name, Withheld: p.number == ""}
}

// unreached: nobody of the plan answered. A transfer goes back to who asked for it; any other call is over.
func (c *Call) unreached(cause sip.Cause) {
	t := c.transfer
	switch {
	case t == nil && c.in.Origin != nil && c.phase != Scripted && c.caller.agreed && c.caller.phase < PartyLeaving:
		c.excuse(cause)
	case t == nil, t.recall:
		c.end(cause, bySwitch)
	case t.by != nil:
		c.reunite(cause)
	case t.home.ext != "":
		c.recall(cause)
	default:
		c.end(cause, bySwitch)
	}
}

// reunite puts the referrer back where it was, and tells it why.
func (c *Call) reunite(cause sip.Cause) {
	by := c.transfer.by
	if t := c.transfer; t.keys && t.verdict == nil && t.failed.Status == 0 {
		t.verdict = c.say(whyNot(cause))
	}
	if c.pronounce(cause) {
		return
	}
	c.log.Info("call: transfer failed", "status", cause.Status)
	by.leg.ReferProgress(cause)
	c.reunited()
}

// reunited: the two talk on.
func (c *Call) reunited() {
	by := c.transfer.by
	c.plan.Record = c.transfer.record
	c.transfer = nil
	c.disarm()
	c.called = append(c.called, by)
	c.winner = by
	c.resume()
}

// pronounce lets the referrer hear why it keeps its party, if it can hear: a phone that holds cannot.
func (c *Call) pronounce(cause sip.Cause) bool {
	t := c.transfer
	if t.verdict == nil || !t.by.listens() {
		return false
	}
	verdict := t.verdict
	t.verdict, t.failed = nil, cause
	c.play(t.by, verdict, purposeVerdict)
	c.play(c.caller, c.deps.Programs.Music(c.in.Request.Domain), purposeMusic)
	return true
}

// recall rings the referrer again, who hung up believing that its transfer would succeed.
func (c *Call) recall(cause sip.Cause) {
	home := &c.transfer.home
	c.log.Info("call: transfer failed, ringing the referrer", "status", cause.Status, "number", home.ext)
	c.plan.Record = c.transfer.record
	ask := c.request(home, Dialled{Number: home.ext})
	ask.Direct = true
	plan := c.route(ask)
	if plan.Refuse.Status != 0 {
		c.end(cause, bySwitch)
		return
	}
	c.transfer.recall = true
	c.redial(plan)
}

// arrived ends a transfer whose target answered: the referrer hears of it and is let go.
func (c *Call) arrived() {
	t := c.transfer
	if t == nil {
		return
	}
	c.transfer = nil
	by := t.by
	if by == nil {
		return
	}
	c.called = append(c.called, by)
	if a := c.act; a != nil && by.listens() {
		if says := c.tells(a, sip.Cause{}); says != nil {
			by.parting = true
			c.play(by, says, purposeFarewell)
			return
		}
	}
	c.letGo(by)
}

// listens says that a party would hear what is played to it now: its phone does not hold, and is no fax machine.
func (p *party) listens() bool { return p.phase == PartyUp && p.agreed && p.ep.Codec() != media.T38 }

// letGo ends the referrer's part.
func (c *Call) letGo(by *party) {
	by.leg.ReferProgress(sip.Cause{Status: 200})
	c.dismiss(by, sip.CauseNormal)
}

// referrerGone: it need not wait for the end (RFC 5589 section 6.1); the transfer lives on.
func (c *Call) referrerGone(p *party) {
	c.log.Info("call: the referrer hung up", "leg", p.id)
	t := c.transfer
	t.by = nil
	if t.failed.Status != 0 && c.phase != Ending { // it was hearing that its party comes back
		c.unreached(t.failed)
	}
}
