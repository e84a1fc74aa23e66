package unbox

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
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"naisen/loadtest/peer"
)

// makers are the five, with the beginning of their MACs and how their certificates name them.
var makers = []struct{ name, prefix, certificate string }{
	{"yealink", "805ec0", "%s"}, {"poly", "0004f2", "%s"}, {"grandstream", "000b82", "%s"}, {"panasonic", "bcc342", "%s"}, {"cisco", "00aa6e", "CP-8851-3PCC SEP%s"},
}

const (
	each    = 40 // telephones of a maker: half with its certificate, half with a claim code
	guesses = 1000
)

// authority is a maker's.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func issue(t *testing.T, name string, by *authority) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour)}
	a := authority{c, key}
	if by == nil {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage, by = true, true, x509.KeyUsageCertSign, &a
	}
	der, err := x509.CreateCertificate(rand.Reader, c, by.cert, key.Public(), by.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return a
}

// office is a switch that serves configurations, and the authorities of the makers.
type office struct {
	*peer.PBX
	t       *testing.T
	server  string // host:port of configurations
	makers  map[string]authority
	believe *x509.CertPool // the switch's own certificate
}

func newOffice(t *testing.T) *office {
	t.Helper()
	dir := t.TempDir()
	bin, err := peer.Build(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	o := &office{t: t, makers: map[string]authority{}, believe: x509.NewCertPool()}
	port, err := peer.FreePort("127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	o.server = fmt.Sprintf("127.0.0.1:%d", port)
	yaml := "devices:\n  listen: \"" + o.server + "\"\n  roots:\n"
	for _, m := range makers {
		o.makers[m.name] = issue(t, m.name+" Equipment Issuing CA", nil)
		path := filepath.Join(dir, m.name+".pem")
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: o.makers[m.name].cert.Raw}), 0o600); err != nil {
			t.Fatal(err)
		}
		yaml += "    " + m.name + ": " + path + "\n"
	}
	if o.PBX, err = peer.NewPBX(bin, dir, peer.Options{YAML: yaml, HTTP: "rate_per_user: 5000", SIP: "rate_per_source: 1000\n  connections_per_source: 500"}); err != nil {
		t.Fatal(err)
	}
	if err := o.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		o.Stop()
		if t.Failed() {
			t.Log(o.Output())
		}
	})
	if err := o.SignIn(t.Context()); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(o.Var("certificates", "sip.crt"))
	if err != nil || !o.believe.AppendCertsFromPEM(text) {
		t.Fatal("no certificate", err)
	}
	return o
}

func (o *office) ask(ctx context.Context, method, path string, body, into any) error {
	status, answer, err := o.Do(ctx, method, path, body)
	if err != nil {
		return err
	}
	if status >= 300 {
		return fmt.Errorf("%s %s: %d %s", method, path, status, answer)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer, into)
}

// unbox brings one telephone from its box to its registration. Nobody types anything but where the server is.
func (o *office) unbox(ctx context.Context, maker, n int) (net.Conn, error) {
	m := makers[maker]
	mac, number := fmt.Sprintf("%s%06x", m.prefix, n+1), fmt.Sprint(3000+maker*each+n)
	if err := o.ask(ctx, "PUT", "extensions/"+number, map[string]any{"display": "席 \"" + number + "\" <&>"}, nil); err != nil {
		return nil, err
	}
	if err := o.ask(ctx, "PUT", "devices/"+mac, map[string]any{"vendor": m.name, "lines": []map[string]string{{"extension": number}}, "keys": []map[string]string{{"kind": "blf", "value": "2001"}}}, nil); err != nil {
		return nil, err
	}
	p := &Phone{Vendor: m.name, MAC: mac, TLS: &tls.Config{RootCAs: o.believe}}
	server := "https://" + o.server + "/device/" + o.Domain + "/"
	if n%2 == 0 {
		ca := o.makers[m.name]
		cert := issue(o.t, fmt.Sprintf(m.certificate, strings.ToUpper(mac)), &ca)
		p.TLS.Certificates = []tls.Certificate{{Certificate: [][]byte{cert.cert.Raw}, PrivateKey: cert.key}}
	} else {
		var claim struct{ URL string }
		if err := o.ask(ctx, "POST", "devices/"+mac+"/claim", nil, &claim); err != nil {
			return nil, err
		}
		server = claim.URL
	}
	a, err := p.Unbox(ctx, server)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", m.name, mac, err)
	}
	if a.Number != number || !a.Secure || a.Domain != o.Domain {
		return nil, fmt.Errorf("%s %s: is told to be %s at %s, by TLS and SRTP %v", m.name, mac, a.Number, a.Domain, a.Secure)
	}
	c, err := p.Register(ctx, a, o.TLS)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", m.name, mac, err)
	}
	var report struct{ Drift []string }
	if err := o.ask(ctx, "GET", "devices/"+mac+"/report", nil, &report); err != nil || len(report.Drift) != 0 {
		return c, fmt.Errorf("%s %s differs from what it was told: %v %w", m.name, mac, report.Drift, err)
	}
	return c, nil
}

// TestTwoHundredTelephones: 200 of five makers, half of them by their maker's certificate and half by a claim code, are registered without anybody typing a
// secret; then a thousand guesses of paths give none and one alarm.
func TestTwoHundredTelephones(t *testing.T) {
	o := newOffice(t)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	began := time.Now()
	slots := make(chan struct{}, 8)
	var mu sync.Mutex
	var errs []error
	var open []net.Conn
	var wg sync.WaitGroup
	for maker := range makers {
		for n := range each {
			slots <- struct{}{}
			wg.Go(func() {
				defer func() { <-slots }()
				c, err := o.unbox(ctx, maker, n)
				mu.Lock()
				defer mu.Unlock()
				if c != nil {
					open = append(open, c)
				}
				if err != nil {
					errs = append(errs, err)
				}
			})
		}
	}
	wg.Wait()
	for _, c := range open {
		defer c.Close()
	}
	if len(errs) > 0 || len(open) != each*len(makers) {
		t.Fatalf("%d of %d registered, %d errors, the first: %v", len(open), each*len(makers), len(errs), errors.Join(errs[:min(3, len(errs))]...))
	}
	t.Logf("%d telephones from box to registration in %v", len(open), time.Since(began).Round(time.Millisecond))
	o.guess(ctx)
}

// guess asks for what nobody was given, from a host of its own.
func (o *office) guess(ctx context.Context) {
	o.t.Helper()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: o.believe}}}
	waits := 0
	for i := range guesses {
		m := makers[i%len(makers)]
		mac := fmt.Sprintf("%s%06x", m.prefix, i/len(makers)+1)
		path := []string{mac + ".cfg", "cfg" + mac + ".xml", fmt.Sprintf("%026d/%s.cfg", i, mac), mac + rand.Text() + "/" + mac + ".xml", "..%2f" + mac + ".cfg"}[i%5]
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+o.server+"/device/"+o.Domain+"/"+path, nil)
		if err != nil {
			o.t.Fatal(err)
		}
		resp, err := client.Do(req)
		if err != nil {
			o.t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		switch {
		case err != nil:
			o.t.Fatal(err)
		case resp.StatusCode == http.StatusTooManyRequests:
			waits++
		case resp.StatusCode != http.StatusNotFound || len(text) > 64:
			o.t.Fatalf("%s gives %d %s", path, resp.StatusCode, text)
		}
	}
	var alarms struct {
		Items []struct {
			Name string
			Ja   string
		}
	}
	if err := o.ask(ctx, "GET", "/v1/alarms", nil, &alarms); err != nil {
		o.t.Fatal(err)
	}
	found := 0
	for _, a := range alarms.Items {
		if a.Name == "device-guesses" && a.Ja != "" {
			found++
		}
	}
	if waits < guesses/2 || found != 1 {
		o.t.Errorf("%d of %d were told to wait, %d alarms", waits, guesses, found)
	}
}
