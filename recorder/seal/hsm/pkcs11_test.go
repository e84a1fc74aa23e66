//go:build pkcs11

package hsm

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"naisen/recorder"
	"naisen/recorder/seal"
)

// module finds Debian's softhsm2.
func module(t *testing.T) string {
	t.Helper()
	for _, path := range []string{"/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so", "/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so"} {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	t.Fatal("softhsm2 is not installed: loadtest/install.sh does it")
	return ""
}

func pin(text string) func() (string, error) { return func() (string, error) { return text, nil } }

// A real library and a token of its own: what is wrapped opens again, also by another process's ring, and by no other key, PIN or token. The key that
// Wrap made is one that the token gives to nobody.
func TestToken(t *testing.T) {
	lib, dir := module(t), t.TempDir()
	tokens := filepath.Join(dir, "tokens")
	conf := filepath.Join(dir, "softhsm2.conf")
	if err := errors.Join(os.Mkdir(tokens, 0o700), os.WriteFile(conf, fmt.Appendf(nil, "directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n", tokens), 0o600)); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SOFTHSM2_CONF", conf)
	for _, label := range []string{"naisen", "other"} {
		if out, err := exec.Command("softhsm2-util", "--init-token", "--free", "--label", label, "--pin", "4711-abc", "--so-pin", "8888-abc").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	open := func(token, key, secret string) seal.Safe {
		t.Helper()
		s, err := Open(Config{Module: lib, Token: token, Key: key, PIN: pin(secret)})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	good := open("naisen", "vault", "4711-abc")
	if _, err := good.Unwrap(t.Context(), []byte(`{"iv":"AAAAAAAAAAAAAAAA","ciphertext":"AAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`)); !errors.Is(err, seal.ErrRefused) {
		t.Errorf("before there is a key: %v", err)
	}
	secret := bytes.Repeat([]byte("AGE-SECRET-KEY "), 20)
	wrapped, err := good.Wrap(t.Context(), secret)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(wrapped, secret[:20]) {
		t.Error("it is not encrypted")
	}
	back, err := good.Unwrap(t.Context(), wrapped)
	if err != nil || !bytes.Equal(back, secret) {
		t.Fatalf("%v", err)
	}
	if back, err = open("naisen", "vault", "4711-abc").Unwrap(t.Context(), wrapped); err != nil || !bytes.Equal(back, secret) {
		t.Errorf("by another session: %v", err)
	}
	bad := bytes.Replace(wrapped, []byte(`"ciphertext":"`), []byte(`"ciphertext":"AAAA`), 1)
	if _, err := good.Unwrap(t.Context(), bad); err == nil {
		t.Error("altered, and opened")
	}
	if _, err := good.Unwrap(t.Context(), []byte("vault:v1:AAAA")); !errors.Is(err, recorder.ErrIntegrity) {
		t.Errorf("of another safe: %v", err)
	}
	if _, err := open("naisen", "no such key", "4711-abc").Unwrap(t.Context(), wrapped); !errors.Is(err, seal.ErrRefused) {
		t.Errorf("no such key: %v", err)
	}
	if _, err := open("nobody", "vault", "4711-abc").Unwrap(t.Context(), wrapped); !errors.Is(err, seal.ErrUnavailable) {
		t.Errorf("no such token: %v", err)
	}
	if _, err := open("other", "vault", "4711-abc").Wrap(t.Context(), secret); err != nil {
		t.Errorf("another token: %v", err)
	}
	if back, err := open("other", "vault", "4711-abc").Unwrap(t.Context(), wrapped); err == nil {
		t.Errorf("a key of the same name on another token opened it: %q", back)
	}
	ring(t, good)
}

// ring: keys whose identities the token keeps. Nothing on the disk opens a recording, and the token does.
func ring(t *testing.T, safe seal.Safe) {
	t.Helper()
	dir := t.TempDir()
	f, err := seal.Open(seal.Config{Dir: dir, Safe: safe})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(f.VaultPath()); !errors.Is(err, os.ErrNotExist) {
		t.Error("the vault's identity is in a plain file")
	}
	var sealed bytes.Buffer
	w, err := seal.New(f).Seal(t.Context(), "a.example", &sealed)
	if err == nil {
		_, err = w.Write([]byte("audio"))
		err = errors.Join(err, w.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	again, err := seal.Open(seal.Config{Dir: dir, Safe: safe})
	if err != nil {
		t.Fatal(err)
	}
	plain, err := seal.New(again).Open(t.Context(), "a.example", bytes.NewReader(sealed.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(plain); err != nil || string(text) != "audio" {
		t.Errorf("%q %v", text, err)
	}
}

// A PIN that the token refuses is given once: three wrong ones would lock it for everybody.
func TestWrongPIN(t *testing.T) {
	s := &session{barred: fmt.Errorf("once: %w", seal.ErrRefused)}
	asked := 0
	err := s.login(Config{PIN: func() (string, error) { asked++; return "", nil }})
	if !errors.Is(err, seal.ErrRefused) || asked != 0 {
		t.Errorf("%v, asked %d times", err, asked)
	}
}

func TestConfig(t *testing.T) {
	for _, c := range []Config{{}, {Module: "x", Token: "t", Key: "k"}, {Module: "/nowhere/lib.so", Token: "t", Key: "k", PIN: pin("1")}} {
		if _, err := Open(c); err == nil {
			t.Errorf("%+v was taken", c.Module)
		}
	}
}
