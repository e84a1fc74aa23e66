package rest

import (
	"slices"
	"strings"
	"testing"
)

// TestStartCall: staff from their own extension, those who care for telephones from any; what cannot be names its field.
func TestStartCall(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct {
		who, body string
		status    int
		says      string
	}{
		{"alice+staff", `{"from":"2001","to":"0312345678"}`, 202, `"id":"c9"`},
		{"tel+telephony", `{"from":"2001","to":"2002"}`, 202, `"id":"c9"`},
		{"alice+staff", `{"from":"2002","to":"2001"}`, 404, ""},
		{"alice+staff", `{"from":"2999","to":"2001"}`, 404, ""}, // as if it were somebody's
		{"tel+telephony", `{"from":"2999","to":"2001"}`, 422, "body.from"},
		{"alice+staff", `{"from":"2001","to":"110"}`, 422, "body.to"},
		{"alice+staff", `{"from":"2001"}`, 422, "body"},
		{"alice+staff", `{"from":"2001","to":"2002","payer":"2003"}`, 422, "body.payer"},
		{"aud+auditor", `{"from":"2001","to":"2002"}`, 403, ""},
	} {
		p := r.do(t, c.who, "POST", base+"/calls", c.body)
		if p.status != c.status || !strings.Contains(p.body, c.says) {
			t.Errorf("%s %s: %d %s, want %d with %s", c.who, c.body, p.status, p.body, c.status, c.says)
		}
		if p.status == 202 && p.header.Get("Location") != base+"/calls/c9" {
			t.Errorf("Location %q", p.header.Get("Location"))
		}
	}
	if p := r.do(t, "alice+staff", "POST", base+"/calls", `{"from":"2001","to":"busy"}`); p.status != 429 || p.header.Get("Retry-After") != "10" {
		t.Errorf("too much: %d, come back after %q", p.status, p.header.Get("Retry-After"))
	}
	if want := []string{"start 2001 0312345678", "start 2001 2002"}; !slices.Equal(r.calls.did, want) {
		t.Errorf("the switch was asked for %q, want %q", r.calls.did, want)
	}
}

// TestMoveCall: staff move their own extension, and nobody the other party's; those who care for telephones any.
func TestMoveCall(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct {
		who, call, body string
		status          int
		says            string
	}{
		{"alice+staff", "c1", `{"extension":"2001"}`, 204, ""},
		{"tel+telephony", "c1", `{"extension":"2002"}`, 204, ""},
		{"alice+staff", "c1", `{"extension":"2002"}`, 404, ""},
		{"alice+staff", "c7", `{"extension":"2001"}`, 404, ""},
		{"tel+telephony", "c1", `{"extension":"2999"}`, 422, "body.extension"},
		{"tel+telephony", "c1", `{}`, 422, "body"},
		{"aud+auditor", "c1", `{"extension":"2001"}`, 403, ""},
	} {
		p := r.do(t, c.who, "POST", base+"/calls/"+c.call+"/move", c.body)
		if p.status != c.status || !strings.Contains(p.body, c.says) {
			t.Errorf("%s %s %s: %d %s, want %d with %s", c.who, c.call, c.body, p.status, p.body, c.status, c.says)
		}
	}
	if want := []string{"move 2001", "move 2002"}; !slices.Equal(r.calls.did, want) {
		t.Errorf("the switch was asked for %q, want %q", r.calls.did, want)
	}
}

// TestOwnCalls: staff see and end the calls that their telephones are in, and learn nothing of others.
func TestOwnCalls(t *testing.T) {
	r := newRig(t)
	for who, want := range map[string]int{"alice+staff": 200, "bob+staff": 404, "tel+telephony": 200, "aud+auditor": 403} {
		if p := r.do(t, who, "GET", base+"/calls/c1", ""); p.status != want {
			t.Errorf("GET by %s: %d, want %d", who, p.status, want)
		}
		items := 0
		if want == 200 {
			items = 1
		}
		if p := r.do(t, who, "GET", base+"/calls", ""); p.status == 200 && strings.Count(p.body, `"id"`) != items {
			t.Errorf("%s sees %s", who, p.body)
		}
		if p := r.do(t, who, "DELETE", base+"/calls/c1", ""); want == 200 && p.status != 204 || want != 200 && p.status != want {
			t.Errorf("DELETE by %s: %d", who, p.status)
		}
		if p := r.do(t, who, "DELETE", base+"/calls/c7", ""); want != 403 && p.status != 404 {
			t.Errorf("DELETE of a call that is not there by %s: %d", who, p.status)
		}
	}
	if want := []string{"hangup", "hangup"}; !slices.Equal(r.calls.did, want) {
		t.Errorf("the switch was asked for %q", r.calls.did)
	}
}

// TestRecalls: staff see and drop the wishes of their own telephones.
func TestRecalls(t *testing.T) {
	r := newRig(t)
	for who, want := range map[string]int{"alice+staff": 204, "bob+staff": 404, "tel+telephony": 204, "aud+auditor": 403} {
		items := 0
		if want == 204 {
			items = 1
		}
		if p := r.do(t, who, "GET", base+"/recalls", ""); want != 403 && (p.status != 200 || strings.Count(p.body, `"of":"2002"`) != items) {
			t.Errorf("%s sees %d %s", who, p.status, p.body)
		}
		if p := r.do(t, who, "DELETE", base+"/recalls/r1", ""); p.status != want {
			t.Errorf("%s drops: %d, want %d", who, p.status, want)
		}
		if p := r.do(t, who, "DELETE", base+"/recalls/r9", ""); want != 403 && p.status != 404 {
			t.Errorf("%s drops one that is not there: %d", who, p.status)
		}
	}
	if want := []string{"drop r1", "drop r1"}; !slices.Equal(r.calls.did, want) {
		t.Errorf("the switch was asked for %q", r.calls.did)
	}
}
