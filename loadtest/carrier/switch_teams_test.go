package carrier

import (
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// direct is Teams with its three points and the switch as an SBC.
type direct struct {
	*lab
	points *Points
	three  []*UA
	port   uint16 // of the switch's TLS
}

// pemOf writes certificates and their keys.
func pemOf(t *testing.T, certs ...tls.Certificate) (chain, key []byte) {
	t.Helper()
	for _, c := range certs {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]})...)
	}
	der, err := x509.MarshalECPrivateKey(certs[0].PrivateKey.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	return chain, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})
}

func newDirect(t *testing.T) *direct {
	ca := certificate(t, "test CA", 0, nil)
	dir := t.TempDir()
	chain, key := pemOf(t, certificate(t, sbc, x509.ExtKeyUsageServerAuth, &ca))
	for name, b := range map[string][]byte{"sip.crt": chain, "sip.key": key} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	dns, options := named(t, "")
	options.SIP += fmt.Sprintf("\n  certificate: %s\n  key: %s", filepath.Join(dir, "sip.crt"), filepath.Join(dir, "sip.key"))
	d := &direct{lab: newLab(t, options), points: NewPoints(Tenant{FQDN: sbc})}
	roots := x509.NewCertPool()
	roots.AddCert(ca.Leaf)
	trust, _ := pemOf(t, ca)
	at := netip.MustParseAddrPort(d.pbx.TLS)
	text, sources := "", []string{}
	for _, name := range TeamsPoints {
		server, client := MutualTLS(certificate(t, name, x509.ExtKeyUsageServerAuth, &ca), roots, sbc)
		u := d.open(d.points.Teams(), Options{Local: netip.AddrPortFrom(host(), 5061), Remote: at, Transport: "tls", Host: name, ServerTLS: server, ClientTLS: client, Script: forks})
		d.three = append(d.three, u)
		text += fmt.Sprintf("%s. 60 IN A %s\n", name, u.Addr().Addr())
		sources = append(sources, u.Addr().Addr().String()+"/32")
	}
	d.peer, d.port = d.three[0], at.Port()
	dns.Set(t, text)
	d.trunk("teams", map[string]any{"host": TeamsPoints[0] + ":5061", "hosts": []string{TeamsPoints[1] + ":5061", TeamsPoints[2] + ":5061"}, "transport": "tls", "sources": sources, "contact_host": sbc, "from_host": sbc, "tls_trust": string(trust),
		"media": "srtp-required", "options_seconds": 60})
	return d
}

func (d *direct) in() Dial {
	return Dial{URI: fmt.Sprintf("sip:+81312345678@%s:%d;user=phone;transport=tls", sbc, d.port), From: "<sip:+819098765432@" + point + ";user=phone>"}
}

func TestSwitchTeams(t *testing.T) {
	d := newDirect(t)
	// OPTIONS both ways, to each point; and no point thinks that we are gone.
	for _, u := range d.three {
		_, err := u.Await(t.Context(), "OPTIONS", func(m *Message) bool { return m.Method == "OPTIONS" && m.Status == 0 })
		d.must(err)
		if u.Demoted(time.Now()) {
			t.Error("demoted")
		}
		me, they := fmt.Sprintf("sip:%s:%d;transport=tls", sbc, d.port), "<sip:"+point+">"
		d.must(fine(u.Ask(t.Context(), "OPTIONS", me, they, "<sip:"+sbc+">", word(), 1)))
	}
	d.calls(d.dial(abroad), d.in())
	d.replaced()
	d.transferred()
	d.declined()
	d.next()
	d.nothingLeft()
}

// replaced: Teams takes its own side of a call over by an INVITE with Replaces (RFC 3891), as after a transfer among its users. Nobody here
// notices; the old dialog is ended.
func (d *direct) replaced() {
	d.Helper()
	near, old := d.call(d.phone, d.peer, d.dial(abroad))
	in := d.in()
	in.Fields = headers("Require", "replaces", "Replaces", fmt.Sprintf("%s;to-tag=%s;from-tag=%s", old.ID, tagOf(old.remote), tagOf(old.local)))
	fresh, resp, err := d.peer.Call(d.Context(), in)
	d.must(fine(resp, err))
	_, err = old.Over(d.Context())
	d.must(err)
	d.both(near, fresh)
}

// transferred: a user of Teams sends our caller to another one by REFER to no user ("null transfer"); the parameters say whom, and come back in
// the Request-URI of a new call, with the long Referred-By as it was.
func (d *direct) transferred() {
	d.Helper()
	near, old := d.call(d.phone, d.peer, d.dial(abroad))
	id := strings.Repeat("0f1e2d3c-", 8)
	by := fmt.Sprintf("<sip:+819098765432@%s:5061;x-m=8:orgid:%s;x-t=%s;x-ti=%s;x-tt=%s>", point, id, id, id, id)
	to := fmt.Sprintf("<sip:%s:5061;transport=tls;x-m=8:orgid:%s;x-t=%s>", point, id, id)
	resp, err := old.Do(d.Context(), "REFER", nil, d.points.Refers(to, by)...)
	d.must(err)
	if resp.Status != 202 && resp.Status != 200 {
		d.Fatalf("%d to REFER", resp.Status)
	}
	fresh, err := d.peer.Incoming(d.Context(), old)
	d.must(err)
	_, err = d.peer.Await(d.Context(), "NOTIFY of success", func(m *Message) bool {
		return m.Method == "NOTIFY" && m.Status == 0 && strings.HasPrefix(string(m.Body), "SIP/2.0 200")
	})
	d.must(err)
	_, err = old.Over(d.Context()) // who transferred is let go
	d.must(err)
	if !transferTarget(&Seen{Message: fresh.Asks}) {
		d.Errorf("the new call goes to %s", fresh.Asks.URI)
	}
	d.both(near, fresh)
}

// declined: a person's 603 is the end of the call, at all three points.
func (d *direct) declined() {
	d.Helper()
	d.peer.SetScript(func(_ context.Context, c *Call) error {
		d.points.Declined(c.Asks)
		c.Reject(603)
		return nil
	})
	d.refused(d.dial("09011112222"), 603)
}

// next: a point that is out of service is left at once for the next one.
func (d *direct) next() {
	d.Helper()
	for _, u := range d.three[:2] {
		u.SetScript(func(_ context.Context, c *Call) error {
			c.Reject(503, headers("Retry-After", "60")...)
			return nil
		})
	}
	near, far := d.call(d.phone, d.three[2], d.dial("09033334444"))
	d.both(near, far)
}

// A stranger's certificate does not make a Teams point, whatever it says.
func TestSwitchTeamsStranger(t *testing.T) {
	d := newDirect(t)
	other := certificate(t, "other CA", 0, nil)
	roots := x509.NewCertPool()
	roots.AddCert(other.Leaf)
	server, client := MutualTLS(certificate(t, point, x509.ExtKeyUsageServerAuth, &other), roots, sbc)
	client.InsecureSkipVerify = true // it wants in, whoever answers
	u, err := New(Options{Local: at(host()), Remote: netip.MustParseAddrPort(d.pbx.TLS), Transport: "tls", Host: point, ServerTLS: server, ClientTLS: client}, plainClient(g711...))
	d.must(err)
	t.Cleanup(u.Close)
	if _, resp, err := u.Call(t.Context(), d.in()); err == nil && resp.Status/100 == 2 {
		t.Errorf("%d to a stranger", resp.Status)
	}
	d.nothingLeft()
}
