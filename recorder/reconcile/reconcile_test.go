package reconcile

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"naisen/recorder"
	"naisen/recorder/catalogue"
	"naisen/recorder/objstore"
	"naisen/recorder/objstore/mem"
	"naisen/recorder/seal"
)

const domain = "a.example"

var began = time.Date(2026, 4, 1, 9, 0, 0, 0, time.UTC)

// plain is an Opener of manifests that were never sealed.
type plain struct{}

func (plain) Open(_ context.Context, _ string, src io.Reader) (io.Reader, error) { return src, nil }

// archive is a catalogue and a store that agree.
type archive struct {
	cat   *catalogue.Catalogue
	store objstore.Store
}

func newArchive(t *testing.T) *archive {
	t.Helper()
	a := &archive{store: mem.New(func() time.Time { return began })}
	a.open(t)
	for i, days := range []int{0, 0, 1, 40} { // two on one day
		a.add(t, fmt.Sprintf("r%d", i), began.AddDate(0, 0, days))
	}
	return a
}

// open makes a new catalogue: the old one is lost.
func (a *archive) open(t *testing.T) {
	t.Helper()
	cat, err := catalogue.Open(t.Context(), filepath.Join(t.TempDir(), "c.db"), func() time.Time { return began })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cat.Close() })
	a.cat = cat
}

func (a *archive) put(t *testing.T, name string, b []byte) (sha string, size int64) {
	t.Helper()
	if err := a.store.Put(t.Context(), name, bytes.NewReader(b), int64(len(b)), objstore.Lock{}); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), int64(len(b))
}

func (a *archive) add(t *testing.T, id string, at time.Time) recorder.Manifest {
	t.Helper()
	m := recorder.Manifest{Version: 1, Case: recorder.Case{ID: id, Domain: domain, DID: "100", Started: at, RetentionDays: 365}, Ended: at.Add(time.Minute)}
	object := catalogue.ObjectName(m.Case)
	m.SealedSHA256, m.SealedBytes = a.put(t, object, []byte("audio of "+id))
	track := recorder.Track{Number: 1}
	track.SealedSHA256, track.SealedBytes = a.put(t, catalogue.TrackName(object, 1), []byte("voice of "+id))
	m.Tracks = []recorder.Track{track}
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	a.put(t, catalogue.ManifestName(object), text)
	for _, name := range []string{object, catalogue.TrackName(object, 1), catalogue.ManifestName(object)} {
		if err := a.store.Retain(t.Context(), name, m.RetainUntil()); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.cat.Stored(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	return m
}

func (a *archive) object(t *testing.T, id string) string {
	t.Helper()
	row, err := a.cat.Get(t.Context(), domain, id)
	if err != nil {
		t.Fatal(err)
	}
	return row.Object
}

// past is the store under somebody who goes past every lock.
type past struct {
	objstore.Store
	gone    map[string]bool
	content map[string]string
	hidden  map[string]bool
}

func (p *past) List(ctx context.Context, prefix string, fn func(objstore.Info) error) error {
	return p.Store.List(ctx, prefix, func(i objstore.Info) error {
		if p.gone[i.Name] || p.hidden[i.Name] {
			return nil
		}
		i.Size = p.size(i)
		return fn(i)
	})
}

func (p *past) size(i objstore.Info) int64 {
	if text, ok := p.content[i.Name]; ok {
		return int64(len(text))
	}
	return i.Size
}

func (p *past) Stat(ctx context.Context, name string) (objstore.Info, error) {
	if p.gone[name] || p.hidden[name] {
		return objstore.Info{}, objstore.ErrNotFound
	}
	i, err := p.Store.Stat(ctx, name)
	i.Size = p.size(i)
	return i, err
}

func (p *past) Get(ctx context.Context, name string, off, n int64) (io.ReadCloser, error) {
	if p.gone[name] || p.hidden[name] {
		return nil, objstore.ErrNotFound
	}
	if text, ok := p.content[name]; ok {
		return io.NopCloser(strings.NewReader(text)), nil
	}
	return p.Store.Get(ctx, name, off, n)
}

func (p *past) Uncover(_ context.Context, name string) (int, error) {
	if !p.hidden[name] {
		return 0, nil
	}
	delete(p.hidden, name)
	return 1, nil
}

func all(string) bool { return true }

func (a *archive) run(t *testing.T, change func(*Config)) Report {
	t.Helper()
	cfg := Config{Catalogue: a.cat, Store: a.store, Keys: plain{}, Deep: all, Mend: true, Ignore: []string{"messages/"}, Clock: func() time.Time { return began }}
	if change != nil {
		change(&cfg)
	}
	r, err := Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (r Report) of(t *testing.T, want map[Kind]int) {
	t.Helper()
	if !maps.Equal(r.Counts, want) {
		t.Errorf("%v, want %v\n%s", r.Counts, want, r)
	}
}

// What agrees is not complained of, and all of it was looked at.
func TestAgrees(t *testing.T) {
	a := newArchive(t)
	a.put(t, "messages/"+domain+"/2026/04/01/m1.age", []byte("a message"))
	r := a.run(t, nil)
	r.of(t, map[Kind]int{})
	if r.Recordings != 4 || r.Objects != 12 || r.Read != 8 || !strings.Contains(r.String(), "agree") {
		t.Errorf("%+v", r)
	}
	if r := a.run(t, func(c *Config) { c.Deep = nil }); r.Read != 0 || r.Recordings != 4 {
		t.Errorf("%+v", r)
	}
	// What is under way is no orphan, and none that is missing.
	k := recorder.Case{ID: "live", Domain: domain, Started: began}
	if err := errors.Join(a.cat.Begin(t.Context(), k), a.cat.Begin(t.Context(), recorder.Case{ID: "alone", Domain: domain, Started: began.AddDate(1, 0, 0)})); err != nil {
		t.Fatal(err)
	}
	a.put(t, catalogue.ObjectName(k), []byte("on its way"))
	a.run(t, nil).of(t, map[Kind]int{})
}

// Each thing that can be wrong is named as what it is.
func TestFindings(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*testing.T, *archive, *past)
		want  map[Kind]int
		quick map[Kind]int // without reading; nil: the same
	}{
		"audio gone":    {func(t *testing.T, a *archive, p *past) { p.gone[a.object(t, "r0")] = true }, map[Kind]int{Missing: 1}, nil},
		"manifest gone": {func(t *testing.T, a *archive, p *past) { p.gone[catalogue.ManifestName(a.object(t, "r1"))] = true }, map[Kind]int{Missing: 1}, nil},
		"track gone": {func(t *testing.T, a *archive, p *past) { p.gone[catalogue.TrackName(a.object(t, "r0"), 1)] = true },
			map[Kind]int{Missing: 1}, map[Kind]int{}},
		"a whole day gone": {func(t *testing.T, a *archive, p *past) {
			for _, n := range []string{a.object(t, "r3"), catalogue.TrackName(a.object(t, "r3"), 1), catalogue.ManifestName(a.object(t, "r3"))} {
				p.gone[n] = true
			}
		}, map[Kind]int{Missing: 2}, nil},
		"audio cut": {func(t *testing.T, a *archive, p *past) { p.content[a.object(t, "r0")] = "audio" }, map[Kind]int{Altered: 1}, nil},
		"audio changed": {func(t *testing.T, a *archive, p *past) { p.content[a.object(t, "r0")] = "AUDIO of r0" },
			map[Kind]int{Altered: 1}, map[Kind]int{}},
		"track changed": {func(t *testing.T, a *archive, p *past) {
			p.content[catalogue.TrackName(a.object(t, "r0"), 1)] = "VOICE of r0"
		},
			map[Kind]int{Altered: 1}, map[Kind]int{}},
		"manifest changed": {func(t *testing.T, a *archive, p *past) { p.content[catalogue.ManifestName(a.object(t, "r0"))] = "{" },
			map[Kind]int{Altered: 1}, map[Kind]int{}},
		"another's manifest": {func(t *testing.T, a *archive, p *past) {
			text, _ := io.ReadAll(must(a.store.Get(t.Context(), catalogue.ManifestName(a.object(t, "r1")), 0, -1)))
			p.content[catalogue.ManifestName(a.object(t, "r0"))] = string(text)
		}, map[Kind]int{Altered: 1}, map[Kind]int{}},
		"orphan": {func(t *testing.T, a *archive, _ *past) { a.put(t, domain+"/2026/04/01/stranger.age", []byte("x")) }, map[Kind]int{Orphan: 1}, nil},
		"no name": {func(t *testing.T, a *archive, _ *past) {
			a.put(t, "stranger", []byte("x"))
			a.put(t, domain+"/2026/04/01/note.txt", []byte("x"))
		}, map[Kind]int{Orphan: 2}, nil},
		"hidden": {func(t *testing.T, a *archive, p *past) { p.hidden[a.object(t, "r2")] = true }, map[Kind]int{Uncovered: 1}, nil},
		"held, and not in the store": {func(t *testing.T, a *archive, _ *past) {
			if err := a.cat.Hold(t.Context(), domain, "r0", "boss", "x"); err != nil {
				t.Fatal(err)
			}
		}, map[Kind]int{Unlocked: 3}, map[Kind]int{}},
	} {
		t.Run(name, func(t *testing.T) {
			a := newArchive(t)
			p := &past{a.store, map[string]bool{}, map[string]string{}, map[string]bool{}}
			a.store = p
			c.spoil(t, a, p)
			if c.quick != nil {
				a.run(t, func(cfg *Config) { cfg.Deep = nil }).of(t, c.quick)
			}
			r := a.run(t, nil)
			r.of(t, c.want)
			if len(r.Findings) == 0 || r.Findings[0].Object == "" {
				t.Errorf("no object named: %s", r)
			}
			if r.Counts[Uncovered]+r.Counts[Unlocked] > 0 { // mended
				a.run(t, nil).of(t, map[Kind]int{})
			}
		})
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// A lost catalogue comes back from the manifests, with holds and longer times from the locks; told only, it changes nothing.
func TestRebuild(t *testing.T) {
	a := newArchive(t)
	for _, n := range []string{a.object(t, "r0"), catalogue.TrackName(a.object(t, "r0"), 1), catalogue.ManifestName(a.object(t, "r0"))} {
		if err := errors.Join(a.store.Retain(t.Context(), n, began.AddDate(9, 0, 0)), a.store.Hold(t.Context(), n, true)); err != nil {
			t.Fatal(err)
		}
	}
	a.open(t)
	a.run(t, func(c *Config) { c.Mend = false }).of(t, map[Kind]int{Orphan: 4})
	if days, err := a.cat.Days(t.Context()); err != nil || len(days) != 0 {
		t.Errorf("%v %v", days, err)
	}
	a.run(t, nil).of(t, map[Kind]int{Rebuilt: 4})
	a.run(t, nil).of(t, map[Kind]int{})
	row, err := a.cat.Get(t.Context(), domain, "r0")
	if err != nil || row.State != recorder.Stored || row.Held.IsZero() || !row.RetainUntil.Equal(began.AddDate(9, 0, 0)) {
		t.Errorf("%+v %v", row, err)
	}
	if row, err := a.cat.Get(t.Context(), domain, "r1"); err != nil || !row.Held.IsZero() || !row.RetainUntil.Equal(began.Add(time.Minute).AddDate(1, 0, 0)) {
		t.Errorf("%+v %v", row, err)
	}
}

// With public keys only the comparison goes on, says what it could not look at, and calls nothing altered for that.
func TestKeyless(t *testing.T) {
	a := newArchive(t)
	keyless := func(c *Config) { c.Keys = noKey{} }
	if r := a.run(t, keyless); r.Bad() != 0 || !r.Keyless || r.Read != 4 || r.Recordings != 4 || !strings.Contains(r.String(), "identity") {
		t.Errorf("%+v", r)
	}
	p := &past{a.store, map[string]bool{}, map[string]string{a.object(t, "r0"): "AUDIO of r0"}, map[string]bool{}}
	a.store = p
	a.run(t, keyless).of(t, map[Kind]int{Altered: 1})
	a.open(t)
	a.run(t, keyless).of(t, map[Kind]int{Orphan: 4})
}

type noKey struct{}

func (noKey) Open(context.Context, string, io.Reader) (io.Reader, error) {
	return nil, fmt.Errorf("seal: identities: %w", seal.ErrNoKey)
}

// A store that does not answer is no store in which everything is missing.
func TestStoreDown(t *testing.T) {
	a := newArchive(t)
	down := errors.New("503")
	for _, s := range []objstore.Store{failing{a.store, down, true}, failing{a.store, down, false}} {
		r, err := Run(t.Context(), Config{Catalogue: a.cat, Store: s, Keys: plain{}, Deep: all, Mend: true})
		if !errors.Is(err, down) || r.Bad() != 0 {
			t.Errorf("%+v %v", r, err)
		}
	}
}

type failing struct {
	objstore.Store
	err  error
	list bool
}

func (f failing) List(ctx context.Context, prefix string, fn func(objstore.Info) error) error {
	if f.list {
		return f.err
	}
	return f.Store.List(ctx, prefix, fn)
}

func (f failing) Get(context.Context, string, int64, int64) (io.ReadCloser, error) { return nil, f.err }
