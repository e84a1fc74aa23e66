package auth

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"strings"
)

// Algorithm names a digest algorithm as it stands in a header (RFC 7616 section 3.3, RFC 8760 section 2.1).
type Algorithm string

// The algorithms. MD5 is there because most phones know nothing else; SHA-512-256 only as a client.
const (
	MD5       Algorithm = "MD5"
	SHA256    Algorithm = "SHA-256"
	SHA512256 Algorithm = "SHA-512-256"
)

// parseAlgorithm: absent means MD5 (RFC 7616 section 3.3). The -sess forms are not supported by us, nor sent by any client tried.
func parseAlgorithm(s string) (Algorithm, bool) {
	switch {
	case s == "" || strings.EqualFold(s, string(MD5)):
		return MD5, true
	case strings.EqualFold(s, string(SHA256)):
		return SHA256, true
	case strings.EqualFold(s, string(SHA512256)):
		return SHA512256, true
	}
	return "", false
}

// hexLength is how long a hash is in hex.
func (a Algorithm) hexLength() int {
	if a == MD5 {
		return 2 * md5.Size
	}
	return 2 * sha256.Size // and of SHA-512-256
}

// strength orders algorithms for the client: the strongest challenge is answered.
func (a Algorithm) strength() int {
	switch a {
	case SHA512256, SHA256: // equal in strength; the topmost of the two wins
		return 2
	default:
		return 1
	}
}

// join hashes the parts with colons between them, and gives lower-case hex.
func (a Algorithm) join(parts ...string) string {
	var room [512]byte // enough for what phones send
	text := room[:0]
	for i, p := range parts {
		if i > 0 {
			text = append(text, ':')
		}
		text = append(text, p...)
	}
	var out [2 * sha256.Size]byte
	switch a {
	case SHA256:
		sum := sha256.Sum256(text)
		return string(hex.AppendEncode(out[:0], sum[:]))
	case SHA512256:
		sum := sha512.Sum512_256(text)
		return string(hex.AppendEncode(out[:0], sum[:]))
	default:
		sum := md5.Sum(text)
		return string(hex.AppendEncode(out[:0], sum[:]))
	}
}

// HA1 is H(user:realm:password) in lower-case hex (RFC 7616 section 3.4.2), what a Verifier keeps instead of the password.
func HA1(alg Algorithm, user, realm, password string) string {
	return alg.join(user, realm, password)
}

// compute gives the request-digest of RFC 7616 section 3.4.1: d's nonce, nc, cnonce, qop and uri over ha1, method and body.
func (d *digest) compute(alg Algorithm, ha1, method string, body []byte) string {
	var ha2 string
	if strings.EqualFold(d.qop, "auth-int") {
		ha2 = alg.join(method, d.uri, alg.join(string(body)))
	} else {
		ha2 = alg.join(method, d.uri)
	}
	if d.qop == "" { // RFC 2069, only ever as a client of an old server
		return alg.join(ha1, d.nonce, ha2)
	}
	return alg.join(ha1, d.nonce, d.nc, d.cnonce, d.qop, ha2)
}
