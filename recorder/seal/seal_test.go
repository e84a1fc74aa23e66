package seal

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"naisen/recorder"
)

func ring(t testing.TB) *Files {
	t.Helper()
	f, err := OpenFiles(t.TempDir(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func sealed(t testing.TB, s *Sealer, plain []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := s.Seal(t.Context(), "d", &b)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func content(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

func TestSealAndOpen(t *testing.T) {
	s := New(ring(t))
	for _, n := range []int{0, 1, 65535, 65536, 65537, 300_000} {
		plain := content(n)
		b := sealed(t, s, plain)
		r, err := s.Open(t.Context(), "d", bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%d: stream differs: %v", n, err)
		}
		at, size, err := s.OpenAt(t.Context(), "d", bytes.NewReader(b), int64(len(b)))
		if err != nil || size != int64(n) {
			t.Fatalf("%d: size %d, %v", n, size, err)
		}
		if n > 100 {
			part := make([]byte, 100)
			if _, err := at.ReadAt(part, int64(n-100)); err != nil && err != io.EOF || !bytes.Equal(part, plain[n-100:]) {
				t.Errorf("%d: range differs: %v", n, err)
			}
		}
	}
}

// A bit flipped anywhere, or a piece cut off, is refused, by the stream and at random access; no altered byte comes out.
func TestAltered(t *testing.T) {
	s := New(ring(t))
	plain := content(150_000)
	good := sealed(t, s, plain)
	check := func(name string, b []byte) {
		t.Helper()
		r, err := s.Open(t.Context(), "d", bytes.NewReader(b))
		var got []byte
		if err == nil {
			got, err = io.ReadAll(r)
		}
		if !errors.Is(err, recorder.ErrIntegrity) {
			t.Errorf("%s: stream: %v", name, err)
		}
		if !bytes.HasPrefix(plain, got) {
			t.Errorf("%s: an altered byte came out", name)
		}
		at, size, err := s.OpenAt(t.Context(), "d", bytes.NewReader(b), int64(len(b)))
		if err == nil {
			_, err = io.ReadFull(io.NewSectionReader(at, 0, size), make([]byte, size))
		}
		if !errors.Is(err, recorder.ErrIntegrity) {
			t.Errorf("%s: random access: %v", name, err)
		}
	}
	for at := 0; at < len(good); at += 1 + len(good)/150 {
		b := bytes.Clone(good)
		b[at] ^= 0x20
		check(fmt.Sprintf("byte %d", at), b)
	}
	for _, cut := range []int{1, 16, 65552, len(good) - 10} {
		check(fmt.Sprintf("cut %d", cut), good[:len(good)-cut])
	}
	check("longer", append(bytes.Clone(good), 0))
}

// A store that fails is not an altered recording.
func TestSourceFails(t *testing.T) {
	s := New(ring(t))
	b := sealed(t, s, content(200_000))
	broken := errors.New("store is down")
	r, err := s.Open(t.Context(), "d", io.MultiReader(bytes.NewReader(b[:100_000]), failing{broken}))
	if err == nil {
		_, err = io.ReadAll(r)
	}
	if !errors.Is(err, broken) || errors.Is(err, recorder.ErrIntegrity) {
		t.Errorf("stream: %v", err)
	}
	_, _, err = s.OpenAt(t.Context(), "d", failing{broken}, int64(len(b)))
	if !errors.Is(err, broken) || errors.Is(err, recorder.ErrIntegrity) {
		t.Errorf("random access: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error)          { return 0, f.err }
func (f failing) ReadAt([]byte, int64) (int, error) { return 0, f.err }

// The stock tool opens a recording with the domain's identity, which it opens with the vault's file, and with the recovery one, and with no other; and
// what was re-wrapped with the domain's next one.
func TestStockTool(t *testing.T) {
	bin := t.TempDir()
	tool := filepath.Join(bin, "age")
	install := exec.Command("go", "install", "filippo.io/age/cmd/age@v1.3.2")
	install.Dir, install.Env = bin, append(os.Environ(), "GOBIN="+bin, "GOFLAGS=") // by its own go.mod, not by ours
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("install age: %v\n%s", err, out)
	}
	f, other := ring(t), ring(t)
	plain := content(100_000)
	path := filepath.Join(t.TempDir(), "r.age")
	if err := os.WriteFile(path, sealed(t, New(f), plain), 0o600); err != nil {
		t.Fatal(err)
	}
	recovery, _ := f.RecoveryPath()
	ofDomain := func(with, epoch string) string {
		text, err := exec.Command(tool, "-d", "-i", with, filepath.Join(f.cfg.Dir, "domains", "d", epoch+".identity.age")).Output()
		if err != nil {
			t.Fatalf("the domain's identity with %s: %v", with, err)
		}
		id := filepath.Join(t.TempDir(), "domain.agekey")
		if err := os.WriteFile(id, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return id
	}
	check := func(path string, opens bool, ids ...string) {
		t.Helper()
		for _, id := range ids {
			out, err := exec.Command(tool, "-d", "-i", id, path).Output()
			if opens && (err != nil || !bytes.Equal(out, plain)) || !opens && (err == nil || len(out) > 0) {
				t.Errorf("%s: %v", id, err)
			}
		}
	}
	first := ofDomain(f.VaultPath(), "0001")
	check(path, true, first, ofDomain(recovery, "0001"), recovery)
	check(path, false, f.VaultPath(), other.VaultPath(), f.private(spoolName))
	if _, err := f.Rotate("d"); err != nil {
		t.Fatal(err)
	}
	second := ofDomain(f.VaultPath(), "0002")
	check(path, false, second)
	object, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	fresh, epoch, err := New(f).Rewrap(t.Context(), "d", object[:HeadSize])
	if err != nil || epoch != 2 {
		t.Fatalf("epoch %d, %v", epoch, err)
	}
	spliced, err := Splice(bytes.NewReader(object), fresh)
	if err != nil {
		t.Fatal(err)
	}
	if object, err = io.ReadAll(spliced); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, object, 0o600); err != nil {
		t.Fatal(err)
	}
	check(path, true, second, recovery)
	check(path, false, first)
}

func TestFilesRestart(t *testing.T) {
	dir := t.TempDir()
	f, err := OpenFiles(dir, nil)
	if err != nil || len(f.Created()) != 3 {
		t.Fatalf("%v %v", f.Created(), err)
	}
	b := sealed(t, New(f), []byte("x"))
	spooled, err := New(f).SealSpool(t.Context(), []byte("journal key"))
	if err != nil {
		t.Fatal(err)
	}
	recovery, present := f.RecoveryPath()
	if !present {
		t.Error("no recovery identity on the first run")
	}
	for _, name := range f.Created() {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", name, info.Mode(), err)
		}
	}
	// The recovery identity goes offline, as it should, and the vault's to another machine: both stay recipients, none is made anew.
	kept, err := os.ReadFile(recovery)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(os.Remove(recovery), os.Remove(f.VaultPath())); err != nil {
		t.Fatal(err)
	}
	f, err = OpenFiles(dir, nil)
	if err != nil || len(f.Created()) != 0 {
		t.Fatalf("%v %v", f.Created(), err)
	}
	if _, present := f.RecoveryPath(); present {
		t.Error("the recovery identity came back")
	}
	if _, err := New(f).Open(t.Context(), "d", bytes.NewReader(b)); !errors.Is(err, ErrNoKey) {
		t.Errorf("open without the vault's identity: %v", err)
	}
	if got, err := New(f).OpenSpool(t.Context(), spooled, 100); err != nil || string(got) != "journal key" {
		t.Errorf("spool: %q %v", got, err)
	}
	ids, err := age.ParseIdentities(bytes.NewReader(kept))
	if err != nil {
		t.Fatal(err)
	}
	r, err := age.Decrypt(bytes.NewReader(sealed(t, New(f), []byte("later"))), ids...)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := io.ReadAll(r); string(got) != "later" {
		t.Errorf("recovery opens %q", got)
	}
}

// What cannot be a key is an error that does not repeat it, and a recipient of another identity is noticed.
func TestFilesDamaged(t *testing.T) {
	dir := t.TempDir()
	if _, err := OpenFiles(dir, nil); err != nil {
		t.Fatal(err)
	}
	other := ring(t)
	text, err := os.ReadFile(filepath.Join(other.cfg.Dir, "vault.recipient"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "vault.recipient"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenFiles(dir, nil); err == nil {
		t.Error("a foreign recipient was taken")
	}
	if err := os.WriteFile(filepath.Join(dir, "vault.agekey"), []byte("AGE-SECRET-KEY-PQ-1HUNTER2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenFiles(dir, nil); err == nil || strings.Contains(err.Error(), "HUNTER2") {
		t.Errorf("%v", err)
	}
}

// An identity that others on the machine can read is no secret: the switch says so instead of using it.
func TestIdentityModes(t *testing.T) {
	dir := t.TempDir()
	if _, err := OpenFiles(dir, nil); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"vault", "recovery", "spool"} {
		path := filepath.Join(dir, name+".agekey")
		for _, c := range []struct {
			mode os.FileMode
			ok   bool
		}{{0o600, true}, {0o400, true}, {0o640, false}, {0o604, false}, {0o600, true}} {
			if err := os.Chmod(path, c.mode); err != nil {
				t.Fatal(err)
			}
			if _, err := OpenFiles(dir, nil); (err == nil) != c.ok || err != nil && !strings.Contains(err.Error(), "chmod 600") {
				t.Errorf("%s with mode %o: %v", name, c.mode, err)
			}
		}
	}
}

func TestKeysAreNotPrinted(t *testing.T) {
	f := ring(t)
	for _, text := range []string{fmt.Sprintf("%v %+v %#v %s", f, f, f, f), f.LogValue().String()} {
		if strings.Contains(text, "AGE-") || strings.Contains(text, "age1") || !strings.Contains(text, "[redacted]") {
			t.Errorf("%.100s", text)
		}
	}
}

// FuzzOpen: no input makes opening panic, or gives bytes that were not sealed.
func FuzzOpen(f *testing.F) {
	s := New(ring(f))
	good := sealed(f, s, []byte("some audio that is only some bytes long"))
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add([]byte("age-encryption.org/v1\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if r, err := s.Open(t.Context(), "d", bytes.NewReader(b)); err == nil {
			got, err := io.ReadAll(r)
			if err == nil && string(got) != "some audio that is only some bytes long" {
				t.Fatalf("opened %q", got)
			}
		}
		if _, _, err := s.OpenAt(t.Context(), "d", bytes.NewReader(b), int64(len(b))); err == nil && !bytes.Equal(b, good) {
			t.Fatal("opened something else")
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	s := New(ring(b))
	plain := content(8 << 20)
	b.SetBytes(int64(len(plain)))
	for b.Loop() {
		w, err := s.Seal(b.Context(), "d", io.Discard)
		if err != nil {
			b.Fatal(err)
		}
		w.Write(plain)
		w.Close()
	}
}
