package acme

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"naisen/loadtest/peer"
	"naisen/sip/resolve/resolvetest"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

var program string

func TestMain(m *testing.M) { os.Exit(peer.Main(m, &program, 2)) }

const (
	names    = "[pbx.ward.example, sip.ward.example]"
	lasts    = 6 * time.Second // so long a certificate of the authority is good: it is renewed after four
	patience = 30 * time.Second
)

// rig is a switch on loopback whose certificates come from an authority.
type rig struct {
	*peer.PBX
	t     *testing.T
	https string
}

// newRig makes one; how it proves its names is in acme.
func newRig(t *testing.T) *rig {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "var", "certificates", "acme.pem")
	p, err := peer.NewPBX(program, dir, peer.Options{HTTP: fmt.Sprintf("certificate: %s\n  key: %s", file, file)})
	must(t, err)
	return &rig{PBX: p, t: t, https: strings.TrimPrefix(p.URL, "http://")}
}

func (r *rig) port() int { return int(netip.MustParseAddrPort(r.https).Port()) }

func (r *rig) start(a *authority, more string) {
	r.t.Helper()
	f, err := os.OpenFile(filepath.Join(r.Dir, "pbx.yaml"), os.O_APPEND|os.O_WRONLY, 0)
	must(r.t, err)
	_, err = fmt.Fprintf(f, "acme:\n  directory: %s\n  ca: %s\n  names: %s\n  accept_terms: true\n%s", a.directory, a.ca, names, more)
	must(r.t, err)
	must(r.t, f.Close())
	must(r.t, r.Run(r.t.Context()))
	r.t.Cleanup(r.Stop)
}

// dial makes a TLS connection and gives the certificate that it was shown.
func (r *rig) dial(addr string, protos ...string) (*tls.Conn, *x509.Certificate) {
	r.t.Helper()
	c, err := (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, ServerName: "sip.ward.example", NextProtos: protos}}).DialContext(r.t.Context(), "tcp", addr)
	must(r.t, err)
	r.t.Cleanup(func() { _ = c.Close() })
	conn := c.(*tls.Conn)
	return conn, conn.ConnectionState().PeerCertificates[0]
}

// vouched: the authority gave the certificate, for all of the names. It may have ended since, on a machine that is busy.
func vouched(root *x509.CertPool, chain []*x509.Certificate) error {
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	for _, name := range []string{"pbx.ward.example", "sip.ward.example"} {
		if _, err := chain[0].Verify(x509.VerifyOptions{DNSName: name, Roots: root, Intermediates: between, CurrentTime: chain[0].NotBefore}); err != nil {
			return err
		}
	}
	return nil
}

// shows waits until a listener shows a certificate of the authority, another one than before.
func (r *rig) shows(root *x509.CertPool, addr string, before *x509.Certificate) *x509.Certificate {
	r.t.Helper()
	var got *x509.Certificate
	var err error
	if late := peer.Until(patience, func() bool {
		c, leaf := r.dial(addr)
		err = vouched(root, c.ConnectionState().PeerCertificates)
		got = leaf
		_ = c.Close()
		return err == nil && (before == nil || !leaf.Equal(before))
	}); late != nil {
		r.t.Fatalf("%s: %v %v\n%s", addr, late, err, r.Output())
	}
	return got
}

// TestACME: names are proved by HTTP, certificates are got and renewed, and every listener shows the new one while a call over TLS and connections of
// browsers go on; an authority that is away is an alarm and takes nothing away.
func TestACME(t *testing.T) {
	t.Parallel()
	dns := resolvetest.Start(t, "pbx.ward.example. 60 IN A 127.0.0.1\nsip.ward.example. 60 IN A 127.0.0.1")
	challenges, err := peer.FreePort("127.0.0.1")
	must(t, err)
	r, inHandshake := newRig(t), newRig(t)
	a := startAuthority(t, dns.Addr.String(), challenges, inHandshake.port(), lasts)
	root := a.root(t)
	r.start(a, fmt.Sprintf("  listen: 127.0.0.1:%d\n", challenges))
	inHandshake.start(a, "")

	first := r.shows(root, r.TLS, nil)
	call, inv, answer := r.talk()
	web := r.web()
	socket := r.socket()
	for _, addr := range []string{r.TLS, r.WSS, r.https} {
		if r.shows(root, addr, first).SerialNumber.Cmp(first.SerialNumber) == 0 {
			t.Errorf("%s shows the old certificate", addr)
		}
	}
	if status, dialled := web(); status != http.StatusOK || dialled != 1 {
		t.Errorf("the browser's connection: %d, %d connections", status, dialled)
	}
	socket()
	call.Send(call.InDialog("BYE", inv, answer))
	call.ExpectStatus(200, "BYE")

	inHandshake.shows(root, inHandshake.https, nil)
	inHandshake.notServed("other.ward.example")
	r.secret()
	a.Kill()
	if err := peer.Until(patience, func() bool {
		v, err := r.Metric(t.Context(), `naisen_alarm{name="acme-failed"}`)
		return err == nil && v == 1
	}); err != nil {
		t.Fatalf("no alarm: %v\n%s", err, r.Output())
	}
	c, _ := r.dial(r.TLS)
	must(t, vouched(root, c.ConnectionState().PeerCertificates))
}

// talk brings a call up between two telephones, the caller's over TLS.
func (r *rig) talk() (caller *siptest.Phone, inv *stack.Request, answer *stack.Response) {
	r.t.Helper()
	conn, _ := r.dial(r.TLS)
	caller = siptest.NewPhone(r.t, "2001", siptest.Framed(conn), netip.MustParseAddrPort(r.TLS))
	caller.Transport = "tls"
	socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	must(r.t, err)
	called := siptest.NewPhone(r.t, "2002", socket, netip.MustParseAddrPort(r.UDP))
	for _, p := range []*siptest.Phone{caller, called} {
		p.Domain, p.Auth = r.Domain, siptest.Digest(p.Name, r.Passwords[p.Name])
		p.Register(3600)
	}
	inv = caller.NewRequest("INVITE", "2002")
	inv.SetBody("application/sdp", offer(caller, "RTP/SAVP", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"+strings.Repeat("A", 40)+"\r\n"))
	caller.Send(inv)
	challenge := caller.ExpectStatus(401, "INVITE")
	caller.Ack(inv, challenge)
	inv = caller.Again(inv)
	must(r.t, caller.Auth(inv, challenge))
	caller.Send(inv)
	called.Reply(called.Expect("INVITE"), 200, func(a *stack.Response) { a.SetBody("application/sdp", offer(called, "RTP/AVP", "")) })
	answer = caller.ExpectStatus(200, "INVITE")
	caller.Ack(inv, answer)
	called.Expect("ACK")
	return caller, inv, answer
}

func offer(p *siptest.Phone, profile, more string) []byte {
	a := p.Addr.Addr()
	return []byte(fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio 40000 %s 0\r\na=rtpmap:0 PCMU/8000\r\n%s", a, a, profile, more))
}

// web keeps a connection to HTTPS; what it gives asks on it once more, and says how many connections that took in all.
func (r *rig) web() func() (status, dialled int) {
	r.t.Helper()
	dialled := 0
	way := &http.Transport{DialTLSContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		dialled++
		return (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true}}).DialContext(ctx, network, addr)
	}}
	r.t.Cleanup(way.CloseIdleConnections)
	ask := func() (int, int) {
		r.t.Helper()
		req, err := http.NewRequestWithContext(r.t.Context(), "GET", "https://"+r.https+"/healthz", nil)
		must(r.t, err)
		resp, err := (&http.Client{Transport: way}).Do(req)
		must(r.t, err)
		_, err = io.Copy(io.Discard, resp.Body)
		must(r.t, err)
		must(r.t, resp.Body.Close())
		return resp.StatusCode, dialled
	}
	ask()
	return ask
}

// socket opens a WebSocket; what it gives sends a ping (RFC 6455 section 5.5.2) and wants the answer.
func (r *rig) socket() func() {
	r.t.Helper()
	c, _ := r.dial(r.WSS)
	must(r.t, c.SetDeadline(time.Now().Add(patience)))
	_, err := fmt.Fprintf(c, "GET /sip HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: sip\r\n\r\n", r.WSS)
	must(r.t, err)
	in := bufio.NewReader(c)
	resp, err := http.ReadResponse(in, nil)
	must(r.t, err)
	if resp.StatusCode != http.StatusSwitchingProtocols {
		r.t.Fatalf("WebSocket: %s", resp.Status)
	}
	return func() {
		r.t.Helper()
		_, err := c.Write([]byte{0x89, 0x80, 0, 0, 0, 0}) // masked by zeros
		must(r.t, err)
		var pong [2]byte
		if _, err := io.ReadFull(in, pong[:]); err != nil || pong != [2]byte{0x8a, 0} {
			r.t.Errorf("the WebSocket of before: %x %v", pong, err)
		}
	}
}

// notServed: who speaks as an authority does sees no certificate for a name that is not being proved.
func (r *rig) notServed(name string) {
	r.t.Helper()
	c, err := (&tls.Dialer{Config: &tls.Config{InsecureSkipVerify: true, ServerName: name, NextProtos: []string{"acme-tls/1"}}}).DialContext(r.t.Context(), "tcp", r.https)
	if err == nil {
		_ = c.Close()
		r.t.Error("a handshake for a proof of somebody else.s name succeeds")
	}
}

// secret: the key of the certificate and that of the account are nobody else's to read.
func (r *rig) secret() {
	r.t.Helper()
	for _, path := range []string{r.Var("certificates", "acme.pem"), r.Var("keys", "acme.key")} {
		info, err := os.Stat(path)
		must(r.t, err)
		if info.Mode().Perm() != 0o600 {
			r.t.Errorf("%s has mode %o", path, info.Mode().Perm())
		}
	}
}
