package hostile

import (
	"strings"
	"testing"
	"time"

	"naisen/loadtest/peer"
	"naisen/sip"
	"naisen/sip/auth"
	"naisen/sip/stack"
)

// Threats I9: one host floods with what costs most; another registers all the same. B8 and B11: the guesses are an alarm, on the metric and
// over REST, and the owner is not locked out.
func TestOneHostFloods(t *testing.T) {
	attacker, owner := newHost(t), bare(t, "")
	guess := attacker.request("REGISTER", domain(), "2001", "2001", `Authorization: Digest username="2001", realm="`+pbx.Domain+
		`", nonce="NONCE", uri="`+domain()+`", response="0123456789abcdef0123456789abcdef", algorithm=MD5, qop=auth, nc=00000001, cnonce="x"`)
	challenge := attacker.ask(attacker.request("REGISTER", domain(), "2001", "2001"))
	guess = strings.Replace(guess, "NONCE", between(challenge.Get("WWW-Authenticate"), `nonce="`, `"`), 1)
	fresh := func(text string) string {
		text = strings.Replace(text, "branch=z9hG4bK", "branch=z9hG4bK"+stack.NewTag(), 1)
		return strings.Replace(text, "Call-ID: ", "Call-ID: "+stack.NewTag(), 1)
	}
	for name, wave := range map[string]struct {
		n    int
		text string
	}{
		"REGISTER": {3000, attacker.request("REGISTER", domain(), "2001", "2001")}, "guesses": {1500, guess},
		"INVITE": {1500, attacker.request("INVITE", aor("2002"), "2001", "2002")}, "garbage": {3000, "\x00\xff garbage \r\n\r\n"},
	} {
		for range wave.n {
			attacker.send(fresh(wave.text))
		}
		began := time.Now()
		owner.persist("2001", "60")
		t.Logf("during %s: registered after %v", name, time.Since(began).Round(time.Millisecond))
	}
	for range 60 { // as many as are looked at, whatever the rate of the host let through before
		attacker.send(fresh(guess))
		if _, resp, _ := attacker.next(time.Second); resp == nil {
			break
		}
	}
	if err := peer.Until(20*time.Second, func() bool {
		v, err := pbx.Metric(t.Context(), `naisen_alarm{name="sign-in-guesses"}`)
		if err != nil || v == 0 {
			attacker.send(fresh(guess))
		}
		return err == nil && v == 1
	}); err != nil {
		t.Error("no alarm on the metric")
	}
	if status, answer, err := pbx.Do(t.Context(), "GET", "/v1/alarms", nil); err != nil || status != 200 || !strings.Contains(string(answer), `"sign-in-guesses"`) {
		t.Errorf("alarms: %d %s %v", status, answer, err)
	}
	owner.persist("2001", "0")
	owner.registrations(0)
}

// persist registers as a phone does, which sends again what gets no answer.
func (h *host) persist(user, expires string) {
	h.Helper()
	ask := func(text string) *stack.Response {
		for range 20 {
			h.send(text)
			if _, resp, _ := h.next(time.Second); resp != nil && resp.Status >= 200 {
				return resp
			}
		}
		h.Fatal("no answer")
		return nil
	}
	id := stack.NewCallID()
	for seq := 1; seq < 10; seq += 2 {
		first := ask(h.requestID(id, seq, "REGISTER", domain(), user, user, "Expires: "+expires))
		text := h.answered(first, id, seq+1, user, "Expires: "+expires)
		if resp := ask(text); resp.Status == 200 {
			return
		}
	}
	h.Fatal("the owner is locked out")
}

// answered is the REGISTER that answers a challenge.
func (h *host) answered(challenge *stack.Response, id string, seq int, user string, lines ...string) string {
	h.Helper()
	r := stack.NewRequest("REGISTER", sip.URI{Scheme: "sip", Host: pbx.Domain})
	if err := auth.Authorize(r, challenge, auth.ClientCredential{User: user, Secret: pbx.Passwords[user], Realm: auth.AnyRealm}, nil); err != nil {
		h.Fatal(err)
	}
	return h.requestID(id, seq, "REGISTER", domain(), user, user, append(lines, "Authorization: "+r.Get("Authorization"))...)
}
