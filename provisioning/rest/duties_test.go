package rest

import (
	"net/http"
	"strings"
	"testing"

	"naisen/provisioning"
)

// TestSeparationOfDuties: pairs of roles are data; who would come to hold both is refused with the pair, also where a role is over a department or waits for
// somebody, and whoever writes it; who held both before is listed; a pair that goes waits for another person.
func TestSeparationOfDuties(t *testing.T) {
	r := newRig(t)
	w := wishes{r, t}
	user := func(name string, roles string) reply {
		return r.do(t, "root+admin", "PUT", base+"/users/"+name, `{"display":"x","roles":[`+roles+`]}`)
	}
	for name, roles := range map[string]string{"root": `"admin"`, "kacho": `"recording-manager"`, "both": `"auditor","telephony"`} {
		if p := user(name, roles); p.status != http.StatusCreated {
			t.Fatalf("%s: %d %s", name, p.status, p.body)
		}
	}
	const path = "/duties"
	const pairs = `{"apart":[{"a":"recording-listener","b":"recording-manager","why":"聴取と承認"},{"a":"telephony","b":"auditor"}]}`
	for body, want := range map[string]string{
		`{"apart":[{"a":"boss","b":"admin"}]}`:                                              "apart[0].a",
		`{"apart":[{"a":"admin","b":"admin"}]}`:                                             "apart[0].b",
		`{"apart":[{"a":"admin","b":"auditor"},{"a":"auditor","b":"admin"}]}`:               "apart[1]",
		`{"apart":[{"a":"admin","b":"auditor","why":"` + strings.Repeat("x", 2000) + `"}]}`: "apart[0].why",
	} {
		if p := r.do(t, admin, "PUT", base+path, body); p.status != 422 || !strings.Contains(p.body, want) {
			t.Errorf("%.80s: %d %s, want %s", body, p.status, p.body, want)
		}
	}
	if p := r.do(t, "zoe+telephony", "GET", base+path, ""); p.status != http.StatusForbidden {
		t.Errorf("who has no right reads them: %d", p.status)
	}
	if p := r.do(t, admin, "GET", base+path, ""); p.status != 200 || !strings.Contains(p.body, `"apart":[]`) {
		t.Errorf("before anybody wrote any: %d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "PUT", base+path, pairs); p.status != http.StatusOK {
		t.Fatalf("%d %s", p.status, p.body)
	}
	const says = "one person may not hold recording-listener and recording-manager"
	for _, c := range []struct {
		what, name, body string
		status           int
		says             string
	}{
		{"both at once", "new", `{"display":"x","roles":["recording-manager","recording-listener"]}`, 409, says},
		{"one of them", "new", `{"display":"x","roles":["recording-listener"]}`, 201, ""},
		{"the other besides, which would wait", "new", `{"display":"x","roles":["recording-listener","recording-manager"]}`, 409, says},
		{"the other besides", "kacho", `{"display":"x","roles":["recording-manager","recording-listener"]}`, 409, says},
		{"over a department", "kansa", `{"display":"x","roles":["auditor"],"delegated":[{"role":"telephony","department":"tax"}]}`, 409, "telephony and auditor"},
		{"disabled", "kyu", `{"display":"x","disabled":true,"roles":["auditor","telephony"]}`, 409, "telephony and auditor"},
		{"who held both keeps them", "both", `{"display":"y","roles":["telephony","auditor"]}`, 200, ""},
		{"and comes to no third", "both", `{"display":"y","roles":["telephony","auditor","staff"]}`, 200, ""},
	} {
		p := r.do(t, "root+admin", "PUT", base+"/users/"+c.name, c.body)
		if p.status != c.status || !strings.Contains(p.body, c.says) || c.status == 409 && p.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %s, want %d %s", c.what, p.status, p.body, c.status, c.says)
		}
	}
	if p := r.do(t, "kansa+auditor", "GET", base+path+"/violations", ""); p.status != 200 || strings.Count(p.body, `"user"`) != 1 || !strings.Contains(p.body, `"user":"both"`) {
		t.Errorf("who holds both: %d %s", p.status, p.body)
	}
	// Whoever writes: the switch itself too.
	err := r.store.Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		_, err := w.Put(here, provisioning.User{Name: "by", Roles: []provisioning.Role{provisioning.RoleAuditor, provisioning.RoleTelephony}}, "")
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "telephony and auditor") {
		t.Errorf("by the switch: %v", err)
	}
	// A set of changes is tried as a whole.
	if p := r.do(t, "root+admin", "POST", base+"/changes", `{"reason":"x","changes":[{"kind":"user","key":"new","do":"merge","body":{"roles":["telephony"]}},{"kind":"user","key":"new","do":"merge","body":{"roles":["telephony","auditor"]}}]}`); p.status != 409 {
		t.Errorf("in a set: %d %s", p.status, p.body)
	}
	// One that goes waits.
	if p := r.do(t, "root+admin", "PUT", base+path, `{"apart":[{"a":"recording-manager","b":"recording-listener"}]}`); p.status != http.StatusAccepted {
		t.Errorf("a pair that goes: %d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "GET", base+path, ""); !strings.Contains(p.body, "telephony") {
		t.Errorf("it went at once: %s", p.body)
	}
	w.agree("kacho+recording-manager", "duties:rules", http.StatusOK)
	if p := r.do(t, admin, "GET", base+path, ""); strings.Contains(p.body, "telephony") {
		t.Errorf("it did not go: %s", p.body)
	}
}
