package store_test

import (
	"errors"
	"testing"
	"time"

	"naisen/provisioning"
)

// TestRepeatsAreBounded: a day's requests are remembered over a restart, those of before are not, and one sender has no more than so many.
func TestRepeatsAreBounded(t *testing.T) {
	dir := t.TempDir()
	s, path := simple(t, dir)
	if _, err := s.BeginRepeat(t.Context(), "taro", "k", "r"); err != nil {
		t.Fatal(err)
	}
	if err := s.EndRepeat(t.Context(), "taro", "k", []byte("geheim")); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db := raw(t, path)
	var sealed []byte
	if err := db.QueryRowContext(t.Context(), "SELECT answer FROM repeat").Scan(&sealed); err != nil || string(sealed) == "geheim" || len(sealed) <= len("geheim") {
		t.Errorf("kept as %q, %v", sealed, err)
	}
	now := time.Now()
	for who, until := range map[string]time.Time{"full": now.Add(time.Hour), "old": now.Add(-time.Second)} {
		if _, err := db.ExecContext(t.Context(), "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 10000) INSERT INTO repeat SELECT ?, 'n' || i, 'r', NULL, ? FROM n",
			who, until.UnixNano()); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	s, _ = simple(t, dir)
	if b, err := s.BeginRepeat(t.Context(), "taro", "k", "r"); err != nil || b == nil || string(b.Answer) != "geheim" {
		t.Errorf("after a restart: %+v, %v", b, err)
	}
	if _, err := s.BeginRepeat(t.Context(), "full", "more", "r"); !errors.Is(err, provisioning.ErrRepeatsFull) {
		t.Errorf("more than a sender may have: %v", err)
	}
	for _, key := range []string{"n1", "more"} {
		if b, err := s.BeginRepeat(t.Context(), "old", key, "r"); err != nil || b != nil {
			t.Errorf("a day later, %s: %+v, %v", key, b, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
