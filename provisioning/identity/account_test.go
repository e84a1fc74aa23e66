package identity

import (
	"bytes"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
)

// TestNewFactorEndsTheRest: a new factor, a removed one, and a reset by somebody else end refresh tokens and other browsers.
func TestNewFactorEndsTheRest(t *testing.T) {
	r, tok := signedIn(t)
	at := r.authURL("console", r.consoleRedirect(), aVerifier, nil)
	old, b := r.browser(t), r.browser(t)
	old.signIn(at)
	resp, _ := b.signIn(r.server.URL + "/identity/account")
	_, body := b.visit(location(b.t, resp).String())
	a, codes, body := b.addApp(body)
	if _, page := old.visit(at); !strings.Contains(page, `name="password"`) {
		t.Error("the other browser goes on")
	}
	if _, err := r.login().Refresh(t.Context(), tok.Refresh); !errors.Is(err, ErrLogin) {
		t.Errorf("the refresh token lives: %v", err)
	}
	if resp, _ := b.visit(at); codeOf(resp) == "" {
		t.Errorf("this browser: %d", resp.StatusCode)
	}
	resp, page := b.press(body, "recovery", nil)
	if again := codesOf(page); resp.StatusCode != http.StatusOK || len(again) != recoveryCodes || again[0] == codes[0] {
		t.Errorf("%d %v", resp.StatusCode, again)
	}
	if resp, _ := b.press(page, "remove-app", nil); resp.StatusCode != http.StatusSeeOther {
		t.Errorf("remove: %d", resp.StatusCode)
	}
	if f, _ := r.Factors(t.Context(), testDomain, "admin"); !f.App.IsZero() || f.RecoveryCodes != 0 {
		t.Errorf("%+v", f)
	}
	_, body = b.visit(r.server.URL + "/identity/account")
	a, _, _ = b.addApp(body)
	l := r.login()
	l.Code = func() (string, error) { return a.code(), nil }
	tok, err := l.Password(t.Context(), "admin", newSecret, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.ResetFactors(t.Context(), provisioning.Subject{System: true}, testDomain, "admin"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.login().Refresh(t.Context(), tok.Refresh); !errors.Is(err, ErrLogin) {
		t.Errorf("after the reset: %v", err)
	}
	if n := len(r.list(t)); n != 0 {
		t.Errorf("%d sessions after the reset", n)
	}
	if _, err := r.login().Password(t.Context(), "admin", newSecret, nil); err != nil {
		t.Errorf("with the password alone: %v", err)
	}
	if n := len(r.store.entries("factor.")); n != 5 {
		t.Errorf("%d entries", n)
	}
	if err := r.ResetFactors(t.Context(), provisioning.Subject{System: true}, testDomain, "nobody"); !errors.Is(err, provisioning.ErrNotFound) {
		t.Errorf("of nobody: %v", err)
	}
}

// TestAccountPage: no change without the form's own token, from another site, with an old sign-in, or with the password alone where there is more.
func TestAccountPage(t *testing.T) {
	r, _, _ := withApp(t)
	b := r.browser(t)
	page := func() string { _, body := b.visit(r.server.URL + "/identity/account"); return body }
	if body := page(); !strings.Contains(body, `name="password"`) {
		t.Fatalf("without a session: %s", body)
	}
	cookie := r.sessions.add(session{who: account{testDomain, "admin"}, at: r.clock.now(), amr: []string{"pwd"}, acr: ACRPassword, salt: r.salt(t), expires: r.clock.now().Add(time.Hour)})
	u, _ := url.Parse(r.server.URL + "/identity/")
	b.Jar.SetCookies(u, []*http.Cookie{{Name: r.cookieName(cookieSession), Value: cookie, Path: "/identity/"}})
	body := page()
	leads := func(name string, resp *http.Response, want int) {
		t.Helper()
		if resp.StatusCode != want || want == http.StatusSeeOther && !strings.Contains(resp.Header.Get("Location"), "/login?id=") {
			t.Errorf("%s: %d to %q", name, resp.StatusCode, resp.Header.Get("Location"))
		}
	}
	for _, do := range []string{"app", "app-confirm", "passkey", "passkey-confirm", "recovery", "remove-app", "remove-passkey"} {
		resp, _ := b.press(body, do, nil)
		leads("by password alone: "+do, resp, http.StatusSeeOther)
	}
	resp, _ := b.press(body, "remove-app", url.Values{"csrf": {"x"}})
	leads("token", resp, http.StatusBadRequest)
	v := url.Values{"do": {"end-others"}, "csrf": {r.csrf(cookie, "account")}}
	resp, _ = b.post(form{action: r.server.URL + "/identity/account", values: v}, "Sec-Fetch-Site: cross-site")
	leads("another site", resp, http.StatusForbidden)
	resp, _ = b.press(body, "nonsense", nil)
	leads("nonsense", resp, http.StatusSeeOther)
	if f, _ := r.Factors(t.Context(), testDomain, "admin"); f.App.IsZero() {
		t.Error("the app is gone")
	}
	for age, want := range map[time.Duration]int{accountRecent: http.StatusOK, accountRecent + time.Second: http.StatusSeeOther} {
		cookie := r.sessions.add(session{who: account{testDomain, "admin"}, at: r.clock.now().Add(-age), amr: []string{"pwd", "otp", "mfa"}, acr: ACRMFA, salt: r.salt(t),
			expires: r.clock.now().Add(time.Hour)})
		b.Jar.SetCookies(u, []*http.Cookie{{Name: r.cookieName(cookieSession), Value: cookie, Path: "/identity/"}})
		resp, _ := b.press(page(), "app", nil)
		leads("signed in "+age.String()+" ago", resp, want)
	}
	resp, _ = b.visit(r.server.URL + "/identity/account")
	csp := resp.Header.Get("Content-Security-Policy")
	if !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "script-src") || resp.Header.Get("X-Frame-Options") != "DENY" || resp.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("%v", resp.Header)
	}
}

// salt is that of the administrator's password.
func (r *rig) salt(t *testing.T) string {
	t.Helper()
	_, v, _, err := readAccount(t.Context(), r.store, account{testDomain, "admin"})
	if err != nil {
		t.Fatal(err)
	}
	return string(v.Salt)
}

// TestFactorsAreSealed: neither an app's secret nor a recovery code nor a session's cookie stands in a file of the database.
func TestFactorsAreSealed(t *testing.T) {
	r, a, codes := withApp(t)
	b := r.browser(t)
	_, page := b.signIn(r.authURL("console", r.consoleRedirect(), aVerifier, nil))
	if resp, _ := b.second(page, codes[0]); codeOf(resp) == "" {
		t.Fatal("no code")
	}
	u, _ := url.Parse(r.server.URL + "/identity/")
	secrets := map[string]string{"the secret": string(a.secret), "the secret in base 32": base32Of(a.secret), "the secret in base 64": base64.StdEncoding.EncodeToString(a.secret),
		"a code that was used": codes[0], "a code": codes[1], "a code without its dashes": strings.ReplaceAll(codes[1], "-", "")}
	for _, c := range b.Jar.Cookies(u) {
		secrets["the cookie "+c.Name] = c.Value
	}
	files, err := filepath.Glob(r.store.path + "*")
	if err != nil || len(files) < 2 {
		t.Fatalf("%v %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for name, secret := range secrets {
			if bytes.Contains(text, []byte(secret)) {
				t.Errorf("%s is in %s", name, filepath.Base(file))
			}
		}
	}
}
