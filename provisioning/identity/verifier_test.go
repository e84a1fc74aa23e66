package identity

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"go.uber.org/goleak"

	"naisen/provisioning"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		os.RemoveAll(sharedKeys())
		os.Exit(code)
	}))
}

// sharedKeys is one directory with one signing key for all tests: making an RSA key takes most of a second.
var sharedKeys = sync.OnceValue(func() string {
	dir, err := os.MkdirTemp("", "naisen-identity-*")
	if err != nil {
		panic(err)
	}
	return dir
})

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

func TestVerifyMapsClaims(t *testing.T) {
	clock := newClock()
	_, edPriv, _ := ed25519.GenerateKey(rand.Reader)
	for _, c := range []struct {
		alg jose.SignatureAlgorithm
		key jose.JSONWebKey
	}{
		{jose.RS256, rsaJWK("r")}, {jose.ES256, ecJWK(t, "e")},
		{jose.EdDSA, jose.JSONWebKey{Key: edPriv, KeyID: "d", Algorithm: "EdDSA", Use: "sig"}},
		{jose.PS256, jose.JSONWebKey{Key: rsaKey(), KeyID: "p", Use: "sig"}},
	} {
		t.Run(string(c.alg), func(t *testing.T) {
			o := newOutside(t, c.key)
			v := newTestVerifier(t, clock, nil, o.issuer())
			for _, typ := range []string{"at+jwt", "application/at+jwt", "JWT"} {
				s, err := v.Verify(t.Context(), sign(t, c.key, c.alg, map[jose.HeaderKey]any{"typ": typ}, o.claims(clock.now())))
				if err != nil {
					t.Fatalf("%s: %v", typ, err)
				}
				if s.Domain != "pbx.example.jp" || s.User != "alice" || s.ACR != "mfa" || s.Client != "console" || s.System ||
					!slices.Equal(s.Roles, []provisioning.Role{provisioning.RoleAdmin, provisioning.RoleAuditor}) {
					t.Fatalf("got %+v", s)
				}
			}
			if n := o.fetches.Load(); n != 1 {
				t.Errorf("%d key set fetches, want 1", n)
			}
		})
	}
}

// G1: algorithm confusion and keys that the token brings along. Nothing may be fetched from where it points.
func TestG1AlgorithmConfusion(t *testing.T) {
	clock := newClock()
	good := rsaJWK("k1")
	o := newOutside(t, good)
	trap := newOutside(t, ecJWK(t, "evil"))
	v := newTestVerifier(t, clock, nil, o.issuer())
	claims := o.claims(clock.now())
	payload, _ := json.Marshal(claims)
	b64 := base64.RawURLEncoding.EncodeToString
	pub, _ := json.Marshal(good.Public())
	evil := ecJWK(t, "evil")
	evilPub := evil.Public()

	macWith := func(secret []byte) string {
		return sign(t, jose.JSONWebKey{Key: secret, KeyID: "k1"}, jose.HS256, atJWT, claims)
	}
	head := func(extra map[jose.HeaderKey]any) map[jose.HeaderKey]any {
		extra["typ"] = "at+jwt"
		return extra
	}
	der := x509PKIX(t, &rsaKey().PublicKey)
	tokens := map[string]string{
		"none":              b64([]byte(`{"alg":"none","typ":"at+jwt","kid":"k1"}`)) + "." + b64(payload) + ".",
		"None":              b64([]byte(`{"alg":"None","typ":"at+jwt"}`)) + "." + b64(payload) + ".AAAA",
		"no alg":            b64([]byte(`{"typ":"at+jwt","kid":"k1"}`)) + "." + b64(payload) + ".AAAA",
		"HS256 JWK":         macWith(pub),
		"HS256 DER":         macWith(der),
		"HS256 modulus":     macWith(rsaKey().N.Bytes()),
		"jku":               sign(t, evil, jose.ES256, head(map[jose.HeaderKey]any{"jku": trap.URL + "/jwks"}), claims),
		"x5u":               sign(t, evil, jose.ES256, head(map[jose.HeaderKey]any{"x5u": trap.URL + "/jwks"}), claims),
		"x5u, good key":     sign(t, jose.JSONWebKey{Key: rsaKey(), KeyID: "elsewhere"}, jose.RS256, head(map[jose.HeaderKey]any{"x5u": trap.URL + "/jwks"}), claims),
		"x5c":               sign(t, jose.JSONWebKey{Key: evil.Key, KeyID: "k1"}, jose.ES256, head(map[jose.HeaderKey]any{"x5c": []string{b64(der)}}), claims),
		"encrypted":         b64([]byte(`{"alg":"RSA-OAEP","enc":"A256GCM","kid":"k1"}`)) + ".a.b.c.d",
		"two signatures":    `{"payload":"` + b64(payload) + `","signatures":[{},{}]}`,
		"jwk":               sign(t, jose.JSONWebKey{Key: evil.Key, KeyID: "k1"}, jose.ES256, head(map[jose.HeaderKey]any{"jwk": &evilPub}), claims),
		"kid path":          sign(t, jose.JSONWebKey{Key: evil.Key, KeyID: "../../../../dev/null"}, jose.ES256, atJWT, claims),
		"kid url":           sign(t, jose.JSONWebKey{Key: evil.Key, KeyID: trap.URL}, jose.ES256, atJWT, claims),
		"other key, our id": sign(t, jose.JSONWebKey{Key: evil.Key, KeyID: "k1"}, jose.ES256, atJWT, claims),
		"PS256 for RS256":   sign(t, jose.JSONWebKey{Key: rsaKey(), KeyID: "k1"}, jose.PS256, atJWT, claims),
		"crit":              sign(t, good, jose.RS256, head(map[jose.HeaderKey]any{"crit": []string{"x"}, "x": 1}), claims),
		"cut signature":     strings.TrimRight(sign(t, good, jose.RS256, atJWT, claims), "A")[:200],
		"json form":         `{"payload":"` + b64(payload) + `","signatures":[]}`,
		"empty":             "", "dots": "..", "text": "Bearer", "long": strings.Repeat("a", maxToken+1),
	}
	for name, raw := range tokens {
		t.Run(name, func(t *testing.T) {
			_, err := v.Verify(t.Context(), raw)
			wantStatus(t, err, http.StatusUnauthorized, "")
			wantInvalid(t, v, raw)
		})
	}
	if _, err := v.Verify(t.Context(), sign(t, good, jose.RS256, atJWT, claims)); err != nil {
		t.Fatalf("the good token: %v", err)
	}
	if n := trap.asked.Load(); n != 0 {
		t.Errorf("%d requests to the address in the token", n)
	}
	if n := o.fetches.Load(); n > 1 {
		t.Errorf("%d key set fetches, want 1", n)
	}
}

// claimCase is a token that differs from a good one by change; reason "" means that it is accepted.
type claimCase struct {
	name, reason string
	typ          string
	at           *outside
	change       func(map[string]any)
}

func claimCases(now time.Time, o, other, narrow *outside) []claimCase {
	return []claimCase{
		{"exp -61 s", "expired", "at+jwt", o, func(c map[string]any) { c["exp"] = now.Add(-61 * time.Second).Unix() }},
		{"exp -50 s", "", "at+jwt", o, func(c map[string]any) { c["exp"] = now.Add(-50 * time.Second).Unix() }},
		{"nbf +62 s", "not yet valid", "at+jwt", o, func(c map[string]any) { c["nbf"] = now.Add(62 * time.Second).Unix() }},
		{"nbf +50 s", "", "at+jwt", o, func(c map[string]any) { c["nbf"] = now.Add(50 * time.Second).Unix() }},
		{"iat +62 s", "issued in the future", "at+jwt", o, func(c map[string]any) { c["iat"] = now.Add(62 * time.Second).Unix() }},
		{"no exp", "no expiry", "at+jwt", o, func(c map[string]any) { delete(c, "exp") }},
		{"exp text", "malformed claims", "at+jwt", o, func(c map[string]any) { c["exp"] = "tomorrow" }},
		{"exp huge", "malformed claims", "at+jwt", o, func(c map[string]any) { c["exp"] = 1e300 }},
		{"aud other", "audience", "at+jwt", o, func(c map[string]any) { c["aud"] = "wiki" }},
		{"aud none", "audience", "at+jwt", o, func(c map[string]any) { delete(c, "aud") }},
		{"aud string", "", "at+jwt", o, func(c map[string]any) { c["aud"] = "naisen" }},
		{"iss other", "issuer", "at+jwt", o, func(c map[string]any) { c["iss"] = "https://evil.example" }},
		{"iss slash", "issuer", "at+jwt", o, func(c map[string]any) { c["iss"] = o.URL + "/" }},
		{"no sub", "no subject", "at+jwt", o, func(c map[string]any) { delete(c, "sub") }},
		{"sub number", "malformed claims", "at+jwt", o, func(c map[string]any) { c["sub"] = 7 }},
		{"sub CRLF", "domain or user name", "at+jwt", o, func(c map[string]any) { c["sub"] = "a\r\nb" }},
		{"ID token nonce", "ID token", "JWT", o, func(c map[string]any) { c["nonce"] = "n" }},
		{"ID token at_hash", "ID token", "JWT", o, func(c map[string]any) { c["at_hash"] = "x" }},
		{"ID token by typ claim", "type", "JWT", o, func(c map[string]any) { c["typ"] = "ID" }},
		{"refresh token by typ claim", "type", "JWT", o, func(c map[string]any) { c["typ"] = "Refresh" }},
		{"bearer by typ claim", "", "JWT", o, func(c map[string]any) { c["typ"] = "Bearer" }},
		{"logout token", "type", "logout+jwt", o, nil},
		{"security event", "type", "secevent+jwt", o, nil},
		{"JWT where at+jwt is needed", "type", "JWT", other, nil},
		{"at+jwt where it is needed", "", "at+jwt", other, nil},
		{"azp other", "client", "at+jwt", other, func(c map[string]any) { c["azp"], c["client_id"] = "evil", "evil" }},
		{"azp and client_id differ", "azp and client_id differ", "at+jwt", other, func(c map[string]any) { c["azp"] = "evil" }},
		{"client by azp alone", "client", "at+jwt", narrow, func(c map[string]any) { delete(c, "client_id"); c["azp"] = "evil" }},
		{"client missing", "client", "at+jwt", narrow, func(c map[string]any) { delete(c, "client_id") }},
		{"refresh token by header", "type", "rt+jwt", o, nil},
		{"ID token c_hash", "ID token", "JWT", o, func(c map[string]any) { c["c_hash"] = "x" }},
		{"security event without its header", "security event", "JWT", o, func(c map[string]any) { c["events"] = map[string]any{} }},
		{"without client where RFC 9068 is asked", "not as RFC 9068 has it", "at+jwt", other, func(c map[string]any) { delete(c, "client_id") }},
		{"without iat where it is asked", "not as RFC 9068 has it", "at+jwt", other, func(c map[string]any) { delete(c, "iat") }},
		{"without jti where it is asked", "not as RFC 9068 has it", "at+jwt", other, func(c map[string]any) { delete(c, "jti") }},
		{"without iat, client and jti where it is not", "", "at+jwt", o, func(c map[string]any) { delete(c, "iat"); delete(c, "client_id"); delete(c, "jti") }},
		{"DPoP", "bound to its client's key", "at+jwt", o, func(c map[string]any) { c["cnf"] = map[string]string{"jkt": "x"} }},
		{"certificate", "bound to its client's key", "at+jwt", o, func(c map[string]any) { c["cnf"] = nil }},
		{"audience in another case", "audience", "at+jwt", o, func(c map[string]any) { c["aud"], c["AUD"] = "wiki", "naisen" }},
		{"subject in another case", "no subject", "at+jwt", o, func(c map[string]any) { delete(c, "sub"); c["Sub"] = "alice" }},
		{"expiry in another case", "expired", "at+jwt", o, func(c map[string]any) { c["exp"], c["eXp"] = 1, now.Add(time.Hour).Unix() }},
		{"amr as text", "", "at+jwt", o, func(c map[string]any) { c["amr"] = "pwd" }},
		{"domain missing", "domain or user name", "at+jwt", o, func(c map[string]any) { delete(c, "org") }},
	}
}

// G2: claims and token types.
func TestG2Claims(t *testing.T) {
	clock := newClock()
	now := clock.now()
	key := ecJWK(t, "k1")
	o := newOutside(t, key)
	other := newOutside(t, key)
	strict := other.issuer()
	strict.RequireATJWT, strict.Clients = true, []string{"console"}
	narrow := newOutside(t, key)
	few := narrow.issuer()
	few.Clients = []string{"console"}
	v := newTestVerifier(t, clock, nil, o.issuer(), strict, few)
	cases := claimCases(now, o, other, narrow)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			claims := c.at.claims(now)
			if c.change != nil {
				c.change(claims)
			}
			raw := sign(t, key, jose.ES256, map[jose.HeaderKey]any{"typ": c.typ}, claims)
			_, err := v.Verify(t.Context(), raw)
			if c.reason == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			wantStatus(t, err, http.StatusUnauthorized, c.reason)
			wantInvalid(t, v, raw)
		})
	}
}

// wantInvalid: REST and playback answer with 401 and this challenge, whatever is wrong with a token.
func wantInvalid(t *testing.T, v *Verifier, raw string) {
	t.Helper()
	if raw == "" {
		return
	}
	var e *Error
	if err := ask(v, raw); !errors.As(err, &e) || e.Status != http.StatusUnauthorized || e.Challenge("naisen") != `Bearer realm="naisen", error="invalid_token"` {
		t.Fatalf("%v: %+v", err, e)
	}
}

// G3: a thousand unknown keys cost one fetch in thirty seconds.
func TestG3UnknownKeys(t *testing.T) {
	clock := newClock()
	o := newOutside(t, ecJWK(t, "k1"))
	v := newTestVerifier(t, clock, nil, o.issuer())
	stranger := ecJWK(t, "")
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 125 {
				k := jose.JSONWebKey{Key: stranger.Key, KeyID: rand.Text()[:g+5]}
				_, err := v.Verify(context.Background(), sign(t, k, jose.ES256, atJWT, o.claims(clock.now())))
				if !errors.Is(err, ErrUnauthenticated) {
					t.Errorf("%d: %v", i, err)
				}
			}
		})
	}
	wg.Wait()
	if n := o.fetches.Load(); n != 1 {
		t.Fatalf("%d fetches, want 1", n)
	}
	clock.add(29 * time.Second)
	v.Verify(t.Context(), sign(t, stranger, jose.ES256, atJWT, o.claims(clock.now())))
	if n := o.fetches.Load(); n != 1 {
		t.Fatalf("%d fetches after 29 s, want 1", n)
	}
	clock.add(2 * time.Second)
	v.Verify(t.Context(), sign(t, jose.JSONWebKey{Key: stranger.Key, KeyID: "x"}, jose.ES256, atJWT, o.claims(clock.now())))
	if n := o.fetches.Load(); n != 2 {
		t.Fatalf("%d fetches after 31 s, want 2", n)
	}
}

// G4: the issuer is down; a key is rotated; a key is withdrawn.
func TestG4Outage(t *testing.T) {
	clock := newClock()
	k1, k2 := ecJWK(t, "k1"), ecJWK(t, "k2")
	o := newOutside(t, k1)
	v := newTestVerifier(t, clock, nil, o.issuer())
	long := func() map[string]any {
		c := o.claims(clock.now())
		c["exp"] = clock.now().Add(48 * time.Hour).Unix()
		return c
	}
	token1 := sign(t, k1, jose.ES256, atJWT, long())
	if _, err := v.Verify(t.Context(), token1); err != nil {
		t.Fatal(err)
	}
	o.down.Store(true)
	for range 20 { // ten minutes
		clock.add(30 * time.Second)
		if _, err := v.Verify(t.Context(), token1); err != nil {
			t.Fatalf("known key while down: %v", err)
		}
		if _, err := v.Verify(t.Context(), sign(t, k1, jose.ES256, atJWT, long())); err != nil {
			t.Fatalf("new token of a known key while down: %v", err)
		}
	}
	idle(t, v)
	o.down.Store(false)
	o.publish(k1, k2)
	clock.add(31 * time.Second)
	if _, err := v.Verify(t.Context(), sign(t, k2, jose.ES256, atJWT, long())); err != nil {
		t.Fatalf("rotated key after 31 s: %v", err)
	}
	o.publish(k2)
	clock.add(5*time.Minute + 31*time.Second) // KeyTTL
	v.Verify(t.Context(), token1)             // may pass once: it starts the refresh
	idle(t, v)
	_, err := v.Verify(t.Context(), token1)
	wantStatus(t, err, http.StatusUnauthorized, "unknown key")
}

func TestIssuerNeverReached(t *testing.T) {
	clock := newClock()
	k := ecJWK(t, "k1")
	o := newOutside(t, k)
	o.down.Store(true)
	v := newTestVerifier(t, clock, nil, o.issuer())
	_, err := v.Verify(t.Context(), sign(t, k, jose.ES256, atJWT, o.claims(clock.now())))
	wantStatus(t, err, http.StatusServiceUnavailable, "no current keys")
	if !errors.Is(err, ErrUnavailable) || errors.Is(err, ErrUnauthenticated) {
		t.Error("not ErrUnavailable")
	}
}

func TestDisabledUserIsRefusedAtOnce(t *testing.T) {
	clock := newClock()
	k := ecJWK(t, "k1")
	o := newOutside(t, k)
	var user atomic.Pointer[provisioning.User]
	over := []provisioning.Delegation{{Role: provisioning.RoleAdmin, Department: "tax"}}
	user.Store(&provisioning.User{Name: "alice", Roles: []provisioning.Role{provisioning.RoleStaff}, Delegated: over})
	users := UsersFunc(func(domain, name string) (provisioning.User, bool) {
		u := user.Load()
		if u == nil || domain != "pbx.example.jp" || name != u.Name {
			return provisioning.User{}, false
		}
		return *u, true
	})
	strict := o.issuer()
	strict.Mapping.StoreRoles = true
	v := newTestVerifier(t, clock, users, strict)
	raw := sign(t, k, jose.ES256, atJWT, o.claims(clock.now()))
	s, err := v.Verify(t.Context(), raw)
	if err != nil || !slices.Equal(s.Roles, []provisioning.Role{provisioning.RoleStaff}) {
		t.Fatalf("%v %v: roles of the store are wanted, not the token's", s.Roles, err)
	}
	if !slices.Equal(s.Delegated, over) {
		t.Errorf("over departments: %v", s.Delegated)
	}
	// Where the token says the roles, what the store has of them does not count.
	if s, err = newTestVerifier(t, clock, users, o.issuer()).Verify(t.Context(), raw); err != nil || s.Delegated != nil {
		t.Errorf("roles of the token, and over departments %v: %v", s.Delegated, err)
	}
	user.Store(&provisioning.User{Name: "alice", Disabled: true})
	_, err = v.Verify(t.Context(), raw)
	wantStatus(t, err, http.StatusUnauthorized, "user disabled")
	user.Store(nil)
	_, err = v.Verify(t.Context(), raw)
	wantStatus(t, err, http.StatusUnauthorized, "user unknown")

	clock.add(2 * time.Hour)
	user.Store(&provisioning.User{Name: "alice"})
	_, err = v.Verify(t.Context(), raw)
	wantStatus(t, err, http.StatusUnauthorized, "expired") // from the cache too
}

func TestBearer(t *testing.T) {
	cases := []struct {
		name      string
		header    []string
		status    int
		challenge string
	}{
		{"none", nil, 401, `Bearer realm="naisen"`},
		{"basic", []string{"Basic YTpi"}, 401, `Bearer realm="naisen"`},
		{"empty", []string{"Bearer "}, 400, `Bearer realm="naisen", error="invalid_request"`},
		{"two", []string{"Bearer a", "Bearer b"}, 400, `Bearer realm="naisen", error="invalid_request"`},
		{"long", []string{"Bearer " + strings.Repeat("x", maxToken+1)}, 401, `Bearer realm="naisen", error="invalid_token"`},
		{"good", []string{"bearer abc"}, 0, ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodGet, "/?access_token=abc", nil)
			for _, h := range c.header {
				r.Header.Add("Authorization", h)
			}
			raw, err := Bearer(r)
			if c.status == 0 {
				if err != nil || raw != "abc" {
					t.Fatal(raw, err)
				}
				return
			}
			var e *Error
			if !errors.As(err, &e) || e.Status != c.status || e.Challenge("naisen") != c.challenge {
				t.Fatalf("got %+v", e)
			}
		})
	}
}

// FuzzVerify: whatever comes, an *Error or a Subject, never a panic, and never a Subject without a good signature.
func FuzzVerify(f *testing.F) {
	o := newOutside(f, rsaJWK("k1"))
	clock := newClock()
	v := newTestVerifier(f, clock, nil, o.issuer())
	good := sign(f, rsaJWK("k1"), jose.RS256, atJWT, o.claims(clock.now()))
	f.Add(good)
	f.Add(good[:len(good)-4])
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, raw string) {
		_, err := v.Verify(context.Background(), raw)
		var e *Error
		if err == nil && strings.SplitN(raw, ".", 3)[1] != strings.SplitN(good, ".", 3)[1] {
			t.Fatal("accepted another payload")
		}
		if err != nil && !errors.As(err, &e) {
			t.Fatalf("%T", err)
		}
	})
}
