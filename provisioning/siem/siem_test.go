package siem

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"naisen/provisioning"
	"naisen/provisioning/audit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memory is a log in memory.
type memory struct {
	mu      sync.Mutex
	records []audit.Record
}

func (m *memory) AuditSize(context.Context) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return int64(len(m.records)), nil
}

func (m *memory) AuditRecords(_ context.Context, after int64, limit int) ([]audit.Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.records[min(int(after), len(m.records)):min(int(after)+limit, len(m.records))]), nil
}

func (m *memory) add(t testing.TB, entries ...provisioning.AuditEntry) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range entries {
		e.Seq = int64(len(m.records)) + 1
		leaf, e, err := audit.Canonical(e)
		if err != nil {
			t.Fatal(err)
		}
		m.records = append(m.records, audit.Record{Seq: e.Seq, Leaf: leaf, Entry: e})
	}
}

func some(n int) (out []provisioning.AuditEntry) {
	for i := range n {
		out = append(out, provisioning.AuditEntry{Time: time.Unix(1_800_000_000+int64(i), 5000), Domain: "a.example", Subject: "taro@a.example", Action: "extension.put",
			Object: fmt.Sprint(i), Outcome: "ok", Source: "192.0.2.1", Reason: "a=b|c\\d 苦情", Detail: map[string]any{"display": "山田"}})
	}
	return out
}

// authority signs certificates of the test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pool *x509.CertPool
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true,
		BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{key: key, pool: x509.NewCertPool()}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.pool.AddCert(a.cert)
	return a
}

func (a *authority) issue(t testing.TB, name string, use x509.ExtKeyUsage) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{use}}
	der, err := x509.CreateCertificate(rand.Reader, c, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// files writes a certificate and its key as PEM.
func files(t testing.TB, dir, name string, c tls.Certificate) (cert, key string) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(dir, name+".pem"), filepath.Join(dir, name+".key")
	if err := errors.Join(os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]}), 0o600),
		os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)); err != nil {
		t.Fatal(err)
	}
	return cert, key
}

// server is a log server of the test: it reads frames strictly by RFC 5425, and dies when it is told to.
type server struct {
	listener net.Listener
	got      chan []byte
	running  sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn
	dieAt int // messages after which a connection is cut, the last ones unread; 0: never
}

func serve(t testing.TB, l net.Listener) *server {
	s := &server{listener: l, got: make(chan []byte, 100_000)}
	s.running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns = append(s.conns, c)
			die := s.dieAt
			s.mu.Unlock()
			s.running.Go(func() { s.read(t, c, die) })
		}
	})
	t.Cleanup(s.stop)
	return s
}

func (s *server) stop() {
	_ = s.listener.Close()
	s.mu.Lock()
	for _, c := range s.conns {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.running.Wait()
}

func (s *server) read(t testing.TB, c net.Conn, die int) {
	defer c.Close()
	in := bufio.NewReader(c)
	for n := 1; die == 0 || n <= die; n++ {
		count, err := in.ReadString(' ')
		if err != nil {
			return
		}
		size, err := strconv.Atoi(strings.TrimSuffix(count, " "))
		if err != nil || size < 1 || size > maxMessage || count[0] == '0' {
			t.Errorf("no octet count: %q", count)
			return
		}
		m := make([]byte, size)
		if _, err := io.ReadFull(in, m); err != nil {
			return
		}
		s.got <- m
	}
}

// sequences reads messages until one is the last that is waited for.
func (s *server) sequences(t *testing.T, last int64) (out []int64) {
	t.Helper()
	limit := time.NewTimer(20 * time.Second)
	defer limit.Stop()
	for {
		select {
		case m := <-s.got:
			p := parse(t, m)
			if out = append(out, p.sequence); p.sequence == last {
				return out
			}
		case <-limit.C:
			t.Fatalf("entry %d did not come; %d did", last, len(out))
		}
	}
}

func exporter(t *testing.T, c Config) *Exporter {
	t.Helper()
	c.Name, c.Host, c.Version, c.Logger = "test", "pbx", "1.0", slog.New(slog.DiscardHandler)
	if c.Format == "" {
		c.Format = CEF
	}
	c.Poll = 10 * time.Millisecond
	if c.Settle == 0 {
		c.Settle = 20 * time.Millisecond
	}
	x, err := New(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(x.Close)
	return x
}

// settled waits until an entry counts as arrived.
func settled(t *testing.T, x *Exporter, seq int64) {
	t.Helper()
	limit := time.NewTimer(20 * time.Second)
	defer limit.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for x.Stats().Settled < seq {
		select {
		case <-tick.C:
		case <-limit.C:
			t.Fatalf("%+v", x.Stats())
		}
	}
}

// TestOverTLS: mutual TLS, in order; after a run has ended the next one goes on behind what settled.
func TestOverTLS(t *testing.T) {
	ca := newAuthority(t)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{ca.issue(t, "log.example", x509.ExtKeyUsageServerAuth)}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ca.pool})
	if err != nil {
		t.Fatal(err)
	}
	s, log := serve(t, l), &memory{}
	log.add(t, some(450)...)
	c := Config{Address: l.Addr().String(), Transport: TLS, Log: log, Cursor: filepath.Join(t.TempDir(), "export", "a.cursor"),
		TLS: &tls.Config{RootCAs: ca.pool, ServerName: "log.example", Certificates: []tls.Certificate{ca.issue(t, "pbx", x509.ExtKeyUsageClientAuth)}}}
	x := exporter(t, c)
	got := s.sequences(t, 450)
	settled(t, x, 450)
	x.Close()
	log.add(t, some(50)...)
	x = exporter(t, c)
	got = append(got, s.sequences(t, 500)...)
	for i, seq := range got {
		if seq != int64(i)+1 {
			t.Fatalf("message %d has sequence %d", i+1, seq)
		}
	}
	settled(t, x, 500)
	if st := x.Stats(); st.Waiting != 0 || st.Failure != "" {
		t.Errorf("%+v", st)
	}
}

// TestServerDies: a log server that dies with messages in its hands, again and again, has all of them in the end, each in its order where it first came.
func TestServerDies(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, log := serve(t, l), &memory{}
	s.mu.Lock()
	s.dieAt = 150
	s.mu.Unlock()
	log.add(t, some(300)...)
	x := exporter(t, Config{Address: l.Addr().String(), Transport: TCP, Log: log, Cursor: filepath.Join(t.TempDir(), "c"), Settle: 200 * time.Millisecond})
	s.sequences(t, 150)
	s.mu.Lock()
	s.dieAt = 0
	s.mu.Unlock()
	got := s.sequences(t, 300)
	if got[0] != 1 { // nothing had settled
		t.Errorf("it goes on at %d: what the server had in its hands is lost", got[0])
	}
	if !slices.IsSorted(got) || len(got) != 300 {
		t.Errorf("%d messages, in order: %v", len(got), slices.IsSorted(got))
	}
	settled(t, x, 300)
}

// TestRefused: a server that is not the one, or wants another client, gets nothing; the log waits and is told of.
func TestRefused(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	mine := ca.issue(t, "pbx", x509.ExtKeyUsageClientAuth)
	for name, c := range map[string]struct {
		by     *authority
		name   string
		client *x509.CertPool
		min    uint16
	}{
		"another authority": {other, "log.example", ca.pool, 0}, "another name": {ca, "evil.example", ca.pool, 0}, "another client": {ca, "log.example", other.pool, 0},
		"an old protocol": {ca, "log.example", ca.pool, tls.VersionTLS11},
	} {
		conf := &tls.Config{Certificates: []tls.Certificate{c.by.issue(t, c.name, x509.ExtKeyUsageServerAuth)}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: c.client}
		if c.min != 0 {
			conf.MinVersion, conf.MaxVersion = c.min, c.min
		}
		l, err := tls.Listen("tcp", "127.0.0.1:0", conf)
		if err != nil {
			t.Fatal(err)
		}
		s, log := serve(t, l), &memory{}
		log.add(t, some(3)...)
		x := exporter(t, Config{Address: l.Addr().String(), Transport: TLS, Log: log, Cursor: filepath.Join(t.TempDir(), "c"), Settle: time.Second,
			TLS: &tls.Config{RootCAs: ca.pool, ServerName: "log.example", Certificates: []tls.Certificate{mine}}})
		limit := time.NewTimer(10 * time.Second)
		tick := time.NewTicker(5 * time.Millisecond)
		for x.Stats().Failure == "" || x.Stats().Waiting != 3 {
			select {
			case <-tick.C:
			case <-limit.C:
				t.Fatalf("%s: %+v", name, x.Stats())
			}
		}
		tick.Stop()
		limit.Stop()
		if x.Close(); len(s.got) > 0 || x.Stats().Settled != 0 {
			t.Errorf("%s: %d messages, %+v", name, len(s.got), x.Stats())
		}
	}
}

// TestDatagrams: over UDP each entry is a datagram.
func TestDatagrams(t *testing.T) {
	c, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	log := &memory{}
	log.add(t, some(20)...)
	x := exporter(t, Config{Address: c.LocalAddr().String(), Transport: UDP, Format: OCSF, Log: log, Cursor: filepath.Join(t.TempDir(), "c")})
	room := make([]byte, 65535)
	for i := range 20 {
		if err := c.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, err := c.Read(room)
		if err != nil {
			t.Fatal(err)
		}
		if p := parse(t, room[:n]); p.sequence != int64(i)+1 {
			t.Errorf("datagram %d has sequence %d", i+1, p.sequence)
		}
	}
	settled(t, x, 20)
}

// TestNeverInTheClear: without TLS nothing leaves this machine unless the configuration says so, and no server goes unverified.
func TestNeverInTheClear(t *testing.T) {
	for _, c := range []struct {
		c    Config
		good bool
	}{
		{Config{Address: "127.0.0.1:514", Transport: UDP, Format: CEF}, true}, {Config{Address: "[::1]:514", Transport: TCP, Format: OCSF}, true},
		{Config{Address: "192.0.2.1:514", Transport: UDP, Format: CEF}, false}, {Config{Address: "localhost:514", Transport: TCP, Format: CEF}, false},
		{Config{Address: "192.0.2.1:514", Transport: TCP, Format: CEF, Clear: true}, true}, {Config{Address: "192.0.2.1:6514", Transport: TLS, Format: CEF, TLS: &tls.Config{}}, true},
		{Config{Address: "192.0.2.1:6514", Transport: TLS, Format: CEF}, false}, {Config{Address: "192.0.2.1:6514", Transport: TLS, Format: CEF, TLS: &tls.Config{InsecureSkipVerify: true}}, false},
		{Config{Address: "192.0.2.1", Transport: TLS, Format: CEF, TLS: &tls.Config{}}, false}, {Config{Address: "127.0.0.1:1", Transport: UDP, Format: "leef"}, false},
		{Config{Address: "127.0.0.1:1", Transport: "http", Format: CEF}, false},
	} {
		if err := c.c.Validate(); (err == nil) != c.good {
			t.Errorf("%+v: %v", c.c, err)
		}
	}
}

// TestCursor: a spoiled one stops the start, one behind the log's end goes on at its end.
func TestCursor(t *testing.T) {
	log, path := &memory{}, filepath.Join(t.TempDir(), "c")
	log.add(t, some(2)...)
	c := Config{Address: "127.0.0.1:1", Transport: TCP, Format: CEF, Log: log, Cursor: path, Logger: slog.New(slog.DiscardHandler)}
	for text, want := range map[string]int64{`{"seq":1}`: 1, `{"seq":9}`: 2, `{"seq":-1}`: -1, `x`: -1} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		x, err := New(t.Context(), c)
		if err != nil {
			if want >= 0 {
				t.Errorf("%s: %v", text, err)
			}
			continue
		}
		if got := x.Stats().Settled; got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
		x.Close()
	}
}

// places are where two processes remember how far the log was sent; one at a time sends it.
type places struct {
	mu   sync.Mutex
	seq  int64
	mine string
}

func (p *places) pass(to string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mine = to
}

// place is one process's.
type place struct {
	*places
	name string
}

func (p place) Load(context.Context) (int64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mine != p.name {
		return 0, ErrElsewhere
	}
	return p.seq, nil
}

func (p place) Save(_ context.Context, seq int64) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.mine != p.name {
		return ErrElsewhere
	}
	p.seq = seq
	return nil
}

// TestOneOfTwoSends: of two processes one sends; the other one goes on behind what settled, says that nothing waits as long as it rests, and nothing is lost
// where one of them is stopped in the middle.
func TestOneOfTwoSends(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, log, both := serve(t, l), &memory{}, &places{mine: "a"}
	log.add(t, some(300)...)
	c := Config{Address: l.Addr().String(), Transport: TCP, Log: log, Cursor: filepath.Join(t.TempDir(), "c")}
	one, two := c, c
	one.Place, two.Place = place{both, "a"}, place{both, "b"}
	b := exporter(t, two)
	a := exporter(t, one)
	s.sequences(t, 300)
	settled(t, a, 300)
	if st := b.Stats(); st.Sent != 0 || st.Waiting != 0 || st.Failure != "" {
		t.Errorf("who rests: %+v", st)
	}
	both.pass("b")
	log.add(t, some(50)...)
	got := s.sequences(t, 350)
	settled(t, b, 350)
	for want := int64(301); want <= 350; want++ {
		if !slices.Contains(got, want) {
			t.Errorf("entry %d is lost", want)
		}
	}
	if st := b.Stats(); st.Sent != 50 {
		t.Errorf("sent again: %+v", st)
	}
	if both.seq != 350 {
		t.Errorf("remembered %d", both.seq)
	}
}
