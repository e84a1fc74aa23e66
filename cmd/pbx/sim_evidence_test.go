package main

import (
	"slices"
	"time"

	"naisen/media"
	"naisen/recorder"
)

// What the simulation knows of who heard whom, and of what was recorded of it: the evidence that recordings are measured against.

// simSpell is a stretch in which the same people heard each other in a bridge. A zero to: it lasts.
type simSpell struct {
	from, to time.Time
	who      []*simEndpoint
}

// simAttached is a recording's tap in a bridge.
type simAttached struct {
	r        *simRecording
	from, to time.Time
}

// converse notes who hears whom from now on. Called with air.mu held, after each change.
func (b *simBridge) converse() {
	var who []*simEndpoint
	for _, m := range b.members {
		if g, set := b.gates[m]; set && g == media.GateBoth {
			who = append(who, m)
		}
	}
	if len(who) < 2 {
		who = nil
	}
	if n := len(b.spells); n > 0 && b.spells[n-1].to.IsZero() {
		last := &b.spells[n-1]
		if slices.Equal(last.who, who) {
			return
		}
		if last.to = time.Now(); last.to.Equal(last.from) { // gates of one instant
			b.spells = b.spells[:n-1]
		}
	}
	if who != nil {
		b.spells = append(b.spells, simSpell{from: time.Now(), who: who})
	}
}

// attach notes a recording's tap.
func (b *simBridge) attach(r *simRecording) (detach func()) {
	a := &simAttached{r: r, from: time.Now()}
	b.attached = append(b.attached, a)
	return func() {
		b.air.mu.Lock()
		defer b.air.mu.Unlock()
		if a.to.IsZero() {
			a.to = time.Now()
		}
	}
}

// covers says how a recording has a spell: not at all, whole, or with what fault. Both locks are held.
func (a *simAttached) covers(s simSpell) (whole bool, fault string) {
	from, to, end := a.from, a.to, s.to
	if to.IsZero() {
		to = time.Now()
	}
	if a.r.stops > 0 && a.r.ended.Before(to) {
		to = a.r.ended
	}
	if end.IsZero() {
		end = time.Now()
	}
	if !from.Before(end) || !to.After(s.from) {
		return false, ""
	}
	for _, e := range s.who {
		if !slices.Contains(a.r.knows, e.id) {
			return false, "does not know " + e.id
		}
	}
	if from.After(s.from) || to.Before(end) {
		return false, "has it in part"
	}
	return true, ""
}

// Left, Informed and Linked implement the part of a recording that keeps who left, who was told, and with which calls it belongs together.
func (r *simRecording) Left(endpoint string) {
	r.tape.mu.Lock()
	defer r.tape.mu.Unlock()
	if !slices.Contains(r.knows, endpoint) {
		r.left = append(r.left, "stranger "+endpoint)
	}
}

func (r *simRecording) Informed(n recorder.Notice) {
	r.tape.mu.Lock()
	defer r.tape.mu.Unlock()
	r.informed = append(r.informed, n)
}

// Kept is of no evidence here: TestKept and TestKeptLonger are about retention.
func (r *simRecording) Kept(int, recorder.Label) {}

func (r *simRecording) Linked(l recorder.Link) {
	r.tape.mu.Lock()
	defer r.tape.mu.Unlock()
	r.links = append(r.links, l)
}

// checkEvidence: once a call's recording runs, nothing that is said in the call is missing in it, and everybody who is heard is known to it.
func (w *world) checkEvidence() {
	w.air.mu.Lock()
	defer w.air.mu.Unlock()
	w.tape.mu.Lock()
	defer w.tape.mu.Unlock()
	for _, b := range w.air.bridges {
		for _, s := range b.spells {
			for _, a := range b.attached {
				if _, fault := a.covers(s); fault != "" && !w.byHand[a.r.of.Call] {
					w.wrong("recording %s %s: of %v to %v", a.r.of.ID, fault, s.from.Sub(simStart), s.to.Sub(simStart))
				}
			}
		}
	}
	for _, r := range w.tape.recordings {
		for _, l := range r.left {
			w.wrong("recording %s is told that somebody leaves whom it does not know: %s", r.of.ID, l)
		}
		for _, n := range r.informed {
			if !n.Complete || n.Ended.After(time.Now()) {
				w.wrong("recording %s has the receipt %+v", r.of.ID, n)
			}
		}
	}
}
