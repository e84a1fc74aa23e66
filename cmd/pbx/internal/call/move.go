package call

import (
	"slices"
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/recorder"
	"naisen/sip"
)

// Dialogs finds legs by what their devices call them.
type Dialogs interface {
	// Find gives the leg whose dialog a Replaces names: ours is the tag that we gave, theirs the device's (RFC 3891 section 3).
	Find(callID, ours, theirs string) (Reach, bool)
}

// Reach is how one call reaches a leg of another. Post leads to the call that owns the leg when the event arrives.
type Reach struct {
	Leg  LegID
	Post func(Event)
}

// Replaces names a dialog as Replaces does.
type Replaces struct {
	CallID, Ours, Theirs string
	Early                bool // early-only
}

// Surrender asks a call for the legs on the other side of Leg. Adopt or Kept is the answer, always.
type Surrender struct {
	Leg    LegID
	Domain string
	Ext    string // who asks: Leg must be its own
	Into   string // the call that asks
	Class  string // its route.Record.Media; empty: it is for help
	Clear  bool   // who stays there is not encrypted, and that call is not for help
	To     *Mailbox
	Mixed  bool // three are to talk: only who talks, or waits, and can be mixed. Leg may be empty: the asking call has the leg that would be named
}

// Adopt brings the legs that were asked for. They are detached, and belong to the receiver from now on.
type Adopt struct {
	parties []*party
	ringing bool          // nobody answered yet
	rest    []route.Step  // the one that rings, and those that were not rung yet
	step    int           // of these the next to be rung
	ring    time.Duration // how long the present one may still ring
	pending []pending     // telephones of it that ring later
	record  route.Record
	asked   *recorder.Asked   // who wants it recorded, without any policy that demands it
	urgent  bool              // somebody of them was called for help
	help    help              // as the record of their call would say
	notice  *recorder.Notice  // that they have heard
	notices []recorder.Notice // and what others heard of them
	about   about             // what their call was for
	call    string            // which it was
}

// Kept says that there is nothing to adopt, and why.
type Kept struct {
	Cause sip.Cause
	Class string // that demands more encryption than the asker has: it may ask again; empty: it is something else
}

func (Surrender) event() {}
func (Adopt) event()     {}
func (Kept) event()      {}

// reply implements asker: the call is over.
func (e Surrender) reply(error) { e.To.Post(Kept{Cause: sip.StatusCause(481)}) }

// surrender is the handing over of legs, until the last of them is detached.
type surrender struct {
	adopt Adopt
	wait  map[LegID]bool
	then  func(Adopt) // what is done with them then
}

// onMove is what calls tell each other of their legs, and what becomes of one that goes on at another telephone.
func (c *Call) onMove(e Event) {
	switch e := e.(type) {
	case Surrender:
		c.onSurrender(e)
	case Adopt:
		c.onAdopt(e)
	case Kept:
		c.onKept(e)
	case Returned:
		c.onReturned(e)
	case Abandoned:
		c.onAbandoned(e)
	case MoveAway, moveOver:
		c.onMoving(e)
	case candidate, admitted, arrival:
		c.onStead(e)
	}
}

// attended asks the call of the referrer's other leg for whom it talks with there (RFC 5589 section 7). Its Replaces names dialogs of
// the referrer's own side, which mean nothing to anybody else.
func (c *Call) attended(p *party, e Referred) {
	r, ok := c.deps.Dialogs.Find(e.Replaces.CallID, e.Replaces.Ours, e.Replaces.Theirs)
	if !ok || c.party(r.Leg) != nil {
		c.declined(p, sip.StatusCause(481))
		return
	}
	c.log.Info("call: attended transfer", "by", p.number, "other", r.Leg)
	c.part(p)
	c.transfer.target = r
	c.askForLegs()
}

// askForLegs asks the other call of an attended transfer for its legs.
func (c *Call) askForLegs() {
	t := c.transfer
	t.asking = true
	t.target.Post(Surrender{Leg: t.target.Leg, Domain: c.in.Request.Domain, Ext: t.home.ext, Into: c.in.ID, Class: c.class(),
		Clear: !c.urgent && c.caller.inClear(), To: c.mailbox})
}

// onSurrender gives away all but e.Leg, which asked for it.
func (c *Call) onSurrender(e Surrender) {
	p := c.party(e.Leg)
	refuse := func(status int) { e.To.Post(Kept{Cause: sip.StatusCause(status)}) }
	if a, ok := c.whoWaits(e); ok {
		if !c.encryptedToGive(e, a.parties) {
			return
		}
		left := c.transfer.home.ghost()
		c.transfer = nil
		c.give(e, a, left)
		return
	}
	switch {
	case p == nil || p.phase >= PartyLeaving || e.Domain != c.in.Request.Domain:
		refuse(481)
		return
	case p.ext != e.Ext || e.Ext == "": // somebody else's call
		refuse(403)
		return
	case c.transfer != nil || c.surrender != nil || c.engaged():
		refuse(491)
		return
	}
	a, ok := c.offering(p)
	switch {
	case !ok:
		refuse(480)
	case e.Mixed && (a.ringing || a.urgent || !a.parties[0].ep.Codec().Transcodes()):
		refuse(488)
	case c.encryptedToGive(e, a.parties):
		c.give(e, a, p)
	}
}

// give detaches the legs and ends what is left of this call.
func (c *Call) give(e Surrender, a Adopt, left *party) {
	c.surrender = &surrender{adopt: a, wait: map[LegID]bool{}, then: func(a Adopt) {
		if c.deps.Moved != nil { // before this call's own CDR
			c.deps.Moved(c.in.ID, e.Into)
		}
		e.To.Post(a)
	}}
	for _, q := range a.parties {
		c.leave(q)
		c.remove(q)
		c.surrender.wait[q.id] = true
	}
	if c.caller != left { // the caller itself moves on: who is left answers for the call to its end
		c.remove(left)
		c.caller = left
	}
	for _, q := range a.parties {
		q.leg.Detach()
	}
	c.handOver() // a script alone has no leg to wait for
	cause := sip.CauseNormal
	if left.phase < PartyUp {
		cause = sip.CauseCancelled
	}
	c.winner = nil
	c.dismiss(left, cause)
	c.merged = e.Into
	c.link(recorder.Link{Call: e.Into, How: recorder.MergedInto})
	c.end(cause.WithText("Merged into "+e.Into), string(left.side))
}

// departing keeps what happens to a leg on its way for the call that adopts it.
func (c *Call) departing(e Event) bool {
	s := c.surrender
	if s == nil {
		return false
	}
	id, ok := legOf(e)
	i := slices.IndexFunc(s.adopt.parties, func(p *party) bool { return p.id == id })
	if !ok || i < 0 {
		return false
	}
	_, last := e.(Ended)
	if _, detached := e.(Detached); !detached {
		s.adopt.parties[i].held = append(s.adopt.parties[i].held, e)
	} else {
		last = true
	}
	if last {
		delete(s.wait, id)
	}
	c.handOver()
	return true
}

// handOver gives the legs to the other call once the last of them is detached.
func (c *Call) handOver() {
	s := c.surrender
	if s == nil || len(s.wait) > 0 {
		return
	}
	c.surrender = nil
	s.then(s.adopt)
}

// legOf is the leg that an event is of.
func legOf(e Event) (LegID, bool) {
	switch e := e.(type) {
	case Progress:
		return e.Leg, true
	case Answered:
		return e.Leg, true
	case Offered:
		return e.Leg, true
	case Agreed:
		return e.Leg, true
	case Disagreed:
		return e.Leg, true
	case Digit:
		return e.Leg, true
	case Referred:
		return e.Leg, true
	case Identified:
		return e.Leg, true
	case Probed:
		return e.Leg, true
	case Roamed:
		return e.Leg, true
	case holderDue:
		return e.leg, true
	case Ended:
		return e.Leg, true
	case Detached:
		return e.Leg, true
	case Media:
		return e.Leg, true
	case Replace:
		return e.Leg, true
	case Surrender:
		return e.Leg, true
	case Send:
		return e.Leg, true
	case MoveAway:
		return e.Leg, true
	case candidate:
		return e.at.Leg, true
	case opened, mediaClosed, timeout, deviceDue, cued, captureFailed, roomChanged, audienceChanged, Watch, Hangup, Record, Pause, pauseOver, moveOver, Adopt, Kept, Returned, Abandoned, admitted, arrival:
	}
	return "", false
}

// onKept: the other call has nothing to give.
func (c *Call) onKept(e Kept) {
	if c.joining != nil {
		c.notJoined()
		return
	}
	t := c.transfer
	if t == nil || !t.asking {
		return
	}
	t.asking = false
	if c.phase == Ending {
		return
	}
	again := func() {
		if c.transfer == t {
			c.askForLegs()
		}
	}
	fail := func(cause sip.Cause) {
		if c.transfer == t {
			c.unreached(cause)
		}
	}
	if !c.encryptFirst(e.Class, c.caller, again, fail) {
		fail(e.Cause)
	}
}

// onAdopt takes the legs of another call.
func (c *Call) onAdopt(e Adopt) {
	t, j := c.transfer, c.joining
	if t != nil {
		t.asking = false
		if t.away { // it heard music so far
			c.silence(c.caller)
		}
	}
	for _, p := range e.parties {
		p.sink.to.Store(c.mailbox)
		p.side = c.caller.side.other()
		c.called = append(c.called, p)
	}
	switch {
	case j != nil && c.phase != Ending:
		c.third(e)
	case c.phase == Ending || t == nil:
		for _, p := range e.parties {
			c.dismiss(p, c.withdrawal(p, sip.CauseNormal))
		}
	default:
		c.take(e)
	}
	for _, p := range e.parties {
		held := p.held
		p.held = nil
		for _, h := range held { // what came before it left
			c.handle(h)
		}
		p.leg.Attach(c.mailbox)
	}
	if j != nil {
		c.joined()
	}
}

// inherit goes on with what another call was.
func (c *Call) inherit(e Adopt) {
	if c.urgent = c.urgent || e.urgent; e.help.called {
		c.help = e.help
	}
	c.plan.Record = c.plan.Record.And(e.record)
	if slices.ContainsFunc(e.parties, func(p *party) bool { return p.declined }) { // wherever it said so
		c.record.declined = true
		c.ban(whyRefused)
	}
	c.askedAlong(e.asked)
	c.heed(e)
	c.link(recorder.Link{Call: e.call, How: recorder.MergedFrom})
	c.shows(e.about.called...)
	c.about.queues = append(c.about.queues, e.about.queues...)
	c.joinClass(c.plan.Record.Media)
	for _, p := range e.parties {
		p.security = c.demands(p.security)
	}
}

// meets: somebody from another call is a party of this one. What a line demands came with the other call.
func (c *Call) meets(p *party) {
	if p.ext != "" {
		c.takesOver(p, false)
	}
}

// take goes on with the legs of another call as if they had been rung here.
func (c *Call) take(e Adopt) {
	c.inherit(e)
	if e.ringing {
		c.plan.Steps, c.step = e.rest, e.step
		switch {
		case len(e.parties) > 0:
		case c.warns(): // the referrer may have heard it: who comes has not
			c.playNotice(c.caller)
			return
		default:
			c.dial()
			return
		}
		c.phase, c.pending = Ringing, e.pending
		for i := range c.pending {
			c.pending[i].errand.shown = c.identity(c.caller)
		}
		c.hasten()
		c.arm(e.ring)
		for _, p := range e.parties {
			if p.confirming() { // what it heard has ended with its leaving
				p.confirms = 0
				c.askToConfirm(p)
			}
		}
		c.ringback()
		return
	}
	c.winner = e.parties[0]
	c.meets(c.winner)
	c.connect()
}
