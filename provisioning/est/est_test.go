package est

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"naisen/provisioning/secret"
)

const mac = "805ec0112233"

var now = time.Date(2027, 4, 1, 12, 0, 0, 0, time.UTC)

func open(t *testing.T, dir string) *Authority {
	t.Helper()
	ring, err := secret.OpenKeyring(filepath.Join(dir, "secrets.key"))
	if err != nil {
		t.Fatal(err)
	}
	a, err := Open(filepath.Join(dir, "ca.pem"), "ward.example", ring, now)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// request of a key, in base64.
func request(t *testing.T, key crypto.Signer, r x509.CertificateRequest) []byte {
	t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &r, key)
	if err != nil {
		t.Fatal(err)
	}
	return lines(der)
}

func newKey(t *testing.T, c elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(c, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// TestAuthority: the key is kept sealed, the same authority is there after a restart, and what it issues names the device and nothing that the request says.
func TestAuthority(t *testing.T) {
	dir := t.TempDir()
	a := open(t, dir)
	text, err := os.ReadFile(filepath.Join(dir, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := x509.MarshalPKCS8PrivateKey(a.key)
	if err != nil {
		t.Fatal(err)
	}
	number, err := a.key.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	for rest := text; ; {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			break
		}
		if bytes.Contains(b.Bytes, plain) || bytes.Contains(b.Bytes, number) {
			t.Error("the key lies in the clear")
		}
	}
	key := newKey(t, elliptic.P256())
	r, err := ParseRequest(request(t, key, x509.CertificateRequest{Subject: pkix.Name{CommonName: "boss", Organization: []string{"other.example"}}}))
	if err != nil {
		t.Fatal(err)
	}
	c, err := a.Issue(r, "ward.example", mac, time.Time{}, now)
	if err != nil {
		t.Fatal(err)
	}
	if c.Subject.CommonName != mac || c.Subject.String() != "CN="+mac+",O=ward.example" || c.IsCA || len(c.DNSNames)+len(c.URIs)+len(c.EmailAddresses)+len(c.IPAddresses) != 0 || !key.PublicKey.Equal(c.PublicKey) || !c.NotAfter.Equal(now.Add(Life)) {
		t.Errorf("%v %v until %v", c.Subject, c.DNSNames, c.NotAfter)
	}
	again := open(t, dir)
	if domain, named, ok := again.Device(c, now); !ok || domain != "ward.example" || named != mac {
		t.Errorf("after a restart: %s %s %v", domain, named, ok)
	}
	if _, _, ok := again.Device(c, now.Add(Life+time.Second)); ok {
		t.Error("it counts after its end")
	}
	if _, _, ok := open(t, t.TempDir()).Device(c, now); ok {
		t.Error("another authority takes it for its own")
	}
	if _, _, ok := a.Device(a.Certificate(), now); ok {
		t.Error("the authority itself is a device")
	}
	short := now.Add(48 * time.Hour)
	if c, err = a.Issue(r, "ward.example", mac, short, now); err != nil || !c.NotAfter.Equal(short) {
		t.Errorf("the end of the lease: %v %v", c.NotAfter, err)
	}
	if c, err = a.Issue(r, "ward.example", mac, now.AddDate(50, 0, 0), a.cert.NotAfter.Add(-time.Hour)); err != nil || c.NotAfter.After(a.cert.NotAfter) {
		t.Errorf("it outlives its authority: %v %v", c.NotAfter, err)
	}
}

// TestAuthorityFile: a file that was changed, belongs to other keys, or can be read by others is refused.
func TestAuthorityFile(t *testing.T) {
	dir := t.TempDir()
	open(t, dir)
	path := filepath.Join(dir, "ca.pem")
	ring, err := secret.OpenKeyring(filepath.Join(dir, "secrets.key"))
	if err != nil {
		t.Fatal(err)
	}
	strange, err := secret.OpenKeyring(filepath.Join(t.TempDir(), "secrets.key"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, "x", strange, now); !errors.Is(err, ErrAuthority) {
		t.Errorf("other keys: %v", err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	other := t.TempDir()
	open(t, other)
	foreign, err := os.ReadFile(filepath.Join(other, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(text, []byte("-----BEGIN "+keyBlock))
	for name, bad := range map[string][]byte{"half of it": text[:at], "nothing": {}, "the certificate of another": append(foreign[:bytes.Index(foreign, []byte("-----BEGIN "+keyBlock))], text[at:]...)} {
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path, "x", ring, now); !errors.Is(err, ErrAuthority) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := errors.Join(os.WriteFile(path, text, 0o600), os.Chmod(path, 0o644)); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path, "x", ring, now); err == nil {
		t.Error("a file that all can read is taken")
	}
}

// TestRequests: what is taken, and why the rest is not.
func TestRequests(t *testing.T) {
	rsa2048, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]crypto.Signer{"P-256": newKey(t, elliptic.P256()), "P-384": newKey(t, elliptic.P384()), "P-521": newKey(t, elliptic.P521()), "RSA": rsa2048, "Ed25519": ed} {
		if _, err := ParseRequest(request(t, key, x509.CertificateRequest{})); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	good := request(t, newKey(t, elliptic.P256()), x509.CertificateRequest{Subject: pkix.Name{CommonName: mac}})
	der, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(string(good), "\n", ""))
	if err != nil {
		t.Fatal(err)
	}
	forged := bytes.Replace(der, []byte(mac), []byte("805ec0999999"), 1)
	t.Setenv("GODEBUG", "rsa1024min=0")
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		text []byte
		why  string
	}{
		"somebody else's key": {lines(forged), "signature"}, "alternative names": {request(t, ed, x509.CertificateRequest{DNSNames: []string{"pbx.example"}}), "alternative"},
		"P-224": {request(t, newKey(t, elliptic.P224()), x509.CertificateRequest{}), "key"}, "RSA of 1024": {request(t, short, x509.CertificateRequest{}), "key"},
		"no base64": {[]byte("*"), "base64"}, "no PKCS#10": {[]byte("AAAA"), "PKCS#10"}, "nothing": {nil, "PKCS#10"}, "too long": {bytes.Repeat([]byte("A"), MaxRequest+1), "long"},
		"more behind it": {lines(append(bytes.Clone(der), 0)), "PKCS#10"},
	} {
		if _, err := ParseRequest(c.text); err == nil || !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzRequest: whatever is sent is read or refused.
func FuzzRequest(f *testing.F) {
	f.Add([]byte("MIIB"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if r, err := ParseRequest(text); err == nil && r.CheckSignature() != nil {
			t.Error("taken without proof of the key")
		}
	})
}
