package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

func TestCreateAndReplace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys", "a.key")
	var made atomic.Int32
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			switch err := Create(path, fmt.Appendf(nil, "%d%d%d", i, i, i), 0o600); {
			case err == nil:
				made.Add(1)
			case !errors.Is(err, fs.ErrExist):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	got, err := ReadPrivate(path)
	if made.Load() != 1 || err != nil || len(got) != 3 || got[0] != got[1] || got[1] != got[2] {
		t.Errorf("%d made, %q %v", made.Load(), got, err)
	}
	if err := Replace(path, []byte("next"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := ReadPrivate(path); err != nil || string(got) != "next" {
		t.Errorf("%q %v", got, err)
	}
	if err := Replace(filepath.Join(filepath.Dir(path), "none", "x"), nil, 0o600); err == nil {
		t.Error("replaced in a directory that is not there")
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
	if info, err := os.Stat(filepath.Dir(path)); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("directory: %v %v", info.Mode(), err)
	}
}

func TestReadPrivate(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "k")
	if _, err := ReadPrivate(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	if _, err := ReadPrivate(dir); !errors.Is(err, ErrExposed) {
		t.Errorf("directory: %v", err)
	}
	for mode, ok := range map[fs.FileMode]bool{0o600: true, 0o400: true, 0o640: false, 0o604: false, 0o620: false} {
		if err := errors.Join(os.RemoveAll(path), os.WriteFile(path, []byte("x"), 0o600), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadPrivate(path); ok != (err == nil) || err != nil && !errors.Is(err, ErrExposed) {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
	if err := errors.Join(os.Remove(path), os.WriteFile(path, nil, 0o600), os.Truncate(path, maxFile+1)); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadPrivate(path); !errors.Is(err, ErrExposed) {
		t.Errorf("too large: %v", err)
	}
}
