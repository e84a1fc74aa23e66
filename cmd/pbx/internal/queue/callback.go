package queue

import (
	"slices"
	"strconv"
	"time"

	"naisen/provisioning"
)

// WantKept is a caller's wish to be called back at a number. An Answer follows: at once where it cannot be, else when it stands in the store.
func (c *Core) WantKept(now time.Time, call, number string) {
	c.touched = true
	x := c.calls[call]
	if x == nil || x.waiting == nil || x.waiting.keeping {
		return
	}
	w := x.waiting
	l, b := w.line, w.line.conf.CallBack
	back := provisioning.CallBack{ID: w.id, Queue: l.key.Number, Number: number, DID: w.from.DID, Language: w.from.Language,
		Priority: w.from.Boost, Arrived: w.arrived.UTC()}
	places := 0
	double := false
	for _, o := range l.waiting {
		if o.kept != nil || o.keeping {
			places++
		}
		double = double || o.kept != nil && o.kept.Number == number
	}
	if !b.Offer || places >= or(b.Max, 20) || double || len(w.ringing) > 0 || back.Validate() != nil {
		c.tell(Answer{call, l.key.Domain, false})
		return
	}
	w.keeping = true
	c.tell(Keep{call, l.key.Domain, back})
}

// Kept says whether a call-back stands in the store.
func (c *Core) Kept(now time.Time, call string, ok bool) {
	c.touched = true
	x := c.calls[call]
	if x == nil || x.waiting == nil || !x.waiting.keeping {
		return // the caller hung up meanwhile and will be called back
	}
	w := x.waiting
	w.keeping = false
	if ok {
		c.end(w, provisioning.OutcomeKept, now)
	}
	c.tell(Answer{call, w.line.key.Domain, ok})
}

// places takes the kept places of the directory: they are there and nowhere else.
func (c *Core) places(now time.Time, dir Directory) {
	there := map[Key]bool{}
	for _, d := range dir.DomainNames() {
		for _, b := range dir.CallBacks(d) {
			k, l := Key{d, b.ID}, c.lines[Key{d, b.Queue}]
			if l == nil {
				continue
			}
			there[k] = true
			w := c.kept[k]
			if w == nil {
				c.seq++
				w = &caller{line: l, id: b.ID, priority: 100*l.conf.Priority + b.Priority, arrived: b.Arrived, seq: c.seq,
					from: Caller{Queue: l.key, From: b.Number, DID: b.DID, Language: b.Language, Boost: b.Priority}}
				c.kept[k] = w
				l.add(w)
			}
			if w.kept == nil || w.kept.Tries != b.Tries || !w.kept.After.Equal(b.After) {
				w.settling = time.Time{} // what became of the last try is known
			}
			w.kept = &b
		}
	}
	for _, k := range sortedKeys(c.kept) {
		if w := c.kept[k]; !there[k] { // somebody took it back, or the last try has settled it
			for _, a := range slices.Clone(w.ringing) {
				c.release(a)
			}
			c.take(w)
		}
	}
}

// Called says what came of a call-back's call.
func (c *Core) Called(now time.Time, domain, id string, agent string, what Tried) {
	c.touched = true
	w := c.kept[Key{domain, id}]
	if w == nil || !w.busy {
		return
	}
	a := c.agents[Key{domain, agent}]
	w.busy = false
	if a != nil && a.offer == w {
		if what == TriedAgent {
			c.unanswered(a, now)
			return
		}
		c.release(a)
	}
	if what == TriedAgent {
		return
	}
	next := *w.kept
	if what == TriedRefused {
		w.settling = now.Add(settleFor)
		next.After = now.Add(minutes(w.line.conf.CallBack.Minutes, 5)).UTC()
		c.tell(Change{domain, next})
		return
	}
	next.Tries++
	row := c.row(w, provisioning.OutcomeCalledBack, now)
	row.ID, row.Agent = w.id+"-b"+strconv.Itoa(next.Tries), agent
	w.settling = now.Add(settleFor)
	switch b := w.line.conf.CallBack; {
	case what == TriedReached:
		w.line.today.ended(w.line.conf.Target, provisioning.OutcomeCalledBack, 0)
		c.tell(Visit{row})
	case next.Tries >= or(b.Tries, 3):
		row.Outcome, row.Agent = provisioning.OutcomeUnreached, ""
		w.line.today.ended(w.line.conf.Target, provisioning.OutcomeUnreached, 0)
		c.tell(Visit{row})
	default:
		next.After = now.Add(minutes(b.Minutes, 5)).UTC()
		c.tell(Change{domain, next})
		return
	}
	c.tell(Drop{domain, w.kept.ID})
}
