package call

import (
	"strings"
	"time"

	"naisen/sip"
)

// Who talks may go on at another telephone of the same extension: the others ring while the two talk on, and the one that answers takes the place of the
// one that talked, as Replaces would. Nothing is heard of it until then, the recording and the record go on, and where nobody answers nothing has happened.

// movePatience is how long the other telephones ring.
const movePatience = 30 * time.Second

// MoveAway rings the other telephones of whoever talks at Leg.
type MoveAway struct {
	Leg  LegID
	Done chan error // capacity 1: ErrState where that is not possible, or there is no other telephone
}

// moveOver is a timer that fired: nobody has answered. A stale one is recognised by its sequence.
type moveOver struct{ seq int }

func (MoveAway) event() {}
func (moveOver) event() {}

func (e MoveAway) reply(err error) { answer(e.Done, err) }

// moving is a party whose other telephones ring.
type moving struct {
	by    *party
	seq   int
	timer *time.Timer
}

func (c *Call) onMoving(e Event) {
	switch e := e.(type) {
	case MoveAway:
		p := c.party(e.Leg)
		if p == nil {
			e.reply(ErrState)
			return
		}
		e.reply(c.moveAway(p))
	case moveOver:
		c.onMoveOver(e)
	}
}

// moveAway rings the other telephones of who talks at p. Only one such wish at a time.
func (c *Call) moveAway(p *party) error {
	if p.ext == "" || p.phase != PartyUp && p.phase != PartyHeld || c.phase != Talking || c.other(p) == nil || c.transfer != nil || c.surrender != nil ||
		c.engaged() || c.asking != nil || c.urgent || c.transfers >= maxTransfers {
		return ErrState
	}
	ask := c.request(p, Dialled{Number: p.ext})
	ask.Direct = true
	plan := c.route(ask)
	if plan.Refuse.Status != 0 || len(plan.Steps) == 0 {
		return ErrState
	}
	c.moves++
	m := &moving{by: p, seq: c.moves}
	c.moving = m
	e := errand{shown: c.identity(c.other(p))}
	for _, t := range plan.Steps[0].Targets {
		for _, d := range c.deps.Dialler.Find(c.in.Request.Domain, t) {
			if p.talksAt(d) {
				continue
			}
			d.Start.After, d.Idle = 0, false // it talks already
			c.ring(d, d.Security, e)
		}
	}
	if !c.movers() {
		c.stopMoving()
		return ErrState
	}
	c.log.Info("call: other telephones ring", "for", p.number)
	m.timer = time.AfterFunc(movePatience, func() { c.mailbox.Post(moveOver{m.seq}) })
	return nil
}

// talksAt says that a party talks at that telephone. Of a caller whose telephone names itself by none nobody knows: it rings as well.
func (p *party) talksAt(d Destination) bool {
	switch {
	case d.Mobile != nil && d.Mobile.Ours:
		return p.via != "" || p.dest.Mobile != nil && p.dest.Mobile.Ours
	case d.Mobile != nil:
		return p.dest.Mobile != nil && !p.dest.Mobile.Ours
	case p.instance == "":
		return false
	}
	return strings.EqualFold(strings.Trim(p.instance, "<>"), strings.Trim(d.Instance, "<>"))
}

// ringsFor is for whom the telephones ring that are called now: the caller, or who talks with one that moves.
func (c *Call) ringsFor() *party {
	if m := c.moving; m != nil {
		if o := c.other(m.by); o != nil {
			return o
		}
	}
	return c.caller
}

// movers says that a telephone still rings for who moves.
func (c *Call) movers() bool {
	for _, p := range c.called {
		if p.moves && p.phase < PartyLeaving {
			return true
		}
	}
	return false
}

// moved: n has answered, and is who talks from now on.
func (c *Call) moved(n *party) {
	m := c.moving
	if m == nil || c.phase != Talking || c.other(m.by) == nil {
		c.dismiss(n, sip.CauseNormal)
		return
	}
	n.moves = false
	c.stopMoving()
	n.succeed(m.by)
	c.log.Info("call: moved", "leg", m.by.id, "to", n.id, "number", n.number)
	c.transfers++
	c.substitute(m.by, n)
}

// stopMoving calls the other telephones off: one of them has answered, or it is over.
func (c *Call) stopMoving() {
	m := c.moving
	if m == nil {
		return
	}
	c.moving = nil
	if m.timer != nil {
		m.timer.Stop()
	}
	for _, p := range c.called {
		if p.moves {
			c.dismiss(p, sip.CauseCompletedElsewhere)
		}
	}
}

// moverGone: one of the other telephones rings no more. It is rung again where it refused encryption that nobody demands.
func (c *Call) moverGone(p *party, cause sip.Cause, dismissed bool) {
	if c.moving != nil && (dismissed || !c.anew(p, cause)) && !c.movers() {
		c.stopMoving()
	}
}

// onMoveOver: who is being asked at a mobile may still say yes, since that ends by itself.
func (c *Call) onMoveOver(e moveOver) {
	m := c.moving
	if m == nil || e.seq != m.seq {
		return
	}
	kept := false
	for _, p := range c.called {
		switch {
		case !p.moves:
		case p.confirming():
			kept = true
		default:
			c.dismiss(p, sip.CauseNoAnswer)
		}
	}
	if !kept {
		c.stopMoving()
	}
}
