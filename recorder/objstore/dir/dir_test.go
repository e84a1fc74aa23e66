package dir

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
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

// TestShared: a root that two processes have is one store: what one puts the other has, a lock of one stands for both, and who starts removes nothing of an
// upload of the other.
func TestShared(t *testing.T) {
	root := t.TempDir()
	a, err := Shared(root, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	tmp, f, err := a.temp()
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	b, err := Shared(root, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if _, err := a.root.Stat(tmp); err != nil {
		t.Errorf("an upload of the other: %v", err)
	}
	if err := os.Chtimes(filepath.Join(root, tmp), time.Time{}, time.Now().Add(-25*time.Hour)); err != nil {
		t.Fatal(err)
	}
	c, err := Shared(root, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := a.root.Stat(tmp); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what nobody has uploaded for a day: %v", err)
	}
	if err := a.Put(t.Context(), "x/1", strings.NewReader("one"), 3, objstore.Lock{}); err != nil {
		t.Fatal(err)
	}
	if err := b.Hold(t.Context(), "x/1", true); err != nil {
		t.Fatal(err)
	}
	if err := a.Delete(t.Context(), "x/1"); !errors.Is(err, objstore.ErrLocked) {
		t.Errorf("held by the other: %v", err)
	}
	done, err := a.alone()
	if err != nil {
		t.Fatal(err)
	}
	deleted := make(chan error, 1)
	go func() { deleted <- errors.Join(b.Hold(t.Context(), "x/1", false), b.Delete(t.Context(), "x/1")) }()
	select {
	case err := <-deleted:
		t.Errorf("while the other has the locks: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	done()
	if err := <-deleted; err != nil {
		t.Error(err)
	}
	objstoretest.Run(t, a, time.Now)
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

// A lock outlives the process, whoever set it and when; and what another upload of the same name is refused with does not touch it.
func TestLocksSurviveRestart(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	root := t.TempDir()
	s, err := Open(root, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	put := func(name string, lock objstore.Lock) error {
		return s.Put(t.Context(), name, bytes.NewReader([]byte("x")), 1, lock)
	}
	if err := errors.Join(put("a/born.age", objstore.Lock{Until: now.Add(time.Hour)}), put("a/later.age", objstore.Lock{}), put("a/held.age", objstore.Lock{}),
		s.Retain(t.Context(), "a/later.age", now.Add(time.Hour)), s.Hold(t.Context(), "a/held.age", true)); err != nil {
		t.Fatal(err)
	}
	if err := put("a/born.age", objstore.Lock{}); !errors.Is(err, objstore.ErrExists) {
		t.Errorf("a second time: %v", err)
	}
	// Another upload of the name that comes to its end in the same moment.
	if err := os.WriteFile(filepath.Join(root, ".tmp", "late"), []byte("y"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.link(".tmp/late", "a/born.age", objstore.Lock{}); !errors.Is(err, objstore.ErrExists) {
		t.Errorf("in the same moment: %v", err)
	}
	s.Close()
	if s, err = Open(root, func() time.Time { return now }); err != nil {
		t.Fatal(err)
	}
	defer func() { s.Close() }()
	now = now.Add(59 * time.Minute)
	for _, name := range []string{"a/born.age", "a/later.age", "a/held.age"} {
		if err := s.Delete(t.Context(), name); !errors.Is(err, objstore.ErrLocked) {
			t.Errorf("delete %s: %v", name, err)
		}
	}
	now = now.Add(2 * time.Minute)
	for name, want := range map[string]error{"a/born.age": nil, "a/later.age": nil, "a/held.age": objstore.ErrLocked} {
		if err := s.Delete(t.Context(), name); !errors.Is(err, want) {
			t.Errorf("delete %s after its time: %v", name, err)
		}
	}
	// A lock that lies there without its object belongs to nothing.
	if err := os.WriteFile(filepath.Join(root, ".locks", "a=new.age"), []byte(`{"legal_hold":true}`), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(put("a/new.age", objstore.Lock{}), s.Delete(t.Context(), "a/new.age")); err != nil {
		t.Errorf("an object under an old lock: %v", err)
	}
}

// Who looks beside a running switch leaves its uploads alone.
func TestBeside(t *testing.T) {
	root := t.TempDir()
	if _, err := Beside(filepath.Join(root, "none"), nil); err == nil {
		t.Error("a root was made")
	}
	s, err := Open(root, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	upload := filepath.Join(root, ".tmp", "upload")
	if err := os.WriteFile(upload, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := Beside(root, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if _, err := os.Stat(upload); err != nil {
		t.Errorf("the upload: %v", err)
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
