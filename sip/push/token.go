package push

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"sync"
	"time"
)

// ErrKey: a credential is not what its service gives out. The text of an error that wraps it names the fault, never the key.
var ErrKey = errors.New("push: unusable key")

// b64 is base64url without padding (RFC 7515 section 2).
func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// parseKey reads a private key in PEM as PKCS #8 or SEC 1.
func parseKey(text []byte) (any, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, ErrKey
	}
	if k, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
		return k, nil
	}
	if k, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
		return k, nil
	}
	return nil, ErrKey
}

// parseP256 reads a key for ES256.
func parseP256(text []byte) (*ecdsa.PrivateKey, error) {
	k, err := parseKey(text)
	if err != nil {
		return nil, err
	}
	ec, ok := k.(*ecdsa.PrivateKey)
	if !ok || ec.Curve != elliptic.P256() {
		return nil, ErrKey
	}
	return ec, nil
}

// sign makes a JWT (RFC 7519): ES256 or RS256 by the kind of key (RFC 7518 sections 3.3 and 3.4).
func sign(key crypto.Signer, header, claims map[string]any) (string, error) {
	switch key.(type) {
	case *ecdsa.PrivateKey:
		header["alg"] = "ES256"
	case *rsa.PrivateKey:
		header["alg"] = "RS256"
	default:
		return "", ErrKey
	}
	h, err := json.Marshal(header)
	if err != nil {
		return "", ErrKey
	}
	c, err := json.Marshal(claims)
	if err != nil {
		return "", ErrKey
	}
	text := b64(h) + "." + b64(c)
	digest := sha256.Sum256([]byte(text))
	if k, ok := key.(*ecdsa.PrivateKey); ok {
		r, s, err := ecdsa.Sign(rand.Reader, k, digest[:])
		if err != nil {
			return "", ErrKey
		}
		raw := make([]byte, 64) // r and s, 32 bytes each, not the ASN.1 of a certificate
		r.FillBytes(raw[:32])
		s.FillBytes(raw[32:])
		return text + "." + b64(raw), nil
	}
	raw, err := key.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return "", ErrKey
	}
	return text + "." + b64(raw), nil
}

// pass is a credential of limited life that several senders share. Whoever finds it old makes a new one, the others wait for that.
type pass struct {
	mu    sync.Mutex
	text  string
	made  time.Time
	until time.Time // use it no longer than that
}

// get gives the pass, or one that renew makes.
func (p *pass) get(now time.Time, renew func() (text string, until time.Time, err error)) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.text != "" && now.Before(p.until) {
		return p.text, nil
	}
	text, until, err := renew()
	if err != nil {
		return "", err
	}
	p.text, p.made, p.until = text, now, until
	return text, nil
}

// spoil gives up a pass that the service refused, but not one made less than age ago: it would be refused for another reason.
func (p *pass) spoil(text string, now time.Time, age time.Duration) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.text != text {
		return p.text != "" // somebody else has made a new one already
	}
	if now.Sub(p.made) < age {
		return false
	}
	p.text = ""
	return true
}
