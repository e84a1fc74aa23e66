package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"naisen/loadtest/bulk"
	"naisen/loadtest/callgen/process"
)

const wakingMethod = "Softphones register with a push service (RFC 8599) and sleep. What they cost while nobody calls is the switch's processor time in half a minute, beside that without any, and its " +
	"goroutines. Then each is called once, 20 calls/s: from the caller's INVITE with credentials until the app's kernel has its INVITE, plus from the app's 200 until the caller's kernel has its own. In between " +
	"lie the push over HTTPS, the app's REGISTER, its challenge and the answer. Push service and app do their part at once, and their time is in the figure: it is more than the switch adds."

// measureWaking is wake-to-ring of the whole switch, and what sleeping devices cost.
func measureWaking(ctx context.Context, l *lab) (*table, error) {
	t := &table{}
	for range l.runs {
		if err := wakingOnce(ctx, l, t); err != nil {
			return t, err
		}
	}
	return t, nil
}

func wakingOnce(ctx context.Context, l *lab, t *table) error {
	p, err := newPushService(l.dir)
	if err != nil {
		return err
	}
	defer p.close()
	s, err := l.startWith(ctx, append([]string{"env", "GOMAXPROCS=1", "SSL_CERT_FILE=" + p.cert, "HTTPS_PROXY=http://" + p.proxy}, l.pin()...), p.yaml())
	if err != nil {
		return err
	}
	defer s.stop()
	devices := scale(l, 500, 60)
	if err := s.provision(ctx, devices+callers); err != nil {
		return err
	}
	if p.line, err = bulk.Open(loopback, s.udp(), s.Domain); err != nil {
		return err
	}
	defer p.line.Close()
	p.apps = s.callers[:devices]
	answers := bulk.Answer(p.line, netip.AddrPortFrom(outside, 40000))
	if err := s.sleepers(ctx, t, p, scale(l, 30*time.Second, 5*time.Second)); err != nil {
		return err
	}
	caller, err := bulk.Open(outside, s.udp(), s.Domain)
	if err != nil {
		return err
	}
	defer caller.Close()
	r := bulk.Paced(ctx, devices, 20, func(ctx context.Context, i int) (time.Duration, time.Duration, error) {
		c, err := caller.Call(ctx, s.callers[devices+i%callers], p.apps[i].User, answers, netip.AddrPortFrom(outside, 40000), 200*time.Millisecond)
		return c.Setup, c.Total, err
	})
	t.percentiles("wake-to-ring and answer", "≤ 50 ms", r)
	t.add("calls to apps that sleep, failed", "", "0", float64(r.Failed)).note = errText(r.First)
	woken, err := s.Metric(ctx, "naisen_held_woken_total")
	t.add("of them woken by a push", "", fmt.Sprint(devices), woken)
	return err
}

// sleepers registers the apps, waits until they count as asleep, and measures what that costs.
func (s *site) sleepers(ctx context.Context, t *table, p *pushService, window time.Duration) error {
	none, err := s.idle(ctx, window)
	if err != nil {
		return err
	}
	before, err := s.Metric(ctx, "go_goroutines")
	if err != nil {
		return err
	}
	r := bulk.Paced(ctx, len(p.apps), 100, func(ctx context.Context, i int) (time.Duration, time.Duration, error) { return p.register(ctx, i) })
	if r.Failed > 0 {
		return fmt.Errorf("report: %d apps did not register: %w", r.Failed, r.First)
	}
	if err := pause(ctx, 21*time.Second); err != nil { // until then an app counts as awake
		return err
	}
	many, err := s.idle(ctx, window)
	if err != nil {
		return err
	}
	after, err := s.Metric(ctx, "go_goroutines")
	t.add("idle switch, busy", "%", "", none)
	t.add(fmt.Sprintf("with %d apps that sleep, busy", len(p.apps)), "%", "", many)
	t.add("goroutines that they add", "", "0", after-before)
	return err
}

// idle is the share of a processor that the switch uses by itself, in percent.
func (s *site) idle(ctx context.Context, window time.Duration) (float64, error) {
	u1, s1, err := process.CPU(s.PID())
	if err != nil {
		return 0, err
	}
	if err := pause(ctx, window); err != nil {
		return 0, err
	}
	u2, s2, err := process.CPU(s.PID())
	return 100 * (u2 - u1 + s2 - s1).Seconds() / window.Seconds(), err
}

// pushService is a browser maker's push service (RFC 8030) and the apps that it wakes: each registers as soon as there is a message for it.
type pushService struct {
	cert, key string
	at, proxy string // addresses of the service, and of the proxy that leads there: by itself the switch connects to the internet alone
	servers   [2]*http.Server
	ended     chan error
	line      *bulk.Line
	apps      []bulk.Account

	work sync.WaitGroup // registrations of apps that were woken, and what the proxy carries
}

// pushHost is the service as the switch knows it; nobody resolves the name.
const pushHost = "push.example.jp"

func newPushService(dir string) (*pushService, error) {
	p := &pushService{cert: filepath.Join(dir, "push.crt"), key: filepath.Join(dir, "vapid.pem"), ended: make(chan error, 2)}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	own := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), DNSNames: []string{pushHost},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der, err := x509.CreateCertificate(rand.Reader, own, own, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	err = errors.Join(os.WriteFile(p.cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600),
		os.WriteFile(p.key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
	if err != nil {
		return nil, err
	}
	service, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	proxy, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(err, service.Close())
	}
	p.at, p.proxy = service.Addr().String(), proxy.Addr().String()
	p.servers = [2]*http.Server{
		{Handler: p, ReadHeaderTimeout: 10 * time.Second, TLSConfig: &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}},
		{Handler: http.HandlerFunc(p.lead), ReadHeaderTimeout: 10 * time.Second},
	}
	go func() { p.ended <- p.servers[0].ServeTLS(service, "", "") }()
	go func() { p.ended <- p.servers[1].Serve(proxy) }()
	return p, nil
}

// lead is the proxy: it carries what is for the service (RFC 9110 section 9.3.6), until that ends it.
func (p *pushService) lead(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect || r.Host != pushHost+":443" {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	far, err := net.Dial("tcp", p.at)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	near, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		_ = far.Close()
		return
	}
	_, _ = io.WriteString(near, "HTTP/1.1 200 OK\r\n\r\n")
	both := func() { _, _ = near.Close(), far.Close() }
	p.work.Go(func() { defer both(); _, _ = io.Copy(near, far) })
	p.work.Go(func() { defer both(); _, _ = io.Copy(far, near) })
}

func (p *pushService) yaml() string {
	return fmt.Sprintf("push:\n  web_push: {key: %q, contact: \"mailto:pbx@example.jp\", hosts: [%q]}\n", "file:"+p.key, pushHost)
}

func (p *pushService) close() {
	for _, s := range p.servers {
		_ = s.Close()
	}
	for range p.servers {
		<-p.ended
	}
	p.work.Wait()
}

// register says where the i-th app is and how it is woken.
func (p *pushService) register(ctx context.Context, i int) (time.Duration, time.Duration, error) {
	d, err := p.line.RegisterWith(ctx, p.apps[i], time.Hour, map[string]string{"pn-provider": "webpush", "pn-prid": fmt.Sprintf("https://%s/app/%d", pushHost, i)})
	return d, 0, err
}

// ServeHTTP takes a message, and the app comes.
func (p *pushService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, io.LimitReader(r.Body, 8<<10))
	var i int
	if _, err := fmt.Sscanf(r.URL.Path, "/app/%d", &i); err != nil || i < 0 || i >= len(p.apps) || !strings.HasPrefix(r.Header.Get("Authorization"), "vapid ") {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	w.WriteHeader(http.StatusCreated)
	p.work.Go(func() { _, _, _ = p.register(context.Background(), i) }) // what does not arrive, the caller misses
}
