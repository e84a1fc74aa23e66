package pipeline

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"naisen/media"
	"naisen/media/codec"
	"naisen/recorder"
	"naisen/recorder/catalogue"
	"naisen/recorder/objstore"
	"naisen/recorder/objstore/dir"
	"naisen/recorder/seal"
)

// rig is a whole recorder in a directory. It can be opened again on the same one.
type rig struct {
	*Pipeline
	root   string
	files  *seal.Files
	sealer *seal.Sealer
	store  objstore.Store
	cat    *catalogue.Catalogue
	days   int // class of what record makes
}

func openRig(t testing.TB, root string, wrap func(objstore.Store) objstore.Store, change func(*Config)) *rig {
	t.Helper()
	r := &rig{root: root}
	var err error
	if r.files, err = seal.OpenFiles(filepath.Join(root, "keys"), nil); err != nil {
		t.Fatal(err)
	}
	r.sealer = seal.New(r.files)
	local, err := dir.Open(filepath.Join(root, "recordings"), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.store = local
	if wrap != nil {
		r.store = wrap(local)
	}
	if r.cat, err = catalogue.Open(t.Context(), filepath.Join(root, "recordings.db"), nil); err != nil {
		t.Fatal(err)
	}
	cfg := Config{Dir: filepath.Join(root, "spool"), Sealer: r.sealer, Store: r.store, Catalogue: r.cat, RetryFirst: 5 * time.Millisecond,
		RetryMost: 50 * time.Millisecond}
	if change != nil {
		change(&cfg)
	}
	if r.Pipeline, err = Open(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.close(t, time.Second); local.Close() })
	return r
}

func (r *rig) close(t testing.TB, grace time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), grace)
	defer cancel()
	if err := r.Close(ctx); err != nil {
		t.Error(err)
	}
	r.cat.Close()
}

func (r *rig) settle(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := r.Settle(ctx); err != nil {
		t.Fatalf("settle: %v, %+v", err, r.Stats())
	}
}

func (r *rig) row(t testing.TB, id string) catalogue.Row {
	t.Helper()
	row, err := r.cat.Get(t.Context(), "a.example", id)
	if err != nil {
		t.Fatalf("row %s: %v", id, err)
	}
	return row
}

// open reads a stored recording back as a listener would, and its manifest.
func (r *rig) open(t testing.TB, id string) ([]byte, recorder.Manifest) {
	t.Helper()
	row := r.row(t, id)
	m, err := catalogue.ReadManifest(t.Context(), r.store, r.sealer, "a.example", catalogue.ManifestName(row.Object))
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := r.store.Get(t.Context(), row.Object, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer sealed.Close()
	hash := sha256.New()
	plain, err := r.sealer.Open(t.Context(), "a.example", io.TeeReader(sealed, hash))
	if err != nil {
		t.Fatal(err)
	}
	wav, err := io.ReadAll(plain)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(wav)
	if hex.EncodeToString(hash.Sum(nil)) != m.SealedSHA256 || m.SealedSHA256 != row.SealedSHA256 || hex.EncodeToString(sum[:]) != m.AudioSHA256 ||
		int64(len(wav)) != m.AudioBytes {
		t.Errorf("%s: hashes in the manifest do not fit", id)
	}
	return wav, m
}

// leftovers lists what is below the spool directory.
func (r *rig) leftovers(t testing.TB) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(filepath.Join(r.root, "spool"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			found = append(found, filepath.Base(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func (r *rig) objects(t testing.TB) []string {
	t.Helper()
	var found []string
	if err := r.store.List(t.Context(), "", func(i objstore.Info) error { found = append(found, i.Name); return nil }); err != nil {
		t.Fatal(err)
	}
	return found
}

// voice makes frames of a tone.
type voice struct {
	from  string
	enc   codec.Encoder
	hz    float64
	phase float64
	n     int
}

func newVoice(t testing.TB, from string, hz float64) *voice {
	enc, err := codec.NewEncoder(media.PCMU)
	if err != nil {
		t.Fatal(err)
	}
	return &voice{from: from, enc: enc, hz: hz}
}

func (v *voice) next() *media.Frame {
	pcm := make([]int16, 160)
	for i := range pcm {
		pcm[i] = int16(8000 * math.Sin(v.phase))
		v.phase += 2 * math.Pi * v.hz / 8000
	}
	f := &media.Frame{From: v.from, Codec: media.PCMU, Payload: v.enc.Encode(nil, pcm), Sequence: uint16(v.n), Timestamp: uint32(v.n) * 160,
		SSRC: uint32(v.hz), Arrived: int64(v.n) * int64(20*time.Millisecond)}
	v.n++
	return f
}

func someCase(id string, at time.Time) recorder.Case {
	return recorder.Case{ID: id, Domain: "a.example", Call: "call-" + id, DID: "100", Direction: "inbound", Policy: "always", Started: at,
		Parties: []recorder.Party{{Endpoint: "A", Role: "caller", Number: "0901"}, {Endpoint: "B", Role: "called", Number: "2001"}}}
}

// record makes a recording of some seconds at once: its frames' times say that they took as long. Others join at its beginning, each with a tone.
func (r *rig) record(t testing.TB, id string, seconds int, others ...string) {
	t.Helper()
	began := time.Now()
	c := someCase(id, began)
	c.RetentionDays = r.days
	rec, err := r.Start(c)
	if err != nil {
		t.Fatal(err)
	}
	voices := []*voice{newVoice(t, "A", 440), newVoice(t, "B", 1000)}
	for i, o := range others {
		rec.Party(recorder.Party{Endpoint: o, Role: "called", Number: "30" + o})
		voices = append(voices, newVoice(t, o, float64(1500+400*i)))
	}
	tap := rec.Tap()
	for n := range seconds * 50 {
		for _, v := range voices {
			tap.Tap(v.next())
		}
		if n%50 == 49 { // let the writer follow: the ring holds two seconds
			wait(t, func() bool { return r.capture.Stats().Bytes > 0 && ringsEmpty(rec) })
		}
	}
	rec.Stop(began.Add(time.Duration(seconds)*time.Second), "bye")
}

// ringsEmpty waits for one round of the writer by asking how the journal grows.
func ringsEmpty(rec recorder.Recording) bool {
	type emptier interface{ Drained() bool }
	return rec.(emptier).Drained()
}

func wait(t testing.TB, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := until(ctx, done); err != nil {
		t.Fatal("waited too long")
	}
}

// level is the amplitude of a tone in a channel of a WAV file (Goertzel).
func level(wav []byte, ch int, hz float64) float64 {
	w := 2 * math.Pi * hz / 8000
	var s1, s2 float64
	n := 0
	for i := 44 + 2*ch; i+1 < len(wav); i += 4 {
		x := float64(int16(uint16(wav[i]) | uint16(wav[i+1])<<8))
		s1, s2 = x+2*math.Cos(w)*s1-s2, s1
		n++
	}
	return 2 * math.Sqrt(max(s1*s1+s2*s2-2*math.Cos(w)*s1*s2, 0)) / float64(max(n, 1))
}

func checkTones(t testing.TB, wav []byte) {
	t.Helper()
	if l, x := level(wav, 0, 440), level(wav, 0, 1000); l < 6000 || x > 100 {
		t.Errorf("left: caller %.0f, called %.0f", l, x)
	}
	if l, x := level(wav, 1, 1000), level(wav, 1, 440); l < 6000 || x > 100 {
		t.Errorf("right: called %.0f, caller %.0f", l, x)
	}
}

// faulty is a store that can be told to misbehave.
type faulty struct {
	objstore.Store
	mu       sync.Mutex
	down     error
	halve    int // of the next puts, store a half and say that all is well
	flip     int // of the next puts, flip a bit
	lose     int // of the next puts, store and then report a failure
	puts     int
	accepted map[string]int
}

func (f *faulty) Put(ctx context.Context, name string, r io.ReadSeeker, size int64, lock objstore.Lock) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.puts++
	if f.down != nil {
		return f.down
	}
	if f.halve > 0 || f.flip > 0 {
		b, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		if f.halve > 0 {
			f.halve--
			b = b[:len(b)/2]
		} else {
			f.flip--
			b[len(b)/2] ^= 1
		}
		return f.Store.Put(ctx, name, bytes.NewReader(b), int64(len(b)), lock)
	}
	err := f.Store.Put(ctx, name, r, size, lock)
	if err == nil {
		if f.accepted == nil {
			f.accepted = map[string]int{}
		}
		f.accepted[name]++
		if f.lose > 0 {
			f.lose--
			return errors.New("connection reset")
		}
	}
	return err
}

func (f *faulty) tried() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.puts
}

func (f *faulty) Get(ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
	f.mu.Lock()
	down := f.down
	f.mu.Unlock()
	if down != nil {
		return nil, down
	}
	return f.Store.Get(ctx, name, off, n)
}

func (f *faulty) set(fn func(*faulty)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fn(f)
}

// scan fails if a pattern is in any file below a directory.
func scan(t testing.TB, root string, pattern []byte) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			if errors.Is(err, fs.ErrNotExist) { // removed while we looked
				return nil
			}
			return err
		}
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		files++
		if bytes.Contains(b, pattern) {
			return fmt.Errorf("%s holds plain audio", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	if files == 0 {
		t.Error("nothing was scanned")
	}
}
