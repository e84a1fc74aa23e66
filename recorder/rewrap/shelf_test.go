package rewrap

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"testing"
	"time"

	"naisen/recorder"
	"naisen/recorder/catalogue"
	"naisen/recorder/objstore"
	"naisen/recorder/objstore/mem"
	"naisen/recorder/seal"
	"naisen/recorder/unseal"
)

// shelf is a store with recordings, their catalogue and their keys.
type shelf struct {
	ring   *seal.Files
	sealer *seal.Sealer
	store  *faulty
	cat    *catalogue.Catalogue
	before map[string][]byte // every object as it was stored
	ids    []string
}

func newShelf(t *testing.T, ids ...string) *shelf {
	t.Helper()
	s := &shelf{store: &faulty{Store: mem.New(time.Now), left: -1}, before: map[string][]byte{}, ids: ids}
	var err error
	if s.ring, err = seal.OpenFiles(t.TempDir(), nil); err != nil {
		t.Fatal(err)
	}
	s.sealer = seal.New(s.ring)
	if s.cat, err = catalogue.Open(t.Context(), filepath.Join(t.TempDir(), "c.db"), nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.cat.Close() })
	for _, id := range ids {
		s.add(t, id)
	}
	return s
}

func content(id, what string) []byte { return bytes.Repeat([]byte(id+" "+what+" "), 600) }

// add stores one recording, with a track, as the pipeline does. It is kept for a year.
func (s *shelf) add(t *testing.T, id string) {
	t.Helper()
	c := recorder.Case{ID: id, Domain: domain, Started: time.Now().UTC().Truncate(time.Millisecond), RetentionDays: 365}
	object := catalogue.ObjectName(c)
	epoch, err := s.sealer.Epoch(t.Context(), domain)
	if err != nil {
		t.Fatal(err)
	}
	m := recorder.Manifest{Version: 1, Case: c, Ended: c.Started, Epoch: epoch, Tracks: []recorder.Track{{Number: 1}}}
	m.SealedSHA256, m.SealedBytes = s.put(t, object, content(id, "both"))
	m.Tracks[0].SealedSHA256, m.Tracks[0].SealedBytes = s.put(t, catalogue.TrackName(object, 1), content(id, "one"))
	text, err := json.Marshal(recorder.Peaks{StepUS: 20_000, Left: []byte(id)})
	if err == nil {
		m.Peaks, err = s.sealed(t, text)
	}
	if err == nil {
		text, err = json.Marshal(m)
	}
	if err != nil {
		t.Fatal(err)
	}
	s.put(t, catalogue.ManifestName(object), text)
	for name := range s.before {
		if err := s.store.Retain(t.Context(), name, m.RetainUntil()); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.cat.Stored(t.Context(), m); err != nil {
		t.Fatal(err)
	}
}

func (s *shelf) sealed(t *testing.T, plain []byte) ([]byte, error) {
	t.Helper()
	var b bytes.Buffer
	w, err := s.sealer.Seal(t.Context(), domain, &b)
	if err == nil {
		_, err = w.Write(plain)
		err = errors.Join(err, w.Close())
	}
	return b.Bytes(), err
}

func (s *shelf) put(t *testing.T, name string, plain []byte) (string, int64) {
	t.Helper()
	b, err := s.sealed(t, plain)
	if err == nil {
		err = s.store.Put(t.Context(), name, bytes.NewReader(b), int64(len(b)), objstore.Lock{})
	}
	if err != nil {
		t.Fatal(err)
	}
	s.before[name] = b
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), int64(len(b))
}

func (s *shelf) run(t *testing.T) (Report, error) {
	t.Helper()
	return Run(t.Context(), Config{Catalogue: s.cat, Store: s.store, Keys: s.sealer})
}

func (s *shelf) rotate(t *testing.T) {
	t.Helper()
	if _, err := s.ring.Rotate(domain); err != nil {
		t.Fatal(err)
	}
}

func (s *shelf) row(t *testing.T, id string) catalogue.Row {
	t.Helper()
	row, err := s.cat.Get(t.Context(), domain, id)
	if err != nil {
		t.Fatal(err)
	}
	return row
}

// opens makes sure that a listener gets every recording, whole and with its waveform, and that no object has changed.
func (s *shelf) opens(t *testing.T) {
	t.Helper()
	o := unseal.New(s.store.Store, s.sealer)
	for _, id := range s.ids {
		row := s.row(t, id)
		r, size, closer, err := o.Open(t.Context(), row)
		if err != nil {
			t.Fatalf("%s: %v", id, err)
		}
		if got, err := io.ReadAll(io.NewSectionReader(r, 0, size)); err != nil || !bytes.Equal(got, content(id, "both")) {
			t.Errorf("%s: %v", id, err)
		}
		closer.Close()
		if r, size, closer, err = o.Track(t.Context(), row, 1); err != nil {
			t.Fatalf("%s: track: %v", id, err)
		}
		if got, err := io.ReadAll(io.NewSectionReader(r, 0, size)); err != nil || !bytes.Equal(got, content(id, "one")) {
			t.Errorf("%s: track: %v", id, err)
		}
		closer.Close()
		if _, p, err := o.Waveform(t.Context(), row); err != nil || p == nil || p.StepUS != 20_000 || string(p.Left) != id {
			t.Errorf("%s: waveform: %+v %v", id, p, err)
		}
	}
	for name, want := range s.before {
		r, err := s.store.Store.Get(t.Context(), name, 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s has changed: %v", name, err)
		}
	}
}

// faulty is a store that stops answering after some requests, and can lie about one put.
type faulty struct {
	objstore.Store
	left  int // requests; < 0: all
	asked int
	lie   bool
	onPut func()
}

var errDown = errors.New("store is down")

func (f *faulty) ask() error {
	f.asked++
	if f.left == 0 {
		return errDown
	}
	if f.left > 0 {
		f.left--
	}
	return nil
}

func (f *faulty) Put(ctx context.Context, name string, r io.ReadSeeker, size int64, lock objstore.Lock) error {
	if err := f.ask(); err != nil {
		return err
	}
	if f.onPut != nil {
		f.onPut()
	}
	if f.lie {
		b, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		b[len(b)/2] ^= 1
		r = bytes.NewReader(b)
	}
	return f.Store.Put(ctx, name, r, size, lock)
}

func (f *faulty) Get(ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
	if err := f.ask(); err != nil {
		return nil, err
	}
	return f.Store.Get(ctx, name, off, n)
}

func (f *faulty) Stat(ctx context.Context, name string) (objstore.Info, error) {
	if err := f.ask(); err != nil {
		return objstore.Info{}, err
	}
	return f.Store.Stat(ctx, name)
}

func (f *faulty) Retain(ctx context.Context, name string, until time.Time) error {
	if err := f.ask(); err != nil {
		return err
	}
	return f.Store.Retain(ctx, name, until)
}

func (f *faulty) Hold(ctx context.Context, name string, on bool) error {
	if err := f.ask(); err != nil {
		return err
	}
	return f.Store.Hold(ctx, name, on)
}

func (f *faulty) List(ctx context.Context, prefix string, fn func(objstore.Info) error) error {
	if err := f.ask(); err != nil {
		return err
	}
	return f.Store.List(ctx, prefix, fn)
}
