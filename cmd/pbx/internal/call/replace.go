package call

import (
	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/sip"
)

// Replace is an INVITE with Replaces (RFC 3891): a new leg wants to stand where Leg stands. By is detached; the call answers and
// attaches it in any case.
type Replace struct {
	Leg   LegID
	Early bool // early-only
	Join  bool // Leg is parked: the new leg talks with it
	By    Leg
	In    Incoming
}

func (Replace) event() {}

// reply implements asker: the call is over, and a dialog that has ended is answered with 603 (RFC 3891 section 3).
func (e Replace) reply(error) {
	nobody := NewMailbox()
	nobody.close()
	e.By.Attach(nobody) // whoever asks this leg for something is answered
	e.By.End(sip.CauseDeclined)
}

// onReplace judges by RFC 3891 section 3 and puts the new leg in the place of the old one.
func (c *Call) onReplace(e Replace) {
	n := &party{id: e.By.ID(), leg: e.By, offer: e.In.Offer, number: e.In.Request.Number, name: e.In.Request.Display,
		ext: e.In.Request.Extension, instance: e.In.Request.Instance, proof: e.In.Proof, trunk: e.In.Request.Trunk, at: placeOf(e.In.Request), hidden: e.In.Private}
	class := c.own(n, false).Media
	n.security = strictest(class, c.demands(e.In.Security))
	c.called = append(c.called, n)
	n.leg.Attach(c.mailbox)
	p := c.party(e.Leg)
	if p != nil {
		n.stands(p, e.Join)
	}
	if cause := c.mayReplace(p, n, e); cause.Status != 0 {
		c.log.Info("call: replacing refused", "leg", e.Leg, "by", n.number, "status", cause.Status)
		c.dismiss(n, cause)
		return
	}
	if o := c.heard(p, e); class == route.EncryptRequired && o != nil && o.inClear() { // nothing has happened: the two talk on
		c.dismiss(n, sip.CauseNotAcceptable)
		return
	}
	sdp, err := c.describe(n, c.heard(p, e), e.In.Profile)
	if err != nil {
		c.dismiss(n, mediaCause(err))
		return
	}
	n.phase = PartyUp
	c.transfers++
	if o := c.heard(p, e); o != nil {
		n.told = c.seen(n, o)
		n.leg.Show(n.told)
	}
	n.leg.Answer(sdp)
	c.replaced(p, n, e.Join)
}

// replaced: n, which is here, stands where p stood, or talks with p, which was parked.
func (c *Call) replaced(p, n *party, join bool) {
	c.log.Info("call: replaced", "leg", p.id, "number", p.number, "by", n.number)
	if join {
		c.phase = Ringing // the script is over; an answer may come with the ACK
	}
	if join || p.phase < PartyUp {
		c.won(n)
		return
	}
	c.substitute(p, n)
}

// stands puts n on the side where p stands, or on the other one: it talks with p, which is parked.
func (n *party) stands(p *party, join bool) {
	if join {
		n.side = p.side.other()
		return
	}
	n.side = p.side
	n.succeed(p)
}

// succeed: what one side asked for holds for the leg that it goes on with.
func (n *party) succeed(p *party) {
	if p.phase < PartyUp { // a recorded number on the way to it
		n.errand.record = p.errand.record
	}
	if n.ext == p.ext {
		n.never = p.never
	}
	switch {
	case n.ext != "" && n.ext == p.ext:
		n.hidden = n.hidden || p.hidden
	case n.ext == "" && n.trunk == p.trunk:
		n.intro, n.outside, n.informed = p.intro, p.outside, p.informed
	}
}

// mayReplace is the rule that forbids it; status 0: none.
func (c *Call) mayReplace(p, n *party, e Replace) sip.Cause {
	switch {
	case p == nil, e.In.Request.Domain != c.in.Request.Domain:
		return sip.StatusCause(481)
	case c.phase == Ending || p.phase >= PartyLeaving, c.phase == Originating: // who is rung is wanted itself: it will be the caller
		return sip.CauseDeclined
	case e.Join && (n.ext == "" || p != c.caller || c.parked() == nil || c.act.sent == ""):
		return sip.CauseUnavailable
	case n.ext == "" && (n.trunk == "" || n.trunk != p.trunk): // a carrier moves its own legs, nobody else's (threats.md C14)
		return sip.CauseForbidden
	case e.Early && p.phase >= PartyUp:
		return sip.CauseBusy
	case p.phase < PartyUp && p == c.caller: // an early dialog that we did not begin
		return sip.StatusCause(481)
	case p.parting:
		return sip.CauseDeclined
	case c.transfer != nil, c.surrender != nil, c.engaged() && p.phase >= PartyUp, c.helped().called, p.phase >= PartyUp && !p.agreed:
		return sip.StatusCause(491)
	case c.phase == Scripted && p == c.caller && !e.Join && n.ext != p.ext && !c.act.yields():
		return sip.CauseDeclined
	case c.transfers >= maxTransfers && !e.Join: // nobody else could talk with who is parked
		return sip.CauseDeclined
	}
	return sip.Cause{}
}

// yields says that the script at work bears another in its caller's place.
func (a *act) yields() bool {
	_, ok := a.script.(Yielding)
	return ok
}

// heard is whom the new leg will talk with; nil: nobody yet.
func (c *Call) heard(p *party, e Replace) *party {
	if e.Join {
		return p
	}
	return c.opposite(p)
}

// describe negotiates the new leg so that packets can be relayed to whom it will talk with.
func (c *Call) describe(n, o *party, profile media.Profile) (sdp media.SDP, err error) {
	if err := c.endpoint(n, profile); err != nil {
		return nil, err
	}
	prefer := everyCodec
	if o != nil && o.agreed {
		prefer = c.within([]media.Codec{o.ep.Codec()})
	}
	want := c.want(n, prefer)
	if n.offer == nil {
		n.asked = prefer
		sdp, err = n.ep.Offer(want)
	} else if sdp, err = n.ep.Answer(n.offer, want); err == nil {
		n.agreed = true
		n.speaks, _ = n.ep.Allows(n.offer)
	}
	n.local = sdp
	n.says(want)
	return sdp, err
}

// opposite is who p talks with, or for whom it rings.
func (c *Call) opposite(p *party) *party {
	if p.phase < PartyUp {
		return c.caller
	}
	return c.other(p)
}

// substitute lets n talk where p talked.
func (c *Call) substitute(p, n *party) {
	c.aligning = nil
	c.moveOn()
	switch p {
	case c.caller:
		c.called = append(c.called, p)
		c.caller = n
		c.remove(n)
	case c.winner:
		c.winner = n
	}
	c.dismiss(p, sip.CauseNormal.WithText("Replaced"))
	c.takesOver(n, false)
	switch {
	case !n.agreed: // its answer comes with the ACK
	case c.phase == Scripted:
		c.reprise()
	case c.winner != nil: // what it demands begins, after the notice; one that was being heard is heard anew
		c.connect()
	case c.phase == Routing: // who is gone heard the notice, and nobody was rung
		c.announceOrDial()
	default: // the caller's place, while others ring
		c.ringback()
	}
}
