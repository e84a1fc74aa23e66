package store_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"naisen/provisioning"
	"naisen/provisioning/audit"
	"naisen/provisioning/secret"
	"naisen/provisioning/store"
	"naisen/provisioning/store/postgrestest"
	"naisen/provisioning/store/storetest"
)

// The tests share one server, which begins with the first one that needs it. Children of a test use their parent's.
const parentsPostgres = "NAISEN_STORETEST_POSTGRES"

var (
	ownPostgres    *postgrestest.Server // nil: none was started
	sharedPostgres = sync.OnceValues(func() (*postgrestest.Server, error) {
		if where := os.Getenv(parentsPostgres); where != "" {
			return postgrestest.At(where)
		}
		s, err := postgrestest.Start(context.Background(), nil, nil)
		if err == nil {
			ownPostgres = s
			err = os.Setenv(parentsPostgres, s.Where())
		}
		return s, err
	})
)

// withServer ends the server before leaks are looked for.
type withServer struct{ *testing.M }

func (m withServer) Run() int {
	code := m.M.Run()
	if ownPostgres != nil {
		if err := ownPostgres.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return code
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(withServer{m}) }

func server(t testing.TB) *postgrestest.Server {
	t.Helper()
	s, err := sharedPostgres()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// database is that of a folder, made if missing.
func database(t testing.TB, dir string) string {
	t.Helper()
	sum := sha256.Sum256([]byte(dir))
	name := "t" + hex.EncodeToString(sum[:8])
	if err := server(t).Make(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	return name
}

func openPostgres(t testing.TB, dir string) storetest.Backend {
	t.Helper()
	return openPostgresWith(t, dir, store.Config{})
}

func openPostgresWith(t testing.TB, dir string, cfg store.Config) *store.Store {
	t.Helper()
	s, err := tryPostgres(t, dir, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func tryPostgres(t testing.TB, dir string, cfg store.Config) (*store.Store, error) {
	t.Helper()
	keys, err := secret.OpenKeyring(filepath.Join(dir, "keys", "secrets.key"))
	if err != nil {
		t.Fatal(err)
	}
	cfg.Sealer = keys
	if cfg.Postgres == nil {
		cfg.Postgres = &store.Postgres{URL: server(t).URL(database(t, dir)), Password: server(t).Password}
	}
	return store.Open(t.Context(), cfg)
}

func TestPostgres(t *testing.T) { storetest.Run(t, openPostgres) }
func TestPostgresCrash(t *testing.T) {
	server(t) // which the children use, and do not take with them
	storetest.RunCrash(t, openPostgres, "TestPostgresCrashChild")
}
func TestPostgresCrashChild(t *testing.T) { storetest.CrashChild(t, openPostgres) }

func retitle(t testing.TB, s *store.Store, title string) error {
	t.Helper()
	return s.Update(t.Context(), system(), func(w provisioning.Writer) error {
		_, err := w.Put("a.example", provisioning.Domain{Name: "a.example", Title: title}, "")
		return err
	})
}

func titleOf(t testing.TB, s *store.Store) (title string, err error) {
	t.Helper()
	err = s.View(t.Context(), func(r provisioning.Reader) error {
		d, _, err := provisioning.Get[provisioning.Domain](r, "a.example", "a.example")
		title = d.Title
		return err
	})
	return title, err
}

// TestPostgresTellsNodes: a change at one node comes to the other by itself, whose own look at the table would come an hour later.
func TestPostgresTellsNodes(t *testing.T) {
	dir := t.TempDir()
	a, b := openPostgresWith(t, dir, store.Config{Poll: time.Hour}), openPostgresWith(t, dir, store.Config{Poll: time.Hour})
	defer func() {
		if err := errors.Join(a.Close(), b.Close()); err != nil {
			t.Error(err)
		}
	}()
	seed(t, b, 0)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var sent time.Time
	n := 0
	var slowest time.Duration
	for c, err := range a.Changes(ctx, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			slowest = max(slowest, time.Since(sent))
		}
		if n++; n == 20 {
			break
		}
		sent = time.Now()
		if err := retitle(t, b, fmt.Sprint(c.Version)); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("the slowest of %d changes, with its transaction: %s", n, slowest)
}

// TestPostgresTellsMoved: a node is told whose bindings another one changed, not of its own changes, and however many they are.
func TestPostgresTellsMoved(t *testing.T) {
	dir := t.TempDir()
	told := make(chan []string, 100)
	a := openPostgresWith(t, dir, store.Config{Node: "a", Moved: func(aors []string) { told <- aors }})
	b := openPostgresWith(t, dir, store.Config{Node: "b"})
	defer func() {
		if err := errors.Join(a.Close(), b.Close()); err != nil {
			t.Error(err)
		}
	}()
	if all := <-told; all != nil { // it listens
		t.Errorf("%v", all)
	}
	batch := func(node string) (rows []provisioning.BindingRow) {
		for i := range 500 {
			rows = append(rows, provisioning.BindingRow{AOR: fmt.Sprintf("%04d@a-department-of.the-ward.example", i), Key: "k", Node: node, Body: []byte("x"), At: time.Now(), Expires: time.Now().Add(time.Hour)})
		}
		return rows
	}
	if err := errors.Join(a.SaveBindings(t.Context(), batch("a")), b.SaveBindings(t.Context(), batch("b"))); err != nil {
		t.Fatal(err)
	}
	var got []string
	late := time.NewTimer(10 * time.Second)
	defer late.Stop()
	for len(got) < 500 {
		select {
		case aors := <-told:
			got = append(got, aors...)
		case <-late.C:
			t.Fatalf("told of %d", len(got))
		}
	}
	slices.Sort(got)
	if len(got) != 500 || got[0] != batch("b")[0].AOR || got[499] != batch("b")[499].AOR {
		t.Errorf("%d: %s to %s", len(got), got[0], got[len(got)-1])
	}
}

// TestPostgresGone: without its database a store says so at once, and keeps what it was told was kept; when the database is back everything goes on,
// other nodes' changes included.
func TestPostgresGone(t *testing.T) {
	dir := t.TempDir()
	a, b := openPostgresWith(t, dir, store.Config{Poll: time.Hour}), openPostgresWith(t, dir, store.Config{})
	defer func() {
		if err := errors.Join(a.Close(), b.Close()); err != nil {
			t.Error(err)
		}
	}()
	seed(t, a, 3)
	for name, stop := range map[string]func(){"stopped": server(t).Stop, "crashed": server(t).Crash} {
		if err := retitle(t, a, name); err != nil {
			t.Fatal(err)
		}
		stop()
		for what, err := range map[string]error{
			"update":   retitle(t, a, "lost"),
			"view":     a.View(t.Context(), func(provisioning.Reader) error { return nil }),
			"bindings": a.SaveBindings(t.Context(), []provisioning.BindingRow{{AOR: "1@a", Key: "k", Body: []byte("x"), Expires: time.Now().Add(time.Hour)}}),
			"tokens":   a.Hear(t.Context(), "https://x", "a", time.Now()),
		} {
			if !errors.Is(err, provisioning.ErrUnavailable) {
				t.Errorf("%s, %s: %v", name, what, err)
			}
		}
		if !a.Away() {
			t.Errorf("%s: nobody is told that it is away", name)
		}
		if err := server(t).Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if title, err := titleOf(t, a); err != nil || title != name {
			t.Errorf("%s: %q, %v", name, title, err)
		}
		if a.Away() {
			t.Errorf("%s: it is back, and nobody is told", name)
		}
		var after provisioning.Version
		err := a.View(t.Context(), func(r provisioning.Reader) error {
			after = r.Version()
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := retitle(t, b, "elsewhere"); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		for c, err := range a.Changes(ctx, after) {
			if err != nil || c.Version != after+1 {
				t.Errorf("%s: %+v, %v", name, c, err)
			}
			break
		}
		cancel()
	}
	if _, err := audit.Verify(t.Context(), a); err != nil {
		t.Error(err)
	}
}

// TestPostgresTurn: a writer whose turn does not come is refused in time, and nothing is done; who was cancelled is told that.
func TestPostgresTurn(t *testing.T) {
	dir := t.TempDir()
	a := openPostgresWith(t, dir, store.Config{})
	pg := &store.Postgres{URL: server(t).URL(database(t, dir)), Password: server(t).Password, Late: 200 * time.Millisecond}
	b := openPostgresWith(t, dir, store.Config{Postgres: pg})
	defer func() {
		if err := errors.Join(a.Close(), b.Close()); err != nil {
			t.Error(err)
		}
	}()
	seed(t, a, 0)
	held, release, done := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		done <- a.Update(t.Context(), system(), func(w provisioning.Writer) error {
			close(held)
			<-release
			_, err := w.Put("a.example", provisioning.Domain{Name: "a.example", Title: "first"}, "")
			return err
		})
	}()
	<-held
	if err := retitle(t, b, "second"); !errors.Is(err, provisioning.ErrUnavailable) {
		t.Errorf("a turn that does not come: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.Update(ctx, system(), func(provisioning.Writer) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if title, err := titleOf(t, b); err != nil || title != "" {
		t.Errorf("a reader beside a writer: %q, %v", title, err)
	}
	close(release)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if err := retitle(t, b, "third"); err != nil {
		t.Error(err)
	}
}

// TestPostgresAppendOnly: the database itself refuses to change the log, and Verify finds what was changed where it could not.
func TestPostgresAppendOnly(t *testing.T) {
	dir := t.TempDir()
	s := openPostgresWith(t, dir, store.Config{})
	defer func() { _ = s.Close() }()
	seed(t, s, 3)
	name := database(t, dir)
	for _, q := range []string{"UPDATE audit SET subject = 'x' WHERE seq = 2", "DELETE FROM audit WHERE seq = 4", "DELETE FROM audit", "TRUNCATE audit", "TRUNCATE audit_block",
		"INSERT INTO audit SELECT 2, at, domain, 'x', action, object, outcome, leaf, hashes FROM audit WHERE seq = 2 ON CONFLICT (seq) DO UPDATE SET subject = 'x'"} {
		if _, err := server(t).SQL(t.Context(), name, q); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s: %v", q, err)
		}
	}
	good, err := audit.Verify(t.Context(), s)
	if err != nil || good.Size != 4 {
		t.Fatalf("%v, %v", good, err)
	}
	if _, err := server(t).SQL(t.Context(), name, "ALTER TABLE audit DISABLE TRIGGER ALL; DELETE FROM audit WHERE seq = 3"); err != nil {
		t.Fatal(err)
	}
	l, err := store.OpenLogPostgres(t.Context(), store.Postgres{URL: server(t).URL(name), Password: server(t).Password})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if r, err := audit.Verify(t.Context(), l, audit.Checkpoint{Size: good.Size, Root: good.Root}); !errors.Is(err, audit.ErrBroken) || r.First != 3 {
		t.Errorf("%v, %v", r, err)
	}
}

// TestPostgresAuditIndex: a node's own index follows the log that all share.
func TestPostgresAuditIndex(t *testing.T) {
	dir := t.TempDir()
	a := openPostgresWith(t, dir, store.Config{Index: filepath.Join(dir, "index.db")})
	b := openPostgresWith(t, dir, store.Config{})
	defer func() {
		if err := errors.Join(a.Close(), b.Close()); err != nil {
			t.Error(err)
		}
	}()
	seed(t, b, 3)
	tick, late := time.NewTicker(20*time.Millisecond), time.NewTimer(10*time.Second)
	defer tick.Stop()
	defer late.Stop()
	for behind := int64(1); behind > 0; {
		select {
		case <-late.C:
			t.Fatal("the index does not follow")
		case <-tick.C:
		}
		var err error
		if behind, err = a.IndexBehind(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range []*store.Store{a, b} {
		page, err := s.SearchAudit(t.Context(), "a.example", provisioning.AuditSearch{AuditQuery: provisioning.AuditQuery{Object: "2002"}})
		if err != nil || len(page.Entries) != 1 || page.Entries[0].Action != "extension.put" {
			t.Errorf("%+v, %v", page, err)
		}
	}
}

// TestPostgresNewerSchema: a database of a newer program, or one that is not in UTF-8, is not touched.
func TestPostgresNewerSchema(t *testing.T) {
	dir := t.TempDir()
	if err := openPostgresWith(t, dir, store.Config{}).Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := server(t).SQL(t.Context(), database(t, dir), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, true)"); err != nil {
		t.Fatal(err)
	}
	if _, err := tryPostgres(t, dir, store.Config{}); !errors.Is(err, store.ErrNewer) {
		t.Errorf("opened a newer schema: %v", err)
	}
	if _, err := server(t).SQL(t.Context(), "postgres", "CREATE DATABASE latin TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'"); err != nil {
		t.Fatal(err)
	}
	pg := &store.Postgres{URL: server(t).URL("latin"), Password: server(t).Password}
	if _, err := tryPostgres(t, dir, store.Config{Postgres: pg}); err == nil || !strings.Contains(err.Error(), "UTF8") {
		t.Errorf("opened a database that is not in UTF-8: %v", err)
	}
}

// TestPostgresPassword: the password is asked for each time, and stands in no error.
func TestPostgresPassword(t *testing.T) {
	dir := t.TempDir()
	const wrong = "wr0ng-passw0rd"
	pg := &store.Postgres{URL: server(t).URL(database(t, dir)), Password: func() (string, error) { return wrong, nil }}
	if _, err := tryPostgres(t, dir, store.Config{Postgres: pg}); err == nil || strings.Contains(err.Error(), wrong) {
		t.Errorf("a wrong password: %v", err)
	}
	pg.Password = func() (string, error) { return "", errors.New("no such file") }
	if _, err := tryPostgres(t, dir, store.Config{Postgres: pg}); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("no password: %v", err)
	}
}

func TestCheckURL(t *testing.T) {
	for _, good := range []string{"postgres://naisen@db.example.jp/naisen", "postgresql://naisen@[2001:db8::1]:5433/naisen", "postgres://naisen@/naisen?host=/run/postgresql",
		"postgres://naisen@:5433/naisen?host=%2Frun%2Fpostgresql"} {
		if err := store.CheckURL(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{"", "naisen", "mysql://naisen@db/naisen", "postgres://db/naisen", "postgres://naisen@db", "postgres://naisen@db/", "postgres://naisen@db/a/b",
		"postgres://naisen@db:0/naisen", "postgres://naisen@db:99999/naisen", "postgres://naisen@a,b/naisen", "postgres://naisen@db/naisen?sslmode=disable",
		"postgres://naisen@db/naisen?host=/run/postgresql", "postgres://naisen@/naisen?host=run", "postgres://naisen:hunter2@db/naisen", "postgres://naisen:hunter2@db:%/naisen"} {
		if err := store.CheckURL(bad); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
