package identity

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"naisen/provisioning"
)

const testDomain = "pbx.example.jp"

// rig is an embedded service behind a real HTTP server, with one administrator.
type rig struct {
	*Service
	store  *testStore
	clock  *fakeClock
	server *httptest.Server
	dir    string
	source *sourceSwitch
	verify *Verifier
}

// sourceSwitch lets a test come from another address.
type sourceSwitch struct {
	mu sync.Mutex
	v  string
}

func (s *sourceSwitch) set(v string) { s.mu.Lock(); s.v = v; s.mu.Unlock() }
func (s *sourceSwitch) get(*http.Request) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.v
}

func newRig(t testing.TB) *rig { return newRigAt(t, "127.0.0.1") }

// newRigAt is reached by that name of the loopback: passkeys need one that is no address.
func newRigAt(t testing.TB, host string) *rig {
	r := &rig{store: newTestStore(t), clock: newClock(), dir: sharedKeys(), source: &sourceSwitch{v: "192.0.2.1"}}
	r.store.put(testDomain, provisioning.Domain{Name: testDomain})
	mux := http.NewServeMux()
	r.server = httptest.NewServer(mux)
	r.server.URL = strings.Replace(r.server.URL, "127.0.0.1", host, 1)
	t.Cleanup(r.server.Close)
	r.restart(t, mux)
	return r
}

// knownVerifier is of newSecret: made once, because making one is work on purpose.
var knownVerifier = sync.OnceValue(func() []byte { return newVerifier(newSecret, false).encode() })

// withAdmin has the administrator with newSecret as password.
func withAdmin(t testing.TB) *rig { return withAdminAt(t, "127.0.0.1") }

func withAdminAt(t testing.TB, host string) *rig {
	r := newRigAt(t, host)
	r.store.put(testDomain, provisioning.User{Name: "admin", Roles: []provisioning.Role{provisioning.RoleAdmin}})
	err := r.store.Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		return w.PutSecret(testDomain, secretPassword, "admin", knownVerifier())
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// restart makes a new Service on the same store and keys; only the first call mounts it.
func (r *rig) restart(t testing.TB, mux *http.ServeMux) {
	s, err := NewService(ServiceConfig{Issuer: r.server.URL + "/identity", KeyDir: r.dir, Store: r.store, Domain: testDomain,
		Clock: r.clock.now, Log: quiet(), Source: r.source.get,
		Clients: []Client{CLIClient(), {ID: "console", Name: "Console", RedirectURIs: []string{r.server.URL + "/console"}}}})
	if err != nil {
		t.Fatal(err)
	}
	r.Service = s
	if mux != nil {
		mux.Handle(s.Path()+"/", http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) { r.Service.Handler().ServeHTTP(w, q) }))
	}
	r.verify = newTestVerifier(t, r.clock, storeUsers(context.Background(), r.store), s.Issuer())
}

func (r *rig) login() Login {
	return Login{Issuer: r.server.URL + "/identity", HTTP: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
}

const newSecret = "correct horse battery"

func choose(p string) func() (string, error) { return func() (string, error) { return p, nil } }

// signedIn has the administrator signed in once.
func signedIn(t *testing.T) (*rig, Tokens) {
	r := withAdmin(t)
	tok, err := r.login().Password(t.Context(), "admin", newSecret, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r, tok
}

func TestSignInWithForcedPasswordChange(t *testing.T) {
	r := newRig(t)
	oneTime, err := Bootstrap(t.Context(), r.store, testDomain)
	if err != nil || oneTime == "" || strings.Contains(oneTime, " ") {
		t.Fatalf("one-time password %q, %v", oneTime, err)
	}
	if again, err := Bootstrap(t.Context(), r.store, testDomain); err != nil || again != "" {
		t.Fatalf("second bootstrap gave a password (%v)", err)
	}
	// Without a new password there is no code.
	if _, err := r.login().Password(t.Context(), "admin", oneTime, nil); !errors.Is(err, ErrWeakPassword) {
		t.Fatalf("got %v, want ErrWeakPassword", err)
	}
	if n := len(r.store.entries("sign-in.ok")); n != 0 {
		t.Fatalf("%d sign-ins in the audit log before the password was changed", n)
	}
	asked := 0
	tries := []string{"short", oneTime, "xxadminxxxxxxx", "aaaaaaaaaaaaaa", newSecret}
	tok, err := r.login().Password(t.Context(), "admin", oneTime, func() (string, error) { asked++; return tries[asked-1], nil })
	if err != nil {
		t.Fatal(err)
	}
	if asked != len(tries) {
		t.Errorf("asked %d times, want %d: a weak password was taken", asked, len(tries))
	}
	s, err := r.verify.Verify(t.Context(), tok.Access)
	if err != nil {
		t.Fatal(err)
	}
	if s.Domain != testDomain || s.User != "admin" || s.Client != "pbx-cli" || s.ACR != ACRPassword || !slices.Contains(s.Roles, provisioning.RoleAdmin) {
		t.Errorf("got %+v", s)
	}
	if _, err := r.login().Password(t.Context(), "admin", oneTime, choose("another good one")); !errors.Is(err, ErrWrongPassword) {
		t.Errorf("the one-time password works twice: %v", err)
	}
	if _, err := r.login().Password(t.Context(), "Admin@"+testDomain, newSecret, nil); err != nil {
		t.Errorf("name with domain: %v", err)
	}
	if ok, bad := len(r.store.entries("sign-in.ok")), len(r.store.entries("sign-in.failed")); ok != 2 || bad != 1 {
		t.Errorf("audit: %d ok, %d failed; want 2, 1", ok, bad)
	}
	if tok.String() != "[redacted]" {
		t.Error("tokens print")
	}
}

func TestAccessTokenForm(t *testing.T) {
	r, tok := signedIn(t)
	parts := strings.Split(tok.Access, ".")
	var head, body map[string]any
	for i, into := range []*map[string]any{&head, &body} {
		b, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || json.Unmarshal(b, into) != nil {
			t.Fatal(err)
		}
	}
	if head["typ"] != "at+jwt" || head["alg"] != "RS256" || head["kid"] == "" {
		t.Errorf("header %v", head)
	}
	for _, claim := range []string{"iss", "sub", "aud", "exp", "iat", "jti", "client_id", "auth_time", "acr", "amr", "domain", "roles", "scope"} {
		if body[claim] == nil {
			t.Errorf("claim %s is missing (RFC 9068 section 2.2)", claim)
		}
	}
	// The ID token of the same answer is not an access token.
	id := r.tokenRequest(t, url.Values{"grant_type": {"refresh_token"}, "client_id": {"pbx-cli"}, "refresh_token": {tok.Refresh}}, 200)["id_token"]
	_, err := r.verify.Verify(t.Context(), id.(string))
	wantStatus(t, err, http.StatusUnauthorized, "type")
	// And not for another service of the same issuer configuration.
	loose := r.Issuer()
	loose.RequireATJWT = false
	v := newTestVerifier(t, r.clock, storeUsers(context.Background(), r.store), loose)
	if _, err := v.Verify(t.Context(), id.(string)); err == nil {
		t.Error("an ID token passed the loose issuer")
	}
}

// tokenRequest posts to the token endpoint and returns the JSON.
func (r *rig) tokenRequest(t *testing.T, form url.Values, status int) map[string]any {
	t.Helper()
	resp, err := r.client(nil).PostForm(r.server.URL+"/identity/token", form)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != status {
		t.Fatalf("token endpoint: %d %s, want %d", resp.StatusCode, b, status)
	}
	if resp.Header.Get("Cache-Control") != "no-store" {
		t.Error("token answer may be stored")
	}
	m := map[string]any{}
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func (r *rig) client(jar http.CookieJar) *http.Client {
	return &http.Client{Jar: jar, CheckRedirect: noRedirect, Transport: &http.Transport{DisableKeepAlives: true}}
}

func TestRefreshRotatesAndNoticesReuse(t *testing.T) {
	r, tok := signedIn(t)
	next, err := r.login().Refresh(t.Context(), tok.Refresh)
	if err != nil {
		t.Fatal(err)
	}
	if next.Refresh == tok.Refresh || next.Refresh == "" {
		t.Fatal("refresh token was not rotated")
	}
	r.restart(t, nil) // state is in the store, keys are in the directory
	if _, err := r.verify.Verify(t.Context(), next.Access); err != nil {
		t.Errorf("access token after a restart: %v", err)
	}
	third, err := r.login().Refresh(t.Context(), next.Refresh)
	if err != nil {
		t.Fatalf("refresh after a restart: %v", err)
	}
	if _, err := r.login().Refresh(t.Context(), tok.Refresh); !errors.Is(err, ErrLogin) {
		t.Fatalf("old refresh token: %v", err)
	}
	if _, err := r.login().Refresh(t.Context(), third.Refresh); !errors.Is(err, ErrLogin) {
		t.Fatalf("the thief's or the owner's token survived the reuse: %v", err)
	}
}

func TestRefreshEnds(t *testing.T) {
	cases := []struct {
		name string
		do   func(t *testing.T, r *rig, tok Tokens)
	}{
		{"user disabled", func(t *testing.T, r *rig, _ Tokens) {
			r.store.put(testDomain, provisioning.User{Name: "admin", Disabled: true})
		}},
		{"user deleted", func(t *testing.T, r *rig, _ Tokens) {
			r.store.Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
				return w.Delete(testDomain, provisioning.KindUser, "admin", "")
			})
		}},
		{"password reset", func(t *testing.T, r *rig, _ Tokens) {
			if _, err := r.ResetPassword(t.Context(), provisioning.Subject{System: true}, testDomain, "admin"); err != nil {
				t.Fatal(err)
			}
		}},
		{"revoked", func(t *testing.T, r *rig, tok Tokens) {
			resp, err := r.client(nil).PostForm(r.server.URL+"/identity/revoke", url.Values{"client_id": {"pbx-cli"}, "token": {tok.Refresh}})
			if err != nil || resp.StatusCode != 200 {
				t.Fatalf("%v %v", resp, err)
			}
			resp.Body.Close()
		}},
		{"not used for 15 days", func(t *testing.T, r *rig, _ Tokens) { r.clock.add(15 * 24 * time.Hour) }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r, tok := signedIn(t)
			c.do(t, r, tok)
			if _, err := r.login().Refresh(t.Context(), tok.Refresh); !errors.Is(err, ErrLogin) {
				t.Fatalf("got %v, want ErrLogin", err)
			}
		})
	}
	t.Run("wrong client, more scope, garbage", func(t *testing.T) {
		r, tok := signedIn(t)
		for _, form := range []url.Values{
			{"grant_type": {"refresh_token"}, "client_id": {"console"}, "refresh_token": {tok.Refresh}},
			{"grant_type": {"refresh_token"}, "client_id": {"pbx-cli"}, "refresh_token": {tok.Refresh}, "scope": {"openid profile"}},
			{"grant_type": {"refresh_token"}, "client_id": {"pbx-cli"}, "refresh_token": {"nrt1.AAAA.x.y"}},
			{"grant_type": {"refresh_token"}, "client_id": {"pbx-cli"}, "refresh_token": {tok.Access}},
			{"grant_type": {"password"}, "client_id": {"pbx-cli"}, "username": {"admin"}, "password": {newSecret}},
			{"grant_type": {"client_credentials"}, "client_id": {"pbx-cli"}},
		} {
			r.tokenRequest(t, form, http.StatusBadRequest)
		}
		if _, err := r.login().Refresh(t.Context(), tok.Refresh); err != nil {
			t.Fatalf("the real one no longer works: %v", err)
		}
	})
}

func TestThrottle(t *testing.T) {
	r := withAdmin(t)
	r.source.set("198.51.100.7")
	var last error
	wrong := 0
	for range 8 {
		if _, last = r.login().Password(t.Context(), "admin", "wrong password", nil); errors.Is(last, ErrWrongPassword) {
			wrong++
		}
	}
	if wrong != 5 || !errors.Is(last, ErrTooMany) {
		t.Fatalf("%d guesses were weighed (last: %v), want 5 and then 429", wrong, last)
	}
	if _, err := r.login().Password(t.Context(), "admin", newSecret, nil); !errors.Is(err, ErrTooMany) {
		t.Errorf("the guesser's source with the right password: %v, want ErrTooMany", err)
	}
	r.source.set("192.0.2.1")
	if _, err := r.login().Password(t.Context(), "admin", newSecret, nil); err != nil {
		t.Errorf("the owner elsewhere: %v", err)
	}
	r.source.set("198.51.100.7")
	r.clock.add(31 * time.Second)
	if _, err := r.login().Password(t.Context(), "admin", newSecret, nil); err != nil {
		t.Errorf("after half a minute: %v", err)
	}
	// Twenty names from one source.
	r.source.set("198.51.100.8")
	wrong = 0
	for i := range 25 {
		if _, err := r.login().Password(t.Context(), "user"+string(rune('a'+i)), "wrong password", nil); errors.Is(err, ErrWrongPassword) {
			wrong++
		}
	}
	if wrong < 20 || wrong > 21 {
		t.Errorf("%d guesses over many names, want 20", wrong)
	}
}

// TestUnknownUserLooksAlike: status, headers and page; the time is the same work (checkPassword hashes either way).
func TestUnknownUserLooksAlike(t *testing.T) {
	r := withAdmin(t)
	r.store.put(testDomain, provisioning.User{Name: "off", Disabled: true})
	r.store.put(testDomain, provisioning.User{Name: "bare"}) // no password
	var pages []string
	for _, name := range []string{"admin", "nobody", "off", "bare", "x@other.example"} {
		f, resp := r.open(t, nil)
		body, _ := io.ReadAll(resp.Body)
		form := fields(t, f, resp, body)
		form.values.Set("user", name)
		form.values.Set("password", "wrong password")
		answer, err := f.post(t.Context(), form)
		if err != nil {
			t.Fatal(err)
		}
		page, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		answer.Header.Del("Date")
		if answer.StatusCode != http.StatusForbidden {
			t.Errorf("%s: %d", name, answer.StatusCode)
		}
		text := strings.NewReplacer(form.values.Get("id"), "ID", form.values.Get("csrf"), "CSRF", `value="`+name+`"`, "").Replace(string(page))
		head, _ := json.Marshal(answer.Header)
		pages = append(pages, text+strings.ReplaceAll(string(head), answer.Header.Get("Content-Length"), "n"))
	}
	for i := range pages {
		if pages[i] != pages[0] {
			t.Errorf("page %d differs:\n%s\n%s", i, pages[i], pages[0])
		}
	}
	for _, e := range r.store.entries("sign-in.failed") {
		if strings.Contains(e.Object, "nobody") || strings.Contains(e.Object, "x@other") {
			t.Errorf("a name that is no user's is in the audit log: %s", e.Object)
		}
	}
}

// open begins a sign-in and returns its first page.
func (r *rig) open(t *testing.T, extra url.Values) (*flow, *http.Response) {
	t.Helper()
	f, err := r.login().start(t.Context(), "http://127.0.0.1:1/callback")
	if err != nil {
		t.Fatal(err)
	}
	if len(extra) > 0 {
		u, _ := url.Parse(f.url)
		q := u.Query()
		for k, v := range extra {
			q[k] = v
		}
		u.RawQuery = q.Encode()
		f.url = u.String()
	}
	resp, err := f.get(t.Context(), f.url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return f, resp
}

func fields(t *testing.T, f *flow, resp *http.Response, body []byte) form {
	t.Helper()
	resp.Body = io.NopCloser(strings.NewReader(string(body)))
	p, err := readForm(resp)
	if err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return p
}
