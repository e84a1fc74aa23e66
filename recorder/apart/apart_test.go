package apart

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"naisen/recorder"
	"naisen/recorder/catalogue"
	"naisen/recorder/objstore"
	"naisen/recorder/seal"
	"naisen/recorder/unseal"
	"naisen/recorder/watermark"
)

// What public keys sealed is heard through the vault, whole and in ranges, recordings and messages, tracks and manifests; and the switch never had a key.
func TestHeardThroughTheVault(t *testing.T) {
	h := newHouse(t)
	if err := os.Rename(h.private, h.private+"-away"); err != nil { // the vault has read it; nobody else may
		t.Fatal(err)
	}
	row := h.recording(t, h.store, "r1", 300_000)
	part := objstore.Under(h.store, "messages")
	message := h.recording(t, part, "m1", 70_000)
	ctx := unseal.WithListener(t.Context(), "hanako@a.example")
	for _, c := range []struct {
		opener *Opener
		row    catalogue.Row
	}{{h.client.Opener(h.store, h.sealer, ""), row}, {h.client.Opener(part, h.sealer, "messages"), message}} {
		want := h.audio[c.row.ID]
		r, size, closer, err := c.opener.Open(ctx, c.row)
		if err != nil || size != int64(len(want)) {
			t.Fatalf("%d bytes, %v", size, err)
		}
		for _, at := range []struct{ off, n int }{{0, 100}, {100, 5000}, {69_000, 1000}, {10, 20}, {len(want) - 5, 5}} {
			got := make([]byte, at.n)
			if n, err := r.ReadAt(got, int64(at.off)); n != at.n || err != nil && err != io.EOF || !bytes.Equal(got, want[at.off:at.off+at.n]) {
				t.Errorf("%d+%d: %d %v", at.off, at.n, n, err)
			}
		}
		if n, err := r.ReadAt(make([]byte, 10), size-4); n != 4 || err != io.EOF {
			t.Errorf("over the end: %d %v", n, err)
		}
		if got, err := whole(r, size); err != nil || !bytes.Equal(got, want) {
			t.Errorf("whole: %v", err)
		}
		closer.Close()
		if m, err := c.opener.Manifest(t.Context(), c.row); err != nil || m.ID != c.row.ID {
			t.Errorf("manifest: %v", err)
		}
		if m, p, err := c.opener.Waveform(ctx, c.row); err != nil || m.ID != c.row.ID || p == nil || p.StepUS != 20_000 || string(p.Left) != c.row.ID {
			t.Errorf("waveform: %+v %v", p, err)
		}
		r, size, closer, err = c.opener.Track(ctx, c.row, 1)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := whole(r, size); err != nil || !bytes.Equal(got, h.audio[c.row.ID+".1"]) {
			t.Errorf("track: %v", err)
		}
		closer.Close()
		for _, n := range []int{-1, 0, 2, 100} {
			if _, _, _, err := c.opener.Track(ctx, c.row, n); !errors.Is(err, recorder.ErrNotFound) {
				t.Errorf("track %d: %v", n, err)
			}
		}
	}
	if _, _, _, err := h.client.Opener(h.store, h.sealer, "").Open(ctx, message); !errors.Is(err, objstore.ErrNotFound) {
		t.Errorf("a message as a recording: %v", err)
	}
}

// A listener's copy is one request of the vault, or one more where it begins in the middle, however long the recording is.
func TestCopyIsOneStream(t *testing.T) {
	h := newHouse(t)
	const seconds = 60
	sound := make([]byte, 44+seconds*8000*4)
	copy(sound, "RIFF____WAVEfmt \x10\x00\x00\x00\x01\x00\x02\x00\x40\x1f\x00\x00\x00\x7d\x00\x00\x04\x00\x10\x00data")
	binary.LittleEndian.PutUint32(sound[40:], uint32(len(sound)-44))
	rand.NewChaCha8([32]byte{1}).Read(sound[44:])
	row := h.keep(t, h.store, "r1", sound, nil)
	key, err := watermark.NewHolder(filepath.Join(h.public, "marks.age"), h.sealer).Key(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ from, asked int64 }{{0, 1}, {int64(len(sound)) / 2, 2}} {
		before := h.server.Served.Load()
		r, size, closer, err := h.client.Opener(h.store, h.sealer, "").Open(t.Context(), row)
		if err != nil {
			t.Fatal(err)
		}
		heard, err := key.Copy(r, size, 7)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(io.NewSectionReader(heard, c.from, size-c.from))
		if err != nil || int64(len(got)) != size-c.from || bytes.Equal(got, sound[c.from:]) {
			t.Errorf("%d octets, %v", len(got), err)
		}
		closer.Close()
		h.client.Close() // what was cut off is counted when its connection has ended
		if err := until(t.Context(), func() bool { return h.server.Served.Load()-before >= c.asked }); err != nil {
			t.Error(err)
		}
		if asked := h.server.Served.Load() - before; asked != c.asked {
			t.Errorf("from %d: the vault was asked %d times instead of %d", c.from, asked, c.asked)
		}
	}
}

// until waits for what other goroutines do, at most ten seconds.
func until(ctx context.Context, done func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// What is no socket at the socket's place is somebody's: it stays, and nothing listens.
func TestNoSocketIsNotRemoved(t *testing.T) {
	h := newHouse(t)
	path := filepath.Join(h.public, "precious")
	for what, make := range map[string]func() error{
		"file": func() error { return os.WriteFile(path, []byte("x"), 0o600) },
		"link": func() error { return os.Symlink(filepath.Join(h.public, "vault.recipient"), path) },
		"dir":  func() error { return os.Mkdir(path, 0o700) },
	} {
		if err := make(); err != nil {
			t.Fatal(err)
		}
		s, err := Listen(ServerConfig{Socket: path, Keys: h.public, Sealer: seal.New(h.vault), Store: h.store, Status: h.vault.Ask})
		if err == nil {
			closeServer(t, s)
			t.Errorf("%s: listens", what)
		}
		if _, err := os.Lstat(path); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
	}
}

// What was altered is not played, and what the store fails to give is not the end of a recording.
func TestAltered(t *testing.T) {
	h := newHouse(t)
	row := h.recording(t, h.store, "r1", 300_000)
	opener := h.client.Opener(h.store, h.sealer, "")
	other := row
	other.SealedSHA256 = strings.Repeat("0", 64)
	if _, _, _, err := opener.Open(t.Context(), other); !errors.Is(err, recorder.ErrIntegrity) {
		t.Errorf("another hash than the catalogue's: %v", err)
	}
	other = row
	other.ID = "r2"
	if _, _, _, err := opener.Open(t.Context(), other); !errors.Is(err, recorder.ErrIntegrity) {
		t.Errorf("another recording's manifest: %v", err)
	}
	r, size, closer, err := opener.Open(t.Context(), row)
	if err != nil {
		t.Fatal(err)
	}
	closer.Close()
	h.store.after = 150_000
	got, err := whole(r, size)
	if !errors.Is(err, seal.ErrUnavailable) || len(got) == 0 || !bytes.HasPrefix(h.audio["r1"], got) {
		t.Errorf("the store failed in the middle: %d bytes, %v", len(got), err)
	}
}

// Without a permit of the switch nobody gets anything: none, somebody else's, an old one, a used one, one for something else, one that was altered.
func TestPermits(t *testing.T) {
	h := newHouse(t)
	row := h.recording(t, h.store, "r1", 1000)
	good := permit{Act: actAudio, Domain: domain, Recording: row.ID, Object: row.Object, SHA256: row.SealedSHA256, Bytes: row.SealedBytes, Listener: "x"}
	ask := func(act, header string) int {
		t.Helper()
		client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(context.Context, string, string) (net.Conn, error) { return net.Dial("unix", h.socket) }}}
		req, err := http.NewRequestWithContext(t.Context(), "POST", "http://vault/"+act+"?from=0", nil)
		if err != nil {
			t.Fatal(err)
		}
		if header != "" {
			req.Header.Set("Authorization", header)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != 200 && bytes.Contains(text, h.audio["r1"][:50]) {
			t.Error("audio in a refusal")
		}
		return resp.StatusCode
	}
	sign := func(s *signer, p permit) string {
		t.Helper()
		token, err := s.sign(p)
		if err != nil {
			t.Fatal(err)
		}
		return "Permit " + token
	}
	token := sign(h.client.signer, good)
	if got := ask(actAudio, token); got != 200 {
		t.Fatalf("a good permit: %d", got)
	}
	stranger, err := openSigner(t.TempDir(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	late := *h.client.signer
	late.now = func() time.Time { return time.Now().Add(-2 * permitLife) }
	early := *h.client.signer
	early.now = func() time.Time { return time.Now().Add(time.Hour) }
	text, sig, _ := strings.Cut(sign(h.client.signer, good), ".")
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(text, "Permit "))
	if err != nil {
		t.Fatal(err)
	}
	forged := "Permit " + base64.RawURLEncoding.EncodeToString(bytes.Replace(raw, []byte(`"r1"`), []byte(`"r2"`), 1)) + "." + sig
	for name, c := range map[string]struct{ act, header string }{
		"none":           {actAudio, ""},
		"a second time":  {actAudio, token},
		"a stranger's":   {actAudio, sign(stranger, good)},
		"too late":       {actAudio, sign(&late, good)},
		"far ahead":      {actAudio, sign(&early, good)},
		"another act":    {actSpool, sign(h.client.signer, good)},
		"altered":        {actAudio, forged},
		"bearer":         {actAudio, "Bearer " + strings.TrimPrefix(token, "Permit ")},
		"empty":          {actAudio, "Permit ."},
		"another part":   {actAudio, sign(h.client.signer, permit{Act: actAudio, Part: "elsewhere", Domain: domain})},
		"very long":      {actAudio, "Permit " + strings.Repeat("A", 2*maxPermit)},
		"no base64":      {actAudio, "Permit !.!"},
		"status by none": {actStatus, ""},
	} {
		if got := ask(c.act, c.header); got != http.StatusForbidden {
			t.Errorf("%s: %d", name, got)
		}
	}
	if got := ask("keys", token); got != http.StatusNotFound {
		t.Errorf("something else: %d", got)
	}
}

// The manifest's door gives no audio, and another domain's key nothing of this one.
func TestOnlyManifests(t *testing.T) {
	h := newHouse(t)
	row := h.recording(t, h.store, "r1", 1000)
	for name, from := range map[string]string{"audio": row.Object, "track": catalogue.TrackName(row.Object, 1)} {
		sealed, err := h.store.Get(t.Context(), from, 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.client.OpenManifest(t.Context(), domain, sealed); !errors.Is(err, recorder.ErrIntegrity) {
			t.Errorf("%s: %v", name, err)
		}
	}
	sealed, err := h.store.Get(t.Context(), catalogue.ManifestName(row.Object), 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.client.OpenManifest(t.Context(), "b.example", sealed); !errors.Is(err, seal.ErrNoKey) {
		t.Errorf("another domain: %v", err)
	}
	decided := `{"domain":"` + domain + `","remarks":"` + strings.Repeat("x", 2<<20) + `"}` // what people decided, at length
	if plain, err := h.client.OpenManifest(t.Context(), domain, bytes.NewReader(h.sealedFor(t, decided))); err != nil {
		t.Error(err)
	} else if got, err := io.ReadAll(plain); err != nil || string(got) != decided {
		t.Errorf("what people decided: %d bytes, %v", len(got), err)
	}
	if _, err := h.client.OpenSpool(t.Context(), h.sealedFor(t, "audio"), 1000); !errors.Is(err, seal.ErrNoKey) {
		t.Errorf("a recording by the spool's door: %v", err)
	}
}

func (h *house) sealedFor(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := h.sealer.Seal(t.Context(), domain, &b)
	if err == nil {
		_, err = io.WriteString(w, text)
		err = errors.Join(err, w.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Headers are made by the vault for the newest key and proved by it.
func TestRewrapThroughTheVault(t *testing.T) {
	h := newHouse(t)
	old := h.sealedFor(t, "audio")
	if epoch, err := h.ring.Rotate(domain); err != nil || epoch != 2 {
		t.Fatalf("%d %v", epoch, err)
	}
	fresh, epoch, err := h.sealer.Rewrap(t.Context(), domain, old)
	if err != nil || epoch != 2 {
		t.Fatalf("%d %v", epoch, err)
	}
	spliced, err := seal.Splice(bytes.NewReader(old), fresh)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(spliced)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.sealer.Proves(t.Context(), domain, text); err != nil {
		t.Error(err)
	}
	if err := h.sealer.Proves(t.Context(), domain, old); !errors.Is(err, seal.ErrNoKey) {
		t.Errorf("an old header proves itself: %v", err)
	}
}

// A vault that is not there is told as such; what a restart finds is as before. A second one does not take the first one's place.
func TestVaultAway(t *testing.T) {
	h := newHouse(t)
	row := h.recording(t, h.store, "r1", 1000)
	spooled, err := h.sealer.SealSpool(t.Context(), []byte("journal key"))
	if err != nil {
		t.Fatal(err)
	}
	if err := h.client.Status(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := Listen(ServerConfig{Socket: h.socket, Keys: h.public, Sealer: seal.New(h.vault), Store: h.store, Status: h.vault.Ask}); err == nil {
		t.Error("two vaults on one socket")
	}
	closeServer(t, h.server)
	opener := h.client.Opener(h.store, h.sealer, "")
	if _, _, _, err := opener.Open(t.Context(), row); !errors.Is(err, ErrAway) || !errors.Is(err, seal.ErrUnavailable) {
		t.Error(err)
	}
	if err := h.client.Status(t.Context()); !errors.Is(err, ErrAway) {
		t.Error(err)
	}
	h.sealedFor(t, "recording goes on")
	if got, err := h.sealer.OpenSpool(t.Context(), spooled, 100); err != nil || string(got) != "journal key" {
		t.Errorf("what this run put into its spool: %q %v", got, err)
	}
	again, err := seal.Open(seal.Config{Dir: h.public, Public: true})
	if err != nil {
		t.Fatal(err)
	}
	next := seal.Apart(again, h.client)
	if _, err := next.OpenSpool(t.Context(), spooled, 100); !errors.Is(err, ErrAway) {
		t.Errorf("the next run, without the vault: %v", err)
	}
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: h.socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	left.SetUnlinkOnClose(false) // what a kill leaves
	if err := left.Close(); err != nil {
		t.Fatal(err)
	}
	h.start(t)
	if got, err := next.OpenSpool(t.Context(), spooled, 100); err != nil || string(got) != "journal key" {
		t.Errorf("the next run, with the vault: %q %v", got, err)
	}
	if _, _, closer, err := opener.Open(t.Context(), row); err != nil {
		t.Error(err)
	} else {
		closer.Close()
	}
}

// Every error crosses the socket as what it is.
func TestErrorsCross(t *testing.T) {
	h := newHouse(t)
	var said error
	closeServer(t, h.server)
	var err error
	h.server, err = Listen(ServerConfig{Socket: filepath.Join(h.public, "s"), Keys: h.public, Sealer: seal.New(h.vault), Store: h.store,
		Status: func(context.Context) error { return said }})
	if err != nil {
		t.Fatal(err)
	}
	defer closeServer(t, h.server)
	c, err := Dial(filepath.Join(h.public, "s"), h.public)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, want := range []error{nil, recorder.ErrIntegrity, seal.ErrNoKey, seal.ErrRefused, seal.ErrUnavailable, recorder.ErrNotFound, objstore.ErrNotFound, errLater} {
		said = want
		if got := c.Status(t.Context()); !errors.Is(got, want) || want == nil && got != nil {
			t.Errorf("%v: %v", want, got)
		}
	}
	said = errors.Join(recorder.ErrIntegrity, seal.ErrNoKey)
	if got := c.Status(t.Context()); !errors.Is(got, recorder.ErrIntegrity) || !errors.Is(got, seal.ErrNoKey) {
		t.Error(got)
	}
	said = errBroken
	if got := c.Status(t.Context()); !errors.Is(got, errLater) || strings.Contains(got.Error(), errBroken.Error()) {
		t.Error(got)
	}
}
