package call

import (
	"errors"
	"slices"
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/sip"
)

// begin routes the call and takes its first step.
func (c *Call) begin(leg Leg) {
	if c.in.Origin != nil {
		c.originate()
		return
	}
	if c.in.visit != nil {
		c.welcome()
		return
	}
	c.caller = &party{id: leg.ID(), leg: leg, side: callingSide, offer: c.in.Offer, security: c.in.Security,
		number: c.in.Request.Number, name: c.in.Request.Display, ext: c.in.Request.Extension, instance: c.in.Request.Instance, proof: c.in.Proof, trunk: c.in.Request.Trunk, via: c.in.Carrier, afar: c.in.Request.Afar,
		at: placeOf(c.in.Request), outside: c.in.Request.Trunk != "" && !c.in.Request.Internal}
	c.in.Request.Way = c.in.Way
	c.plan = c.route(c.in.Request)
	c.urgent = c.plan.Emergency || c.plan.CallBack
	c.in.Way = append(slices.Clip(c.in.Way), c.plan.Way...)
	c.caller.security = c.demands(c.caller.security)
	if c.direction = c.plan.Direction; c.plan.To != "" {
		c.to = c.plan.To
	}
	if c.in.Private && !c.plan.Emergency { // whoever calls for help is found
		c.caller.hidden, c.plan.Shown.Withheld = true, true
	}
	if c.plan.Confided {
		c.in.Request.Dialled = c.plan.To
	}
	c.takesOver(c.caller, true)
	c.log.Info("call: new", "from", c.in.Request.Number, "trunk", c.in.Request.Trunk, "dialled", c.in.Request.Dialled, "rule", c.plan.Why)
	c.bridge = c.deps.Media.Bridge()
	if c.plan.Refuse.Status != 0 && c.plan.Say != "" && c.in.Offer != nil { // who may not call there is told why, if it can hear it before an answer
		c.plan = route.Announce(c.plan, c.plan.Say, c.plan.Refuse)
	}
	if c.plan.Refuse.Status != 0 {
		c.end(c.plan.Refuse, bySwitch)
		return
	}
	if err := c.endpoint(c.caller, c.in.Profile); err != nil {
		c.mediaRefuses(err)
		return
	}
	if c.caller.offer != nil { // nobody's phone rings for an offer that cannot be answered
		speaks, err := c.caller.ep.Allows(c.caller.offer)
		if err != nil {
			c.mediaRefuses(err)
			return
		}
		c.caller.speaks = speaks
		if c.class() == route.EncryptRequired && c.caller.staysInClear() {
			c.mediaRefuses(media.ErrPolicy)
			return
		}
	}
	c.announceOrDial()
}

// route plans a call for whoever asks, and asks for the place and the money that it needs: the caller's, or of one who transfers or forwards.
func (c *Call) route(req route.Request) route.Plan {
	p := c.deps.Route(req, c.deps.Clock())
	if c.deps.Admit != nil && p.Refuse.Status == 0 {
		p = c.deps.Admit(c.in.ID, req.Domain, p)
	}
	if c.charge.Extension == "" || c.charge.Denied && !p.Charge.Denied { // a redirection that was refused costs nothing: the next may
		c.charge = p.Charge
	}
	return p
}

// announceOrDial plays the recording notice to an outside caller first, and else rings.
func (c *Call) announceOrDial() {
	if !c.warns() {
		c.dial()
		return
	}
	if !c.reachable() { // nobody listens to a notice for a phone that is not there
		c.unreached(sip.CauseUnavailable)
		return
	}
	sent := c.caller.local != nil
	sdp, err := c.callerSDP(everyCodec)
	if err != nil {
		c.mediaRefuses(err)
		return
	}
	early := c.plan.Record.Notice == route.NoticeEarly && c.caller.offer != nil && !c.in.Request.LateMedia // early media needs the caller's offer
	switch {
	case c.caller.phase >= PartyUp: // we rang it, or a script has answered it
	case !early:
		c.answerCaller(sdp)
	case !sent:
		c.caller.phase = PartyRinging
		c.caller.leg.Ring(sdp)
	}
	if c.caller.agreed {
		c.playNotice(c.caller)
	} // else its answer comes with the ACK: onAgreed goes on
}

// reachable says that at least one target of the plan has a place to ring now.
func (c *Call) reachable() bool {
	for _, s := range c.plan.Steps {
		if s.Run.Verb != "" || len(s.Forward) > 0 {
			return true
		}
		for _, t := range s.Targets {
			if len(c.deps.Dialler.Find(c.in.Request.Domain, t)) > 0 {
				return true
			}
		}
	}
	return false
}

// callerSDP is what we send the caller: our answer, or our offer where the INVITE had none. Once made it stays.
func (c *Call) callerSDP(prefer []media.Codec) (media.SDP, error) {
	p := c.caller
	if p.local != nil {
		return p.local, nil
	}
	want := c.want(p, prefer)
	if want.Record == media.RecordedOff && c.winner != nil && c.recordable() && c.uninformed() == nil { // it begins with the answer
		want.Record = media.RecordedOn
	}
	var sdp media.SDP
	var err error
	if p.offer != nil {
		sdp, err = p.ep.Answer(p.offer, want)
		p.agreed = err == nil
	} else {
		p.asked = prefer
		sdp, err = p.ep.Offer(want)
	}
	if err == nil {
		p.local = sdp
		p.says(want)
	}
	return sdp, err
}

func (c *Call) answerCaller(sdp media.SDP) {
	c.caller.phase = PartyUp
	c.tell(c.caller)
	c.caller.leg.Answer(sdp)
	if c.answered.IsZero() {
		c.answered = c.deps.Clock()
	}
}

// dial rings the next step of the plan that has a live destination.
func (c *Call) dial() {
	if c.phase != Originating {
		c.phase = Ringing
	}
	if c.sendOn() {
		return
	}
	for c.step < len(c.plan.Steps) {
		step := c.plan.Steps[c.step]
		if step.Fallback && !c.carrierFailed { // the called person has spoken: another carrier would hear the same
			break
		}
		c.step++
		if step.Run.Verb != "" {
			c.enact(step.Run)
			return
		}
		c.carrierFailed, c.outcome = true, route.Unreachable // until one of its legs lives
		for _, t := range step.Targets {
			c.reach(t, c.errand(t), step.Ring)
		}
		if c.alive() > 0 {
			c.carrierFailed, c.outcome = false, 0
			c.arm(step.Ring)
			c.ringback()
			return
		}
		if c.sendOn() {
			return
		}
	}
	if c.failure.Status == 0 {
		c.failure = sip.CauseUnavailable
	}
	c.unreached(c.failure)
}

// reach rings a target wherever it can be reached now, or lets its telephones wait for their turn. within is how long it may ring.
func (c *Call) reach(t route.Target, e errand, within time.Duration) {
	if t.Kind == route.ToTrunk {
		c.trunk = t.Trunk
		c.shows(t.Caller, e.shown.Number)
	}
	e.intro = c.introduced(t, e)
	t.Within = within
	for _, d := range c.deps.Dialler.Find(c.in.Request.Domain, t) {
		if d.Start.After > 0 {
			c.lineUp(d, e)
			continue
		}
		c.ring(d, d.Security, e)
	}
	c.hasten()
}

// ringback gives a caller who already hears our media the tone that its own phone no longer makes.
func (c *Call) ringback() {
	if c.caller.agreed && c.caller.stage.why == purposeNone {
		c.play(c.caller, c.deps.Programs.Ringback(), purposeRingback)
	}
}

// ring starts one called leg. What fails here fails like a refusal of that leg.
func (c *Call) ring(d Destination, security media.Security, e errand) {
	if d.Asleep {
		c.rouse(d, e)
		return
	}
	if security = c.demands(security); !c.urgent {
		security = strictest(e.record.Media, security)
	}
	sent := e
	if d.Mobile != nil {
		sent = c.toMobile(d, e)
	}
	p := &party{id: c.newLegID(), side: c.ringsFor().side.other(), moves: c.moving != nil, afar: d.Mobile != nil, number: d.Number, name: d.Name, ext: d.Extension, instance: d.Instance, proof: d.Proof, trunk: d.Trunk, at: where{d.Site, d.Desk, d.Remote}, dest: d, security: security, errand: e, intro: sent.intro, told: sent.shown,
		outside: d.Trunk != "" && c.plan.Direction == route.Outbound}
	if err := c.endpoint(p, d.Profile); err != nil {
		c.remember(mediaCause(err))
		return
	}
	p.asked = c.offerable()
	offer, err := p.ep.Offer(media.Want{Prefer: p.asked, Security: security})
	if err != nil {
		c.closeEndpoint(p)
		c.remember(mediaCause(err))
		return
	}
	if d.Mobile != nil && !c.affords(p) {
		c.closeEndpoint(p)
		c.remember(sip.CauseUnavailable)
		return
	}
	p.local = offer
	c.called = append(c.called, p)
	if !p.moves { // it talks already, and misses nothing
		c.rings(p.ext)
	}
	p.leg = c.deps.Dialler.Dial(d, Outgoing{Leg: p.id, Domain: c.in.Request.Domain, Offer: offer, From: sent.shown,
		To: d.Number, MaxForwards: c.hops(), Way: sent.way, Diverter: sent.diverter, ReferredBy: sent.referrer}, c.mailbox)
}

func (c *Call) mediaRefuses(err error) {
	c.log.Warn("call: media refused", "err", err)
	c.end(mediaCause(err), bySwitch)
}

// mediaCause maps what an endpoint says to what a peer is told.
func mediaCause(err error) sip.Cause {
	switch {
	case errors.Is(err, media.ErrNoMatch), errors.Is(err, media.ErrPolicy), errors.Is(err, media.ErrSDP):
		return sip.StatusCause(488)
	case errors.Is(err, media.ErrNoPorts):
		return sip.StatusCause(503)
	case errors.Is(err, media.ErrState): // an offer of ours is on its way: glare
		return sip.StatusCause(491)
	}
	return sip.StatusCause(500)
}
