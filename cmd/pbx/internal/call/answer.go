package call

import (
	"naisen/media"
	"naisen/sip"
)

// onProgress tells the caller that it rings, or passes the called side's early media on.
func (c *Call) onProgress(e Progress) {
	p := c.party(e.Leg)
	if p == nil || p == c.caller || c.phase != Ringing && c.phase != Scripted && c.phase != Originating || p.phase > PartyRinging {
		return
	}
	p.phase = PartyRinging
	if c.phase == Scripted || c.phase == Originating { // the caller hears the script; or there is none yet
		return
	}
	if t := c.transfer; t != nil && t.by != nil && !t.recall {
		t.by.leg.ReferProgress(sip.Cause{Status: 180})
	}
	alone := c.alive() == 1
	switch {
	case e.SDP != nil && alone && p.dest.Mobile == nil && (c.caller.offer != nil || c.caller.agreed) && p.ep.Accept(e.SDP) == nil:
		p.speaks, _ = p.ep.Allows(e.SDP)
		first := c.caller.local == nil
		sdp, err := c.callerSDP(c.preferFor(p))
		if err != nil {
			return // the answer may still fit; early media is a courtesy
		}
		c.silence(c.caller)
		if first { // also after a 180: a carrier's announcement follows its ringing
			c.caller.phase = PartyRinging
			c.tell(c.caller)
			c.caller.leg.Ring(sdp)
		}
		c.join(p)
		c.bridge.Gate(p.ep, media.GateTalk) // it is heard, and hears nobody before it answered: nobody talks free of charge
	case c.caller.phase == PartyNew:
		c.caller.phase = PartyRinging
		c.tell(c.caller)
		c.caller.leg.Ring(nil)
	}
}

// preferFor lists what the caller's answer should prefer so that packets relay untouched, and then what can be made of them.
func (c *Call) preferFor(p *party) []media.Codec {
	if p.ep.Codec() == "" {
		return everyCodec
	}
	return c.within([]media.Codec{p.ep.Codec()})
}

// onAnswered: the first answer wins; a later one is a crossing and is ended at once.
func (c *Call) onAnswered(e Answered) {
	p := c.party(e.Leg)
	if p == nil || p == c.caller || p.phase >= PartyUp { // a leaving leg ends its own crossing answer
		return
	}
	if err := p.ep.Accept(e.SDP); err != nil { // C16: broken or missing SDP
		c.log.Warn("call: called party's answer is unusable", "leg", p.id, "err", err)
		c.remember(sip.StatusCause(502))
		c.dismiss(p, sip.StatusCause(488))
		return
	}
	p.phase, p.agreed = PartyUp, true
	p.speaks, _ = p.ep.Allows(e.SDP)
	switch m := p.dest.Mobile; {
	case m == nil:
	case !m.Unasked:
		c.askToConfirm(p)
		return
	default:
		c.spends(p)
	}
	c.taken(p)
}

// taken: a person has answered at p.
func (c *Call) taken(p *party) {
	if p.moves {
		c.moved(p)
		return
	}
	c.rungAs(p.ext, RungAnswered)
	if c.phase == Originating {
		c.summoned(p)
		return
	}
	c.won(p)
}

// won: p is who the caller talks with. The others ring no more, and no phone of theirs lists a missed call (RFC 3326).
func (c *Call) won(p *party) {
	c.winner = p
	c.plan.Record = c.plan.Record.And(p.errand.record)
	c.takesOver(p, false)
	c.disarm()
	c.standDown()
	if c.act != nil {
		c.about.queues, c.through = c.waited(), c.act.run
	}
	c.curtain(Reached{Number: p.number, Extension: p.ext})
	for _, loser := range c.called {
		if loser != p {
			c.dismiss(loser, sip.CauseCompletedElsewhere)
		}
	}
	if c.caller.phase < PartyUp {
		sdp, err := c.callerSDP(c.preferFor(p))
		if err != nil {
			c.mediaRefuses(err)
			return
		}
		c.answerCaller(sdp)
	}
	if c.answered.IsZero() { // the caller was rung by us: the conversation begins now
		c.answered = c.deps.Clock()
	}
	if c.answerer == "" {
		c.answerer = p.number
	}
	c.log.Info("call: answered", "leg", p.id, "by", p.number)
	if c.caller.agreed && p.agreed {
		c.connect()
	} // else an answer comes with an ACK
}

// connect joins the two parties, after the notice where one of them must hear it first: the called side of a call to the outside, or
// who waited while a transfer or a redirection led to a recorded number.
func (c *Call) connect() {
	if c.exposed() {
		c.log.Warn("call: a party in the clear where the class of numbers demands encryption")
		c.end(sip.CauseNotAcceptable, bySwitch)
		return
	}
	if c.insists() {
		c.log.Info("call: ends where it must be recorded, and is not", "refused", c.record.declined)
		cause := sip.StatusCause(503)
		if c.record.declined {
			cause = sip.StatusCause(603)
		}
		c.end(cause, bySwitch)
		return
	}
	if p := c.uninformed(); p != nil {
		if c.phase == Talking { // somebody stands where another one talked: who talked with that one waits
			c.unask()
			c.phase = Ringing
		}
		c.playNotice(p)
		return
	}
	c.phase = Talking
	c.startRecording()
	if c.phase != Talking {
		return // recording is mandatory here and failed
	}
	c.resume()
	c.arrived()
}

// resume lets the two parties hear each other, as far as neither holds.
func (c *Call) resume() {
	c.phase = Talking
	c.unask()
	c.keep()
	c.veil()
	c.reconsider()
	for _, p := range c.talkers() {
		c.silence(p)
		c.tape(p)
		if ep, ok := p.ep.(media.Marker); ok { // a transfer may have changed the class
			ep.Mark(c.plan.Record.DSCP)
		}
	}
	c.join(c.winner)
	if t := c.trio; t != nil {
		t.due = false
		c.join(t.third)
	}
	c.gates()
	c.align()
	c.reported(true, sip.Cause{})
	c.log.Info("call: talking", "bridge", c.bridge.String())
}

// join puts the caller and p into the bridge.
func (c *Call) join(p *party) {
	for _, m := range []*party{c.caller, p} {
		if m.joined {
			continue
		}
		m.joined = true
		if err := c.bridge.Join(m.ep); err != nil {
			c.log.Error("call: bridge refused a party", "leg", m.id, "err", err)
		}
	}
}

// onAgreed completes an offer of ours: the caller's ACK to a late offer, or a re-INVITE.
func (c *Call) onAgreed(e Agreed) {
	p := c.party(e.Leg)
	if p == nil || c.phase == Ending {
		return
	}
	if err := p.ep.Accept(e.SDP); err != nil {
		if p.agreed { // a re-INVITE of ours was answered with nonsense: what stood before stands
			p.ep.Rollback()
			if !c.indicated(p) && !c.encryptionAnswered(p) && !c.faxRefused(p) {
				c.misaligned(p)
			}
			return
		}
		c.mediaRefuses(err) // C18
		return
	}
	first := !p.agreed
	p.agreed = true
	if first {
		p.speaks, _ = p.ep.Allows(e.SDP)
	}
	if !first {
		if p.indicating {
			c.holdChanged(p)
			c.indicated(p)
			return
		}
		if c.faxAnswered(p, e.SDP) {
			return
		}
		c.holdChanged(p)
		if c.encryptionAnswered(p) {
			return
		}
		c.aligned(p)
		if o := c.other(p); o != nil { // it agreed to a fax for one who is gone
			c.faxOver(o)
		}
		return
	}
	switch {
	case c.winner == nil && c.phase == Routing:
		c.playNotice(c.caller)
	case c.phase == Scripted && p == c.caller:
		c.reprise()
	case c.winner == nil || !c.caller.agreed || !c.winner.agreed:
	case c.phase == Ringing:
		c.connect()
	case c.phase == Talking: // one that took another's place
		c.connect()
	}
}

func (c *Call) onDisagreed(e Disagreed) {
	if p := c.party(e.Leg); p != nil && c.phase != Ending {
		p.ep.Rollback()
		c.log.Info("call: our offer was refused", "leg", p.id, "status", e.Cause.Status)
		if !c.indicated(p) && !c.encryptionAnswered(p) && !c.faxRefused(p) {
			c.misaligned(p)
		}
	}
}
