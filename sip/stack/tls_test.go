package stack_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/netip"
	"net/url"
	"testing"
	"time"

	"naisen/sip/stack"
)

// authority is a CA of the test.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	a := &authority{t: t}
	var err error
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	a.cert, _ = x509.ParseCertificate(der)
	a.pem = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return a
}

func (a *authority) trust() *stack.Trust {
	a.t.Helper()
	tr, err := stack.NewTrust(a.pem)
	if err != nil {
		a.t.Fatal(err)
	}
	return tr
}

// issue makes a certificate; change may be nil.
func (a *authority) issue(change func(*x509.Certificate)) (*stack.Identity, tls.Certificate) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	if change != nil {
		change(c)
	}
	der, err := x509.CreateCertificate(rand.Reader, c, a.cert, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	private, _ := x509.MarshalPKCS8PrivateKey(key)
	chain := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	secret := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})
	id, err := stack.NewIdentity(chain, secret)
	if err != nil {
		a.t.Fatal(err)
	}
	pair, _ := tls.X509KeyPair(chain, secret)
	return id, pair
}

func named(names ...string) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.DNSNames = names }
}

// tlsServer listens on loopback, asks for client certificates, and gives the flow of each request.
func tlsServer(t *testing.T, a *authority, clients *stack.Trust) (to stack.Target, flows chan *stack.Flow) {
	t.Helper()
	_, pair := a.issue(named("pbx.example.com", "two.example.com"))
	flows = make(chan *stack.Flow, 8)
	s := serve(t, stack.Config{
		Listen: []stack.Listen{{Transport: "tls", Addr: netip.AddrPortFrom(loopback, 0)}},
		TLS: func() (*tls.Config, error) {
			return &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequestClientCert, MinVersion: tls.VersionTLS12}, nil
		},
		ClientTrust: func() *stack.Trust { return clients },
	}, &tu{request: func(tx *stack.ServerTx) { flows <- tx.Request().Flow; answer(200)(tx) }})
	return stack.Target{Transport: "tls", Addr: s.LocalAddrs()[0].Addr}, flows
}

// ask sends OPTIONS and gives the flow on which it arrived.
func ask(t *testing.T, client *stack.Stack, to stack.Target, flows chan *stack.Flow) (*stack.Flow, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	got := make(chan error, 1)
	client.Send(outgoing("OPTIONS", fmt.Sprint("c", time.Now().UnixNano())), to, func(_ *stack.ClientTx, r stack.Result) { got <- r.Err })
	select {
	case err := <-got:
		if err != nil {
			return nil, err
		}
		return <-flows, nil
	case <-ctx.Done():
		t.Fatal("no result")
	}
	return nil, nil
}

// Connections are shared by content of what they ask and show, and never where any of it differs.
func TestConnectionsAreSharedByWhatTheyProve(t *testing.T) {
	a := newAuthority(t, "ca")
	to, flows := tlsServer(t, a, nil)
	client := serve(t, stack.Config{Listen: []stack.Listen{{Transport: "udp", Addr: netip.AddrPortFrom(loopback, 0)}}}, &tu{})
	one, _ := a.issue(named("one.example.com"))
	two, _ := a.issue(named("two.example.com"))
	both, err := stack.NewTrust(append(bytes.Clone(a.pem), newAuthority(t, "other").pem...))
	if err != nil {
		t.Fatal(err)
	}
	var last *stack.Flow
	for _, c := range []struct {
		name  string
		tls   stack.ClientTLS
		reuse bool
	}{
		{"first", stack.ClientTLS{ServerName: "pbx.example.com", Trust: a.trust()}, false},
		{"the same made anew, in other case", stack.ClientTLS{ServerName: "PBX.example.com", Trust: a.trust()}, true},
		{"other name", stack.ClientTLS{ServerName: "two.example.com", Trust: a.trust()}, false},
		{"own certificate", stack.ClientTLS{ServerName: "two.example.com", Trust: a.trust(), Identity: one}, false},
		{"other certificate", stack.ClientTLS{ServerName: "two.example.com", Trust: a.trust(), Identity: two}, false},
		{"other trust", stack.ClientTLS{ServerName: "two.example.com", Trust: both, Identity: two}, false},
	} {
		to.TLS = &c.tls
		f, err := ask(t, client, to, flows)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if (f == last) != c.reuse {
			t.Errorf("%s: connection shared is %v, want %v", c.name, f == last, c.reuse)
		}
		if c.tls.Identity != nil && len(f.PeerCertificates()) != 1 {
			t.Errorf("%s: the certificate was not shown", c.name)
		}
		last = f
	}
	to.TLS = &stack.ClientTLS{ServerName: "evil.example.com", Trust: a.trust()}
	if _, err := ask(t, client, to, flows); !errors.Is(err, stack.ErrTransport) {
		t.Errorf("another name: %v", err)
	}
	to.TLS = &stack.ClientTLS{ServerName: "pbx.example.com"}
	if _, err := ask(t, client, to, flows); !errors.Is(err, stack.ErrTransport) {
		t.Errorf("unknown issuer: %v", err)
	}
}

// Who an incoming connection's peer is, is asked with the trust, the name and the usage that its trunk or phone calls for.
func TestVerifyPeer(t *testing.T) {
	a, stranger := newAuthority(t, "ca"), newAuthority(t, "stranger")
	to, flows := tlsServer(t, a, a.trust())
	client := serve(t, stack.Config{Listen: []stack.Listen{{Transport: "udp", Addr: netip.AddrPortFrom(loopback, 0)}}}, &tu{})
	serverOnly := func(c *x509.Certificate) {
		c.DNSNames, c.ExtKeyUsage = []string{"sip.carrier.example", "*.hub.example"}, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	}
	both := func(c *x509.Certificate) { c.DNSNames = []string{"phone.example"} }
	old := func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
	}
	common := func(c *x509.Certificate) { c.Subject.CommonName = "cn.example" }
	uri := func(c *x509.Certificate) { c.URIs = []*url.URL{{Scheme: "sip", Opaque: "uri.example"}} }
	for _, c := range []struct {
		name   string
		by     *authority
		change func(*x509.Certificate)
		ask    string
		usage  x509.ExtKeyUsage
		want   error
		peer   bool // vouched for as a client
	}{
		{"server-auth only, asked as server", a, serverOnly, "SIP.carrier.example.", x509.ExtKeyUsageServerAuth, nil, false},
		{"server-auth only, asked as client", a, serverOnly, "sip.carrier.example", x509.ExtKeyUsageClientAuth, stack.ErrPeerChain, false},
		{"a wildcard covers one label", a, serverOnly, "sip2.hub.example", x509.ExtKeyUsageServerAuth, nil, false},
		{"and no more", a, serverOnly, "a.b.hub.example", x509.ExtKeyUsageServerAuth, stack.ErrPeerName, false},
		{"client", a, both, "phone.example", x509.ExtKeyUsageClientAuth, nil, true},
		{"any name", a, both, "", x509.ExtKeyUsageClientAuth, nil, true},
		{"another's name", a, both, "boss.example", x509.ExtKeyUsageClientAuth, stack.ErrPeerName, true},
		{"unknown issuer", stranger, both, "phone.example", x509.ExtKeyUsageClientAuth, stack.ErrPeerChain, false},
		{"common name alone", a, common, "cn.example", x509.ExtKeyUsageServerAuth, nil, true},
		{"common name beside an alternative name", a, func(c *x509.Certificate) { common(c); both(c) }, "cn.example", x509.ExtKeyUsageServerAuth, stack.ErrPeerName, true},
		{"SIP URI (RFC 5922)", a, uri, "uri.example", x509.ExtKeyUsageServerAuth, nil, true},
		{"out of date: refused in the handshake (F11)", a, old, "", 0, stack.ErrTransport, false},
		{"no certificate", nil, nil, "", x509.ExtKeyUsageClientAuth, stack.ErrNoCertificate, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			to.TLS = &stack.ClientTLS{ServerName: "pbx.example.com", Trust: a.trust()}
			if c.by != nil {
				to.TLS.Identity, _ = c.by.issue(c.change)
			}
			f, err := ask(t, client, to, flows)
			if err != nil {
				if !errors.Is(c.want, stack.ErrTransport) && !errors.Is(err, stack.ErrFlowGone) || c.want == nil {
					t.Fatal(err)
				}
				return
			}
			for range 2 { // the second answer is the remembered one
				if err := f.VerifyPeer(c.ask, a.trust(), c.usage); !errors.Is(err, c.want) {
					t.Errorf("%v, want %v", err, c.want)
				}
			}
			if (f.Peer() != nil) != c.peer {
				t.Errorf("vouched for: %v", f.Peer() != nil)
			}
		})
	}
}

// TLS 1.1 and older get an alert (threats.md F11).
func TestOldTLSIsRefused(t *testing.T) {
	a := newAuthority(t, "ca")
	to, _ := tlsServer(t, a, nil)
	roots := x509.NewCertPool()
	roots.AddCert(a.cert)
	for _, v := range []uint16{tls.VersionTLS10, tls.VersionTLS11} {
		c, err := tls.Dial("tcp", to.Addr.String(), &tls.Config{RootCAs: roots, ServerName: "pbx.example.com", MinVersion: v, MaxVersion: v})
		if err == nil {
			_ = c.Close()
			t.Errorf("%s was accepted", tls.VersionName(v))
		}
	}
}

func TestUnusablePEM(t *testing.T) {
	a := newAuthority(t, "ca")
	id, _ := a.issue(nil)
	if s := fmt.Sprintf("%v %+v %#v", id, id, id); bytes.Contains([]byte(s), []byte("Private")) {
		t.Error("an identity prints its key")
	}
	for name, bundle := range map[string][]byte{"empty": nil, "text": []byte("hello"), "a key": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("x")})} {
		if _, err := stack.NewTrust(bundle); !errors.Is(err, stack.ErrPEM) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := stack.NewIdentity(bundle, bundle); !errors.Is(err, stack.ErrPEM) {
			t.Errorf("%s as identity: %v", name, err)
		}
	}
}
