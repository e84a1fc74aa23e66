package app

import (
	"errors"
	"fmt"
	"testing"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
	"naisen/provisioning"
	"naisen/sip"
)

// proven begins the script of a code that asks for the PIN, and presses keys.
func proven(t *testing.T, d *fakeDesk, feature, argument string) (press func(string) []call.Order, f call.Facts, s call.Script) {
	t.Helper()
	run := route.Run{Verb: route.VerbFeature, Name: feature, For: "2001", Data: map[string]string{route.Argument: argument}}
	s, ok := Programs{Desk: d}.Script("d", run)
	if !ok {
		t.Fatal("no script")
	}
	f = call.Facts{Domain: "d", Run: run}
	began := s.On(f, call.Began{})
	if got := began[len(began)-1]; got != (call.Gather{Max: maxPIN, Secret: true}) {
		t.Errorf("the PIN is no secret: %+v", got)
	}
	return func(keys string) []call.Order {
		return s.On(f, call.Gathered{Keys: call.NewKeys(keys, true)})
	}, f, s
}

// TestCallWithPIN: the number behind the code, or asked for; judged with the PIN.
func TestCallWithPIN(t *testing.T) {
	d := &fakeDesk{}
	press, f, s := proven(t, d, provisioning.FeatureWithPIN, "09012345678")
	if got := s.On(f, work(t, press("4711"))); fmt.Sprint(got) != fmt.Sprint([]call.Order{call.Goto{Number: "09012345678", PIN: true}}) || d.proved != "2001" {
		t.Errorf("%+v, proved %q", got, d.proved)
	}
	if got := s.On(f, call.Refused{}); phrases(got[0])[0] != "call/barred" {
		t.Errorf("%v", got)
	}
	if got := s.On(f, call.Played{Complete: true}); got[0] != (call.Finish{Cause: sip.CauseNormal}) {
		t.Errorf("%v", got)
	}

	press, f, s = proven(t, &fakeDesk{}, provisioning.FeatureWithPIN, "")
	if got := s.On(f, work(t, press("4711"))); phrases(got[0])[0] != "restriction/number" {
		t.Errorf("%v", got)
	}
	if got := press("0312345678"); fmt.Sprint(got) != fmt.Sprint([]call.Order{call.Goto{Number: "0312345678", PIN: true}}) {
		t.Errorf("%+v", got)
	}
}

// TestWrongPIN: three tries, none when too many came before, and a number is never dialled.
func TestWrongPIN(t *testing.T) {
	press, f, s := proven(t, &fakeDesk{}, provisioning.FeatureWithPIN, "09012345678")
	for i, want := range []string{"[voicemail/wrong-pin voicemail/enter-pin]", "[voicemail/wrong-pin voicemail/enter-pin]", "[voicemail/wrong-pin]"} {
		if got := s.On(f, work(t, press("0000"))); fmt.Sprint(phrases(got[0])) != want {
			t.Errorf("try %d: %v", i, phrases(got[0]))
		}
	}
	if got := s.On(f, call.Played{Complete: true}); got[0] != (call.Finish{Cause: sip.CauseNormal}) {
		t.Errorf("%v", got)
	}
	press, f, s = proven(t, &fakeDesk{broken: ErrNoTries}, provisioning.FeatureUnlock, "")
	if got := s.On(f, work(t, press("4711"))); phrases(got[0])[0] != "feature/not-possible" {
		t.Errorf("%v", got)
	}
	press, _, _ = proven(t, &fakeDesk{}, provisioning.FeatureUnlock, "")
	if got := press(""); phrases(got[0])[0] != "feature/not-possible" {
		t.Errorf("%v", got)
	}
}

func TestUnlock(t *testing.T) {
	d := &fakeDesk{}
	press, f, s := proven(t, d, provisioning.FeatureUnlock, "")
	done := s.On(f, work(t, s.On(f, work(t, press("4711")))))
	if phrases(done[0])[0] != "feature/deactivated" || d.set != "d 2001 unlock " {
		t.Errorf("%v, set %q", done, d.set)
	}
	press, f, s = proven(t, d, provisioning.FeatureUnlock, "")
	orders := s.On(f, work(t, press("4711")))
	d.broken = errors.New("disk")
	if done := s.On(f, work(t, orders)); phrases(done[0])[0] != "feature/not-possible" {
		t.Errorf("%v", done)
	}
}
