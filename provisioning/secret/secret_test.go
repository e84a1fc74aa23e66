package secret_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"naisen/provisioning"
	"naisen/provisioning/secret"
)

func TestNothingPrintsASecret(t *testing.T) {
	const plain = "tr0ub4dor"
	s := secret.New(plain)
	cred := provisioning.SIPCredential{HA1MD5: plain, HA1SHA256: plain}
	type holder struct {
		S secret.Secret
		C provisioning.SIPCredential
		P *secret.Secret
		s secret.Secret
	}
	h := holder{S: s, C: cred, P: &s, s: s}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%08b", "%t"} {
		fmt.Fprintf(&out, verb+verb+verb, s, cred, &s)
		fmt.Fprintf(&out, verb, h)
	}
	for _, log := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(log).Info("made", "secret", s, "cred", cred, "both", h)
	}
	b, err := json.Marshal(h)
	if err != nil {
		t.Fatal(err)
	}
	out.Write(b)
	text := out.String()
	if strings.Contains(text, plain) || strings.Contains(text, fmt.Sprintf("%x", plain)) || strings.Contains(text, fmt.Sprintf("%X", plain)) {
		t.Errorf("the secret is printed: %s", text)
	}
	if !strings.Contains(text, "[redacted]") {
		t.Error("nothing was printed: the test tests nothing")
	}
	if s.Reveal() != plain || s.IsZero() || !s.Equal(secret.New(plain)) || s.Equal(secret.New("other")) {
		t.Error("Reveal, IsZero or Equal is wrong")
	}
}

// TestSIPCredential: vectors computed with md5sum and sha256sum.
func TestSIPCredential(t *testing.T) {
	got := secret.SIPCredential("2001", "pbx.example.jp", secret.New("opensesame"))
	want := provisioning.SIPCredential{
		HA1MD5:    "fd0e79a309d14f20aec161634dff33c2",
		HA1SHA256: "9a72a87e6afde2adc1b19162f572f99c753e1f6bbd468f382eec546799b4585b",
	}
	if got != want {
		t.Errorf("HA1 is wrong: %s", got.Encode())
	}
	back, err := provisioning.DecodeSIPCredential(got.Encode())
	if err != nil || back != got {
		t.Errorf("Encode and Decode differ: %v", err)
	}
	if _, err := provisioning.DecodeSIPCredential([]byte(`{"ha1_md5":7}`)); err == nil {
		t.Error("a credential that is none was read")
	}
}

func TestNewSIPSecret(t *testing.T) {
	seen := map[string]bool{}
	for range 100 {
		plain, cred := secret.NewSIPSecret("2001", "a.example")
		if !regexp.MustCompile(`^[a-z2-7]{26}$`).MatchString(plain.Reveal()) || seen[plain.Reveal()] {
			t.Fatal("not a fresh password of 26 typeable characters")
		}
		seen[plain.Reveal()] = true
		if cred != secret.SIPCredential("2001", "a.example", plain) {
			t.Fatal("credential does not belong to the password")
		}
	}
}

func open(t *testing.T, path string) *secret.Keyring {
	t.Helper()
	k, err := secret.OpenKeyring(path)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestSealOpen(t *testing.T) {
	k := open(t, filepath.Join(t.TempDir(), "keys", "secrets.key"))
	for _, plain := range [][]byte{[]byte("s3cret"), {}, bytes.Repeat([]byte{7}, 64<<10)} {
		sealed, err := k.Seal("a.example", "sip", "2001", plain)
		if err != nil {
			t.Fatal(err)
		}
		if len(plain) > 0 && bytes.Contains(sealed, plain) {
			t.Fatal("sealed holds the plain text")
		}
		got, err := k.Open("a.example", "sip", "2001", sealed)
		if err != nil || !bytes.Equal(got, plain) {
			t.Fatalf("open: %v", err)
		}
		again, _ := k.Seal("a.example", "sip", "2001", plain)
		if bytes.Equal(sealed, again) {
			t.Fatal("two seals are equal: the nonce repeats")
		}
	}
	if _, err := k.Seal("a", "b", "c", make([]byte, 64<<10+1)); err == nil {
		t.Error("sealed more than the bound")
	}
}

func TestSealedOpensInItsPlaceOnly(t *testing.T) {
	k := open(t, filepath.Join(t.TempDir(), "secrets.key"))
	sealed, err := k.Seal("a.example", "sip", "2001", []byte("s3cret"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range [][3]string{
		{"b.example", "sip", "2001"}, {"a.example", "trunk", "2001"}, {"a.example", "sip", "2002"},
		{"a.examples", "ip", "2001"}, {"a.example", "sip2", "001"}, {"", "", ""},
	} {
		if _, err := k.Open(p[0], p[1], p[2], sealed); !errors.Is(err, secret.ErrDamaged) {
			t.Errorf("opened at %v: %v", p, err)
		}
	}
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		if _, err := k.Open("a.example", "sip", "2001", bad); err == nil {
			t.Errorf("byte %d flipped and it opens", i)
		}
	}
	for n := range sealed {
		if _, err := k.Open("a.example", "sip", "2001", sealed[:n]); err == nil {
			t.Errorf("cut to %d bytes and it opens", n)
		}
	}
}

func TestRotate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secrets.key")
	k := open(t, path)
	first, err := k.Seal("d", "sip", "1", []byte("old"))
	if err != nil {
		t.Fatal(err)
	}
	id := k.KeyID()
	if err := k.Rotate(); err != nil {
		t.Fatal(err)
	}
	second, err := k.Seal("d", "sip", "1", []byte("new"))
	if err != nil {
		t.Fatal(err)
	}
	if k.KeyID() == id || bytes.Equal(first[1:9], second[1:9]) {
		t.Error("still seals with the old key")
	}
	again := open(t, path)
	for want, sealed := range map[string][]byte{"old": first, "new": second} {
		if got, err := again.Open("d", "sip", "1", sealed); err != nil || string(got) != want {
			t.Errorf("%s after a restart: %q, %v", want, got, err)
		}
	}
	other := open(t, filepath.Join(t.TempDir(), "secrets.key"))
	if _, err := other.Open("d", "sip", "1", first); !errors.Is(err, secret.ErrUnknownKey) {
		t.Errorf("a foreign key ring says %v", err)
	}
}

func TestKeyFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "keys", "secrets.key")
	var rings [8]*secret.Keyring
	var wg sync.WaitGroup
	for i := range rings {
		wg.Go(func() { rings[i], _ = secret.OpenKeyring(path) })
	}
	wg.Wait()
	for _, k := range rings {
		if k == nil || k.KeyID() != rings[0].KeyID() {
			t.Fatal("two starts at once made two keys")
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode is %v, %v", info.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "keys", ".key-*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	for name, spoil := range map[string]func() error{
		"group can read": func() error { return os.Chmod(path, 0o640) },
		"garbage":        func() error { return os.WriteFile(path, []byte("hello\n"), 0o600) },
		"empty":          func() error { return os.WriteFile(path, nil, 0o600) },
		"short key":      func() error { return os.WriteFile(path, []byte("naisen-secret-key-1 AAAA\n"), 0o600) },
		"a directory":    func() error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o700)) },
	} {
		if name == "a directory" {
			path = filepath.Join(dir, "d.key")
			spoil = func() error { return os.Mkdir(path, 0o700) }
		}
		if err := spoil(); err != nil {
			t.Fatal(err)
		}
		if _, err := secret.OpenKeyring(path); !errors.Is(err, secret.ErrKeyFile) {
			t.Errorf("%s: %v", name, err)
		}
		path = filepath.Join(dir, "keys", "secrets.key")
		_ = os.Chmod(path, 0o600)
	}
}
