package secure

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"net"
	"strings"
	"time"

	"github.com/pion/dtls/v3"
)

// Errors of Handshake; callers use errors.Is.
var (
	ErrFingerprint = errors.New("secure: the certificate is not that of the session description") // threats.md F3
	ErrHandshake   = errors.New("secure: DTLS handshake failed")
)

// Fingerprint is the SHA-256 of a certificate (RFC 8122 section 5). The zero value is none.
type Fingerprint [sha256.Size]byte

// ParseFingerprint reads the value of an a=fingerprint attribute. ErrSuite: of another hash, to be skipped; ErrCrypto: malformed.
func ParseFingerprint(attr string) (f Fingerprint, err error) {
	hash, text, _ := strings.Cut(strings.TrimSpace(attr), " ")
	if !strings.EqualFold(hash, "sha-256") {
		return f, ErrSuite
	}
	if len(text) != 3*len(f)-1 {
		return f, ErrCrypto
	}
	for i := range f {
		if i > 0 && text[3*i-1] != ':' {
			return f, ErrCrypto
		}
		if _, err := hex.Decode(f[i:i+1], []byte(text[3*i:3*i+2])); err != nil {
			return f, ErrCrypto
		}
	}
	return f, nil
}

// IsZero reports that there is none.
func (f Fingerprint) IsZero() bool { return f == Fingerprint{} }

// String is the value of an a=fingerprint attribute.
func (f Fingerprint) String() string {
	var b strings.Builder
	b.WriteString("sha-256 ")
	for i, c := range f {
		if i > 0 {
			b.WriteByte(':')
		}
		fmt.Fprintf(&b, "%02X", c)
	}
	return b.String()
}

// Certificate is what we show in DTLS handshakes: self-signed, since its fingerprint in the session description says whose it is (RFC 5763
// section 5). It prints as nothing.
type Certificate struct {
	pair  tls.Certificate
	print Fingerprint
}

// certificateLife: nobody looks at it, but a certificate has one.
const certificateLife = 30 * 24 * time.Hour

// NewCertificate makes one on P-256 (RFC 8827 section 6.5) that says nothing about this machine.
func NewCertificate() (*Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	now := time.Now()
	t := x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: "WebRTC"}, NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(certificateLife)}
	der, err := x509.CreateCertificate(rand.Reader, &t, &t, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return &Certificate{pair: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, print: sha256.Sum256(der)}, nil
}

// Fingerprint of the certificate; of none, none.
func (c *Certificate) Fingerprint() Fingerprint {
	if c == nil {
		return Fingerprint{}
	}
	return c.print
}

func (*Certificate) String() string   { return "[redacted]" }
func (*Certificate) GoString() string { return "[redacted]" }

// profiles are what we take, best first; every browser and phone has the last one (RFC 8827 section 6.5).
var profiles = []dtls.SRTPProtectionProfile{dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AEAD_AES_256_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80}

func suiteOf(p dtls.SRTPProtectionProfile) Suite {
	switch p {
	case dtls.SRTP_AEAD_AES_128_GCM:
		return GCM128
	case dtls.SRTP_AEAD_AES_256_GCM:
		return GCM256
	case dtls.SRTP_AES128_CM_HMAC_SHA1_80:
		return AESCM80
	}
	return ""
}

// Association is a finished handshake. Close it when nothing of the peer's last flight can be asked for again.
type Association struct {
	Local, Remote Key // sending key of each side
	conn          *dtls.Conn
}

// Close ends it with an alert to the peer: whoever does not want a browser to see that cuts the wire first.
func (a *Association) Close() { _ = a.conn.Close() }

// Handshake agrees on keys with the peer whose certificate has that fingerprint, over a wire that brings only its datagrams (RFC 5764). client: we
// begin. DTLS 1.2 with forward secrecy, a cookie before anything is kept, and the extended master secret. It ends with ctx. Errors: ErrFingerprint,
// ErrHandshake.
func (c *Certificate) Handshake(ctx context.Context, wire net.PacketConn, peer net.Addr, client bool, want Fingerprint) (*Association, error) {
	var stranger bool
	both := []dtls.Option{
		dtls.WithCertificates(c.pair), dtls.WithSRTPProtectionProfiles(profiles...), dtls.WithExtendedMasterSecret(dtls.RequireExtendedMasterSecret),
		dtls.WithInsecureSkipVerify(true), // the fingerprint is what is verified
		dtls.WithCipherSuites(dtls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, dtls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, dtls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA),
		dtls.WithFlightInterval(500 * time.Millisecond),
		dtls.WithVerifyPeerCertificate(func(raw [][]byte, _ [][]*x509.Certificate) error {
			if len(raw) == 0 || Fingerprint(sha256.Sum256(raw[0])) != want {
				stranger = true
				return ErrFingerprint
			}
			return nil
		}),
	}
	conn, err := c.side(wire, peer, client, both)
	if err == nil {
		if err = conn.HandshakeContext(ctx); err != nil {
			_ = conn.Close()
		}
	}
	switch {
	case stranger:
		return nil, ErrFingerprint
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrHandshake, err)
	}
	a := &Association{conn: conn}
	if err := a.export(client); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return a, nil
}

func (c *Certificate) side(wire net.PacketConn, peer net.Addr, client bool, both []dtls.Option) (*dtls.Conn, error) {
	if client {
		opts := make([]dtls.ClientOption, len(both))
		for i, o := range both {
			opts[i] = o
		}
		return dtls.ClientWithOptions(wire, peer, opts...)
	}
	opts := []dtls.ServerOption{dtls.WithClientAuth(dtls.RequireAnyClientCert)}
	for _, o := range both {
		opts = append(opts, o)
	}
	return dtls.ServerWithOptions(wire, peer, opts...)
}

// export takes the SRTP keys out of the association (RFC 5764 section 4.2): client's key, server's key, client's salt, server's salt.
func (a *Association) export(client bool) error {
	profile, ok := a.conn.SelectedSRTPProtectionProfile()
	suite := suiteOf(profile)
	n, m, known := suite.lengths()
	state, alive := a.conn.ConnectionState()
	if !ok || !known || !alive {
		return fmt.Errorf("%w: no SRTP profile in common", ErrHandshake)
	}
	raw, err := state.ExportKeyingMaterial("EXTRACTOR-dtls_srtp", nil, 2*(n+m))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrHandshake, err)
	}
	first, second := Key{suite: suite}, Key{suite: suite} // the client's and the server's
	for i, k := range []*Key{&first, &second} {
		copy(k.material[:n], raw[i*n:(i+1)*n])
		copy(k.material[n:n+m], raw[2*n+i*m:2*n+(i+1)*m])
	}
	if a.Local, a.Remote = second, first; client {
		a.Local, a.Remote = first, second
	}
	return nil
}
