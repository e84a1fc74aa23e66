package carrier

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	did    = "0312345678"
	abroad = "09098765432"
	sbc    = "sbc1.example.jp"
	point  = "sip.pstnhub.microsoft.com"
)

var lastHost atomic.Uint32 // of the loopback addresses given to peers

// host is a loopback address that nobody else has.
func host() netip.Addr {
	n := lastHost.Add(1)
	return netip.AddrFrom4([4]byte{127, byte(16 + os.Getpid()%200), byte(64 + n>>8), byte(n)})
}

// mutation changes one thing in one message of the client.
type mutation struct {
	at       string // name of the message
	nth      int    // from 0
	old, new string // a regular expression and what stands instead
	done     bool
	seen     int
	mu       sync.Mutex
}

func (m *mutation) tamper(name, text string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if name != m.at {
		return text
	}
	m.seen++
	if m.seen != m.nth+1 {
		return text
	}
	changed := regexp.MustCompile(m.old).ReplaceAllString(text, m.new)
	m.done = changed != text
	return changed
}

func (m *mutation) changed() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.done
}

// pair is a peer and a conforming client that plays the switch.
type pair struct {
	*testing.T
	peer, client *UA
	registrar    *Registrar
	points       *Points
	line         NGNLine
	roots        *x509.CertPool
	ctx          func() context.Context
}

// plainClient knows what any of the peers may want.
func plainClient(codecs ...string) Profile {
	return Profile{Name: "client", Supported: []string{"100rel", "timer", "replaces", "histinfo"}, Offers: []string{"100rel", "timer"},
		Allow: []string{"INVITE", "ACK", "CANCEL", "BYE", "PRACK", "UPDATE", "OPTIONS", "REFER", "NOTIFY"},
		Audio: Audio{Codecs: codecs, Events: true, Ptime: 20}}
}

// start opens both.
func (p *pair) start(peer, client Profile, po, co Options) {
	p.Helper()
	var err error
	open := func(o Options, pr Profile) *UA {
		u, newErr := New(o, pr)
		if newErr != nil {
			p.Fatal(newErr)
		}
		p.Cleanup(u.Close)
		return u
	}
	if p.peer = open(po, peer); err != nil {
		p.Fatal(err)
	}
	co.Remote = p.peer.Addr()
	p.client = open(co, client)
	p.peer.opts.Remote = p.client.Addr()
}

func at(a netip.Addr) netip.AddrPort { return netip.AddrPortFrom(a, 0) }

// account of the registering peers.
func account() Account {
	return Account{User: "line1", Password: "carrier secret", Domain: "carrier.example", Algorithm: "SHA-256", Numbers: []string{did}, MinExpires: 60, Expires: 300, MinSE: 180}
}

// register signs the client's line in.
func (p *pair) register(fields ...Field) error { return p.registerAs(word(), 1, fields...) }

// registerAs does so with a Call-ID, from a CSeq on.
func (p *pair) registerAs(id string, seq int, fields ...Field) error {
	a := account()
	aor, uri := "<sip:"+a.User+"@"+a.Domain+">", "sip:"+a.Domain
	d := newDigest(a.Domain, a.User, a.Password, a.Algorithm)
	resp, err := p.client.Ask(p.ctx(), "REGISTER", uri, aor, aor, id, seq, fields...)
	if err == nil && resp.Status == 401 {
		resp, err = p.client.Ask(p.ctx(), "REGISTER", uri, aor, aor, id, seq+1, append(fields, d.answer(resp, "REGISTER", uri, 1))...)
	}
	if err == nil && resp.Status != 200 {
		err = fmt.Errorf("%w: %d to REGISTER", ErrRefused, resp.Status)
	}
	return err
}

// talks calls from one side to the other, hears audio both ways, hangs up.
func talks(ctx context.Context, from, to *UA, d Dial) error {
	c, resp, err := from.Call(ctx, d)
	if err != nil {
		return err
	}
	if resp.Status != 200 {
		return fmt.Errorf("%w: %d to INVITE", ErrRefused, resp.Status)
	}
	other, err := to.Incoming(ctx)
	if err != nil {
		return err
	}
	for _, f := range []func() error{
		func() error { return c.Talk(ctx, 3) }, func() error { return other.Talk(ctx, 3) },
		func() error { return c.Heard(ctx, 3) }, func() error { return other.Heard(ctx, 3) },
		func() error { return c.Hangup(ctx) },
	} {
		if err := f(); err != nil {
			return err
		}
	}
	_, err = other.Over(ctx)
	return err
}

func told(u *UA) string {
	var b strings.Builder
	for _, r := range u.Refusals() {
		fmt.Fprintln(&b, r)
	}
	return b.String()
}

// certificate makes a leaf for a name, signed by the authority (nil: by itself, as an authority).
func certificate(t *testing.T, name string, usage x509.ExtKeyUsage, ca *tls.Certificate) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(24 * time.Hour), BasicConstraintsValid: true}
	parent, signer := tmpl, any(key)
	if ca == nil {
		tmpl.IsCA, tmpl.KeyUsage = true, x509.KeyUsageCertSign|x509.KeyUsageDigitalSignature
	} else {
		parent, signer = ca.Leaf, ca.PrivateKey
		tmpl.DNSNames, tmpl.KeyUsage, tmpl.ExtKeyUsage = []string{name}, x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{usage}
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}
