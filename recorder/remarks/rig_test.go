package remarks_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"naisen/recorder"
	"naisen/recorder/catalogue"
	"naisen/recorder/objstore"
	"naisen/recorder/objstore/mem"
	"naisen/recorder/reconcile"
	"naisen/recorder/remarks"
	"naisen/recorder/seal"
)

const domain = "a.example"

var began = time.Date(2026, 4, 1, 9, 0, 0, 0, time.UTC)

// desk is a catalogue, a store with sealed recordings, their keys, a log, and a clock that the test sets.
type desk struct {
	now    time.Time
	ring   *seal.Files
	sealer *seal.Sealer
	store  *faulty
	cat    *catalogue.Catalogue
	key    ed25519.PrivateKey
	log    map[string][]remarks.Entry
}

func newDesk(t *testing.T, ids ...string) *desk {
	t.Helper()
	d := &desk{now: began.Add(time.Hour), log: map[string][]remarks.Entry{}}
	d.store = &faulty{Store: mem.New(d.clock), left: -1, hidden: map[string]bool{}}
	var err error
	if d.ring, err = seal.OpenFiles(t.TempDir(), nil); err != nil {
		t.Fatal(err)
	}
	d.sealer = seal.New(d.ring)
	if _, d.key, err = ed25519.GenerateKey(nil); err != nil {
		t.Fatal(err)
	}
	d.open(t)
	for _, id := range ids {
		d.add(t, id)
	}
	return d
}

func (d *desk) clock() time.Time { return d.now }

// open makes a new catalogue: the old one is lost.
func (d *desk) open(t *testing.T) {
	t.Helper()
	cat, err := catalogue.Open(t.Context(), filepath.Join(t.TempDir(), "c.db"), d.clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cat.Close() })
	d.cat = cat
}

func (d *desk) seal(t *testing.T, plain []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := d.sealer.Seal(t.Context(), domain, &b)
	if err == nil {
		_, err = w.Write(plain)
		err = errors.Join(err, w.Close())
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func (d *desk) put(t *testing.T, name string, b []byte) {
	t.Helper()
	if err := d.store.Store.Put(t.Context(), name, bytes.NewReader(b), int64(len(b)), objstore.Lock{}); err != nil {
		t.Fatal(err)
	}
}

func (d *desk) get(t *testing.T, name string) []byte {
	t.Helper()
	r, err := d.store.Store.Get(t.Context(), name, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// add stores one recording as the pipeline does. It is internal from birth, and kept for a year.
func (d *desk) add(t *testing.T, id string) {
	t.Helper()
	c := recorder.Case{ID: id, Domain: domain, DID: "100", Started: began, RetentionDays: 365, Label: recorder.Internal}
	object := catalogue.ObjectName(c)
	epoch, err := d.sealer.Epoch(t.Context(), domain)
	if err != nil {
		t.Fatal(err)
	}
	audio := d.seal(t, []byte("audio of "+id))
	sum := sha256.Sum256(audio)
	m := recorder.Manifest{Version: 1, Case: c, Ended: began.Add(time.Minute), Epoch: epoch, SealedSHA256: hex.EncodeToString(sum[:]), SealedBytes: int64(len(audio))}
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	d.put(t, object, audio)
	d.put(t, catalogue.ManifestName(object), d.seal(t, text))
	for _, name := range []string{object, catalogue.ManifestName(object)} {
		if err := d.store.Store.Retain(t.Context(), name, m.RetainUntil()); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.cat.Stored(t.Context(), m); err != nil {
		t.Fatal(err)
	}
}

// decide writes a note and a case, and lowers the label.
func (d *desk) decide(t *testing.T, id string) {
	t.Helper()
	_, err := d.cat.AddNote(t.Context(), domain, id, "taro", "折り返し <要> & 確認")
	err = errors.Join(err, d.cat.SetCase(t.Context(), domain, id, "hanako", "2026-17"),
		d.cat.Relabel(t.Context(), domain, id, recorder.Internal, recorder.Public))
	if err != nil {
		t.Fatal(err)
	}
}

func (d *desk) keeper(t *testing.T, change func(*remarks.Config)) *remarks.Keeper {
	t.Helper()
	cfg := remarks.Config{Catalogue: d.cat, Store: d.store, Keys: d.sealer, Key: d.key, Enter: d.enter, Now: d.clock}
	if change != nil {
		change(&cfg)
	}
	k, err := remarks.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func (d *desk) enter(_ context.Context, e remarks.Entry) error {
	if err := d.store.ask(); err != nil { // the log goes with the machine
		return err
	}
	d.log[e.Recording] = append(d.log[e.Recording], e)
	return nil
}

func (d *desk) entered(_ context.Context, of, recording string) (newest int, err error) {
	for _, e := range d.log[recording] {
		if e.Domain == of {
			newest = max(newest, e.Number)
		}
	}
	return newest, nil
}

func (d *desk) pass(t *testing.T) {
	t.Helper()
	if err := d.keeper(t, nil).Pass(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (d *desk) reader() *remarks.Reader {
	return &remarks.Reader{Store: d.store, Keys: d.sealer, Key: d.key.Public().(ed25519.PublicKey), Entered: d.entered}
}

func (d *desk) reconcile(t *testing.T, change func(*reconcile.Config)) reconcile.Report {
	t.Helper()
	cfg := reconcile.Config{Catalogue: d.cat, Store: d.store, Keys: d.sealer, Remarks: d.reader(), Deep: func(string) bool { return true }, Mend: true, Clock: d.clock}
	if change != nil {
		change(&cfg)
	}
	r, err := reconcile.Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// told is what a report says, a finding in a word and the end of its object's name.
func told(r reconcile.Report) string {
	var all []string
	for _, f := range r.Findings {
		all = append(all, string(f.Kind)+" "+strings.TrimPrefix(f.Object, domain+"/2026/04/01/"))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func (d *desk) row(t *testing.T, id string) catalogue.Row {
	t.Helper()
	row, err := d.cat.Get(t.Context(), domain, id)
	if err != nil {
		t.Fatal(err)
	}
	return row
}

// said is all that the catalogue knows of what people decided.
func (d *desk) said(t *testing.T, id string) string {
	t.Helper()
	row, all, err := d.cat.Decided(t.Context(), domain, id)
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("%s/%d/%d", all.Label, row.Remarks, row.RemarksDue)
	for _, n := range all.Notes {
		text += fmt.Sprintf(" %s:%s@%d", n.Author, n.Text, n.Written.UnixMilli())
	}
	for _, c := range all.Cases {
		text += fmt.Sprintf(" %s:%s@%d", c.Author, c.Name, c.Entered.UnixMilli())
	}
	return text
}

func (d *desk) name(t *testing.T, id string, number int) string {
	return catalogue.RemarksName(d.row(t, id).Object, number)
}

// faulty is a store that stops answering after some requests, keeps something else than it was given, or hides what it has.
type faulty struct {
	objstore.Store
	left   int // requests; < 0: all
	lie    bool
	onPut  func() // before a put, or after it
	after  bool
	hidden map[string]bool
}

var errDown = errors.New("store is down")

func (f *faulty) ask() error {
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
		if f.after {
			defer f.onPut()
		} else {
			f.onPut()
		}
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
	if f.hidden[name] {
		return nil, objstore.ErrNotFound
	}
	return f.Store.Get(ctx, name, off, n)
}

func (f *faulty) Stat(ctx context.Context, name string) (objstore.Info, error) {
	if err := f.ask(); err != nil {
		return objstore.Info{}, err
	}
	if f.hidden[name] {
		return objstore.Info{}, objstore.ErrNotFound
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
	return f.Store.List(ctx, prefix, func(i objstore.Info) error {
		if f.hidden[i.Name] {
			return nil
		}
		return fn(i)
	})
}

// versioned is the same where what was hidden can be brought back.
type versioned struct{ *faulty }

func (v versioned) Uncover(_ context.Context, name string) (int, error) {
	if !v.hidden[name] {
		return 0, nil
	}
	delete(v.hidden, name)
	return 1, nil
}
