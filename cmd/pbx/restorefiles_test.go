package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"naisen/cmd/pbx/internal/backup"
	"naisen/provisioning/secret"
)

// TestFileTaker: signed or not, a copy brings files of the names that a copy has, once, below its directory, that only their owner reads.
func TestFileTaker(t *testing.T) {
	dir := t.TempDir()
	f := &fileTaker{root: dir, allowed: func(name string) bool { return strings.HasPrefix(name, "prompts/") }}
	if err := errors.Join(f.File("prompts/audio/a.wav", 3), f.Data([]byte("abc")), f.File("prompts/b", 0)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"keys/secrets.key", "pbx.db", "../prompts/x"} {
		if err := f.File(name, 0); !errors.Is(err, errCopyAltered) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := f.File("prompts/b", 0); err == nil {
		t.Error("a file is written over")
	}
	if err := f.close(); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "prompts", "audio", "a.wav")); err != nil || string(text) != "abc" {
		t.Errorf("%q %v", text, err)
	}
	if info, err := os.Stat(filepath.Join(dir, "prompts", "b")); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info.Mode(), err)
	}
	if err := os.Symlink("/tmp", filepath.Join(dir, "prompts", "link")); err != nil {
		t.Fatal(err)
	}
	g := &fileTaker{root: dir, allowed: func(string) bool { return true }}
	if err := g.File("prompts/link/x", 0); err == nil {
		t.Error("a link leads out of it")
	}
	if err := g.close(); err != nil {
		t.Error(err)
	}
}

// TestSecretsMustOpen: a secret that another key sealed, or that stands at another place than it was sealed for, is named.
func TestSecretsMustOpen(t *testing.T) {
	ring := func() *secret.Keyring {
		r, err := secret.OpenKeyring(filepath.Join(t.TempDir(), "secrets.key"))
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	ours, theirs := ring(), ring()
	check := &secretCheck{ring: ours}
	check.table("secret", []string{"domain", "kind", "key", "sealed"})
	for _, c := range []struct {
		by  *secret.Keyring
		key string
		ok  bool
	}{{ours, "2001", true}, {ours, "2002", false}, {theirs, "2001", false}} {
		sealed, err := c.by.Seal("a.example", "sip", "2001", []byte("password"))
		if err != nil {
			t.Fatal(err)
		}
		err = check.row([]any{"a.example", "sip", c.key, sealed})
		if c.ok != (err == nil) || err != nil && (!errors.Is(err, errUnopened) || !strings.Contains(err.Error(), "sip of "+c.key)) {
			t.Errorf("%s: %v", c.key, err)
		}
	}
	check.table("entity", []string{"domain"})
	if err := check.row([]any{"a.example"}); err != nil {
		t.Errorf("another table: %v", err)
	}
}

// TestCheckKeys: what is missing or another one is named, with both fingerprints; only what nothing works without is an error.
func TestCheckKeys(t *testing.T) {
	root := t.TempDir()
	put := func(name, text string) string {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
		print, err := keyFingerprint(path)
		if err != nil {
			t.Fatal(err)
		}
		return print
	}
	m := backup.Manifest{Keys: []backup.Key{{Name: "keys/secrets.key", Fingerprint: put("keys/secrets.key", "a")}, {Name: "keys/approval.key", Fingerprint: put("keys/approval.key", "b")},
		{Name: "keys/gruu.key", Fingerprint: put("keys/gruu.key", "c")}}}
	if w, err := checkKeys(m, root); err != nil || len(w) > 0 {
		t.Errorf("%q %v", w, err)
	}
	put("keys/gruu.key", "d")
	if w, err := checkKeys(m, root); err != nil || len(w) != 1 || !strings.Contains(w[0], m.Keys[2].Fingerprint) {
		t.Errorf("another one: %q %v", w, err)
	}
	put("keys/approval.key", "e")
	if _, err := checkKeys(m, root); !errors.Is(err, errOtherKey) {
		t.Errorf("another approval key: %v", err)
	}
	if err := errors.Join(os.Remove(filepath.Join(root, "keys", "secrets.key")), os.Remove(filepath.Join(root, "keys", "gruu.key"))); err != nil {
		t.Fatal(err)
	}
	w, err := checkKeys(m, root)
	if !errors.Is(err, errMissingKey) || !strings.Contains(err.Error(), "keys/secrets.key, fingerprint "+m.Keys[0].Fingerprint) || len(w) != 1 {
		t.Errorf("missing: %q %v", w, err)
	}
}

// TestAsideIsUnused: what is put aside shares no folder with what was put aside before.
func TestAsideIsUnused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "before")
	for _, want := range []string{path, path + "-2", path + "-3"} {
		if got := unused(path); got != want {
			t.Fatalf("%s, want %s", got, want)
		}
		if err := os.Mkdir(want, 0o700); err != nil {
			t.Fatal(err)
		}
	}
}
