package call

import (
	"cmp"
	"slices"
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/sip"
)

// A mobile is a telephone of its extension that is reached by a trunk. In the call it is that extension: its number, its policies, its codes. Its own
// number is shown to nobody. Nobody knows who answers there, a person or a voicemail, so it has the call only when 1 was pressed; until then it is one of
// those that ring, and whoever answers elsewhere is not kept from it.

const (
	askMobile    = "call/mobile-confirm"
	confirmKey   = '1'
	confirmTimes = 3               // that it is asked
	confirmPause = 4 * time.Second // after each
	confirmMost  = 25 * time.Second
	followMe     = "follow-me" // RFC 5806 section 4
)

// confirming says that somebody has answered a mobile and is being asked whether to take the call.
func (p *party) confirming() bool { return p.confirms > 0 && p.phase == PartyUp }

// carrier is the trunk that carries a party's media; empty: none does.
func (p *party) carrier() string {
	if m := p.dest.Mobile; m != nil {
		return m.To.Trunk
	}
	return cmp.Or(p.trunk, p.via)
}

// askToConfirm asks who answered a mobile for the key, or lets it think; after the last time it rings no more. The step waits for the answer: nobody is
// cut off who is about to take the call.
func (c *Call) askToConfirm(p *party) {
	if p.confirms++; p.confirms == 1 {
		c.log.Info("call: a mobile has answered", "leg", p.id, "of", p.ext)
		if !p.moves && time.Until(c.due) < confirmMost {
			c.arm(confirmMost)
		}
	}
	switch {
	case p.confirms > 2*confirmTimes:
		c.remember(sip.CauseNoAnswer)
		c.outcome |= route.NoAnswer
		c.dismiss(p, sip.CauseNormal)
	case p.confirms%2 == 1:
		c.play(p, c.say(askMobile), purposeConfirm)
	default:
		c.play(p, c.deps.Programs.Pause(confirmPause), purposeConfirm)
	}
}

// confirmed takes a key of who is being asked; false: p is not.
func (c *Call) confirmed(p *party, key rune, how path) bool {
	if !p.confirming() {
		return false
	}
	if key == confirmKey && p.keypad.hears(how, time.Now()) {
		p.confirms = 0
		c.silence(p)
		c.spends(p)
		c.taken(p)
	}
	return true
}

// unconfirmed is why a mobile's leg ended: who hung up before the key was pressed has not answered, and may be a voicemail.
func (c *Call) unconfirmed(p *party, cause sip.Cause) sip.Cause {
	if p.spending {
		p.spending = false
		c.deps.Mobiles.free(p.id)
		if m := p.dest.Mobile; c.deps.Spared != nil && !m.Ours {
			c.deps.Spared(c.in.ID, c.in.Request.Domain, m.Charge, m.To.Number)
		}
	}
	if p.confirms > 0 {
		p.confirms = 0
		return sip.CauseNoAnswer
	}
	return cause
}

// affords asks whether a mobile's owner may have it rung now.
func (c *Call) affords(p *party) bool {
	m := p.dest.Mobile
	if !c.deps.Mobiles.take(c.in.Request.Domain, m.To.Number, p.id) {
		c.log.Info("call: a mobile rings already, and may have sent this call here", "of", p.ext)
		return false
	}
	if c.deps.Admit != nil && !m.Ours {
		plan := c.deps.Admit(c.in.ID, c.in.Request.Domain, route.Plan{Direction: route.Outbound, To: m.To.Number, Charge: m.Charge})
		if plan.Refuse.Status != 0 {
			c.log.Info("call: a mobile does not ring", "of", p.ext, "rule", plan.Why)
			c.deps.Mobiles.free(p.id)
			return false
		}
	}
	p.spending = true
	return true
}

// byNextTrunk rings a mobile by another trunk where this one has failed, and says whether it does. Nobody has answered yet.
func (c *Call) byNextTrunk(p *party, cause sip.Cause) bool {
	m := p.dest.Mobile
	if m == nil || !route.CarrierFailed(cause) {
		return false
	}
	before := len(c.called)
	for i, way := range m.Others {
		next := route.Mobile{To: way, Others: m.Others[i+1:], Charge: m.Charge}
		for _, d := range c.deps.Dialler.Find(c.in.Request.Domain, route.Target{Number: p.ext, Alone: true, Idle: p.dest.Idle, Mobile: &next}) {
			c.log.Info("call: a mobile rings by another trunk", "of", p.ext, "trunk", way.Trunk, "failed", m.To.Trunk)
			c.ring(d, d.Security, p.errand)
		}
		if len(c.called) > before {
			return true
		}
	}
	return false
}

// spends: the call is the mobile's, and its owner pays for it.
func (c *Call) spends(p *party) {
	p.spending = false
	c.deps.Mobiles.free(p.id)
	c.trunk = p.dest.Mobile.To.Trunk
	if !p.dest.Mobile.Ours && (c.charge.Extension == "" || c.charge.Denied) {
		c.charge = p.dest.Mobile.Charge
	}
}

// toMobile is what a mobile is called with: who calls, if that came from outside too, else its owner's outside number, and that the call came by its owner.
func (c *Call) toMobile(d Destination, e errand) errand {
	if d.Mobile.Ours { // it is shown what a desk is
		e.intro = c.introduced(d.Mobile.To, e)
		return e
	}
	e.way = append(slices.Clip(e.way), sip.Diversion{Reason: followMe,
		By: sip.Address{Display: d.Name, URI: sip.URI{Scheme: "sip", User: d.Extension, Host: c.in.Request.Domain}}})
	if own := d.Mobile.To.Diverter; own != nil {
		e.diverter = own.Number
		if !c.ringsFor().outside {
			e.shown = *own
		}
	}
	e.intro = c.introduced(d.Mobile.To, e)
	return e
}

// become: the caller has proved that it is an extension's owner, at a telephone of somebody else's.
func (c *Call) become(o Become) {
	p := c.caller
	p.ext, p.number, p.name, p.asserted, p.hidden, p.outside, p.afar = o.Extension, o.Extension, o.Name, route.Shown{}, false, false, true
	if c.in.Origin != nil { // it was called to call on
		c.answerer, p.side = "", callingSide
	}
	r := &c.in.Request
	r.Extension, r.Number, r.Display, r.Withheld, r.Afar, c.in.Private = o.Extension, o.Extension, o.Name, "", true, false
	if c.deps.Became != nil {
		c.deps.Became(r.Domain, o.Extension, p.id)
	}
	c.log.Info("call: a caller from outside is one of ours", "leg", p.id, "extension", o.Extension)
}
