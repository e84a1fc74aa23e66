package store_test

import (
	"errors"
	"testing"
	"time"

	"naisen/provisioning/store"
)

// A token is remembered until it is too old to be taken, also over a restart, and each issuer's by itself.
func TestHeard(t *testing.T) {
	dir := t.TempDir()
	s, path := simple(t, dir)
	now := time.Now()
	heard := func(issuer, id string) bool {
		t.Helper()
		there, err := s.Heard(t.Context(), issuer, id)
		if err != nil {
			t.Fatal(err)
		}
		return there
	}
	for id, until := range map[string]time.Time{"a": now.Add(time.Hour), "old": now.Add(-time.Second)} {
		if err := s.Hear(t.Context(), "https://x", id, until); err != nil {
			t.Fatal(err)
		}
	}
	if !heard("https://x", "a") || heard("https://x", "old") || heard("https://y", "a") || heard("https://x", "b") {
		t.Error("what was heard, and of whom")
	}
	if err := s.Hear(t.Context(), "", "a", now); err == nil {
		t.Error("nobody's token is remembered")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db := raw(t, path)
	if _, err := db.ExecContext(t.Context(), "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 100000) INSERT INTO heard SELECT 'https://x', 'n' || i, ? FROM n",
		now.Add(time.Hour).UnixNano()); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s, _ = simple(t, dir)
	if !heard("https://x", "a") {
		t.Error("forgotten by a restart")
	}
	if err := s.Hear(t.Context(), "https://x", "more", now.Add(time.Hour)); !errors.Is(err, store.ErrHeardFull) {
		t.Errorf("more than can be remembered: %v", err)
	}
	if err := s.Hear(t.Context(), "https://y", "more", now.Add(time.Hour)); err != nil {
		t.Errorf("another issuer's: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
