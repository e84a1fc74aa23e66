package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"naisen/sip/stack"
)

const (
	lookAgain   = time.Second          // how often a handshake looks at the files
	nodeRenewed = 400 * 24 * time.Hour // before the end of a node's own certificate, which is good for two years: nobody restarts a switch each month
	expiryAlarm = 14 * 24 * time.Hour  // before the end of the certificate
	maxPEM      = 1 << 20              // bytes of one file
)

// certificates gives TLS listeners and outgoing connections their certificate and the authorities of clients, and reads them again when a file
// has changed or SIGHUP says so: a renewal needs no restart, and what is connected stays (threats.md F12).
type certificates struct {
	cert, key string
	clients   string // authorities whose client certificates count; empty: none
	log       *slog.Logger

	node     *tls.Certificate // shown to who asks for nodeName: another node. Made once, before the first handshake
	nodeName string

	prove func(*tls.ClientHelloInfo) (*tls.Certificate, error) // answers an authority that looks at our names; nil: none does here

	mu      sync.Mutex
	looked  time.Time        // guarded by mu
	seen    string           // guarded by mu: what the files looked like when they were read
	current *tls.Certificate // guarded by mu
	own     *stack.Identity  // guarded by mu: the same for outgoing connections
	trust   *stack.Trust     // guarded by mu
	broken  error            // guarded by mu: why the files could not be read last
}

// refresh reads the files if they changed. What cannot be read leaves the old in place. Called with mu held.
func (c *certificates) refresh() {
	now := time.Now()
	if c.current != nil && now.Sub(c.looked) < lookAgain && now.Sub(c.looked) >= 0 {
		return
	}
	c.looked = now
	seen := ""
	for _, path := range []string{c.cert, c.key, c.clients} {
		if info, err := os.Stat(path); err == nil {
			seen += fmt.Sprint(info.ModTime().UnixNano(), " ", info.Size(), ";")
		}
	}
	if seen == c.seen && (c.current != nil || c.broken != nil) {
		return
	}
	c.seen = seen
	if c.broken = c.read(); c.log == nil {
		return
	}
	if c.broken != nil {
		c.log.Error("pbx: certificate files are unusable; the old certificate stays", "certificate", c.cert, "err", c.broken)
	} else {
		c.log.Info("pbx: certificate read", "certificate", c.cert, "until", c.current.Leaf.NotAfter)
	}
}

func (c *certificates) read() error {
	chain, err := readPEM(c.cert)
	if err != nil {
		return err
	}
	key, err := readPEM(c.key)
	if err != nil {
		return err
	}
	pair, err := tls.X509KeyPair(chain, key)
	if err != nil {
		return fmt.Errorf("%s: %w", c.cert, err)
	}
	var trust *stack.Trust
	if c.clients != "" {
		bundle, err := readPEM(c.clients)
		if err == nil {
			trust, err = stack.NewTrust(bundle)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", c.clients, err)
		}
	}
	c.current, c.own, c.trust = &pair, stack.IdentityOf(pair), trust
	return nil
}

func readPEM(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxPEM))
}

// get is tls.Config.GetCertificate.
func (c *certificates) get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if hello != nil && c.node != nil && hello.ServerName == c.nodeName {
		return c.node, nil
	}
	if c.prove != nil {
		if cert, err := c.prove(hello); cert != nil || err != nil {
			return cert, err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refresh(); c.current == nil {
		return nil, fmt.Errorf("certificate %s: %w", c.cert, c.broken)
	}
	return c.current, nil
}

// identity is our certificate for connections that we open; nil when there is none.
func (c *certificates) identity() *stack.Identity {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refresh()
	return c.own
}

// clientTrust vouches for the client certificates of phones; nil: nobody does.
func (c *certificates) clientTrust() *stack.Trust {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refresh()
	return c.trust
}

// config is a server configuration: TLS 1.2 with forward secrecy, or newer. Without resumption: each connection sees the certificate of now.
func (c *certificates) config() (*tls.Config, error) {
	if _, err := c.get(nil); err != nil {
		return nil, err
	}
	return &tls.Config{GetCertificate: c.get, MinVersion: tls.VersionTLS12, SessionTicketsDisabled: true}, nil
}

// sipConfig asks the peer for a certificate too; who has none, or an unknown one, proves itself otherwise.
func (c *certificates) sipConfig() (*tls.Config, error) {
	config, err := c.config()
	if err == nil {
		config.ClientAuth = tls.RequestClientCert
	}
	return config, err
}

// again makes the next look read the files whatever they look like.
func (c *certificates) again() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen, c.looked, c.broken = "again", time.Time{}, nil
	c.refresh()
}

// hangUps reads the files on every SIGHUP until stop is closed.
func (c *certificates) hangUps(hangup <-chan os.Signal, stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-hangup:
			c.again()
		}
	}
}

// unreadable: the files cannot be used; what was read before goes on.
func (c *certificates) unreadable() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refresh()
	return c.broken != nil
}

// expires: the certificate ends soon; of one that is renewed each few days, that a sixth of its time is left.
func (c *certificates) expires() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current == nil || c.current.Leaf == nil {
		return false
	}
	leaf := c.current.Leaf
	return time.Until(leaf.NotAfter) < min(expiryAlarm, leaf.NotAfter.Sub(leaf.NotBefore)/6)
}

// ownCertificate makes a self-signed certificate for this machine's names and addresses unless one is there.
func ownCertificate(dir string, domain string, addrs []netip.Addr) (*certificates, error) {
	c := &certificates{cert: filepath.Join(dir, "sip.crt"), key: filepath.Join(dir, "sip.key")}
	if _, err := os.Stat(c.key); err == nil {
		return c, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return c, c.make(domain, []string{domain, "localhost"}, addrs)
}

// make writes a new certificate of its own names.
func (c *certificates) make(name string, names []string, addrs []netip.Addr) error {
	der, key, err := selfSigned(name, names, addrs)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := writePEM(c.cert, "CERTIFICATE", der, 0o644); err != nil {
		return err
	}
	return writePEM(c.key, "PRIVATE KEY", private, 0o600) // last: its presence says that both are there
}

// nodeCertificate is that by which other nodes know this one. It stays over restarts, since calls do that go by way of this node; near its end there is a
// new one at the next start.
func nodeCertificate(dir, name string) (*tls.Certificate, error) {
	c := &certificates{cert: filepath.Join(dir, "node.crt"), key: filepath.Join(dir, "node.key")}
	pair, err := tls.LoadX509KeyPair(c.cert, c.key)
	if err == nil && pair.Leaf.VerifyHostname(name) == nil && time.Until(pair.Leaf.NotAfter) > nodeRenewed {
		return &pair, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if err := c.make(name, []string{name}, nil); err != nil {
		return nil, err
	}
	pair, err = tls.LoadX509KeyPair(c.cert, c.key)
	return &pair, err
}

// selfSigned makes a key and a certificate for servers and clients of these names and addresses.
func selfSigned(name string, names []string, addrs []netip.Addr) (der []byte, key *ecdsa.PrivateKey, err error) {
	if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, nil, err
	}
	t := x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: name}, DNSNames: names,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(2, 0, 0), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	for _, a := range addrs {
		t.IPAddresses = append(t.IPAddresses, net.IP(a.AsSlice()))
	}
	der, err = x509.CreateCertificate(rand.Reader, &t, &t, key.Public(), key)
	return der, key, err
}

func writePEM(path, kind string, der []byte, mode os.FileMode) error {
	tmp := path + ".new"
	if err := os.WriteFile(tmp, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}

// wireCertificates finds or makes our certificate, and watches its files.
func (p *pbx) wireCertificates(addrs []netip.Addr) (err error) {
	p.certificates = &certificates{cert: p.config.SIP.Certificate, key: p.config.SIP.Key}
	if p.config.SIP.Certificate == "" {
		if p.certificates, err = ownCertificate(p.config.path("certificates"), p.config.Domain, addrs); err != nil {
			return err
		}
	}
	p.certificates.clients, p.certificates.log = p.config.SIP.ClientCA, p.log
	if _, err := p.certificates.get(nil); err != nil { // a broken file stops the start, not the first handshake
		return err
	}
	hangup, stop, ended := make(chan os.Signal, 1), make(chan struct{}), make(chan struct{})
	signal.Notify(hangup, syscall.SIGHUP)
	go func() { defer close(ended); p.certificates.hangUps(hangup, stop) }()
	p.alarms.watch("certificate-unreadable", p.certificates.unreadable) // which also looks at the files, each second
	p.alarms.watch("certificate-expires", p.certificates.expires)
	p.closing("certificates", func(context.Context) error { signal.Stop(hangup); close(stop); <-ended; return nil })
	return nil
}
