package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/provisioning"
	"naisen/provisioning/signals"
	"naisen/provisioning/signals/signalstest"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

const streamCredential = "0123456789abcdef-stream"

// signalLab is a switch whose identity service and transmitter of shared signals is of the test. Taro has 2001, Hanako 2002.
type signalLab struct {
	*lab
	x *signalstest.Transmitter
}

func newSignalLab(t *testing.T, x *signalstest.Transmitter, change func(*Config)) *signalLab {
	t.Helper()
	if x == nil {
		x = signalstest.New(t)
	}
	l := newLab(t, func(c *Config) {
		c.Identity = IdentityConfig{Issuer: x.URL, Roles: map[string]string{"admin": "admin"}}
		c.Signals = SignalsConfig{Logout: LogoutConfig{Audience: []string{"naisen"}, Sessions: true},
			Transmitters: []TransmitterConfig{{Name: "idp", Issuer: x.URL, Audience: []string{signalstest.Audience}, Token: Secret{value: streamCredential}, Sessions: true}}}
		if change != nil {
			change(c)
		}
	})
	l.put(provisioning.Domain{Name: "pbx.internal", Language: "ja", CountryCode: "81", AllowMD5: true, AllowBearer: true},
		provisioning.User{Name: "taro"}, provisioning.User{Name: "hanako"},
		provisioning.Extension{Number: "2001", User: "taro", AllowMD5: true, Media: "srtp-preferred"},
		provisioning.Extension{Number: "2002", User: "hanako", AllowMD5: true, Media: "srtp-preferred"})
	s := &signalLab{l, x}
	s.status(s.token("taro", -time.Minute)) // REST waits for the provider's keys; SIP would ask to be asked again
	return s
}

// token of somebody, issued so long from now.
func (l *signalLab) token(user string, in time.Duration, claims ...any) string {
	c := map[string]any{"sub": user, "roles": []string{"admin"}, "scope": "naisen sip", "iat": time.Now().Add(in).Unix()}
	for i := 0; i+1 < len(claims); i += 2 {
		c[claims[i].(string)] = claims[i+1]
	}
	return l.x.Access("naisen", c)
}

func (l *signalLab) url(path string) string { return "http://" + l.p.http.addr.String() + path }

// push delivers an event and gives the answer's err.
func (l *signalLab) push(claims map[string]any) string {
	l.t.Helper()
	return l.x.Push(l.url(signals.PushPath+"idp"), streamCredential, l.x.SET(claims))
}

// event about a subject, that happened so long ago.
func (l *signalLab) event(uri string, subject any, ago time.Duration, more ...any) map[string]any {
	payload := map[string]any{"event_timestamp": float64(time.Now().Add(-ago).UnixMilli()) / 1000}
	for i := 0; i+1 < len(more); i += 2 {
		payload[more[i].(string)] = more[i+1]
	}
	return l.x.Claims(uri, subject, payload)
}

func (l *signalLab) user(name string) map[string]any { return signalstest.User(l.x.URL, name) }

// status of a request with a token.
func (l *signalLab) status(token string) int {
	l.t.Helper()
	resp := l.get("/v1/domains/pbx.internal/extensions", token)
	defer resp.Body.Close()
	return resp.StatusCode
}

func (l *signalLab) get(path, token string) *http.Response {
	l.t.Helper()
	req, err := http.NewRequestWithContext(l.t.Context(), http.MethodGet, l.url(path), nil)
	if err != nil {
		l.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		l.t.Fatal(err)
	}
	return resp
}

// watch looks at live events, and closes when the stream ends, after the reason.
func (l *signalLab) watch(token string) <-chan string {
	l.t.Helper()
	resp := l.get("/v1/domains/pbx.internal/events", token)
	if resp.StatusCode != http.StatusOK {
		l.t.Fatalf("live events: %d", resp.StatusCode)
	}
	ended := make(chan string, 1)
	lines := bufio.NewScanner(resp.Body)
	lines.Scan() // it has begun
	go func() {
		defer resp.Body.Close()
		last := ""
		for lines.Scan() {
			if lines.Text() != "" {
				last = lines.Text()
			}
		}
		ended <- last
	}()
	return ended
}

// registered counts the bindings of an extension.
func (l *signalLab) registered(number string) int {
	return len(l.p.registrar.Bindings(number + "@pbx.internal"))
}

// talk lets one telephone call another, both of the first run.
func (l *signalLab) talk(caller, callee *siptest.Phone) (inv *stack.Request, ok *stack.Response, rung *stack.Request, answer *stack.Response) {
	l.t.Helper()
	inv = l.authorised(caller, callTo(caller, callee.Name))
	rung = callee.Expect("INVITE")
	answer = callee.Reply(rung, 200, func(r *stack.Response) { r.SetBody("application/sdp", offer(callee.Addr.Addr())) })
	for ok = caller.ExpectStatus(200, "INVITE"); ok.Status != 200; {
	}
	caller.Ack(inv, ok)
	callee.Expect("ACK")
	return inv, ok, rung, answer
}

func bearer(token string) string { return "Authorization: Bearer " + token }

// One signed event ends what a person does, whatever they do, and nothing of anybody else; told again, or late, it ends nothing more.
func TestSessionRevokedEndsEverything(t *testing.T) {
	t.Parallel()
	l := newSignalLab(t, nil, nil)
	taro, hanako := l.token("taro", -time.Minute), l.token("hanako", -time.Minute)
	soft := l.stream("tls", &tls.Config{InsecureSkipVerify: true})
	if r := soft.ask("REGISTER", "2001", "2001", bearer(taro)); r.Status != 200 {
		t.Fatalf("by token: %d", r.Status)
	}
	home := netip.MustParseAddr("127.0.0.1")
	desk, other := l.phone("2001", home), l.phone("2002", home)
	desk.Register(300)
	other.Register(300)
	l.talk(desk, other)
	watching, others := l.watch(taro), l.watch(hanako)
	if a, b := l.status(taro), l.status(hanako); a != 200 || b != 200 || l.registered("2001") != 2 {
		t.Fatalf("before: %d %d, %d bindings", a, b, l.registered("2001"))
	}

	set := l.event(signalstest.CAEP+"session-revoked", l.user("taro"), 0)
	if got := l.push(set); got != "" {
		t.Fatal(got)
	}
	if got := l.status(taro); got != 401 { // at once: the answer to the event came after it was stored
		t.Errorf("the token still opens: %d", got)
	}
	waitFor(t, func() bool { return l.registered("2001") == 0 })
	if why := <-watching; why != `data: {"reason":"token"}` {
		t.Errorf("live events ended by %q", why)
	}
	desk.Reply(desk.Expect("BYE"), 200, nil)
	other.Reply(other.Expect("BYE"), 200, nil)
	if got := l.status(hanako); got != 200 || l.registered("2002") != 1 {
		t.Errorf("somebody else: %d, %d bindings", got, l.registered("2002"))
	}
	select {
	case why := <-others:
		t.Errorf("somebody else's live events ended: %q", why)
	default:
	}
	if r := soft.ask("REGISTER", "2001", "2001", bearer(taro)); r.Status != 401 {
		t.Errorf("a REGISTER with the old token: %d", r.Status)
	}

	fresh := l.token("taro", 2*time.Second) // signed in anew
	if r := soft.ask("REGISTER", "2001", "2001", bearer(fresh)); r.Status != 200 {
		t.Fatalf("a REGISTER with a new token: %d", r.Status)
	}
	desk.Register(300) // the telephone knows its password still
	for name, again := range map[string]map[string]any{"again": set, "late": l.event(signalstest.CAEP+"session-revoked", l.user("taro"), time.Hour)} {
		if got := l.push(again); got != "" {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := l.status(fresh); got != 200 || l.registered("2001") != 2 {
		t.Errorf("after a replay and a late event: %d, %d bindings", got, l.registered("2001"))
	}
	if got := l.audited("access.end"); got != 1 {
		t.Errorf("%d audit entries", got)
	}
}

func (l *signalLab) audited(action string) (n int) {
	l.t.Helper()
	if err := l.p.store.View(l.t.Context(), func(r provisioning.Reader) error {
		all, err := r.Audit("pbx.internal", provisioning.AuditQuery{Action: action})
		n = len(all)
		return err
	}); err != nil {
		l.t.Fatal(err)
	}
	return n
}

// A device that does not comply is out, whoever uses it, until a newer event says that it complies; nothing else of its person is.
func TestDeviceThatDoesNotComply(t *testing.T) {
	t.Parallel()
	l := newSignalLab(t, nil, func(c *Config) {
		c.Signals.Effects = map[string]EffectConfig{"device-compliance-change": {Calls: "end", Phones: true}}
	})
	contact := func(id string) string {
		return fmt.Sprintf(`Contact: <sip:2001@10.0.0.9:%s;transport=tls>;+sip.instance="<urn:uuid:F81D4FAE-7DEC-11D0-A765-00A0C91E%s>"`, id, id)
	}
	taro, phone := l.token("taro", -time.Minute), l.stream("tls", &tls.Config{InsecureSkipVerify: true})
	register := func(id, token string) int {
		return phone.ask("REGISTER", "2001", "2001", bearer(token), contact(id)).Status
	}
	for _, id := range []string{"0001", "0002"} {
		if got := register(id, taro); got != 200 {
			t.Fatalf("%s: %d", id, got)
		}
	}
	tell := func(status string, ago time.Duration) {
		t.Helper()
		device := map[string]any{"format": "complex", "user": l.user("taro"), "device": map[string]any{"format": "opaque", "id": "F81D4FAE-7DEC-11D0-A765-00A0C91E0001"}}
		if got := l.push(l.event(signalstest.CAEP+"device-compliance-change", device, ago, "current_status", status, "previous_status", "compliant")); got != "" {
			t.Fatal(got)
		}
	}
	tell("not-compliant", 30*time.Second)
	waitFor(t, func() bool { return l.registered("2001") == 1 })
	if a, b := register("0001", taro), register("0002", taro); a != 403 || b != 200 {
		t.Errorf("barred: %d; the other one: %d", a, b)
	}
	if r := phone.ask("INVITE", "2001", "2002", bearer(taro), contact("0001")); r.Status != 403 {
		t.Errorf("a call from it: %d", r.Status)
	}
	tell("compliant", time.Minute) // happened before: it was let in, and failed again
	if got := register("0001", taro); got != 403 {
		t.Errorf("after an older event: %d", got)
	}
	tell("compliant", 0)
	if got := register("0001", taro); got != 200 {
		t.Errorf("let in again: %d", got)
	}
}

// Whoever is disabled or deleted, in whatever way, goes the way of a revoked session, and what they had does not come back with them.
func TestLeaver(t *testing.T) {
	t.Parallel()
	l := newSignalLab(t, nil, func(c *Config) { c.Signals.Effects = map[string]EffectConfig{"leaver": {Calls: "end", Phones: true}} })
	home := netip.MustParseAddr("127.0.0.1")
	desk, other := l.phone("2001", home), l.phone("2002", home)
	desk.Register(300)
	other.Register(300)
	l.talk(desk, other)
	taro := l.token("taro", -time.Minute)
	watching := l.watch(taro)
	l.put(provisioning.User{Name: "taro", Disabled: true})
	if got := l.status(taro); got != 401 {
		t.Errorf("the token still opens: %d", got)
	}
	desk.Reply(desk.Expect("BYE"), 200, nil)
	other.Reply(other.Expect("BYE"), 200, nil)
	waitFor(t, func() bool { return l.registered("2001") == 0 })
	<-watching
	waitFor(t, func() bool { return l.audited("access.end") == 1 })
	l.put(provisioning.User{Name: "taro"})
	if got := l.status(taro); got != 401 {
		t.Errorf("enabled again, with the token of before: %d", got)
	}
	if got := l.status(l.token("taro", 2*time.Second)); got != 200 {
		t.Errorf("enabled again, with a new token: %d", got)
	}
	hanako := l.token("hanako", -time.Minute)
	l.put(provisioning.Extension{Number: "2002", AllowMD5: true, Media: "srtp-preferred"})
	l.update(func(w provisioning.Writer) error {
		return w.Delete("pbx.internal", provisioning.KindUser, "hanako", "")
	})
	waitFor(t, func() bool { return l.status(hanako) == 401 })
}

func (l *signalLab) update(f func(provisioning.Writer) error) {
	l.t.Helper()
	if err := (liveStore{l.p.store, l.p.directory, l.p.log}).Update(l.t.Context(), provisioning.Subject{System: true}, f); err != nil {
		l.t.Fatal(err)
	}
}

// An account that its provider disabled is out, with password and all, until it is enabled there again.
func TestAccountDisabled(t *testing.T) {
	t.Parallel()
	l := newSignalLab(t, nil, nil)
	desk := l.phone("2001", netip.MustParseAddr("127.0.0.1"))
	desk.Register(300)
	if got := l.push(l.event(signalstest.RISC+"account-disabled", l.user("taro"), 10*time.Second)); got != "" {
		t.Fatal(got)
	}
	waitFor(t, func() bool { return l.registered("2001") == 0 })
	if _, r := desk.Do(desk.NewRequest("REGISTER", "")); r.Status == 200 {
		t.Error("the telephone of a disabled account registers")
	}
	if got := l.status(l.token("taro", 2*time.Second)); got != 401 {
		t.Errorf("a new token of a disabled account: %d", got)
	}
	if got := l.push(l.event(signalstest.RISC+"account-enabled", l.user("taro"), 0)); got != "" {
		t.Fatal(got)
	}
	waitFor(t, func() bool { return l.status(l.token("taro", 2*time.Second)) == 200 })
	desk.Register(300)
}

// A sign-out by back channel ends one session, or all of a person, and leaves the telephone on the desk alone.
func TestSignedOutByBackChannel(t *testing.T) {
	t.Parallel()
	l := newSignalLab(t, nil, nil)
	desk := l.phone("2001", netip.MustParseAddr("127.0.0.1"))
	desk.Register(300)
	one, two := l.token("taro", -time.Minute, "sid", "s1"), l.token("taro", -time.Minute, "sid", "s2")
	soft := l.stream("tls", &tls.Config{InsecureSkipVerify: true})
	if r := soft.ask("REGISTER", "2001", "2001", bearer(one)); r.Status != 200 {
		t.Fatal(r.Status)
	}
	out := l.x.Sign(map[string]any{"typ": "logout+jwt"}, l.x.LogoutClaims("naisen", map[string]any{"sub": "taro", "sid": "s1"}))
	if got := l.x.Logout(l.url(signals.LogoutPath), out); got != 200 {
		t.Fatal(got)
	}
	waitFor(t, func() bool { return l.registered("2001") == 1 })
	if a, b := l.status(one), l.status(two); a != 401 || b != 200 {
		t.Errorf("the session that ended: %d, the other one: %d", a, b)
	}
	if got := l.x.Logout(l.url(signals.LogoutPath), l.x.Sign(nil, l.x.LogoutClaims("naisen", map[string]any{"sub": "taro"}))); got != 200 {
		t.Fatal(got)
	}
	if got := l.status(two); got != 401 || l.registered("2001") != 1 {
		t.Errorf("all sessions: %d, %d bindings", got, l.registered("2001"))
	}
	if got := l.x.Logout(l.url(signals.LogoutPath), l.x.Sign(nil, l.x.LogoutClaims("other", map[string]any{"sub": "hanako"}))); got != 400 || l.status(l.token("hanako", -time.Minute)) != 200 {
		t.Errorf("for another client: %d", got)
	}
}

// What was revoked is so after a restart, and a token that was taken before it counts no second time.
func TestRevokedOverARestart(t *testing.T) {
	t.Parallel()
	x, dir := signalstest.New(t), t.TempDir()
	keep := func(c *Config) { c.Data = dir }
	var taro string
	var set map[string]any
	t.Run("before", func(t *testing.T) {
		l := newSignalLab(t, x, keep)
		taro = l.token("taro", -time.Minute)
		set = l.event(signalstest.CAEP+"session-revoked", l.user("taro"), 0)
		if got := l.push(set); got != "" || l.status(taro) != 401 {
			t.Fatal(got)
		}
	})
	l := newSignalLab(t, x, keep)
	if got := l.status(taro); got != 401 {
		t.Errorf("after a restart the token opens: %d", got)
	}
	if got := l.push(set); got != "" || l.p.signals.Stats().Again != 1 {
		t.Errorf("after a restart the same event counts: %q %+v", got, l.p.signals.Stats())
	}
}

// Rights are asked again while a call lasts: who lost them is told, and the call ends; a call for help and who still may are left alone.
func TestRightsOfLongCalls(t *testing.T) {
	t.Parallel()
	l := newSignalLab(t, nil, func(c *Config) { c.Signals.Effects = map[string]EffectConfig{"rights-lost": {Calls: "end"}} })
	home := netip.MustParseAddr("127.0.0.1")
	desk, other := l.phone("2001", home), l.phone("2002", home)
	desk.Register(300)
	other.Register(300)
	l.talk(desk, other)
	waitFor(t, func() bool { s := l.p.calls.Snapshots(""); return len(s) == 1 && s[0].Phase == call.Talking })
	e := l.p.endings // as if it were asked an hour later
	later := &endings{store: e.store, directory: e.directory, calls: e.calls, again: e.again, effects: e.effects, recheck: e.recheck, audit: e.audit, log: e.log,
		clock: func() time.Time { return time.Now().Add(time.Hour) }}
	later.askAgain()
	if n := l.p.calls.Len(); n != 1 {
		t.Fatalf("%d calls: one that may go on was ended", n)
	}
	l.put(provisioning.Extension{Number: "2002", User: "hanako", AllowMD5: true, Media: "srtp-preferred", Disabled: true})
	later.askAgain()
	desk.Reply(desk.Expect("BYE"), 200, nil)
	other.Reply(other.Expect("BYE"), 200, nil)
	waitFor(t, func() bool { return l.audited("call.rights-lost") == 1 })
}

// The proof of a registration says no more of a token than what it can be revoked by, and one of before is the oldest.
func TestProofs(t *testing.T) {
	who := provisioning.Subject{Domain: "a", User: "taro", Issuer: "https://x", Session: "s1", Device: "<urn:uuid:AB>", Token: "j1", Issued: time.Unix(1_700_000_000, 0)}
	text := from(tokenProof(who), `"<urn:uuid:CD>"`)
	p := readProof(text)
	if p.kind != proofToken || p.owner != "taro" || p.session != provisioning.Fingerprint("https://x s1") || p.device != provisioning.Fingerprint("ab") ||
		p.token != provisioning.Fingerprint("https://x j1") || p.instance != provisioning.Fingerprint("cd") || !p.issued.Equal(who.Issued) {
		t.Errorf("%s: %+v", text, p)
	}
	if strings.Contains(text, "s1") || strings.Contains(text, "j1") || len(tokenProof(who))-len(who.User) > 192-64 {
		t.Errorf("%s", text)
	}
	if p := readProof("token:taro"); p.owner != "taro" || !p.issued.IsZero() || p.session != "" {
		t.Errorf("%+v", p)
	}
	if p := readProof(from(proofDigest, "x")); p.kind != proofDigest || p.instance == "" {
		t.Errorf("%+v", p)
	}
}
