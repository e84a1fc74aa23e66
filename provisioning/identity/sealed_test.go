package identity

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
)

// sealedRig has the break-glass account beside the administrator, and what was told of its uses.
func sealedRig(t *testing.T) (*rig, string, *[]provisioning.EmergencySignIn) {
	r := withAdmin(t)
	credential, err := SealAccount(t.Context(), r.store, testDomain)
	if err != nil {
		t.Fatal(err)
	}
	told := &[]provisioning.EmergencySignIn{}
	r.cfg.BrokenGlass = func(_ string, e provisioning.EmergencySignIn) { *told = append(*told, e) }
	return r, credential, told
}

// open goes to the page that asks for the reason.
func (b *browser) open(at, credential string) (*http.Response, string) {
	b.t.Helper()
	resp, page := b.visit(at)
	p := formOf(b.t, resp, page)
	p.values.Set("user", provisioning.SealedAccount)
	p.values.Set("password", credential)
	return b.post(p)
}

// TestBreakGlass: the credential's use is told and recorded before anything is given for it; it lasts for an hour, whatever is refreshed.
func TestBreakGlass(t *testing.T) {
	r, credential, told := sealedRig(t)
	at := r.authURL("pbx-cli", cliRedirect, aVerifier, map[string]string{"scope": "openid offline_access"})
	b := r.browser(t)
	resp, page := b.open(at, credential)
	if resp.StatusCode != http.StatusOK || codeOf(resp) != "" || len(*told) != 1 || (*told)[0].Who != "" || (*told)[0].Source != "192.0.2.1" {
		t.Fatalf("%d, told %+v: %s", resp.StatusCode, *told, page)
	}
	if n := len(r.store.entries("sign-in.break-glass")); n != 1 {
		t.Errorf("%d audit entries", n)
	}
	p := b.formOn(page)
	p.values.Set("who", "田中")
	if resp, _ := b.post(p); resp.StatusCode != http.StatusUnprocessableEntity {
		t.Errorf("without a reason: %d", resp.StatusCode)
	}
	p.values.Set("reason", "認証基盤の障害")
	resp, page = b.post(p)
	if codeOf(resp) == "" {
		t.Fatalf("%d %s", resp.StatusCode, page)
	}
	uses := usesOf(t, r)
	if len(uses) != 1 || uses[0].Who != "田中" || uses[0].Reason != "認証基盤の障害" || !uses[0].Unreviewed() || uses[0].ID != (*told)[0].ID {
		t.Errorf("%+v", uses)
	}
	m := r.tokenRequest(t, codeForm("pbx-cli", cliRedirect, codeOf(resp)), http.StatusOK)
	s, err := r.verify.Verify(t.Context(), m["access_token"].(string))
	if err != nil || s.User != provisioning.SealedAccount || s.ACR != ACRSealed {
		t.Errorf("%+v %v", s, err)
	}
	refresh := m["refresh_token"].(string)
	began := r.clock.now()
	for r.clock.now().Before(began.Add(50 * time.Minute)) {
		r.clock.add(9 * time.Minute)
		next, err := r.login().Refresh(t.Context(), refresh)
		if err != nil {
			t.Fatal(err)
		}
		refresh = next.Refresh
		if s, err = r.verify.Verify(t.Context(), next.Access); err != nil || s.Expires.After(began.Add(sealedTTL+time.Second)) {
			t.Errorf("%v after the start: ends %v after it, %v", r.clock.now().Sub(began), s.Expires.Sub(began), err)
		}
	}
	if list, err := r.Sessions(t.Context(), testDomain, provisioning.SealedAccount); err != nil || len(list) != 2 {
		t.Errorf("%+v %v", list, err)
	}
	r.clock.add(7 * time.Minute)
	if _, err := r.login().Refresh(t.Context(), refresh); !errors.Is(err, ErrLogin) {
		t.Errorf("after an hour: %v", err)
	}
	if resp, page := b.visit(at); !strings.Contains(page, `name="password"`) {
		t.Errorf("the browser after an hour: %d", resp.StatusCode)
	}
}

func usesOf(t *testing.T, r *rig) (out []provisioning.EmergencySignIn) {
	t.Helper()
	if err := r.store.View(t.Context(), func(rd provisioning.Reader) (err error) {
		out, err = provisioning.List[provisioning.EmergencySignIn](rd, testDomain, "", 0)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestBreakGlassIsSealed: kept hashed only, replaced by nobody but the command, with no second factor and no page of its own; without the record there is
// nothing.
func TestBreakGlassIsSealed(t *testing.T) {
	r, credential, told := sealedRig(t)
	_, v, _, err := readAccount(t.Context(), r.store, account{testDomain, provisioning.SealedAccount})
	if err != nil || !v.Sealed || strings.Contains(string(v.encode()), credential) || len(credential) != 29 {
		t.Errorf("%v, %d characters, %v", v.Sealed, len(credential), err)
	}
	var denied *provisioning.Denied
	if _, err := r.ResetPassword(t.Context(), provisioning.Subject{Domain: testDomain, User: "admin"}, testDomain, provisioning.SealedAccount); !errors.As(err, &denied) {
		t.Errorf("replaced by an administrator: %v", err)
	}
	b := r.browser(t)
	at := r.authURL("console", r.consoleRedirect(), aVerifier, nil)
	r.store.fail.Store(true)
	if resp, _ := b.open(at, credential); resp.StatusCode != http.StatusInternalServerError || len(*told) != 0 {
		t.Errorf("without a record: %d, told %d", resp.StatusCode, len(*told))
	}
	r.store.fail.Store(false)
	_, page := b.open(at, credential)
	p := b.formOn(page)
	p.values.Set("who", "x")
	p.values.Set("reason", "y")
	if resp, body := b.post(p); codeOf(resp) == "" {
		t.Fatalf("%d %s", resp.StatusCode, body)
	}
	if resp, body := b.visit(r.server.URL + "/identity/account"); resp.StatusCode != http.StatusBadRequest {
		t.Errorf("its account page: %d %s", resp.StatusCode, body)
	}
	resp, _ := b.visit(r.authURL("console", r.consoleRedirect(), aVerifier, map[string]string{"acr_values": ACRPhishingResistant}))
	if codeOf(resp) == "" {
		t.Fatalf("asked for a passkey: %d", resp.StatusCode)
	}
	access, id := r.claimsOf(t, "console", r.consoleRedirect(), codeOf(resp))
	wantClaims(t, access, ACRSealed, "pwd") // it comes in, and nothing is said of it that was not shown
	wantClaims(t, id, ACRSealed, "pwd")
	again, err := SealAccount(t.Context(), r.store, testDomain)
	if err != nil || again == credential {
		t.Fatal(err)
	}
	if resp, _ := b.visit(at); codeOf(resp) != "" {
		t.Error("the session outlives the credential")
	}
	if resp, _ := r.browser(t).open(at, credential); resp.StatusCode != http.StatusForbidden {
		t.Errorf("the old credential: %d", resp.StatusCode)
	}
	r.store.put(testDomain, provisioning.User{Name: "bob"})
	if err := r.store.Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		if err := w.Delete(testDomain, provisioning.KindUser, provisioning.SealedAccount, ""); err != nil {
			return err
		}
		_, err := w.Put(testDomain, provisioning.User{Name: provisioning.SealedAccount}, "!")
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := SealAccount(t.Context(), r.store, testDomain); !errors.Is(err, provisioning.ErrExists) {
		t.Errorf("a person of that name: %v", err)
	}
}

// TestSealedOnly: with an outside issuer nobody signs in here but the break-glass account: not by password, not by passkey, not by what was given before.
func TestSealedOnly(t *testing.T) {
	r, credential, told := sealedRig(t)
	l := r.login()
	tok, err := l.Password(t.Context(), "admin", newSecret, nil)
	if err != nil {
		t.Fatal(err)
	}
	at := r.authURL("console", r.consoleRedirect(), aVerifier, nil)
	b := r.browser(t)
	b.signIn(at)
	r.cfg.SealedOnly = true
	if _, err := l.Password(t.Context(), "admin", newSecret, nil); !errors.Is(err, ErrWrongPassword) {
		t.Errorf("by password: %v", err)
	}
	if _, err := l.Refresh(t.Context(), tok.Refresh); !errors.Is(err, ErrLogin) {
		t.Errorf("by a refresh token: %v", err)
	}
	if resp, _ := b.visit(at); codeOf(resp) != "" {
		t.Error("by a session")
	}
	if resp, _ := r.browser(t).open(at, credential); resp.StatusCode != http.StatusOK || len(*told) != 1 {
		t.Errorf("the break-glass account: %d", resp.StatusCode)
	}
}
