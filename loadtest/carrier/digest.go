package carrier

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"
)

// digest is one account's digest authentication (RFC 7616), both sides. The lock of its UA guards it.
type digest struct {
	realm, user, password string
	algorithm             string         // "MD5" or "SHA-256"
	nonces                map[string]int // the highest nc of each
}

func newDigest(realm, user, password, algorithm string) *digest {
	return &digest{realm: realm, user: user, password: password, algorithm: algorithm, nonces: map[string]int{}}
}

// challenge is the value of WWW-Authenticate or Proxy-Authenticate.
func (d *digest) challenge() string {
	nonce := word()
	d.nonces[nonce] = 0
	return fmt.Sprintf(`Digest realm="%s", nonce="%s", algorithm=%s, qop="auth"`, d.realm, nonce, d.algorithm)
}

// check says what is wrong with credentials for a request; "": nothing.
func (d *digest) check(value, method, uri string) string {
	scheme, rest, _ := strings.Cut(value, " ")
	if !strings.EqualFold(scheme, "Digest") {
		return "scheme " + scheme
	}
	p := map[string]string{}
	for _, part := range splitOutside(rest, ',') {
		name, v, _ := strings.Cut(part, "=")
		p[strings.ToLower(name)] = strings.Trim(v, `"`)
	}
	last, known := d.nonces[p["nonce"]]
	var nc int
	if _, err := fmt.Sscanf(p["nc"], "%08x", &nc); err != nil || len(p["nc"]) != 8 {
		return "nc " + p["nc"]
	}
	switch {
	case p["realm"] != d.realm:
		return "another realm"
	case p["username"] != d.user:
		return "another user"
	case p["uri"] != uri:
		return fmt.Sprintf("uri %q is not the Request-URI", p["uri"])
	case p["qop"] != "auth" || p["cnonce"] == "":
		return "no qop=auth with cnonce"
	case !known:
		return "a nonce that is not ours"
	case nc <= last:
		return "nc was used before"
	case p["response"] != d.response(method, uri, p["nonce"], p["nc"], p["cnonce"]):
		return "wrong password"
	}
	d.nonces[p["nonce"]] = nc
	return ""
}

func (d *digest) response(method, uri, nonce, nc, cnonce string) string {
	sum := func(s string) string {
		var h hash.Hash = md5.New()
		if d.algorithm == "SHA-256" {
			h = sha256.New()
		}
		h.Write([]byte(s))
		return hex.EncodeToString(h.Sum(nil))
	}
	return sum(sum(d.user+":"+d.realm+":"+d.password) + ":" + nonce + ":" + nc + ":" + cnonce + ":auth:" + sum(method+":"+uri))
}

// answer makes the header line that answers a challenge, with the nth use of its nonce.
func (d *digest) answer(challenge *Message, method, uri string, n int) Field {
	name, value := "Authorization", challenge.Get("www-authenticate")
	if challenge.Status == 407 {
		name, value = "Proxy-Authorization", challenge.Get("proxy-authenticate")
	}
	nonce, opaque := "", ""
	for _, part := range splitOutside(strings.TrimPrefix(value, "Digest "), ',') {
		switch k, v, _ := strings.Cut(part, "="); k {
		case "nonce":
			nonce = strings.Trim(v, `"`)
		case "opaque":
			opaque = ", opaque=" + v
		}
	}
	nc, cnonce := fmt.Sprintf("%08x", n), word()
	return Field{Name: name, Value: fmt.Sprintf(`Digest username="%s", realm="%s", nonce="%s", uri="%s", response="%s", algorithm=%s, cnonce="%s", qop=auth, nc=%s%s`,
		d.user, d.realm, nonce, uri, d.response(method, uri, nonce, nc, cnonce), d.algorithm, cnonce, nc, opaque)}
}

// digestRule refuses credentials that are there and wrong. Without any the peer challenges, which is no refusal.
func (d *digest) rule() Rule {
	return Rule{Name: "digest", Status: 403, Why: "RFC 7616 section 3.4; a wrong password is 403 there, and the account is watched",
		On: func(s *Seen) bool {
			return s.Status == 0 && s.Method != "ACK" && s.Method != "CANCEL" && (s.Has("authorization") || s.Has("proxy-authorization"))
		},
		Check: func(s *Seen) string {
			value := s.Get("authorization")
			if s.Has("proxy-authorization") {
				value = s.Get("proxy-authorization")
			}
			return d.check(value, s.Method, s.URI)
		}}
}
