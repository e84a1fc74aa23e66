package identity

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
)

// asked is an issuer with introspection: it knows tokens by heart.
type asked struct {
	*outside
	mu        sync.Mutex
	tokens    map[string]map[string]any
	endpoint  string // that discovery names; "": its own
	status    atomic.Int64
	questions atomic.Int64
	hold      chan struct{} // not nil: answers wait for it
}

const askedSecret = "s3cret/+ %&"

func newAsked(t testing.TB, keys ...jose.JSONWebKey) *asked {
	o := &asked{outside: &outside{}, tokens: map[string]map[string]any{}}
	o.publish(keys...)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		o.mu.Lock()
		at := o.endpoint
		o.mu.Unlock()
		if at == "" {
			at = o.URL + "/introspect"
		}
		json.NewEncoder(w).Encode(map[string]string{"issuer": o.URL, "jwks_uri": o.URL + "/jwks", "introspection_endpoint": at})
	})
	mux.HandleFunc("GET /jwks", func(w http.ResponseWriter, _ *http.Request) { json.NewEncoder(w).Encode(o.keys.Load()) })
	mux.HandleFunc("POST /introspect", o.introspect)
	o.Server = httptest.NewServer(mux)
	t.Cleanup(o.Close)
	return o
}

func (o *asked) introspect(w http.ResponseWriter, r *http.Request) {
	o.questions.Add(1)
	o.mu.Lock()
	hold := o.hold
	o.mu.Unlock()
	if hold != nil {
		<-hold
	}
	id, secret, _ := r.BasicAuth()
	if status := int(o.status.Load()); status != 0 {
		w.WriteHeader(status)
		return
	}
	if id != "naisen+rs" || secret != "s3cret%2F%2B+%25%26" { // RFC 6749 section 2.3.1: encoded as a form
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if answer, ok := o.tokens[r.PostFormValue("token")]; ok && r.PostFormValue("token_type_hint") == "access_token" {
		json.NewEncoder(w).Encode(answer)
		return
	}
	fmt.Fprint(w, `{"active":false}`)
}

func (o *asked) set(token string, answer map[string]any) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if answer == nil {
		delete(o.tokens, token)
		return
	}
	o.tokens[token] = answer
}

// good is an answer that is accepted.
func (o *asked) good(now time.Time) map[string]any {
	c := o.claims(now)
	maps.Copy(c, map[string]any{"active": true, "token_type": "Bearer", "scope": "openid naisen", "auth_time": now.Unix()})
	return c
}

func (o *asked) issuer() Issuer {
	i := o.outside.issuer()
	i.Introspection = &Introspection{ClientID: "naisen rs", Secret: func() (string, error) { return askedSecret, nil }}
	return i
}

// TestIntrospection: what the issuer may say of a token that is no JWT, and what becomes of it.
func TestIntrospection(t *testing.T) {
	clock := newClock()
	now := clock.now()
	o := newAsked(t, ecJWK(t, "k1"))
	none := func(c map[string]any) { delete(c, "aud") }
	for _, c := range []struct {
		name, reason string
		status       int
		lax          bool
		change       func(map[string]any)
	}{
		{name: "good"},
		{name: "no iss, no exp, no type", change: func(c map[string]any) { delete(c, "iss"); delete(c, "exp"); delete(c, "token_type") }},
		{name: "inactive", reason: "inactive", change: func(c map[string]any) { c["active"] = false }},
		{name: "active by text", reason: "inactive", change: func(c map[string]any) { c["active"] = "true" }},
		{name: "active by another name", reason: "inactive", change: func(c map[string]any) { delete(c, "active"); c["Active"] = true }},
		{name: "active missing", reason: "inactive", change: func(c map[string]any) { delete(c, "active") }},
		{name: "expired", reason: "expired", change: func(c map[string]any) { c["exp"] = now.Add(-time.Hour).Unix() }},
		{name: "not yet", reason: "not yet valid", change: func(c map[string]any) { c["nbf"] = now.Add(time.Hour).Unix() }},
		{name: "another issuer's", reason: "issuer", change: func(c map[string]any) { c["iss"] = "https://other.example" }},
		{name: "for somebody else", reason: "audience", change: func(c map[string]any) { c["aud"] = []string{"wiki"} }},
		{name: "for nobody", reason: "audience", change: none},
		{name: "for nobody, where that is so", lax: true, change: none},
		{name: "a refresh token, where that is so", lax: true, reason: "type", change: func(c map[string]any) { delete(c, "aud"); delete(c, "token_type") }},
		{name: "a type that is none", reason: "type", change: func(c map[string]any) { c["token_type"] = 7 }},
		{name: "for somebody else, where that is so", lax: true, reason: "audience", change: func(c map[string]any) { c["aud"] = "wiki" }},
		{name: "a refresh token", reason: "type", change: func(c map[string]any) { c["token_type"] = "refresh_token" }},
		{name: "DPoP", reason: "type", change: func(c map[string]any) { c["token_type"] = "DPoP" }},
		{name: "bound to a key", reason: "bound to its client's key", change: func(c map[string]any) { c["cnf"] = map[string]string{"jkt": "x"} }},
		{name: "nobody's", reason: "no subject", change: func(c map[string]any) { delete(c, "sub") }},
		{name: "no domain", reason: "domain or user name", change: func(c map[string]any) { delete(c, "org") }},
		{name: "malformed", status: 503, reason: "introspection: malformed answer", change: func(c map[string]any) { c["exp"] = "soon" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			i := o.issuer()
			i.Introspection.NoAudience = c.lax
			v := newTestVerifier(t, clock, nil, i)
			answer := o.good(now)
			if c.change != nil {
				c.change(answer)
			}
			token := "opaque-" + c.name
			o.set(token, answer)
			before := o.questions.Load()
			for range 3 {
				s, err := v.Verify(t.Context(), token)
				if c.reason != "" {
					wantStatus(t, err, cmp.Or(c.status, http.StatusUnauthorized), c.reason)
					continue
				}
				if err != nil || s.User != "alice" || s.Issuer != o.URL || s.Domain != "pbx.example.jp" || len(s.Roles) != 2 || s.AuthTime.Unix() != now.Unix() || s.Expires.Before(now) {
					t.Fatalf("%+v %v", s, err)
				}
				if err := ask(v, token); err != nil {
					t.Fatal(err)
				}
			}
			if n := o.questions.Load() - before; n != 1 && c.status == 0 {
				t.Errorf("asked %d times, want once", n)
			}
		})
	}
}

// TestIntrospectionInTime: an answer is believed for its time and no longer, whatever happens at the issuer.
func TestIntrospectionInTime(t *testing.T) {
	clock := newClock()
	o := newAsked(t, ecJWK(t, "k1"))
	v := newTestVerifier(t, clock, nil, o.issuer())
	short := o.good(clock.now())
	short["exp"] = clock.now().Add(3 * time.Second).Unix()
	o.set("long", o.good(clock.now()))
	o.set("short", short)
	for _, token := range []string{"long", "short"} {
		if _, err := v.Verify(t.Context(), token); err != nil {
			t.Fatal(err)
		}
	}
	o.status.Store(500)
	clock.add(9 * time.Second)
	if _, err := v.Verify(t.Context(), "long"); err != nil {
		t.Errorf("within its time: %v", err)
	}
	clock.add(2 * time.Second)
	_, err := v.Verify(t.Context(), "long")
	wantStatus(t, err, http.StatusServiceUnavailable, "introspection failed")
	if err := ask(v, "long"); !errors.Is(err, ErrUnavailable) {
		t.Errorf("%v", err)
	}
	o.status.Store(0)
	if _, err := v.Verify(t.Context(), "long"); err != nil {
		t.Errorf("back again: %v", err)
	}
	o.set("long", nil) // revoked
	clock.add(11 * time.Second)
	_, err = v.Verify(t.Context(), "long")
	wantStatus(t, err, http.StatusUnauthorized, "inactive")
	if err := ask(v, "long"); err.(*Error).Challenge("naisen") != `Bearer realm="naisen", error="invalid_token"` {
		t.Errorf("%v", err)
	}
	clock.add(time.Minute)
	_, err = v.Verify(t.Context(), "short")
	wantStatus(t, err, http.StatusUnauthorized, "expired")
	o.status.Store(401) // our secret is not the right one any more: not the token's fault
	_, err = v.Verify(t.Context(), "other")
	wantStatus(t, err, http.StatusServiceUnavailable, "introspection failed")
}

// TestIntrospectionAlways: a JWT whose signature is good is asked about too, and ends when its issuer says so.
func TestIntrospectionAlways(t *testing.T) {
	clock, key := newClock(), ecJWK(t, "k1")
	o := newAsked(t, key)
	i := o.issuer()
	i.Introspection.Always = true
	v := newTestVerifier(t, clock, nil, i)
	claims := o.claims(clock.now())
	raw := sign(t, key, jose.ES256, atJWT, claims)
	_, err := v.Verify(t.Context(), raw)
	wantStatus(t, err, http.StatusUnauthorized, "inactive")
	clock.add(11 * time.Second)
	o.set(raw, o.good(clock.now()))
	if _, err := v.Verify(t.Context(), raw); err != nil {
		t.Fatal(err)
	}
	somebody := o.good(clock.now())
	somebody["sub"] = "bob"
	o.set(raw, somebody)
	clock.add(11 * time.Second)
	_, err = v.Verify(t.Context(), raw)
	wantStatus(t, err, http.StatusUnauthorized, "introspection: of somebody else")
	before := o.questions.Load()
	_, err = v.Verify(t.Context(), sign(t, ecJWK(t, "k1"), jose.ES256, atJWT, claims))
	wantStatus(t, err, http.StatusUnauthorized, "signature")
	if n := o.questions.Load() - before; n != 0 {
		t.Errorf("asked %d times about a forgery", n)
	}
	i.Introspection.Always = false
	v = newTestVerifier(t, clock, nil, i)
	if _, err := v.Verify(t.Context(), raw); err != nil {
		t.Errorf("not asked about JWTs: %v", err)
	}
	if n := o.questions.Load() - before; n != 0 {
		t.Errorf("asked %d times although it is not to be", n)
	}
}

// TestIntrospectionIsBounded: made-up tokens do not flood the issuer nor lock out those whose tokens are good; who waits for an answer is counted; closing
// ends it all.
func TestIntrospectionIsBounded(t *testing.T) {
	clock := newClock()
	o := newAsked(t, ecJWK(t, "k1"))
	v := newTestVerifier(t, clock, nil, o.issuer())
	o.set("mine", o.good(clock.now()))
	if _, err := v.Verify(t.Context(), "mine"); err != nil {
		t.Fatal(err)
	}
	before, refusals := o.questions.Load(), 0
	for n := range 500 {
		if _, err := v.Verify(t.Context(), fmt.Sprint("guess", n)); errors.Is(err, ErrUnavailable) {
			refusals++
		}
	}
	if n := o.questions.Load() - before; n > strangersBurst || refusals < 500-strangersBurst {
		t.Errorf("asked %d times about 500 guesses, %d put off", n, refusals)
	}
	clock.add(10*time.Second + time.Millisecond) // the guessers have used up theirs again by then
	for n := range 500 {
		v.Verify(t.Context(), fmt.Sprint("again", n))
	}
	if _, err := v.Verify(t.Context(), "mine"); err != nil {
		t.Errorf("locked out by guessers: %v", err)
	}
	hold := make(chan struct{})
	o.mu.Lock()
	o.hold = hold
	o.mu.Unlock()
	clock.add(11 * time.Second)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := v.Verify(gone, "mine")
	wantStatus(t, err, http.StatusServiceUnavailable, "gave up waiting for the issuer's answer")
	for n := range maxQuestions {
		v.Verify(gone, fmt.Sprint("held", n))
	}
	_, err = v.Verify(gone, "one more")
	wantStatus(t, err, http.StatusServiceUnavailable, "too many questions to the issuer")
	var wg sync.WaitGroup
	for range 8 { // one question for all
		wg.Go(func() {
			if _, err := v.Verify(context.Background(), "mine"); err != nil {
				t.Error(err)
			}
		})
	}
	close(hold)
	wg.Wait()
}

// TestIntrospectionGoesNowhereElse: tokens and our secret go to the issuer's own host, or where the configuration says.
func TestIntrospectionGoesNowhereElse(t *testing.T) {
	clock := newClock()
	trap := newAsked(t, ecJWK(t, "x"))
	o := newAsked(t, ecJWK(t, "k1"))
	for _, at := range []string{trap.URL + "/introspect", "http://169.254.169.254/introspect", "file:///etc/passwd", o.URL + "@" + strings.TrimPrefix(trap.URL, "http://"), "none"} {
		o.mu.Lock()
		o.endpoint = at
		o.mu.Unlock()
		v := newTestVerifier(t, clock, nil, o.issuer())
		_, err := v.Verify(t.Context(), "token")
		wantStatus(t, err, http.StatusServiceUnavailable, "introspection failed")
	}
	if n := trap.questions.Load(); n != 0 {
		t.Fatalf("%d tokens were shown to somebody else", n)
	}
	redirecting := httptest.NewServer(http.RedirectHandler(trap.URL+"/introspect", http.StatusTemporaryRedirect))
	defer redirecting.Close()
	i := o.issuer()
	i.Introspection.Endpoint = redirecting.URL
	_, err := newTestVerifier(t, clock, nil, i).Verify(t.Context(), "token")
	wantStatus(t, err, http.StatusServiceUnavailable, "introspection failed")
	if n := trap.questions.Load(); n != 0 {
		t.Fatalf("a redirect took %d tokens away", n)
	}
	i.Introspection.Endpoint = trap.URL + "/introspect"
	trap.set("token", o.good(clock.now()))
	if _, err := newTestVerifier(t, clock, nil, i).Verify(t.Context(), "token"); err != nil {
		t.Errorf("where the configuration says: %v", err)
	}
	other := newAsked(t, ecJWK(t, "k2"))
	if _, err := NewVerifier(VerifierConfig{Issuers: []Issuer{o.issuer(), other.issuer()}}); err == nil {
		t.Error("two issuers would see each other's tokens")
	}
	for name, bad := range map[string]Introspection{"no secret": {ClientID: "a"}, "too long": {ClientID: "a", Secret: i.Introspection.Secret, TTL: time.Hour},
		"plain http": {ClientID: "a", Secret: i.Introspection.Secret, Endpoint: "http://idp.example/i"}} {
		if i.Introspection = &bad; i.Validate() == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
