package store_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/audit"
	"naisen/provisioning/store"
)

// shelf counts archives.
type shelf int

func (s *shelf) Put(_ context.Context, prefix string, _ []byte) (string, error) {
	*s++
	return prefix, nil
}

// TestPostgresArchive: old entries leave by blocks as they do from a file (TestArchive), what is left is proved without them, and the database refuses the rest.
func TestPostgresArchive(t *testing.T) {
	dir := t.TempDir()
	s := openPostgresWith(t, dir, store.Config{})
	defer func() { _ = s.Close() }()
	seed(t, s, 0)
	now := time.Now().UTC()
	err := s.Update(t.Context(), system(), func(w provisioning.Writer) (err error) {
		for i := range 60 {
			at := now.Add(-2*audit.MinKeep + time.Duration(i)*time.Hour)
			if i >= 40 {
				at = now
			}
			err = errors.Join(err, w.AddAudit(provisioning.AuditEntry{Time: at, Domain: "a.example", Action: "recording.listen", Object: fmt.Sprint("c", i), Outcome: "allowed"}))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	whole, err := audit.Verify(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	// The first entry is of today: it is what seed did.
	a, _ := archiver(t, s, dir, now.Add(2*audit.MinKeep))
	if n, err := a.Archive(t.Context(), 10); err == nil || n != 0 {
		t.Errorf("young entries, by the store's clock: %d blocks, %v", n, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	later := func() time.Time { return now.Add(audit.MinKeep + time.Hour) }
	s = openPostgresWith(t, dir, store.Config{Now: later})
	a, to := archiver(t, s, dir, later())
	if n, err := a.Archive(t.Context(), 2); n != 2 || err != nil || *to != 2 {
		t.Fatalf("%d blocks, %d archives, %v", n, *to, err)
	}
	name := database(t, dir)
	l, err := store.OpenLogPostgres(t.Context(), store.Postgres{URL: server(t).URL(name), Password: server(t).Password})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	for _, log := range []audit.Log{s, l} {
		r, err := audit.Verify(t.Context(), log, audit.Checkpoint{Size: whole.Size, Root: whole.Root})
		if err != nil || r.Archived != 32 || r.Size != whole.Size+2 || r.Checkpoints != 1 {
			t.Errorf("%+v, %v", r, err)
		}
	}
	if from, err := s.AuditFrom(t.Context()); err != nil || !from.Before(now.Add(time.Minute)) || from.IsZero() {
		t.Errorf("from %v, %v", from, err)
	}
	for _, q := range []string{"DELETE FROM audit WHERE seq = 33", "INSERT INTO audit SELECT 5, at, domain, subject, action, object, outcome, leaf, hashes FROM audit WHERE seq = 40",
		"UPDATE audit_block SET newest = 0", "DELETE FROM audit_block", "TRUNCATE audit_block", "INSERT INTO audit_block SELECT 20, 0, object, hashes FROM audit_block WHERE last = 32"} {
		if _, err := server(t).SQL(t.Context(), name, q); err == nil || !strings.Contains(err.Error(), "append-only") {
			t.Errorf("%s: %v", q, err)
		}
	}
}

func archiver(t *testing.T, s *store.Store, dir string, now time.Time) (*audit.Archiver, *shelf) {
	t.Helper()
	key, err := audit.OpenKey(filepath.Join(dir, "audit.key"))
	if err != nil {
		t.Fatal(err)
	}
	to := new(shelf)
	a, err := audit.NewArchiver(audit.ArchiverConfig{Log: s, Key: key, Shelf: to, Domain: "a.example", Keep: audit.MinKeep, Block: 16,
		Proven: func() int64 { return 1000 }, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	return a, to
}
