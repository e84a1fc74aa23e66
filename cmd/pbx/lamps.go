package main

import (
	"slices"
	"sync"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
	"naisen/sip"
	"naisen/sip/event"
)

// lamps knows the call dialogs of each extension. They are read off what each call says of itself, as a whole and again with every change:
// nothing is counted up and down, so nothing can stay behind.
type lamps struct {
	tell func(event.AOR)                     // after the dialogs of an extension have changed
	name func(*call.Snapshot) *call.Snapshot // nil: parties have the names that the call gives them

	mu    sync.Mutex // guards the rest; nothing is called under it
	calls map[string]map[event.AOR][]event.Dialog
	of    map[event.AOR]map[string][]event.Dialog // by call
}

func newLamps(tell func(event.AOR)) *lamps {
	return &lamps{tell: tell, calls: map[string]map[event.AOR][]event.Dialog{}, of: map[event.AOR]map[string][]event.Dialog{}}
}

// Changed takes the new state of a call. It is called in order for each call.
func (l *lamps) Changed(s *call.Snapshot) {
	if l.name != nil {
		s = l.name(s)
	}
	now := dialogsOf(s)
	var hit []event.AOR
	l.mu.Lock()
	before := l.calls[s.ID]
	for a, list := range before {
		if now[a] == nil {
			delete(l.of[a], s.ID)
			if len(l.of[a]) == 0 {
				delete(l.of, a)
			}
			hit = append(hit, a)
		} else if !slices.Equal(list, now[a]) {
			hit = append(hit, a)
		}
	}
	for a, list := range now {
		if before[a] == nil {
			hit = append(hit, a)
		}
		if l.of[a] == nil {
			l.of[a] = map[string][]event.Dialog{}
		}
		l.of[a][s.ID] = list
	}
	if l.calls[s.ID] = now; len(now) == 0 {
		delete(l.calls, s.ID)
	}
	l.mu.Unlock()
	for _, a := range hit {
		l.tell(a)
	}
}

// Dialogs implements event.Dialogs. A leg on its way from one call to another may be in both.
func (l *lamps) Dialogs(a event.AOR) []event.Dialog {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []event.Dialog
	for _, list := range l.of[a] {
		for _, d := range list {
			if !slices.ContainsFunc(out, func(o event.Dialog) bool { return o.ID == d.ID }) {
				out = append(out, d)
			}
		}
	}
	return out
}

// lit counts the extensions with a dialog.
func (l *lamps) lit() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.of)
}

// dialogsOf are the dialogs of a call by extension; trunks have none.
func dialogsOf(s *call.Snapshot) map[event.AOR][]event.Dialog {
	if s.Over {
		return nil
	}
	out := map[event.AOR][]event.Dialog{}
	if at, d, ok := slotDialog(s); ok {
		out[at] = append(out[at], d)
	}
	for _, p := range s.Parties {
		state := event.DialogState(p.Phase.DialogState())
		if p.Extension == "" || state == event.Terminated {
			continue
		}
		a := event.AOR{User: p.Extension, Domain: s.Domain}
		out[a] = append(out[a], event.Dialog{
			ID: string(p.Leg), CallID: p.Dialog.CallID, LocalTag: p.Dialog.RemoteTag, RemoteTag: p.Dialog.LocalTag, // from the phone's side
			Initiator: p.Dialog.Inbound, State: state, Held: p.Phase == call.PartyHeld, Remote: remote(p.With, s.Domain)})
	}
	return out
}

// remote is whom a phone talks with, as others may see it.
func remote(w route.Shown, domain string) event.Party {
	if w.Withheld || w.Number == "" {
		return event.Party{Withheld: w.Withheld}
	}
	return event.Party{URI: sip.URI{Scheme: "sip", User: w.Number, Host: domain}.String(), Display: w.Display}
}
