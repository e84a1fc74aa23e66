package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/provisioning"
	"naisen/sip/stack"
)

// simLot has two places, and calls come back after 20 seconds.
func simLot() provisioning.ParkingLot {
	return provisioning.ParkingLot{Number: "700", FirstSlot: "701", Slots: 2, Seconds: 20}
}

// fetch dials a slot.
func (o *stage) fetch(phone, slot string) side {
	p := o.phones[phone]
	r := o.invite(p, slot, nil)
	s := side{p, r, p.ExpectStatus(200, "INVITE"), true}
	p.Ack(r, s.resp)
	return s
}

func (o *stage) emptyLot() {
	o.t.Helper()
	if n := o.p.signalling.parks.taken(); n != 0 {
		o.t.Errorf("%d slots are taken", n)
	}
}

// holding is a description of a phone that holds.
func holding(s side) func(*stack.Request) {
	return func(r *stack.Request) {
		r.SetBody("application/sdp", []byte(strings.Replace(string(description(s.p, "0 8 101")), "a=sendrecv", "a=sendonly", 1)))
	}
}

func (s side) hold() {
	r := s.request("INVITE")
	holding(s)(r)
	s.p.Send(r)
	s.p.Ack(r, s.p.ExpectStatus(200, "INVITE"))
}

// Alice sends bob to the lot and hears where he is; carol sees the lamp and dials the slot.
func TestParkByTransfer(t *testing.T) {
	onStage(t, "park-blind", func(o *stage) {
		panel := o.panelOn("701")
		a, b := o.talk(o.phones["2001"], o.phones["2002"], "2002")
		a.refer("sip:700@" + simDomain)
		if shown := lampOf(t, panel, "confirmed")[0]; !strings.HasPrefix(shown.Remote.Identity.URI, "sip:2002@") {
			t.Errorf("the lamp shows %+v", shown)
		}
		o.wait(3900 * time.Millisecond) // four words are said
		a.notified("200 OK")
		a.hungUp()
		if got := o.library.heard(); got != "music/hold call/parked number/7 number/0 number/1" && got != "call/parked number/7 number/0 number/1 music/hold" {
			t.Errorf("heard %q", got)
		}
		o.wait(time.Second)
		c := o.fetch("2004", "701")
		lampOf(t, panel, "terminated")
		lampOf(t, panel, "")
		o.emptyLot()
		c.bye(b)
		o.wait(55 * time.Second)
		lampOf(t, panel, "")
		o.records("2001 > 2002 2002 200 OK by caller")
	}, simLot())
}

// The lamp's document is all that a phone needs to fetch the call.
func TestFetchByLamp(t *testing.T) {
	onStage(t, "park-lamp", func(o *stage) {
		panel := o.panelOn("702")
		a, b := o.talk(o.phones["2001"], o.phones["2002"], "2002")
		b.hold()
		o.wait(time.Second)
		b.refer("sip:702@" + simDomain) // a slot of one's choice; a phone that holds hears nothing and is let go at once
		shown := lampOf(t, panel, "confirmed")[0]
		b.notified("200 OK")
		b.hungUp()
		r := o.invite(panel, "702", func(r *stack.Request) {
			r.Set("Replaces", fmt.Sprintf("%s;to-tag=%s;from-tag=%s", shown.CallID, shown.LocalTag, shown.RemoteTag))
		})
		c := side{panel, r, panel.ExpectStatus(200, "INVITE"), true}
		panel.Ack(r, c.resp)
		lampOf(t, panel, "terminated")
		lampOf(t, panel, "")
		o.emptyLot()
		a.bye(c)
		o.wait(58 * time.Second)
		lampOf(t, panel, "")
		o.records("2001 > 2002 2002 200 OK by caller")
	}, simLot())
}

// Alice asks the lot for a slot, hears its number, and completes the transfer.
func TestParkByAttendedTransfer(t *testing.T) {
	onStage(t, "park-attended", func(o *stage) {
		a, b := o.talk(o.phones["2001"], o.phones["2002"], "2002")
		a.hold()
		a2 := o.script(o.phones["2001"], "700")
		o.wait(5 * time.Second)
		if got := o.library.heard(); got != "call/parked number/7 number/0 number/1 music/hold" {
			t.Errorf("heard %q", got)
		}
		if _, ok := o.p.signalling.parks.at(simDomain, "701"); ok {
			t.Error("a slot that is kept can be fetched")
		}
		a.refer("sip:700@" + simDomain + "?Replaces=" + a2.named())
		o.gatherBye(a2)
		a.notified("200 OK")
		a.hungUp()
		c := o.fetch("2003", "701")
		o.emptyLot()
		b.bye(c)
		o.records("2001 > 2002 2002 200 OK by called", "2001 > 700 park:700 200 Merged by caller")
	}, simLot())
}

func (o *stage) gatherBye(s side) { s.p.Reply(s.p.Expect("BYE"), 200, nil) }

// *70 parks the call that is held and says where. Where nobody fetches it, it comes back to who parked it, whose phone says so.
func TestParkByCodeComesBack(t *testing.T) {
	onStage(t, "park-code", func(o *stage) {
		alice := o.phones["2001"]
		a, b := o.talk(alice, o.phones["2002"], "2002")
		a.hold()
		out := o.invite(alice, "*70", nil)
		got := o.gather(alice, 3) // two dialogs, in any order
		alice.Reply(got["BYE"].Request, 200, nil)
		a2 := side{alice, out, got["200 OK"].Response, true}
		alice.Ack(out, a2.resp)
		o.ends(a2, 4)
		o.wait(14 * time.Second)
		back := alice.Expect("INVITE")
		if f := back.From(); f.Display != "パーク戻り 701 Ext 1" || f.URI.User != "2002" {
			t.Errorf("the phone shows %+v", f)
		}
		again := side{alice, back, alice.Reply(back, 200, with(alice, "0 8 101")), false}
		alice.Expect("ACK")
		o.wait(time.Second)
		o.emptyLot()
		again.bye(b)
		o.records("2001 > 2002 2002 200 OK by caller", "2001 > *70 park:700 200 Normal call clearing by switch")
	}, simLot())
}

// Nobody takes the call that comes back: it goes where the lot says, and can be fetched until it is there.
func TestParkFallsBack(t *testing.T) {
	lot := simLot()
	lot.Fallback = toExt("2004")
	onStage(t, "park-fallback", func(o *stage) {
		alice, carol := o.phones["2001"], o.phones["2004"]
		a, b := o.talk(alice, o.phones["2002"], "2002")
		a.refer("sip:701@" + simDomain)
		a.do("BYE", 200, nil)
		o.wait(19 * time.Second)
		back := alice.Expect("INVITE")
		alice.Reply(back, 180, nil)
		o.wait(time.Second)
		alice.Reply(back, 486, nil)
		alice.Expect("ACK")
		in := carol.Expect("INVITE")
		o.emptyLot()
		c := side{carol, in, carol.Reply(in, 200, with(carol, "0 8 101")), false}
		carol.Expect("ACK")
		b.bye(c)
		o.records("2001 > 2002 2002 200 OK by called")
	}, lot)
}

// The lot is full: who would park hears it and keeps the call. An empty slot says so. Who is parked and hangs up leaves the slot.
func TestLotIsFull(t *testing.T) {
	lot := simLot()
	lot.Slots = 1
	onStage(t, "park-full", func(o *stage) {
		a, b := o.talk(o.phones["2001"], o.phones["2002"], "2002")
		a.refer("sip:700@" + simDomain)
		a.do("BYE", 200, nil)
		o.wait(time.Second)
		o.library.heard()
		c, d := o.talk(o.phones["2004"], o.phones["2001"], "2001")
		c.refer("sip:700@" + simDomain)
		c.notified("486 Busy Here")
		if got := o.library.heard(); got != "park/full" {
			t.Errorf("heard %q", got)
		}
		b.do("BYE", 200, nil)
		o.wait(time.Second)
		o.emptyLot()
		o.ends(o.script(o.phones["2003"], "701"), 1)
		if got := o.library.heard(); got != "park/none" {
			t.Errorf("heard %q", got)
		}
		d.bye(c)
		o.records("2001 > 2002 2002 200 OK by called", "2004 > 2001 2001 200 OK by called", "2003 > 701 park:700 200 Normal call clearing by switch")
	}, lot)
}

// Who calls for help is not parked, and strangers fetch nobody.
func TestNobodyParksACallForHelp(t *testing.T) {
	onStage(t, "", func(o *stage) {
		bob := o.phones["2002"]
		out := o.invite(bob, "119", nil)
		help := o.carrier.Expect("INVITE")
		h := side{o.carrier, help, o.carrier.Reply(help, 200, with(o.carrier, "0 8 101")), false}
		o.carrier.Expect("ACK")
		a := side{bob, out, bob.ExpectStatus(200, "INVITE"), true}
		bob.Ack(out, a.resp)
		o.wait(time.Second)
		a.refer("sip:700@" + simDomain)
		a.notified("603 Decline")
		o.emptyLot()
		a.bye(h)
	}, simLot())
}

// TestParkedAgainAtOnce: a call that comes back and is parked again before it has shown itself leaves no slot taken behind it.
func TestParkedAgainAtOnce(t *testing.T) {
	p := newParks(simDirectory(t), nil)
	lot := provisioning.ParkingLot{Number: "700", FirstSlot: "701", Slots: 3}
	take := func(wanted, id, want string) {
		t.Helper()
		if got, ok := p.Take(simDomain, lot, wanted, "2001", id, true); got != want || ok != (want != "") {
			t.Errorf("%s is given slot %q, want %q", id, got, want)
		}
	}
	show := func(id, slot string) {
		s := &call.Snapshot{ID: id, Domain: simDomain}
		if slot != "" {
			s.Parked = &call.Parked{Slot: slot, Leg: call.LegID(id + "-1"), By: "2001"}
		}
		p.Changed(s)
	}
	take("", "c1", "701")
	show("c1", "701")
	take("", "c2", "702")
	show("c2", "702")
	take("", "c1", "701") // its own is free for it
	show("c1", "701")
	take("703", "c1", "703")
	show("c1", "703")
	take("703", "c2", "")
	take("701", "c3", "701") // where c1 was
	show("c3", "701")
	for _, id := range []string{"c1", "c2", "c3"} {
		show(id, "")
	}
	if n := p.taken(); n != 0 {
		t.Errorf("%d slots are taken, and nobody is parked", n)
	}
}
