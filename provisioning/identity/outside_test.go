package identity

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"naisen/provisioning"
)

// fakeClock is wall time that a test moves.
type fakeClock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *fakeClock { return &fakeClock{t: time.Now()} }
func (c *fakeClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}
func (c *fakeClock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// outside is an OIDC issuer that is not ours.
type outside struct {
	*httptest.Server
	keys    atomic.Pointer[jose.JSONWebKeySet]
	down    atomic.Bool
	fetches atomic.Int64 // of the key set
	asked   atomic.Int64 // anything at all
}

func newOutside(t testing.TB, keys ...jose.JSONWebKey) *outside {
	o := &outside{}
	o.publish(keys...)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) {
		if o.down.Load() {
			http.Error(w, "down", http.StatusBadGateway)
			return
		}
		json.NewEncoder(w).Encode(map[string]string{"issuer": o.URL, "jwks_uri": o.URL + "/jwks"})
	})
	mux.HandleFunc("GET /jwks", func(w http.ResponseWriter, r *http.Request) {
		o.fetches.Add(1)
		if o.down.Load() {
			http.Error(w, "down", http.StatusBadGateway)
			return
		}
		json.NewEncoder(w).Encode(o.keys.Load())
	})
	o.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.asked.Add(1)
		mux.ServeHTTP(w, r)
	}))
	t.Cleanup(o.Close)
	return o
}

func (o *outside) publish(keys ...jose.JSONWebKey) {
	set := &jose.JSONWebKeySet{}
	for _, k := range keys {
		set.Keys = append(set.Keys, k.Public())
	}
	o.keys.Store(set)
}

var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

func rsaJWK(kid string) jose.JSONWebKey {
	return jose.JSONWebKey{Key: rsaKey(), KeyID: kid, Algorithm: "RS256", Use: "sig"}
}

func ecJWK(t testing.TB, kid string) jose.JSONWebKey {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	// A key's first signature fills a cache of crypto/ecdsa whose hand-over the race detector does not see (Go 1.26):
	// two goroutines that both sign with a fresh key would be reported.
	if _, err := k.Sign(rand.Reader, make([]byte, 32), crypto.SHA256); err != nil {
		t.Fatal(err)
	}
	return jose.JSONWebKey{Key: k, KeyID: kid, Algorithm: "ES256", Use: "sig"}
}

func sign(t testing.TB, key any, alg jose.SignatureAlgorithm, header map[jose.HeaderKey]any, claims any) string {
	opts := &jose.SignerOptions{ExtraHeaders: header}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, opts)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := s.Sign(b)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

var atJWT = map[jose.HeaderKey]any{"typ": "at+jwt"}

func (o *outside) claims(now time.Time) map[string]any {
	return map[string]any{"iss": o.URL, "sub": "alice", "aud": []string{"naisen"}, "exp": now.Add(time.Hour).Unix(), "iat": now.Unix(),
		"nbf": now.Unix(), "client_id": "console", "jti": "t1", "groups": []string{"pbx-admins", "lunch"}, "org": map[string]string{"domain": "pbx.example.jp"},
		"acr": "mfa", "amr": []string{"pwd", "otp"}}
}

func (o *outside) issuer() Issuer {
	return Issuer{URL: o.URL, Audience: "naisen", Mapping: Mapping{Domain: []string{"org", "domain"}, Roles: []string{"groups"},
		Values: map[string][]provisioning.Role{"pbx-admins": {provisioning.RoleAdmin, provisioning.RoleAuditor}}}}
}

func newTestVerifier(t testing.TB, clock *fakeClock, users Users, issuers ...Issuer) *Verifier {
	v, err := NewVerifier(VerifierConfig{Issuers: issuers, Clock: clock.now, Log: quiet(), Users: users,
		HTTP: &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: noRedirect}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

func wantStatus(t *testing.T, err error, status int, reason string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want an *Error with %d", err, status)
	}
	if e.Status != status || (reason != "" && e.Reason != reason) {
		t.Fatalf("got %d %q, want %d %q", e.Status, e.Reason, status, reason)
	}
	if c := e.Challenge("naisen"); strings.Contains(c, e.Reason) && e.Reason != "" {
		t.Fatalf("challenge tells the reason: %s", c)
	}
}

// idle waits until no fetch is under way.
func idle(t *testing.T, v *Verifier) {
	t.Helper()
	for _, k := range v.remote {
		k.mu.Lock()
		running := k.running
		k.mu.Unlock()
		if running != nil {
			<-running
		}
	}
}

func x509PKIX(t *testing.T, pub any) []byte {
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		t.Fatal(err)
	}
	return der
}
