package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image"
	_ "image/png"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/makiuchi-d/gozxing"
	zxing "github.com/makiuchi-d/gozxing/qrcode"

	"naisen/provisioning"
	"naisen/provisioning/enrol"
	"naisen/sip"
	"naisen/sip/auth"
	"naisen/sip/push/pushtest"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

// fmcLab is a switch whose people and push service docs/fmc.md speaks of: 2001 is taro's, 2002 somebody else's.
type fmcLab struct {
	*lab
	fcm   *pushtest.FCM
	roots *x509.CertPool
	dir   string
	env   []string
}

func newFMCLab(t *testing.T) *fmcLab {
	t.Helper()
	f := &fmcLab{fcm: pushtest.NewFCM(t), roots: x509.NewCertPool(), dir: t.TempDir()}
	cert, key, _ := files(t, t.TempDir(), "127.0.0.1")
	text, err := os.ReadFile(cert)
	if err != nil || !f.roots.AppendCertsFromPEM(text) {
		t.Fatal("no certificate", err)
	}
	f.lab = newLab(t, func(c *Config) {
		c.SIP.Certificate, c.SIP.Key, c.HTTP.Certificate, c.HTTP.Key = cert, key, cert, key
		c.HTTP.URL = "https://pbx.ward.example.jp"
		c.Push.FCM = FCMConfig{Account: Secret{value: string(f.fcm.Account)}, base: f.fcm.URL, tokenURI: f.fcm.TokenURI(), transport: f.fcm.Transport()}
	})
	f.put(provisioning.User{Name: "taro", Roles: []provisioning.Role{provisioning.RoleStaff}}, provisioning.Extension{Number: "2001", User: "taro", Display: "Taro", Media: "srtp-preferred"})
	f.env = append(os.Environ(), "URL=https://"+f.p.http.addr.String(), "DOMAIN="+f.p.config.Domain, "CURL_CA_BUNDLE="+cert,
		"TOKEN="+f.token("admin", f.p.first.Admin.Reveal()), "STAFF_TOKEN="+f.token("taro", f.password("taro")))
	return f
}

// password of a person who has not signed in yet.
func (f *fmcLab) password(user string) string {
	f.t.Helper()
	once, err := f.p.identity.ResetPassword(f.t.Context(), provisioning.Subject{System: true}, f.p.config.Domain, user)
	if err != nil {
		f.t.Fatal(err)
	}
	return once
}

// token signs in for the first time.
func (f *fmcLab) token(user, password string) string {
	f.t.Helper()
	const chosen = "correct horse battery staple 9"
	v, page := f.signIn(user, password)
	return v.token(f.p.identity.Path(), v.fill(page, map[string]string{"password": chosen, "again": chosen}))
}

// client reaches the switch whatever name a URL has.
func (f *fmcLab) client() *http.Client {
	way := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: f.roots, ServerName: "127.0.0.1"}, DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, f.p.http.addr.String())
	}}
	f.t.Cleanup(way.CloseIdleConnections)
	return &http.Client{Transport: way}
}

// scriptedApp is the app that docs/fmc.md speaks of.
type scriptedApp struct {
	f       *fmcLab
	account enrol.Account
	s       *stream // nil: it sleeps
}

const (
	appToken = "app-token-of-the-smartphone-0001"
	appAgent = "User-Agent: NaisenApp/1.0"
)

// scan reads a picture of a code.
func scan(t *testing.T, picture []byte) string {
	t.Helper()
	img, _, err := image.Decode(bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	bitmap, err := gozxing.NewBinaryBitmapFromImage(img)
	if err != nil {
		t.Fatal(err)
	}
	read, err := zxing.NewQRCodeReader().Decode(bitmap, nil)
	if err != nil {
		t.Fatal(err)
	}
	return read.GetText()
}

// redeem shows a code as the document's last section says.
func (m *scriptedApp) redeem(link string) int {
	t := m.f.t
	t.Helper()
	u, err := url.Parse(link)
	if err != nil || u.Scheme != "https" || len(u.Fragment) < 26 {
		t.Fatalf("%v: a link of another form", err)
	}
	code := u.Fragment
	u.Fragment = ""
	body, _ := json.Marshal(enrol.Shown{Code: code, Title: "公用スマホ"})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, u.String(), bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "NaisenApp/1.0")
	resp, err := m.f.client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode == http.StatusOK {
		if err := json.Unmarshal(text, &m.account); err != nil {
			t.Fatal(err)
		}
	}
	return resp.StatusCode
}

// connect opens the app's connection to the outbound proxy that it was given.
func (m *scriptedApp) connect() {
	m.f.t.Helper()
	at, err := sip.ParseURI(m.account.Proxy)
	if err != nil || at.Scheme != "sip" || m.account.Transport != "tls" || fmt.Sprintf("%s:%d", at.Host, at.Port) != m.f.at("tls").String() {
		m.f.t.Fatalf("outbound proxy %q, %v", m.account.Proxy, err)
	}
	m.s = m.f.stream("tls", &tls.Config{RootCAs: m.f.roots, ServerName: "127.0.0.1"})
}

// register says where the app is, and how it is woken; the status is that of the last answer.
func (m *scriptedApp) register() int {
	m.f.t.Helper()
	lines := []string{appAgent, fmt.Sprintf(`Contact: <sip:2001@127.0.0.1:9;transport=tls;pn-provider=fcm;pn-param=%s;pn-prid=%s>;+sip.instance="<urn:uuid:0c67446e-f1a1-11d9-94d3-000a95a0e128>"`,
		m.f.fcm.Project, appToken)}
	resp := m.s.ask("REGISTER", m.account.Extension, m.account.Extension, lines...)
	if resp.Status != 401 {
		return resp.Status
	}
	resp = m.s.ask("REGISTER", m.account.Extension, m.account.Extension, append(lines, m.authorization(resp, "REGISTER", sip.URI{Scheme: "sip", Host: m.f.p.config.Domain}))...)
	return resp.Status
}

func (m *scriptedApp) authorization(challenge *stack.Response, method string, to sip.URI) string {
	m.f.t.Helper()
	req := stack.NewRequest(method, to)
	if err := auth.Authorize(req, challenge, auth.ClientCredential{User: m.account.Username, Secret: m.account.Password, Realm: m.account.Realm}, nil); err != nil {
		m.f.t.Fatal(err)
	}
	return "Authorization: " + req.Get("Authorization")
}

// do is a step of the document.
func (m *scriptedApp) do(step string) {
	t := m.f.t
	t.Helper()
	switch verb, with, _ := strings.Cut(step, " "); {
	case step == "enrol again claim.png":
		if got := m.redeem(m.f.picture("claim.png")); got != http.StatusNotFound {
			t.Errorf("the code was taken twice: %d", got)
		}
	case verb == "enrol":
		if got := m.redeem(m.f.picture(with)); got != http.StatusOK {
			t.Fatalf("the code is not taken: %d", got)
		}
		if a := m.account; a.Extension != "2001" || a.Media != "srtp-required" || !slices.Contains(a.Push, `+sip.pns="fcm"`) || len(a.Password) < 26 || a.AOR != "sip:2001@"+m.f.p.config.Domain {
			t.Errorf("%s %s %s %v", a.Extension, a.Media, a.AOR, a.Push)
		}
		m.f.fcm.Register(appToken)
		m.connect()
		if got := m.register(); got != 200 {
			t.Fatalf("REGISTER %d", got)
		}
	case step == "sleep":
		m.sleep()
	case step == "take a call from 2002":
		m.takeCall()
	case step == "call 2002":
		m.call("2002")
	case step == "refused":
		awaitBindings(t, m.f.p, "2001", 0)
		m.connect()
		if got := m.register(); got != 401 {
			t.Errorf("an account that was taken away registers: %d", got)
		}
	default:
		t.Errorf("the document wants %q, which nobody knows how to do", step)
	}
}

func (f *fmcLab) picture(name string) string {
	f.t.Helper()
	text, err := os.ReadFile(filepath.Join(f.dir, name))
	if err != nil {
		f.t.Fatal(err)
	}
	return scan(f.t, text)
}

// awaitBindings waits until an extension has so many.
func awaitBindings(t *testing.T, p *pbx, number string, n int) {
	t.Helper()
	w := p.registrar.Watch(64)
	defer w.Close()
	patience, cancel := context.WithTimeout(t.Context(), siptest.Patience)
	defer cancel()
	for len(p.registrar.Bindings(number+"@"+p.config.Domain)) != n {
		select {
		case <-w.C():
		case <-patience.Done():
			t.Fatalf("%d bindings, want %d", len(p.registrar.Bindings(number+"@"+p.config.Domain)), n)
		}
	}
}

// sleep closes the connection; the binding stays, and the switch knows that it must be woken.
func (m *scriptedApp) sleep() {
	t := m.f.t
	t.Helper()
	if err := m.s.c.Close(); err != nil {
		t.Fatal(err)
	}
	m.s = nil
	for began := time.Now(); time.Since(began) < siptest.Patience; runtime.Gosched() {
		if d := (phones{m.f.p.dialler}).Devices(m.f.p.config.Domain, "2001"); len(d) == 1 && d[0].Asleep && d[0].Woken == "fcm" {
			return
		}
	}
	t.Fatal("the app does not sleep")
}

// takeCall: 2002 calls, Google wakes the app over HTTPS, the app opens a new connection, registers, and the call comes over it.
func (m *scriptedApp) takeCall() {
	t := m.f.t
	t.Helper()
	woken := make(chan pushtest.Delivery, 1)
	m.f.fcm.OnDelivery(func(d pushtest.Delivery) { woken <- d })
	caller := m.f.phone("2002", netip.MustParseAddr("127.0.0.1"))
	defer caller.Close()
	inv := m.f.authorised(caller, callTo(caller, "2001"))
	select {
	case d := <-woken:
		if d.PRID != appToken || strings.Contains(fmt.Sprint(d.Data), "2002") {
			t.Errorf("pushed %+v", d)
		}
	case <-time.After(siptest.Patience):
		t.Fatal("nobody was woken")
	}
	m.connect()
	if got := m.register(); got != 200 {
		t.Fatalf("woken: REGISTER %d", got)
	}
	in, ok := m.s.invited(siptest.Patience)
	if !ok {
		t.Fatal("the call did not come")
	}
	m.s.accept(in)
	ok200 := caller.ExpectStatus(200, "INVITE")
	caller.Ack(inv, ok200)
	if !strings.Contains(string(in.Body), "RTP/SAVP") {
		t.Errorf("the offer over TLS is %.300s", in.Body)
	}
	m.s.hangUp(in)
	caller.Reply(caller.Expect("BYE"), 200, nil)
}

// call: the number that is shown is the extension's.
func (m *scriptedApp) call(number string) {
	t := m.f.t
	t.Helper()
	other := m.f.phone(number, netip.MustParseAddr("127.0.0.1"))
	defer other.Close()
	other.Register(3600)
	resp := m.s.ask("INVITE", m.account.Extension, number, appAgent)
	if resp.Status != 401 {
		t.Fatalf("INVITE %d", resp.Status)
	}
	rang := make(chan *stack.Request, 1)
	go func() {
		defer close(rang)
		if m, ok := other.Read(siptest.Patience); ok && m.Request != nil {
			other.Reply(m.Request, 486, nil)
			rang <- m.Request
		}
	}()
	resp = m.s.ask("INVITE", m.account.Extension, number, appAgent, m.authorization(resp, "INVITE", sip.URI{Scheme: "sip", User: number, Host: m.f.p.config.Domain}))
	if in := <-rang; in == nil || in.Method != "INVITE" || in.From().URI.User != "2001" || resp.Status != 486 {
		t.Errorf("%d, %v rang", resp.Status, in)
	}
}

// accept answers a call with SRTP keys of its own.
func (s *stream) accept(r *stack.Request) {
	s.t.Helper()
	suite := regexp.MustCompile(`a=crypto:(\d+) (\S+) `).FindSubmatch(r.Body)
	if suite == nil {
		s.t.Fatalf("no keys in %.300s", r.Body)
	}
	sizes := map[string]int{"AEAD_AES_128_GCM": 28, "AEAD_AES_256_GCM": 44, "AES_CM_128_HMAC_SHA1_80": 30}
	key := make([]byte, sizes[string(suite[2])])
	_, _ = rand.Read(key)
	body := fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40002 RTP/SAVP 0\r\na=rtpmap:0 PCMU/8000\r\na=crypto:%s %s inline:%s\r\n",
		suite[1], suite[2], base64.StdEncoding.EncodeToString(key))
	fmt.Fprintf(s.c, "SIP/2.0 200 OK\r\n%sVia: %s\r\nFrom: %s\r\nTo: %s;tag=app\r\nCall-ID: %s\r\nCSeq: %s\r\nContact: <sip:2001@127.0.0.1:9;transport=tls>\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s",
		recordRoutes(r), r.Get("Via"), r.Get("From"), r.Get("To"), r.CallID(), r.Get("CSeq"), len(body), body)
}

func recordRoutes(r *stack.Request) (out string) {
	for _, line := range r.Lines("Record-Route") {
		out += "Record-Route: " + line + "\r\n"
	}
	return out
}

// hangUp ends a call that was accepted.
func (s *stream) hangUp(r *stack.Request) {
	s.t.Helper()
	contacts, err := r.Contacts()
	if err != nil || len(contacts) != 1 {
		s.t.Fatal("no contact", err)
	}
	fmt.Fprintf(s.c, "BYE %s SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:9;branch=z9hG4bK%s\r\nMax-Forwards: 70\r\nFrom: %s;tag=app\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n",
		contacts[0].URI, rand.Text(), r.Get("To"), r.Get("From"), r.CallID())
	for {
		text := s.message()
		if strings.HasPrefix(text, "SIP/2.0 200 ") {
			return
		}
		if !strings.HasPrefix(text, "ACK ") {
			s.t.Fatalf("instead of the BYE's 200: %.200s", text)
		}
	}
}

// message is the next one without a body.
func (s *stream) message() string {
	s.t.Helper()
	_ = s.c.SetReadDeadline(time.Now().Add(siptest.Patience))
	var text []byte
	for b := make([]byte, 1); !strings.HasSuffix(string(text), "\r\n\r\n"); {
		if _, err := s.c.Read(b); err != nil {
			s.t.Fatalf("%v after %q", err, text)
		}
		text = append(text, b[0])
	}
	return string(text)
}

// TestFMCDocument does what docs/fmc.md says, in its order.
func TestFMCDocument(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"bash", "curl", "base64", "sed"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("the document's commands need %s", tool)
		}
	}
	document, err := os.ReadFile(filepath.Join("..", "..", "docs", "fmc.md"))
	if err != nil {
		t.Fatal(err)
	}
	f := newFMCLab(t)
	m := &scriptedApp{f: f}
	commands, steps := 0, 0
	for _, part := range regexp.MustCompile("(?ms)^```sh\n(.*?)^```$|^<!-- app: (.*?) -->$").FindAllStringSubmatch(string(document), -1) {
		if part[2] != "" {
			m.do(part[2])
			steps++
		} else {
			f.shell(part[1])
			commands++
		}
		if t.Failed() {
			t.Fatalf("at %q", part[0])
		}
	}
	if commands != 4 || steps != 6 {
		t.Errorf("%d blocks of commands and %d steps", commands, steps)
	}
}

// shell runs commands of the document.
func (f *fmcLab) shell(text string) {
	f.t.Helper()
	cmd := exec.CommandContext(f.t.Context(), "bash", "-e", "-o", "pipefail", "-c", text)
	cmd.Dir, cmd.Env = f.dir, f.env
	if out, err := cmd.CombinedOutput(); err != nil {
		f.t.Fatalf("%v: %s\n%s", err, text, out)
	}
}

// TestEnrolmentGuesses: who guesses codes is slowed, and an operator is told; the answer is the same for a domain that is not there. An account that is
// right is not: its extension's other owner and its leaver end it, and it is good for its own extension alone.
func TestEnrolmentGuesses(t *testing.T) {
	t.Parallel()
	f := newFMCLab(t)
	m := &scriptedApp{f: f}
	f.shell(`curl -sSf -X POST "$URL/v1/domains/$DOMAIN/extensions/2001/softphone-claim" -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d '{}' -o claim.json`)
	var claim struct{ URL string }
	text, err := os.ReadFile(filepath.Join(f.dir, "claim.json"))
	if err != nil || json.Unmarshal(text, &claim) != nil {
		t.Fatal(err)
	}
	at, _, _ := strings.Cut(claim.URL, "#")
	statuses := map[int]int{}
	for i := range manyCodes + 5 {
		link := at
		if i%2 == 1 {
			link = strings.Replace(at, f.p.config.Domain, "elsewhere.example", 1)
		}
		statuses[m.redeem(link+"#"+rand.Text())]++
	}
	if statuses[404] == 0 || statuses[429] == 0 || len(statuses) != 2 || !f.alarmed("enrolment-guesses") {
		t.Errorf("%v, alarm %v", statuses, f.alarmed("enrolment-guesses"))
	}
	if got := m.redeem(claim.URL); got != 200 {
		t.Fatalf("the right code, from where others guess: %d", got)
	}
	m.connect()
	f.fcm.Register(appToken)
	if got := m.register(); got != 200 {
		t.Fatalf("REGISTER %d", got)
	}
	mine := m.account.Extension
	m.account.Extension = "2002"
	if got := m.register(); got != 403 {
		t.Errorf("as somebody else's extension: %d", got)
	}
	m.account.Extension = mine
	f.put(provisioning.User{Name: "hana"}, provisioning.Extension{Number: "2001", User: "hana", Media: "srtp-preferred"})
	awaitBindings(t, f.p, "2001", 0)
	m.connect()
	if got := m.register(); got != 401 {
		t.Errorf("the extension is somebody else's: %d", got)
	}
}
