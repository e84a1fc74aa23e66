package identity

import (
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	jose "github.com/go-jose/go-jose/v4"
)

// ask sends raw as REST and playback get it.
func ask(v *Verifier, raw string) error {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("Authorization", "Bearer "+raw)
	_, err := v.Request(r)
	return err
}

// TestScopes: a token is good for what it was asked for.
func TestScopes(t *testing.T) {
	clock, key := newClock(), ecJWK(t, "k1")
	o := newOutside(t, key)
	const wanted = `Bearer realm="naisen", error="insufficient_scope", scope="naisen"`
	cases := []struct {
		name        string
		issuer, sip string // of the configuration
		claim       string
		scopes      any
		challenge   string // of the 403; "": it is taken
	}{
		{name: "asked for", claim: "scope", scopes: "openid naisen"},
		{name: "as a list", claim: "scp", scopes: []string{"naisen"}},
		{name: "a telephone's", claim: "scope", scopes: "openid sip", challenge: wanted},
		{name: "both", claim: "scope", scopes: "openid sip naisen"},
		{name: "sign-in alone", claim: "scope", scopes: "openid profile", challenge: wanted},
		{name: "none", claim: "scope", scopes: "", challenge: wanted},
		{name: "part of a word", claim: "scope", scopes: "naisen.read xnaisen", challenge: wanted},
		{name: "other case", claim: "scope", scopes: "Naisen", challenge: wanted},
		{name: "named otherwise", issuer: "pbx.access", claim: "scp", scopes: "pbx.access"},
		{name: "named otherwise, ours", issuer: "pbx.access", claim: "scope", scopes: "naisen", challenge: strings.Replace(wanted, `scope="naisen"`, `scope="pbx.access"`, 1)},
		{name: "issuer without scopes", issuer: NoScope, claim: "x", scopes: ""},
		{name: "issuer without scopes, a telephone's", issuer: NoScope, claim: "scope", scopes: "sip", challenge: `Bearer realm="naisen", error="insufficient_scope"`},
		{name: "issuer without scopes, a telephone's by another name", issuer: NoScope, sip: "phone", claim: "scp", scopes: "phone", challenge: `Bearer realm="naisen", error="insufficient_scope"`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			i := o.issuer()
			i.Scope, i.SIPScope = c.issuer, c.sip
			v := newTestVerifier(t, clock, nil, i)
			claims := o.claims(clock.now())
			delete(claims, "scope")
			claims[c.claim] = c.scopes
			raw := sign(t, key, jose.ES256, atJWT, claims)
			if _, err := v.Verify(t.Context(), raw); err != nil {
				t.Fatalf("the token itself: %v", err)
			}
			for range 2 { // from the cache too
				err := ask(v, raw)
				if c.challenge == "" {
					if err != nil {
						t.Fatal(err)
					}
					continue
				}
				var e *Error
				if !errors.As(err, &e) || e.Status != http.StatusForbidden || e.Challenge("naisen") != c.challenge || !errors.Is(err, ErrScope) || errors.Is(err, ErrUnauthenticated) {
					t.Fatalf("%v %+v", err, e)
				}
			}
		})
	}
	same := o.issuer()
	same.Scope = ScopeSIP
	if same.Validate() == nil {
		t.Error("telephones' tokens would be good for REST")
	}
}

// TestScopesOfOurs: `pbx login` gets what REST takes, a telephone's token is for SIP, and a scope that nobody knows is not given.
func TestScopesOfOurs(t *testing.T) {
	r := withAdmin(t)
	for _, c := range []struct {
		scopes []string
		want   int
	}{{nil, 0}, {[]string{"openid", ScopeAPI}, 0}, {[]string{"openid", ScopeSIP}, 403}, {[]string{"openid", "admin"}, 403}, {[]string{"openid"}, 403}} {
		l := r.login()
		l.Scopes = c.scopes
		tok, err := l.Password(t.Context(), "admin", newSecret, nil)
		if err != nil {
			t.Fatal(c.scopes, err)
		}
		err = ask(r.verify, tok.Access)
		if c.want == 0 {
			if err != nil {
				t.Errorf("%v: %v", c.scopes, err)
			}
			continue
		}
		wantStatus(t, err, c.want, "for something else")
		s, err := r.verify.Verify(t.Context(), tok.Access)
		if err != nil || slices.Contains(s.Scopes, "admin") {
			t.Errorf("%v: %v %v", c.scopes, s.Scopes, err)
		}
	}
}

// TestAttributes: claims become attributes as the mapping says, within bounds; what is no plain value is none.
func TestAttributes(t *testing.T) {
	clock, key := newClock(), ecJWK(t, "k1")
	o := newOutside(t, key)
	i := o.issuer()
	i.Mapping.Attributes = map[string][]string{"compliant": {"device", "compliant"}, "os": {"device", "os"}, "level": {"level"}, "list": {"list"},
		"object": {"device"}, "null": {"null"}, "long": {"long"}, "control": {"control"}, "missing": {"no", "such"}, "through": {"level", "x"}, "dotted": {"https://idp.example/x.y"}}
	v := newTestVerifier(t, clock, nil, i)
	claims := o.claims(clock.now())
	maps.Copy(claims, map[string]any{"device": map[string]any{"compliant": true, "os": "ウィンドウズ 11"}, "level": 12345678901234567, "list": []string{"a"}, "null": nil,
		"long": strings.Repeat("x", maxAttribute+1), "control": "a\nb", "https://idp.example/x.y": "z", "auth_time": clock.now().Unix() - 5})
	s, err := v.Verify(t.Context(), sign(t, key, jose.ES256, atJWT, claims))
	want := map[string]string{"compliant": "true", "os": "ウィンドウズ 11", "level": "12345678901234567", "dotted": "z"}
	if err != nil || !maps.Equal(s.Attributes, want) {
		t.Errorf("%v %v, want %v", err, s.Attributes, want)
	}
	if s.AuthTime.Unix() != clock.now().Unix()-5 {
		t.Errorf("auth_time %v", s.AuthTime)
	}
	delete(claims, "auth_time")
	if s, err := v.Verify(t.Context(), sign(t, key, jose.ES256, atJWT, claims)); err != nil || !s.AuthTime.IsZero() {
		t.Errorf("no auth_time: %v %v", s.AuthTime, err)
	}
	for name, bad := range map[string]map[string][]string{"no path": {"a": nil}, "no name": {"": {"a"}}, "control": {"a\n": {"a"}}, "long": {strings.Repeat("x", maxAttributeName+1): {"a"}}} {
		i.Mapping.Attributes = bad
		if i.Validate() == nil {
			t.Errorf("%s is taken", name)
		}
	}
	many := map[string][]string{}
	for n := range maxAttributes + 1 {
		many[strings.Repeat("a", n+1)] = []string{"a"}
	}
	if i.Mapping.Attributes = many; i.Validate() == nil {
		t.Error("any number of attributes is taken")
	}
}
