package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/limit"
	"naisen/cmd/pbx/internal/queue"
	"naisen/provisioning"
	"naisen/sip/event"
)

const (
	vigilEvery = 7*time.Second + 13*time.Microsecond
	vigilMoves = 15 * time.Second // what is on its way from one call to another, or was just told
)

// vigil remembers what looked wrong, and since when: what passes by itself in good time was on its way.
type vigil struct{ since map[string]time.Time }

// look compares every few seconds what the parts of the switch believe of each other, while calls run.
func (w *world) look() {
	time.AfterFunc(vigilEvery, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.office.closed {
			return
		}
		w.compare()
		w.look()
	})
}

// compare notes each contradiction by a text that stays the same as long as it lasts. Called with mu held.
func (w *world) compare() {
	calls := map[string]*call.Snapshot{}
	at := map[call.LegID]bool{}
	for _, s := range w.p.calls.Snapshots(simDomain) {
		calls[s.ID] = s
		for _, p := range s.Parties {
			at[p.Leg] = true
		}
	}
	odd := map[string]time.Duration{}
	w.strayLegs(at, odd)
	w.strayCalls(calls, odd)
	w.strayAgents(calls, odd)
	for _, id := range w.p.purse.book.Running() {
		if calls[id] == nil {
			odd["call "+id+" is over and still has a place in the book of limits"] = vigilMoves
		}
	}
	v := &w.office.vigil
	for what := range v.since {
		if _, still := odd[what]; !still {
			delete(v.since, what)
		}
	}
	for _, what := range slices.Sorted(maps.Keys(odd)) {
		since, known := v.since[what]
		if !known {
			v.since[what] = time.Now()
		} else if time.Since(since) > odd[what] {
			w.wrong("since %v %s", since.Sub(simStart), what)
			v.since[what] = time.Now().Add(time.Hour) // said once
		}
	}
}

// strayLegs: each leg has a call that knows it.
func (w *world) strayLegs(at map[call.LegID]bool, odd map[string]time.Duration) {
	l := &w.p.signalling.legs
	l.mu.Lock()
	defer l.mu.Unlock()
	for id := range l.book {
		if !at[id] {
			odd[fmt.Sprint("leg ", id, " belongs to no call")] = vigilMoves
		}
	}
	for id, aor := range l.whos {
		if !at[id] {
			odd[fmt.Sprint(aor, " is busy with leg ", id, ", which belongs to no call")] = vigilMoves
		}
	}
}

// strayCalls: each call has somebody in it, each slot of the parking lot a call that stands there, and who listens hears a call that is there.
func (w *world) strayCalls(calls map[string]*call.Snapshot, odd map[string]time.Duration) {
	heard := w.hearing()
	for id, s := range calls {
		if len(s.Parties) == 0 && !s.Over {
			odd["call "+id+" has nobody in it"] = vigilMoves
		}
		if of := heard[id]; of != "" && calls[of] == nil && strings.HasPrefix(s.Script, "feature:monitor") {
			odd["call "+id+" still listens to "+of+", which is over"] = vigilMoves
		}
	}
	p := w.p.signalling.parks
	p.mu.Lock()
	defer p.mu.Unlock()
	for a, stall := range p.slots {
		if s := calls[stall.call]; s == nil || s.Parked == nil || s.Parked.Slot != a.User {
			odd["slot "+a.User+" is taken by call "+stall.call+", which is not there"] = vigilMoves
		}
	}
}

// hearing is which call each listener's call was let into, by the audit log. Called with mu held.
func (w *world) hearing() map[string]string {
	out := map[string]string{}
	for _, a := range w.audits {
		if a.Action == "call.monitor" {
			out[fmt.Sprint(a.Detail["monitoring_call"])] = strings.TrimPrefix(a.Object, "call/")
		}
	}
	return out
}

// strayAgents: an agent that is said to talk is in a call, and who hears the queue's music has a place in it.
func (w *world) strayAgents(calls map[string]*call.Snapshot, odd map[string]time.Duration) {
	in := map[string]bool{}
	held := map[string]bool{}
	for id, s := range calls {
		for _, p := range s.Parties {
			in[p.Extension] = true
			held[id] = held[id] || p.Phase == call.PartyHeld
		}
	}
	view := w.p.queues.View()
	for k, a := range view.Agents {
		if (a.State == queue.Talking || a.State == queue.Busy) && !in[k.Number] {
			odd[fmt.Sprint("agent ", k.Number, " is ", a.State, " and in no call")] = vigilMoves
		}
	}
	for id, s := range calls {
		if _, waits := view.Places[id]; strings.HasPrefix(s.Script, "queue:") && !waits && !held[id] && s.Phase == call.Scripted {
			odd["call "+id+" hears "+s.Script+" and has no place there"] = 2 * vigilMoves // the last sentence may be on air
		}
	}
	for id := range view.Places {
		if calls[id] == nil {
			odd["call "+id+" is over and waits"] = vigilMoves
		}
	}
}

// shown notes what a call shows of itself.
func (w *world) shown(s *call.Snapshot) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, known := w.begun[s.ID]; !known {
		w.begun[s.ID] = s.Phase
	}
	o := w.office
	if o == nil || s.Script == "" {
		return
	}
	if o.scripts[s.ID] == nil {
		o.scripts[s.ID] = map[string]bool{}
	}
	o.scripts[s.ID][s.Script] = true
}

// scripted says that a script had the call, which may have sent it to a number that is recorded. Called with mu held.
func (w *world) scripted(id string) bool { return w.office != nil && len(w.office.scripts[id]) > 0 }

// originated says that nobody dialled the call. Called with mu held.
func (w *world) originated(id string) bool {
	p := w.begun[id]
	return w.office != nil && (p == call.Originating || p == call.Ending)
}

// offered notes for whom an agent is rung first, and that it talks with nobody then. Called with mu held.
func (w *world) offered(d call.Destination, out call.Outgoing) {
	l, id := w.office.waiting, out.Leg.Call()
	now, known := w.p.calls.Snapshot(id)
	if !known || !strings.HasPrefix(now.Script, "queue:") || len(l.joined[id]) == 0 || d.Extension == "" || len(out.Way) > 0 { // an agent's phone may redirect to a colleague
		return
	}
	visit := fmt.Sprintf("%s-q%d", id, len(l.joined[id]))
	if slices.ContainsFunc(w.visits, func(v provisioning.QueueVisit) bool { return v.ID == visit }) { // it overflows
		return
	}
	if _, again := l.offered[visit]; !again {
		l.offered[visit] = time.Now()
	}
	for _, s := range w.p.calls.Snapshots(simDomain) {
		for _, p := range s.Parties {
			if s.ID != id && p.Extension == d.Extension && p.Phase == call.PartyUp && s.Phase == call.Talking && s.Answered.Before(time.Now()) {
				w.wrong("%s is rung for %s of %s while it talks in %s", d.Extension, id, now.Script, s.ID)
			}
		}
	}
}

// checkOffice is what must hold when everybody has gone. Called with mu held.
func (w *world) checkOffice() {
	w.office.closed = true
	w.nothingLeft()
	w.inTurn()
	open := map[string]int{}
	for _, a := range w.audits {
		id := fmt.Sprint(a.Detail["monitoring_call"])
		switch a.Action {
		case "call.monitor":
			open[id] |= 1
		case "call.monitor.ended":
			open[id] += 2
		}
	}
	for id, n := range open {
		if n != 3 {
			w.wrong("the listening of call %s was begun and ended %d times in the audit log", id, n>>1)
		}
	}
	w.tally()
}

// nothingLeft: no leg, no agent, no caller, no room, no seat, and no place in the book of limits.
func (w *world) nothingLeft() {
	l := &w.p.signalling.legs
	l.mu.Lock()
	if n := len(l.book) + len(l.whos) + len(l.of); n != 0 {
		w.wrong("%d legs are still known", n)
	}
	l.mu.Unlock()
	if n := len(w.p.purse.book.Running()); n != 0 {
		w.wrong("%d calls still run in the book of limits", n)
	}
	for _, payer := range append([]string{""}, w.names()...) {
		if u, _ := w.p.purse.book.State(limit.Payer{Domain: simDomain, Extension: payer}); u.Calls != 0 {
			w.wrong("%q still has %d calls in the book of limits", payer, u.Calls)
		}
	}
	if n := w.p.rooms.Len(); n != 0 {
		w.wrong("%d rooms are open when nobody calls", n)
	}
	v := w.p.queues.View()
	for k, a := range v.Agents {
		if a.State == queue.Talking || a.State == queue.Busy || a.State == queue.Offered || a.State == queue.WrapUp || a.State == queue.Resting {
			w.wrong("agent %s is %s when nobody calls", k.Number, a.State)
		}
	}
	for k, q := range v.Queues {
		if q.Waiting != 0 {
			w.wrong("%d wait in %s when nobody calls", q.Waiting, k.Number)
		}
	}
	for _, k := range w.p.directory.Snapshot().Ended(time.Now().Add(-time.Minute)) {
		w.wrong("somebody is still signed in at desk %s, whose time is over", k[1])
	}
	for _, r := range w.p.recalls.all() {
		if r.ringing {
			w.wrong("%s is still being rung for %s", r.By, r.Of)
		}
	}
}

func (w *world) names() (out []string) {
	for _, p := range w.phones {
		out = append(out, p.name)
	}
	return out
}

// inTurn: each who joined a queue has one outcome, and nobody was rung for before one who had come earlier. Called with mu held.
func (w *world) inTurn() {
	l, outcomes := w.office.waiting, map[string]int{}
	for _, v := range w.visits {
		outcomes[v.ID]++
	}
	for _, v := range w.visits {
		if outcomes[v.ID] != 1 {
			w.wrong("visit %s has %d outcomes", v.ID, outcomes[v.ID])
		}
		first, rung := l.offered[v.ID]
		if !rung {
			first = v.Ended
		}
		for _, later := range w.visits {
			o, served := l.offered[later.ID]
			if served && later.Queue == v.Queue && later.Arrived.After(v.Arrived) && o.Before(first) && later.Arrived.Before(v.Ended) && v.Outcome != provisioning.OutcomeKept && !back(v) && !back(later) {
				w.wrong("%s (came %v, rung for or over %v) was passed by %s (came %v, rung for %v) in %s", v.ID, v.Arrived.Sub(simStart), first.Sub(simStart),
					later.ID, later.Arrived.Sub(simStart), o.Sub(simStart), v.Queue)
			}
		}
	}
	for id, queues := range l.joined {
		for i := range queues {
			visit := fmt.Sprintf("%s-q%d", id, i+1)
			if outcomes[visit] == 0 {
				w.wrong("%s joined queue %s and has no outcome", visit, queues[i])
			}
		}
	}
}

// back says that a visit is that of a place which was kept: who is called back has not waited in a call.
func back(v provisioning.QueueVisit) bool {
	return v.Outcome == provisioning.OutcomeCalledBack || v.Outcome == provisioning.OutcomeUnreached
}

// tally counts what happened. Called with mu held.
func (w *world) tally() {
	count := func(what string, n int) { w.office.did[what] += n }
	for _, m := range w.desk.marks {
		kind, _, _ := strings.Cut(strings.TrimPrefix(m, "+"), " ")
		count(kind, 1)
	}
	modes := map[string]int{}
	for _, a := range w.audits {
		if a.Action == "call.monitor" {
			modes[fmt.Sprint(a.Detail["monitoring_call"])]++
		}
	}
	for _, n := range modes {
		count("heard", 1)
		count("mode changed", n-1)
	}
	for _, p := range w.begun {
		if p == call.Originating {
			count("began by itself", 1)
		}
	}
	for _, v := range w.visits {
		count("queued", 1)
		switch v.Outcome {
		case provisioning.OutcomeAnswered:
			count("served by an agent", 1)
		case provisioning.OutcomeKept:
			count("place kept", 1)
		}
	}
	w.tape.mu.Lock()
	count("recorded", len(w.tape.recordings))
	w.tape.mu.Unlock()
	for _, c := range w.office.records.feed {
		switch {
		case c.Kind == "hot-desk" && !c.Deleted:
			count("signed in at a desk", 1)
		case c.Kind == "calendar" && c.Version > w.office.opened:
			count("key turned", 1)
		}
	}
	for _, p := range w.phones {
		for _, c := range p.talks {
			if c.out && c.status == 200 && (c.dialled == "*8" || strings.HasPrefix(c.dialled, "**")) {
				count("picked up", 1)
			}
		}
	}
	for _, c := range w.cdrs {
		if strings.HasPrefix(c.AnsweredBy, "voicemail:") {
			count("gone to a mailbox", 1)
		}
	}
}

// dialogTruth is what a lamp of the office should show, beside calls: what is set about the extension, the key, and the agent.
func (w *world) dialogTruth(number string) (out []string) {
	snap := w.p.directory.Snapshot()
	if snap.Settings(simDomain, number).DoNotDisturb {
		out = append(out, "do-not-disturb")
	}
	if c, ok := snap.CalendarAt(simDomain, number); ok && c.Mode(time.Now()) != "day" {
		out = append(out, "closed")
	}
	if agent, ok := strings.CutPrefix(number, "*45"); ok {
		switch w.p.queues.View().Agents[queue.Key{Domain: simDomain, Number: agent}].State {
		case "", queue.SignedOut:
		case queue.Ready, queue.Offered, queue.Talking, queue.Busy:
			out = append(out, "agent "+string(event.Confirmed))
		default:
			out = append(out, "agent "+string(event.Early))
		}
	}
	return out
}
