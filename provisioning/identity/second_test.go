package identity

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
)

// TestTOTPVectors: RFC 6238 appendix B, of whose eight digits six are asked for.
func TestTOTPVectors(t *testing.T) {
	secret := []byte("12345678901234567890")
	for at, want := range map[int64]string{59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130"} {
		if got := totpCode(secret, stepAt(time.Unix(at, 0))); got != want {
			t.Errorf("%d: %s, want %s", at, got, want)
		}
	}
}

// TestTOTPUse: one step of drift either way, each code once, and none of before the last one.
func TestTOTPUse(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	at := func(f *totpFactor, steps int64) string { return totpCode(f.Secret, stepAt(now)+steps) }
	f := &totpFactor{Secret: newTOTP()}
	for _, steps := range []int64{-2, 2, 100} {
		if f.use(at(f, steps), now) {
			t.Errorf("a code of %d steps away", steps)
		}
	}
	for _, bad := range []string{"", "12345", "1234567", "abcdef", at(f, 0) + " "} {
		if f.use(bad, now) {
			t.Errorf("%q", bad)
		}
	}
	if !f.use(at(f, -1), now) || f.use(at(f, -1), now) {
		t.Error("the step before: once")
	}
	if !f.use(at(f, 1), now) || f.use(at(f, 1), now) {
		t.Error("the step after: once")
	}
	if f.use(at(f, 0), now) {
		t.Error("a code of before the one that was used last")
	}
	if now = now.Add(2 * totpStep); !f.use(at(f, 0), now) {
		t.Error("the next one")
	}
}

func TestRecoveryCodes(t *testing.T) {
	var f factors
	codes := f.renewRecovery()
	if len(codes) != recoveryCodes || len(slices.Compact(slices.Sorted(slices.Values(codes)))) != recoveryCodes {
		t.Fatal(codes)
	}
	kept, err := json.Marshal(f)
	if err != nil || strings.Contains(string(kept), strings.ReplaceAll(codes[0], "-", "")) || strings.Contains(string(kept), codes[0]) {
		t.Errorf("kept in clear: %s %v", kept, err)
	}
	now := time.Now()
	if err := f.useCode(strings.ToUpper(codes[3]), now); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{codes[3], "", "-", codes[0][:18], codes[0] + "a"} {
		if err := f.useCode(bad, now); !errors.Is(err, errWrongFactor) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if err := f.useCode(strings.ReplaceAll(codes[4], "-", " "), now); err != nil || len(f.Recovery) != recoveryCodes-2 {
		t.Errorf("%v, %d left", err, len(f.Recovery))
	}
	f.renewRecovery()
	if err := f.useCode(codes[5], now); !errors.Is(err, errWrongFactor) {
		t.Errorf("an old one after renewal: %v", err)
	}
}

// app is an authenticator app in a test's hand.
type app struct {
	r      *rig
	secret []byte
}

// code is the next one that was not shown yet.
func (a *app) code() string {
	a.r.clock.add(totpStep)
	return totpCode(a.secret, stepAt(a.r.clock.now()))
}

// press sends the form of the account page that does that.
func (b *browser) press(body, do string, set url.Values) (*http.Response, string) {
	b.t.Helper()
	hidden := func(name string) string {
		m := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(body)
		if m == nil {
			b.t.Fatalf("no field %s on the page: %s", name, body)
		}
		return m[1]
	}
	v := url.Values{"csrf": {hidden("csrf")}, "for": {hidden("for")}, "do": {do}}
	for k, x := range set {
		v[k] = x
	}
	return b.post(form{action: b.r.server.URL + "/identity/account", values: v})
}

// addApp adds an app on the account page that the browser shows, and gives it with the recovery codes and the page.
func (b *browser) addApp(body string) (*app, []string, string) {
	b.t.Helper()
	resp, body := b.press(body, "app", nil)
	m := regexp.MustCompile(`<code id="key">([A-Z2-7]+)</code>`).FindStringSubmatch(body)
	if resp.StatusCode != http.StatusOK || m == nil || !strings.Contains(body, "<svg viewBox") {
		b.t.Fatalf("%d %s", resp.StatusCode, body)
	}
	secret, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(m[1])
	if err != nil {
		b.t.Fatal(err)
	}
	a := &app{b.r, secret}
	if resp, body := b.press(body, "app-confirm", url.Values{"code": {"000000"}}); resp.StatusCode != http.StatusForbidden {
		b.t.Fatalf("a wrong code: %d %s", resp.StatusCode, body)
	}
	resp, body = b.press(body, "app-confirm", url.Values{"code": {a.code()}})
	if resp.StatusCode != http.StatusOK {
		b.t.Fatalf("%d %s", resp.StatusCode, body)
	}
	return a, codesOf(body), body
}

func codesOf(body string) (out []string) {
	for _, m := range regexp.MustCompile(`<code>([a-z2-9]{4}(?:-[a-z2-9]{4}){3})</code>`).FindAllStringSubmatch(body, -1) {
		out = append(out, m[1])
	}
	return out
}

// withApp has the administrator with an app as second factor.
func withApp(t *testing.T) (*rig, *app, []string) {
	r := withAdmin(t)
	b := r.browser(t)
	resp, body := b.signIn(r.server.URL + "/identity/account")
	if resp.StatusCode != http.StatusSeeOther {
		t.Fatalf("%d %s", resp.StatusCode, body)
	}
	_, body = b.visit(location(b.t, resp).String())
	a, codes, _ := b.addApp(body)
	return r, a, codes
}

// formOn is the form of a page that the browser shows.
func (b *browser) formOn(page string) form {
	b.t.Helper()
	base, err := url.Parse(b.r.server.URL)
	if err != nil {
		b.t.Fatal(err)
	}
	p, err := readForm(&http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(page)), Request: &http.Request{URL: base}})
	if err != nil {
		b.t.Fatalf("%v: %s", err, page)
	}
	return p
}

// second posts the second step's page.
func (b *browser) second(page, code string) (*http.Response, string) {
	b.t.Helper()
	p := b.formOn(page)
	if !p.asks("code") {
		b.t.Fatalf("no second step: %s", page)
	}
	p.values.Set("code", code)
	return b.post(p)
}

// codeForm redeems a code.
func codeForm(client, redirect, code string) url.Values {
	return url.Values{"grant_type": {"authorization_code"}, "client_id": {client}, "redirect_uri": {redirect}, "code": {code}, "code_verifier": {aVerifier}}
}

// claimsOf are what the client's code gives as an access token and as an ID token.
func (r *rig) claimsOf(t *testing.T, client, redirect, code string) (access, id map[string]any) {
	t.Helper()
	m := r.tokenRequest(t, codeForm(client, redirect, code), http.StatusOK)
	for name, into := range map[string]*map[string]any{"access_token": &access, "id_token": &id} {
		b, err := base64.RawURLEncoding.DecodeString(strings.Split(m[name].(string), ".")[1])
		if err != nil || json.Unmarshal(b, into) != nil {
			t.Fatal(err)
		}
	}
	return access, id
}

func wantClaims(t *testing.T, c map[string]any, acr string, amr ...string) {
	t.Helper()
	if c["acr"] != acr || fmt.Sprint(c["amr"]) != fmt.Sprint(amr) || c["auth_time"] == nil {
		t.Errorf("acr %v amr %v auth_time %v, want %s %v", c["acr"], c["amr"], c["auth_time"], acr, amr)
	}
}

// TestSecondFactor: once there is an app a password alone opens nothing; a code counts once, a recovery code once, and the tokens say what was shown.
func TestSecondFactor(t *testing.T) {
	r, a, codes := withApp(t)
	if len(codes) != recoveryCodes {
		t.Fatalf("%d recovery codes", len(codes))
	}
	at := r.authURL("console", r.consoleRedirect(), aVerifier, nil)
	b := r.browser(t)
	resp, body := b.signIn(at)
	if resp.StatusCode != http.StatusOK || codeOf(resp) != "" {
		t.Fatalf("%d %s", resp.StatusCode, body)
	}
	for _, k := range resp.Cookies() {
		if strings.Contains(k.Name, cookieSession) {
			t.Error("a session before the second factor")
		}
	}
	if resp, body := b.visit(at); codeOf(resp) != "" || !strings.Contains(body, `name="password"`) {
		t.Errorf("another sign-in of the same browser: %d", resp.StatusCode)
	}
	if resp, body := b.second(body, "000000"); resp.StatusCode != http.StatusForbidden || !strings.Contains(body, "wrong, or used") {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
	code := a.code()
	resp, _ = b.second(body, code)
	access, id := r.claimsOf(t, "console", r.consoleRedirect(), codeOf(resp))
	wantClaims(t, access, ACRMFA, "pwd", "otp", "mfa")
	wantClaims(t, id, ACRMFA, "pwd", "otp", "mfa")

	other := r.browser(t)
	_, body = other.signIn(at)
	if resp, _ := other.second(body, code); resp.StatusCode != http.StatusForbidden {
		t.Errorf("the same code again: %d", resp.StatusCode)
	}
	if resp, _ := other.second(body, codes[0]); codeOf(resp) == "" {
		t.Errorf("a recovery code: %d", resp.StatusCode)
	}
	other = r.browser(t)
	_, body = other.signIn(at)
	if resp, _ := other.second(body, codes[0]); resp.StatusCode != http.StatusForbidden {
		t.Errorf("a recovery code again: %d", resp.StatusCode)
	}
	if f, err := r.Factors(t.Context(), testDomain, "admin"); err != nil || f.RecoveryCodes != recoveryCodes-1 || f.App.IsZero() {
		t.Errorf("%+v %v", f, err)
	}
	failed := r.store.entries("sign-in.failed")
	if len(failed) != 3 || failed[0].Detail["factor"] != "second" {
		t.Errorf("%+v", failed)
	}
	l := r.login()
	if _, err := l.Password(t.Context(), "admin", newSecret, nil); !errors.Is(err, ErrSecondFactor) {
		t.Errorf("the command line without: %v", err)
	}
	l.Code = func() (string, error) { return a.code(), nil }
	if _, err := l.Password(t.Context(), "admin", newSecret, nil); err != nil {
		t.Errorf("the command line: %v", err)
	}
}

// TestSecondFactorGuesses: five wrong ones, then the password is asked for again; the owner elsewhere is not stopped.
func TestSecondFactorGuesses(t *testing.T) {
	r, a, _ := withApp(t)
	at := r.authURL("console", r.consoleRedirect(), aVerifier, nil)
	r.source.set("198.51.100.7")
	b := r.browser(t)
	_, body := b.signIn(at)
	for n := range maxSecondTries {
		resp, page := b.second(body, "000000")
		if resp.StatusCode != http.StatusForbidden || strings.Contains(page, `name="password"`) != (n == maxSecondTries-1) {
			t.Fatalf("%d: %d %s", n, resp.StatusCode, page)
		}
	}
	if resp, _ := b.second(body, a.code()); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("the right one, too late: %d", resp.StatusCode)
	}
	_, body = b.signIn(at)
	if resp, _ := b.second(body, "000000"); resp.StatusCode != http.StatusForbidden && resp.StatusCode != http.StatusTooManyRequests {
		t.Errorf("%d", resp.StatusCode)
	}
	if resp, _ := b.second(body, "000000"); resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("Retry-After") == "" {
		t.Errorf("the guesser goes on: %d", resp.StatusCode)
	}
	r.source.set("192.0.2.1")
	owner := r.browser(t)
	_, body = owner.signIn(at)
	if resp, _ := owner.second(body, a.code()); codeOf(resp) == "" {
		t.Errorf("the owner: %d", resp.StatusCode)
	}
}

// TestPasswordChangedBetween: whoever has passed the password that was replaced meanwhile gets nothing for the second factor.
func TestPasswordChangedBetween(t *testing.T) {
	r, a, _ := withApp(t)
	b := r.browser(t)
	_, body := b.signIn(r.authURL("console", r.consoleRedirect(), aVerifier, nil))
	if _, err := NewOneTimePassword(t.Context(), r.store, provisioning.Subject{System: true}, testDomain, "admin"); err != nil {
		t.Fatal(err)
	}
	if resp, _ := b.second(body, a.code()); resp.StatusCode != http.StatusBadRequest || codeOf(resp) != "" {
		t.Errorf("%d", resp.StatusCode)
	}
}

// TestStepUpAtSignIn: RFC 9470: a client asks for more than the session has, for a fresh one, or for what nobody knows.
func TestStepUpAtSignIn(t *testing.T) {
	r := withAdmin(t)
	console := func(extra map[string]string) string {
		return r.authURL("console", r.consoleRedirect(), aVerifier, extra)
	}
	mfa := map[string]string{"acr_values": "urn:elsewhere " + ACRMFA}
	b := r.browser(t)
	if resp, body := b.signIn(console(nil)); codeOf(resp) == "" {
		t.Fatalf("%d %s", resp.StatusCode, body)
	}
	silent := map[string]string{"acr_values": ACRMFA, "prompt": "none"}
	if resp, _ := b.visit(console(silent)); !strings.Contains(resp.Header.Get("Location"), "error=interaction_required") {
		t.Errorf("without a page: %s", resp.Header.Get("Location"))
	}
	if resp, _ := b.visit(console(map[string]string{"acr_values": "urn:elsewhere"})); !strings.Contains(resp.Header.Get("Location"), "error=unmet_authentication_requirements") {
		t.Errorf("unknown class: %d %s", resp.StatusCode, resp.Header.Get("Location"))
	}
	// Nobody has a factor yet: one is added on the way.
	resp, body := b.visit(console(mfa))
	if !strings.HasSuffix(resp.Request.URL.Path, "/account") || !strings.Contains(body, pageTexts["en"].NeedFactor) || strings.Contains(body, `id="go-on"`) {
		t.Fatalf("%s: %s", resp.Request.URL, body)
	}
	a, _, body := b.addApp(body)
	m := regexp.MustCompile(`id="go-on" href="([^"]+)"`).FindStringSubmatch(body)
	if m == nil {
		t.Fatal(body)
	}
	resp, body = b.visit(r.server.URL + m[1])
	if codeOf(resp) == "" {
		t.Fatalf("%d %s", resp.StatusCode, body)
	}
	access, _ := r.claimsOf(t, "console", r.consoleRedirect(), codeOf(resp))
	wantClaims(t, access, ACRMFA, "pwd", "otp", "mfa")
	if resp, _ := b.visit(console(mfa)); codeOf(resp) == "" {
		t.Errorf("from the session: %d", resp.StatusCode)
	}
	// A fresh one.
	r.clock.add(10 * time.Minute)
	before := r.clock.now()
	for name, extra := range map[string]map[string]string{"prompt": {"prompt": "login"}, "max_age": {"max_age": "300"}, "max_age 0": {"max_age": "0"}} {
		resp, body := b.visit(console(extra))
		if codeOf(resp) != "" || !strings.Contains(body, `name="password"`) {
			t.Fatalf("%s: %d %s", name, resp.StatusCode, body)
		}
		p := formOf(t, resp, body)
		p.values.Set("user", "admin")
		p.values.Set("password", newSecret)
		_, body = b.post(p)
		resp, body = b.second(body, a.code())
		if codeOf(resp) == "" {
			t.Fatalf("%s: %d %s", name, resp.StatusCode, body)
		}
		access, id := r.claimsOf(t, "console", r.consoleRedirect(), codeOf(resp))
		if at := access["auth_time"].(float64); int64(at) < before.Unix() || id["auth_time"] != access["auth_time"] {
			t.Errorf("%s: auth_time %v, signed in after %d", name, at, before.Unix())
		}
		r.clock.add(10 * time.Minute)
	}
	// A session of before the app was added has ended with that; more than an app is asked for by another class.
	if resp, body := b.visit(console(map[string]string{"acr_values": ACRPhishingResistant})); !strings.Contains(body, pageTexts["en"].NeedPasskey) {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}
