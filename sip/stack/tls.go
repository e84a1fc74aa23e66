package stack

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// Errors of VerifyPeer, NewTrust and NewIdentity.
var (
	ErrNoCertificate = errors.New("stack: the peer showed no certificate")
	ErrPeerName      = errors.New("stack: the peer's certificate is for another name")
	ErrPeerChain     = errors.New("stack: the peer's certificate is not trusted")
	ErrPEM           = errors.New("stack: unusable certificate or key")
)

const maxProofs = 32 // names that one connection is asked about; more are answered without being remembered

// Trust is a set of certificate authorities. It never changes, and two made of the same certificates are the same.
type Trust struct {
	pool *x509.CertPool
	id   [sha256.Size]byte
}

// NewTrust reads PEM certificates. Errors wrap ErrPEM.
func NewTrust(bundle []byte) (*Trust, error) {
	t := &Trust{pool: x509.NewCertPool()}
	h := sha256.New()
	for n := 0; ; n++ {
		var block *pem.Block
		if block, bundle = pem.Decode(bundle); block == nil {
			if n == 0 {
				return nil, fmt.Errorf("%w: no certificate", ErrPEM)
			}
			break
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if block.Type != "CERTIFICATE" || err != nil {
			return nil, fmt.Errorf("%w: block %d is no certificate", ErrPEM, n+1)
		}
		t.pool.AddCert(c)
		h.Write(c.Raw)
	}
	h.Sum(t.id[:0])
	return t, nil
}

// roots of a nil Trust are the system's.
func (t *Trust) roots() *x509.CertPool {
	if t == nil {
		return nil
	}
	return t.pool
}

func (t *Trust) key() [sha256.Size]byte {
	if t == nil {
		return [sha256.Size]byte{}
	}
	return t.id
}

// Identity is a certificate chain of ours with its private key. It never changes, and prints as nothing.
type Identity struct {
	pair tls.Certificate
	id   [sha256.Size]byte
}

// NewIdentity reads a PEM chain, leaf first, and its PEM key. Errors wrap ErrPEM and never contain the input.
func NewIdentity(chain, key []byte) (*Identity, error) {
	pair, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPEM, err)
	}
	return IdentityOf(pair), nil
}

// IdentityOf is an Identity made of what is loaded already. The pair must have a certificate.
func IdentityOf(pair tls.Certificate) *Identity {
	i := &Identity{pair: pair}
	h := sha256.New()
	for _, c := range pair.Certificate {
		h.Write(c)
	}
	h.Sum(i.id[:0])
	return i
}

func (*Identity) String() string   { return "[redacted]" }
func (*Identity) GoString() string { return "[redacted]" }

// ClientTLS is what one connection that we open asks of its peer and shows it. Connections are shared only by targets for which all of
// it is equal by content: what one trunk proved is not another's.
type ClientTLS struct {
	// ServerName is the SNI, and the name that the peer's certificate must be for (RFC 5922 section 7.3: the domain of the URI, not the
	// host that DNS led to). Empty: the address itself.
	ServerName string
	Trust      *Trust    // who may have signed the peer's certificate, for server authentication; nil: the system's
	Identity   *Identity // ours, shown when the peer asks; nil: none
	// Config takes the place of all above but ServerName where it has none: for tests and tools. Shared by pointer.
	Config *tls.Config
}

// tlsKey is what must be equal for two targets to share a connection.
type tlsKey struct {
	name            string
	trust, identity [sha256.Size]byte
	config          *tls.Config
}

// clientTLS is what a target is dialled with.
func (s *Stack) clientTLS(to Target) ClientTLS {
	var c ClientTLS
	if to.TLS != nil {
		c = *to.TLS
	} else if s.cfg.ClientTLS != nil {
		c = *s.cfg.ClientTLS
	}
	if c.ServerName == "" && c.Config != nil {
		c.ServerName = c.Config.ServerName
	}
	if c.ServerName == "" {
		c.ServerName = to.Addr.Addr().WithZone("").String()
	}
	c.ServerName = strings.TrimSuffix(c.ServerName, ".")
	return c
}

func (c ClientTLS) key() tlsKey {
	k := tlsKey{name: strings.ToLower(c.ServerName), trust: c.Trust.key(), config: c.Config}
	if c.Identity != nil {
		k.identity = c.Identity.id
	}
	return k
}

func (c ClientTLS) build() *tls.Config {
	if c.Config != nil {
		cfg := c.Config.Clone()
		cfg.ServerName = c.ServerName
		return cfg
	}
	cfg := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: c.ServerName, RootCAs: c.Trust.roots()}
	if c.Identity != nil {
		cfg.Certificates = []tls.Certificate{c.Identity.pair}
	}
	return cfg
}

// serverTLS adds to a listener's configuration what holds for every client certificate: one out of date is refused in the handshake,
// whoever signed it (threats.md F11). Whether its signer means anything is asked of the Flow afterwards: which trust applies depends on
// the trunk or phone that the peer turns out to be.
func (s *Stack) serverTLS() (*tls.Config, error) {
	cfg, err := s.cfg.TLS() // per connection: a rotated certificate is used at once
	if err != nil || cfg.ClientAuth == tls.NoClientCert {
		return cfg, err
	}
	cfg = cfg.Clone()
	then := cfg.VerifyConnection
	cfg.VerifyConnection = func(cs tls.ConnectionState) error {
		if len(cs.PeerCertificates) > 0 {
			leaf, now := cs.PeerCertificates[0], time.Now()
			if now.Before(leaf.NotBefore) || now.After(leaf.NotAfter) {
				return x509.CertificateInvalidError{Cert: leaf, Reason: x509.Expired}
			}
		}
		if then != nil {
			return then(cs)
		}
		return nil
	}
	return cfg, nil
}

// proof is one question about a peer's certificate.
type proof struct {
	name  string
	trust [sha256.Size]byte
	usage x509.ExtKeyUsage
}

// proofs remembers the answers of one connection: a chain is checked once, not with each request.
type proofs struct {
	mu    sync.Mutex
	known map[proof]error // guarded by mu
}

// Peer is the certificate that the peer of a TLS connection showed and that Config.ClientTrust vouches for, for client authentication;
// nil when there is none. It was checked in the handshake.
func (f *Flow) Peer() *x509.Certificate { return f.peer }

// VerifyPeer tells whether the peer's certificate is for name (any when empty), is signed by trust (nil: the system's) and may be used for
// usage. A carrier that calls us with a certificate for servers only is asked for ExtKeyUsageServerAuth. Answers are remembered for the
// life of the connection. Errors: ErrNoCertificate, ErrPeerName, ErrPeerChain.
func (f *Flow) VerifyPeer(name string, trust *Trust, usage x509.ExtKeyUsage) error {
	if len(f.certs) == 0 || f.conn == nil {
		return ErrNoCertificate
	}
	k := proof{strings.ToLower(strings.TrimSuffix(name, ".")), trust.key(), usage}
	p := &f.conn.proofs
	p.mu.Lock()
	err, ok := p.known[k]
	p.mu.Unlock()
	if ok {
		return err
	}
	err = verifyChain(f.certs, k.name, trust, usage)
	p.mu.Lock()
	if p.known == nil {
		p.known = make(map[proof]error)
	}
	if len(p.known) < maxProofs {
		p.known[k] = err
	}
	p.mu.Unlock()
	return err
}

func verifyChain(chain []*x509.Certificate, name string, trust *Trust, usage x509.ExtKeyUsage) error {
	if name != "" && !certifies(chain[0], name) {
		return ErrPeerName
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{Roots: trust.roots(), Intermediates: between, KeyUsages: []x509.ExtKeyUsage{usage}})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrPeerChain, err)
	}
	return nil
}

// certifies: the name stands in the certificate as a DNS name, an address or a SIP URI (RFC 5922 section 7.1), or as the common name of
// one that has no alternative names at all.
func certifies(c *x509.Certificate, name string) bool {
	for _, u := range c.URIs {
		if strings.EqualFold(u.Scheme, "sip") && strings.EqualFold(u.Opaque, name) {
			return true
		}
	}
	if len(c.DNSNames)+len(c.IPAddresses)+len(c.URIs)+len(c.EmailAddresses) == 0 {
		return strings.EqualFold(c.Subject.CommonName, name)
	}
	return c.VerifyHostname(name) == nil
}

// vouch fills in who an incoming connection's peer proved to be.
func (s *Stack) vouch(f *Flow) {
	if len(f.certs) == 0 || s.cfg.ClientTrust == nil {
		return
	}
	if t := s.cfg.ClientTrust(); t != nil && f.VerifyPeer("", t, x509.ExtKeyUsageClientAuth) == nil {
		f.peer = f.certs[0]
	}
}
