package auth

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"naisen/sip/stack"
)

func offered(r *stack.Response) string {
	var algs []string
	for _, line := range r.Lines("WWW-Authenticate") {
		d, err := parseDigest(line)
		if err != nil {
			return err.Error()
		}
		algs = append(algs, d.algorithm)
	}
	return strings.Join(algs, " ")
}

func TestOfferByClient(t *testing.T) {
	for _, c := range []struct {
		userAgent string
		md5       bool
		want      string
	}{
		{"Yealink SIP-T46U", true, "SHA-256 MD5"},
		{"Yealink SIP-T46U", false, "SHA-256"},
		{"baresip v1.0.0 (x86_64/linux)", true, "MD5"},
		{"baresip v1.0.0 (x86_64/linux)", false, "SHA-256"},
		{"baresip v3.10.1", true, "SHA-256 MD5"},
		{"JsSIP 3.13.8", true, "MD5"},
		{"SIP.js/0.21.2", true, "MD5"},
		{"Linphonec/5.1.65", true, "SHA-256 MD5"},
		{"", true, "MD5"},
		{"", false, "SHA-256"},
	} {
		b := newBench(t)
		b.md5 = c.md5
		if got := offered(b.challenge("1001", Peer{Remote: home.Remote, UserAgent: c.userAgent})); got != c.want {
			t.Errorf("%q, MD5 allowed %v: offered %q, want %q", c.userAgent, c.md5, got, c.want)
		}
	}
}

// A phone that no table knows gives up at the double challenge; its next attempt gets MD5 alone.
func TestOfferFollowsWhatTheDeviceAnswers(t *testing.T) {
	b := newBench(t)
	odd := Peer{Remote: netip.MustParseAddrPort("192.0.2.7:5060"), UserAgent: "Odd Phone 1.0"}
	expect := func(what, want string) *stack.Response {
		t.Helper()
		r := b.challenge("1001", odd)
		if got := offered(r); got != want {
			t.Fatalf("%s: offered %q, want %q", what, got, want)
		}
		return r
	}
	expect("first", "SHA-256 MD5")
	expect("pipelined at the same instant", "SHA-256 MD5")
	retransmitted := b.request("REGISTER", "sip:example.test", "1001")
	b.check(retransmitted, odd)
	b.now = b.now.Add(30 * time.Second)
	ch := expect("asks again", "MD5")
	b.expect(b.answer("1001", "secret", ch), odd, "ok 1001 MD5")
	b.now = b.now.Add(time.Hour)
	expect("refresh", "MD5")
	b.now = b.now.Add(time.Hour)
	expect("MD5 alone unanswered too", "SHA-256 MD5")
}

func TestRetransmissionIsNotUnanswered(t *testing.T) {
	b := newBench(t)
	r := b.request("REGISTER", "sip:example.test", "1001")
	for range 5 {
		if got := offered(b.check(r, home).(Challenge).Response); got != "SHA-256 MD5" {
			t.Fatalf("offered %q", got)
		}
		b.now = b.now.Add(4 * time.Second)
	}
}

// Another phone of the same model behind the same NAT, that has not answered yet, changes nothing for this one.
func TestDevicesBehindOneAddressAreToldApart(t *testing.T) {
	b := newBench(t)
	b.challenge("1001", home)
	b.now = b.now.Add(time.Minute)
	if got := offered(b.challenge("1002", home)); got != "SHA-256 MD5" {
		t.Errorf("offered %q", got)
	}
}

// A device that has answered with SHA-256 once is never offered MD5 alone: an unanswered challenge was a lost packet.
func TestStrongDeviceStaysStrong(t *testing.T) {
	b := newBench(t)
	b.expect(b.answer("1001", "secret", b.challenge("1001", home)), home, "ok 1001 SHA-256")
	for range 4 {
		b.now = b.now.Add(time.Minute)
		if got := offered(b.challenge("1001", home)); got != "SHA-256 MD5" {
			t.Fatalf("offered %q", got)
		}
	}
}

// A client without a User-Agent is taken for a small tool at first. Where its account has SHA-256 alone, it is offered that as soon as MD5
// was in vain, or was left unanswered; an account that does not exist, a wrong password and a throttled guess are told the same.
func TestOfferIsWhatTheAccountCanAnswer(t *testing.T) {
	only := credential("1004", "secret")
	only.HA1MD5 = ""
	for user, password := range map[string]string{"1004": "secret", "1002": "secret", "1001": "wrong", "nobody": "secret"} {
		b := newBench(t)
		b.book[realm+"/1004"] = only
		bare := Peer{Remote: netip.MustParseAddrPort("192.0.2.7:5060")}
		first := b.challenge(user, bare)
		if got := offered(first); got != "MD5" {
			t.Fatalf("%s: first offered %q", user, got)
		}
		again := b.expect(b.answer(user, password, first), bare, "wrong").(Challenge).Response
		if got := offered(again); got != "SHA-256 MD5" {
			t.Errorf("%s: after MD5 in vain offered %q", user, got)
		}
		b.now = b.now.Add(time.Minute)
		if got := offered(b.challenge(user, bare)); got != "SHA-256 MD5" {
			t.Errorf("%s: a minute later offered %q", user, got)
		}
		if user == "1004" || user == "1002" {
			b.expect(b.answer(user, password, b.challenge(user, bare)), bare, "ok "+user+" SHA-256")
			b.now = b.now.Add(time.Hour)
			if got := offered(b.challenge(user, bare)); got != "SHA-256 MD5" {
				t.Errorf("%s: who has answered with SHA-256 is offered %q", user, got)
			}
		}
	}
}

// One that does not know MD5 leaves it unanswered, and is offered both when it asks again.
func TestOfferTurnsForWhoKnowsNoMD5(t *testing.T) {
	b := newBench(t)
	bare := Peer{Remote: netip.MustParseAddrPort("192.0.2.7:5060")}
	b.challenge("1002", bare)
	b.now = b.now.Add(time.Minute)
	ch := b.challenge("1002", bare)
	if got := offered(ch); got != "SHA-256 MD5" {
		t.Fatalf("offered %q", got)
	}
	b.expect(b.answer("1002", "secret", ch), bare, "ok 1002 SHA-256")
}

// A right guess that is not looked at, for there were too many, turns the offer as a wrong one does: else the guesser saw which it was.
func TestOfferOfThrottledGuesses(t *testing.T) {
	b := newBench(t)
	other := Peer{Remote: netip.MustParseAddrPort("192.0.2.7:5060"), UserAgent: "Guesser"}
	for verdict(b.check(b.answer("1001", "wrong", b.challenge("1001", other)), other)) != string(Throttled) {
	}
	bare := Peer{Remote: other.Remote}
	ch := b.challenge("1001", bare)
	o := b.check(b.answer("1001", "secret", ch), bare)
	if c, ok := o.(Challenge); !ok || c.Why != Throttled || offered(c.Response) != "SHA-256 MD5" {
		t.Errorf("%s %+v", verdict(o), o)
	}
}

// Who answers MD5 rightly goes on with MD5 alone.
func TestOfferStaysForWhoAnswersMD5(t *testing.T) {
	b := newBench(t)
	bare := Peer{Remote: netip.MustParseAddrPort("192.0.2.7:5060")}
	for range 3 {
		ch := b.challenge("1001", bare)
		if got := offered(ch); got != "MD5" {
			t.Fatalf("offered %q", got)
		}
		b.expect(b.answer("1001", "secret", ch), bare, "ok 1001 MD5")
		b.now = b.now.Add(time.Hour)
	}
}
