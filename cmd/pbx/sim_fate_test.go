package main

import (
	"strings"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/limit"
	"naisen/sip"
	"naisen/sip/stack"
)

// What the histories that found something before (simFound) do not have: redirections that lead somewhere, calls that rights refuse, calls
// for help, and a switch with more to do than it can.

const (
	simPremium   = "0990123456" // closed by default, as abroad is
	simAbroad    = "01012125551234"
	simEmergency = "119"
)

// simClosed are what no carrier may be asked for, as it would read them.
var simClosed = []string{"990123456", "12125551234"}

// more is an action of a history that is not one of the first ones. Called with mu held.
func (w *world) more() {
	p := w.phones[w.dice.IntN(len(w.phones))]
	switch n := w.dice.IntN(10); {
	case n < 3:
		p.call([]string{simPremium, simAbroad, "184" + simPremium}[w.dice.IntN(3)])
	case n < 5:
		p.call(simEmergency)
	case n < 7:
		w.rush(300*time.Millisecond+time.Duration(w.dice.Int64N(int64(2*time.Second))), 2*time.Second+time.Duration(w.dice.Int64N(int64(20*time.Second))))
	default: // so that somebody is redirected more often
		p.call([]string{"2001", "2002", "2003", "2004"}[w.dice.IntN(4)])
	}
}

// park sends a call to the parking lot, and soon somebody fetches it, or not. Called with mu held.
func (w *world) park() {
	p := w.phones[w.dice.IntN(len(w.phones))]
	if c := w.some(func(c *talk) bool { return c.state == up && c.p.password != "" }); c != nil {
		c.parks = true
		c.other("REFER")
		c.parks = false
	}
	p.after(p.chance(20*time.Second), func() { p.call([]string{"701", "702", "700", "*70"}[p.dice.IntN(4)]) })
}

// rush is a crowd of others who call: messages wait so long, and the shedder is asked for each of them. Called with mu held.
func (w *world) rush(delay, length time.Duration) {
	if w.delay != 0 {
		return
	}
	w.delay = delay
	over := time.Now().Add(length)
	var ask func()
	ask = func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if time.Now().After(over) {
			w.delay = 0
			return
		}
		w.p.signalling.overload.shedder.Ask(limit.New, w.delay)
		time.AfterFunc(50*time.Millisecond, ask)
	}
	time.AfterFunc(50*time.Millisecond, ask)
}

// waits is the queueing delay that the switch measures.
func (w *world) waits() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.delay
}

// shed says that the switch sends this request away because it has too much to do.
func shed(r *stack.Response) bool { return r != nil && r.Status == 503 && r.Has("Retry-After") }

// spared: what belongs to a dialog is never sent away, nor who calls for help.
func (p *phone) spared(req *stack.Request, resp *stack.Response) {
	if shed(resp) && (req.To().Tag() != "" || req.Method == "INVITE" && req.URI.User == simEmergency) {
		p.w.wrong("%s: %s to %s was shed", p.name, req.Method, req.URI.User)
	}
}

// redirect sends the caller elsewhere: to a colleague, to one of our own numbers, outside, where this phone may not call, or to nobody.
func (c *talk) redirect() {
	to := []string{"2001", "2002", "2003", "2004", simAnswered, "0312345678", simPremium, simAbroad, "999", ""}
	c.moved = to[c.p.dice.IntN(len(to))]
	c.refuse(302)
}

// movedTo is the Contact of our 302.
func (c *talk) movedTo() sip.Address {
	if c.moved == "" {
		return sip.Address{URI: sip.URI{Scheme: "sip", User: "elsewhere", Host: "192.0.2.99"}}
	}
	return sip.Address{URI: sip.URI{Scheme: "sip", User: c.moved, Host: simDomain}}
}

// referTo is where a REFER sends the other party.
func (c *talk) referTo() string {
	to := []string{"2001"}
	if !c.p.w.classic {
		to = []string{"2001", "2003", "0312345678", simPremium, simAbroad}
	}
	if c.parks {
		to = []string{"700", "701", "702", "*70"}
	}
	if len(to) == 1 {
		return to[0]
	}
	return to[c.p.dice.IntN(len(to))]
}

// closed: the carrier is never asked for what nobody here may call, whoever dialled, redirected or transferred.
func (p *phone) closed(r *stack.Request) {
	for _, n := range simClosed {
		if p.password == "" && strings.Contains(r.URI.User, n) {
			p.w.wrong("the carrier was called for %s", r.URI.User)
		}
	}
}

// simLegs is more than any call may ring: each of three phones and five redirections, to three phones at most.
const simLegs = 3 + 5*3

// checkMoved: redirections end, and who sends a call outside pays for it.
func (w *world) checkMoved() {
	for id, called := range w.called() {
		r, ok := w.record(id)
		if !ok || r.Transfers > 0 || merged(r) || r.Emergency { // nobody pays for help
			continue
		}
		if len(called) > simLegs && w.office == nil {
			w.wrong("CDR %s: %d phones were called", id, len(called))
		}
		payers := map[string]bool{r.From: true}
		for by := range w.senders[r.ID] {
			payers[by] = true
		}
		outside := false
		for _, c := range called {
			if c.moved != "" {
				payers[c.p.name] = true
			}
			outside = outside || c.p == w.carrier && c.status == 200
		}
		if w.office != nil { // a script of theirs, a desk at which somebody else sat
			for _, n := range []string{"2001", "2002", officeBoss, "2005", "2008"} {
				payers[n] = true
			}
		}
		if e := r.Charge.Extension; outside && (e == "" || !payers[e]) {
			w.wrong("CDR %s: %s pays for a call to the outside that others sent there: %v", id, e, payers)
		}
	}
	for _, r := range w.cdrs {
		if r.Charge.Denied && !r.Answered.IsZero() && r.Transfers == 0 && !merged(r) && len(r.AnsweredBy) > 4 && !strings.Contains(r.AnsweredBy, ":") {
			w.wrong("CDR %s: refused by the rights, and answered by %s", r.ID, r.AnsweredBy)
		}
	}
}

func (w *world) record(id string) (call.CDR, bool) {
	for _, r := range w.cdrs {
		if r.ID == id {
			return r, true
		}
	}
	return call.CDR{}, false
}

// ownNumber says that a phone sent the call to a recorded number of ours.
func ownNumber(called []*talk) bool {
	for _, c := range called {
		if c.moved == simAnswered {
			return true
		}
	}
	return false
}
