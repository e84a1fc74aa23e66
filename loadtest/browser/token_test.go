package browser

import (
	"encoding/json"
	"testing"
	"time"

	"naisen/loadtest/peer"
)

// tokenLife is that of the embedded identity service's access tokens here: time to talk, and to fetch another one half way.
const tokenLife = 24 * time.Second

// allow lets phones sign in with tokens, and makes 2001 the administrator's extension.
func allow(t *testing.T, p *peer.PBX) {
	t.Helper()
	for path, change := range map[string]func(map[string]any){
		"/v1/domains/" + p.Domain: func(d map[string]any) { d["allow_bearer"] = true },
		"extensions/2001":         func(e map[string]any) { e["user"] = "admin" },
	} {
		status, answer, err := p.Do(t.Context(), "GET", path, nil)
		must(t, err)
		var body map[string]any
		if must(t, json.Unmarshal(answer, &body)); status != 200 {
			t.Fatalf("%s: %d %s", path, status, answer)
		}
		change(body)
		if status, answer, err = p.Do(t.Context(), "PUT", path, body); err != nil || status/100 != 2 {
			t.Fatalf("%s: %d %v %s", path, status, err, answer)
		}
	}
}

// TestBrowserTokens: the page signs in with an access token of the embedded identity service and no password (RFC 8898), and calls with it. A fresh token in time
// keeps its socket; without one the socket ends with 4401 when the token has run out, and neither a REGISTER nor a call is taken with it any more
// (threats F10). The call that is up goes on, since its media proves itself.
func TestBrowserTokens(t *testing.T) {
	t.Parallel()
	p, b := officeWith(t, "identity: {access_ttl: "+tokenLife.String()+"}\n", nil)
	first := desk(t, p, "2002", deskHz)
	must(t, p.SignIn(t.Context())) // the token of the set-up may have run out already
	allow(t, p)
	token := func() string {
		t.Helper()
		s, err := p.PhoneToken(t.Context())
		must(t, err)
		return s
	}
	b.signIn(p, map[string]any{"token": token()})
	began := time.Now()
	b.do(nil, "call", "sip:2002@"+p.Domain)
	accept(t, first, 1)
	b.saw("confirmed", 1)
	b.hears(deskHz)
	heard(t, first, browserHz)

	until := func(d time.Duration) {
		t.Helper()
		must(t, peer.Until(2*tokenLife, func() bool { return time.Since(began) > d }))
	}
	until(tokenLife / 2)
	b.do(nil, "renew", token())
	until(tokenLife + time.Second)
	b.never("disconnected") // the first token has run out, the second holds
	b.saw("disconnected 4401", 1)
	b.hears(deskHz)
	heard(t, first, browserHz)

	b.saw("registrationFailed", 1) // it comes back by itself, with the token that it has
	b.do(nil, "call", "sip:2002@"+p.Domain)
	b.saw("failed Authentication Error 401", 1)
	must(t, first.Command("hangup", ""))
	must(t, p.SignIn(t.Context()))
	runs(t, p)
}
