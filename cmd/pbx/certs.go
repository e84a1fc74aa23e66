package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// certificates gives TLS listeners their certificate and reads it again when the file changed, so that a renewal needs no restart.
type certificates struct {
	cert, key string

	mu      sync.Mutex
	changed time.Time
	current *tls.Certificate
}

// get is tls.Config.GetCertificate. A file that cannot be read leaves the old certificate in place.
func (c *certificates) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	info, err := os.Stat(c.cert)
	if err == nil && !info.ModTime().Equal(c.changed) {
		pair, loadErr := tls.LoadX509KeyPair(c.cert, c.key)
		if loadErr == nil {
			c.current, c.changed = &pair, info.ModTime()
		}
		err = loadErr
	}
	if c.current == nil {
		return nil, fmt.Errorf("certificate %s: %w", c.cert, err)
	}
	return c.current, nil
}

// config is a server configuration: TLS 1.2 with forward secrecy, or newer.
func (c *certificates) config() (*tls.Config, error) {
	if _, err := c.get(nil); err != nil {
		return nil, err
	}
	return &tls.Config{GetCertificate: c.get, MinVersion: tls.VersionTLS12}, nil
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
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	t := x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: domain}, DNSNames: []string{domain, "localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(2, 0, 0), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}}
	for _, a := range addrs {
		t.IPAddresses = append(t.IPAddresses, net.IP(a.AsSlice()))
	}
	der, err := x509.CreateCertificate(rand.Reader, &t, &t, key.Public(), key)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	if err := writePEM(c.cert, "CERTIFICATE", der, 0o644); err != nil {
		return nil, err
	}
	return c, writePEM(c.key, "PRIVATE KEY", private, 0o600) // last: its presence says that both are there
}

func writePEM(path, kind string, der []byte, mode os.FileMode) error {
	tmp := path + ".new"
	if err := os.WriteFile(tmp, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode); err != nil {
		return err
	}
	return os.Rename(tmp, path)
}
