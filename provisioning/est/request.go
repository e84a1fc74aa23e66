package est

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
)

// MaxRequest bounds what is read of a request, in bytes of base64: a key of 4096 bits and its signature make about 2,300.
const MaxRequest = 8 << 10

// RequestError says why a request is not taken, in words for whoever made it.
type RequestError string

func (e RequestError) Error() string { return "est: " + string(e) }

// Bounds of RSA keys, in bits: what is shorter is too weak, and what is longer is work.
const (
	leastRSA = 2048
	mostRSA  = 4096
)

// oidSAN is the subject's alternative names (RFC 5280 section 4.2.1.6).
var oidSAN = asn1.ObjectIdentifier{2, 5, 29, 17}

// ParseRequest reads PKCS#10 (RFC 2986) in base64 (RFC 8951 section 3.1), and checks that who made it has the key (RFC 7030 section 3.5). *RequestError.
func ParseRequest(text []byte) (*x509.CertificateRequest, error) {
	if len(text) > MaxRequest {
		return nil, RequestError("it is too long")
	}
	der, err := base64.StdEncoding.DecodeString(string(bytes.Join(bytes.Fields(text), nil)))
	if err != nil {
		return nil, RequestError("it is no base64")
	}
	r, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return nil, RequestError("it is no PKCS#10")
	}
	if !goodKey(r.PublicKey) { // before the signature: that of a huge key takes long
		return nil, RequestError("the key is not ECDSA P-256, P-384, P-521, Ed25519 or RSA of 2048 to 4096 bits")
	}
	if err := r.CheckSignature(); err != nil {
		return nil, RequestError("the signature is not the key's")
	}
	for _, e := range r.Extensions {
		if e.Id.Equal(oidSAN) {
			return nil, RequestError("alternative names are not given")
		}
	}
	return r, nil
}

func goodKey(key any) bool {
	switch k := key.(type) {
	case *ecdsa.PublicKey:
		return k.Curve == elliptic.P256() || k.Curve == elliptic.P384() || k.Curve == elliptic.P521()
	case ed25519.PublicKey:
		return true
	case *rsa.PublicKey:
		return k.N.BitLen() >= leastRSA && k.N.BitLen() <= mostRSA && k.E >= 65537
	}
	return false
}

// Renews says that a request is for the subject of a certificate, as it must be to renew it (RFC 7030 section 4.2.2).
func Renews(r *x509.CertificateRequest, c *x509.Certificate) bool {
	return r.Subject.String() == c.Subject.String()
}
