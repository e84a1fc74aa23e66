package store_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/approval"
	"naisen/provisioning/store"
	"naisen/provisioning/store/postgrestest"
)

// cutter stands between a store and its database, and cuts the next connection that asks to commit: before the server hears it, or after.
type cutter struct {
	port   int
	before atomic.Bool
	after  atomic.Bool
	cuts   atomic.Int64
}

func newCutter(t *testing.T, server int) *cutter {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cutter{port: l.Addr().(*net.TCPAddr).Port}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: server}).String())
			if err != nil {
				_ = in.Close()
				continue
			}
			answered := make(chan struct{})
			all.Go(func() { c.up(in, out, answered) })
			all.Go(func() {
				defer close(answered)
				_, _ = io.Copy(in, out)
				_ = in.Close()
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		all.Wait() // the store that used it is closed
	})
	return c
}

// up carries what the store says. A statement is small enough to come in one piece.
func (c *cutter) up(in, out net.Conn, answered <-chan struct{}) {
	defer func() { _ = errors.Join(in.Close(), out.Close()) }()
	buf := make([]byte, 64<<10)
	for {
		n, err := in.Read(buf)
		if err != nil {
			return
		}
		commits := bytes.Contains(buf[:n], []byte("commit\x00"))
		if commits && c.before.CompareAndSwap(true, false) {
			c.cuts.Add(1)
			return
		}
		if commits && c.after.CompareAndSwap(true, false) {
			c.cuts.Add(1)
			_ = in.Close() // before the answer
			_, _ = out.Write(buf[:n])
			<-answered // it was carried out, and there is nobody to tell
			return
		}
		if _, err := out.Write(buf[:n]); err != nil {
			return
		}
	}
}

// TestPostgresCommitWithoutAnswer: whoever asked for a change is told what became of it, also where the connection broke between the two.
func TestPostgresCommitWithoutAnswer(t *testing.T) {
	dir := t.TempDir()
	name := database(t, dir)
	c := newCutter(t, server(t).Port)
	s := openPostgresWith(t, dir, store.Config{Postgres: &store.Postgres{URL: server(t).TCP(name, c.port), Password: server(t).Password}})
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	seed(t, s, 0)
	c.after.Store(true)
	if err := retitle(t, s, "kept"); err != nil || c.cuts.Load() != 1 {
		t.Errorf("a change that was kept: %v, %d cuts", err, c.cuts.Load())
	}
	if title, err := titleOf(t, s); err != nil || title != "kept" {
		t.Errorf("%q, %v", title, err)
	}
	c.before.Store(true)
	if err := retitle(t, s, "lost"); !errors.Is(err, provisioning.ErrUnavailable) || c.cuts.Load() != 2 {
		t.Errorf("a change that was lost: %v, %d cuts", err, c.cuts.Load())
	}
	if title, err := titleOf(t, s); err != nil || title != "kept" {
		t.Errorf("%q, %v", title, err)
	}
	// What may be done twice is tried again.
	for _, cut := range []*atomic.Bool{&c.before, &c.after} {
		cut.Store(true)
		err := s.SaveBindings(t.Context(), []provisioning.BindingRow{{AOR: "1@a", Key: "k", Body: []byte("x"), Expires: time.Now().Add(time.Hour)}})
		rows, err2 := s.Bindings(t.Context())
		if err := errors.Join(err, err2); err != nil || len(rows) != 1 || cut.Load() {
			t.Errorf("%d bindings, %v", len(rows), err)
		}
	}
}

// TestPostgresFrozen: a database that hangs keeps its connections. What is under way there and what comes are refused in time, and it goes on when the
// database does.
func TestPostgresFrozen(t *testing.T) {
	dir := t.TempDir()
	pg := &store.Postgres{URL: server(t).URL(database(t, dir)), Password: server(t).Password, Late: time.Second, Silent: 2 * time.Second}
	a := openPostgresWith(t, dir, store.Config{Postgres: pg})
	defer func() { _ = a.Close() }()
	seed(t, a, 3)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var thaw sync.Once
	freed := func() {
		thaw.Do(func() {
			if err := server(t).Thaw(); err != nil {
				t.Error(err)
			}
		})
	}
	defer freed()
	err := a.Update(ctx, system(), func(w provisioning.Writer) error {
		if err := server(t).Freeze(); err != nil {
			t.Fatal(err)
		}
		_, err := w.Put("a.example", provisioning.Domain{Name: "a.example", Title: "lost"}, "")
		return err
	})
	if !errors.Is(err, provisioning.ErrUnavailable) {
		t.Errorf("a change under way: %v", err)
	}
	if err := a.View(ctx, func(provisioning.Reader) error { return nil }); !errors.Is(err, provisioning.ErrUnavailable) {
		t.Errorf("a view that comes: %v", err)
	}
	if !a.Away() || ctx.Err() != nil {
		t.Errorf("away %v, %v", a.Away(), ctx.Err())
	}
	freed()
	if err := retitle(t, a, "back"); err != nil {
		t.Error(err)
	}
	if title, err := titleOf(t, a); err != nil || title != "back" || a.Away() {
		t.Errorf("afterwards: %q, %v, away %v", title, err, a.Away())
	}
}

// TestPostgresJoins: a second node that has the first one's keys goes on where it is; one that has not is refused, and vouches for nothing.
func TestPostgresJoins(t *testing.T) {
	dir := t.TempDir()
	open := func(keys string) (*store.Store, error) {
		k, err := approval.Open(keys)
		if err != nil {
			t.Fatal(err)
		}
		return tryPostgres(t, dir, store.Config{Approver: k, Tampered: func(found store.Tampering) { t.Errorf("%s", found) }})
	}
	first := filepath.Join(dir, "first")
	a, err := open(first)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Close() }()
	seed(t, a, 1)
	err = a.Update(t.Context(), system(), func(w provisioning.Writer) error {
		_, err := w.Put("a.example", provisioning.RecordingPolicy{Name: "always", Record: provisioning.RecordAlways}, "")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	before, err := a.Counted(t.Context())
	if err != nil || len(before) == 0 {
		t.Fatalf("%v, %v", before, err)
	}
	if _, err := open(filepath.Join(dir, "stranger")); !errors.Is(err, store.ErrOtherKey) {
		t.Errorf("a node with keys of its own: %v", err)
	}
	second := filepath.Join(dir, "second")
	copyKey(t, first, second)
	b, err := open(second)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	after, err := b.Counted(t.Context())
	if err != nil || len(after) != len(before) {
		t.Errorf("%v, %v; were %v", after, err, before)
	}
	for list, n := range before {
		if after[list] != n {
			t.Errorf("%s was counted anew: %d, was %d", list, after[list], n)
		}
	}
	if found, err := b.Tampered(t.Context()); err != nil || len(found) != 0 {
		t.Errorf("%v, %v", found, err)
	}
	name := database(t, dir)
	if _, err := server(t).SQL(t.Context(), name, "UPDATE entity SET body = convert_to(replace(convert_from(body, 'UTF8'), 'always', 'never'), 'UTF8') WHERE kind = 'policy'"); err != nil {
		t.Fatal(err)
	}
	l, err := store.OpenLogPostgres(t.Context(), store.Postgres{URL: server(t).URL(name), Password: server(t).Password})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	k, err := approval.Open(second)
	if err != nil {
		t.Fatal(err)
	}
	if found, err := l.Tampered(t.Context(), k); err != nil || len(found) != 1 || found[0].Key != "always" || !strings.Contains(found[0].Why, "changed past") {
		t.Errorf("%v, %v", found, err)
	}
}

func copyKey(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(from, "approval.key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.MkdirAll(to, 0o700), os.WriteFile(filepath.Join(to, "approval.key"), text, 0o600)); err != nil {
		t.Fatal(err)
	}
}

// authority vouches for a server on this machine, or for another one.
func authority(t *testing.T, address net.IP) (pool *x509.CertPool, certificate, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "database"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{address}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	text, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool = x509.NewCertPool()
	pool.AddCert(parsed)
	return pool, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: text})
}

// TestPostgresTLS: a server for which nobody vouches, or which does not speak TLS, is none.
func TestPostgresTLS(t *testing.T) {
	good, certificate, key := authority(t, net.IPv4(127, 0, 0, 1))
	s, err := postgrestest.Start(t.Context(), certificate, key)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	dir := t.TempDir()
	try := func(pool *x509.CertPool, port int) error {
		st, err := tryPostgres(t, dir, store.Config{Postgres: &store.Postgres{URL: s.TCP("postgres", port), CA: pool, Password: s.Password}})
		if err == nil {
			seed(t, st, 1)
			err = st.Close()
		}
		return err
	}
	if err := try(good, s.Port); err != nil {
		t.Errorf("the right one: %v", err)
	}
	said, err := s.SQL(t.Context(), "postgres", "SELECT current_setting('ssl')")
	if err != nil || said != "on" {
		t.Fatalf("%q %v", said, err)
	}
	other, _, _ := authority(t, net.IPv4(127, 0, 0, 1))
	if err := try(other, s.Port); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("nobody vouches for it: %v", err)
	}
	if err := try(good, server(t).Port); err == nil || !strings.Contains(err.Error(), "TLS") {
		t.Errorf("it does not speak TLS: %v", err)
	}
}
