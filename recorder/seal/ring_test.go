package seal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"naisen/recorder"
)

func mustOpen(t testing.TB, cfg Config) *Files {
	t.Helper()
	f, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// opens says whether a sealer opens what was sealed for "d".
func opens(t testing.TB, f *Files, b []byte) error {
	t.Helper()
	r, err := New(f).Open(t.Context(), "d", bytes.NewReader(b))
	if err != nil {
		return err
	}
	_, err = io.ReadAll(r)
	return err
}

// A new key is used by every process at once; the old ones open what they sealed until they are retired, and then only the recovery does.
func TestRotate(t *testing.T) {
	dir := t.TempDir()
	day := time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC)
	f := mustOpen(t, Config{Dir: dir, Now: func() time.Time { return day }})
	beside := mustOpen(t, Config{Dir: dir})
	first := sealed(t, New(f), []byte("first"))
	if epoch, err := beside.Rotate("d"); err != nil || epoch != 2 {
		t.Fatalf("%d %v", epoch, err)
	}
	second := sealed(t, New(f), []byte("second"))
	if epoch, err := New(f).Epoch(t.Context(), "d"); err != nil || epoch != 2 {
		t.Errorf("%d %v", epoch, err)
	}
	if err := errors.Join(opens(t, f, first), opens(t, f, second), opens(t, beside, first), opens(t, beside, second), f.Opens(t.Context(), "d")); err != nil {
		t.Error(err)
	}
	if _, err := New(f).Open(t.Context(), "other", bytes.NewReader(second)); !errors.Is(err, ErrNoKey) {
		t.Errorf("another domain's key opened it: %v", err)
	}
	if err := f.Retire("d", 2); !errors.Is(err, ErrCurrent) {
		t.Error(err)
	}
	if err := f.Retire("d", 7); !errors.Is(err, ErrNoKey) {
		t.Error(err)
	}
	for range 2 { // killed after the first half, it is done again
		if err := f.Retire("d", 1); err != nil {
			t.Error(err)
		}
	}
	for _, ring := range []*Files{f, beside} {
		if err := opens(t, ring, first); !errors.Is(err, ErrNoKey) {
			t.Errorf("a retired key opens: %v", err)
		}
		if err := opens(t, ring, second); err != nil {
			t.Error(err)
		}
	}
	keys, err := f.Keys("d")
	if err != nil || len(keys) != 2 || keys[0].Epoch != 1 || !keys[0].Retired.Equal(day) || !keys[0].Created.Equal(day) || !keys[1].Retired.IsZero() {
		t.Errorf("%+v %v", keys, err)
	}
	if all, err := f.Domains(); err != nil || !slices.Equal(all, []string{"d"}) {
		t.Errorf("%q %v", all, err)
	}
	if epoch, err := f.Rotate("d"); err != nil || epoch != 3 {
		t.Errorf("a retired number was given again: %d %v", epoch, err)
	}
}

// What was sealed before domains had keys opens with the vault's own.
func TestBeforeDomainsHadKeys(t *testing.T) {
	f := ring(t)
	old, err := sealSmall([]byte("old"), f.vault, f.recovery)
	if err != nil {
		t.Fatal(err)
	}
	if err := opens(t, f, old); err != nil {
		t.Error(err)
	}
	sealed(t, New(f), nil) // the domain's first key
	if err := opens(t, f, old); err != nil {
		t.Error(err)
	}
}

func TestRotateTogether(t *testing.T) {
	dir := t.TempDir()
	mustOpen(t, Config{Dir: dir})
	var wg sync.WaitGroup
	var mu sync.Mutex
	seen := map[int]int{}
	for range 4 {
		f := mustOpen(t, Config{Dir: dir})
		wg.Go(func() {
			for range 5 {
				epoch, err := f.Rotate("d")
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				seen[epoch]++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	for i := 1; i <= 20; i++ {
		if seen[i] != 1 {
			t.Errorf("key %d was made %d times", i, seen[i])
		}
	}
	f := mustOpen(t, Config{Dir: dir})
	if err := opens(t, f, sealed(t, New(f), []byte("x"))); err != nil {
		t.Error(err)
	}
}

func TestDomainsThatAreNone(t *testing.T) {
	f := ring(t)
	for _, d := range []string{"", "..", "../vault", "a/b", ".hidden", "a b", strings.Repeat("a", 300), "a\x00"} {
		if _, _, err := f.Recipients(t.Context(), d); !errors.Is(err, ErrDomain) {
			t.Errorf("%q: %v", d, err)
		}
	}
}

// A new header gives the same file, to the new key and not to the old one; any other header opens nothing.
func TestRewrap(t *testing.T) {
	f := ring(t)
	s := New(f)
	for _, n := range []int{1, 65536, 200_000} {
		plain := content(n)
		b := sealed(t, s, plain)
		other := sealed(t, s, content(n))
		if _, err := f.Rotate("d"); err != nil {
			t.Fatal(err)
		}
		fresh, epoch, err := s.Rewrap(t.Context(), "d", b[:min(len(b), HeadSize)])
		if err != nil {
			t.Fatal(err)
		}
		newest, _ := s.Epoch(t.Context(), "d")
		if epoch != newest {
			t.Errorf("key %d, want %d", epoch, newest)
		}
		spliced, err := Splice(bytes.NewReader(b), fresh)
		if err != nil {
			t.Fatal(err)
		}
		whole, err := io.ReadAll(spliced)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Proves(t.Context(), "d", whole[:min(len(whole), ProofSize)]); err != nil {
			t.Errorf("%d: %v", n, err)
		}
		if err := s.Proves(t.Context(), "d", b[:min(len(b), ProofSize)]); !errors.Is(err, ErrNoKey) {
			t.Errorf("%d: the old header proves the new key: %v", n, err)
		}
		at, size, err := SpliceAt(bytes.NewReader(b), int64(len(b)), fresh)
		if err != nil || size != int64(len(whole)) {
			t.Fatalf("%d bytes, want %d, %v", size, len(whole), err)
		}
		direct := make([]byte, size)
		if _, err := io.ReadFull(io.NewSectionReader(at, 0, size), direct); err != nil || !bytes.Equal(direct, whole) {
			t.Errorf("%d: random access differs: %v", n, err)
		}
		if err := f.Retire("d", epoch-1); err != nil {
			t.Fatal(err)
		}
		r, err := s.Open(t.Context(), "d", bytes.NewReader(whole))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%d: %v", n, err)
		}
		foreign, _ := Splice(bytes.NewReader(other), fresh)
		if err := opens(t, f, must(io.ReadAll(foreign))); !errors.Is(err, recorder.ErrIntegrity) {
			t.Errorf("%d: one recording's header opened another one: %v", n, err)
		}
		for i := 0; i < len(fresh); i += 1 + len(fresh)/40 {
			bad := bytes.Clone(fresh)
			bad[i] ^= 1
			if s.Proves(t.Context(), "d", append(bad, whole[len(fresh):]...)[:min(len(whole), ProofSize)]) == nil {
				t.Fatalf("%d: byte %d of the header altered, and it opens", n, i)
			}
		}
	}
	if _, _, err := s.Rewrap(t.Context(), "d", []byte("no age file")); !errors.Is(err, recorder.ErrIntegrity) {
		t.Error(err)
	}
	if _, err := Splice(strings.NewReader(""), nil); !errors.Is(err, recorder.ErrIntegrity) {
		t.Error(err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// A process with public keys seals, rotates and opens its own spool; nothing that is stored, nor what an earlier run left. It reads no identity.
func TestPublicKeysOnly(t *testing.T) {
	dir, private := t.TempDir(), filepath.Join(t.TempDir(), "private")
	if _, err := Open(Config{Dir: dir, Public: true}); !errors.Is(err, ErrNoKey) {
		t.Errorf("before the vault's first start: %v", err)
	}
	vault := mustOpen(t, Config{Dir: dir, Private: private})
	if found, _ := filepath.Glob(filepath.Join(dir, "*.agekey*")); len(found) > 0 {
		t.Errorf("identities among the public keys: %q", found)
	}
	hidden := private + "-away"
	if err := os.Rename(private, hidden); err != nil { // whatever it reads, it is not there
		t.Fatal(err)
	}
	f := mustOpen(t, Config{Dir: dir, Public: true})
	b := sealed(t, New(f), []byte("audio"))
	if epoch, err := f.Rotate("d"); err != nil || epoch != 2 {
		t.Errorf("%d %v", epoch, err)
	}
	if err := opens(t, f, b); !errors.Is(err, ErrNoKey) || errors.Is(err, recorder.ErrIntegrity) {
		t.Error(err)
	}
	if _, _, err := New(f).Rewrap(t.Context(), "d", b); !errors.Is(err, ErrNoKey) {
		t.Error(err)
	}
	if err := opens(t, vault, b); err != nil {
		t.Error(err)
	}
	spooled, err := New(f).SealSpool(t.Context(), []byte("journal key"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := New(f).OpenSpool(t.Context(), spooled, 100); err != nil || string(got) != "journal key" {
		t.Errorf("%q %v", got, err)
	}
	if got, err := New(vault).OpenSpool(t.Context(), spooled, 100); err != nil || string(got) != "journal key" {
		t.Errorf("the vault: %q %v", got, err)
	}
	again := mustOpen(t, Config{Dir: dir, Public: true})
	if _, err := New(again).OpenSpool(t.Context(), spooled, 100); !errors.Is(err, ErrNoKey) {
		t.Errorf("the next run opened it: %v", err)
	}
}

// A passphrase keeps the vault's keys: no file of the ring opens anything, the stock format does, and another passphrase does not.
func TestPassphrase(t *testing.T) {
	dir := t.TempDir()
	safe := &Passphrase{"correct horse battery", 10}
	f := mustOpen(t, Config{Dir: dir, Safe: safe, Hold: -1})
	b := sealed(t, New(f), []byte("audio"))
	for _, name := range []string{"vault.agekey", "spool.agekey"} {
		if _, err := os.Stat(filepath.Join(dir, name)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is there", name)
		}
		text := must(os.ReadFile(filepath.Join(dir, name+".age")))
		if !bytes.HasPrefix(text, []byte("age-encryption.org/v1\n-> scrypt ")) {
			t.Errorf("%s: %.40q", name, text)
		}
	}
	f = mustOpen(t, Config{Dir: dir, Safe: safe, Hold: -1})
	if err := opens(t, f, b); err != nil {
		t.Error(err)
	}
	wrong := mustOpen(t, Config{Dir: dir, Safe: &Passphrase{"incorrect horse battery", 10}, Hold: -1})
	if err := opens(t, wrong, b); !errors.Is(err, recorder.ErrIntegrity) || strings.Contains(err.Error(), "horse") {
		t.Error(err)
	}
	sealed(t, New(wrong), []byte("recording goes on"))
	if _, err := Open(Config{Dir: dir}); err == nil || !strings.Contains(err.Error(), "safe") {
		t.Errorf("without the safe: %v", err)
	}
	if _, err := NewPassphrase("short"); err == nil {
		t.Error("a short passphrase was taken")
	}
	if text := fmt.Sprintf("%v %+v %#v", safe, safe, safe); strings.Contains(text, "horse") {
		t.Error(text)
	}
}

// fakeSafe wraps by nothing at all, and can be told to fail.
type fakeSafe struct {
	mu    sync.Mutex
	fail  error
	asked int
}

func (*fakeSafe) Kind() string { return "fake" }

func (s *fakeSafe) Wrap(_ context.Context, b []byte) ([]byte, error) {
	return bytes.Clone(b), s.answer()
}

func (s *fakeSafe) Unwrap(_ context.Context, b []byte) ([]byte, error) {
	return bytes.Clone(b), s.answer()
}

func (s *fakeSafe) answer() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	return s.fail
}

func (s *fakeSafe) set(err error) (asked int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked, s.asked, s.fail = s.asked, 0, err
	return asked
}

// A safe that does not answer is not noticed for the hold, then nothing opens until it is back; one that refuses ends it at once, at the latest after a
// minute, and for whoever begins to listen now. Sealing needs it never.
func TestHold(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		safe := &fakeSafe{}
		f := mustOpen(t, Config{Dir: dir, Safe: safe, Hold: 10 * time.Minute})
		s := New(f)
		b := sealed(t, s, []byte("audio"))
		check := func(when string, want error) {
			t.Helper()
			if err := opens(t, f, b); !errors.Is(err, want) || want == nil && err != nil {
				t.Errorf("%s: %v", when, err)
			}
			sealed(t, s, []byte("recording goes on"))
		}
		renew := func(when string, want error, asked int) {
			t.Helper()
			if err := s.Renew(t.Context()); !errors.Is(err, want) || want == nil && err != nil {
				t.Errorf("%s: %v", when, err)
			}
			if n := safe.set(safe.fail); n != asked {
				t.Errorf("%s: asked %d times instead of %d", when, n, asked)
			}
		}
		check("at first", nil)
		safe.set(ErrUnavailable)
		time.Sleep(59 * time.Second)
		check("not asked yet", nil)
		if n := safe.set(ErrUnavailable); n != 0 {
			t.Errorf("asked %d times in the first minute", n)
		}
		time.Sleep(2 * time.Second)
		for range 10 {
			check("asked in vain", nil)
		}
		renew("somebody begins to listen", nil, 1)
		renew("and another", nil, 0)
		time.Sleep(8*time.Minute + 58*time.Second)
		check("the hold is not over", nil)
		renew("one more in vain", nil, 1)
		time.Sleep(2 * time.Second)
		check("the hold is over", ErrUnavailable)
		check("still", ErrUnavailable)
		if _, err := s.OpenSpool(t.Context(), must(s.SealSpool(t.Context(), []byte("x"))), 10); err != nil {
			t.Errorf("what this run put into its spool: %v", err)
		}
		safe.set(nil)
		check("it is back", nil)
		time.Sleep(askMost)
		safe.set(ErrRefused)
		check("disabled", ErrRefused)
		safe.set(ErrUnavailable)
		check("and away", ErrUnavailable)
		safe.set(nil)
		check("enabled again", nil)
		safe.set(nil)
		renew("at once", nil, 0)
		time.Sleep(2 * askLeast)
		renew("a moment later", nil, 1)
		time.Sleep(2 * askLeast)
		safe.set(ErrRefused)
		check("nobody asked", nil)
		renew("disabled while it was held", ErrRefused, 1)
		check("and from then on", ErrRefused)
	})
}

// A ring in plain files moves into a safe; killed between any two steps it is done again, and at no moment is a key gone.
func TestProtect(t *testing.T) {
	dir := t.TempDir()
	f := mustOpen(t, Config{Dir: dir})
	b := sealed(t, New(f), []byte("audio"))
	safe := &Passphrase{"correct horse battery", 10}
	if f = mustOpen(t, Config{Dir: dir, Safe: safe}); !f.Unprotected() {
		t.Error("nobody says that the key is in a plain file")
	}
	if err := opens(t, f, b); err != nil {
		t.Errorf("until it is protected: %v", err)
	}
	plain := must(os.ReadFile(f.VaultPath()))
	for i := range 3 {
		gone, err := mustOpen(t, Config{Dir: dir, Safe: safe}).Protect(t.Context())
		if err != nil || len(gone) != []int{2, 1, 0}[i] {
			t.Fatalf("%q %v", gone, err)
		}
		f = mustOpen(t, Config{Dir: dir, Safe: safe})
		if err := opens(t, f, b); err != nil || f.Unprotected() {
			t.Error(err)
		}
		if i == 0 { // killed before the plain file went
			if err := os.WriteFile(f.VaultPath(), plain, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := mustOpen(t, Config{Dir: t.TempDir()}).Protect(t.Context()); err == nil {
		t.Error("protected by nothing")
	}
	broken := &fakeSafe{}
	dir = t.TempDir()
	mustOpen(t, Config{Dir: dir})
	f = mustOpen(t, Config{Dir: dir, Safe: broken})
	broken.set(ErrUnavailable)
	if _, err := f.Protect(t.Context()); !errors.Is(err, ErrUnavailable) {
		t.Error(err)
	}
	if _, err := os.Stat(f.VaultPath()); err != nil {
		t.Errorf("the plain file went although the safe did not answer: %v", err)
	}
}

// A recovery key from another machine: only its recipient is here, from the first run or later.
func TestRecoveryFromElsewhere(t *testing.T) {
	identity, recipient, err := NewIdentity(time.Now())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "recovery.recipient")
	if err := os.WriteFile(file, []byte("# of the ward\n"+recipient+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := mustOpen(t, Config{Dir: t.TempDir(), Recovery: file})
	if path, here := f.RecoveryPath(); here || len(f.Created()) != 2 {
		t.Errorf("%s was made here", path)
	}
	id := must(parseIdentity(identity, "test"))
	if got := must(openSmall(sealed(t, New(f), []byte("audio")), id)); string(got) != "audio" {
		t.Errorf("%q", got)
	}
	dir := t.TempDir()
	f = mustOpen(t, Config{Dir: dir})
	if _, err := Open(Config{Dir: dir, Recovery: file}); err == nil {
		t.Error("a recovery key lies here, and another one was taken beside it")
	}
	path, _ := f.RecoveryPath()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	f = mustOpen(t, Config{Dir: dir, Recovery: file})
	if got := must(openSmall(sealed(t, New(f), []byte("audio")), id)); string(got) != "audio" {
		t.Errorf("%q", got)
	}
	if err := os.WriteFile(file, identity, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Config{Dir: t.TempDir(), Recovery: file}); err == nil || strings.Contains(err.Error(), "SECRET") {
		t.Errorf("an identity in the place of a recipient: %v", err)
	}
}
