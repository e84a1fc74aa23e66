package identity

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"naisen/provisioning"
)

// browser is a person's browser: cookies, no scripts, redirects looked at one by one.
type browser struct {
	*http.Client
	t *testing.T
	r *rig
}

func (r *rig) browser(t *testing.T) *browser {
	jar, _ := cookiejar.New(nil)
	return &browser{r.client(jar), t, r}
}

// visit follows redirects inside the service and returns where it ends, with the body.
func (b *browser) visit(to string, headers ...string) (*http.Response, string) {
	b.t.Helper()
	for range 6 {
		req, err := http.NewRequestWithContext(b.t.Context(), http.MethodGet, to, nil)
		if err != nil {
			b.t.Fatal(err)
		}
		resp, body := b.send(req, headers...)
		next, err := resp.Location()
		if err != nil || !strings.HasPrefix(next.String(), b.r.server.URL+"/identity/") {
			return resp, body
		}
		to = next.String()
	}
	b.t.Fatal("redirects without end")
	return nil, ""
}

func (b *browser) send(req *http.Request, headers ...string) (*http.Response, string) {
	b.t.Helper()
	for _, h := range headers {
		k, v, _ := strings.Cut(h, ": ")
		req.Header.Set(k, v)
	}
	resp, err := b.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return resp, string(body)
}

func (b *browser) post(p form, headers ...string) (*http.Response, string) {
	b.t.Helper()
	req, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, p.action, strings.NewReader(p.values.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.send(req, headers...)
}

func formOf(t *testing.T, resp *http.Response, body string) form {
	t.Helper()
	return fields(t, nil, resp, []byte(body))
}

// authURL is an authorization request; extra overwrites, "-" removes.
func (r *rig) authURL(client, redirect, verifier string, extra map[string]string) string {
	q := url.Values{"client_id": {client}, "redirect_uri": {redirect}, "response_type": {"code"}, "scope": {"openid offline_access"},
		"state": {"st"}, "code_challenge": {oauth2.S256ChallengeFromVerifier(verifier)}, "code_challenge_method": {"S256"}}
	for k, v := range extra {
		if v == "-" {
			q.Del(k)
		} else {
			q.Set(k, v)
		}
	}
	return r.server.URL + "/identity/authorize?" + q.Encode()
}

const (
	cliRedirect = "http://127.0.0.1:4711/callback"
	aVerifier   = "0123456789012345678901234567890123456789abc"
)

func (r *rig) consoleRedirect() string { return r.server.URL + "/console" }

// signIn goes through the login page with the administrator's password and returns the answer to it.
func (b *browser) signIn(at string, headers ...string) (*http.Response, string) {
	b.t.Helper()
	resp, body := b.visit(at)
	p := formOf(b.t, resp, body)
	p.values.Set("user", "admin")
	p.values.Set("password", newSecret)
	return b.post(p, headers...)
}

func codeOf(resp *http.Response) string {
	u, err := resp.Location()
	if err != nil {
		return ""
	}
	return u.Query().Get("code")
}

// TestG14Authorize: requests that must not lead to a code.
func TestG14Authorize(t *testing.T) {
	r := withAdmin(t)
	cases := []struct {
		name, client, redirect string
		extra                  map[string]string
		sentBack               bool // the client is told at its registered address; else a 400 here
	}{
		{"no PKCE", "pbx-cli", cliRedirect, map[string]string{"code_challenge": "-", "code_challenge_method": "-"}, true},
		{"PKCE plain", "pbx-cli", cliRedirect, map[string]string{"code_challenge_method": "plain"}, true},
		{"PKCE no method", "pbx-cli", cliRedirect, map[string]string{"code_challenge_method": "-"}, true},
		{"PKCE too short", "pbx-cli", cliRedirect, map[string]string{"code_challenge": "abc"}, true},
		{"token response", "pbx-cli", cliRedirect, map[string]string{"response_type": "id_token token"}, true},
		{"fragment", "pbx-cli", cliRedirect, map[string]string{"response_mode": "fragment"}, true},
		{"form_post", "pbx-cli", cliRedirect, map[string]string{"response_mode": "form_post"}, true},
		{"request object", "pbx-cli", cliRedirect, map[string]string{"request": "eyJhbGciOiJub25lIn0.e30."}, true},
		{"long state", "pbx-cli", cliRedirect, map[string]string{"nonce": strings.Repeat("x", 2000)}, true},
		{"unknown client", "evil", cliRedirect, nil, false},
		{"no redirect", "pbx-cli", "", nil, false},
		{"open redirect", "pbx-cli", "https://evil.example/callback", nil, false},
		{"redirect by look", "pbx-cli", "http://127.0.0.1.evil.example/callback", nil, false},
		{"redirect with user", "pbx-cli", "http://127.0.0.1@evil.example/callback", nil, false},
		{"redirect path", "pbx-cli", "http://127.0.0.1:1/other", nil, false},
		{"redirect script", "pbx-cli", "javascript:alert(1)", nil, false},
		{"redirect beside", "console", r.consoleRedirect() + "/../x", nil, false},
		{"redirect of another client", "console", cliRedirect, nil, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			resp, body := r.browser(t).visit(r.authURL(c.client, c.redirect, aVerifier, c.extra))
			at := resp.Header.Get("Location")
			switch {
			case c.sentBack && (!strings.HasPrefix(at, c.redirect) || !strings.ContainsAny(at[len(c.redirect):len(c.redirect)+1], "?#") || !strings.Contains(at, "error=") || !strings.Contains(at, "state=st")):
				t.Errorf("%d to %q: %s", resp.StatusCode, at, body)
			case !c.sentBack && (resp.StatusCode != 400 || at != ""):
				t.Errorf("%d to %q: %s", resp.StatusCode, at, body)
			case strings.Contains(at, "code=") || len(resp.Cookies()) > 0:
				t.Errorf("code or cookie: %q %v", at, resp.Cookies())
			}
		})
	}
}

func TestG14Exchange(t *testing.T) {
	r := withAdmin(t)
	good := func(code string) url.Values {
		return url.Values{"grant_type": {"authorization_code"}, "client_id": {"pbx-cli"}, "redirect_uri": {cliRedirect}, "code": {code}, "code_verifier": {aVerifier}}
	}
	cases := []struct {
		name   string
		change func(url.Values)
	}{
		{"wrong verifier", func(v url.Values) { v.Set("code_verifier", strings.Repeat("x", 43)) }},
		{"no verifier", func(v url.Values) { v.Del("code_verifier") }},
		{"challenge as verifier", func(v url.Values) { v.Set("code_verifier", oauth2.S256ChallengeFromVerifier(aVerifier)) }},
		{"other client", func(v url.Values) { v.Set("client_id", "console") }},
		{"other redirect", func(v url.Values) { v.Set("redirect_uri", "http://127.0.0.1:4712/callback") }},
		{"made-up code", func(v url.Values) { v.Set("code", "abc") }},
		{"late", func(url.Values) { r.clock.add(61 * time.Second) }},
		{"user disabled meanwhile", func(url.Values) {
			r.store.put(testDomain, provisioning.User{Name: "admin", Disabled: true})
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			resp, body := r.browser(t).signIn(r.authURL("pbx-cli", cliRedirect, aVerifier, nil))
			code := codeOf(resp)
			if code == "" {
				t.Fatalf("no code: %d %s", resp.StatusCode, body)
			}
			v := good(code)
			c.change(v)
			if m := r.tokenRequest(t, v, 400); m["access_token"] != nil {
				t.Error("tokens were given")
			}
			r.store.put(testDomain, provisioning.User{Name: "admin", Roles: []provisioning.Role{provisioning.RoleAdmin}})
		})
	}
	t.Run("code twice", func(t *testing.T) {
		resp, _ := r.browser(t).signIn(r.authURL("pbx-cli", cliRedirect, aVerifier, nil))
		first := r.tokenRequest(t, good(codeOf(resp)), 200)
		r.tokenRequest(t, good(codeOf(resp)), 400)
		if _, err := r.login().Refresh(t.Context(), first["refresh_token"].(string)); !errors.Is(err, ErrLogin) {
			t.Errorf("the first use's refresh token still works: %v", err)
		}
	})
}

// TestForms: CSRF, foreign browsers and foreign sites get no session and no code.
func TestForms(t *testing.T) {
	r := withAdmin(t)
	at := r.authURL("pbx-cli", cliRedirect, aVerifier, nil)
	cases := []struct {
		name    string
		status  int
		change  func(*form, *browser) *browser
		headers []string
	}{
		{"no token", 400, func(p *form, b *browser) *browser { p.values.Del("csrf"); return b }, nil},
		{"other token", 400, func(p *form, b *browser) *browser { p.values.Set("csrf", "x"); return b }, nil},
		{"another browser", 400, func(_ *form, b *browser) *browser { return r.browser(t) }, nil},
		{"another browser with a sign-in of its own", 400, func(_ *form, _ *browser) *browser {
			b := r.browser(t)
			b.visit(at)
			return b
		}, nil},
		{"no such sign-in", 400, func(p *form, b *browser) *browser { p.values.Set("id", "x"); return b }, nil},
		{"to the password step", 400, func(p *form, b *browser) *browser {
			p.action = strings.Replace(p.action, "/login", "/password", 1)
			return b
		}, nil},
		{"cross-site", 403, nil, []string{"Sec-Fetch-Site: cross-site"}},
		{"other origin", 403, nil, []string{"Origin: https://evil.example"}},
		{"late", 400, func(_ *form, b *browser) *browser { r.clock.add(11 * time.Minute); return b }, nil},
		{"huge", 400, func(p *form, b *browser) *browser { p.values.Set("x", strings.Repeat("x", maxForm)); return b }, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			b := r.browser(t)
			resp, body := b.visit(at)
			p := formOf(t, resp, body)
			p.values.Set("user", "admin")
			p.values.Set("password", newSecret)
			if c.change != nil {
				b = c.change(&p, b)
			}
			resp, body = b.post(p, c.headers...)
			if resp.StatusCode != c.status || resp.Header.Get("Location") != "" {
				t.Errorf("%d to %q, want %d: %s", resp.StatusCode, resp.Header.Get("Location"), c.status, body)
			}
			for _, k := range resp.Cookies() {
				if strings.Contains(k.Name, cookieSession) {
					t.Error("a session was given")
				}
			}
		})
	}
}

// TestForeignBrowser: a sign-in belongs to the browser that began it, and ends once.
func TestForeignBrowser(t *testing.T) {
	r := withAdmin(t)
	at := r.authURL("pbx-cli", cliRedirect, aVerifier, nil)
	t.Run("link sent by someone else", func(t *testing.T) {
		attacker, victim := r.browser(t), r.browser(t)
		resp, _ := attacker.visit(at)
		if resp, _ := victim.visit(resp.Request.URL.String()); resp.StatusCode != 400 {
			t.Errorf("the victim's browser took over the attacker's sign-in: %d", resp.StatusCode)
		}
	})
	t.Run("twice at once", func(t *testing.T) {
		b := r.browser(t)
		resp, body := b.visit(at)
		p := formOf(t, resp, body)
		p.values.Set("user", "admin")
		p.values.Set("password", newSecret)
		codes := make([]string, 4)
		var wg sync.WaitGroup
		for i := range codes {
			wg.Go(func() { resp, _ := b.post(p); codes[i] = codeOf(resp) })
		}
		wg.Wait()
		if n := len(strings.Fields(strings.Join(codes, " "))); n != 1 {
			t.Errorf("%d codes from one sign-in", n)
		}
	})
}

func TestSessions(t *testing.T) {
	r := withAdmin(t)
	console := func(extra map[string]string) string {
		return r.authURL("console", r.consoleRedirect(), aVerifier, extra)
	}
	b := r.browser(t)
	if resp, body := b.signIn(console(nil)); codeOf(resp) == "" {
		t.Fatalf("sign-in: %d %s", resp.StatusCode, body)
	}
	shows := func(name, at, want string) {
		t.Helper()
		resp, body := b.visit(at)
		got := "code"
		switch {
		case codeOf(resp) != "":
		case strings.Contains(resp.Header.Get("Location"), "login_required"):
			got = "login_required"
		case strings.Contains(body, `name="password"`):
			got = "login"
		case strings.Contains(body, `name="other"`):
			got = "confirm"
		default:
			got = body
		}
		if got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	shows("second sign-in", console(nil), "code")
	shows("prompt=none", console(map[string]string{"prompt": "none"}), "code")
	shows("prompt=login", console(map[string]string{"prompt": "login"}), "login")
	shows("native client", r.authURL("pbx-cli", cliRedirect, aVerifier, nil), "confirm")
	r.clock.add(time.Hour)
	shows("max_age", console(map[string]string{"max_age": "60"}), "login")
	resp, body := b.visit(r.authURL("pbx-cli", cliRedirect, aVerifier, nil))
	p := formOf(t, resp, body)
	p.values.Set("other", "1")
	if resp, body := b.post(p); resp.StatusCode != 200 || !strings.Contains(body, `name="password"`) {
		t.Errorf("another account: %d", resp.StatusCode)
	}
	p.values.Del("other")
	if resp, _ := b.post(p); codeOf(resp) == "" {
		t.Errorf("confirmed: %d", resp.StatusCode)
	}
	r.store.put(testDomain, provisioning.User{Name: "admin", Disabled: true})
	shows("disabled", console(nil), "login")
	r.store.put(testDomain, provisioning.User{Name: "admin"})
	shows("enabled again: the session ended", console(nil), "login")
	b.signIn(console(nil))
	who := account{testDomain, "admin"}
	_, held, _, err := readAccount(t.Context(), r.store, who)
	if err != nil {
		t.Fatal(err)
	}
	if err := setPassword(t.Context(), r.store, who, string(held.Salt), newSecret); err != nil {
		t.Fatal(err)
	}
	shows("password changed elsewhere", console(nil), "login")
	b.signIn(console(nil))
	if _, err := NewOneTimePassword(t.Context(), r.store, provisioning.Subject{System: true}, testDomain, "admin"); err != nil {
		t.Fatal(err)
	}
	shows("password reset", console(nil), "login")
	b = r.browser(t)
	shows("no session, prompt=none", console(map[string]string{"prompt": "none"}), "login_required")
}

func TestPagesAreHardened(t *testing.T) {
	r := withAdmin(t)
	resp, body := r.browser(t).visit(r.authURL("pbx-cli", cliRedirect, aVerifier, map[string]string{"login_hint": `"><script>alert(1)</script>`}), "Accept-Language: ja,en;q=0.5")
	if strings.Contains(body, "<script>") || !strings.Contains(body, "ログイン") || resp.Header.Get("Content-Language") != "ja" {
		t.Errorf("page: %s", body)
	}
	csp := resp.Header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "form-action 'self' http://127.0.0.1:4711"} {
		if !strings.Contains(csp, want) {
			t.Errorf("CSP %q lacks %q", csp, want)
		}
	}
	for k, want := range map[string]string{"X-Frame-Options": "DENY", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"} {
		if resp.Header.Get(k) != want {
			t.Errorf("%s: %q", k, resp.Header.Get(k))
		}
	}
	done, _ := r.browser(t).signIn(r.authURL("pbx-cli", cliRedirect, aVerifier, nil))
	for _, c := range append(resp.Cookies(), done.Cookies()...) {
		if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/identity/" || c.Secure {
			t.Errorf("cookie %+v", c)
		}
	}
	if len(done.Cookies()) == 0 {
		t.Error("no session cookie")
	}
	tls, err := NewService(ServiceConfig{Issuer: "https://pbx.example.jp/identity", KeyDir: r.dir, Store: r.store, Domain: testDomain, Log: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	if !tls.secure || !strings.HasPrefix(tls.cookieName("x"), "__Secure-") {
		t.Error("https without Secure cookies")
	}
}

func TestNoAuditNoCode(t *testing.T) {
	r := withAdmin(t)
	b := r.browser(t)
	resp, body := b.visit(r.authURL("pbx-cli", cliRedirect, aVerifier, nil))
	p := formOf(t, resp, body)
	p.values.Set("user", "admin")
	p.values.Set("password", newSecret)
	r.store.fail.Store(true)
	if resp, body := b.post(p); resp.StatusCode != 500 || codeOf(resp) != "" || strings.Contains(body, errDisk.Error()) {
		t.Errorf("%d %s", resp.StatusCode, body)
	}
}

func TestDiscoveryUserInfoAndEndSession(t *testing.T) {
	r, tok := signedIn(t)
	get := func(path, token string) (int, map[string]any) {
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, r.server.URL+path, nil)
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		resp, body := r.browser(t).send(req)
		m := map[string]any{}
		_ = json.Unmarshal([]byte(body), &m)
		return resp.StatusCode, m
	}
	_, doc := get("/identity/.well-known/openid-configuration", "")
	for _, absent := range []string{"introspection_endpoint", "registration_endpoint"} {
		if s, _ := doc[absent].(string); s != "" {
			t.Errorf("%s is published: %s", absent, s)
		}
	}
	if b, _ := json.Marshal([]any{doc["grant_types_supported"], doc["response_types_supported"], doc["code_challenge_methods_supported"]}); string(b) !=
		`[["authorization_code","refresh_token","urn:ietf:params:oauth:grant-type:device_code"],["code"],["S256"]]` {
		t.Errorf("discovery promises %s", b)
	}
	if code, m := get("/identity/userinfo", tok.Access); code != 200 || m["sub"] != "admin@"+testDomain {
		t.Errorf("userinfo: %d %v", code, m)
	}
	id := r.tokenRequest(t, url.Values{"grant_type": {"refresh_token"}, "client_id": {"pbx-cli"}, "refresh_token": {tok.Refresh}}, 200)["id_token"].(string)
	if code, _ := get("/identity/userinfo", id); code != 401 {
		t.Errorf("userinfo with an ID token: %d", code)
	}
	for _, path := range []string{"/identity/oauth/introspect", "/identity/healthz", "/identity/authorize/callback?id=x"} {
		if code, _ := get(path, ""); code != 404 {
			t.Errorf("%s: %d, want 404", path, code)
		}
	}
	b := r.browser(t)
	b.signIn(r.authURL("console", r.consoleRedirect(), aVerifier, nil))
	resp, _ := b.visit(r.server.URL + "/identity/end_session?id_token_hint=" + id)
	if resp.StatusCode != 200 || !strings.HasSuffix(resp.Request.URL.Path, "/signed-out") {
		t.Errorf("end session: %d %s", resp.StatusCode, resp.Request.URL)
	}
	if resp, body := b.visit(r.authURL("console", r.consoleRedirect(), aVerifier, nil)); !strings.Contains(body, `name="password"`) {
		t.Errorf("still signed in: %d", resp.StatusCode)
	}
	if resp, _ := b.visit(r.server.URL + "/identity/end_session?post_logout_redirect_uri=https://evil.example&client_id=console"); resp.StatusCode != 400 {
		t.Errorf("open redirect at the end: %d %s", resp.StatusCode, resp.Header.Get("Location"))
	}
}

// TestBrowserLogin: the loopback way. A wrong state is turned away and does not end the wait.
func TestBrowserLogin(t *testing.T) {
	r := withAdmin(t)
	b := r.browser(t)
	tok, err := r.login().Browser(t.Context(), func(at string) error {
		u, _ := url.Parse(at)
		back := u.Query().Get("redirect_uri")
		if resp, _ := b.visit(back + "?state=guess&code=stolen"); resp.StatusCode != 400 {
			t.Errorf("wrong state: %d", resp.StatusCode)
		}
		if resp, _ := b.visit(back + "?code=stolen"); resp.StatusCode != 400 {
			t.Errorf("no state: %d", resp.StatusCode)
		}
		resp, body := b.signIn(at)
		if codeOf(resp) == "" {
			t.Fatalf("%d %s", resp.StatusCode, body)
		}
		b.visit(resp.Header.Get("Location"))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.verify.Verify(t.Context(), tok.Access); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := r.login().Browser(ctx, func(string) error { cancel(); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("given up: %v", err)
	}
	if _, err := (Login{Issuer: "http://idp.example"}).Password(t.Context(), "a", "b", nil); err == nil {
		t.Error("plain http to another host")
	}
}
