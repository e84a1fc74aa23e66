package signals_test

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"naisen/provisioning/identity"
	"naisen/provisioning/signals"
	"naisen/provisioning/signals/signalstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	credential = "0123456789abcdef-stream"
	issuer     = "https://login.example.jp"
)

// memory remembers in a map.
type memory struct {
	mu   sync.Mutex
	ids  map[string]time.Time
	full bool
}

func (m *memory) Heard(_ context.Context, issuer, id string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	_, ok := m.ids[issuer+" "+id]
	return ok, nil
}

func (m *memory) Hear(_ context.Context, issuer, id string, until time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.full {
		return signals.ErrFull
	}
	m.ids[issuer+" "+id] = until
	return nil
}

// rig is a receiver, and what it told.
type rig struct {
	x    *signalstest.Transmitter
	r    *signals.Receiver
	http *httptest.Server
	mem  *memory

	mu   sync.Mutex
	told []signals.Event
	sink error
}

func newRig(t *testing.T, change func(*signals.Config)) *rig {
	t.Helper()
	g := &rig{x: signalstest.New(t), mem: &memory{ids: map[string]time.Time{}}}
	keys, err := identity.NewSigned(identity.SignedConfig{Issuer: g.x.URL, Discovery: identity.SSFConfiguration(g.x.URL)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(keys.Close)
	rules := signals.Rules{Domain: "a.example", Issuer: issuer, Users: signals.DefaultUsers(), Hosts: []string{"ward.example.jp"}, Sessions: true}
	cfg := signals.Config{Memory: g.mem, Sink: g.take,
		Transmitters: []signals.Transmitter{{Name: "idp", Issuer: g.x.URL, Audience: []string{signalstest.Audience}, Keys: keys, Token: credential, Rules: rules}},
		Logouts:      []signals.Logout{{Issuer: g.x.URL, Audience: []string{"naisen"}, Keys: keys, Rules: signals.Rules{Domain: "a.example", Issuer: g.x.URL, Users: signals.DefaultUsers(), Sessions: true}}}}
	if change != nil {
		change(&cfg)
	}
	if g.r, err = signals.New(cfg); err != nil {
		t.Fatal(err)
	}
	g.r.Start(t.Context())
	t.Cleanup(g.r.Close)
	g.http = httptest.NewServer(g.r.Handler())
	t.Cleanup(g.http.Close)
	return g
}

func (g *rig) take(_ context.Context, e signals.Event) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.sink != nil {
		return g.sink
	}
	g.told = append(g.told, e)
	return nil
}

func (g *rig) events() []signals.Event {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.told)
}

func (g *rig) push(set string) string {
	return g.x.Push(g.http.URL+signals.PushPath+"idp", credential, set)
}

// with changes one claim; nil takes it away.
func with(claims map[string]any, name string, value any) map[string]any {
	c := maps.Clone(claims)
	if value == nil {
		delete(c, name)
	} else {
		c[name] = value
	}
	return c
}

// A genuine token is told once, whatever else comes; what is not one gets the exact word for why.
func TestPush(t *testing.T) {
	g := newRig(t, nil)
	taro := signalstest.User(issuer, "taro")
	good := g.x.Claims(signalstest.CAEP+"session-revoked", taro, map[string]any{"reason_admin": map[string]string{"en": "stolen\r\nX: y", "ja": "盗難"}})
	other := signalstest.New(t)
	now := time.Now()
	two := map[string]any{signalstest.CAEP + "session-revoked": map[string]any{}, signalstest.CAEP + "credential-change": map[string]any{}}
	typed := map[string]any{"typ": "secevent+jwt"}
	for _, c := range []struct{ name, set, want string }{
		{"alg none", g.x.Sign(map[string]any{"typ": "secevent+jwt", "alg": "none"}, good), "invalid_key"},
		{"HS256 with the public key", g.x.Sign(map[string]any{"typ": "secevent+jwt", "alg": "HS256"}, good), "invalid_key"},
		{"another issuer's key", other.Sign(map[string]any{"typ": "secevent+jwt"}, good), "invalid_key"},
		{"another's key under our kid", other.Sign(map[string]any{"typ": "secevent+jwt", "jwk": map[string]string{"kty": "EC"}}, good), "invalid_key"},
		{"changed", strings.Replace(g.x.SET(good), ".", ".e30", 1), "invalid_key"},
		{"no JWT", "taro", "invalid_key"},
		{"empty", "", "invalid_key"},
		{"typ of an access token", g.x.Sign(map[string]any{"typ": "at+jwt"}, good), "invalid_request"},
		{"no typ", g.x.Sign(nil, good), "invalid_request"},
		{"wrong iss", g.x.SET(with(good, "iss", "https://other.example")), "invalid_issuer"},
		{"wrong aud", g.x.SET(with(good, "aud", "somebody")), "invalid_audience"},
		{"no aud", g.x.SET(with(good, "aud", nil)), "invalid_audience"},
		{"exp", g.x.SET(with(good, "exp", now.Add(time.Hour).Unix())), "invalid_request"},
		{"sub", g.x.SET(with(good, "sub", "taro")), "invalid_request"},
		{"no jti", g.x.SET(with(good, "jti", nil)), "invalid_request"},
		{"long jti", g.x.SET(with(good, "jti", strings.Repeat("a", 600))), "invalid_request"},
		{"no iat", g.x.SET(with(good, "iat", nil)), "invalid_request"},
		{"stale", g.x.SET(with(good, "iat", now.Add(-25*time.Hour).Unix())), "invalid_request"},
		{"from the future", g.x.SET(with(good, "iat", now.Add(2*time.Minute).Unix())), "invalid_request"},
		{"happens in the future", g.x.SET(with(good, "events", map[string]any{signalstest.CAEP + "session-revoked": map[string]any{"event_timestamp": now.Add(time.Hour).Unix()}})), "invalid_request"},
		{"two events", g.x.SET(with(good, "events", two)), "invalid_request"},
		{"no event", g.x.SET(with(good, "events", map[string]any{})), "invalid_request"},
		{"a payload that is none", g.x.SET(with(good, "events", map[string]any{signalstest.CAEP + "session-revoked": "x"})), "invalid_request"},
		{"a time that is none", g.x.SET(with(good, "events", map[string]any{signalstest.CAEP + "session-revoked": map[string]any{"event_timestamp": "now"}})), "invalid_request"},
		{"no subject", g.x.SET(with(good, "sub_id", nil)), "invalid_request"},
		{"a device that is neither", g.x.SET(g.x.Claims(signalstest.CAEP+"device-compliance-change", taro, map[string]any{"current_status": "maybe"})), "invalid_request"},
		{"critical header", g.x.Sign(map[string]any{"typ": "secevent+jwt", "crit": []string{"x"}, "x": 1}, good), "invalid_key"},
		{"too large", g.x.Sign(typed, with(good, "txn", strings.Repeat("a", 64<<10))), "invalid_request"},
	} {
		if got := g.push(c.set); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	if n := len(g.events()); n != 0 {
		t.Fatalf("%d of them were told", n)
	}
	set := g.x.SET(good)
	for range 3 {
		if got := g.push(set); got != "" {
			t.Errorf("genuine: %q", got)
		}
	}
	got := g.events()
	if len(got) != 1 {
		t.Fatalf("told %d times", len(got))
	}
	if e := got[0]; e.Kind != signals.SessionRevoked || e.User != "taro" || e.Domain != "a.example" || e.Reason != "盗難" || time.Since(e.Happened) > time.Minute || e.Transmitter != "idp" {
		t.Errorf("%+v", e)
	}
	if s := g.r.Stats(); s.Taken != 1 || s.Again != 2 || s.Refused != 28 || s.Kinds[signals.SessionRevoked] != 1 {
		t.Errorf("%+v", s)
	}
}

// Who has not the stream's credential is told nothing about tokens, nor which transmitters there are.
func TestPushNeedsTheCredential(t *testing.T) {
	g := newRig(t, nil)
	set := g.x.SET(g.x.Claims(signalstest.CAEP+"session-revoked", signalstest.User(issuer, "taro"), nil))
	for name, c := range map[string][2]string{"none": {"idp", ""}, "wrong": {"idp", "x"}, "a prefix": {"idp", credential[:10]}, "another transmitter": {"nobody", credential}} {
		if got := g.x.Push(g.http.URL+signals.PushPath+c[0], c[1], set); got != "authentication_failed" {
			t.Errorf("%s: %q", name, got)
		}
	}
	many := ""
	for range 100 {
		if many = g.x.Push(g.http.URL+signals.PushPath+"idp", "", set); many != "authentication_failed" {
			break
		}
	}
	if many != "429 Too Many Requests" {
		t.Errorf("a stranger's flood: %q", many)
	}
	if got := g.push(set); got != "" || len(g.events()) != 1 {
		t.Errorf("the transmitter during a stranger's flood: %q", got)
	}
	for path, want := range map[string]int{"/signals/push/": 404, "/signals/push/idp": 405, "/signals/other": 404} {
		resp, err := http.Get(g.http.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
	}
}

// Whom a subject means is said by rules, in every form that subjects have.
func TestSubjects(t *testing.T) {
	g := newRig(t, nil)
	session := map[string]any{"format": "opaque", "id": "dMTlD|1600802906337.16"}
	device := map[string]any{"format": "iss_sub", "iss": "https://mdm.example", "sub": "e9297990"}
	user := signalstest.User(issuer, "taro")
	for name, c := range map[string]struct {
		subject any
		want    signals.Event
	}{
		"iss_sub":             {user, signals.Event{User: "taro"}},
		"somebody else's sub": {signalstest.User("https://other.example", "taro"), signals.Event{}},
		"email":               {map[string]any{"format": "email", "email": "Hanako@ward.example.jp"}, signals.Event{User: "hanako"}},
		"email elsewhere":     {map[string]any{"format": "email", "email": "hanako@gmail.example"}, signals.Event{}},
		"account":             {map[string]any{"format": "account", "uri": "acct:taro@ward.example.jp"}, signals.Event{User: "taro"}},
		"opaque has no rule":  {map[string]any{"format": "opaque", "id": "taro"}, signals.Event{}},
		"unknown format":      {map[string]any{"format": "did", "url": "did:example:1"}, signals.Event{}},
		"aliases":             {map[string]any{"format": "aliases", "identifiers": []any{map[string]any{"format": "phone_number"}, user}}, signals.Event{User: "taro"}},
		"aliases in aliases":  {map[string]any{"format": "aliases", "identifiers": []any{map[string]any{"format": "aliases", "identifiers": []any{user}}}}, signals.Event{}},
		"complex":             {map[string]any{"format": "complex", "user": user, "session": session, "device": device}, signals.Event{User: "taro", Session: "dMTlD|1600802906337.16", Device: "e9297990"}},
		"complex, as once":    {map[string]any{"session": session}, signals.Event{Session: "dMTlD|1600802906337.16"}},
		"a token":             {map[string]any{"format": "jwt_id", "iss": issuer, "jti": "j1"}, signals.Event{Token: "j1"}},
		"somebody else's":     {map[string]any{"format": "jwt_id", "iss": "https://other.example", "jti": "j1"}, signals.Event{}},
		"a tenant":            {map[string]any{"format": "complex", "tenant": session}, signals.Event{}},
		"a name with a line":  {signalstest.User(issuer, "taro\r\nX"), signals.Event{}},
		"a name without end":  {signalstest.User(issuer, strings.Repeat("a", 600)), signals.Event{}},
	} {
		before := len(g.events())
		if got := g.push(g.x.SET(g.x.Claims(signalstest.CAEP+"session-revoked", c.subject, nil))); got != "" {
			t.Errorf("%s: %q", name, got)
			continue
		}
		e := g.events()[before]
		if e.User != c.want.User || e.Session != c.want.Session || e.Device != c.want.Device || e.Token != c.want.Token {
			t.Errorf("%s: %+v", name, e)
		}
	}
	if got := g.push(g.x.SET(g.x.Claims(signalstest.CAEP+"session-revoked", "taro", nil))); got != "invalid_request" {
		t.Errorf("a subject that is no object: %q", got)
	}
	old := g.x.Claims(signalstest.CAEP+"session-revoked", nil, map[string]any{"subject": user}) // where drafts had it
	delete(old, "sub_id")
	if got := g.push(g.x.SET(old)); got != "" || g.events()[len(g.events())-1].User != "taro" {
		t.Errorf("a subject in the event: %q", got)
	}
}

// Kinds that mean nothing here, and people who are none of ours, are acknowledged: they would come again for ever.
func TestAcknowledgedAndCounted(t *testing.T) {
	g := newRig(t, nil)
	user := signalstest.User(issuer, "taro")
	for _, uri := range []string{"https://schemas.example/secevent/other", signalstest.CAEP + "risk-level-change", signalstest.RISC + "session-revoked", "session-revoked", "/"} {
		if got := g.push(g.x.SET(g.x.Claims(uri, user, nil))); got != "" {
			t.Errorf("%s: %q", uri, got)
		}
	}
	for uri, status := range map[string]string{signalstest.SSF + "verification": "", signalstest.SSF + "stream-updated": "paused", signalstest.CAEP + "token-claims-change": "",
		signalstest.CAEP + "assurance-level-change": "decrease", signalstest.RISC + "account-disabled": "", signalstest.RISC + "sessions-revoked": "", signalstest.CAEP + "credential-change": ""} {
		c := g.x.Claims(uri, user, map[string]any{"status": status, "change_direction": status, "state": "s"})
		if strings.HasPrefix(uri, signalstest.SSF) {
			c["sub_id"] = map[string]any{"format": "opaque", "id": "stream"}
		}
		if got := g.push(g.x.SET(c)); got != "" {
			t.Errorf("%s: %q", uri, got)
		}
		if e := g.events(); !strings.HasSuffix(uri, "/"+e[len(e)-1].Kind) || e[len(e)-1].Status != status {
			t.Errorf("%s: %+v", uri, e[len(e)-1])
		}
	}
	g.sink = signals.ErrUnknownSubject
	if got := g.push(g.x.SET(g.x.Claims(signalstest.CAEP+"session-revoked", user, nil))); got != "" {
		t.Errorf("nobody of ours: %q", got)
	}
	if s := g.r.Stats(); s.Unknown != 5 || s.Nobody != 1 || s.Taken != 13 {
		t.Errorf("%+v", s)
	}
}

// What could not be stored is not acknowledged, and comes again: a fault of ours loses nothing.
func TestComesAgain(t *testing.T) {
	g := newRig(t, nil)
	set := g.x.SET(g.x.Claims(signalstest.CAEP+"session-revoked", signalstest.User(issuer, "taro"), nil))
	g.sink = errors.New("the disk is full")
	if got := g.push(set); got != "503 Service Unavailable" {
		t.Errorf("not stored: %q", got)
	}
	g.sink, g.mem.full = nil, true
	if got := g.push(set); got != "503 Service Unavailable" {
		t.Errorf("not remembered: %q", got)
	}
	g.mem.full = false
	if got := g.push(set); got != "" || len(g.events()) != 2 { // told twice, and the second time nothing is left to do
		t.Errorf("again: %q, told %d times", got, len(g.events()))
	}
}

// Polled tokens are acknowledged one by one; those that are none are refused by name, and do not come again.
func TestPoll(t *testing.T) {
	g := newRig(t, nil)
	taken, forged := g.x.Claims(signalstest.CAEP+"session-revoked", signalstest.User(issuer, "taro"), nil), signalstest.New(t)
	g.x.Queue(taken)
	g.x.QueueRaw("forged", forged.SET(taken))
	g.x.QueueRaw("wrong", g.x.SET(with(with(taken, "aud", "x"), "jti", "wrong")))
	polled := newPolled(t, g)
	waitUntil(t, func() bool { return g.x.Waiting() == 0 })
	for id, want := range map[string]string{taken["jti"].(string): "ack", "forged": "invalid_key", "wrong": "invalid_audience"} {
		if got := g.x.Outcome(id); got != want {
			t.Errorf("%s: %q, want %q", id, got, want)
		}
	}
	if e := g.events(); len(e) != 1 || e[0].User != "taro" {
		t.Errorf("%+v", e)
	}
	polled.Close()
}

// newPolled is a second receiver with the same memory and sink, that polls.
func newPolled(t *testing.T, g *rig) *signals.Receiver {
	t.Helper()
	keys, err := identity.NewSigned(identity.SignedConfig{Issuer: g.x.URL, KeySet: g.x.URL + "/keys"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(keys.Close)
	client := &http.Client{}
	t.Cleanup(client.CloseIdleConnections)
	r, err := signals.New(signals.Config{Memory: g.mem, Sink: g.take, HTTP: client, Transmitters: []signals.Transmitter{{Name: "idp", Issuer: g.x.URL, Audience: []string{signalstest.Audience},
		Keys: keys, Rules: signals.Rules{Domain: "a.example", Issuer: issuer, Users: signals.DefaultUsers()},
		Poll: &signals.Poll{URL: g.x.URL + "/poll", Token: g.x.PollToken(), Every: 20 * time.Millisecond}}}})
	if err != nil {
		t.Fatal(err)
	}
	r.Start(t.Context())
	return r
}

func waitUntil(t *testing.T, done func() bool) {
	t.Helper()
	deadline, tick := time.NewTimer(10*time.Second), time.NewTicker(5*time.Millisecond)
	defer deadline.Stop()
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatal("it never happened")
		}
	}
}

// OpenID Connect Back-Channel Logout 1.0 section 2.6, claim by claim.
func TestLogout(t *testing.T) {
	g := newRig(t, nil)
	at := g.http.URL + signals.LogoutPath
	good := g.x.LogoutClaims("naisen", map[string]any{"sub": "taro", "sid": "s1"})
	now, other := time.Now(), signalstest.New(t)
	for _, c := range []struct {
		name, token string
		want        int
	}{
		{"nonce", g.x.Sign(nil, with(good, "nonce", "n")), 400},
		{"neither sub nor sid", g.x.Sign(nil, with(with(good, "sub", nil), "sid", nil)), 400},
		{"no events", g.x.Sign(nil, with(good, "events", nil)), 400},
		{"another event", g.x.Sign(nil, with(good, "events", map[string]any{"x": map[string]any{}})), 400},
		{"no object", g.x.Sign(nil, with(good, "events", map[string]any{"http://schemas.openid.net/event/backchannel-logout": 1})), 400},
		{"aud", g.x.Sign(nil, with(good, "aud", "other")), 400},
		{"iss", g.x.Sign(nil, with(good, "iss", "https://other.example")), 400},
		{"expired", g.x.Sign(nil, with(good, "exp", now.Add(-2*time.Minute).Unix())), 400},
		{"no exp", g.x.Sign(nil, with(good, "exp", nil)), 400},
		{"future", g.x.Sign(nil, with(good, "iat", now.Add(2*time.Minute).Unix())), 400},
		{"no iat", g.x.Sign(nil, with(good, "iat", nil)), 400},
		{"no jti", g.x.Sign(nil, with(good, "jti", nil)), 400},
		{"alg none", g.x.Sign(map[string]any{"alg": "none"}, good), 400},
		{"HS256", g.x.Sign(map[string]any{"alg": "HS256"}, good), 400},
		{"another's key", other.Sign(nil, good), 400},
		{"an access token", g.x.Access("naisen", map[string]any{"sub": "taro"}), 400},
		{"a security event", g.x.SET(good), 400},
		{"nothing", "", 400},
		{"good", g.x.Sign(map[string]any{"typ": "logout+jwt"}, good), 200},
		{"again", g.x.Sign(map[string]any{"typ": "logout+jwt"}, good), 200},
		{"of all sessions", g.x.Sign(nil, g.x.LogoutClaims("naisen", map[string]any{"sub": "hanako"})), 200},
	} {
		if got := g.x.Logout(at, c.token); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
	e := g.events()
	if len(e) != 2 || e[0].User != "taro" || e[0].Session != "s1" || e[0].Kind != signals.SignedOut || e[1].User != "hanako" || e[1].Session != "" {
		t.Errorf("%+v", e)
	}
}
