package call

import (
	"naisen/cmd/pbx/internal/route"
	"naisen/recorder"
	"naisen/sip"
)

// Codes that take a place in a call that exists, pick-up, "move here" and a parking slot, are a Replace without its header where a telephone dials them.
// Who is in a call already, as by call-through, has no INVITE to replace with: its call asks the other one whether it may come, and brings it.

// Stead is the place of somebody in a call which another one may take.
type Stead struct {
	Leg   LegID
	Early bool        // only while it rings
	Join  bool        // it is parked: who comes talks with it
	Post  func(Event) // to the call that owns the leg when the event arrives; nil: nobody is there
}

// candidate asks whether somebody of another call may take a place. admitted is the answer, always.
type candidate struct {
	at     Stead
	domain string
	who    *party // a ghost: it is that call's
	clear  bool   // it is not encrypted
	from   *Mailbox
	act    int // its script there
}

// admitted answers a candidate. With cause zero it may come, and the call that says so waits for its arrival.
type admitted struct {
	cause sip.Cause
	leg   LegID // whose: the candidate's
	act   int
	at    Stead
	call  string
	to    *Mailbox
}

// arrival brings who was admitted, its leg detached; who nil: it does not come.
type arrival struct {
	at     Stead
	domain string
	who    *party
}

func (candidate) event() {}
func (admitted) event()  {}
func (arrival) event()   {}

// reply implements asker: the call is over, and nobody has that place.
func (e candidate) reply(error) { e.refuse(sip.CauseUnavailable) }

func (e candidate) refuse(cause sip.Cause) {
	e.from.Post(admitted{cause: cause, leg: e.who.id, act: e.act})
}

// reply implements asker: the call of who was admitted is over.
func (e admitted) reply(error) {
	if e.cause.Status == 0 {
		e.to.Post(arrival{})
	}
}

// reply implements asker: the call is over, which it never is before the arrival but when a leg was stuck.
func (e arrival) reply(error) {
	if e.who != nil {
		e.who.strand()
	}
}

var _, _, _ asker = candidate{}, admitted{}, arrival{}

// claim asks for the place in another call that was dialled. False: it is none, or whom the script acts for is not who is here, answered.
func (c *Call) claim(a *act, o Goto, who, dialled string) bool {
	p := c.caller
	if c.deps.Stead == nil || o.Inside || p.ext == "" || who != p.ext || p.phase != PartyUp || !p.agreed {
		return false
	}
	at, ok := c.deps.Stead(c.in.Request.Domain, who, dialled)
	switch {
	case !ok:
		return false
	case at.Post == nil:
		c.later(a, Refused{sip.CauseUnavailable})
	default:
		at.Post(candidate{at, c.in.Request.Domain, p.ghost(), p.inClear(), c.mailbox, a.id})
	}
	return true
}

// onStead is what two calls tell each other of somebody who takes a place.
func (c *Call) onStead(e Event) {
	switch e := e.(type) {
	case candidate:
		c.onCandidate(e)
	case admitted:
		c.onAdmitted(e)
	case arrival:
		c.onArrival(e)
	}
}

// onCandidate judges as an INVITE with Replaces would be.
func (c *Call) onCandidate(e candidate) {
	if cause := c.mayStand(e.at, e.domain, e.who, e.clear); cause.Status != 0 {
		c.log.Info("call: nobody comes from another call", "leg", e.at.Leg, "by", e.who.number, "status", cause.Status)
		e.refuse(cause)
		return
	}
	c.guests++
	e.from.Post(admitted{leg: e.who.id, act: e.act, at: e.at, call: c.in.ID, to: c.mailbox})
}

// mayStand is the rule that forbids n a place; status 0: none.
func (c *Call) mayStand(at Stead, domain string, n *party, inClear bool) sip.Cause {
	p := c.party(at.Leg)
	e := Replace{Leg: at.Leg, Early: at.Early, Join: at.Join, In: Incoming{Request: route.Request{Domain: domain}}}
	if p != nil {
		n.stands(p, at.Join)
	}
	if cause := c.mayReplace(p, n, e); cause.Status != 0 {
		return cause
	}
	class := c.own(n, false).Media
	o := c.heard(p, e)
	if inClear && (class == route.EncryptRequired || c.class() == route.EncryptRequired) || class == route.EncryptRequired && o != nil && o.inClear() {
		return sip.CauseNotAcceptable
	}
	return sip.Cause{}
}

// onAdmitted sends the party there, or lets the script tell it why not.
func (c *Call) onAdmitted(e admitted) {
	a, p := c.act, c.caller
	switch {
	case c.phase != Scripted || a == nil || a.id != e.act || p.id != e.leg || p.phase != PartyUp || c.surrender != nil:
		e.reply(nil)
		return
	case e.cause.Status != 0:
		c.cue(Refused{e.cause})
		return
	}
	c.log.Info("call: goes on in another call", "leg", p.id, "into", e.call)
	domain := c.in.Request.Domain
	c.vacate(p)
	c.merged = e.call
	c.link(recorder.Link{Call: e.call, How: recorder.MergedInto})
	c.lend(p, func(p *party) { e.to.Post(arrival{e.at, domain, p}) })
	c.end(sip.CauseNormal.WithText("Merged into "+e.call), string(p.side))
}

// onArrival puts who has come in its place. That was judged, but the one there may have answered or gone meanwhile: then it is too late.
func (c *Call) onArrival(e arrival) {
	c.guests--
	n := e.who
	if n == nil {
		return
	}
	cause := c.mayStand(e.at, e.domain, n, n.inClear())
	if cause.Status != 0 {
		c.log.Info("call: who comes from another call is too late", "leg", e.at.Leg, "by", n.number, "status", cause.Status)
		c.dismissVisitor(n)
		return
	}
	c.called = append(c.called, n)
	c.transfers++
	c.replaced(c.party(e.at.Leg), n, e.at.Join)
	n.settle(c.mailbox)
}
