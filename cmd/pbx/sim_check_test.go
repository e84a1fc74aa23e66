package main

import (
	"strings"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
	"naisen/sip"
)

// check is what must hold ten minutes after everybody has gone.
func (w *world) check() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := w.p.calls.Len(); n != 0 {
		w.wrong("%d calls are still alive", n)
	}
	if n := w.p.signalling.ua.Sessions(); n != 0 {
		w.wrong("%d dialog sessions are left", n)
	}
	if s := w.p.stack.Stats(); s.Transactions != 0 || s.Queued != 0 || s.Panics != 0 {
		w.wrong("the stack has %d transactions, %d queued, %d panics", s.Transactions, s.Queued, s.Panics)
	}
	if n := w.p.signalling.lost.Load(); n != 0 {
		w.wrong("%d events of legs were lost", n)
	}
	for _, a := range w.alarms {
		if a != "notice-failed" && a != "recording-failed" {
			w.wrong("alarm %s", a)
		}
	}
	w.checkLamps()
	if n := w.p.signalling.parks.taken(); n != 0 {
		w.wrong("%d parking slots are still taken", n)
	}
	w.checkMedia()
	byStart := w.checkCDRs()
	for _, p := range append([]*phone{w.carrier}, w.phones...) {
		for _, c := range p.talks {
			w.checkTalk(c)
			if c.out && !c.replacing {
				w.checkCaller(c, byStart)
			}
		}
	}
	w.checkRinging()
	w.checkMoved()
	w.checkRecordings()
	w.checkEvidence()
	w.checkMailboxes()
	if w.office != nil {
		w.checkOffice()
	}
}

// called groups what phones were called by call.
func (w *world) called() map[string][]*talk {
	out := map[string][]*talk{}
	for _, p := range append([]*phone{w.carrier}, w.phones...) {
		for _, c := range p.talks {
			if !c.out {
				id := callOf(w.ports[c.peerPort])
				out[id] = append(out[id], c)
			}
		}
	}
	return out
}

// checkRinging: no phone rings on when its call was answered elsewhere or is over.
func (w *world) checkRinging() {
	called := w.called()
	if len(called[""]) > 0 {
		w.wrong("%s: was called by nobody", called[""][0])
	}
	for _, r := range w.cdrs {
		if merged(r) {
			continue // its legs live on in another call
		}
		end := r.Ended
		for _, c := range called[r.ID] {
			if r.Transfers == 0 && c.status == 200 && c.p.dials(r.AnsweredBy) && c.upAt.Before(end) {
				end = c.upAt
			}
		}
		for _, c := range called[r.ID] {
			if w.deaf(c) {
				continue
			}
			if late := c.overAt.Sub(r.Ended); c.status == 200 && !c.lost && min(late, c.overAt.Sub(c.upAt)) > 25*time.Second {
				w.wrong("%s: in a call until %v that was over at %v", c, c.overAt.Sub(simStart), r.Ended.Sub(simStart))
			}
			if c.status != 200 && !c.lost && c.overAt.After(end.Add(simT64+5*time.Second)) {
				w.wrong("%s: rang until %v, its call %s was answered or over at %v", c, c.overAt.Sub(simStart), r.ID, end.Sub(simStart))
			}
		}
	}
}

// deaf says that the switch heard nothing of a phone that it rang, as long as its INVITE lived: so no CANCEL either was permitted
// (RFC 3261 section 9.1), and whatever came later found no transaction.
func (w *world) deaf(c *talk) bool {
	n, _ := c.invite.CSeq()
	e := w.asked[arrival{c.callID, n}]
	return e.heard.IsZero() || e.heard.Sub(e.sent) > simT64
}

// dials says whether a number is answered at this phone.
func (p *phone) dials(number string) bool {
	return p.name == number || p.password == "" && len(number) > 4
}

func (w *world) checkMedia() {
	w.air.mu.Lock()
	defer w.air.mu.Unlock()
	for _, e := range w.air.endpoints {
		if e.closed != 1 {
			w.wrong("endpoint %s was closed %d times", e.id, e.closed)
		}
	}
	for i, b := range w.air.bridges {
		if b.closed != 1 {
			w.wrong("bridge %d was closed %d times", i, b.closed)
		}
		if b.left > 0 && !b.room {
			w.wrong("%d were still joined to bridge %d when it was closed", b.left, i)
		}
	}
}

// checkCDRs: one per call, and each of them began with an INVITE that reached us.
func (w *world) checkCDRs() map[time.Time]call.CDR {
	out := map[time.Time]call.CDR{}
	arrived := map[time.Time]bool{}
	for _, times := range w.arrivals {
		for _, at := range times {
			arrived[at] = true
		}
	}
	ids := map[string]bool{}
	for _, c := range w.cdrs {
		if ids[c.ID] {
			w.wrong("a second CDR for %s", c.ID)
		}
		ids[c.ID] = true
		if !arrived[c.Started] && !w.originated(c.ID) {
			w.wrong("CDR %s belongs to no INVITE", c.ID)
		}
		if _, two := out[c.Started]; two {
			w.wrong("two calls began at %v", c.Started.Sub(simStart))
		}
		out[c.Started] = c
		if c.EndedBy == "" || c.Cause.Status == 0 || c.Ended.Before(c.Started) {
			w.wrong("CDR %s says nothing: %+v", c.ID, c)
		}
		if c.AnsweredBy != "" && c.Answered.IsZero() && c.Cause.Status < 300 {
			w.wrong("CDR %s was answered by %s at no time", c.ID, c.AnsweredBy)
		}
	}
	for _, c := range w.paged {
		if ids[c.ID] {
			w.wrong("a second CDR for %s", c.ID)
		}
		ids[c.ID] = true
	}
	for id := range w.begun {
		if !ids[id] {
			w.wrong("call %s has no CDR", id)
		}
	}
	for _, c := range w.cdrs {
		if _, shown := w.begun[c.ID]; !shown {
			w.wrong("CDR %s is of a call that nobody saw", c.ID)
		}
		if c.MergedInto != "" && (!ids[c.MergedInto] || c.MergedInto == c.ID) {
			w.wrong("CDR %s was merged into %q, which has none", c.ID, c.MergedInto)
		}
	}
	return out
}

// checkTalk: no phone still believes in a call, or rings.
func (w *world) checkTalk(c *talk) {
	if c.state != over {
		w.wrong("%s: state %d: still believed in", c, c.state)
	}
}

// checkCaller compares what the caller's phone saw with the CDR.
func (w *world) checkCaller(c *talk, byStart map[time.Time]call.CDR) {
	n, _ := c.invite.CSeq()
	times := w.arrivals[arrival{c.callID, n}]
	var r call.CDR
	started := 0
	for _, at := range times {
		if one, ok := byStart[at]; ok {
			r = one
			started++
		}
	}
	switch {
	case c.shed && started > 0 && c.p != w.carrier:
		w.wrong("%s: it was shed, and CDR %s is there", c, r.ID)
	case started > 1:
		w.wrong("%s: one INVITE started %d calls", c, started)
	case len(times) == 0:
		if c.status != 0 && c.status != 408 && !c.muddled { // garbage that looks like it is refused like it
			w.wrong("%s: the switch never saw this INVITE", c)
		}
		return
	case started == 0:
		if simSlot(c.dialled) { // who is fetched there has a call
			return
		}
		if c.status/100 == 2 || c.rang && !c.lost && n > 1 {
			w.wrong("%s: there is no CDR", c)
		}
		return
	}
	answered := !r.Answered.IsZero()
	// A BYE of ours waits for the ACK (RFC 3261 section 15.1.1): one that crosses it tells nothing of who was first.
	if c.status/100 == 2 && !answered {
		w.wrong("%s: its CDR %s was never answered", c, r.ID)
	}
	if c.lost || c.muddled || c.why == "no response" || r.Transfers > 0 || merged(r) {
		return // what the phone saw is gone
	}
	switch {
	case c.status >= 300 && answered:
		w.wrong("%s: its CDR %s was answered", c, r.ID)
	case c.status >= 300 && r.Cause.Status != c.status && !(r.Cause.Status < 400 && c.status == 480):
		w.wrong("%s: its CDR %s says %d", c, r.ID, r.Cause.Status)
	case c.status/100 == 2 && c.saidBye && !w.byes[c.callID] && !w.unacked[c.callID] && r.EndedBy != "caller":
		w.wrong("%s: its CDR %s was ended by %s", c, r.ID, r.EndedBy)
	case c.status/100 == 2 && c.gotBye && !c.saidBye && r.EndedBy == "caller" && r.Cause.Q850 != sip.CauseTimeout.Q850:
		// A leg that the switch gives up, since every refresh was lost, ended on the caller's side, and its BYE is ours.
		w.wrong("%s: its CDR %s was ended by the caller", c, r.ID)
	}
}

// checkRecordings: every answered call on a recorded number has exactly one, of its own parties, from its first permitted moment.
func (w *world) checkRecordings() {
	w.tape.mu.Lock()
	defer w.tape.mu.Unlock()
	of := map[string][]*simRecording{}
	for _, r := range w.tape.recordings {
		of[r.of.Call] = append(of[r.of.Call], r)
		if r.stops != 1 {
			w.wrong("recording of %s was stopped %d times", r.of.Call, r.stops)
		}
	}
	called, bridges := w.called(), w.bridges()
	for _, c := range w.cdrs {
		want := w.plans[c.Started].Record
		if got := of[c.ID]; len(got) > 0 {
			w.checkRecording(c, want, got, called[c.ID])
			delete(of, c.ID)
			continue
		}
		if c.Recording != "" {
			w.wrong("CDR %s names a recording that was never started", c.ID)
		}
		// Nobody talks before the notice has ended: not who holds while it is played, nor who never sends its description. And nobody is
		// recorded to whom it could not be played.
		b := bridges[c.Started]
		permitted := (want.Notice == route.NoticeNone || b != nil && b.warned) && !w.originated(c.ID) // whose first plan only rings its caller
		if want.On && permitted && b != nil && b.talked && !w.tape.refused[c.ID] {
			w.wrong("CDR %s: answered by %s on a recorded number, and not recorded", c.ID, c.AnsweredBy)
		}
	}
	for id := range of {
		w.wrong("a recording of no call: %s", id)
	}
}

// bridges finds them by the instant at which their call began, as CDRs name it.
func (w *world) bridges() map[time.Time]*simBridge {
	w.air.mu.Lock()
	defer w.air.mu.Unlock()
	out := map[time.Time]*simBridge{}
	for _, b := range w.air.bridges {
		out[b.made] = b
	}
	return out
}

func (w *world) checkRecording(c call.CDR, want route.Record, got []*simRecording, called []*talk) {
	r := got[0]
	if len(got) > 1 {
		w.wrong("%d recordings of %s", len(got), c.ID)
	}
	if !want.On && !w.byHand[c.ID] && c.Transfers == 0 && !ownNumber(called) && !w.scripted(c.ID) && !w.originated(c.ID) {
		w.wrong("CDR %s: recorded without a policy", c.ID)
	}
	if c.Recording != r.of.ID {
		w.wrong("CDR %s names recording %q, not %q", c.ID, c.Recording, r.of.ID)
	}
	alone := (strings.HasPrefix(c.AnsweredBy, "voicemail:") || strings.HasPrefix(c.AnsweredBy, "page:") || w.scripted(c.ID)) && len(r.of.Parties) == 1 && r.of.Parties[0].Number == c.From
	if c.Transfers == 0 && !alone && (len(r.of.Parties) != 2 || r.of.Parties[0].Number != c.From || r.of.Parties[1].Number != c.AnsweredBy) {
		w.wrong("CDR %s: %s -> %s, its recording has %+v", c.ID, c.From, c.AnsweredBy, r.of.Parties)
	}
	if n := r.of.Notice; want.On && want.Notice != route.NoticeNone && !w.byHand[c.ID] && (n == nil || !n.Complete || n.Ended.After(r.of.Started)) {
		w.wrong("CDR %s: recorded without a complete notice before: %+v", c.ID, n)
	}
	if r.bridge == nil {
		w.wrong("CDR %s: its recording is attached to nothing", c.ID)
		return
	}
	early := w.byHand[c.ID]
	for _, t := range called {
		early = early || t.early
	}
	if both := r.bridge.both; (want.On || c.Transfers == 0) && !both.IsZero() && r.at.After(both) && !early {
		w.wrong("CDR %s: joined at %v, recorded from %v on", c.ID, both.Sub(simStart), r.at.Sub(simStart))
	}
	if r.ended.After(c.Ended) {
		w.wrong("CDR %s: its recording ended after the call", c.ID)
	}
}

// merged says that the legs of a call live on in another one.
func merged(r call.CDR) bool { return r.MergedInto != "" }
