package rest

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"naisen/provisioning"
	"naisen/provisioning/identity"
	"naisen/provisioning/policy"
)

// firstRun is a fresh machine: one server with the API and the identity service, and the first administrator's one-time password.
func firstRun(t *testing.T) (url, oneTime string) {
	t.Helper()
	st := openStore(t)
	for _, name := range []string{"alice", "bob"} { // the rig's people are not wanted here: a domain without users
		must(t, st.Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
			if _, err := w.Put(here, provisioning.Extension{Number: map[string]string{"alice": "2001", "bob": "2002"}[name]}, ""); err != nil {
				return err
			}
			return w.Delete(here, provisioning.KindUser, name, "")
		}))
	}
	oneTime, err := identity.Bootstrap(t.Context(), st, here)
	must(t, err)
	var handler atomic.Pointer[http.Handler]
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*handler.Load()).ServeHTTP(w, r) }))
	t.Cleanup(srv.Close)
	quiet := slog.New(slog.DiscardHandler)
	svc, err := identity.NewService(identity.ServiceConfig{Issuer: srv.URL + "/identity", KeyDir: t.TempDir(), Store: st, Domain: here, Log: quiet})
	must(t, err)
	users := identity.UsersFunc(func(domain, name string) (u provisioning.User, ok bool) {
		ok = st.View(context.Background(), func(r provisioning.Reader) (err error) {
			u, _, err = provisioning.Get[provisioning.User](r, domain, name)
			return err
		}) == nil
		return u, ok
	})
	verifier, err := identity.NewVerifier(identity.VerifierConfig{Issuers: []identity.Issuer{svc.Issuer()}, Users: users, Log: quiet})
	must(t, err)
	t.Cleanup(func() { verifier.Close() })
	api, err := New(Config{Store: st, Policy: policy.New(), Verifier: verifier, Passwords: svc, Log: quiet,
		Mounts: map[string]http.Handler{svc.Path() + "/": svc.Handler()}})
	must(t, err)
	handler.Store(&api)
	return srv.URL, oneTime
}

// TestFromFirstRunToDisabled is a fresh machine's story on one server: first administrator, forced new password, API, a colleague
// with fewer rights, and the colleague's end.
func TestFromFirstRunToDisabled(t *testing.T) {
	url, oneTime := firstRun(t)
	transport := &http.Transport{DisableKeepAlives: true}
	login := identity.Login{Issuer: url + "/identity", HTTP: &http.Client{Transport: transport}}
	choose := func(p string) func() (string, error) { return func() (string, error) { return p, nil } }
	root, err := login.Password(t.Context(), identity.Administrator, oneTime, choose("a long new password"))
	must(t, err)
	call := func(token, method, path, body string) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, url+path, strings.NewReader(body))
		must(t, err)
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("Content-Type", "application/json")
		resp, err := (&http.Client{Transport: transport}).Do(req)
		must(t, err)
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		must(t, err)
		return resp.StatusCode, string(b)
	}
	expect := func(want int, token, method, path, body string) string {
		t.Helper()
		got, answer := call(token, method, path, body)
		if got != want {
			t.Fatalf("%s %s: %d %s, want %d", method, path, got, answer, want)
		}
		return answer
	}
	expect(201, root.Access, "PUT", base+"/users/carol", `{"display":"Carol","roles":["telephony"]}`)
	answer := expect(200, root.Access, "POST", base+"/users/carol/password", "")
	_, rest, _ := strings.Cut(answer, `"secret":"`)
	first, _, _ := strings.Cut(rest, `"`)
	carol, err := login.Password(t.Context(), "carol", first, choose("carrots are orange"))
	must(t, err)
	expect(200, carol.Access, "GET", base+"/extensions", "")
	expect(403, carol.Access, "PUT", base+"/users/carol", `{"roles":["admin"]}`)
	expect(404, carol.Access, "GET", "/v1/domains/"+there+"/extensions/2001", "")
	expect(200, root.Access, "PUT", base+"/users/carol", `{"roles":["staff"]}`)
	expect(403, carol.Access, "GET", base+"/dids", "") // at once, with the token from before
	expect(200, root.Access, "PUT", base+"/users/carol", `{"disabled":true}`)
	expect(401, carol.Access, "GET", base+"/extensions", "")
	if _, err := login.Refresh(t.Context(), carol.Refresh); err == nil {
		t.Error("a disabled user's refresh token works")
	}
	log := expect(200, root.Access, "GET", base+"/audit?limit=1000", "")
	for _, want := range []string{"sign-in.ok", "user.put", "admin@" + here, "not-granted"} {
		if !strings.Contains(log, want) {
			t.Errorf("%q is not in the audit log", want)
		}
	}
	for _, secret := range []string{oneTime, first, "a long new password", "carrots are orange", root.Refresh, carol.Refresh} {
		if strings.Contains(log, secret) {
			t.Error("a secret is in the audit log")
		}
	}
}
