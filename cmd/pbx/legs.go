package main

import (
	"strings"
	"sync"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/sip/dialog"
)

// legs finds a living leg by its name, and knows which extensions have one. It owns nothing: legs come with their session and go with their
// last event.
type legs struct {
	mu   sync.Mutex // guards the rest; nothing is called under it
	book map[call.LegID]*leg
	whos map[call.LegID]string              // extension@domain of a device's leg, from before its INVITE
	of   map[string]map[call.LegID]struct{} // the same by extension
	idle map[string]time.Time               // when the last leg of an extension ended
	turn map[string]int                     // calls that a group was given

	claim func(call, callID string) // says whose dialog a Call-ID is, before anything is published of it; nil: nobody asks. Set before the first call
}

// maxIdle bounds what is remembered of extensions and groups: each takes part again with its next call.
const maxIdle = 20_000

func (l *legs) add(x *leg) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.book == nil {
		l.book = map[call.LegID]*leg{}
	}
	l.book[x.id] = x
}

// take counts a leg that begins as its extension's, until remove. Idle: only if the extension has no leg of another call; false: it has.
func (l *legs) take(aor string, id call.LegID, idle bool) bool {
	if strings.HasPrefix(aor, "@") { // a trunk's
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if idle {
		for other := range l.of[aor] {
			if other.Call() != id.Call() {
				return false
			}
		}
	}
	l.own(aor, id)
	return true
}

// own counts a leg as an extension's. l.mu is held.
func (l *legs) own(aor string, id call.LegID) {
	if l.of == nil {
		l.whos, l.of = map[call.LegID]string{}, map[string]map[call.LegID]struct{}{}
	}
	if l.of[aor] == nil {
		l.of[aor] = map[call.LegID]struct{}{}
	}
	l.whos[id], l.of[aor][id] = aor, struct{}{}
}

// became implements call.Deps.Became: a living leg of a trunk is an extension's from now on.
func (l *legs) became(domain, extension string, id call.LegID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, lives := l.book[id]; lives {
		l.own(extension+"@"+domain, id)
	}
}

// busy tells whether an extension has a leg.
func (l *legs) busy(aor string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.of[aor]) > 0
}

func (l *legs) remove(id call.LegID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.book, id)
	aor, ok := l.whos[id]
	if !ok {
		return
	}
	delete(l.whos, id)
	delete(l.of[aor], id)
	if len(l.of[aor]) == 0 {
		delete(l.of, aor)
	}
	if l.idle == nil || len(l.idle) >= maxIdle {
		l.idle = map[string]time.Time{}
	}
	l.idle[aor] = time.Now()
}

// idleSince is when the last leg of an extension ended.
func (l *legs) idleSince(aor string) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.idle[aor]
}

// given counts a call to a group.
func (l *legs) given(group string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.turn == nil || len(l.turn) >= maxIdle {
		l.turn = map[string]int{}
	}
	l.turn[group]++

}

// turns is how many calls a group was given.
func (l *legs) turns(group string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.turn[group]
}

func (l *legs) get(id call.LegID) *leg {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.book[id]
}

// dialogs finds legs for calls by what devices call them.
type dialogs struct {
	ua   *dialog.UA
	legs *legs
}

var _ call.Dialogs = dialogs{}

// Find implements call.Dialogs.
func (d dialogs) Find(callID, ours, theirs string) (call.Reach, bool) {
	s, ok := d.ua.Match(callID, ours, theirs)
	if !ok {
		return call.Reach{}, false
	}
	l := d.legs.get(call.LegID(s.ID()))
	if l == nil {
		return call.Reach{}, false
	}
	return call.Reach{Leg: l.id, Post: l.ask}, true
}
