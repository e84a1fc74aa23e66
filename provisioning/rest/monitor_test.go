package rest

import (
	"slices"
	"strings"
	"testing"
)

// TestMonitor: a supervisor's own telephone is rung for the code of the mode; nobody else's, and for nobody without the right.
func TestMonitor(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct {
		who, of, body string
		status        int
		says          string
	}{
		{"alice+supervisor", "2002", `{"extension":"2001"}`, 202, `"id":"c9"`},
		{"alice+supervisor", "2002", `{"extension":"2001","mode":"barge"}`, 202, `"id":"c9"`},
		{"alice+supervisor", "2002", `{"extension":"2001","mode":"shout"}`, 422, "body.mode"},
		{"alice+supervisor", "2001", `{"extension":"2002"}`, 404, ""},
		{"alice+supervisor", "2001", `{"extension":"2999"}`, 404, ""},
		{"alice+supervisor", "2002", `{}`, 422, "body"},
		{"alice+staff", "2002", `{"extension":"2001"}`, 403, ""},
		{admin, "2002", `{"extension":"2001"}`, 403, ""},
	} {
		p := r.do(t, c.who, "POST", base+"/extensions/"+c.of+"/monitor", c.body)
		if p.status != c.status || !strings.Contains(p.body, c.says) {
			t.Errorf("%s %s: %d %s, want %d with %s", c.who, c.body, p.status, p.body, c.status, c.says)
		}
	}
	if want := []string{"start 2001 *512002", "start 2001 *532002"}; !slices.Equal(r.calls.did, want) {
		t.Errorf("the switch was asked for %q, want %q", r.calls.did, want)
	}
}
