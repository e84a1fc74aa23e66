package device

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/est"
	"naisen/provisioning/secret"
)

// applicant is a telephone that wants a certificate.
type applicant struct {
	*rig
	mac  string
	key  *ecdsa.PrivateKey
	cert *x509.Certificate // shown in the handshake; nil: none
}

func (r *rig) issuer(mac string) *applicant {
	r.t.Helper()
	ring, err := secret.OpenKeyring(filepath.Join(r.t.TempDir(), "key"))
	if err != nil {
		r.t.Fatal(err)
	}
	if r.Issuer, err = est.Open(filepath.Join(r.t.TempDir(), "ca.pem"), ward, ring, r.now); err != nil {
		r.t.Fatal(err)
	}
	r.Service.Domain = ward
	a := &applicant{rig: r, mac: mac}
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		r.t.Fatal(err)
	}
	return a
}

// post asks for one, with a claim code if there is one.
func (a *applicant) post(path, name, code string, subject pkix.Name) *httptest.ResponseRecorder {
	a.t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: subject}, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return a.send(path, name, code, "application/pkcs10", base64.StdEncoding.EncodeToString(der))
}

func (a *applicant) send(path, name, code, content, body string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(http.MethodPost, "https://pbx.example.jp"+path, strings.NewReader(body))
	req.RemoteAddr, req.TLS = "192.0.2.7:4000", &tls.ConnectionState{}
	if a.cert != nil {
		req.TLS.PeerCertificates = []*x509.Certificate{a.cert}
	}
	req.Header.Set("Content-Type", content)
	if code != "" {
		req.SetBasicAuth(name, code)
	}
	w := httptest.NewRecorder()
	a.ServeHTTP(w, req)
	a.catchUp()
	return w
}

// issued reads the one certificate of an answer: the [0] of the signed data (RFC 5652 section 5.1).
func issued(t *testing.T, w *httptest.ResponseRecorder) *x509.Certificate {
	t.Helper()
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/pkcs7-mime; smime-type=certs-only" || w.Header().Get("Content-Transfer-Encoding") != "base64" {
		t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	der, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(w.Body.String(), "\n", ""))
	if err != nil {
		t.Fatal(err)
	}
	var outer struct {
		Type    asn1.ObjectIdentifier
		Content struct {
			Version      int
			Digests      asn1.RawValue
			Encapsulated asn1.RawValue
			Certificates asn1.RawValue
			Signers      asn1.RawValue
		} `asn1:"explicit,tag:0"`
	}
	if rest, err := asn1.Unmarshal(der, &outer); err != nil || len(rest) > 0 {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(outer.Content.Certificates.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const (
	enrolPath = estPath + "simpleenroll"
	againPath = estPath + ward + "/simplereenroll"
)

// TestClaimGivesCertificateOnce: from a claim code to a certificate, to configuration by it, and to the next certificate.
func TestClaimGivesCertificateOnce(t *testing.T) {
	r := newRig(t)
	a := r.issuer(macs[provisioning.VendorYealink])
	code := r.claim(a.mac)
	if w := a.post(enrolPath, macs[provisioning.VendorPoly], code, pkix.Name{}); w.Code != http.StatusUnauthorized {
		t.Errorf("another telephone's name with the code: %d", w.Code)
	}
	a.cert = issued(t, a.post(enrolPath, strings.ToUpper(a.mac), code, pkix.Name{CommonName: "boss"}))
	if a.cert.Subject.String() != "CN="+a.mac+",O="+ward {
		t.Errorf("%v", a.cert.Subject)
	}
	shown := a.cert
	a.cert = nil
	if w := a.post(enrolPath, a.mac, code, pkix.Name{}); w.Code != http.StatusUnauthorized || w.Header().Get("WWW-Authenticate") == "" {
		t.Errorf("the code counts twice: %d", w.Code)
	}
	a.cert = shown
	if w := r.ask("/device/"+ward+"/"+a.mac+".cfg", a.cert); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "account.1.password") {
		t.Errorf("configuration by the certificate: %d", w.Code)
	}
	if w := r.ask("/device/"+ward+"/"+macs[provisioning.VendorPoly]+"-naisen.cfg", a.cert); w.Code != http.StatusNotFound {
		t.Errorf("another telephone's configuration: %d", w.Code)
	}
	if w := a.post(againPath, "", "", a.cert.Subject); w.Code != http.StatusTooManyRequests {
		t.Errorf("a second one at once: %d", w.Code)
	}
	r.now = r.now.Add(time.Hour)
	if w := a.post(againPath, "", "", pkix.Name{CommonName: "boss"}); w.Code != http.StatusBadRequest {
		t.Errorf("another subject: %d", w.Code)
	}
	next := issued(t, a.post(againPath, "", "", a.cert.Subject))
	r.now = r.now.Add(time.Hour)
	a.cert = next
	third := issued(t, a.post(againPath, "", "", a.cert.Subject))
	for name, c := range map[string]struct {
		cert *x509.Certificate
		want int
	}{"the last": {third, 200}, "the one before": {next, 200}, "the one before that": {shown, 404}} {
		if w := r.ask("/device/"+ward+"/"+a.mac+".cfg", c.cert); w.Code != c.want {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
}

// TestCertificateEnds: with its time, its lease, in a locked or wiped telephone, with the telephone, and in another domain; back in service only what was not destroyed
// counts again.
func TestCertificateEnds(t *testing.T) {
	r := newRig(t)
	a := r.issuer(macs[provisioning.VendorYealink])
	a.cert = issued(t, a.post(enrolPath, a.mac, r.claim(a.mac), pkix.Name{}))
	file := "/device/" + ward + "/" + a.mac + ".cfg"
	state := func(s string) {
		r.update(func(w provisioning.Writer) error {
			_, err := provisioning.SetDeviceState(w, ward, a.mac, s, "", r.now)
			return err
		})
	}
	expect := func(what string, config, again int) {
		t.Helper()
		r.now = r.now.Add(2 * time.Minute)
		if w := r.ask(file, a.cert); w.Code != config {
			t.Errorf("%s: configuration %d", what, w.Code)
		}
		if w := a.post(againPath, "", "", a.cert.Subject); w.Code != again {
			t.Errorf("%s: certificate %d %s", what, w.Code, w.Body)
		} else if again == http.StatusOK {
			a.cert = issued(t, w)
		}
	}
	expect("in service", 200, 200)
	state(provisioning.DeviceLocked)
	expect("locked", 404, 401)
	state(provisioning.DeviceQuarantined)
	expect("in quarantine", 200, 401)
	if w := r.ask(file, a.cert); strings.Contains(w.Body.String(), "account.1.password = ") {
		t.Error("an account in quarantine")
	}
	state("")
	expect("back", 200, 200)
	d := provisioning.ManagedDevice{MAC: a.mac, Vendor: provisioning.VendorYealink, Lines: []provisioning.DeviceLine{{Extension: "2001"}}, LeaseEnd: r.now.AddDate(0, 0, -1).Format(time.DateOnly)}
	put := func() { r.update(func(w provisioning.Writer) error { _, err := w.Put(ward, d, ""); return err }) }
	put()
	expect("lease over", 404, 401)
	shown := a.cert
	if w := a.certless(r.claim(a.mac)); w.Code != http.StatusUnauthorized {
		t.Errorf("lease over, by a code: %d", w.Code)
	}
	a.cert = shown
	d.LeaseEnd = r.now.AddDate(0, 0, 1).Format(time.DateOnly)
	put()
	r.now = r.now.Add(2 * time.Minute)
	next := issued(t, a.post(againPath, "", "", a.cert.Subject))
	if end := d.LeaseEnds(r.now.Location()); !next.NotAfter.Equal(end.Truncate(time.Second)) {
		t.Errorf("it ends at %v, the lease at %v", next.NotAfter, end)
	}
	state(provisioning.DeviceWiped)
	expect("wiped", 404, 401)
	state("")
	expect("wiped, and back", 404, 401)
	d.LeaseEnd = ""
	put()
	a.cert = issued(t, a.certless(r.claim(a.mac)))
	if w := a.post(estPath+"other.example/simplereenroll", "", "", a.cert.Subject); w.Code != http.StatusUnauthorized {
		t.Errorf("another domain: %d", w.Code)
	}
	r.now = r.now.Add(est.Life)
	expect("after its end", 404, 401)
}

// certless asks by a code, without the certificate of before.
func (a *applicant) certless(code string) *httptest.ResponseRecorder {
	a.cert = nil
	return a.post(enrolPath, a.mac, code, pkix.Name{})
}

// TestMakersCertificateGivesOurs: a telephone with a certificate of its maker needs no code; it cannot renew with it.
func TestMakersCertificateGivesOurs(t *testing.T) {
	r := newRig(t)
	a := r.issuer(macs[provisioning.VendorYealink])
	a.cert = r.roots[provisioning.VendorYealink].device(strings.ToUpper(a.mac))
	if w := a.post(againPath, "", "", a.cert.Subject); w.Code != http.StatusUnauthorized {
		t.Errorf("renewed by its maker's: %d", w.Code)
	}
	if c := issued(t, a.post(enrolPath, "", "", pkix.Name{})); c.Subject.CommonName != a.mac {
		t.Errorf("%v", c.Subject)
	}
	a.cert = r.roots[provisioning.VendorPoly].device(strings.ToUpper(a.mac))
	if w := a.post(enrolPath, "", "", pkix.Name{}); w.Code != http.StatusUnauthorized {
		t.Errorf("by another maker's: %d", w.Code)
	}
}

// TestESTRefuses: what is not the protocol, and who is nobody. A code is used up by none of it.
func TestESTRefuses(t *testing.T) {
	r := newRig(t)
	a := r.issuer(macs[provisioning.VendorYealink])
	code := r.claim(a.mac)
	good := string(bytes.Repeat([]byte("A"), 100))
	for name, c := range map[string]struct {
		path, name, code, content, body string
		want                            int
	}{
		"not PKCS#10":         {enrolPath, a.mac, code, "application/pkcs10", good, 400},
		"another content":     {enrolPath, a.mac, code, "text/plain", good, 415},
		"too long":            {enrolPath, a.mac, code, "application/pkcs10", strings.Repeat("A", est.MaxRequest+1), 400},
		"without a code":      {enrolPath, "", "", "application/pkcs10", good, 401},
		"a wrong code":        {enrolPath, a.mac, strings.Repeat("A", claimSize), "application/pkcs10", good, 401},
		"an unknown name":     {enrolPath, "805ec0ffffff", code, "application/pkcs10", good, 401},
		"an unknown domain":   {estPath + "nowhere.example/simpleenroll", a.mac, code, "application/pkcs10", good, 401},
		"renewing by a code":  {againPath, a.mac, code, "application/pkcs10", good, 401},
		"keys made here":      {estPath + "serverkeygen", a.mac, code, "application/pkcs10", good, 404},
		"a path that goes on": {enrolPath + "/x", a.mac, code, "application/pkcs10", good, 404},
		"dots":                {estPath + "../simpleenroll", a.mac, code, "application/pkcs10", good, 401},
	} {
		if w := a.send(c.path, c.name, c.code, c.content, c.body); w.Code != c.want {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	issued(t, a.post(enrolPath, a.mac, code, pkix.Name{}))
	r.Issuer = nil
	if w := a.post(enrolPath, a.mac, r.claim(a.mac), pkix.Name{}); w.Code != http.StatusNotFound {
		t.Errorf("without an authority: %d", w.Code)
	}
}

// TestESTGuesses: asking first without anything is what clients do; guesses are told to wait, and a right code goes on counting from there.
func TestESTGuesses(t *testing.T) {
	r := newRig(t)
	a := r.issuer(macs[provisioning.VendorYealink])
	for range 2 * guessesOfOne {
		if w := a.send(enrolPath, "", "", "application/pkcs10", ""); w.Code != http.StatusUnauthorized {
			t.Fatalf("without anything: %d", w.Code)
		}
	}
	waits := 0
	for range 2 * guessesOfOne {
		if w := a.send(enrolPath, a.mac, strings.Repeat("B", claimSize), "application/pkcs10", ""); w.Code == http.StatusTooManyRequests {
			waits++
		}
	}
	if waits != guessesOfOne || len(r.refused) != 2*guessesOfOne {
		t.Errorf("%d were told to wait, %d noted", waits, len(r.refused))
	}
	issued(t, a.post(enrolPath, a.mac, r.claim(a.mac), pkix.Name{}))
}
