package app

import (
	"context"
	"fmt"
	"testing"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
	"naisen/provisioning"
	"naisen/sip"
)

// fakeParks has one lot, and the slots that it says are free.
type fakeParks struct {
	lot   provisioning.ParkingLot
	free  bool
	took  string
	error error
}

func (p *fakeParks) Lot(_, number string) (provisioning.ParkingLot, bool) {
	return p.lot, number == p.lot.Number
}

func (p *fakeParks) Take(_ string, _ provisioning.ParkingLot, wanted, by, id string, parked bool) (string, bool) {
	p.took = fmt.Sprint(wanted, " ", by, " ", id, " ", parked)
	if wanted == "" {
		wanted = "701"
	}
	return wanted, p.free
}

func (p *fakeParks) Park(_ context.Context, domain, leg, dialled string) (string, error) {
	p.took = fmt.Sprint(domain, " ", leg, " ", dialled)
	return "702", p.error
}

// What whoever dials a number of a lot hears, and what becomes of the slot.
func TestParkingTold(t *testing.T) {
	lot := provisioning.ParkingLot{Number: "700", FirstSlot: "701"}
	for name, c := range map[string]struct {
		parks      fakeParks
		data       map[string]string
		took, said string
	}{
		"the lot":          {fakeParks{free: true}, nil, " 2001 c1 false", "[call/parked number/7 number/0 number/1]"},
		"a full lot":       {fakeParks{}, nil, " 2001 c1 false", "[park/full]"},
		"an empty slot":    {fakeParks{free: true}, map[string]string{route.Slot: "705"}, "", "[park/none]"},
		"the code":         {fakeParks{}, map[string]string{route.Held: "c9-1"}, "d c9-1 700", "[call/parked number/7 number/0 number/2]"},
		"the code, a slot": {fakeParks{}, map[string]string{route.Held: "c9-1", route.Slot: "702"}, "d c9-1 702", "[call/parked number/7 number/0 number/2]"},
		"the code in vain": {fakeParks{error: call.ErrState}, map[string]string{route.Held: "c9-1"}, "d c9-1 700", "[park/full]"},
	} {
		c.parks.lot = lot
		f := call.Facts{Call: "c1", Domain: "d", Extension: "2001", Run: route.Run{Verb: route.VerbPark, Name: "700", Data: c.data}}
		s, ok := Programs{Parks: &c.parks}.Script("d", f.Run)
		if _, cause := s.(call.Doorkeeper).Admit(f); !ok || cause.Status != 0 {
			t.Fatalf("%s: %v", name, cause)
		}
		orders := s.On(f, call.Began{})
		if c.data[route.Held] != "" {
			orders = s.On(f, work(t, orders))
		}
		if got := fmt.Sprint(phrases(orders[len(orders)-1])); got != c.said || c.parks.took != c.took {
			t.Errorf("%s: said %s, took %q", name, got, c.parks.took)
		}
	}
}

// What becomes of a call that is parked: it comes back, goes where the lot says, or stays; not for ever.
func TestParking(t *testing.T) {
	parks := &fakeParks{free: true, lot: provisioning.ParkingLot{Number: "700", FirstSlot: "701", Seconds: 90, Fallback: &provisioning.Destination{Extension: "2004"}}}
	began := time.Date(2026, 11, 30, 9, 0, 0, 0, japan)
	f := call.Facts{Call: "c1", Domain: "d", Sent: "2001", Number: "+81312345678", Now: began, Began: began,
		Run: route.Run{Verb: route.VerbPark, Name: "700", Data: map[string]string{route.Slot: "703"}}}
	s := &parking{from: Programs{Parks: parks}}
	if slot, cause := s.Admit(f); slot != "703" || cause.Status != 0 || parks.took != "703 2001 c1 true" {
		t.Fatalf("%s, %v, took %q", slot, cause, parks.took)
	}
	if got := s.On(f, call.Began{}); got[0] != (call.Wake{After: 90 * time.Second}) {
		t.Errorf("first %v", got)
	}
	ring := s.On(f, call.Elapsed{})[0].(call.Ring).Step
	if to := ring.Targets[0]; to.Number != "2001" || *to.As != (route.Shown{Number: "+81312345678", Display: "パーク戻り 703 0312345678"}) {
		t.Errorf("it comes back to %+v as %+v", to, to.As)
	}
	if got := s.On(f, call.Unanswered{}); got[0] != (call.Goto{Number: "2004", For: "2001"}) {
		t.Errorf("then %v", got)
	}
	if got := s.On(f, call.Refused{}); got[0] != (call.Wake{After: 90 * time.Second}) {
		t.Errorf("the way is closed: %v", got)
	}
	s.lot.Fallback = nil
	if got := s.On(f, call.Unanswered{}); got[0] != (call.Wake{After: 90 * time.Second}) {
		t.Errorf("nobody else: %v", got)
	}
	f.Now = began.Add(parkAtMost)
	if got := s.On(f, call.Elapsed{}); got[0] != (call.Finish{Cause: sip.CauseNormal}) {
		t.Errorf("after two hours: %v", got)
	}
	s.lot.Skip, s.lot.Fallback, s.lot.Payer = true, &provisioning.Destination{Number: "0312340000"}, "2009"
	f.Now = began
	if got := s.On(f, call.Elapsed{}); got[0] != (call.Goto{Number: "0312340000", For: "2009"}) {
		t.Errorf("not to who parked it: %v", got)
	}
	s.from.Leave = func(domain, number string) route.Plan {
		return route.Plan{Steps: []route.Step{{Run: route.Run{Verb: route.VerbVoicemail, Name: number, Language: domain}}}}
	}
	s.lot.Fallback = &provisioning.Destination{Voicemail: "2001"}
	box, ok := s.On(f, call.Elapsed{})[0].(call.Follow)
	if !ok || len(box.Plan.Steps) != 1 || box.Plan.Steps[0].Run.Name != "2001" || box.Plan.Steps[0].Run.Language != "d" {
		t.Errorf("to a mailbox: %+v", box)
	}
	f.Language, f.Number = "en", ""
	if got := *s.returned(f); got != (route.Shown{Number: "703", Display: "Parked at 703"}) {
		t.Errorf("a withheld number: %+v", got)
	}
	parks.free = false
	if _, cause := (&parking{from: s.from}).Admit(f); cause.Status != 486 {
		t.Errorf("a full lot: %v", cause)
	}
}
