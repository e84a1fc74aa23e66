package main

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
	"naisen/provisioning"
)

// simDesk is what people set in the histories of TestSimulationDesk: forwards of each kind, in chains and in a circle, to the outside,
// somebody who wants no second call, telephones that ring in order or later, and groups.
func simDesk() []provisioning.Entity {
	return []provisioning.Entity{
		provisioning.Extension{Number: "2005", Display: "Away", Media: "srtp-preferred"}, // never registers
		provisioning.Settings{Extension: "2001", NoCallWaiting: true, Forward: provisioning.Forwarding{Busy: toExt("2003"), NoAnswer: toExt("2004"), Seconds: 6},
			Ring: provisioning.Ringing{Mode: provisioning.RingInOrder, Seconds: 5}},
		provisioning.Settings{Extension: "2002", NoCallWaiting: true},
		provisioning.Settings{Extension: "2003", Forward: provisioning.Forwarding{Busy: toExt("2001"), NoAnswer: toExt("2001"), Seconds: 4},
			Ring: provisioning.Ringing{Mode: provisioning.RingInOrder}},
		provisioning.Settings{Extension: "2004", Forward: provisioning.Forwarding{Busy: toNumber("0312345678"), NoAnswer: toExt("2002"), Seconds: 8},
			Ring: provisioning.Ringing{Devices: []provisioning.RingDevice{{UserAgent: "Phone 1", Delay: 2}, {UserAgent: "Phone 2", Delay: 4}}}},
		provisioning.Settings{Extension: "2005", Forward: provisioning.Forwarding{Unregistered: toExt("2001")}},
		provisioning.DID{Number: simPlain, To: []string{"2005"}},
		provisioning.Group{Number: simGroup, Strategy: "circular", Members: []string{"2004", "2003", "2002"}, RingSeconds: 5, Overflow: toExt("2005")},
		provisioning.DID{Number: simRecorded, Group: simGroup, Policy: "early"},
		provisioning.Group{Number: "6001", Members: []string{"2001", "2002", "2004"}, RingSeconds: 8, Overflow: toNumber("0312345678"), Payer: "2001"},
		provisioning.DID{Number: simAnswered, Group: "6001", Policy: "after"},
		provisioning.ParkingLot{Number: "700", FirstSlot: "701", Slots: 2, Seconds: 15, Fallback: toExt("2005")},
	}
}

// TestSimulationDesk plays histories in a town whose people send calls on. What must hold in every history holds here too.
func TestSimulationDesk(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	d := simDirectory(t, simDesk()...)
	first, n := *simFrom, uint64(*simSeeds)/4
	if *simSeed >= 0 {
		first, n = uint64(*simSeed), 1
	}
	var parked, fetched int
	for seed := first; seed < first+n; seed++ {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			ladder := simulate(t, d, seed, *simSeed >= 0)
			parked += strings.Count(ladder, "+parked")
			fetched += strings.Count(ladder, "+fetched")
		})
	}
	t.Logf("%d calls were parked, %d fetched", parked, fetched)
	if n >= 50 && (parked < 20 || fetched < 5) {
		t.Error("histories in which hardly anybody parks show nothing")
	}
}

// rings checks each leg to a phone as it begins: nobody who wants no second call is rung while talking, and nobody is sent round for ever.
func (w *world) rings(d call.Destination, out call.Outgoing, l call.Leg) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sentOn(out)
	if w.office != nil {
		w.offered(d, out)
	}
	begun, ok := l.(*leg)
	if !ok || begun.gone() {
		return
	}
	if n := len(out.Way); n > route.MaxHops {
		w.wrong("%s was sent on %d times", out.Leg, n)
	}
	if !d.Idle {
		return
	}
	for _, s := range w.p.calls.Snapshots(out.Domain) {
		for _, p := range s.Parties {
			if s.ID != out.Leg.Call() && p.Extension == d.Extension && (p.Phase == call.PartyUp || p.Phase == call.PartyHeld) {
				w.wrong("%s rings %s, which talks in %s", out.Leg, d.Extension, s.ID)
			}
		}
	}
}

// sentOn notes who sent a call on by what they set: they pay where it leaves. Called with mu held.
func (w *world) sentOn(out call.Outgoing) {
	id := out.Leg.Call()
	for _, d := range out.Way {
		if d.By.URI.Host != simDomain {
			continue
		}
		if w.senders[id] == nil {
			w.senders[id] = map[string]bool{}
		}
		w.senders[id][d.By.URI.User] = true
		if g, ok := w.p.directory.Snapshot().Group(simDomain, d.By.URI.User); ok {
			w.senders[id][g.Payer] = true
		}
	}
}

// simSlot tells whether a number is a slot of the parking lot of TestSimulationDesk, or a code by which somebody takes another one's place: who
// is fetched has a call.
func simSlot(number string) bool {
	return number == "701" || number == "702" || number == "*8" || strings.HasPrefix(number, "**")
}

// changed notes who is parked and who is fetched, beside what the switch does with each state of a call.
func (w *world) changed(s *call.Snapshot) {
	w.p.callChanged(s)
	w.shown(s)
	w.desk.mu.Lock()
	defer w.desk.mu.Unlock()
	switch slot := w.desk.there[s.ID]; {
	case slot == "" && s.Parked != nil && s.Parked.By != "":
		w.desk.there[s.ID] = s.Parked.Slot
		w.desk.marks = append(w.desk.marks, "+parked "+s.Parked.Slot)
	case slot != "" && s.Parked == nil:
		delete(w.desk.there, s.ID)
		if s.Phase == call.Talking {
			w.desk.marks = append(w.desk.marks, "+fetched "+slot)
		}
	}
}
