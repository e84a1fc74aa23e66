package auth

import (
	"errors"
	"strings"
	"testing"

	"naisen/sip/stack"
)

func challengeOf(req *stack.Request, status int, values ...string) *stack.Response {
	r := stack.NewResponse(req, status, "")
	name := "WWW-Authenticate"
	if status == 407 {
		name = "Proxy-Authenticate"
	}
	for _, v := range values {
		r.Add(name, v)
	}
	return r
}

func TestAuthorizeChooses(t *testing.T) {
	const md5 = `Digest realm="example.test", nonce="m", algorithm=MD5, qop="auth"`
	const sha = `Digest realm="example.test", nonce="s", algorithm=SHA-256, qop="auth,auth-int"`
	for _, c := range []struct {
		name   string
		realm  string
		values []string
		nonce  string
		err    error
	}{
		{"strongest, wherever it stands", realm, []string{md5, sha}, "s", nil},
		{"MD5 if there is nothing else", realm, []string{md5}, "m", nil},
		{"no algorithm means MD5", realm, []string{`Digest realm="example.test", nonce="o", qop="auth"`}, "o", nil},
		{"RFC 2069", realm, []string{`Digest realm="example.test", nonce="q"`}, "q", nil},
		{"unknown algorithm ignored", realm, []string{`Digest realm="example.test", nonce="x", algorithm=SHA-3, qop="auth"`, md5}, "m", nil},
		{"other scheme ignored", realm, []string{`Bearer realm="example.test"`, md5}, "m", nil},
		{"malformed ignored", realm, []string{`Digest realm="example.test, nonce=x`, md5}, "m", nil},
		{"B13 foreign realm", "carrier.test", []string{md5, sha}, "", ErrForeignRealm},
		{"B13 ours beside a foreign one", realm, []string{`Digest realm="evil.test", nonce="e", algorithm=SHA-256, qop="auth"`, md5}, "m", nil},
		{"no realm configured answers nobody", "", []string{md5}, "", ErrForeignRealm},
		{"any realm, if said so", AnyRealm, []string{md5}, "m", nil},
		{"nothing usable", realm, []string{`Digest realm="example.test", nonce="x", algorithm=MD5-sess, qop="auth"`}, "", ErrNoChallenge},
		{"unknown qop", realm, []string{`Digest realm="example.test", nonce="x", qop="auth-conf"`}, "", ErrNoChallenge},
		{"none", realm, nil, "", ErrNoChallenge},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			r := b.request("REGISTER", "sip:example.test", "1001")
			err := Authorize(r, challengeOf(r, 401, c.values...), ClientCredential{"1001", "secret", c.realm}, nil)
			if !errors.Is(err, c.err) {
				t.Fatalf("got %v, want %v", err, c.err)
			}
			d, _ := parseDigest(r.Get("Authorization"))
			if d.nonce != c.nonce || (err != nil) != !r.Has("Authorization") {
				t.Errorf("answered nonce %q, want %q", d.nonce, c.nonce)
			}
		})
	}
}

func TestAuthorizeDoesNotTryTwice(t *testing.T) {
	b := newBench(t)
	r := b.request("INVITE", "sip:+81312345678@carrier.test", "1001")
	c := ClientCredential{"trunk", "secret", "carrier.test"}
	r.Add("Proxy-Authorization", `Digest username="x", realm="other.test", nonce="n", uri="sip:a", response="0"`)
	first := challengeOf(r, 407, `Digest realm="carrier.test", nonce="1", algorithm=MD5, qop="auth"`)
	if err := Authorize(r, first, c, nil); err != nil {
		t.Fatal(err)
	}
	second := challengeOf(r, 407, `Digest realm="carrier.test", nonce="2", algorithm=MD5, qop="auth"`)
	if err := Authorize(r, second, c, nil); !errors.Is(err, ErrRejected) {
		t.Errorf("rejected credentials answered again: %v", err)
	}
	stale := challengeOf(r, 407, `Digest realm="carrier.test", nonce="3", algorithm=MD5, qop="auth", stale=TRUE`)
	if err := Authorize(r, stale, c, nil); err != nil {
		t.Errorf("stale nonce not answered: %v", err)
	}
	lines := r.Lines("Proxy-Authorization")
	if len(lines) != 2 || !strings.Contains(lines[0], "other.test") || !strings.Contains(lines[1], `nonce="3"`) {
		t.Errorf("credentials now: %q", lines)
	}
}

// What a challenge holds must not add a header line or a parameter to our answer.
func TestAuthorizeQuotes(t *testing.T) {
	b := newBench(t)
	r := b.request("REGISTER", "sip:example.test", "1001")
	ch := challengeOf(r, 401, `Digest realm="a\", response=\"0", nonce="b\\", opaque="c\"", qop="auth"`)
	if err := Authorize(r, ch, ClientCredential{"1001", "secret", AnyRealm}, nil); err != nil {
		t.Fatal(err)
	}
	d, err := parseDigest(r.Get("Authorization"))
	if err != nil || d.realm != `a", response="0` || d.nonce != `b\` || d.opaque != `c"` || len(d.response) != 32 {
		t.Errorf("%v %+v", err, d)
	}
}
