package main

import (
	"sync"

	"naisen/cmd/pbx/internal/call"
	"naisen/sip/dialog"
)

// legs finds a living leg by its name. It owns nothing: legs come with their session and go with their last event.
type legs struct {
	mu   sync.Mutex
	book map[call.LegID]*leg
}

func (l *legs) add(x *leg) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.book == nil {
		l.book = map[call.LegID]*leg{}
	}
	l.book[x.id] = x
}

func (l *legs) remove(id call.LegID) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.book, id)
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
