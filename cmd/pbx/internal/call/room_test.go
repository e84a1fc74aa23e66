package call

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/recorder"
	"naisen/sip"
)

// fakeRoom notes who comes and goes.
type fakeRoom struct {
	r      *rig
	full   bool
	guests []Guest
	gates  map[string]media.Gate
	taps   int
	rolls  []Roll
	left   []string
	over   bool
}

func (f *fakeRoom) Enter(g Guest) error {
	f.r.mu.Lock()
	defer f.r.mu.Unlock()
	if f.full {
		return ErrFull
	}
	f.call(g.Party)
	f.guests = append(f.guests, g)
	f.gates[g.Endpoint.ID()] = g.Gate
	for _, g := range f.guests {
		g.Tell()
	}
	return nil
}

func (f *fakeRoom) Seat(id string, g media.Gate) { f.r.mu.Lock(); f.gates[id] = g; f.r.mu.Unlock() }

func (f *fakeRoom) Leave(id string) {
	f.r.mu.Lock()
	defer f.r.mu.Unlock()
	f.left = append(f.left, id)
	f.guests = slices.DeleteFunc(f.guests, func(g Guest) bool { return g.Endpoint.ID() == id })
}

func (f *fakeRoom) Tap(_ media.Tap, roll Roll) func() {
	f.r.mu.Lock()
	defer f.r.mu.Unlock()
	f.taps++
	f.rolls = append(f.rolls, roll)
	for _, g := range f.guests {
		roll.Party(g.Party)
	}
	return func() { f.r.mu.Lock(); f.taps--; f.r.mu.Unlock() }
}

func (f *fakeRoom) State() RoomState {
	f.r.mu.Lock()
	defer f.r.mu.Unlock()
	s := RoomState{Over: f.over}
	for _, g := range f.guests {
		s.Guests = append(s.Guests, g.Party)
	}
	return s
}

// another is somebody who was in the room before.
func (f *fakeRoom) another(name string) {
	f.r.mu.Lock()
	defer f.r.mu.Unlock()
	g := Guest{Endpoint: &fakeEndpoint{rig: f.r, id: name}, Party: recorder.Party{Endpoint: name, Number: name}, Tell: func() {}}
	f.call(g.Party)
	f.guests = append(f.guests, g)
}

// call tells the recordings that are there of a newcomer.
func (f *fakeRoom) call(p recorder.Party) {
	for _, r := range f.rolls {
		r.Party(p)
	}
}

func TestRoomOfAScript(t *testing.T) {
	var room *fakeRoom
	var gate media.Gate
	act := func(_ Facts, q Cue) []Order {
		switch q := q.(type) {
		case Began:
			return []Order{PickUp{}, Enter{Room: room, Gate: media.GateNone}}
		case Company:
			if q.Over {
				return []Order{Finish{sip.CauseNormal}}
			}
			if q.Others > 0 && gate == media.GateNone {
				gate = media.GateBoth
				return []Order{Enter{Room: room, Gate: gate}}
			}
		}
		return nil
	}
	synctest.Test(t, func(t *testing.T) {
		gate = media.GateNone
		r := newRig(scripted, phone)
		room = &fakeRoom{r: r, gates: map[string]media.Gate{}}
		r.act = act
		r.plan.Record = route.Record{On: true, Number: "8000", Notice: route.NoticeNone}
		leg := r.extension("c1", "2001")
		synctest.Wait()
		ep := r.endpoints[0]
		if len(room.guests) != 1 || room.gates[ep.ID()] != media.GateNone || room.taps != 1 || len(r.records) != 1 {
			t.Fatalf("guests %d gates %v taps %d", len(room.guests), room.gates, room.taps)
		}
		room.another("2009")
		room.guests[0].Tell()
		synctest.Wait()
		if room.gates[ep.ID()] != media.GateBoth {
			t.Error("the script's new gate is not the room's")
		}
		if got := fmt.Sprint(r.records[0].of.Parties[0].Number, r.records[0].more); got != "2001[2009/called]" && got != "2001 [2009/called]" {
			t.Errorf("the recording knows %s", got)
		}
		room.rolls[0].Left("2009")
		room.rolls[0].Left(ep.ID()) // nobody hears of itself
		room.rolls[0].Left("")
		room.rolls[0].Party(recorder.Party{Number: "2010"}) // who is in nobody's recording
		if got := fmt.Sprint(r.records[0].gone, len(r.records[0].more)); got != "[2009] 1" {
			t.Errorf("who left: %s", got)
		}
		leg.post(Offered{leg.id, media.SDP("hold:PCMU")})
		synctest.Wait()
		if room.gates[ep.ID()] != media.GateNone {
			t.Error("a phone on hold plays its music to the room")
		}
		leg.post(Offered{leg.id, media.SDP("PCMU")})
		synctest.Wait()
		if room.gates[ep.ID()] != media.GateBoth {
			t.Error("who resumes is not heard")
		}
		room.over = true
		room.guests[0].Tell()
		time.Sleep(time.Minute)
		synctest.Wait() // what the call's goroutine did is seen from here on
		if !slices.Equal(room.left, []string{ep.ID()}) || room.taps != 0 {
			t.Errorf("left %v, taps %d", room.left, room.taps)
		}
		r.settled(t)
	})
}

func TestFullRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(scripted, phone)
		room := &fakeRoom{r: r, gates: map[string]media.Gate{}, full: true}
		r.act = opening(PickUp{}, Enter{Room: room})
		r.extension("c1", "2001")
		r.expect(t, "Began{}", "Refused{486/17 User busy}")
		r.sw.Post("d", "c1", Hangup{Cause: sip.CauseNormal})
		time.Sleep(time.Minute)
		r.settled(t)
	})
}

// Who called without an offer is in the room as soon as its ACK says how it speaks.
func TestRoomOfALateOffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(scripted, phone)
		room := &fakeRoom{r: r, gates: map[string]media.Gate{}}
		r.act = opening(PickUp{}, Enter{Room: room, Gate: media.GateBoth})
		leg := r.start(nil)
		synctest.Wait()
		if len(room.guests) != 0 {
			t.Fatal("a guest without media")
		}
		leg.post(Agreed{leg.id, media.SDP("PCMU")})
		r.expect(t, "Began{}", "Company{0 0 false false}")
		if len(room.guests) != 1 || room.gates[r.endpoints[0].ID()] != media.GateBoth {
			t.Errorf("guests %d, gates %v", len(room.guests), room.gates)
		}
		r.sw.Post("d", "c1", Hangup{Cause: sip.CauseNormal})
		time.Sleep(time.Minute)
		r.settled(t)
	})
}
