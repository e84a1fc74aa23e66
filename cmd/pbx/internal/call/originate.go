package call

import (
	"slices"
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/recorder"
	"naisen/sip"
)

// Origin is how a call begins that nobody has dialled: somebody is rung, who becomes its caller by the answer, and the call goes on as if that
// one had dialled Incoming.Request, or with a script (Then). Of the flows of RFC 3725 it is the first (section 4.1), with our own media in between: each leg gets an
// offer with its INVITE and has its media with the answer, so that no answer waits for the other side, no phone is sent a re-INVITE, and the first
// party hears how the second rings.
type Origin struct {
	Request route.Request // who is rung first, and by whose rights
	Shown   route.Shown   // what a phone of ours displays meanwhile; zero: what the plan says
	Ring    time.Duration // at most, for each step; 0: as the plan says
	Idle    bool          // it rings only while the extension has no other call
	Media   string        // route.Record.Media of the number that is called then: the first leg is encrypted as that one demands
	Record  route.Record  // recording of a call whose own plan wants none; zero: none
	Called  []string      // numbers of ours that the call is for, besides what is dialled
	Queue   string        // that calls back; empty: none
	After   string        // the earlier call that this one answers; empty: none
	Then    route.Run     // the script that has whoever answers, in place of what it would dial; zero: that
	Page    string        // call of who speaks to a paging group, where this one lets a member hear it; empty: none
	// Done is told once what came of it: when the two talk or a script has the caller, and else when the call ends. It must not block. Nil: nobody asks.
	Done func(Originated)
}

// Originated is what came of an Origin.
type Originated struct {
	Answered bool // who was rung first has answered
	Reached  bool // and talks now
	Cause    sip.Cause
}

// Originate begins a call that nobody dialled; in.Origin says how. ErrFull and ErrDraining refuse it.
func (s *Switch) Originate(in Incoming) error {
	return s.Start(in, func(LegID, *Mailbox) (Leg, bool) { return nil, true })
}

// originate rings who shall be the caller.
func (c *Call) originate() {
	o := c.in.Origin
	c.phase = Originating
	c.shows(o.Called...)
	if o.Queue != "" {
		c.about.queues = []string{o.Queue}
	}
	if o.After != "" {
		c.link(recorder.Link{Call: o.After, How: recorder.Follows})
	}
	c.caller = &party{phase: PartyGone, side: callingSide} // nobody yet
	c.bridge = c.deps.Media.Bridge()
	c.plan = c.route(o.Request)
	c.direction = c.plan.Direction
	c.log.Info("call: originated", "rings", o.Request.Dialled, "for", c.in.Request.Extension, "dialled", c.in.Request.Dialled, "rule", c.plan.Why)
	switch {
	case c.plan.Refuse.Status != 0:
		c.end(c.plan.Refuse, bySwitch)
		return
	case c.plan.Emergency, !rings(c.plan): // whoever calls for help does it from a phone whose place is known
		c.end(sip.CauseForbidden, bySwitch)
		return
	}
	c.plan.Record = route.Record{Notice: route.NoticeNone, Media: o.Media}
	if o.Shown.Number != "" && c.plan.Direction != route.Outbound { // a carrier is shown what it accepts of us
		c.plan.Shown = o.Shown
	}
	c.plan.Steps = slices.Clone(c.plan.Steps)
	for i := range c.plan.Steps {
		s := &c.plan.Steps[i]
		s.Forward, s.Targets = nil, slices.Clone(s.Targets) // this one is wanted, and nobody else
		if o.Ring > 0 {
			s.Ring = min(s.Ring, o.Ring)
		}
		for j := range s.Targets {
			s.Targets[j].Idle = s.Targets[j].Idle || o.Idle
		}
	}
	c.dial()
}

// summoned: p has answered and is the caller from now on.
func (c *Call) summoned(p *party) {
	c.disarm()
	c.standDown()
	c.remove(p)
	for _, q := range c.called {
		c.dismiss(q, sip.CauseCompletedElsewhere)
	}
	p.since = time.Now()
	c.caller = p
	c.in.Request.Remote = p.at.remote
	paid := c.plan.Direction == route.Outbound
	if paid || p.afar { // a phone of ours has cost nothing yet, a carrier's call runs
		c.in.Request.Afar = p.afar
		c.answered = c.deps.Clock()
	}
	c.phase, c.step, c.outcome, c.carrierFailed, c.failure = Routing, 0, 0, false, sip.Cause{}
	if c.in.Origin.Then.Verb != "" { // it was called, and has answered
		c.plan, c.answerer = c.scripted(), p.number
	} else {
		c.plan, p.side = c.route(c.in.Request), callingSide
	}
	c.plan.Record = c.plan.Record.And(c.in.Origin.Record)
	if !paid && c.plan.Direction != "" {
		c.direction = c.plan.Direction
	}
	if c.plan.To != "" {
		c.to = c.plan.To
	}
	c.takesOver(p, c.in.Origin.Then.Verb != "" || p.ext != "" && p.ext == c.in.Request.Extension && !c.in.Request.Away)
	c.in.Way = append(slices.Clip(c.in.Way), c.plan.Way...)
	c.log.Info("call: first party answered", "leg", p.id, "number", p.number, "rule", c.plan.Why)
	switch {
	case c.plan.Emergency:
		c.end(sip.CauseForbidden, bySwitch)
	case c.plan.Refuse.Status != 0:
		c.unreached(c.plan.Refuse)
	default:
		c.announceOrDial()
	}
}

// scripted is the plan of a call that a script has as soon as somebody answers. What is shown meanwhile stays.
func (c *Call) scripted() route.Plan {
	return route.Plan{Direction: c.plan.Direction, Shown: c.plan.Shown, Record: route.Record{Notice: route.NoticeNone, Media: c.plan.Record.Media}, Language: c.plan.Language,
		Steps: []route.Step{{Run: c.in.Origin.Then}}, Why: c.plan.Why}
}

// reported tells who began the call what came of it.
func (c *Call) reported(reached bool, cause sip.Cause) {
	if o := c.in.Origin; o != nil && o.Done != nil && !c.told {
		c.told = true
		o.Done(Originated{Answered: c.caller.leg != nil, Reached: reached, Cause: cause})
	}
}

// excuse tells a caller whom we have rung why nobody answers: it hears no tone of its own phone.
func (c *Call) excuse(cause sip.Cause) {
	prompt := "call/unavailable"
	switch {
	case cause.Status == sip.CauseForbidden.Status:
		prompt = "call/barred"
	case route.OutcomeOf(cause) == route.Busy:
		prompt = "call/busy"
	}
	c.reported(false, cause)
	c.enact(route.Run{Verb: route.VerbAnnounce, Name: prompt, Cause: cause})
}

// rings says that a plan rings somebody, and does nothing else.
func rings(p route.Plan) bool {
	return len(p.Steps) > 0 && !slices.ContainsFunc(p.Steps, func(s route.Step) bool { return s.Run.Verb != "" })
}
