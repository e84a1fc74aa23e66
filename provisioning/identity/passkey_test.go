package identity

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"naisen/provisioning"
)

// addKey adds a passkey on the account page that the browser shows.
func (b *browser) addKey(k *softKey, body string) string {
	b.t.Helper()
	_, body = b.press(body, "passkey", nil)
	resp, body := b.press(body, "passkey-confirm", url.Values{"passkey": {k.create(body)}, "name": {"青い鍵"}})
	if resp.StatusCode != http.StatusOK || !strings.Contains(body, "青い鍵") {
		b.t.Fatalf("%d %s", resp.StatusCode, body)
	}
	return body
}

// withKey has the administrator with a passkey.
func withKey(t *testing.T) (*rig, *softKey) {
	r := withAdminAt(t, "localhost")
	k := newSoftKey(t, r)
	b := r.browser(t)
	resp, _ := b.signIn(r.server.URL + "/identity/account")
	_, body := b.visit(location(b.t, resp).String())
	if codes := codesOf(b.addKey(k, body)); len(codes) != recoveryCodes {
		t.Fatalf("%d recovery codes", len(codes))
	}
	return r, k
}

// answer sends a passkey's answer with the form of the page.
func (b *browser) answer(page, answer string) (*http.Response, string) {
	b.t.Helper()
	p := b.formOn(page)
	p.values.Set("passkey", answer)
	return b.post(p)
}

// TestPasskeySecond: a passkey beside the password; the tokens say how its key is kept.
func TestPasskeySecond(t *testing.T) {
	for name, c := range map[string]struct {
		flags byte
		amr   []string
	}{
		"in a device": {flagPresent, []string{"pwd", "hwk", "user", "mfa"}},
		"synced":      {flagPresent | flagVerified | flagEligible | flagBacked, []string{"pwd", "swk", "user", "mfa"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := withAdminAt(t, "localhost")
			k := newSoftKey(t, r)
			k.flags = c.flags
			b := r.browser(t)
			resp, _ := b.signIn(r.server.URL + "/identity/account")
			_, body := b.visit(location(b.t, resp).String())
			codes := codesOf(b.addKey(k, body))
			b = r.browser(t)
			resp, page := b.signIn(r.authURL("console", r.consoleRedirect(), aVerifier, map[string]string{"acr_values": ACRPhishingResistant}))
			if csp := resp.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "script-src 'self'") || strings.Contains(page, `name="code"`) {
				t.Errorf("%s: %s", csp, page)
			}
			allowed := optionsOn(t, page)["allowCredentials"].([]any)
			if len(allowed) != 1 || allowed[0].(map[string]any)["id"] != b64.EncodeToString(k.id) {
				t.Errorf("%v", allowed)
			}
			p := b.formOn(page)
			p.values.Set("code", codes[0])
			if resp, page = b.post(p); resp.StatusCode != http.StatusForbidden || codeOf(resp) != "" {
				t.Errorf("a recovery code in place of the passkey: %d", resp.StatusCode)
			}
			resp, page = b.answer(page, k.get(page))
			if codeOf(resp) == "" {
				t.Fatalf("%d %s", resp.StatusCode, page)
			}
			access, id := r.claimsOf(t, "console", r.consoleRedirect(), codeOf(resp))
			wantClaims(t, access, ACRPhishingResistant, c.amr...)
			wantClaims(t, id, ACRPhishingResistant, c.amr...)
		})
	}
}

// TestPasswordless: a passkey that has verified its holder needs neither name nor password.
func TestPasswordless(t *testing.T) {
	r, k := withKey(t)
	at := r.authURL("console", r.consoleRedirect(), aVerifier, nil)
	b := r.browser(t)
	_, page := b.visit(at)
	o := optionsOn(t, page)
	if o["userVerification"] != "required" || o["allowCredentials"] != nil || o["rpId"] != "localhost" {
		t.Errorf("%v", o)
	}
	answer := k.get(page)
	resp, body := b.answer(page, answer)
	if codeOf(resp) == "" {
		t.Fatalf("%d %s", resp.StatusCode, body)
	}
	access, _ := r.claimsOf(t, "console", r.consoleRedirect(), codeOf(resp))
	wantClaims(t, access, ACRPhishingResistant, "hwk", "user", "mfa")
	if access["preferred_username"] != "admin" {
		t.Errorf("%v", access)
	}
	if resp, _ := b.answer(page, answer); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("the same answer to a sign-in that is over: %d", resp.StatusCode)
	}
	other := r.browser(t)
	_, page = other.visit(at)
	if resp, _ := other.answer(page, answer); resp.StatusCode != http.StatusForbidden {
		t.Errorf("a recorded answer to another sign-in: %d", resp.StatusCode)
	}
	f, err := r.Factors(t.Context(), testDomain, "admin")
	if err != nil || len(f.Passkeys) != 1 || f.Passkeys[0].Name != "青い鍵" || f.Passkeys[0].Synced || f.Passkeys[0].Used.IsZero() {
		t.Errorf("%+v %v", f, err)
	}
}

// TestPasskeyRefused: answers that are not of the person's key, of this page, of this site, or of now. Each is for one try.
func TestPasskeyRefused(t *testing.T) {
	r, k := withKey(t)
	stranger := newSoftKey(t, r)
	stranger.id, stranger.handle, stranger.rpID = k.id, k.handle, k.rpID
	at := r.authURL("console", r.consoleRedirect(), aVerifier, nil)
	plain := func(k *softKey) *softKey { c := *k; k.count++; c.count = k.count + 1; k.count++; return &c }
	for name, answer := range map[string]func(page string) string{
		"another key":  stranger.get,
		"not verified": func(page string) string { c := plain(k); c.flags = flagPresent; return c.get(page) },
		"not present":  func(page string) string { c := plain(k); c.flags = flagVerified; return c.get(page) },
		"another site": func(page string) string { c := plain(k); c.origin = "https://evil.example"; return c.get(page) },
		"another port": func(page string) string { c := plain(k); c.origin = "http://localhost:1"; return c.get(page) },
		"another relying party": func(page string) string {
			c := plain(k)
			c.rpID = "evil.example"
			return c.get(page)
		},
		"another challenge": func(page string) string {
			c := plain(k)
			c.change = func(client map[string]any, d []byte) []byte {
				client["challenge"] = b64.EncodeToString(make([]byte, 32))
				return d
			}
			return c.get(page)
		},
		"a registration": func(page string) string {
			c := plain(k)
			c.change = func(client map[string]any, d []byte) []byte { client["type"] = "webauthn.create"; return d }
			return c.get(page)
		},
		"nobody's handle": func(page string) string { c := plain(k); c.handle = make([]byte, 32); return c.get(page) },
		"no handle":       func(page string) string { c := plain(k); c.handle = nil; return c.get(page) },
		"not JSON":        func(string) string { return "{" },
		"a copy, whose counter is behind": func(page string) string {
			c := plain(k)
			c.count = 0
			b := r.browser(t) // the original is used meanwhile
			_, other := b.visit(at)
			if resp, _ := b.answer(other, k.get(other)); codeOf(resp) == "" {
				t.Fatal("the original")
			}
			return c.get(page)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r.clock.add(60e9) // for the throttle
			b := r.browser(t)
			_, page := b.visit(at)
			bad := answer(page)
			resp, next := b.answer(page, bad)
			if resp.StatusCode != http.StatusForbidden || codeOf(resp) != "" {
				t.Fatalf("%d %s", resp.StatusCode, next)
			}
			if optionsOn(t, next)["challenge"] == optionsOn(t, page)["challenge"] {
				t.Error("the challenge stays")
			}
		})
	}
	b := r.browser(t)
	_, page := b.visit(at)
	if resp, _ := b.answer(page, k.get(page)); codeOf(resp) == "" {
		t.Errorf("the right one in the end: %d", resp.StatusCode)
	}
}

// TestPasskeyOfWhoMayNot: disabled, or with a one-time password to be replaced first: the same answer as for another key.
func TestPasskeyOfWhoMayNot(t *testing.T) {
	r, k := withKey(t)
	try := func() int {
		b := r.browser(t)
		_, page := b.visit(r.authURL("console", r.consoleRedirect(), aVerifier, nil))
		resp, _ := b.answer(page, k.get(page))
		return resp.StatusCode
	}
	r.store.put(testDomain, provisioning.User{Name: "admin", Disabled: true})
	if got := try(); got != http.StatusForbidden {
		t.Errorf("disabled: %d", got)
	}
	r.store.put(testDomain, provisioning.User{Name: "admin"})
	if got := try(); got != http.StatusFound && got != http.StatusSeeOther {
		t.Errorf("enabled: %d", got)
	}
	if _, err := r.ResetPassword(t.Context(), provisioning.Subject{System: true}, testDomain, "admin"); err != nil {
		t.Fatal(err)
	}
	if got := try(); got != http.StatusForbidden {
		t.Errorf("with a new password to set: %d", got)
	}
	if err := r.store.Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		if err := w.Delete(testDomain, provisioning.KindUser, "admin", ""); err != nil {
			return err
		}
		_, err := w.Put(testDomain, provisioning.User{Name: "admin"}, "!")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if got := try(); got != http.StatusForbidden {
		t.Errorf("somebody of the name later: %d", got)
	}
}

// TestNewPasskeyRefused: a new key that answers another challenge, comes from elsewhere or twice is not taken.
func TestNewPasskeyRefused(t *testing.T) {
	r, k := withKey(t)
	b := r.browser(t)
	_, page := b.visit(r.server.URL + "/identity/account")
	resp, _ := b.answer(page, k.get(page))
	_, body := b.visit(location(b.t, resp).String())
	fresh := func(change func(*softKey)) func(page string) string {
		return func(page string) string { n := newSoftKey(t, r); change(n); return n.create(page) }
	}
	for name, answer := range map[string]func(page string) string{
		"another site": fresh(func(n *softKey) { n.origin = "https://evil.example" }),
		"not present":  fresh(func(n *softKey) { n.flags = 0 }),
		"nothing":      func(string) string { return "" },
		"an assertion": func(page string) string { n := newSoftKey(t, r); n.rpID = "localhost"; return n.get(page) },
	} {
		_, form := b.press(body, "passkey", nil)
		if excluded := optionsOn(t, form)["excludeCredentials"].([]any); len(excluded) != 1 {
			t.Errorf("%s: excluded %v", name, excluded)
		}
		if resp, _ := b.press(form, "passkey-confirm", url.Values{"passkey": {answer(form)}}); resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %d", name, resp.StatusCode)
		}
	}
	_, form := b.press(body, "passkey", nil)
	n := newSoftKey(t, r)
	answer := n.create(form)
	if resp, page := b.press(form, "passkey-confirm", url.Values{"passkey": {answer}}); resp.StatusCode != http.StatusOK || len(codesOf(page)) != 0 {
		t.Errorf("%d, %v", resp.StatusCode, codesOf(page))
	}
	f, err := r.Factors(t.Context(), testDomain, "admin")
	if err != nil || len(f.Passkeys) != 2 {
		t.Errorf("%+v %v", f, err)
	}
	if slices.ContainsFunc(f.Passkeys, func(p provisioning.Passkey) bool { return p.Name == "" }) {
		t.Errorf("without a name: %+v", f.Passkeys)
	}
}

// TestNoPasskeysAtAnAddress: where the service has no name, nothing offers one.
func TestNoPasskeysAtAnAddress(t *testing.T) {
	r := withAdmin(t)
	b := r.browser(t)
	resp, page := b.visit(r.authURL("console", r.consoleRedirect(), aVerifier, nil))
	if strings.Contains(page, "data-options") || strings.Contains(resp.Header.Get("Content-Security-Policy"), "script-src") {
		t.Errorf("%s", page)
	}
	if resp, _ := b.answer(page, "{}"); resp.StatusCode != http.StatusForbidden {
		t.Errorf("%d", resp.StatusCode)
	}
}
