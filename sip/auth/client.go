package auth

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"strings"

	"naisen/sip"
	"naisen/sip/stack"
)

// Errors of Authorize; callers use errors.Is.
var (
	// ErrNoChallenge: no digest challenge that we can answer: other scheme, unknown algorithm, malformed.
	ErrNoChallenge = errors.New("auth: no challenge that can be answered")
	// ErrForeignRealm: only challenges of realms that the credential is not for (threats B13).
	ErrForeignRealm = errors.New("auth: challenge of a foreign realm")
	// ErrRejected: the request carried credentials for this realm already, and the peer does not call them stale. Do not try again.
	ErrRejected = errors.New("auth: credentials rejected")
)

// Authorize adds to req the answer to the challenge of a 401 or 407 (RFC 3261 section 22.2): the strongest algorithm that we know,
// the topmost of equals, in the credential's realm only. cnonce gives the client nonce; nil: random. An earlier answer in the same
// realm is replaced, and only if the peer says stale=true. The caller sends req as a new transaction with the next CSeq number, and
// gives up after two answers on one request (threats B14): a peer can call every nonce stale.
func Authorize(req *stack.Request, challenge *stack.Response, c ClientCredential, cnonce func() string) error {
	in, out := "WWW-Authenticate", "Authorization"
	if challenge.Status == 407 {
		in, out = "Proxy-Authenticate", "Proxy-Authorization"
	}
	best, alg, err := choose(challenge.Lines(in), c.Realm)
	if err != nil {
		return err
	}
	if answered(req, out, best.realm) && !best.stale {
		return ErrRejected
	}
	if cnonce == nil {
		cnonce = randomCnonce
	}
	best.username, best.uri = c.User, req.URI.WithoutHeaders().String()
	if best.qop = pickQop(best.qop); best.qop != "" {
		best.cnonce, best.nc = cnonce(), "00000001"
	}
	best.response = best.compute(alg, HA1(alg, c.User, best.realm, c.Secret), req.Method, req.Body)
	replace(req, out, best.realm, best.credentials())
	return nil
}

// choose finds the strongest challenge in the realm.
func choose(lines []string, realm string) (best digest, alg Algorithm, err error) {
	err = ErrNoChallenge
	for _, line := range lines[:min(len(lines), maxHeaders)] {
		d, e := parseDigest(line)
		a, ok := parseAlgorithm(d.algorithm)
		if e != nil || !ok || d.nonce == "" || !answerable(d.qop) {
			continue
		}
		if realm != AnyRealm && (realm == "" || d.realm != realm) {
			if alg == "" {
				err = ErrForeignRealm
			}
			continue
		}
		if alg == "" || a.strength() > alg.strength() {
			best, alg, err = d, a, nil
		}
	}
	return best, alg, err
}

// pickQop prefers auth; auth-int where nothing else is offered; "" towards a server of RFC 2069.
func pickQop(offered string) string {
	if offered == "" {
		return ""
	}
	for _, q := range strings.Split(offered, ",") {
		if strings.EqualFold(strings.TrimSpace(q), "auth") {
			return "auth"
		}
	}
	return "auth-int"
}

func answerable(qop string) bool {
	if qop == "" {
		return true
	}
	for _, q := range strings.Split(qop, ",") {
		q = strings.TrimSpace(q)
		if strings.EqualFold(q, "auth") || strings.EqualFold(q, "auth-int") {
			return true
		}
	}
	return false
}

func answered(req *stack.Request, name, realm string) bool {
	for _, line := range req.Lines(name) {
		if d, err := parseDigest(line); err == nil && d.realm == realm {
			return true
		}
	}
	return false
}

// replace leaves credentials for other realms alone (RFC 3261 section 22.3).
func replace(req *stack.Request, name, realm, value string) {
	var others []string
	for _, line := range req.Lines(name) {
		if d, err := parseDigest(line); err != nil || d.realm != realm {
			others = append(others, line)
		}
	}
	req.Del(name)
	for _, line := range append(others, value) {
		req.Add(name, line)
	}
}

// credentials writes the header field value. algorithm is echoed as it came, and left out where it was absent.
func (d *digest) credentials() string {
	var b strings.Builder
	b.WriteString("Digest username=" + sip.Quote(d.username) + ", realm=" + sip.Quote(d.realm) + ", nonce=" + sip.Quote(d.nonce) +
		", uri=" + sip.Quote(d.uri) + `, response="` + d.response + `"`)
	if d.algorithm != "" {
		b.WriteString(", algorithm=" + d.algorithm)
	}
	if d.opaque != "" {
		b.WriteString(", opaque=" + sip.Quote(d.opaque))
	}
	if d.qop != "" {
		b.WriteString(", qop=" + d.qop + ", nc=" + d.nc + ", cnonce=" + sip.Quote(d.cnonce))
	}
	return b.String()
}

func randomCnonce() string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand, Go 1.24)
	return hex.EncodeToString(b[:])
}
