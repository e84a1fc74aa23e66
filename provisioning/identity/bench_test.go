package identity

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"
	"golang.org/x/sys/unix"
)

func BenchmarkVerify(b *testing.B) {
	clock := newClock()
	for _, c := range []struct {
		name string
		alg  jose.SignatureAlgorithm
		key  jose.JSONWebKey
	}{{"RS256", jose.RS256, rsaJWK("k")}, {"ES256", jose.ES256, ecJWK(b, "k")}, {"EdDSA", jose.EdDSA, edJWK(b, "k")}} {
		o := newOutside(b, c.key)
		v := newTestVerifier(b, clock, nil, o.issuer())
		raw := sign(b, c.key, c.alg, atJWT, o.claims(clock.now()))
		b.Run(c.name+"/token-seen", func(b *testing.B) {
			costs(b, func() error {
				_, err := v.Verify(context.Background(), raw)
				return err
			})
		})
		b.Run(c.name+"/key-cached", func(b *testing.B) {
			costs(b, func() error {
				if _, err := v.verify(context.Background(), raw, clock.now()); err != nil {
					return err
				}
				return nil
			})
		})
		b.Run(c.name+"/library", func(b *testing.B) { // what go-jose takes of it
			key := c.key.Public().Key
			costs(b, func() error {
				jws, err := jose.ParseSignedCompact(raw, algorithms())
				if err != nil {
					return err
				}
				_, err = jws.Verify(key)
				return err
			})
		})
		b.Run(c.name+"/signature-alone", func(b *testing.B) { costs(b, signatureAlone(b, raw, c.key.Public().Key)) })
	}
}

// costs tells of the processor time, which is what a figure of a shared machine can be trusted in.
func costs(b *testing.B, do func() error) {
	used := func() time.Duration {
		var u unix.Rusage
		if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	b.ReportAllocs()
	before := used()
	for b.Loop() {
		if err := do(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64((used()-before).Nanoseconds())/float64(b.N), "cpu-ns/op")
}

// signatureAlone is what no check of the token can do without: the hash of what was signed, and the signature by Go's own library.
func signatureAlone(b *testing.B, raw string, key any) func() error {
	end := strings.LastIndexByte(raw, '.')
	signed := []byte(raw[:end])
	sig, err := base64.RawURLEncoding.DecodeString(raw[end+1:])
	if err != nil {
		b.Fatal(err)
	}
	failed := errors.New("not verified")
	switch key := key.(type) {
	case *rsa.PublicKey:
		return func() error {
			sum := sha256.Sum256(signed)
			return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], sig)
		}
	case *ecdsa.PublicKey:
		half := len(sig) / 2
		der, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(sig[:half]), new(big.Int).SetBytes(sig[half:])})
		if err != nil {
			b.Fatal(err)
		}
		return func() error {
			if sum := sha256.Sum256(signed); !ecdsa.VerifyASN1(key, sum[:], der) {
				return failed
			}
			return nil
		}
	case ed25519.PublicKey:
		return func() error {
			if !ed25519.Verify(key, signed, sig) {
				return failed
			}
			return nil
		}
	}
	b.Fatalf("%T", key)
	return nil
}

func edJWK(t testing.TB, kid string) jose.JSONWebKey {
	_, k, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return jose.JSONWebKey{Key: k, KeyID: kid, Algorithm: "EdDSA", Use: "sig"}
}
