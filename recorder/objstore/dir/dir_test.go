package dir

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"naisen/recorder/objstore"
	"naisen/recorder/objstore/objstoretest"
)

func TestConformance(t *testing.T) {
	s, err := Open(t.TempDir(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	objstoretest.Run(t, s, time.Now)
}

// A lock ends with its time, and one that was damaged does not set an object free.
func TestLockEndsAndDamage(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	root := t.TempDir()
	s, err := Open(root, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, name := range []string{"a/kept.age", "a/hurt.age"} {
		if err := s.Put(t.Context(), name, bytes.NewReader([]byte("x")), 1, objstore.Lock{Until: now.Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(root, ".locks", "a=hurt.age"), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	now = now.Add(2 * time.Hour)
	if err := s.Delete(t.Context(), "a/kept.age"); err != nil {
		t.Errorf("delete after the lock's end: %v", err)
	}
	if err := s.Delete(t.Context(), "a/hurt.age"); err == nil {
		t.Error("an object with an unreadable lock was deleted")
	}
}

// Unfinished uploads disappear with the next start, and links that lead out of the root are not followed.
func TestStartAndLinks(t *testing.T) {
	root, outside := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "x.age"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Mkdir(filepath.Join(root, ".tmp"), 0o700), os.WriteFile(filepath.Join(root, ".tmp", "half"), nil, 0o600),
		os.Symlink(outside, filepath.Join(root, "out"))); err != nil {
		t.Fatal(err)
	}
	s, err := Open(root, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if left, _ := os.ReadDir(filepath.Join(root, ".tmp")); len(left) != 0 {
		t.Errorf("%d unfinished uploads left", len(left))
	}
	if _, err := s.Get(t.Context(), "out/x.age", 0, -1); err == nil {
		t.Error("a link out of the root was followed")
	}
	if err := s.Put(t.Context(), "out/y.age", bytes.NewReader(nil), 0, objstore.Lock{}); err == nil {
		t.Error("an object was put outside the root")
	}
}
