package app

import (
	"fmt"
	"testing"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
	"naisen/provisioning"
	"naisen/sip"
)

// TestSigningIn: the number behind the code or asked for, the PIN as a secret, three tries, and the same words for a wrong PIN and a wrong number.
func TestSigningIn(t *testing.T) {
	begin := func(argument string, d *fakeDesk) (call.Script, call.Facts, []call.Order) {
		run := route.Run{Verb: route.VerbFeature, Name: provisioning.FeatureDeskIn, For: "3001", Data: map[string]string{route.Argument: argument, route.Telephone: "3001"}}
		s, _ := Programs{Desk: d}.Script("d", run)
		f := call.Facts{Domain: "d", Run: run}
		return s, f, s.On(f, call.Began{})
	}
	d := &fakeDesk{}
	s, f, began := begin("", d)
	if got := phrases(began[2])[0]; got != "voicemail/enter-mailbox" {
		t.Errorf("asks %s", got)
	}
	asked := s.On(f, call.Gathered{Keys: call.NewKeys("2001", false)})
	if asked[1] != (call.Gather{Max: maxPIN, Secret: true}) {
		t.Errorf("the PIN is no secret: %+v", asked[1])
	}
	done := s.On(f, work(t, s.On(f, call.Gathered{Keys: call.NewKeys("4711", true)})))
	if phrases(done[0])[0] != "feature/hotdesk-login" || d.set != "3001 is of 2001" || d.proved != "2001" {
		t.Errorf("%v, %q", phrases(done[0]), d.set)
	}
	if got := s.On(f, call.Played{Complete: true}); got[0] != (call.Finish{Cause: sip.CauseNormal}) {
		t.Errorf("then %v", got)
	}
	s, f, _ = begin("2001", &fakeDesk{})
	for i, want := range []string{"[voicemail/wrong-pin voicemail/enter-pin]", "[voicemail/wrong-pin voicemail/enter-pin]", "[voicemail/wrong-pin]"} {
		if got := s.On(f, work(t, s.On(f, call.Gathered{Keys: call.NewKeys("0000", true)}))); fmt.Sprint(phrases(got[0])) != want {
			t.Errorf("try %d: %v", i, phrases(got[0]))
		}
	}
	s, f, _ = begin("2001", &fakeDesk{broken: ErrNoTries})
	if got := s.On(f, work(t, s.On(f, call.Gathered{Keys: call.NewKeys("4711", true)}))); phrases(got[0])[0] != "feature/not-possible" {
		t.Errorf("%v", phrases(got[0]))
	}
}
