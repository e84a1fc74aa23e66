package rest

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"naisen/provisioning"
)

// One person is not made two: a recording manager agrees to whoever becomes one too, by whatever way, and nobody ends the last one alone to make the next.
func TestManagersAreAppointedByTwo(t *testing.T) {
	var told []string
	w := wishes{newRig(t, func(c *Config) {
		c.ManagerAlone = func(domain, manager, by string) { told = append(told, domain+" "+manager+" "+by) }
	}), t}
	roles := func(name string) any { return w.field("/users/"+name, "roles") }
	w.put(admin, "/users/kacho", `{"roles":["recording-manager"]}`, http.StatusCreated) // there is nobody to ask
	if want := []string{here + " kacho root@" + here}; !slices.Equal(told, want) {
		t.Fatalf("told %v, want %v", told, want)
	}
	w.put(admin, "/users/bucho", `{"roles":["staff","recording-manager"],"display":"B"}`, http.StatusAccepted)
	if got := roles("bucho"); len(got.([]any)) != 1 || w.field("/users/bucho", "display") != "B" {
		t.Errorf("%v", got)
	}
	w.agree(admin, "user:bucho", http.StatusForbidden)
	w.agree(manager, "user:bucho", http.StatusOK)
	if got := roles("bucho"); len(got.([]any)) != 2 {
		t.Errorf("%v", got)
	}
	w.put(admin, "/users/zoe", `{"roles":["staff"]}`, http.StatusCreated)
	w.put(admin, "/users/zoe", `{"roles":["staff","recording-manager"]}`, http.StatusAccepted)
	w.put(admin, "/users/zed", `{"roles":["recording-manager"],"disabled":true}`, http.StatusCreated)
	w.put(admin, "/users/zed", `{"roles":["recording-manager"]}`, http.StatusAccepted)
	if w.field("/users/zed", "disabled") != true {
		t.Error("one person made a manager of one who was disabled")
	}
	w.agree(manager, "user:zed", http.StatusOK)
	if w.field("/users/zed", "disabled") == true {
		t.Error("still disabled")
	}
	if len(told) != 1 {
		t.Errorf("told %v", told)
	}
	// They go one by one, but for the last of whom the asker is not.
	w.put(admin, "/users/zed", `{"roles":["recording-manager"],"disabled":true}`, http.StatusOK)
	if p := w.do(t, admin, "DELETE", base+"/users/bucho", ""); p.status != http.StatusNoContent {
		t.Errorf("%d %s", p.status, p.body)
	}
	if p := w.do(t, admin, "DELETE", base+"/users/kacho", ""); p.status != http.StatusAccepted {
		t.Errorf("the last one goes: %d %s", p.status, p.body)
	}
	w.put(admin, "/users/kacho", `{"roles":["recording-manager"],"disabled":true}`, http.StatusAccepted)
	w.put(admin, "/users/kacho", `{"roles":["staff"]}`, http.StatusAccepted)
	w.put(admin, "/users/kacho", `{"roles":["staff"],"disabled":true}`, http.StatusAccepted)
	if w.field("/users/kacho", "disabled") == true || roles("kacho").([]any)[0] != "recording-manager" {
		t.Error("the last one is none any more")
	}
	w.agree("kacho+recording-manager", "user:kacho", http.StatusOK)
	if w.field("/users/kacho", "disabled") != true {
		t.Error("agreed, and not done")
	}
}

// A manager who is the administrator too cannot leave the other one out, and is told of as if alone where there is none.
func TestManagerWhoAdministers(t *testing.T) {
	var told []string
	w := wishes{newRig(t, func(c *Config) { c.ManagerAlone = func(_, manager, _ string) { told = append(told, manager) } }), t}
	w.put(both, "/users/root", `{"roles":["admin","recording-manager"]}`, http.StatusCreated)
	w.put(both, "/users/kacho", `{"roles":["recording-manager"]}`, http.StatusCreated) // nobody but who asks
	if !slices.Equal(told, []string{"root", "kacho"}) {
		t.Errorf("%v", told)
	}
	w.put(both, "/users/kacho", `{"roles":[]}`, http.StatusAccepted) // then there were nobody to ask again
	w.put(both, "/users/zed", `{"roles":["recording-manager"]}`, http.StatusAccepted)
	w.agree(both, "user:zed", http.StatusForbidden)
}

// Who gets a manager's new password may be somebody else: another manager agrees before it counts.
func TestManagersNewPassword(t *testing.T) {
	var told []string
	w := wishes{newRig(t, func(c *Config) { c.ManagerAlone = func(_, manager, _ string) { told = append(told, manager) } }), t}
	w.put(admin, "/users/root", `{"roles":["admin"]}`, http.StatusCreated)
	w.put(admin, "/users/kacho", `{"roles":["staff","recording-manager"]}`, http.StatusCreated)
	reset := func(token, name string) reply {
		t.Helper()
		p := w.do(t, token, "POST", base+"/users/"+name+"/password", "")
		if p.status != http.StatusOK || p.json(t)["secret"] == "" {
			t.Fatalf("%d %s", p.status, p.body)
		}
		return p
	}
	if p := reset(admin, "kacho"); p.header.Get("Link") != "" || !slices.Equal(told, []string{"kacho", "kacho"}) {
		t.Errorf("the only one: %q, told %v", p.header.Get("Link"), told)
	}
	w.put(admin, "/users/bucho", `{"roles":["recording-manager"]}`, http.StatusAccepted)
	w.agree(manager, "user:bucho", http.StatusOK)
	if p := reset(admin, "kacho"); !strings.Contains(p.header.Get("Link"), "/proposals/user:kacho>") {
		t.Errorf("%q", p.header.Get("Link"))
	}
	if got := w.field("/users/kacho", "roles").([]any); len(got) != 1 || got[0] != "staff" {
		t.Errorf("who has the password is %v", got)
	}
	w.agree(manager2, "user:kacho", http.StatusOK)
	if got := w.field("/users/kacho", "roles").([]any); len(got) != 2 {
		t.Errorf("given back: %v", got)
	}
	if p := reset("bucho+admin", "bucho"); p.header.Get("Link") != "" || len(told) != 2 { // an own one
		t.Errorf("%q, told %v", p.header.Get("Link"), told)
	}
	reset(admin, "root")
	must(t, w.store.View(t.Context(), func(r provisioning.Reader) error {
		u, _, err := provisioning.Get[provisioning.User](r, here, "root")
		if err == nil && !u.Administers() {
			t.Error("who is no manager lost a role")
		}
		return err
	}))
}

// Who has set somebody's password, or that of whoever did, may be that person too, and does not agree to what it wants.
func TestTwoLoginsAreNotTwoPeople(t *testing.T) {
	w := wishes{newRig(t, func(c *Config) { c.Speech = fakeSpeech{} }), t}
	const keeper = "kacho+admin+recording-manager"
	password := func(token, name string) {
		t.Helper()
		if p := w.do(t, token, "POST", base+"/users/"+name+"/password", ""); p.status != http.StatusOK {
			t.Fatalf("%d %s", p.status, p.body)
		}
	}
	for _, name := range []string{"zoe", "yui", "ken"} {
		w.put(admin, "/users/"+name, `{"roles":["admin"]}`, http.StatusCreated)
	}
	w.put(admin, "/users/kacho", `{"roles":["recording-manager"]}`, http.StatusCreated)
	password(keeper, "zoe")
	password("zoe+admin", "yui")
	password("yui+admin", "zoe") // a circle ends
	password(admin, "ken")
	const at, id = "/recording-policies/year", "policy:year"
	w.put(admin, at, `{"record":"always","retention_days":365}`, http.StatusCreated)
	for asker, refused := range map[string]int{"zoe+admin": http.StatusForbidden, "yui+admin": http.StatusForbidden, "ken+admin": http.StatusOK} {
		w.put(asker, at, `{"record":"always","retention_days":30}`, http.StatusAccepted)
		w.agree(keeper, id, refused)
		if refused != http.StatusOK {
			w.agree(manager2, id, http.StatusOK)
		}
		w.put(admin, at, `{"record":"always","retention_days":365}`, http.StatusOK)
	}
	w.put(admin, "/recording-policies/advice", `{"record":"never"}`, http.StatusCreated)
	w.put(admin, "/recording-policies/advice", `{"record":""}`, http.StatusAccepted)
	w.agree("zoe+recording-manager", "policy:advice", http.StatusOK)
	w.agree(keeper, "policy:advice", http.StatusForbidden) // zoe agreed before
	w.agree(manager2, "policy:advice", http.StatusOK)
	// The same holds for the wordings of notices. A manager's password is set by others: see TestManagersNewPassword.
	password(admin, "kacho")
	hear := func(token string, status int) {
		t.Helper()
		w.do(t, token, "GET", noticeAt+"/versions/1/audio", "")
		if p := w.do(t, token, "POST", noticeAt+"/versions/1/approve", ""); p.status != status {
			t.Errorf("%s: %d %s", token, p.status, p.body)
		}
	}
	w.do(t, admin, "POST", noticeAt+"/versions", `{"language":"ja","text":"録音します。"}`)
	hear("ken+admin", http.StatusForbidden)
	hear("kacho+recording-manager", http.StatusOK)
	if p := w.do(t, "zoe+admin", "POST", base+"/notices/other/versions", `{"language":"ja","text":"録音します。"}`); p.status != http.StatusOK {
		t.Fatal(p.body)
	}
	w.do(t, keeper, "GET", base+"/notices/other/versions/1/audio", "")
	if p := w.do(t, keeper, "POST", base+"/notices/other/versions/1/approve", ""); p.status != http.StatusForbidden {
		t.Errorf("%d %s", p.status, p.body)
	}
}
