package app

import (
	"testing"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
	"naisen/sip"
)

// TestMissed: it rings and never answers; only who hangs up is called back, not who lets it ring or is taken away.
func TestMissed(t *testing.T) {
	f := call.Facts{Call: "c1", Domain: "d", Language: "en", Run: route.Run{Verb: route.VerbCallBack, Name: "+81312345673", For: "2001", Data: map[string]string{route.Name: "花子"}}}
	var told []MissedCall
	made := Programs{Desk: &fakeDesk{}, Missed: func(m MissedCall) { told = append(told, m) }}
	s, ok := made.Script("d", f.Run)
	if !ok {
		t.Fatal("there is no such script")
	}
	if got := kinds(s.On(f, call.Began{})); got != "Alert Wake" {
		t.Errorf("it begins with %s", got)
	}
	if got := s.On(f, call.Elapsed{}); len(got) != 1 || got[0] != (call.Finish{Cause: sip.CauseNoAnswer}) {
		t.Errorf("who lets it ring: %v", got)
	}
	if got := s.On(f, call.Left{}); got != nil || told != nil {
		t.Errorf("whose call was ended by us: %v", got)
	}
	f.HungUp = true
	work(t, s.On(f, call.Left{}))
	if len(told) != 1 || told[0] != (MissedCall{"c1", "d", "2001", "花子", "+81312345673", "en"}) {
		t.Errorf("told %+v", told)
	}
	for name, p := range map[string]Programs{"nobody calls back": {Desk: &fakeDesk{}}, "nobody knows a PIN": {Missed: made.Missed}} {
		if _, ok := p.Script("d", f.Run); ok {
			t.Errorf("where %s it rings in vain", name)
		}
	}
}
