package identity

import (
	"net/http"
	"testing"

	"naisen/provisioning"
)

// TestResetEndsASignInUnderWay: whoever came in with a one-time password that was replaced meanwhile cannot choose the new one.
func TestResetEndsASignInUnderWay(t *testing.T) {
	r := newRig(t)
	first, err := Bootstrap(t.Context(), r.store, testDomain)
	if err != nil {
		t.Fatal(err)
	}
	b := r.browser(t)
	resp, body := b.visit(r.authURL("pbx-cli", cliRedirect, aVerifier, nil))
	p := formOf(t, resp, body)
	p.values.Set("user", "admin")
	p.values.Set("password", first)
	resp, body = b.post(p)
	thief := formOf(t, resp, body)
	if resp.StatusCode != http.StatusOK || !thief.asks("again") {
		t.Fatalf("%d %s", resp.StatusCode, body)
	}
	second, err := r.ResetPassword(t.Context(), provisioning.Subject{System: true}, testDomain, "admin")
	if err != nil {
		t.Fatal(err)
	}
	thief.values.Set("password", newSecret)
	thief.values.Set("again", newSecret)
	if resp, body := b.post(thief); resp.StatusCode != http.StatusBadRequest || codeOf(resp) != "" {
		t.Errorf("the replaced password still led to a new one: %d %s", resp.StatusCode, body)
	}
	if _, err := r.login().Password(t.Context(), "admin", second, choose(newSecret)); err != nil {
		t.Errorf("with the password that holds: %v", err)
	}
}

// TestEachCodeIsAudited: a sign-in from an open session gives a code too, so it is in the log, and without the log there is none.
func TestEachCodeIsAudited(t *testing.T) {
	r := withAdmin(t)
	b := r.browser(t)
	at := r.authURL("console", r.consoleRedirect(), aVerifier, nil)
	if resp, body := b.signIn(at); codeOf(resp) == "" {
		t.Fatalf("sign-in: %d %s", resp.StatusCode, body)
	}
	if resp, _ := b.visit(at); codeOf(resp) == "" {
		t.Fatalf("from the session: %d", resp.StatusCode)
	}
	if n := len(r.store.entries("sign-in.ok")); n != 1 {
		t.Errorf("%d sign-ins, want 1", n)
	}
	if n := len(r.store.entries("sign-in.session")); n != 1 {
		t.Errorf("%d sign-ins from a session, want 1", n)
	}
	r.store.fail.Store(true)
	if resp, _ := b.visit(at); codeOf(resp) != "" || resp.StatusCode != http.StatusInternalServerError {
		t.Errorf("a code without an entry: %d", resp.StatusCode)
	}
}

// TestTokenOfTheDeleted: a token is of a person, and not of who is made with that name after they were deleted.
func TestTokenOfTheDeleted(t *testing.T) {
	r, tok := signedIn(t)
	s, err := r.verify.Verify(t.Context(), tok.Access)
	if err != nil {
		t.Fatal(err)
	}
	now := func() error { _, err := r.verify.Current(s); return err }
	if err := now(); err != nil {
		t.Errorf("as before: %v", err)
	}
	if err := r.store.Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		return w.Delete(testDomain, provisioning.KindUser, "admin", "")
	}); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, now(), http.StatusUnauthorized, "user unknown")
	r.store.put(testDomain, provisioning.User{Name: "admin", Roles: []provisioning.Role{provisioning.RoleAdmin}})
	_, err = r.verify.Verify(t.Context(), tok.Access)
	wantStatus(t, err, http.StatusUnauthorized, "of somebody who had the name before")
	wantStatus(t, now(), http.StatusUnauthorized, "of somebody who had the name before")
	s.Issuer = "https://elsewhere.example"
	wantStatus(t, now(), http.StatusUnauthorized, "issuer")
}
