package identity

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	jose "github.com/go-jose/go-jose/v4"
	"github.com/zitadel/oidc/v3/pkg/op"

	"naisen/provisioning/durable"
)

// RS256 with 2048 bits: checked faster than others by Go's library (33 µs of processor time; Ed25519 54, ES256 84: BenchmarkVerify), and known by every OIDC library.
const (
	signingAlgorithm = jose.RS256
	signingBits      = 2048
)

// signingKeys are the service's own keys. The last by file name signs; all are published, so an older file may stay while its
// tokens live. Files are keys/identity-*.pem, PKCS #8.
type signingKeys struct {
	keys []signingKey
}

type signingKey struct {
	id   string
	priv *rsa.PrivateKey
}

func (signingKey) String() string   { return "[redacted]" }
func (signingKey) GoString() string { return "[redacted]" }

// loadSigningKeys reads dir and makes a first key if there is none.
func loadSigningKeys(dir string) (*signingKeys, error) {
	names, err := filepath.Glob(filepath.Join(dir, "identity-*.pem"))
	if err != nil {
		return nil, fmt.Errorf("identity: signing keys: %w", err)
	}
	if len(names) == 0 {
		name := filepath.Join(dir, "identity-0001.pem")
		if err := writeSigningKey(name); err != nil {
			return nil, fmt.Errorf("identity: new signing key: %w", err)
		}
		names = []string{name}
	}
	slices.Sort(names)
	s := &signingKeys{}
	for _, name := range names {
		k, err := readSigningKey(name)
		if err != nil {
			return nil, fmt.Errorf("identity: %s: %w", filepath.Base(name), err)
		}
		s.keys = append(s.keys, k)
	}
	return s, nil
}

// writeSigningKey leaves a file alone that another process made meanwhile.
func writeSigningKey(name string) error {
	priv, err := rsa.GenerateKey(rand.Reader, signingBits)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(priv)
	if err != nil {
		return err
	}
	err = durable.Create(name, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}

func readSigningKey(name string) (signingKey, error) {
	raw, err := durable.ReadPrivate(name)
	if err != nil {
		return signingKey{}, err
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return signingKey{}, errors.New("not PEM")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return signingKey{}, errors.New("not PKCS #8")
	}
	priv, ok := parsed.(*rsa.PrivateKey)
	if !ok || weak(&priv.PublicKey) {
		return signingKey{}, errors.New("not an RSA key of 2048 bits or more")
	}
	thumb, err := (&jose.JSONWebKey{Key: &priv.PublicKey}).Thumbprint(crypto.SHA256) // RFC 7638
	if err != nil {
		return signingKey{}, err
	}
	return signingKey{id: base64.RawURLEncoding.EncodeToString(thumb), priv: priv}, nil
}

func (s *signingKeys) current() signingKey { return s.keys[len(s.keys)-1] }

// find and generation make the service its own key source: no request to itself.
func (s *signingKeys) find(_ context.Context, kid string, alg jose.SignatureAlgorithm) (any, *Error) {
	for _, k := range s.keys {
		if k.id == kid && alg == signingAlgorithm {
			return &k.priv.PublicKey, nil
		}
	}
	return nil, refused("unknown key")
}

func (s *signingKeys) generation() uint64 { return 1 }

// signer makes a signer for the given typ header.
func (s *signingKeys) signer(typ jose.ContentType) (jose.Signer, error) {
	k := s.current()
	return jose.NewSigner(jose.SigningKey{Algorithm: signingAlgorithm, Key: jose.JSONWebKey{Key: k.priv, KeyID: k.id}},
		(&jose.SignerOptions{}).WithType(typ))
}

// opKey is a key in the form that the op package asks for; public when it is published.
type opKey struct {
	id  string
	key any
}

func (k opKey) ID() string                                  { return k.id }
func (k opKey) Key() any                                    { return k.key }
func (k opKey) Use() string                                 { return "sig" }
func (k opKey) Algorithm() jose.SignatureAlgorithm          { return signingAlgorithm }
func (k opKey) SignatureAlgorithm() jose.SignatureAlgorithm { return signingAlgorithm }

var (
	_ op.Key        = opKey{}
	_ op.SigningKey = opKey{}
)
