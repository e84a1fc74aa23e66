package idp

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"naisen/loadtest/peer"
)

// glewlwyd is Debian's identity service of that name on a database of its own, set up by its API as its console would.
type glewlwyd struct {
	*peer.Process
	t             *testing.T
	base, issuer  string
	admin, person browser
	keys          map[string]map[string]string
	callback      string // it takes no other port than the one it was told
}

const (
	pbxURI, wikiURI = "https://pbx.example/", "https://wiki.example/"
	adminPassword   = "password" // of its first start
	hersPassword    = "a password of hers"
)

func startGlewlwyd(t *testing.T) *glewlwyd {
	t.Helper()
	dir := t.TempDir()
	db := filepath.Join(dir, "db")
	out, err := exec.CommandContext(t.Context(), "sh", "-c", "sqlite3 "+db+" </usr/share/dbconfig-common/data/glewlwyd/install/sqlite3").CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	port, at := freeURL(t)
	back, _ := freeURL(t)
	conf := fmt.Sprintf(`port=%d
bind_address="127.0.0.1"
external_url="%s"
login_url="login.html"
api_prefix="api"
log_mode="console"
log_level="INFO"
cookie_secure=0
cookie_same_site="empty"
session_expiration=3600
session_key="GLEWLWYD2_SESSION_ID"
admin_scope="g_admin"
profile_scope="g_profile"
user_module_path="/usr/lib/glewlwyd/user"
client_module_path="/usr/lib/glewlwyd/client"
user_auth_scheme_module_path="/usr/lib/glewlwyd/scheme"
plugin_module_path="/usr/lib/glewlwyd/plugin"
hash_algorithm="SHA512"
database = { type = "sqlite3" path = "%s" };
`, port, at, db)
	must(t, os.WriteFile(filepath.Join(dir, "conf"), []byte(conf), 0o600))
	g := &glewlwyd{Process: run(t, dir, "glewlwyd", "--config-file="+filepath.Join(dir, "conf")), t: t, base: at + "/api", issuer: at + "/api/oidc",
		admin: newBrowser(t), person: newBrowser(t), keys: map[string]map[string]string{}, callback: fmt.Sprintf("127.0.0.1:%d", back)}
	must(t, peer.Until(15*time.Second, func() bool { return strings.Contains(g.Output(), "Glewlwyd started") || ended(g.Process) }))
	g.setUp()
	return g
}

// do sends one order to its API, which must be taken.
func (g *glewlwyd) do(b browser, method, path string, body any) []byte {
	g.t.Helper()
	text, err := json.Marshal(body)
	must(g.t, err)
	req, err := http.NewRequestWithContext(g.t.Context(), method, g.base+path, bytes.NewReader(text))
	must(g.t, err)
	req.Header.Set("Content-Type", "application/json")
	resp, err := b.Do(req)
	must(g.t, err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	must(g.t, err)
	if resp.StatusCode != http.StatusOK {
		g.t.Fatalf("glewlwyd: %s %s: %d %s", method, path, resp.StatusCode, answer)
	}
	return answer
}

type object = map[string]any

func (g *glewlwyd) setUp() {
	g.do(g.admin, "POST", "/auth/", object{"username": "admin", "password": adminPassword})
	var users object
	must(g.t, json.Unmarshal(g.do(g.admin, "GET", "/mod/user/database", nil), &users))
	users["parameters"].(object)["data-format"].(object)["roles"] = object{"multiple": true, "read": true, "write": true}
	g.do(g.admin, "PUT", "/mod/user/database", users)
	g.do(g.admin, "PUT", "/mod/user/database/reset", nil)
	for _, scope := range []string{"naisen", "sip"} {
		g.do(g.admin, "POST", "/scope/", object{"name": scope, "display_name": scope, "password_required": true})
	}
	g.do(g.admin, "POST", "/user/", object{"username": "alice", "name": "Alice", "password": hersPassword, "enabled": true, "scope": []string{"openid", "naisen", "sip"}, "roles": []string{"pbx-admins"}})
	g.do(g.admin, "POST", "/mod/plugin/", g.plugin("k1", "k2"))
	g.do(g.admin, "POST", "/client/", object{"client_id": "pbx-cli", "name": "pbx", "confidential": false, "enabled": true,
		"authorization_type": []string{"code", "device_authorization"}, "redirect_uri": []string{"http://" + g.callback + "/callback"}, "scope": []string{}})
	g.do(g.person, "POST", "/auth/", object{"username": "alice", "password": hersPassword})
}

// plugin is its OpenID Connect service with these keys, the first of which signs.
func (g *glewlwyd) plugin(kids ...string) object {
	g.t.Helper()
	var keys []map[string]string
	for _, kid := range kids {
		if g.keys[kid] == nil {
			g.keys[kid] = privateJWK(g.t, kid)
		}
		keys = append(keys, g.keys[kid])
	}
	set, err := json.Marshal(object{"keys": keys})
	must(g.t, err)
	return object{"module": "oidc", "name": "oidc", "display_name": "oidc", "enabled": true, "parameters": object{
		"iss": g.issuer, "jwt-type": "rsa", "jwt-key-size": "256", "jwks-private": string(set), "default-kid": kids[0], "jwks-show": true,
		"access-token-duration": 600, "refresh-token-duration": 3600, "code-duration": 60, "subject-type": "public", "allowed-scope": []string{"openid", "naisen", "sip"},
		"auth-type-code-enabled": true, "auth-type-code-revoke-replayed": true, "auth-type-token-enabled": false, "auth-type-password-enabled": false,
		"auth-type-client-enabled": false, "auth-type-refresh-enabled": true, "auth-type-device-enabled": true, "device-authorization-expiration": 60, "device-authorization-interval": 1,
		"pkce-allowed": true, "pkce-method-plain-allowed": false, "pkce-required": true, "resource-allowed": true, "resource-scope": object{"openid": []string{pbxURI, wikiURI}},
		"additional-parameters": []object{{"user-parameter": "roles", "token-parameter": "roles"}, {"user-parameter": "username", "token-parameter": "preferred_username"}},
	}}
}

func privateJWK(t *testing.T, kid string) map[string]string {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	n := func(i *big.Int) string { return base64.RawURLEncoding.EncodeToString(i.Bytes()) }
	return map[string]string{"kty": "RSA", "kid": kid, "alg": "RS256", "use": "sig", "n": n(k.N), "e": n(big.NewInt(int64(k.E))), "d": n(k.D), "p": n(k.Primes[0]),
		"q": n(k.Primes[1]), "dp": n(k.Precomputed.Dp), "dq": n(k.Precomputed.Dq), "qi": n(k.Precomputed.Qinv)}
}

// alice signs in, who has a session there: its page, which is a program of its own, would grant the scopes and go on with g_continue.
func (g *glewlwyd) alice(scopes string, args ...string) string {
	g.t.Helper()
	g.do(g.person, "PUT", "/auth/grant/pbx-cli", object{"scope": strings.ReplaceAll(scopes, ",", " ")})
	return login(g.t, g.issuer, func(at, _ string) {
		if page := g.person.through(at+"&g_continue", nil); !strings.Contains(page, "You can close this window") {
			g.t.Errorf("it ended at %.300s", page)
		}
	}, append([]string{"--scope", scopes, "--callback", g.callback}, args...)...)
}

// TestGlewlwyd: another organisation's sign-ins, at a service that knows no acr, names audiences by resource, and is particular about the address to come back to.
func TestGlewlwyd(t *testing.T) {
	t.Parallel()
	g := startGlewlwyd(t)
	p := office(t, fmt.Sprintf(`identity:
  issuer: %s
  audience: %s
  clients: [pbx-cli]
  require_at_jwt: true
  user_claim: preferred_username
  roles: {pbx-admins: admin}
  step_up: {}
`, g.issuer, pbxURI))
	first := g.alice("openid,naisen", "--resource", pbxURI)
	expect(t, p, "an administrator's", first, 200, "")
	expect(t, p, "a telephone's", g.alice("openid,sip", "--resource", pbxURI), 403, otherScope)
	expect(t, p, "for the wiki", g.alice("openid,naisen", "--resource", wikiURI), 401, invalid)
	expect(t, p, "for nobody", g.alice("openid,naisen"), 401, invalid)
	if a := ask(t, p, first, "PUT", "/recording-policies/stepped", `{"record":"never"}`); a.status != 401 ||
		a.challenge != `Bearer realm="naisen", error="insufficient_user_authentication", max_age="3600"` {
		t.Errorf("a token that does not say when: %d %s", a.status, a.challenge)
	}
	device := login(t, g.issuer, func(at, shown string) {
		_, rest, _ := strings.Cut(shown, "enter the code ")
		code, _, _ := strings.Cut(rest, ":\n")
		resp, err := g.person.Get(at + "?code=" + url.QueryEscape(code) + "&g_continue")
		if err == nil {
			resp.Body.Close()
		}
		if err != nil || !strings.Contains(resp.Request.URL.RawQuery, "prompt=deviceComplete") {
			t.Fatalf("the code %q led to %s: %v", code, resp.Request.URL, err)
		}
	}, "--device", "--scope", "openid,naisen", "--resource", pbxURI)
	expect(t, p, "by device", device, 200, "")

	g.do(g.admin, "PUT", "/mod/plugin/oidc", g.plugin("k2"))
	g.do(g.admin, "PUT", "/mod/plugin/oidc/reset", nil)
	second := g.alice("openid,naisen", "--resource", pbxURI)
	expect(t, p, "signed by the key that was only announced", second, 200, "")
	must(t, p.Terminate(t.Context()))
	must(t, p.Run(t.Context()))
	expect(t, p, "of the withdrawn key", first, 401, invalid)
	expect(t, p, "of the new key", second, 200, "")
}
