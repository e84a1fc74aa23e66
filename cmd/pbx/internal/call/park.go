package call

import (
	"maps"

	"naisen/cmd/pbx/internal/route"
	"naisen/sip"
)

// Parked is a call in a slot of a parking lot.
type Parked struct {
	Slot string
	Leg  LegID  // of who is parked
	By   string // the extension that parked it; empty: the slot is only kept for a call that will be
	Who  route.Shown
}

// admit asks a script whether it has a place for the caller. Whoever calls for help is not parked.
func (c *Call) admit(a *act) sip.Cause {
	d, ok := a.script.(Doorkeeper)
	if !ok {
		return sip.Cause{}
	}
	if c.urgent {
		return sip.CauseDeclined
	}
	slot, cause := d.Admit(c.facts(a))
	if a.slot = slot; slot != "" {
		data := maps.Clone(a.run.Data)
		if data == nil {
			data = map[string]string{}
		}
		data[route.Slot] = slot
		a.run.Data = data
	}
	return cause
}

// turnedAway: the script has no place. Who sent the caller there keeps it, and hears why.
func (c *Call) turnedAway(a *act, cause sip.Cause) {
	c.log.Info("call: script has no place", "script", a.run.String(), "status", cause.Status)
	c.failure = cause
	if t := c.transfer; t != nil {
		t.verdict = c.tells(a, cause)
	}
	c.unreached(cause)
}

func (c *Call) tells(a *act, refused sip.Cause) Program {
	if s, ok := a.script.(Teller); ok {
		return s.Tell(c.facts(a), refused)
	}
	return nil
}

// parked is the call's place in a parking lot; nil: none.
func (c *Call) parked() *Parked {
	a := c.act
	if a == nil || a.slot == "" {
		return nil
	}
	return &Parked{Slot: a.slot, Leg: c.caller.id, By: a.sent, Who: c.identity(c.caller)}
}

// Sent is what came of a Send.
type Sent struct {
	Slot string // of the parking lot in which the party is now; empty: it is not parked
	Err  error  // ErrState: it is not, or not any more, possible; ErrGone
}

// Send asks for whom Leg talks with to be sent elsewhere, as a REFER of Leg would. Only what is done at once can be asked for: a script.
type Send struct {
	Leg     LegID
	Dialled string
	Done    chan Sent // capacity 1
}

func (Send) event() {}

// reply implements asker.
func (e Send) reply(err error) { e.Done <- Sent{Err: err} }

// onSend judges like a REFER. Who sent the party away is let go; when there is no place nothing has happened.
func (c *Call) onSend(e Send) {
	p := c.party(e.Leg)
	if p == nil || p.ext == "" || c.phase != Talking || c.other(p) == nil || c.surrender != nil || c.engaged() || c.transfers >= maxTransfers {
		e.reply(ErrState)
		return
	}
	plan := c.route(c.request(p, Dialled{Number: e.Dialled}))
	if plan.Refuse.Status != 0 || len(plan.Steps) == 0 || plan.Steps[0].Run.Verb == "" ||
		plan.Record.Media == route.EncryptRequired && c.other(p).inClear() {
		e.reply(ErrState)
		return
	}
	c.log.Info("call: transfer", "by", p.number, "to", e.Dialled, "rule", plan.Why)
	c.part(p)
	c.redial(plan)
	if s := c.parked(); s != nil {
		e.Done <- Sent{Slot: s.Slot}
		return
	}
	e.reply(ErrState)
}
