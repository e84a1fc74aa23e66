package main

import (
	"slices"
	"testing"
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/provisioning"
)

// Three phones meet in a room: one call and one CDR each, and nothing is left when they have gone.
func TestConference(t *testing.T) {
	onStage(t, "conference", func(o *stage) {
		var guests []side
		for _, number := range []string{"2001", "2002", "2004"} {
			p := o.phones[number]
			in := o.invite(p, "8000", nil)
			resp := p.ExpectStatus(200, "INVITE")
			p.Ack(in, resp)
			guests = append(guests, side{p, in, resp, true})
			o.wait(time.Second)
		}
		if n := o.p.rooms.Len(); n != 1 {
			t.Errorf("%d rooms", n)
		}
		for _, s := range o.p.calls.Snapshots(simDomain) {
			if s.Script != "conference:8000" {
				t.Errorf("a call is with %q", s.Script)
			}
		}
		for _, g := range guests {
			g.roams()
			g.do("BYE", 200, nil)
		}
		o.wait(time.Second)
		if n := o.p.rooms.Len(); n != 0 {
			t.Errorf("%d rooms are left", n)
		}
	}, provisioning.Conference{Number: "8000"})
}

// Whoever the room does not know is told what every unknown number is told.
func TestConferenceOfNobody(t *testing.T) {
	onStage(t, "", func(o *stage) {
		plan := o.p.route(route.Request{Domain: simDomain, Extension: "2001", Number: "2001", Dialled: "8001"}, time.Now())
		if plan.Refuse.Status == 0 || slices.ContainsFunc(plan.Steps, func(s route.Step) bool { return s.Run.Verb != "" }) {
			t.Errorf("%+v", plan)
		}
	}, provisioning.Conference{Number: "8000"})
}
