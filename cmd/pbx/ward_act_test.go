package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
	"naisen/sip"
)

// changed lets people do what they do in the state that a call shows: two who talk send somebody on, park, or hang up; who is parked is fetched,
// or not.
func (w *ward) changed(s *call.Snapshot) {
	w.parks.Changed(s) // before its lamp says that somebody can be fetched, as callChanged
	w.lamps.Changed(s)
	w.queues.Changed(queueCall(s))
	w.mu.Lock()
	defer w.mu.Unlock()
	w.parking(s)
	if s.Phase != call.Talking || len(s.Parties) < 2 {
		return
	}
	var up []call.PartySnapshot
	for _, p := range s.Parties {
		if p.Phase == call.PartyUp {
			up = append(up, p)
		}
	}
	if len(up) < 2 {
		return
	}
	if pair := string(up[0].Leg + "+" + up[1].Leg); w.talked[s.ID] == pair {
		return
	} else {
		w.talked[s.ID] = pair
	}
	l := w.live[up[w.dice.IntN(2)].Leg]
	if l == nil {
		return
	}
	d := 20*time.Second + time.Duration(w.dice.Int64N(int64(160*time.Second)))
	what := w.dice.IntN(100)
	to := fmt.Sprint(2001 + wardAgents + w.dice.IntN(wardPeople-wardAgents))
	time.AfterFunc(d, func() {
		switch {
		case l.ext != "" && what < 6:
			l.post(call.Referred{Leg: l.id, To: sip.URI{Scheme: "sip", User: wardLot, Host: simDomain}})
			l.weary()
		case l.ext != "" && what < 10:
			w.count("transferred")
			l.post(call.Referred{Leg: l.id, To: sip.URI{Scheme: "sip", User: to, Host: simDomain}})
			l.weary()
		default:
			l.ended(sip.CauseNormal, false)
		}
	})
}

// weary: whoever sent the other one away hangs up some time, should it still be there.
func (l *wardLeg) weary() {
	l.after(2*time.Minute, 4*time.Minute, func() { l.ended(sip.CauseNormal, false) })
}

// parking notes who is parked, and how that ended. Called with mu held.
func (w *ward) parking(s *call.Snapshot) {
	slot := w.parked[s.ID]
	switch {
	case slot == "" && s.Parked != nil && s.Parked.By != "":
		w.parked[s.ID] = s.Parked.Slot
		w.seen["parked"]++
		who, at := w.live[s.Parked.Leg], s.Parked.Slot
		if w.dice.IntN(3) > 0 {
			d := 5*time.Second + time.Duration(w.dice.Int64N(int64(35*time.Second)))
			time.AfterFunc(d, func() { w.fetch(at) })
		}
		if who != nil { // nobody waits for ever
			time.AfterFunc(time.Millisecond, who.weary) // not under our lock: a leg that ends takes it under its own
		}
	case slot != "" && s.Parked == nil:
		delete(w.parked, s.ID)
		if s.Phase == call.Talking && slices.ContainsFunc(s.Parties, func(p call.PartySnapshot) bool { return strings.HasPrefix(string(p.Leg), "f") }) {
			w.seen["fetched"]++
		} else if s.Phase == call.Talking {
			w.seen["came back"]++
		}
	}
}

// fetch lets somebody dial a slot: as signalling does, a new leg talks with who is parked there.
func (w *ward) fetch(slot string) {
	id, ok := w.parks.at(simDomain, slot)
	if !ok {
		return
	}
	w.mu.Lock()
	ext := w.atRest()
	w.busy[ext] = time.Now()
	w.fetches++
	in := call.Incoming{ID: fmt.Sprintf("f%05d", w.fetches), MaxForwards: 70, Request: route.Request{Domain: simDomain, Extension: ext, Number: ext, Dialled: slot, Own: true}}
	n := wardCalls + w.fetches
	w.mu.Unlock()
	offer, err := w.phoneOffer(n)
	if err != nil {
		return
	}
	in.Offer = offer
	l := w.newLeg(call.LegID(in.ID+"-r"), ext, nil, true)
	w.book.take(at(simDomain, ext), l.id, false)
	w.mu.Lock()
	w.live[l.id] = l
	w.mu.Unlock()
	if w.calls.Post(simDomain, callOf(id), call.Replace{Leg: id, Join: true, By: l, In: in}) != nil {
		l.ended(sip.CauseUnavailable, true)
	}
}

// atRest is somebody who is in no call. Called with mu held.
func (w *ward) atRest() string {
	for {
		ext := fmt.Sprint(2001 + w.dice.IntN(wardPeople))
		if _, busy := w.busy[ext]; !busy {
			return ext
		}
	}
}

// Dial implements call.Dialler. An agent is rung for a queue, and a member for a group, while it is in no call.
func (w *ward) Dial(d call.Destination, out call.Outgoing, m *call.Mailbox) call.Leg {
	w.forwarded(out)
	l := w.newLeg(out.Leg, d.Extension, m, false)
	if d.Extension != "" && !w.book.take(at(out.Domain, d.Extension), out.Leg, d.Idle) { // a call came first since the plan was made
		l.ended(sip.CauseBusy, true)
		return l
	}
	w.mu.Lock()
	w.live[out.Leg] = l
	id := callOf(out.Leg)
	since, busy := w.busy[d.Extension]
	if d.Idle && busy && since.Before(time.Now()) {
		w.wrong("%s is rung in %s, talks since %v, and wants no second call", d.Extension, id, since)
	}
	if q := w.waiting[id]; q != "" && d.Extension != "" && d.Extension < fmt.Sprint(2001+wardAgents) && w.talked[id] == "" {
		if busy && since.Before(time.Now()) {
			w.wrong("%s is rung for %s of %s while it talks since %v", d.Extension, id, q, since)
		}
		if _, again := w.offered[id]; !again {
			w.offered[id] = time.Now()
		}
	}
	w.mu.Unlock()
	l.rung(out.Offer, busy && d.Extension != "")
	return l
}

// pickUp: the phone answers unless its person has another one at the ear.
func (w *ward) pickUp(l *wardLeg) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, busy := w.busy[l.ext]; busy && l.ext != "" {
		return false
	}
	if l.ext != "" {
		w.busy[l.ext] = time.Now()
	}
	return true
}

// gone: a leg has ended.
func (w *ward) gone(l *wardLeg) {
	w.book.remove(l.id)
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.live, l.id)
	if l.ext != "" && (l.up || l.inbound) {
		delete(w.busy, l.ext)
	}
}

// asks is whom a call of the day is for: from outside a queue, a group, the menu or a room, inside anybody and a room, or outside. Called with mu held.
func (w *ward) asks(in *call.Incoming) (ext, keys string) {
	kind := w.dice.IntN(100)
	switch r := &in.Request; {
	case kind < 24:
		r.Dialled = fmt.Sprintf("+8132000%04d", w.dice.IntN(wardQueues))
	case kind < 42:
		r.Dialled = fmt.Sprintf("+8131000%04d", w.dice.IntN(wardGroups))
	case kind < 48:
		w.seen["menu"]++
		r.Dialled, keys = "+81340000000", []string{"1", "2", "3", "", "9"}[w.dice.IntN(5)]
	case kind < 49:
		w.seen["in a room"]++
		r.Dialled = fmt.Sprintf("+8133000%04d", w.dice.IntN(wardRooms))
	default:
		ext = w.atRest()
		w.busy[ext] = time.Now()
		r.Trunk, r.Extension, r.Number, r.Own = "", ext, ext, true
		r.Dialled = fmt.Sprint(2001 + w.dice.IntN(wardPeople))
		switch {
		case kind >= 92:
			r.Dialled, r.E164 = "0312345678", "+81312345678"
		case kind >= 89:
			r.Dialled = fmt.Sprint(6001 + w.dice.IntN(wardGroups))
		case kind >= 87:
			r.Dialled = "*96" + fmt.Sprint(2001+wardAgents+10*w.dice.IntN(100))
		case kind >= 85:
			w.seen["in a room"]++
			r.Dialled = fmt.Sprint(8001 + w.dice.IntN(wardRooms))
		}
	}
	return ext, keys
}

// begin begins one call of the day.
func (w *ward) begin(n int) {
	w.mu.Lock()
	in := call.Incoming{ID: fmt.Sprintf("c%05d", n), MaxForwards: 70, Request: route.Request{Domain: simDomain, Trunk: "carrier", Number: fmt.Sprintf("+8190%08d", n)}}
	ext, keys := w.asks(&in)
	w.started[in.ID] = true
	patience := 20*time.Second + time.Duration(w.dice.Int64N(int64(3*time.Minute)))
	w.mu.Unlock()
	if offer, err := w.phoneOffer(n); err == nil {
		in.Offer = offer
	}
	err := w.calls.Start(in, func(id call.LegID, m *call.Mailbox) (call.Leg, bool) {
		l := w.newLeg(id, ext, m, true)
		w.book.take(at(simDomain, ext), id, false)
		w.mu.Lock()
		w.live[id] = l
		w.mu.Unlock()
		if keys != "" {
			l.after(time.Second, 5*time.Second, func() { l.post(call.Digit{Leg: id, Rune: rune(keys[0])}) })
		}
		time.AfterFunc(patience, func() {
			w.mu.Lock()
			talks := w.talked[in.ID] != ""
			w.mu.Unlock()
			if !talks {
				l.ended(sip.StatusCause(487), !l.isUp())
			}
		})
		return l, true
	})
	if err != nil {
		w.mu.Lock()
		w.wrong("call %d: %v", n, err)
		w.mu.Unlock()
	}
}
