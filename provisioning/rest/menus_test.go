package rest

import (
	"strings"
	"testing"
)

// A draft is rehearsed, activated and gone back from; what cannot work is refused with its place.
func TestMenus(t *testing.T) {
	r := newRig(t)
	const path = "/v1/domains/" + here + "/menus/office"
	draft := func(prompt string) string {
		return `{"title":"代表","owner":"2001","start":"a","nodes":[{"name":"a","prompt":"` + prompt + `","keys":[{"key":"1","to":{"dial":"2002"}}],"then":{"hangup":true}}]}`
	}
	if p := r.do(t, admin, "PUT", path, draft("greeting/open")); p.status != 201 {
		t.Fatalf("%d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "GET", path+"/versions", ""); p.status != 404 {
		t.Errorf("before it is active: %d", p.status)
	}
	tried := r.do(t, admin, "POST", path+"/test", `{"keys":["","1"],"time":"2026-11-30T09:00:00+09:00"}`)
	if tried.status != 200 || !strings.Contains(tried.body, `"pressed":"","node":"a","language":"ja","prompts":["ivr/timeout","greeting/open"],"keys":1`) ||
		!strings.Contains(tried.body, `"out":{"dial":"2002"}`) {
		t.Errorf("%d %s", tried.status, tried.body)
	}
	if p := r.do(t, admin, "POST", path+"/activate", ""); p.status != 200 || !strings.Contains(p.body, `"active":1`) {
		t.Errorf("%d %s", p.status, p.body)
	}
	r.do(t, admin, "PUT", path, draft("greeting/disaster"))
	if p := r.do(t, admin, "POST", path+"/test", `{"keys":[],"active":true}`); !strings.Contains(p.body, "greeting/open") {
		t.Errorf("callers hear the draft: %s", p.body)
	}
	if p := r.do(t, admin, "POST", path+"/activate", ""); !strings.Contains(p.body, `"active":2`) {
		t.Errorf("%s", p.body)
	}
	if p := r.do(t, admin, "POST", path+"/activate?version=1", ""); p.status != 200 || !strings.Contains(p.body, `"active":1`) {
		t.Errorf("%d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "POST", path+"/activate?version=7", ""); p.status != 422 || !strings.Contains(p.body, "active") {
		t.Errorf("%d %s", p.status, p.body)
	}
	bad := r.do(t, admin, "PUT", path, strings.Replace(draft("x"), `"dial":"2002"`, `"node":"gone"`, 1))
	if bad.status != 422 || !strings.Contains(bad.body, "nodes[0].keys[0].to.node") {
		t.Errorf("%d %s", bad.status, bad.body)
	}
}

// A menu whose hours are those of the calendar: it is named, kept, and rehearsed as at any time.
func TestMenuCalendar(t *testing.T) {
	r := newRig(t)
	const path = base + "/menus/office"
	menu := func(calendar string) string {
		return `{"owner":"2001","start":"clock","nodes":[{"name":"clock","calendar":"` + calendar + `","open":{"node":"day"},"closed":{"node":"night"},"holiday":{"dial":"2002"}},
			{"name":"day","prompt":"greeting/open","then":{"hangup":true}},{"name":"night","prompt":"greeting/closed","then":{"hangup":true}}]}`
	}
	hours := `{"holidays":true,"hours":[{"days":["mon","tue","wed","thu","fri"],"from":"08:30","to":"17:15"}]}`
	if p := r.do(t, admin, "PUT", base+"/calendars/desk", hours); p.status != 201 {
		t.Fatalf("%d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "PUT", path, menu("none")); p.status != 422 || p.location(t) != "body.nodes[0].calendar" || !strings.Contains(p.body, "does not exist") {
		t.Errorf("a calendar that is not there: %d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "PUT", path, menu("desk")); p.status != 201 {
		t.Fatalf("%d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "POST", path+"/activate", ""); p.status != 200 {
		t.Fatalf("%d %s", p.status, p.body)
	}
	r.do(t, admin, "PUT", path, strings.Replace(menu("desk"), "greeting/open", "greeting/other", 1)) // the draft
	for at, want := range map[string]string{"2026-11-30T09:00:00+09:00": "greeting/open", "2026-11-30T18:00:00+09:00": "greeting/closed",
		"2026-11-23T09:00:00+09:00": `"out":{"dial":"2002"}`} {
		if p := r.do(t, admin, "POST", path+"/test", `{"keys":[],"active":true,"time":"`+at+`"}`); p.status != 200 || !strings.Contains(p.body, want) {
			t.Errorf("%s: %d %s", at, p.status, p.body)
		}
	}
	if p := r.do(t, admin, "PUT", base+"/calendars/desk", strings.Replace(hours, "{", `{"manual":"night",`, 1)); p.status != 200 {
		t.Fatalf("%d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "POST", path+"/test", `{"keys":[],"active":true,"time":"2026-11-30T09:00:00+09:00"}`); !strings.Contains(p.body, "greeting/closed") {
		t.Errorf("set by hand: %s", p.body)
	}
	if p := r.do(t, admin, "DELETE", base+"/calendars/desk", ""); p.status != 409 {
		t.Errorf("a calendar in use was deleted: %d", p.status)
	}
}

// Two menus, each right by itself, that hand a silent caller to each other for ever.
func TestMenusInACircle(t *testing.T) {
	r := newRig(t)
	const path = "/v1/domains/" + here + "/menus/"
	leads := func(to string) string {
		return `{"title":"","owner":"2001","start":"a","nodes":[{"name":"a","prompt":"greeting/open","then":` + to + `}]}`
	}
	r.do(t, admin, "PUT", path+"one", leads(`{"hangup":true}`))
	r.do(t, admin, "PUT", path+"two", leads(`{"menu":"one"}`))
	r.do(t, admin, "PUT", path+"one", leads(`{"menu":"two"}`))
	if p := r.do(t, admin, "POST", path+"one/activate", ""); p.status != 200 { // two is not heard yet
		t.Fatalf("%d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "POST", path+"two/activate", ""); p.status != 422 || !strings.Contains(p.body, "two → one → two") {
		t.Errorf("%d %s", p.status, p.body)
	}
	r.do(t, admin, "PUT", path+"two", leads(`{"dial":"2002"}`))
	if p := r.do(t, admin, "POST", path+"two/activate", ""); p.status != 200 {
		t.Errorf("%d %s", p.status, p.body)
	}
}
