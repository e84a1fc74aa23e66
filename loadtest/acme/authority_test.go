package acme

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"naisen/loadtest/peer"
)

// pebbleModule is run, and linked into nothing (MPL 2.0).
const pebbleModule = "github.com/letsencrypt/pebble/v2/cmd/pebble@v2.10.1"

// authority is Pebble: it refuses one nonce in twenty, as RFC 8555 section 6.5 lets it, and looks at port http or tls of a name.
type authority struct {
	*peer.Process
	directory, ca string // URL, and who vouches for it
	roots         string // URL of the root that it signs with
	asks          *http.Client
}

func startAuthority(t *testing.T, dnsServer string, httpPort, tlsPort int, validity time.Duration) *authority {
	t.Helper()
	dir := t.TempDir()
	install := exec.CommandContext(t.Context(), "go", "install", pebbleModule)
	install.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=")
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	cert, key, ca := ownTLS(t, dir)
	var ports [2]int
	for i := range ports {
		port, err := peer.FreePort("127.0.0.1")
		must(t, err)
		ports[i] = port
	}
	config, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": fmt.Sprint("127.0.0.1:", ports[0]), "managementListenAddress": fmt.Sprint("127.0.0.1:", ports[1]), "certificate": cert, "privateKey": key,
		"httpPort": httpPort, "tlsPort": tlsPort, "keyAlgorithm": "ecdsa", "retryAfter": map[string]int{"authz": 1, "order": 1},
		"profiles": map[string]any{"default": map[string]any{"description": "short", "validityPeriod": int(validity.Seconds())}},
	}})
	must(t, err)
	must(t, os.WriteFile(filepath.Join(dir, "pebble.json"), config, 0o600))
	a := &authority{directory: fmt.Sprintf("https://127.0.0.1:%d/dir", ports[0]), ca: cert, roots: fmt.Sprintf("https://127.0.0.1:%d/roots/0", ports[1]),
		asks: &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: ca}}}}
	t.Cleanup(a.asks.CloseIdleConnections)
	a.Process, err = peer.Start(dir, "env", "PEBBLE_VA_NOSLEEP=1", filepath.Join(dir, "pebble"), "-strict", "-config", filepath.Join(dir, "pebble.json"), "-dnsserver", dnsServer)
	must(t, err)
	t.Cleanup(a.Stop)
	if err := peer.Until(20*time.Second, func() bool { _, err := a.get(t.Context(), a.directory); return err == nil }); err != nil {
		t.Fatalf("%v\n%s", err, a.Output())
	}
	return a
}

// ownTLS is the certificate of the authority's own API.
func ownTLS(t *testing.T, dir string) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, c, c, private.Public(), private)
	must(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	must(t, err)
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	cert, key, pool = filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key"), x509.NewCertPool()
	must(t, os.WriteFile(cert, text, 0o600))
	must(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600))
	if !pool.AppendCertsFromPEM(text) {
		t.Fatal("no certificate")
	}
	return cert, key, pool
}

func (a *authority) get(ctx context.Context, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, "GET", url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := a.asks.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(io.LimitReader(resp.Body, 1<<20))
}

// root is what a telephone that trusts the authority has.
func (a *authority) root(t *testing.T) *x509.CertPool {
	t.Helper()
	text, err := a.get(t.Context(), a.roots)
	must(t, err)
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		t.Fatalf("no root in %q", text)
	}
	return pool
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
