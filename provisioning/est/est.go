// Package est owns the certificates that the switch issues to its telephones (RFC 7030): the authority and its sealed key, what of a request is taken, and the
// forms in which certificates are given. It does not know who may have one, keeps no list of them, and believes nothing of a request but its key.
package est

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"strings"
	"time"

	"naisen/provisioning/durable"
)

// Life bounds what is issued: short enough that a telephone which nobody takes out of service does not keep its certificate for long, long enough for a holiday.
const Life = 30 * 24 * time.Hour

// backdated lets a telephone whose clock is slow use its certificate at once.
const backdated = time.Hour

// Authorities live for long: telephones get theirs with their configuration.
const authorityYears = 10

// ErrAuthority says that the authority's file is not what it should be. It tells nothing of its content.
var ErrAuthority = errors.New("est: the file of the authority cannot be used")

// Sealer seals the authority's key: secret.Keyring is one.
type Sealer interface {
	Seal(domain, kind, key string, plain []byte) ([]byte, error)
	Open(domain, kind, key string, sealed []byte) ([]byte, error)
}

// Kinds of the blocks of the file.
const (
	certificateBlock = "CERTIFICATE"
	keyBlock         = "NAISEN SEALED KEY"
)

// Authority issues certificates. Safe for concurrent use.
type Authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

// Open reads an authority, or makes one of that name where there is none. Nodes that share telephones share its file.
func Open(path, name string, by Sealer, now time.Time) (*Authority, error) {
	text, err := durable.ReadPrivate(path)
	if errors.Is(err, fs.ErrNotExist) {
		if text, err = create(name, by, now); err == nil {
			err = durable.Create(path, text, 0o600)
		}
		if err == nil || errors.Is(err, fs.ErrExist) { // of two that start at once, both have the one that is there
			text, err = durable.ReadPrivate(path)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("est: %s: %w", path, err)
	}
	return read(text, by)
}

func create(name string, by Sealer, now time.Time) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	c := &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: "Naisen device CA " + name}, NotBefore: now.Add(-backdated), NotAfter: now.AddDate(authorityYears, 0, 0),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		return nil, err
	}
	plain, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	sealed, err := by.Seal("", keyBlock, place(der), plain)
	if err != nil {
		return nil, err
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: certificateBlock, Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: keyBlock, Bytes: sealed})...), nil
}

// place binds a sealed key to its certificate.
func place(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}

func read(text []byte, by Sealer) (*Authority, error) {
	first, rest := pem.Decode(text)
	if first == nil || first.Type != certificateBlock {
		return nil, ErrAuthority
	}
	second, _ := pem.Decode(rest)
	if second == nil || second.Type != keyBlock {
		return nil, ErrAuthority
	}
	cert, err := x509.ParseCertificate(first.Bytes)
	if err != nil || !cert.IsCA {
		return nil, ErrAuthority
	}
	plain, err := by.Open("", keyBlock, place(first.Bytes), second.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAuthority, err)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(plain)
	key, ok := parsed.(*ecdsa.PrivateKey)
	if err != nil || !ok || !key.PublicKey.Equal(cert.PublicKey) {
		return nil, ErrAuthority
	}
	a := &Authority{cert: cert, key: key, pool: x509.NewCertPool()}
	a.pool.AddCert(cert)
	return a, nil
}

// Certificate of the authority.
func (a *Authority) Certificate() *x509.Certificate { return a.cert }

func newSerial() (*big.Int, error) {
	return rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 126)) // RFC 5280 section 4.1.2.2: at most 20 octets; these cannot be guessed
}

// Serial is how a certificate is named in what the switch keeps.
func Serial(c *x509.Certificate) string { return c.SerialNumber.Text(16) }

// Issue makes a certificate for a device: of the request it has the key alone. It ends at until, after Life, or with the authority, whichever comes first.
func (a *Authority) Issue(r *x509.CertificateRequest, domain, mac string, until, now time.Time) (*x509.Certificate, error) {
	serial, err := newSerial()
	if err != nil {
		return nil, err
	}
	for _, end := range []time.Time{now.Add(Life), a.cert.NotAfter} {
		if until.IsZero() || end.Before(until) {
			until = end
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: serial, Subject: Subject(domain, mac), NotBefore: now.Add(-backdated), NotAfter: until,
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}, BasicConstraintsValid: true}, a.cert, r.PublicKey, a.key)
	if err != nil {
		return nil, fmt.Errorf("est: issue: %w", err)
	}
	return x509.ParseCertificate(der)
}

// Subject names a device in its certificate: its domain as organisation, its MAC as common name.
func Subject(domain, mac string) pkix.Name {
	return pkix.Name{Organization: []string{domain}, CommonName: mac}
}

// Device says which device a certificate was issued to; false: it is not of this authority, or its time is over. Whether it still counts is not known here.
func (a *Authority) Device(c *x509.Certificate, now time.Time) (domain, mac string, ok bool) {
	if _, err := c.Verify(x509.VerifyOptions{Roots: a.pool, Intermediates: x509.NewCertPool(), CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
		return "", "", false
	}
	if len(c.Subject.Organization) != 1 || c.IsCA {
		return "", "", false
	}
	return c.Subject.Organization[0], c.Subject.CommonName, true
}

// Ours says that a certificate claims to be of this authority, right or wrong.
func (a *Authority) Ours(c *x509.Certificate) bool {
	return strings.EqualFold(c.Issuer.String(), a.cert.Subject.String())
}
