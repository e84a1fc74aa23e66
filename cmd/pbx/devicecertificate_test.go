package main

import (
	"crypto/tls"
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/sip"
	"naisen/sip/auth"
	"naisen/sip/stack"
)

// tool runs a program in a folder and gives what it prints.
func tool(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		t.Fatal(name + " is not here: loadtest/install.sh installs it")
	}
	c := exec.CommandContext(t.Context(), name, args...)
	c.Dir = dir
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v %s", name, args, err, out)
	}
	return string(out)
}

// registers is the answer to a REGISTER over TLS with the password of a device.
func (l *lab) registers(cfg *tls.Config, number, mac string, p provisioning.DevicePassword) int {
	l.t.Helper()
	s := l.stream("tls", cfg)
	defer s.c.Close()
	first := s.ask("REGISTER", number, number, "User-Agent: Desk")
	if first.Status != 401 {
		return first.Status
	}
	r := stack.NewRequest("REGISTER", sip.URI{Scheme: "sip", Host: l.p.config.Domain})
	if err := auth.Authorize(r, first, auth.ClientCredential{User: provisioning.DeviceLogin(number, mac, p.Generation), Secret: p.Secret, Realm: l.p.config.Domain}, nil); err != nil {
		l.t.Fatal(err)
	}
	return s.ask("REGISTER", number, number, "User-Agent: Desk", "Authorization: "+r.Get("Authorization")).Status
}

// TestDeviceCertificates: curl and openssl get a certificate of the switch's own by a claim code, configuration by it, and a registration that its telephone alone
// may have; that ends when the telephone is taken out of service.
func TestDeviceCertificates(t *testing.T) {
	t.Parallel()
	l, dir := deviceLab(t), t.TempDir()
	domain := l.p.config.Domain
	d := provisioning.ManagedDevice{MAC: deskMAC, Vendor: provisioning.VendorYealink, Lines: []provisioning.DeviceLine{{Extension: "2001"}}, Certificate: provisioning.CertificateRequired}
	other := provisioning.ManagedDevice{MAC: otherMAC, Vendor: provisioning.VendorPoly, Lines: []provisioning.DeviceLine{{Extension: "2002"}}}
	l.put(d, other)
	var code string
	var keys, others provisioning.DeviceKeys
	l.update(func(w provisioning.Writer) (err error) {
		if code, err = provisioning.NewEnrolment(w, domain, provisioning.Enrolment{Of: provisioning.EnrolDevice, Name: deskMAC, Until: time.Now().Add(time.Hour)}, time.Now()); err != nil {
			return err
		}
		if keys, err = provisioning.EnsureDeviceKeys(w, domain, deskMAC); err == nil {
			others, err = provisioning.EnsureDeviceKeys(w, domain, otherMAC)
		}
		return err
	})
	base := "https://" + l.p.devicesAt() + "/.well-known/est/"
	believe := l.p.config.path("certificates", "sip.crt")
	tool(t, dir, "openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "key.pem", "-subj", "/CN=whatever", "-outform", "DER", "-out", "request.der")
	der, err := os.ReadFile(filepath.Join(dir, "request.der"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "request"), []byte(base64.StdEncoding.EncodeToString(der)), 0o600); err != nil {
		t.Fatal(err)
	}
	enrol := func(operation string, more ...string) string {
		return tool(t, dir, "curl", append([]string{"-sS", "--cacert", believe, "-w", "%{http_code}", "-o", "answer", "-H", "Content-Type: application/pkcs10", "--data-binary", "@request", base + operation}, more...)...)
	}
	if got := enrol("simpleenroll"); got != "401" {
		t.Errorf("without a code: %s", got)
	}
	if got := enrol("simpleenroll", "-u", deskMAC+":"+code); got != "200" {
		t.Fatalf("with the code: %s", got)
	}
	unpack := func(into string) string {
		tool(t, dir, "openssl", "base64", "-d", "-in", "answer", "-out", "answer.der")
		return tool(t, dir, "openssl", "pkcs7", "-inform", "DER", "-in", "answer.der", "-print_certs", "-out", into)
	}
	unpack("cert.pem")
	tool(t, dir, "curl", "-sS", "--fail", "--cacert", believe, "-o", "answer", base+domain+"/cacerts")
	unpack("ca.pem")
	if got := tool(t, dir, "openssl", "verify", "-CAfile", "ca.pem", "-purpose", "sslclient", "cert.pem"); !strings.Contains(got, "cert.pem: OK") {
		t.Error(got)
	}
	if got := tool(t, dir, "openssl", "x509", "-in", "cert.pem", "-noout", "-subject", "-nameopt", "RFC2253"); strings.TrimSpace(got) != "subject=CN="+deskMAC+",O="+domain {
		t.Error(got)
	}
	tool(t, dir, "curl", "-sS", "--fail", "--cacert", believe, "-o", "answer", base+"csrattrs")
	tool(t, dir, "openssl", "base64", "-d", "-in", "answer", "-out", "answer.der")
	if got := tool(t, dir, "openssl", "asn1parse", "-inform", "DER", "-in", "answer.der"); !strings.Contains(got, "prime256v1") || !strings.Contains(got, "ecdsa-with-SHA256") {
		t.Error(got)
	}
	file := func() string {
		return tool(t, dir, "curl", "-sS", "--cacert", believe, "-w", "%{http_code}", "-o", "config", "--cert", "cert.pem", "--key", "key.pem", "https://"+l.p.devicesAt()+"/device/"+domain+"/"+deskMAC+".cfg")
	}
	lacks := func() bool {
		r, err := l.p.fleet.Report(domain, deskMAC)
		return err == nil && slices.Contains(r.Drift, "no-certificate")
	}
	if lacks() {
		t.Error("the report says that it has no certificate")
	}
	if got := file(); got != "200" {
		t.Errorf("configuration by the certificate: %s", got)
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	bare, shown := &tls.Config{InsecureSkipVerify: true}, &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{pair}} // the switch is not what is looked at
	for name, c := range map[string]struct {
		cfg         *tls.Config
		number, mac string
		password    provisioning.DevicePassword
		want        int
	}{
		"with its certificate": {shown, "2001", deskMAC, keys.Current, 200}, "without": {bare, "2001", deskMAC, keys.Current, 403},
		"another telephone with it": {shown, "2002", otherMAC, others.Current, 403}, "another, that needs none": {bare, "2002", otherMAC, others.Current, 200},
	} {
		if got := l.registers(c.cfg, c.number, c.mac, c.password); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
	if got := enrol("simplereenroll", "--cert", "cert.pem", "--key", "key.pem"); got != "400" {
		t.Errorf("renewed with another subject: %s", got)
	}
	l.update(func(w provisioning.Writer) error {
		_, err := provisioning.SetDeviceState(w, domain, deskMAC, provisioning.DeviceWiped, "紛失", time.Now())
		if err == nil {
			_, err = provisioning.SetDeviceState(w, domain, deskMAC, "", "", time.Now())
		}
		if err == nil {
			keys, err = provisioning.EnsureDeviceKeys(w, domain, deskMAC)
		}
		return err
	})
	if !lacks() {
		t.Error("the report does not say that its certificate is gone")
	}
	if got := file(); got != "404" {
		t.Errorf("configuration after it was wiped: %s", got)
	}
	if got := l.registers(shown, "2001", deskMAC, keys.Current); got != 403 {
		t.Errorf("registered after it was wiped: %d", got)
	}
	l.heard(t, "device.issue", 1)
}
