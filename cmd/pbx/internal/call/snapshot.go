package call

import (
	"strings"
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/media"
)

// Snapshot is what others see of a call: plain values, published by pointer, never changed afterwards.
type Snapshot struct {
	ID, Domain string
	Direction  route.Direction
	From, To   string
	Phase      Phase
	Over       bool // the last one: every leg is gone
	Started    time.Time
	Answered   time.Time
	Recording  string
	Paused     bool // the recording is, because somebody asked for that
	Bridge     string
	Script     string          // that has the caller: "voicemail:2001"; empty: none
	Parked     *Parked         // in a slot of a parking lot; nil: it is not
	Page       string          // call of who speaks to a paging group, where this one lets a member hear it
	Parties    []PartySnapshot // those that are gone are missing
	Urgent     bool            // it is for help
	Charge     route.Charge    // who pays, for what number
	Paid       string          // that number, as the carrier got it
	Consults   string          // the extension that consults somebody in another call, and is expected back; empty: nobody
}

// PartySnapshot is one leg of a Snapshot.
type PartySnapshot struct {
	Leg       LegID
	Number    string
	Name      string
	Trunk     string // that it is on; empty: none
	Extension string // the extension whose device it is, proven or dialled; empty: a trunk
	Proof     string // by what the device proved to be the extension's, in the words of who admitted it; empty: not known
	Phase     PartyPhase
	Codec     media.Codec
	Dialog    Dialog
	Measured  func() LegMedia `json:"-"` // its media's figures as they are when asked, from any goroutine; nil: it has no media
	With      route.Shown     // whom this party calls, is called by or talks with, as its phone may show it
}

// Snapshot returns the latest published state; safe from any goroutine.
func (c *Call) Snapshot() *Snapshot { return c.shown.Load() }

// publish shows the state to askers and to whoever follows changes.
func (c *Call) publish() {
	s := c.snapshot()
	c.shown.Store(s)
	c.note(s.Over)
	if c.deps.Changed != nil && c.caller != nil {
		c.deps.Changed(s)
	}
}

func (c *Call) snapshot() *Snapshot {
	s := &Snapshot{ID: c.in.ID, Domain: c.in.Request.Domain, Direction: c.direction, From: c.in.Request.Number, To: c.to,
		Phase: c.phase, Started: c.started, Answered: c.answered, Urgent: c.urgent, Charge: c.charge, Paid: c.plan.To, Recording: c.record.id, Paused: c.paused != nil && c.recorded()}
	if c.bridge != nil && c.phase == Talking {
		s.Bridge = c.bridge.String()
	}
	if c.act != nil {
		s.Script = c.act.run.String()
	}
	if c.in.Origin != nil {
		s.Page = c.in.Origin.Page
	}
	if c.caller == nil {
		return s
	}
	s.Parked = c.parked()
	if t := c.transfer; t != nil && t.away && t.asking && c.phase != Ending {
		s.Consults = t.home.ext
	}
	s.Over = c.over()
	for _, p := range c.parties() {
		c.show(s, p)
	}
	return s
}

func (c *Call) show(s *Snapshot, p *party) {
	ps := PartySnapshot{Leg: p.id, Number: p.number, Name: p.name, Trunk: p.carrier(), Extension: p.ext, Proof: p.proof, Phase: p.phase, With: c.with(p)}
	if ep := p.ep; ep != nil {
		ps.Codec = ep.Codec()
		number, trunk := p.number, p.carrier()
		ps.Measured = func() LegMedia { return LegMedia{Number: number, Trunk: trunk, Codec: ep.Codec(), Stats: ep.Stats()} }
	}
	if p.leg != nil {
		if ps.Dialog = p.leg.Dialog(); p.afar { // its number is not for lamps
			ps.Dialog.Target = ""
		}
	}
	s.Parties = append(s.Parties, ps)
}

// with is whom p's phone shows: the one it talks with, else the one that was dialled or that calls.
func (c *Call) with(p *party) route.Shown {
	o := c.other(p)
	switch {
	case c.transfer != nil && c.transfer.by == p, p != c.caller && c.transfers > 0:
		return c.identity(c.caller)
	case p != c.caller, c.in.Origin != nil && c.in.Origin.Then.Verb != "": // who was called for a script sees who it was for
		return c.plan.Shown
	case o != nil && (c.visited() || c.direction == route.Internal):
		return c.identity(o)
	case c.plan.To != "":
		return route.Shown{Number: c.coded()}
	}
	return route.Shown{Number: c.in.Request.Dialled}
}

// coded is the number of the plan as everybody may see it: of a code that a script works on only the code itself. What was dialled behind it says
// whom a supervisor hears, or whose mailbox is open.
func (c *Call) coded() string {
	for _, s := range c.plan.Steps {
		if s.Run.Verb == route.VerbFeature {
			return strings.TrimSuffix(c.plan.To, s.Run.Data[route.Argument])
		}
	}
	return c.plan.To
}
