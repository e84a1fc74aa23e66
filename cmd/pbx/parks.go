package main

import (
	"context"
	"slices"
	"strings"
	"sync"

	"naisen/cmd/pbx/internal/app"
	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
	"naisen/provisioning"
	"naisen/provisioning/directory"
	"naisen/sip/event"
)

// parks knows who is in which slot of the parking lots. A slot is taken by a call; it is free again when the call shows itself without it, so
// that no slot can stay taken.
type parks struct {
	directory *directory.Directory
	legs      *legs
	afar      func(domain, slot string) bool // another node has somebody there; nil: there is none

	mu    sync.Mutex // guards the rest; nothing is called under it
	slots map[event.AOR]stall
	of    map[string]event.AOR // by call
}

// stall is a slot that is taken.
type stall struct {
	call   string
	leg    call.LegID // of who is parked; empty until the call has shown itself
	by     string     // extension
	parked bool       // else it is kept for a call that by will send there
}

var _ app.Parks = (*parks)(nil)

func newParks(d *directory.Directory, l *legs) *parks {
	return &parks{directory: d, legs: l, slots: map[event.AOR]stall{}, of: map[string]event.AOR{}}
}

// Lot implements app.Parks.
func (p *parks) Lot(domain, number string) (provisioning.ParkingLot, bool) {
	return p.directory.Snapshot().ParkingLot(domain, number)
}

// Take implements app.Parks.
func (p *parks) Take(domain string, lot provisioning.ParkingLot, wanted, by, id string, parked bool) (string, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	free := func(slot string) bool {
		s, taken := p.slots[event.AOR{User: slot, Domain: domain}]
		return (!taken || s.call == id || !s.parked && s.by == by) && (p.afar == nil || !p.afar(domain, slot))
	}
	slot := wanted
	if wanted == "" {
		all := lot.SlotNumbers()
		i := slices.IndexFunc(all, free)
		if i < 0 {
			return "", false
		}
		slot = all[i]
	}
	if !free(slot) {
		return "", false
	}
	at := event.AOR{User: slot, Domain: domain}
	if kept, ok := p.slots[at]; ok {
		delete(p.of, kept.call)
	}
	if before, ok := p.of[id]; ok { // it came back and is parked again, and has not shown itself in between
		delete(p.slots, before)
	}
	p.slots[at], p.of[id] = stall{call: id, by: by, parked: parked}, at
	return slot, true
}

// Changed takes the new state of a call. It is called in order for each call.
func (p *parks) Changed(s *call.Snapshot) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at, ok := p.of[s.ID]
	if !ok {
		return
	}
	if s.Over || s.Parked == nil || s.Parked.Slot != at.User {
		delete(p.of, s.ID)
		delete(p.slots, at)
		return
	}
	stall := p.slots[at]
	stall.leg = s.Parked.Leg
	p.slots[at] = stall
}

// at is who is parked in a slot; false: nobody.
func (p *parks) at(domain, slot string) (call.LegID, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s, ok := p.slots[event.AOR{User: slot, Domain: domain}]
	return s.leg, ok && s.parked && s.leg != ""
}

// taken counts the slots.
func (p *parks) taken() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.slots)
}

// Park implements app.Parks.
func (p *parks) Park(ctx context.Context, _, leg, dialled string) (string, error) {
	l := p.legs.get(call.LegID(leg))
	if l == nil {
		return "", call.ErrGone
	}
	done := make(chan call.Sent, 1)
	l.ask(call.Send{Leg: l.id, Dialled: dialled, Done: done})
	select {
	case r := <-done:
		return r.Slot, r.Err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// slotDialog is the dialog that a slot's lamp shows while somebody is parked there: one of the slot's own, whose tags nobody needs to guess.
func slotDialog(s *call.Snapshot) (event.AOR, event.Dialog, bool) {
	k := s.Parked
	if k == nil || k.By == "" || s.Over {
		return event.AOR{}, event.Dialog{}, false
	}
	return event.AOR{User: k.Slot, Domain: s.Domain}, event.Dialog{ID: "slot-" + string(k.Leg), CallID: slotPrefix + k.Slot, LocalTag: "slot", RemoteTag: "parked",
		State: event.Confirmed, Held: true, Remote: remote(k.Who, s.Domain)}, true
}

// slotPrefix begins the Call-ID of a slot's dialog; the slot follows.
const slotPrefix = "parking-slot-"

// parkedIn is the place beside who is parked in a slot. False: nobody is.
func (s *signalling) parkedIn(domain, slot string) (call.Stead, bool) {
	if s.parks == nil {
		return call.Stead{}, false
	}
	id, ok := s.parks.at(domain, slot)
	if !ok {
		return call.Stead{}, false
	}
	parked := s.legs.get(id)
	if parked == nil {
		return call.Stead{}, false
	}
	return call.Stead{Leg: id, Join: true, Post: parked.ask}, true
}

// slotNamed is the slot whose lamp's dialog a Call-ID names.
func slotNamed(callID string) (string, bool) { return strings.CutPrefix(callID, slotPrefix) }

// parkHeld notes which call an extension holds that dialled the code to park it: the last one that it put on hold.
func (s *signalling) parkHeld(r route.Request) (held string) {
	feature, _, ok := s.directory.Snapshot().Feature(r.Domain, r.Dialled)
	if !ok || feature != provisioning.FeaturePark || r.Extension == "" {
		return ""
	}
	return string(s.heldLeg(r.Domain, r.Extension, ""))
}
