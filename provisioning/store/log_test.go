package store_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"naisen/provisioning"
	"naisen/provisioning/audit"
	"naisen/provisioning/store"
)

// TestLog: the log of a database is read without keys, beside the switch and from a copy on a medium that cannot be written, and nothing is changed.
func TestLog(t *testing.T) {
	dir := t.TempDir()
	s, path := simple(t, dir)
	seed(t, s, 30)
	want, err := audit.Verify(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	look := func(path string) {
		t.Helper()
		l, err := store.OpenLog(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = l.Close() }()
		got, err := audit.Verify(t.Context(), l, audit.Checkpoint{Size: want.Size, Root: want.Root})
		if err != nil || got.Root != want.Root || got.Size != want.Size {
			t.Errorf("%v %v, want %v", got, err, want)
		}
		if hashes, err := l.AuditHashes(t.Context(), []int64{2, 3, 999}); err != nil || len(hashes) != 2 {
			t.Errorf("%v %v", hashes, err)
		}
	}
	look(path)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	medium := filepath.Join(dir, "medium")
	copied := filepath.Join(medium, "copy.db")
	if err := errors.Join(os.Mkdir(medium, 0o700), os.WriteFile(copied, text, 0o400), os.Chmod(medium, 0o500)); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.Chmod(medium, 0o700) }()
	look(copied)
	again, err := os.ReadFile(copied)
	left, err2 := os.ReadDir(medium)
	if errors.Join(err, err2) != nil || !bytes.Equal(again, text) || len(left) != 1 {
		t.Errorf("the copy was changed: %v %v", errors.Join(err, err2), left)
	}
	for _, no := range []string{filepath.Join(dir, "none.db"), filepath.Join(dir, "secrets.key")} {
		if l, err := store.OpenLog(t.Context(), no); err == nil {
			t.Errorf("%s is a database", no)
			_ = l.Close()
		}
	}
}

// oldLog brings the audit log's table back to the form that it had before it was ordered by its number.
const oldLog = `CREATE TABLE audit_old (seq BIGINT NOT NULL PRIMARY KEY, at BIGINT NOT NULL, domain TEXT NOT NULL, subject TEXT NOT NULL, action TEXT NOT NULL, object TEXT NOT NULL,
	outcome TEXT NOT NULL, leaf BLOB NOT NULL, hashes BLOB NOT NULL);
INSERT INTO audit_old SELECT * FROM audit ORDER BY subject, seq DESC; DROP TABLE audit; ALTER TABLE audit_old RENAME TO audit;
CREATE INDEX audit_domain ON audit (domain, seq); CREATE INDEX audit_object ON audit (domain, object, seq); CREATE INDEX audit_subject ON audit (domain, subject, seq);
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
DROP TABLE audit_block; DROP TABLE repeat; DELETE FROM goose_db_version WHERE version_id >= 7;` + noNodes

// noNodes takes away what came with several nodes.
const noNodes = "DROP TABLE node; DROP TABLE duty; DROP TABLE lease; ALTER TABLE binding DROP COLUMN node; ALTER TABLE binding DROP COLUMN at;"

// TestLogOfBefore: a database of before has the same log afterwards, ordered by number, append-only, and one that goes on.
func TestLogOfBefore(t *testing.T) {
	dir := t.TempDir()
	s, path := simple(t, dir)
	seed(t, s, 40)
	want, err := audit.Verify(t.Context(), s)
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	db := raw(t, path)
	if _, err := db.ExecContext(t.Context(), oldLog); err != nil {
		t.Fatal(err)
	}
	before, err := store.OpenLog(t.Context(), path) // verify reads both
	if err != nil {
		t.Fatal(err)
	}
	if r, err := audit.Verify(t.Context(), before); err != nil || r.Root != want.Root {
		t.Errorf("of before: %v, %v", r, err)
	}
	if err := errors.Join(before.Close(), db.Close()); err != nil {
		t.Fatal(err)
	}
	s, _ = simple(t, dir)
	defer func() { _ = s.Close() }()
	if r, err := audit.Verify(t.Context(), s); err != nil || r.Root != want.Root || r.Size != want.Size {
		t.Errorf("%v, %v; want %v", r, err, want)
	}
	db = raw(t, path)
	var plan string
	var none any
	if err := db.QueryRowContext(t.Context(), "EXPLAIN QUERY PLAN SELECT leaf FROM audit WHERE seq > 5 ORDER BY seq LIMIT 3").Scan(&none, &none, &none, &plan); err != nil || !strings.Contains(plan, "INTEGER PRIMARY KEY") {
		t.Errorf("%q, %v", plan, err)
	}
	if err := db.QueryRowContext(t.Context(), "EXPLAIN QUERY PLAN SELECT leaf FROM audit WHERE domain = 'a' AND seq > 5 AND seq < 9 ORDER BY seq DESC LIMIT 3").Scan(&none, &none, &none, &plan); err != nil ||
		!strings.Contains(plan, "audit_domain (domain=? AND rowid>? AND rowid<?)") {
		t.Errorf("%q, %v", plan, err)
	}
	if _, err := db.ExecContext(t.Context(), "DELETE FROM audit WHERE seq = 3"); err == nil || !strings.Contains(err.Error(), "append-only") {
		t.Errorf("deleted: %v", err)
	}
	err = s.Update(t.Context(), system(), func(w provisioning.Writer) error {
		_, err := w.Put("a.example", provisioning.Extension{Number: "2999"}, "")
		return err
	})
	if r, err2 := audit.Verify(t.Context(), s, audit.Checkpoint{Size: want.Size, Root: want.Root}); err != nil || err2 != nil || r.Size != want.Size+1 {
		t.Errorf("%v, %v %v", r, err, err2)
	}
}
