package main

import (
	"errors"
	"testing"
	"time"

	"naisen/provisioning"
)

// Bob talks at his desk, dials the code at his PC and goes on there: one call, one record, and the desk is free.
func TestMoveHereByCode(t *testing.T) {
	onStage(t, "move-here", func(o *stage) {
		alice, desk := o.phones["2001"], o.phones["2002"]
		pc := o.another("2002", "pc", 0.3, 31)
		out := o.invite(alice, "2002", nil)
		first, second := desk.Expect("INVITE"), pc.Expect("INVITE")
		pc.Reply(second, 180, nil)
		alice.ExpectStatus(180, "INVITE")
		a, d := o.pickUp(side{alice, out, nil, true}, side{desk, first, nil, false})
		calledOff(pc, second)
		o.wait(time.Second)
		there := o.invite(pc, "*36", nil)
		p := side{pc, there, pc.ExpectStatus(200, "INVITE"), true}
		pc.Ack(there, p.resp)
		d.hungUp()
		o.wait(time.Second)
		o.talking(2)
		a.bye(p)
		o.records("2001 > 2002 2002 200 OK by caller")
	})
}

// Bob presses the code at his desk: his PC rings while the two talk, and he goes on there when he answers it. A mobile would have to confirm.
func TestMoveAwayByCode(t *testing.T) {
	onStage(t, "move-away", func(o *stage) {
		alice, desk := o.phones["2001"], o.phones["2002"]
		a, d := o.talk(alice, desk, "2002")
		pc := o.another("2002", "pc", 0.3, 31)
		d.keys("#79")
		in := rung(pc)
		if in.From().URI.User != "2001" {
			t.Errorf("the PC sees %s, not whom it will talk with", in.Get("From"))
		}
		o.wait(3 * time.Second)
		p := side{pc, in, pc.Reply(in, 200, with(pc, "0 8 101")), false}
		pc.Expect("ACK")
		d.hungUp()
		o.wait(time.Second)
		a.bye(p)
		o.records("2001 > 2002 2002 200 OK by caller")
	}, provisioning.Settings{Extension: "2002", CallCodes: true})
}

// By REST: who does not talk in the call cannot be moved, nor without another telephone; of both sides the one that is named goes on elsewhere.
func TestMoveByREST(t *testing.T) {
	onStage(t, "", func(o *stage) {
		alice, desk := o.phones["2001"], o.phones["2002"]
		a, d := o.talk(alice, desk, "2002")
		calls := liveCalls{o.p.calls, o.p.directory, o.p.origins}
		id := o.p.calls.Snapshots(simDomain)[0].ID
		for who, want := range map[string]error{"2003": provisioning.ErrNotFound, "2002": provisioning.ErrInUse} {
			if err := calls.Move(t.Context(), simDomain, id, who); !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", who, err, want)
			}
		}
		if err := calls.Move(t.Context(), "elsewhere.example", id, "2002"); !errors.Is(err, provisioning.ErrNotFound) {
			t.Errorf("in another domain: %v", err)
		}
		pc := o.another("2002", "pc", 0.3, 31)
		if err := calls.Move(t.Context(), simDomain, id, "2002"); err != nil {
			t.Fatal(err)
		}
		p := o.answers(pc)
		d.hungUp()
		o.wait(time.Second)
		a.bye(p)
		o.records("2001 > 2002 2002 200 OK by caller")
	})
}
