package store_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/audit"
	"naisen/provisioning/secret"
	"naisen/provisioning/store"
	"naisen/provisioning/store/storetest"
)

func TestCrash(t *testing.T)      { storetest.RunCrash(t, open, "TestCrashChild") }
func TestCrashChild(t *testing.T) { storetest.CrashChild(t, open) }

func system() provisioning.Subject { return provisioning.Subject{System: true} }

func simple(t testing.TB, dir string) (s *store.Store, path string) {
	t.Helper()
	keys, err := secret.OpenKeyring(filepath.Join(dir, "secrets.key"))
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(dir, "pbx.db")
	s, err = store.Open(t.Context(), store.Config{Path: path, Sealer: keys})
	if err != nil {
		t.Fatal(err)
	}
	return s, path
}

func seed(t testing.TB, s *store.Store, extensions int) {
	t.Helper()
	err := s.Update(t.Context(), system(), func(w provisioning.Writer) error {
		_, err := w.Put("a.example", provisioning.Domain{Name: "a.example"}, "")
		for i := range extensions {
			_, e := w.Put("a.example", provisioning.Extension{Number: fmt.Sprint(2001 + i)}, "")
			err = errors.Join(err, e)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// raw opens the file as an intruder would.
func raw(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// TestAppendOnly: the database itself refuses to change the log, whatever the program does.
func TestAppendOnly(t *testing.T) {
	s, path := simple(t, t.TempDir())
	defer func() { _ = s.Close() }()
	seed(t, s, 3)
	db := raw(t, path)
	for _, q := range []string{
		"UPDATE audit SET subject = 'x' WHERE seq = 2", "DELETE FROM audit WHERE seq = 4", "DELETE FROM audit",
		"INSERT OR REPLACE INTO audit SELECT seq, at, domain, 'x', action, object, outcome, leaf, hashes FROM audit WHERE seq = 2",
		"REPLACE INTO audit SELECT 4, at, domain, subject, action, object, outcome, leaf, hashes FROM audit WHERE seq = 2",
		"INSERT INTO audit SELECT 2, at, domain, 'x', action, object, outcome, leaf, hashes FROM audit WHERE seq = 2 ON CONFLICT DO UPDATE SET subject = 'x'",
	} {
		if _, err := db.ExecContext(t.Context(), q); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s: %v", q, err)
		}
	}
	if r, err := audit.Verify(t.Context(), s); err != nil || r.Size != 4 {
		t.Errorf("%v, %v", r, err)
	}
}

// TestTampering: an intruder with the file, who drops the triggers first (H8). The forms are those of audit's own test.
func TestTampering(t *testing.T) {
	for _, c := range []struct {
		name, sql string
		first     int64
	}{
		{"changed", "UPDATE audit SET leaf = CAST(replace(CAST(leaf AS TEXT), '2003', '2999') AS BLOB), object = '2999' WHERE seq = 4", 4},
		{"hidden", "UPDATE audit SET domain = 'b.example' WHERE seq = 5", 5},
		{"removed", "DELETE FROM audit WHERE seq = 3", 3},
		{"cut", "DELETE FROM audit WHERE seq > 6", 7},
		{"cut with counter", "DELETE FROM audit WHERE seq > 6; UPDATE head SET audit_size = 6", 7},
		{"exchanged", "UPDATE audit SET seq = 99 WHERE seq = 3; UPDATE audit SET seq = 3 WHERE seq = 4; UPDATE audit SET seq = 4 WHERE seq = 99", 3},
		{"another kind", "UPDATE audit SET subject = x'00' WHERE seq = 4", 4},
		{"no octets", "UPDATE audit SET leaf = 7 WHERE seq = 4", 4},
		{"inserted", "INSERT INTO audit SELECT 10, at, domain, subject, action, object, outcome, leaf, hashes FROM audit WHERE seq = 2", 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			s, path := simple(t, dir)
			defer func() { _ = s.Close() }()
			seed(t, s, 8)
			good, err := audit.Verify(t.Context(), s)
			if err != nil {
				t.Fatal(err)
			}
			_, err = raw(t, path).ExecContext(t.Context(), "DROP TRIGGER audit_no_update; DROP TRIGGER audit_no_delete; DROP TRIGGER audit_no_replace; "+c.sql)
			if err != nil {
				t.Fatal(err)
			}
			r, err := audit.Verify(t.Context(), s, audit.Checkpoint{Size: good.Size, Root: good.Root})
			if !errors.Is(err, audit.ErrBroken) || r.First != c.first || r.Last != c.first {
				t.Errorf("%v, %v; want %d", r, err, c.first)
			}
			l, err := store.OpenLog(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = l.Close() }()
			if r, err := audit.Verify(t.Context(), l, audit.Checkpoint{Size: good.Size, Root: good.Root}); !errors.Is(err, audit.ErrBroken) || r.First != c.first || r.Last != c.first {
				t.Errorf("read by itself: %v, %v; want %d", r, err, c.first)
			}
		})
	}
}

// TestNoSecretOnDisk plants secrets and looks for them, plain and in the usual encodings, in every file but the key.
func TestNoSecretOnDisk(t *testing.T) {
	dir := t.TempDir()
	s, _ := simple(t, dir)
	seed(t, s, 1)
	planted := []string{"pl4nted-carrier-pass", "pl4nted-totp-seed"}
	plain, cred := secret.NewSIPSecret("2001", "a.example")
	planted = append(planted, plain.Reveal(), cred.HA1MD5, cred.HA1SHA256)
	for round := range 3 {
		err := s.Update(t.Context(), system(), func(w provisioning.Writer) error {
			_, err1 := w.Put("a.example", provisioning.Trunk{Name: "carrier", Host: "192.0.2.1"}, "")
			_, err2 := w.Put("a.example", provisioning.User{Name: "taro"}, "")
			return errors.Join(err1, err2, w.PutSecret("a.example", "trunk", "carrier", fmt.Appendf(nil, "%s%d", planted[0], round)),
				w.PutSecret("a.example", "user/totp", "taro", []byte(planted[1])), w.PutSecret("a.example", "sip", "2001", cred.Encode()))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	scan := func(when string) {
		files := 0
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || strings.HasSuffix(path, ".key") {
				return err
			}
			b, err := os.ReadFile(path)
			files++
			if info, e := d.Info(); e != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s, %s: mode %v", when, path, info.Mode())
			}
			for i, p := range planted {
				if bytes.Contains(b, []byte(p)) || bytes.Contains(bytes.ToLower(b), []byte(hex.EncodeToString([]byte(p)))) {
					t.Errorf("%s, secret %d is in %s", when, i, path)
				}
			}
			return err
		})
		if err != nil || files < 1 {
			t.Errorf("%s: %d files, %v", when, files, err)
		}
	}
	scan("open") // with -wal and -shm
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	scan("closed")
	if left, _ := filepath.Glob(filepath.Join(dir, "pbx.db-*")); len(left) != 0 {
		t.Errorf("Close left %v", left)
	}
}

func TestNewerSchema(t *testing.T) {
	dir := t.TempDir()
	s, path := simple(t, dir)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := raw(t, path).ExecContext(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99, 1)"); err != nil {
		t.Fatal(err)
	}
	keys, err := secret.OpenKeyring(filepath.Join(dir, "secrets.key"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(t.Context(), store.Config{Path: path, Sealer: keys}); !errors.Is(err, store.ErrNewer) {
		t.Errorf("opened a newer schema: %v", err)
	}
	if err := os.WriteFile(path, bytes.Repeat([]byte("no database "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Open(t.Context(), store.Config{Path: path, Sealer: keys}); err == nil {
		t.Error("opened a file that is no database")
	}
	for _, cfg := range []store.Config{{}, {Path: path}, {Sealer: keys}} {
		if _, err := store.Open(t.Context(), cfg); err == nil {
			t.Errorf("opened %+v", cfg)
		}
	}
}

// TestOverflowsOfBefore: what a database of before says of where queues overflow is read as it was meant, and stays so.
func TestOverflowsOfBefore(t *testing.T) {
	dir := t.TempDir()
	s, path := simple(t, dir)
	seed(t, s, 2)
	err := s.Update(t.Context(), system(), func(w provisioning.Writer) error {
		_, err := w.Put("a.example", provisioning.Queue{Number: "7001", Members: []provisioning.QueueMember{{Agent: "2001"}}}, "")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db := raw(t, path)
	for _, text := range []string{`UPDATE entity SET body = CAST(replace(CAST(body AS TEXT), '"overflow":{}', '"overflow":{"time":"2002","no_agents":"*967001","payer":"2001"}') AS BLOB) WHERE kind = 'queue'`,
		"DELETE FROM goose_db_version WHERE version_id >= 4"} {
		if n, err := db.ExecContext(t.Context(), text); err != nil {
			t.Fatal(err)
		} else if rows, _ := n.RowsAffected(); rows == 0 {
			t.Fatalf("no row of %s", text)
		}
	}
	if _, err := db.ExecContext(t.Context(), noNodes); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"heard", "vouched", "vouched_list", "audit_block", "repeat"} { // they came later
		if _, err := db.ExecContext(t.Context(), "DROP TABLE "+table); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time nothing is left to do
		s, _ = simple(t, dir)
		err = s.View(t.Context(), func(r provisioning.Reader) error {
			q, _, err := provisioning.Get[provisioning.Queue](r, "a.example", "7001")
			if o := q.Overflow; err == nil && (o.Time.Text() != "2002" || o.NoAgents.Text() != "*967001" || o.Length != nil || o.Payer != "2001" || q.Validate() != nil) {
				t.Errorf("%+v", q)
			}
			return err
		})
		if err := errors.Join(err, s.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFeedIsCut: the feed keeps what it is told to, and says so to whom it has lost.
func TestFeedIsCut(t *testing.T) {
	s := openWith(t, t.TempDir(), store.Config{KeepChanges: 20})
	defer func() { _ = s.Close() }()
	for i := range 100 {
		err := s.Update(t.Context(), system(), func(w provisioning.Writer) error {
			_, err := w.Put("a.example", provisioning.Domain{Name: "a.example", Title: fmt.Sprint(i)}, "")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for after, want := range map[provisioning.Version]error{0: provisioning.ErrCompacted, 70: provisioning.ErrCompacted, 80: nil, 99: nil} {
		ctx, cancel := context.WithCancel(t.Context())
		for c, err := range s.Changes(ctx, after) {
			if !errors.Is(err, want) || err == nil && c.Version != after+1 {
				t.Errorf("after %d: %+v, %v", after, c, err)
			}
			break
		}
		cancel()
	}
}

// TestLostKey: secrets whose key is lost fail loudly, and can be replaced.
func TestLostKey(t *testing.T) {
	dir := t.TempDir()
	s, _ := simple(t, dir)
	seed(t, s, 2)
	put := func(s *store.Store, value []byte) error {
		return s.Update(t.Context(), system(), func(w provisioning.Writer) error { return w.PutSecret("a.example", "sip", "2001", value) })
	}
	get := func(s *store.Store) (b []byte, err error) {
		err = s.View(t.Context(), func(r provisioning.Reader) error {
			b, err = provisioning.Secret(r, "a.example", "sip", "2001")
			return err
		})
		return b, err
	}
	if err := errors.Join(put(s, []byte("old")), s.Close(), os.Remove(filepath.Join(dir, "secrets.key"))); err != nil {
		t.Fatal(err)
	}
	s, _ = simple(t, dir)
	defer func() { _ = s.Close() }()
	if _, err := get(s); !errors.Is(err, secret.ErrUnknownKey) {
		t.Errorf("read without its key: %v", err)
	}
	if err := put(s, []byte("new")); err != nil {
		t.Fatal(err)
	}
	if b, err := get(s); err != nil || string(b) != "new" {
		t.Errorf("after a new one: %q, %v", b, err)
	}
}

// TestSwallowedError: an Update whose statement failed is lost, even if its function goes on as if nothing had been.
func TestSwallowedError(t *testing.T) {
	s, path := simple(t, t.TempDir())
	defer func() { _ = s.Close() }()
	seed(t, s, 1)
	_, err := raw(t, path).ExecContext(t.Context(), "CREATE TRIGGER broken BEFORE INSERT ON entity WHEN NEW.key = '666' BEGIN SELECT RAISE(ABORT, 'disk on fire'); END")
	if err != nil {
		t.Fatal(err)
	}
	err = s.Update(t.Context(), system(), func(w provisioning.Writer) error {
		_, err1 := w.Put("a.example", provisioning.Extension{Number: "777"}, "")
		_, err2 := w.Put("a.example", provisioning.Extension{Number: "666"}, "")
		if err1 != nil || err2 == nil {
			t.Errorf("%v, %v", err1, err2)
		}
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "disk on fire") {
		t.Errorf("the failed statement was forgotten: %v", err)
	}
	err = s.View(t.Context(), func(r provisioning.Reader) error {
		_, _, err := provisioning.Get[provisioning.Extension](r, "a.example", "777")
		return err
	})
	if !errors.Is(err, provisioning.ErrNotFound) {
		t.Errorf("half of it was kept: %v", err)
	}
}

// TestFeedNeedsNoPoll: within one process a change comes at once.
func TestFeedNeedsNoPoll(t *testing.T) {
	s := openWith(t, t.TempDir(), store.Config{Poll: time.Hour})
	defer func() { _ = s.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	n := 0
	seed(t, s, 0)
	for c, err := range s.Changes(ctx, 0) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 20 {
			break
		}
		go func() { // the next one comes while the feed waits, or just before
			err := s.Update(ctx, system(), func(w provisioning.Writer) error {
				_, err := w.Put("a.example", provisioning.Domain{Name: "a.example", Title: fmt.Sprint(c.Version)}, "")
				return err
			})
			if err != nil {
				t.Error(err)
			}
		}()
	}
}

// TestBindingsExpire: by the wall clock, at reading too.
func TestBindingsExpire(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	s := openWith(t, t.TempDir(), store.Config{Now: func() time.Time { return now }})
	defer func() { _ = s.Close() }()
	batch := []provisioning.BindingRow{
		{AOR: "1@a", Key: "k", Body: []byte("x"), Expires: now.Add(time.Minute)}, {AOR: "2@a", Key: "k", Body: []byte("x"), Expires: now.Add(time.Hour)},
	}
	if err := s.SaveBindings(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	for after, want := range map[time.Duration]int{0: 2, time.Minute: 1, time.Hour: 0} {
		now = time.Unix(1_700_000_000, 0).Add(after)
		if got, err := s.Bindings(t.Context()); err != nil || len(got) != want {
			t.Errorf("after %s: %d, %v; want %d", after, len(got), err, want)
		}
	}
}
