package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/identity"
	"naisen/sip/stack"
)

// stream is a phone on one TCP or TLS connection.
type stream struct {
	t *testing.T
	c net.Conn
}

func (l *lab) stream(transport string, cfg *tls.Config) *stream {
	l.t.Helper()
	var c net.Conn
	var err error
	if transport == "tls" {
		c, err = tls.Dial("tcp", l.at("tls").String(), cfg)
	} else {
		c, err = net.Dial("tcp", l.at("tcp").String())
	}
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { _ = c.Close() })
	return &stream{t: l.t, c: c}
}

// ask sends a request of that user and gives the final response.
func (s *stream) ask(method, from, to string, lines ...string) *stack.Response {
	s.t.Helper()
	id := rand.Text()
	target := "sip:pbx.internal"
	if method != "REGISTER" {
		target = "sip:" + to + "@pbx.internal"
	}
	text := method + " " + target + " SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:9;branch=z9hG4bK" + id + "\r\nMax-Forwards: 70\r\nFrom: <sip:" + from + "@pbx.internal>;tag=" + id +
		"\r\nTo: <sip:" + to + "@pbx.internal>\r\nCall-ID: " + id + "\r\nCSeq: 1 " + method + "\r\nExpires: 3600\r\n"
	if !slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, "Contact: ") }) {
		text += "Contact: <sip:" + from + "@127.0.0.1:9;transport=tls>\r\n"
	}
	for _, line := range lines {
		text += line + "\r\n"
	}
	body := ""
	if method == "INVITE" {
		body = string(offer(netip.MustParseAddr("127.0.0.1")))
		text += "Content-Type: application/sdp\r\n"
	}
	text += fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body)
	_ = s.c.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := s.c.Write([]byte(text)); err != nil {
		s.t.Fatal(err)
	}
	for {
		if r := s.read(); r.Status >= 200 && r.CallID() == id {
			return r
		}
	}
}

func (s *stream) read() *stack.Response {
	s.t.Helper()
	var text []byte
	for b := make([]byte, 1); !strings.HasSuffix(string(text), "\r\n\r\n"); {
		if _, err := s.c.Read(b); err != nil {
			s.t.Fatalf("%v after %q", err, text)
		}
		text = append(text, b[0])
	}
	_, r, err := stack.Parse(text)
	if err != nil || r == nil || len(r.Body) > 0 || r.Get("Content-Length") != "0" {
		s.t.Fatalf("%v: %s", err, text)
	}
	return r
}

// TestTokenSignsAPhoneIn: RFC 8898 with the embedded identity service, from the sign-in to the end of the registration.
func TestTokenSignsAPhoneIn(t *testing.T) {
	t.Parallel()
	l := newLab(t, nil)
	domain := provisioning.Domain{Name: "pbx.internal", Language: "ja", CountryCode: "81", AllowBearer: true}
	mine := provisioning.Extension{Number: "2001", User: "admin", Media: "srtp-preferred"}
	l.put(domain, mine)
	way := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) { // the configuration says port 0
		return (&net.Dialer{}).DialContext(ctx, network, l.p.http.addr.String())
	}}
	defer way.CloseIdleConnections()
	token := func(scopes ...string) string {
		t.Helper()
		login := identity.Login{Issuer: l.p.issuer, Scopes: scopes, HTTP: &http.Client{Transport: way}}
		const chosen = "correct horse battery staple 9"
		password := l.p.first.Admin.Reveal()
		got, err := login.Password(t.Context(), "admin", chosen, nil)
		if err != nil {
			got, err = login.Password(t.Context(), "admin", password, func() (string, error) { return chosen, nil })
		}
		if err != nil {
			t.Fatal(err)
		}
		return got.Access
	}
	good, narrow := token("openid", "sip"), token("openid")
	for _, path := range []string{"/extensions", "/recordings"} { // the telephone's is for SIP alone, although an administrator's
		for raw, want := range map[string]int{good: 403, narrow: 403, token("openid", identity.ScopeAPI): 200} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, l.p.config.HTTP.URL+"/v1/domains/pbx.internal"+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+raw)
			resp, err := (&http.Client{Transport: way}).Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if asks := resp.Header.Get("WWW-Authenticate"); resp.StatusCode != want || want == 403 && asks != `Bearer realm="naisen", error="insufficient_scope", scope="naisen"` {
				t.Errorf("%s: %d %s, want %d", path, resp.StatusCode, asks, want)
			}
		}
	}
	phone := l.stream("tls", &tls.Config{InsecureSkipVerify: true}) // the switch is not what is looked at
	bearer := func(s string) string { return "Authorization: Bearer " + s }

	first := phone.ask("REGISTER", "2001", "2001", "User-Agent: Softphone 2")
	if list := first.Lines("WWW-Authenticate"); first.Status != 401 || len(list) != 2 || !strings.HasPrefix(list[0], "Digest ") ||
		!strings.HasPrefix(list[1], `Bearer realm="pbx.internal", authz_server="`+l.p.issuer+`", scope="sip"`) {
		t.Fatalf("%d %q", first.Status, list)
	}
	if r := phone.ask("REGISTER", "2001", "2001", bearer(good+"x")); r.Status != 401 || !strings.Contains(r.Get("WWW-Authenticate"), `error="invalid_token"`) {
		t.Errorf("forged: %d %s", r.Status, r.Get("WWW-Authenticate"))
	}
	if r := phone.ask("REGISTER", "2001", "2001", bearer(narrow)); r.Status != 403 || !strings.Contains(r.Get("WWW-Authenticate"), `error="insufficient_scope"`) {
		t.Errorf("no scope: %d %s", r.Status, r.Get("WWW-Authenticate"))
	}
	for _, other := range []string{"2002", "9999"} { // somebody else's, and nobody's
		if r := phone.ask("REGISTER", other, other, bearer(good)); r.Status != 403 {
			t.Errorf("%s with Tanaka's token: %d", other, r.Status)
		}
	}
	if r := l.stream("tcp", nil).ask("REGISTER", "2001", "2001", bearer(good)); r.Status != 401 || strings.Contains(strings.Join(r.Lines("WWW-Authenticate"), ""), "Bearer") {
		t.Errorf("over TCP: %d %q", r.Status, r.Lines("WWW-Authenticate"))
	}
	r := phone.ask("REGISTER", "2001", "2001", bearer(good))
	if cs, err := r.Contacts(); r.Status != 200 || err != nil || len(cs) != 1 {
		t.Fatalf("%d %v", r.Status, err)
	}
	if b := l.p.registrar.Bindings("2001@pbx.internal"); len(b) != 1 || time.Until(b[0].Expires) > 10*time.Minute || !strings.HasPrefix(b[0].Proof, "token:admin/") {
		t.Errorf("the binding outlives its token: %+v", b)
	}
	if r := phone.ask("INVITE", "2001", "2002", bearer(good)); r.Status != 480 { // nobody is there, but it may call
		t.Errorf("INVITE: %d", r.Status)
	}
	if r := phone.ask("INVITE", "2002", "2001", bearer(good)); r.Status != 403 {
		t.Errorf("INVITE as somebody else: %d", r.Status)
	}
	mine.User = "" // it is not the person's any more
	l.put(mine)
	waitFor(t, func() bool { return len(l.p.registrar.Bindings("2001@pbx.internal")) == 0 })
	if r := phone.ask("REGISTER", "2001", "2001", bearer(good)); r.Status != 403 {
		t.Errorf("after the extension was taken away: %d", r.Status)
	}
}

// authority signs client certificates.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{t, &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}, key}
	der, err := x509.CreateCertificate(rand.Reader, a.cert, a.cert, key.Public(), key)
	if err == nil {
		a.cert, err = x509.ParseCertificate(der)
	}
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// phone gives a client configuration with a certificate for those names.
func (a *authority) phone(uris []string, hosts ...string) *tls.Config {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: a.cert.NotBefore, NotAfter: a.cert.NotAfter, DNSNames: hosts,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	for _, s := range uris {
		u, err := url.Parse(s)
		if err != nil {
			a.t.Fatal(err)
		}
		c.URIs = append(c.URIs, u)
	}
	der, err := x509.CreateCertificate(rand.Reader, c, a.cert, key.Public(), a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return &tls.Config{InsecureSkipVerify: true, Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}} // the switch is not what is looked at
}

// TestCertificateSignsAPhoneIn: over real TLS, without a password.
func TestCertificateSignsAPhoneIn(t *testing.T) {
	t.Parallel()
	ours, strange := newAuthority(t), newAuthority(t)
	l := newLab(t, func(c *Config) {
		c.SIP.ClientCA = filepath.Join(t.TempDir(), "phones.crt")
		if err := os.WriteFile(c.SIP.ClientCA, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ours.cert.Raw}), 0o600); err != nil {
			t.Fatal(err)
		}
	})
	l.put(provisioning.Extension{Number: "2002", Media: "srtp-preferred", Certificate: "phone-7.device.example"}, provisioning.Extension{Number: "2003", Media: "srtp-preferred", Disabled: true})
	for _, c := range []struct {
		name   string
		cfg    *tls.Config
		as     string
		status int
	}{
		{"its own", ours.phone([]string{"sip:2001@pbx.internal"}), "2001", 200},
		{"one of several", ours.phone([]string{"https://example.com", "sips:2009@pbx.internal", "sip:2001@pbx.internal"}), "2001", 200},
		{"by its device name", ours.phone(nil, "Phone-7.device.example"), "2002", 200},
		{"another's", ours.phone([]string{"sip:2001@pbx.internal"}), "2002", 403},
		{"of an unknown CA", strange.phone([]string{"sip:2001@pbx.internal"}), "2001", 403},
		{"device name of an unknown CA", strange.phone(nil, "phone-7.device.example"), "2002", 403},
		{"disabled", ours.phone([]string{"sip:2003@pbx.internal"}), "2003", 403},
		{"nobody", ours.phone([]string{"sip:2999@pbx.internal"}), "2999", 403},
		{"of another domain: asked for a password", ours.phone([]string{"sip:2001@other.example"}), "2001", 401},
		{"of a maker: asked for a password", strange.phone(nil, "aa-bb.maker.example"), "2001", 401},
		{"none: asked for a password", &tls.Config{InsecureSkipVerify: true}, "2001", 401}, // the switch is not what is looked at
	} {
		phone := l.stream("tls", c.cfg)
		if r := phone.ask("REGISTER", c.as, c.as); r.Status != c.status {
			t.Errorf("%s: REGISTER %d, want %d", c.name, r.Status, c.status)
		}
		want := c.status
		if want == 200 {
			want = 404 // proven, and there is no 2004
		}
		if r := phone.ask("INVITE", c.as, "2004"); r.Status != want {
			t.Errorf("%s: INVITE %d, want %d", c.name, r.Status, want)
		}
		_ = phone.c.Close()
	}
}
