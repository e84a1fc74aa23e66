package secret

import (
	"crypto/md5" // RFC 8760 section 2.1: clients that know nothing else
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"strings"

	"naisen/provisioning"
)

// Generate makes a password of 128 random bits: 26 lower-case letters and digits that can be typed into a phone.
func Generate() Secret {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return New(strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b[:])))
}

// NewSIPSecret makes an extension's password and what verifies it. The realm is the domain's name.
// plain is shown once, cred is sealed: w.PutSecret(domain, provisioning.SecretSIP, number, cred.Encode()).
func NewSIPSecret(number, realm string) (plain Secret, cred provisioning.SIPCredential) {
	plain = Generate()
	return plain, SIPCredential(number, realm, plain)
}

// SIPCredential computes HA1 of a given password for both algorithms (RFC 7616 section 3.4.2, RFC 8760).
func SIPCredential(number, realm string, plain Secret) provisioning.SIPCredential {
	a1 := []byte(number + ":" + realm + ":" + plain.Reveal())
	m, s := md5.Sum(a1), sha256.Sum256(a1) // as above
	return provisioning.SIPCredential{HA1MD5: hex.EncodeToString(m[:]), HA1SHA256: hex.EncodeToString(s[:])}
}
