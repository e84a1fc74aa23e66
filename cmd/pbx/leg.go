package main

import (
	"net/netip"
	"sync"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/sip"
	"naisen/sip/dialog"
)

// heldBound is how many events a detached leg keeps; a peer that says more in the instant between two calls has lost them loudly.
const heldBound = 64

// leg joins one dialog session to one call: it translates words, and holds events while it moves between calls.
type leg struct {
	id   call.LegID
	lost func() // counts an event that found the holding space full
	book *legs

	named    func(route.Shown) (who sip.Address, ok bool)              // as its phone or carrier may see somebody; nil: it is told nothing
	believed func(ids []sip.Address, private bool) (route.Shown, bool) // who is there, as its network says; nil: its word counts for nothing

	device string                       // address-of-record whose telephone it is, as its registration has it; empty: a carrier's
	place  func(from netip.Addr) string // the site of a network; nil: nobody asks

	mu      sync.Mutex
	session *dialog.Session // nil while the address of an outbound leg is being looked up
	waiting []func()        // commands given before there was a session
	ended   bool            // Ended was posted
	mailbox *call.Mailbox   // nil while detached
	held    []call.Event    // what came while detached, in order
}

var _ call.Leg = (*leg)(nil)

// newLeg makes a leg that reports to m; nil: it holds its events until a call attaches it.
func newLeg(id call.LegID, m *call.Mailbox, book *legs, lost func()) *leg {
	return &leg{id: id, mailbox: m, book: book, lost: lost}
}

// ID implements call.Leg.
func (l *leg) ID() call.LegID { return l.id }

// begin gives the leg its session, and the session what was commanded before.
func (l *leg) begin(s *dialog.Session) {
	l.mu.Lock()
	if l.ended { // the call gave up while the address was looked up
		l.mu.Unlock()
		s.End(sip.CauseCancelled)
		return
	}
	l.session = s
	l.book.add(l)
	waiting := l.waiting
	l.waiting = nil
	l.mu.Unlock()
	if l.book.claim != nil {
		l.book.claim(l.id.Call(), s.Snapshot().CallID)
	}
	for _, f := range waiting {
		f()
	}
}

// do runs f now, or as soon as there is a session.
func (l *leg) do(f func()) {
	l.mu.Lock()
	if l.session == nil && !l.ended {
		l.waiting = append(l.waiting, f)
		l.mu.Unlock()
		return
	}
	none := l.session == nil
	l.mu.Unlock()
	if !none {
		f()
	}
}

func (l *leg) Ring(s media.SDP)          { l.do(func() { l.session.Ring(s) }) }
func (l *leg) Answer(s media.SDP)        { l.do(func() { l.session.Answer(s) }) }
func (l *leg) Offer(s media.SDP)         { l.do(func() { l.session.Offer(s) }) }
func (l *leg) Reply(s media.SDP)         { l.do(func() { l.session.Reply(s) }) }
func (l *leg) Refuse(c sip.Cause)        { l.do(func() { l.session.Refuse(c) }) }
func (l *leg) ReferProgress(c sip.Cause) { l.do(func() { l.session.ReferProgress(c) }) }
func (l *leg) Digit(r rune)              { l.do(func() { l.session.Digit(r) }) }

// Show implements call.Leg.
func (l *leg) Show(w route.Shown) {
	if l.named == nil {
		return
	}
	if who, ok := l.named(w); ok {
		l.do(func() { l.session.Identify(who, w.Withheld) })
	}
}

// Dialog implements call.Leg.
func (l *leg) Dialog() call.Dialog {
	l.mu.Lock()
	s := l.session
	l.mu.Unlock()
	if s == nil {
		return call.Dialog{}
	}
	d := s.Snapshot()
	return call.Dialog{CallID: d.CallID, LocalTag: d.LocalTag, RemoteTag: d.RemoteTag, Inbound: d.Inbound, Target: d.Target.String(), Aware: d.RecordAware}
}

// End ends the session; a leg that never had one ends by itself.
func (l *leg) End(c sip.Cause) {
	l.mu.Lock()
	s := l.session
	if s == nil { // still under the lock: a session made in between would ring on, owned by nobody
		l.postLocked(call.Ended{Leg: l.id, Cause: c})
	}
	l.mu.Unlock()
	if s != nil {
		s.End(c)
	}
}

// fail ends a leg that has no session: its address could not be found, or it was ended before.
func (l *leg) fail(c sip.Cause) {
	l.post(call.Ended{Leg: l.id, Cause: c})
}

// gone says that the call gave up before the session was made: then none may be made any more.
func (l *leg) gone() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ended
}

// Detach implements call.Leg: Detached is the old call's last event of this leg, unless Ended was.
func (l *leg) Detach() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if m := l.mailbox; m != nil && !l.ended {
		l.mailbox = nil
		m.Post(call.Detached{Leg: l.id}) // under the lock, so that nothing overtakes it; Post never blocks
	}
}

// Attach implements call.Leg: what was held comes first.
func (l *leg) Attach(m *call.Mailbox) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.mailbox = m
	for _, e := range l.held {
		m.Post(e)
	}
	l.held = nil
}

// ask hands another call's question to the call that owns this leg, which answers it even when the leg has ended.
func (l *leg) ask(e call.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.mailbox == nil {
		l.held = append(l.held, e)
		return
	}
	l.mailbox.Post(e)
}

// post keeps the order of events under the lock; Mailbox.Post never blocks.
func (l *leg) post(e call.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.postLocked(e)
}

func (l *leg) postLocked(e call.Event) {
	if l.ended {
		return
	}
	switch e.(type) {
	case call.Ended, call.Woken:
		l.ended = true
	}
	if l.mailbox != nil {
		l.mailbox.Post(e)
		return
	}
	if len(l.held) >= heldBound && !l.ended {
		l.lost()
		return
	}
	l.held = append(l.held, e)
}

// on receives the session's events on its shard.
func (l *leg) on(e dialog.Event) {
	switch e := e.(type) {
	case dialog.Progress:
		l.post(call.Progress{Leg: l.id, Status: e.Status, SDP: e.SDP})
	case dialog.Answered:
		l.post(call.Answered{Leg: l.id, SDP: e.SDP})
	case dialog.Offered:
		l.post(call.Offered{Leg: l.id, SDP: e.SDP})
	case dialog.Agreed:
		l.post(call.Agreed{Leg: l.id, SDP: e.SDP})
	case dialog.Disagreed:
		l.post(call.Disagreed{Leg: l.id, Cause: e.Cause})
	case dialog.Digit:
		l.post(call.Digit{Leg: l.id, Rune: e.Rune})
	case dialog.Referred:
		l.post(call.Referred{Leg: l.id, To: e.To, By: e.ReferredBy,
			Replaces: call.Replaces{CallID: e.ReplacesCallID, Ours: e.ReplacesTo, Theirs: e.ReplacesFrom, Early: e.ReplacesEarly}})
	case dialog.Identified:
		if l.believed == nil {
			return
		}
		if who, ok := l.believed(e.Who, e.Private); ok {
			l.post(call.Identified{Leg: l.id, Who: who})
		}
	case dialog.Probed, dialog.Roamed:
		l.whereabouts(e)
	case dialog.Told: // a call takes nothing beside SDP
	case dialog.ReferStatus: // the switch sends REFER only with the features that need it
	case dialog.Ended:
		l.book.remove(l.id)
		l.post(call.Ended{Leg: l.id, Cause: e.Cause, Refused: e.Refused, Moved: e.Moved})
	}
}
