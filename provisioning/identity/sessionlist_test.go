package identity

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
)

// list is what the administrator is signed in with.
func (r *rig) list(t *testing.T) []provisioning.SignInSession {
	t.Helper()
	out, err := r.Sessions(t.Context(), testDomain, "admin")
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestSessionsListedAndEnded: a person's browsers and programs are listed, each is ended by itself, and nobody ends one by another's name.
func TestSessionsListedAndEnded(t *testing.T) {
	r, tok := signedIn(t)
	b := r.browser(t)
	at := r.authURL("console", r.consoleRedirect(), aVerifier, nil)
	if resp, body := b.signIn(at, "User-Agent: Mozilla/5.0 \u2028 (test)"); codeOf(resp) == "" {
		t.Fatalf("%d %s", resp.StatusCode, body)
	}
	list := r.list(t)
	if len(list) != 3 { // the CLI's own browser, its refresh token, the browser
		t.Fatalf("%+v", list)
	}
	var program, browser provisioning.SignInSession
	for _, s := range list {
		switch {
		case s.Kind == provisioning.SessionOfProgram:
			program = s
		case strings.HasPrefix(s.Agent, "Mozilla"):
			browser = s
		}
		if s.ACR != ACRPassword || len(s.AMR) != 1 || s.AMR[0] != "pwd" || !s.Ends.After(s.Since) || s.Since.IsZero() {
			t.Errorf("%+v", s)
		}
	}
	if program.Client != "pbx-cli" || browser.Source != "192.0.2.1" || browser.Agent != "Mozilla/5.0  (test)" {
		t.Errorf("%+v %+v", program, browser)
	}
	by := provisioning.Subject{Domain: testDomain, User: "admin"}
	for _, id := range []string{"", "b-", "g-", "b-nothing", "g-nothing"} {
		if err := r.EndSession(t.Context(), by, testDomain, "admin", id); !errors.Is(err, provisioning.ErrNotFound) {
			t.Errorf("%q: %v", id, err)
		}
	}
	r.store.put(testDomain, provisioning.User{Name: "bob"})
	for _, id := range []string{browser.ID, program.ID} {
		if err := r.EndSession(t.Context(), by, testDomain, "bob", id); !errors.Is(err, provisioning.ErrNotFound) {
			t.Errorf("another's session by bob's name: %v", err)
		}
	}
	if resp, _ := b.visit(at); codeOf(resp) == "" {
		t.Fatal("it ended before")
	}
	for _, id := range []string{browser.ID, program.ID} {
		if err := r.EndSession(t.Context(), by, testDomain, "admin", id); err != nil {
			t.Fatal(err)
		}
	}
	if _, body := b.visit(at); !strings.Contains(body, `name="password"`) {
		t.Error("the browser's session goes on")
	}
	if _, err := r.login().Refresh(t.Context(), tok.Refresh); !errors.Is(err, ErrLogin) {
		t.Errorf("the refresh token lives: %v", err)
	}
	if n := len(r.list(t)); n != 1 {
		t.Errorf("%d are left, want 1", n)
	}
	if n := len(r.store.entries("session.end")); n != 2 {
		t.Errorf("%d audit entries", n)
	}
	if _, err := r.Sessions(t.Context(), testDomain, "nobody"); !errors.Is(err, provisioning.ErrNotFound) {
		t.Errorf("of nobody: %v", err)
	}
}

// TestEndSessions: browsers, refresh tokens, codes that nobody has redeemed and sign-ins that are half done, all at once.
func TestEndSessions(t *testing.T) {
	r, tok := signedIn(t)
	b := r.browser(t)
	at := r.authURL("console", r.consoleRedirect(), aVerifier, nil)
	resp, _ := b.signIn(at)
	code := codeOf(resp)
	if code == "" {
		t.Fatal("no code")
	}
	system := provisioning.Subject{System: true}
	if err := r.EndSessions(t.Context(), system, testDomain, "admin", "test"); err != nil {
		t.Fatal(err)
	}
	if _, body := b.visit(at); !strings.Contains(body, `name="password"`) {
		t.Error("the browser's session goes on")
	}
	if _, err := r.login().Refresh(t.Context(), tok.Refresh); !errors.Is(err, ErrLogin) {
		t.Errorf("the refresh token lives: %v", err)
	}
	r.tokenRequest(t, url.Values{"grant_type": {"authorization_code"}, "client_id": {"console"}, "redirect_uri": {r.consoleRedirect()}, "code": {code},
		"code_verifier": {aVerifier}}, http.StatusBadRequest)
	if n := len(r.list(t)); n != 0 {
		t.Errorf("%d are left", n)
	}
	entries := r.store.entries("session.end-all")
	if len(entries) != 1 || entries[0].Detail["why"] != "test" {
		t.Errorf("%+v", entries)
	}
	if err := r.store.View(t.Context(), func(rd provisioning.Reader) error {
		x, _, err := provisioning.Get[provisioning.Revocation](rd, testDomain, provisioning.RevocationKey(provisioning.RevokedUser, "admin"))
		if err == nil && (x.Why != "test" || !x.Covers(r.clock.now().Add(-time.Second)) || x.Covers(r.clock.now().Add(time.Second))) {
			t.Errorf("%+v", x)
		}
		return err
	}); err != nil {
		t.Errorf("access tokens live on: %v", err)
	}
	if err := r.EndSessions(t.Context(), system, testDomain, "nobody", "test"); err != nil {
		t.Errorf("of nobody: %v", err)
	}
	if n := len(r.store.entries("session.end-all")); n != 1 {
		t.Errorf("%d entries", n)
	}
	first, err := NewOneTimePassword(t.Context(), r.store, system, testDomain, "admin")
	if err != nil {
		t.Fatal(err)
	}
	resp, body := b.visit(at)
	p := formOf(t, resp, body)
	p.values.Set("user", "admin")
	p.values.Set("password", first)
	resp, body = b.post(p)
	half := formOf(t, resp, body)
	if !half.asks("again") {
		t.Fatal(body)
	}
	if err := r.EndSessions(t.Context(), system, testDomain, "admin", "test"); err != nil {
		t.Fatal(err)
	}
	half.values.Set("password", newSecret)
	half.values.Set("again", newSecret)
	if resp, body := b.post(half); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("the half-done sign-in goes on: %d %s", resp.StatusCode, body)
	}
}

// TestSessionFixation: what a browser holds before a sign-in never becomes the session, and each sign-in makes another one; the one before is over.
func TestSessionFixation(t *testing.T) {
	r := withAdmin(t)
	at := r.authURL("console", r.consoleRedirect(), aVerifier, map[string]string{"prompt": "login"})
	b := r.browser(t)
	u, _ := url.Parse(r.server.URL + "/identity/")
	planted := &http.Cookie{Name: r.cookieName(cookieSession), Value: strings.Repeat("A", 26), Path: "/identity/"}
	b.Jar.SetCookies(u, []*http.Cookie{planted})
	held := func() string {
		for _, c := range b.Jar.Cookies(u) {
			if c.Name == planted.Name {
				return c.Value
			}
		}
		return ""
	}
	if resp, _ := b.signIn(at); codeOf(resp) == "" || held() == planted.Value || held() == "" {
		t.Fatalf("%d, cookie %q", resp.StatusCode, held())
	}
	first := held()
	if resp, _ := b.signIn(at); codeOf(resp) == "" || held() == first {
		t.Fatalf("the cookie stays: %d", resp.StatusCode)
	}
	for name, id := range map[string]string{"planted": planted.Value, "of the sign-in before": first} {
		if _, ok := r.sessions.get(id); ok {
			t.Errorf("a session by the cookie %s", name)
		}
	}
	if _, ok := r.sessions.get(held()); !ok || len(r.list(t)) != 1 {
		t.Errorf("the new one: %v, %d in all", ok, len(r.list(t)))
	}
}

// TestSessionsOfOnePerson are bounded: whoever signs in again and again pushes out themselves and nobody else.
func TestSessionsOfOnePerson(t *testing.T) {
	clock := newClock()
	s := newSessions(clock.now)
	alone := s.add(session{who: account{testDomain, "bob"}, expires: clock.now().Add(1e12)})
	first := s.add(session{who: account{testDomain, "admin"}, expires: clock.now().Add(1e12)})
	for range maxUserSessions {
		clock.add(1)
		s.add(session{who: account{testDomain, "admin"}, expires: clock.now().Add(1e12)})
	}
	if _, ok := s.get(first); ok || len(s.list(account{testDomain, "admin"})) != maxUserSessions {
		t.Errorf("the oldest is there: %v, %d in all", ok, len(s.byID))
	}
	if _, ok := s.get(alone); !ok {
		t.Error("somebody else's went")
	}
}
