package est

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"fmt"
)

// Object identifiers: RFC 5652 sections 4 and 5.1, RFC 5480 section 2.1.1, RFC 5758 section 3.2.
var (
	oidData            = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidSignedData      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidECPublicKey     = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
	oidP256            = asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7}
	oidECDSAWithSHA256 = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}
)

// signedData is that of RFC 5652 section 5.1 as "certs-only" (RFC 8551 section 3.8): nothing is signed.
type signedData struct {
	Version      int
	Digests      []asn1.RawValue `asn1:"set"`
	Encapsulated struct{ Type asn1.ObjectIdentifier }
	Certificates asn1.RawValue   // [0] IMPLICIT SET
	Signers      []asn1.RawValue `asn1:"set"`
}

type contentInfo struct {
	Type    asn1.ObjectIdentifier
	Content signedData `asn1:"explicit,tag:0"`
}

// CertsOnly is one certificate as certs-only CMS in base64, as RFC 7030 sections 4.1.3 and 4.2.3 answer with.
func CertsOnly(c *x509.Certificate) ([]byte, error) {
	d := signedData{Version: 1, Digests: []asn1.RawValue{}, Signers: []asn1.RawValue{},
		Certificates: asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: c.Raw}}
	d.Encapsulated.Type = oidData
	der, err := asn1.Marshal(contentInfo{oidSignedData, d})
	if err != nil {
		return nil, fmt.Errorf("est: certs-only: %w", err)
	}
	return lines(der), nil
}

// Attributes is what a request should have (RFC 7030 section 4.5.2), in base64: a key on P-256, and a signature by it.
func Attributes() ([]byte, error) {
	der, err := asn1.Marshal(struct {
		Key struct {
			Type   asn1.ObjectIdentifier
			Values []asn1.ObjectIdentifier `asn1:"set"`
		}
		Signature asn1.ObjectIdentifier
	}{Key: struct {
		Type   asn1.ObjectIdentifier
		Values []asn1.ObjectIdentifier `asn1:"set"`
	}{oidECPublicKey, []asn1.ObjectIdentifier{oidP256}}, Signature: oidECDSAWithSHA256})
	if err != nil {
		return nil, fmt.Errorf("est: attributes: %w", err)
	}
	return lines(der), nil
}

// lines is base64 as mail has it (RFC 2045 section 6.8): some clients read no longer lines.
func lines(der []byte) []byte {
	const long = 64
	var b bytes.Buffer
	for text := base64.StdEncoding.EncodeToString(der); text != ""; {
		n := min(long, len(text))
		b.WriteString(text[:n] + "\n")
		text = text[n:]
	}
	return b.Bytes()
}
