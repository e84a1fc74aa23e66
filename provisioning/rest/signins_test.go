package rest

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"naisen/provisioning"
)

// fakeSignIns knows alice's and bob's, and notes what is done.
type fakeSignIns struct{ done []string }

func (f *fakeSignIns) known(domain, user string) error {
	if domain != here || user != "alice" && user != "bob" && user != "kacho" {
		return provisioning.ErrNotFound
	}
	return nil
}

func (f *fakeSignIns) Sessions(_ context.Context, domain, user string) ([]provisioning.SignInSession, error) {
	return []provisioning.SignInSession{{ID: "b-1", Kind: provisioning.SessionOfBrowser}}, f.known(domain, user)
}

func (f *fakeSignIns) EndSession(_ context.Context, by provisioning.Subject, domain, user, id string) error {
	f.done = append(f.done, fmt.Sprintf("%s ends %s of %s", by.User, id, user))
	return f.known(domain, user)
}

func (f *fakeSignIns) EndSessions(_ context.Context, by provisioning.Subject, domain, user, why string) error {
	f.done = append(f.done, fmt.Sprintf("%s ends all of %s: %s", by.User, user, why))
	return f.known(domain, user)
}

func (f *fakeSignIns) Factors(_ context.Context, domain, user string) (provisioning.SecondFactors, error) {
	return provisioning.SecondFactors{Passkeys: []provisioning.Passkey{}, RecoveryCodes: 7}, f.known(domain, user)
}

func (f *fakeSignIns) ResetFactors(_ context.Context, by provisioning.Subject, domain, user string) error {
	f.done = append(f.done, fmt.Sprintf("%s resets %s", by.User, user))
	return f.known(domain, user)
}

// TestSessionsByREST: everybody sees and ends their own, an administrator everybody's, and nobody else anybody's.
func TestSessionsByREST(t *testing.T) {
	fake := &fakeSignIns{}
	r := newRig(t, func(c *Config) { c.SignIns = fake })
	const at = base + "/users/alice/sessions"
	for _, c := range []struct {
		token, method, path string
		want                int
	}{
		{"alice+staff", "GET", at, 200}, {"alice+auditor", "GET", at, 200}, {admin, "GET", at, 200}, {"bob+staff", "GET", at, 404}, {"bob+telephony", "GET", at, 404},
		{"alice+", "GET", at, 403}, {admin, "GET", base + "/users/nobody/sessions", 404},
		{"alice+staff", "DELETE", at + "/b-1", 204}, {"bob+staff", "DELETE", at + "/b-1", 404}, {"bob+staff", "DELETE", at, 404},
		{admin, "DELETE", at, 204}, {admin, "DELETE", "/v1/domains/" + there + "/users/alice/sessions", 404},
		{"alice+staff", "GET", base + "/users/alice/second-factors", 200}, {"bob+staff", "GET", base + "/users/alice/second-factors", 404},
		{"alice+staff", "DELETE", base + "/users/alice/second-factors", 403}, {admin, "DELETE", base + "/users/alice/second-factors", 204},
	} {
		if p := r.do(t, c.token, c.method, c.path, ""); p.status != c.want {
			t.Errorf("%s %s %s: %d %s, want %d", c.token, c.method, c.path, p.status, p.body, c.want)
		}
	}
	if want := []string{"alice ends b-1 of alice", "root ends all of alice: by request", "root resets alice"}; !slices.Equal(fake.done, want) {
		t.Errorf("done %q, want %q", fake.done, want)
	}
}

// TestManagersFactors: who resets a recording manager's second factors could sign in as them, so another manager agrees before the role counts again.
func TestManagersFactors(t *testing.T) {
	fake := &fakeSignIns{}
	var told []string
	w := wishes{newRig(t, func(c *Config) {
		c.SignIns, c.ManagerAlone = fake, func(_, manager, _ string) { told = append(told, manager) }
	}), t}
	w.put(admin, "/users/kacho", `{"roles":["staff","recording-manager"]}`, http.StatusCreated)
	reset := func() reply {
		t.Helper()
		p := w.do(t, admin, "DELETE", base+"/users/kacho/second-factors", "")
		if p.status != http.StatusNoContent {
			t.Fatalf("%d %s", p.status, p.body)
		}
		return p
	}
	if p := reset(); p.header.Get("Link") != "" || !slices.Equal(told, []string{"kacho", "kacho"}) {
		t.Errorf("the only one: %q, told %v", p.header.Get("Link"), told)
	}
	w.put(admin, "/users/bucho", `{"roles":["recording-manager"]}`, http.StatusAccepted)
	w.agree(manager, "user:bucho", http.StatusOK)
	if p := reset(); !strings.Contains(p.header.Get("Link"), "/proposals/user:kacho>") {
		t.Errorf("%q", p.header.Get("Link"))
	}
	if got := w.field("/users/kacho", "roles").([]any); len(got) != 1 || got[0] != "staff" {
		t.Errorf("whose second factors are gone is %v", got)
	}
	w.agree(manager2, "user:kacho", http.StatusOK)
	if got := w.field("/users/kacho", "roles").([]any); len(got) != 2 {
		t.Errorf("given back: %v", got)
	}
}

// TestEmergencyReview: a use of the break-glass account is closed once, with a remark, by somebody else than the account and whom it let in.
func TestEmergencyReview(t *testing.T) {
	var told []provisioning.EmergencySignIn
	r := newRig(t, func(c *Config) {
		c.EmergencyReviewed = func(_ string, e provisioning.EmergencySignIn) { told = append(told, e) }
	})
	const at = base + "/emergency-sign-ins/e1"
	sealed := provisioning.SealedAccount
	must(t, r.store.Update(t.Context(), provisioning.Subject{Domain: here, User: sealed}, func(w provisioning.Writer) error {
		return w.PutSecret(here, "user/password", "bob", []byte("x")) // it made bob's password
	}))
	for _, c := range []struct {
		token, remark string
		want          int
	}{
		{sealed + "+auditor", "x", 403}, {"bob+auditor", "x", 403}, {admin, "x", 403}, {"alice+auditor", "  ", 422}, {"alice+auditor", "事後確認", 200}, {"alice+recording-manager", "x", 409},
		{"alice+auditor", "again", 409},
	} {
		if p := r.do(t, c.token, "POST", at+"/review", `{"remark":"`+c.remark+`"}`); p.status != c.want {
			t.Errorf("%s %q: %d %s, want %d", c.token, c.remark, p.status, p.body, c.want)
		}
	}
	if len(told) != 1 || told[0].Review == nil || told[0].Review.By != "alice@"+here || told[0].Review.Text != "事後確認" {
		t.Errorf("%+v", told)
	}
	if p := r.do(t, admin, "GET", base+"/emergency-sign-ins", ""); p.status != 200 || !strings.Contains(p.body, "事後確認") {
		t.Errorf("%d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "PUT", at, `{}`); p.status != 405 {
		t.Errorf("written by REST: %d", p.status)
	}
}
