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
