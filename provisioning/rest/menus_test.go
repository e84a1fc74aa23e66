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
