package queue

import (
	"time"

	"naisen/provisioning"
)

// agent is one person who may serve queues.
type agent struct {
	key    Key
	wish   provisioning.Agent
	member map[*line]int // queues that it may serve, with its rank there
	lines  []*line       // the same in order

	unregistered time.Time       // since then no telephone is registered; zero: one is
	leaving      bool            // a SignOut was asked for
	in           map[string]bool // calls that show it; true: answered
	offer        *caller         // for whom it is rung
	offerUntil   time.Time       // then a report is overdue
	owed         *line           // its call of this queue ended, wrap-up begins when it is in no call
	wrapUntil    time.Time
	wrapQueue    string
	restUntil    time.Time // did not answer
	idle         time.Time // since its last call or its sign-in

	shown       State // the last state that was told, and of what
	shownSince  time.Time
	shownQueue  string
	shownReason string
}

// state is derived from facts alone.
func (a *agent) state(c *Core, now time.Time) (s State, queue, reason string) {
	switch {
	case !a.wish.SignedIn:
		return SignedOut, "", ""
	case len(a.in) > 0:
		if t := c.talkOf(a); t != nil {
			return Talking, t.line.conf.Number, ""
		}
		if a.offer != nil {
			return Offered, a.offer.line.conf.Number, ""
		}
		return Busy, "", ""
	case a.offer != nil:
		return Offered, a.offer.line.conf.Number, ""
	case a.wish.Paused != "":
		return Paused, "", a.wish.Paused
	case !a.unregistered.IsZero() && a.wish.Outside == "":
		return Unreachable, "", ""
	case now.Before(a.wrapUntil):
		return WrapUp, a.wrapQueue, ""
	case now.Before(a.restUntil):
		return Resting, "", ""
	}
	return Ready, "", ""
}

// staffs tells whether the agent counts as signed in to a queue, whatever it does now.
func (a *agent) staffs(l *line) bool {
	if _, ok := a.member[l]; !ok || !a.wish.SignedIn {
		return false
	}
	if len(a.wish.Queues) == 0 {
		return true
	}
	for _, n := range a.wish.Queues {
		if n == l.conf.Number {
			return true
		}
	}
	return false
}

// works tells whether the agent takes calls or will soon: for the estimate.
func (a *agent) works() bool {
	return a.wish.SignedIn && a.wish.Paused == "" && (a.unregistered.IsZero() || a.wish.Outside != "")
}

// left is called when a call shows the agent no more.
func (a *agent) left(now time.Time) {
	if len(a.in) > 0 {
		return
	}
	a.idle = now
	if a.owed != nil {
		if wrap := time.Duration(a.owed.conf.WrapUp) * time.Second; wrap > 0 {
			a.wrapUntil, a.wrapQueue = now.Add(wrap), a.owed.conf.Number
		}
		a.owed = nil
	}
}

// show tells the state if it changed, and cuts what lasts at each quarter of an hour.
func (c *Core) show(a *agent, now time.Time) {
	s, queue, reason := a.state(c, now)
	same := s == a.shown && queue == a.shownQueue && reason == a.shownReason
	if same && (s == SignedOut || now.Before(cut(a.shownSince))) {
		return
	}
	c.stint(a, now)
	a.shown, a.shownQueue, a.shownReason, a.shownSince = s, queue, reason, now
}

// stint tells how the agent spent the time until now.
func (c *Core) stint(a *agent, now time.Time) {
	if a.shown != SignedOut && now.After(a.shownSince) {
		c.tell(Stint{provisioning.AgentStint{Domain: a.key.Domain, Agent: a.key.Number, State: string(a.shown), Queue: a.shownQueue,
			Reason: a.shownReason, Started: a.shownSince, Ended: now}})
	}
}

// Close tells how all agents spent the time until the switch stops.
func (c *Core) Close(now time.Time) []Command {
	for _, a := range c.people {
		c.stint(a, now)
	}
	out := c.out
	c.out = nil
	return out
}

// cut is the next full quarter of an hour.
func cut(t time.Time) time.Time { return t.Truncate(quarter).Add(quarter) }
