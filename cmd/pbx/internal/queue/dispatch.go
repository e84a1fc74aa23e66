package queue

import (
	"slices"
	"time"

	"naisen/provisioning"
)

// Settle lets time pass and callers find agents, and returns what has to be done. It is called after everything that went in, and at Deadline.
func (c *Core) Settle(now time.Time) []Command {
	c.overdue(now)
	c.dispatch(now)
	for _, a := range c.people {
		c.show(a, now)
	}
	c.touched = false
	out := c.out
	c.out = nil
	return out
}

// overdue ends what has lasted too long.
func (c *Core) overdue(now time.Time) {
	for _, a := range c.people {
		k := a.key
		if a.offer != nil && !now.Before(a.offerUntil) { // the report is lost: nobody stays reserved for it
			w := a.offer
			if w.kept != nil {
				w.busy, w.settling = false, time.Time{}
			} else {
				c.tell(Withdraw{w.call, k.Domain, k.Number})
			}
			c.unanswered(a, now)
		}
		if l := c.signOutOf(a); l > 0 && !now.Before(a.unregistered.Add(l)) && len(a.in) == 0 {
			a.leaving = true
			c.tell(SignOut{k})
		}
	}
	for _, l := range c.queues {
		l.today.begin(now.In(c.zone))
		for _, w := range slices.Clone(l.waiting) {
			switch {
			case w.kept != nil:
				if !w.settling.IsZero() && !now.Before(w.settling) {
					w.settling = time.Time{} // the store did not show it: once more
				}
			case len(w.ringing) > 0 || w.keeping: // let that come to its end
			case !now.Before(w.arrived.Add(seconds(l.conf.MaxWait, 1800))):
				c.overflow(w, provisioning.OutcomeTime, l.conf.Overflow.Time, now)
			case l.conf.Overflow.NoAgents != nil && !l.staffed():
				c.overflow(w, provisioning.OutcomeNoAgents, l.conf.Overflow.NoAgents, now)
			}
		}
	}
}

// signOutOf is how long an agent may be unregistered; 0: it is not, or was asked for already.
func (c *Core) signOutOf(a *agent) (longest time.Duration) {
	if !a.wish.SignedIn || a.wish.Outside != "" || a.unregistered.IsZero() || a.leaving {
		return 0
	}
	for _, l := range a.lines {
		longest = max(longest, minutes(l.conf.SignOut, 10))
	}
	return longest
}

// dispatch offers waiting callers to free agents: the first in order of service first, whatever queue it is in.
func (c *Core) dispatch(now time.Time) {
	free := map[*line][]*agent{}
	var waiting []*caller
	for _, l := range c.queues {
		if len(l.waiting) == 0 {
			continue
		}
		if free[l] = c.free(l, now); len(free[l]) > 0 {
			waiting = append(waiting, l.waiting...)
		}
	}
	slices.SortStableFunc(waiting, before)
	for _, w := range waiting {
		if len(w.ringing) > 0 || w.keeping || w.busy || !w.settling.IsZero() || w.kept != nil && now.Before(w.kept.After) {
			continue
		}
		var fit []*agent
		for _, a := range free[w.line] {
			if a.offer == nil && w.line.serves(a, w, now) {
				fit = append(fit, a)
			}
		}
		if len(fit) == 0 {
			continue
		}
		slices.SortFunc(fit, w.line.prefer)
		if w.line.conf.Strategy != provisioning.RingAll || w.kept != nil {
			fit = fit[:1]
		}
		c.offer(w, fit, now)
	}
}

// free lists the agents who could take a caller of a line now.
func (c *Core) free(l *line, now time.Time) (out []*agent) {
	for _, a := range l.members {
		if s, _, _ := a.state(c, now); s == Ready && a.staffs(l) {
			out = append(out, a)
		}
	}
	return out
}

func (c *Core) offer(w *caller, agents []*agent, now time.Time) {
	ring := seconds(w.line.conf.RingSeconds, 20)
	w.ringing = agents
	w.offers += len(agents)
	list := make([]Ringee, len(agents))
	for i, a := range agents {
		a.offer, a.offerUntil = w, now.Add(ring+grace)
		list[i] = Ringee{a.key.Number, a.wish.Outside}
	}
	if w.kept != nil {
		agents[0].offerUntil, w.busy = now.Add(ring+callBackFor), true
		c.tell(CallBack{w.line.key.Domain, list[0], ring, *w.kept})
		return
	}
	c.tell(Offer{w.call, w.line.key.Domain, w.line.key.Number, list, ring})
}

// release: an agent is rung no more.
func (c *Core) release(a *agent) {
	w := a.offer
	a.offer, a.offerUntil = nil, time.Time{}
	w.ringing = slices.DeleteFunc(slices.Clone(w.ringing), func(o *agent) bool { return o == a })
}

// withdraw stops ringing an agent who cannot or shall not take the call; that is no fault of the agent.
func (c *Core) withdraw(a *agent) {
	if w := a.offer; w != nil {
		c.release(a)
		if w.kept == nil {
			c.tell(Withdraw{w.call, a.key.Domain, a.key.Number})
		} else {
			w.busy = false
		}
	}
}

// take removes a caller from its line, whose agents are free of it.
func (c *Core) take(w *caller) {
	w.line.remove(w)
	for _, a := range slices.Clone(w.ringing) {
		c.release(a)
	}
	if w.kept != nil {
		delete(c.kept, Key{w.line.key.Domain, w.kept.ID})
	} else if x := c.calls[w.call]; x != nil && x.waiting == w {
		x.waiting = nil
	}
}

// end ends the waiting of a caller with a row for the reports.
func (c *Core) end(w *caller, how provisioning.Outcome, now time.Time) {
	c.take(w)
	w.line.today.ended(w.line.conf.Target, how, now.Sub(w.arrived))
	c.tell(Visit{c.row(w, how, now)})
}

// overflow sends a caller elsewhere. Agents who are rung for it are left alone.
func (c *Core) overflow(w *caller, why provisioning.Outcome, to *provisioning.Destination, now time.Time) {
	for _, a := range slices.Clone(w.ringing) {
		c.withdraw(a)
	}
	c.take(w)
	w.line.today.ended(w.line.conf.Target, why, now.Sub(w.arrived))
	row := c.row(w, why, now)
	row.To = to.Text()
	c.tell(Visit{row})
	c.tell(Overflow{Call: w.call, Domain: w.line.key.Domain, Queue: w.line.key.Number, Why: why, To: to, Payer: w.line.conf.Overflow.Payer})
}

func (c *Core) row(w *caller, how provisioning.Outcome, now time.Time) provisioning.QueueVisit {
	return provisioning.QueueVisit{ID: w.id, Domain: w.line.key.Domain, Queue: w.line.key.Number, Call: w.call, From: w.from.From, DID: w.from.DID,
		Arrived: w.arrived, Ended: now, Outcome: how, WaitMS: now.Sub(w.arrived).Milliseconds(), Offers: w.offers}
}

// Touched says that something went in since the last Settle.
func (c *Core) Touched() bool { return c.touched }

// Deadline is when Settle has to be called again although nothing happened; zero: never.
func (c *Core) Deadline(now time.Time) time.Time {
	var next time.Time
	at := func(t time.Time) {
		if t.After(now) && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	for _, a := range c.agents { // order does not matter: the earliest wins
		at(a.offerUntil)
		at(a.wrapUntil)
		at(a.restUntil)
		if l := c.signOutOf(a); l > 0 {
			at(a.unregistered.Add(l))
		}
		if a.shown != SignedOut {
			at(cut(a.shownSince))
		}
	}
	for _, l := range c.lines {
		for _, w := range l.waiting {
			switch {
			case w.kept != nil:
				at(w.settling)
				at(w.kept.After)
			default:
				at(w.arrived.Add(seconds(l.conf.MaxWait, 1800)))
				if relax := time.Duration(l.conf.Relax) * time.Second; relax > 0 && l.level(w, now) > 0 {
					at(w.arrived.Add(relax * (now.Sub(w.arrived)/relax + 1)))
				}
			}
		}
	}
	return next
}
