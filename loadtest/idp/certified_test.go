package idp

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"naisen/loadtest/peer"
)

// certified is npm's oidc-provider as loadtest/idp/provider sets it up.
type certified struct {
	*peer.Process
	t      *testing.T
	issuer string
	port   int
}

const (
	rsSecret = "a secret/+ of the switch" // of the switch at the issuer; to be encoded
	opaque   = "urn:naisen:opaque"
)

func newCertified(t *testing.T) *certified {
	port, at := freeURL(t)
	return &certified{t: t, issuer: at, port: port}
}

func startCertified(t *testing.T) *certified {
	t.Helper()
	c := newCertified(t)
	c.start("")
	return c
}

// start lets it tell of sign-outs at an address; "": it tells nobody.
func (c *certified) start(logout string) {
	c.t.Helper()
	root, err := peer.Root()
	must(c.t, err)
	c.Process = run(c.t, c.t.TempDir(), "node", filepath.Join(root, "loadtest/idp/provider/provider.mjs"), filepath.Join(root, "build/idp"), strconv.Itoa(c.port), logout)
	c.said("ready")
}

func (c *certified) said(line string) {
	c.t.Helper()
	if peer.Until(20*time.Second, func() bool { return strings.Contains(c.Output(), line+"\n") || ended(c.Process) }) != nil || ended(c.Process) {
		c.t.Fatalf("the provider did not say %q: %.3000s", line, c.Output())
	}
}

func (c *certified) tell(line string) {
	c.t.Helper()
	must(c.t, c.Say(line))
	c.said("done " + line)
}

// as signs somebody in, with one factor or with otp as a second one.
func (c *certified) as(name, otp string, args ...string) string {
	c.t.Helper()
	return login(c.t, c.issuer, func(at, _ string) {
		if page := newBrowser(c.t).through(at, map[string]string{"login": name, "otp": otp}); !strings.Contains(page, "You can close this window") {
			c.t.Errorf("it ended at %.300s", page)
		}
	}, args...)
}

// tokens is everything that a sign-in gives, by hand: pbx login shows the access token alone.
func (c *certified) tokens(b browser, name string) map[string]any {
	c.t.Helper()
	const back, verifier = "http://127.0.0.1:1/callback", "0123456789012345678901234567890123456789abc"
	sum := sha256.Sum256([]byte(verifier))
	q := url.Values{"client_id": {"pbx-cli"}, "redirect_uri": {back}, "response_type": {"code"}, "scope": {"openid offline_access naisen"}, "prompt": {"consent"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"}}
	code := ""
	b.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.String(), back+"?") {
			code = r.URL.Query().Get("code")
			return http.ErrUseLastResponse
		}
		return nil
	}
	b.through(c.issuer+"/auth?"+q.Encode(), map[string]string{"login": name})
	b.CheckRedirect = nil
	resp, err := http.PostForm(c.issuer+"/token", url.Values{"grant_type": {"authorization_code"}, "client_id": {"pbx-cli"}, "redirect_uri": {back}, "code": {code}, "code_verifier": {verifier}})
	must(c.t, err)
	defer resp.Body.Close()
	var all map[string]any
	must(c.t, json.NewDecoder(resp.Body).Decode(&all))
	return all
}

func (c *certified) yaml(t *testing.T) string {
	return fmt.Sprintf(`identity:
  issuer: %s
  clients: [pbx-cli]
  require_at_jwt: true
  roles: {pbx-admins: admin, pbx-staff: staff}
  attributes: {compliant: [device, compliant]}
  introspection: {client_id: naisen, client_secret: "file:%s", ttl: 2s}
  step_up: {acr: [mfa], amr: [otp]}
`, c.issuer, secretFile(t, rsSecret))
}

// TestCertifiedProvider: the sign-ins of an organisation on oidc-provider, by `pbx login` as it is, and what the switch makes of them.
func TestCertifiedProvider(t *testing.T) {
	t.Parallel()
	c := startCertified(t)
	p := office(t, c.yaml(t))
	first := c.as("alice", "")
	expect(t, p, "an administrator's", first, 200, "")
	if a := ask(t, p, first, "PUT", "/extensions/2010", "{}"); a.status != 201 {
		t.Errorf("her roles: %d %s", a.status, a.body)
	}
	if a := ask(t, p, c.as("bob", ""), "PUT", "/extensions/2011", "{}"); a.status != 403 {
		t.Errorf("his roles: %d %s", a.status, a.body)
	}
	expect(t, p, "a telephone's", c.as("alice", "", "--scope", "openid,sip"), 403, otherScope)
	expect(t, p, "for the wiki", c.as("alice", "", "--resource", "urn:wiki"), 401, invalid)
	all := c.tokens(newBrowser(t), "alice")
	for _, kind := range []string{"id_token", "refresh_token"} {
		token, _ := all[kind].(string)
		if token == "" {
			t.Fatalf("no %s among %d values", kind, len(all))
		}
		expect(t, p, kind, token, 401, invalid)
	}
	expect(t, p, "the access token beside them", fmt.Sprint(all["access_token"]), 200, "")
	t.Run("step-up", func(t *testing.T) { stepUp(t, c, p, first) })
	t.Run("introspection", func(t *testing.T) { introspection(t, c, p) })

	c.tell("keys k2 k3")
	second := c.as("alice", "")
	expect(t, p, "signed by the key that was only announced", second, 200, "")
	if a, b, _ := strings.Cut(first, "."); a == "" || strings.HasPrefix(second, a+".") || b == "" {
		t.Error("the key did not change")
	}
	must(t, p.Terminate(t.Context()))
	must(t, p.Run(t.Context()))
	expect(t, p, "of the withdrawn key", first, 401, invalid)
	expect(t, p, "of the new key", second, 200, "")

	byCode := c.as("alice", "", "--resource", opaque)
	expect(t, p, "before the issuer went", byCode, 200, "")
	c.Stop()
	must(t, peer.Until(10*time.Second, func() bool { return ask(t, p, byCode, "GET", "/extensions", "").status == 503 }))
	expect(t, p, "a JWT while the issuer is down", second, 200, "")
}

// stepUp: the switch asks for another sign-in as RFC 9470 says, and `pbx login` follows it.
func stepUp(t *testing.T, c *certified, p *peer.PBX, once string) {
	const policy, wish = "/recording-policies/stepped", `{"record":"never"}`
	const challenge = `Bearer realm="naisen", error="insufficient_user_authentication", acr_values="mfa", max_age="3600"`
	if a := ask(t, p, once, "PUT", policy, wish); a.status != 401 || a.challenge != challenge {
		t.Fatalf("%d %s %s", a.status, a.challenge, a.body)
	}
	twice := c.as("alice", "123456", "--acr", "mfa", "--max-age", "3600s")
	if a := ask(t, p, twice, "PUT", policy, wish); a.status != 201 {
		t.Errorf("after it: %d %s %s", a.status, a.challenge, a.body)
	}
}

// introspection: a token that says nothing by itself, until it is revoked.
func introspection(t *testing.T, c *certified, p *peer.PBX) {
	token := c.as("alice", "", "--resource", opaque)
	if strings.Contains(token, ".") {
		t.Fatal("it is a JWT")
	}
	expect(t, p, "opaque", token, 200, "")
	expect(t, p, "made up", "x"+token, 401, invalid)
	resp, err := http.PostForm(c.issuer+"/token/revocation", url.Values{"token": {token}, "client_id": {"pbx-cli"}})
	must(t, err)
	resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Fatalf("revocation: %d", resp.StatusCode)
	}
	must(t, peer.Until(10*time.Second, func() bool { return ask(t, p, token, "GET", "/extensions", "").status == 401 }))
}

// TestCertifiedDevice: `pbx login --device`, with the person on another device.
func TestCertifiedDevice(t *testing.T) {
	t.Parallel()
	c := startCertified(t)
	p := office(t, c.yaml(t))
	token := login(t, c.issuer, func(at, shown string) {
		_, rest, _ := strings.Cut(shown, "enter the code ")
		code, _, _ := strings.Cut(rest, ":\n")
		if code == "" || !strings.HasPrefix(at, c.issuer+"/") {
			t.Fatalf("shown: %s", shown)
		}
		page := newBrowser(t).through(at, map[string]string{"user_code": code, "login": "alice", "otp": "123456"})
		if !strings.Contains(strings.ToLower(page), "success") {
			t.Errorf("it ended at %.500s", page)
		}
	}, "--device", "--acr", "mfa")
	expect(t, p, "by device", token, 200, "")
}

// TestCertifiedLogout: who signs out at the provider is signed out here, by back channel, and nobody else.
func TestCertifiedLogout(t *testing.T) {
	t.Parallel()
	c := newCertified(t)
	p, err := peer.NewPBX(bin, t.TempDir(), peer.Options{YAML: c.yaml(t) + "signals:\n  logout: {audience: [pbx-cli]}\n"})
	must(t, err)
	c.start(p.URL + "/signals/logout")
	must(t, p.Run(t.Context()))
	t.Cleanup(func() {
		p.Stop()
		if t.Failed() {
			t.Logf("the switch said:\n%.4000s", p.Output())
		}
	})
	hers := newBrowser(t)
	all := c.tokens(hers, "alice")
	token, his := fmt.Sprint(all["access_token"]), c.as("bob", "")
	expect(t, p, "before", token, 200, "")
	if a := ask(t, p, his, "GET", "/feature-codes", ""); a.status != 200 {
		t.Fatalf("his: %d %s", a.status, a.body)
	}
	hers.through(c.issuer+"/session/end?id_token_hint="+url.QueryEscape(fmt.Sprint(all["id_token"])), map[string]string{"+logout": "yes"})
	must(t, peer.Until(10*time.Second, func() bool { return ask(t, p, token, "GET", "/extensions", "").status == 401 }))
	expect(t, p, "after it", token, 401, invalid)
	if a := ask(t, p, his, "GET", "/feature-codes", ""); a.status != 200 {
		t.Errorf("his, after hers: %d %s", a.status, a.body)
	}
	must(t, peer.Until(10*time.Second, func() bool { return ask(t, p, c.as("alice", ""), "GET", "/extensions", "").status == 200 }))
}
