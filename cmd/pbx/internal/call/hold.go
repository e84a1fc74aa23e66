package call

import (
	"time"

	"naisen/media"
	"naisen/sip"
)

// onOffered answers a party's own re-INVITE or UPDATE. The other leg hears of it only through the bridge: its SDP never crosses.
func (c *Call) onOffered(e Offered) {
	p := c.party(e.Leg)
	if p == nil {
		return
	}
	if c.phase == Ending || !p.agreed {
		p.leg.Refuse(sip.StatusCause(491))
		return
	}
	if e.SDP != nil && c.faxOffered(p, e.SDP) {
		return
	}
	want := c.want(p, withTwin([]media.Codec{p.ep.Codec()}))
	if o := c.other(p); o != nil {
		want.Fax = o.fax
	}
	if e.SDP == nil { // offerless re-INVITE: our offer goes in the 200, the answer comes with the ACK
		sdp, err := p.ep.Offer(want)
		if err != nil {
			p.leg.Refuse(mediaCause(err))
			return
		}
		p.says(want)
		p.leg.Reply(sdp)
		return
	}
	want.Prefer = c.within([]media.Codec{p.ep.Codec()}) // it may have left the codec that it spoke
	sdp, err := p.ep.Answer(e.SDP, want)
	if err != nil { // E13: the old session keeps on
		c.log.Warn("call: re-INVITE refused", "leg", p.id, "err", err)
		p.leg.Refuse(mediaCause(err))
		return
	}
	c.heardFrom(p)
	p.asked = nil
	p.speaks, _ = p.ep.Allows(e.SDP)
	p.says(want)
	p.leg.Reply(sdp)
	c.faxOver(p)
	c.holdChanged(p)
}

// holdChanged opens or shuts the gate after p's description changed. Before the parties talk there is no gate: connect looks again.
func (c *Call) holdChanged(p *party) {
	holds := p.ep.PeerHolds()
	if c.off != nil && c.phase == Talking && holds != (p.phase == PartyHeld) { // who holds, or comes back, is to talk and not to dial
		c.unask()
		c.resume()
	}
	switch {
	case holds && p.phase == PartyUp:
		p.phase, p.quiet = PartyHeld, c.deps.Clock()
		c.watch(p, vigilEvery)
		c.heldOutside(p)
		switch {
		case p.stage.why == purposeFarewell || p.stage.why == purposeVerdict: // it hears nothing more
			c.programEnded(p, media.PlayEnded{})
		case c.phase == Talking:
			c.hold(p)
		case p == c.caller:
			c.seat()
		}
		c.log.Info("call: held", "leg", p.id)
	case !holds && p.phase == PartyHeld:
		p.phase, p.since = PartyUp, time.Now()
		c.heldOutside(p)
		if c.phase == Talking {
			c.silence(c.other(p))
			c.bridge.Gate(p.ep, media.GateBoth)
		} else if p == c.caller {
			c.seat()
		}
		c.log.Info("call: resumed", "leg", p.id)
	}
}

// hold takes p out of the conversation and gives the other side music.
func (c *Call) hold(p *party) {
	c.bridge.Gate(p.ep, media.GateNone)
	if c.trio == nil { // else the others go on talking
		c.play(c.other(p), c.deps.Programs.Music(c.in.Request.Domain), purposeMusic)
	}
}

// onDigit passes a digit that came by SIP INFO to the script, or to the other side as RFC 4733. Digits in RTP pass through the bridge.
func (c *Call) onDigit(e Digit) {
	p := c.party(e.Leg)
	switch {
	case p == nil:
	case c.refusesBy(p, e.Rune, byInfo), c.confirmed(p, e.Rune, byInfo):
	case c.phase == Scripted:
		c.typed(p, e.Rune, byInfo)
		if c.phase == Scripted {
			c.pressed(p, e.Rune, byInfo)
		}
	default:
		if o := c.other(p); o != nil && c.phase == Talking && c.asking == nil {
			o.ep.SendDigit(e.Rune)
		}
		c.typed(p, e.Rune, byInfo)
	}
}
