package retention

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"naisen/recorder"
	"naisen/recorder/catalogue"
	"naisen/recorder/objstore"
	"naisen/recorder/objstore/mem"
)

const (
	domain = "a.example"
	day    = 24 * time.Hour
)

var began = time.Date(2026, 4, 1, 9, 0, 0, 0, time.UTC)

// house is a catalogue, a store, an audit log and a clock.
type house struct {
	root  string
	store objstore.Store
	cat   *catalogue.Catalogue
	sums  map[string]string

	mu    sync.Mutex
	now   time.Time
	log   []Certificate
	calls int // of Certify
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{root: t.TempDir(), now: began, sums: map[string]string{}}
	h.store = mem.New(h.clock)
	h.open(t)
	return h
}

func (h *house) open(t *testing.T) {
	t.Helper()
	var err error
	if h.cat, err = catalogue.Open(t.Context(), filepath.Join(h.root, "c.db"), h.clock); err != nil {
		t.Fatal(err)
	}
	cat := h.cat
	t.Cleanup(func() { cat.Close() })
}

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *house) set(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = now
}

// certify is a log that keeps one of each, as the real one does.
func (h *house) certify(_ context.Context, c Certificate) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls++
	if !slices.ContainsFunc(h.log, func(o Certificate) bool { return o.Recording == c.Recording }) {
		h.log = append(h.log, c)
	}
	return nil
}

func (h *house) keeper(t *testing.T, store objstore.Store, certify func(context.Context, Certificate) error) *Keeper {
	t.Helper()
	if store == nil {
		store = h.store
	}
	if certify == nil {
		certify = h.certify
	}
	k, err := New(Config{Catalogue: h.cat, Store: store, Certify: certify, Now: h.clock})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// add stores a recording with a track, locked by its class as the pipeline does.
func (h *house) add(t *testing.T, id string, days int) recorder.Manifest {
	t.Helper()
	m := recorder.Manifest{Version: 1, Case: recorder.Case{ID: id, Domain: domain, Call: "call-" + id, DID: "+81312345678", Policy: "year", Started: began,
		RetentionDays: days}, Ended: began.Add(time.Minute)}
	object := catalogue.ObjectName(m.Case)
	for _, name := range []string{object, catalogue.TrackName(object, 1), catalogue.ManifestName(object)} {
		b := []byte("sealed " + name)
		sum := sha256.Sum256(b)
		h.sums[name] = hex.EncodeToString(sum[:])
		if err := h.store.Put(t.Context(), name, bytes.NewReader(b), int64(len(b)), objstore.Lock{Until: m.RetainUntil()}); err != nil {
			t.Fatal(err)
		}
		if name == object {
			m.SealedSHA256, m.SealedBytes = h.sums[name], int64(len(b))
		}
	}
	if err := h.cat.Stored(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	return m
}

func (h *house) objects(t *testing.T) (names []string) {
	t.Helper()
	if err := h.store.List(t.Context(), "", func(i objstore.Info) error { names = append(names, i.Name); return nil }); err != nil {
		t.Fatal(err)
	}
	return names
}

// approve agrees to a month as it stands.
func approve(t *testing.T, k *Keeper, month string) Disposal {
	t.Helper()
	d, err := k.Disposal(t.Context(), domain, month)
	if err != nil {
		t.Fatal(err)
	}
	if d, err = k.Approve(t.Context(), domain, month, d.Digest, "boss@"+domain); err != nil {
		t.Fatal(err)
	}
	return d
}

// From the class to the certificate: nothing goes without somebody's word, nothing before its time, and then everything.
func TestDestruction(t *testing.T) {
	h := newHouse(t)
	m := h.add(t, "r1", 30)
	h.add(t, "keep", 0)
	k := h.keeper(t, nil, nil)
	pass := func(at time.Time) {
		t.Helper()
		h.set(at)
		k = h.keeper(t, nil, nil) // the clock was not set, it is another day
		if err := k.Pass(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	due := m.RetainUntil()
	pass(due.Add(2 * day))
	if s := k.Stats(); len(h.objects(t)) != 6 || s.Waiting != 1 || s.Destroyed != 0 {
		t.Fatalf("without a word: %v %+v", h.objects(t), s)
	}
	list, err := k.Disposals(t.Context(), domain)
	if err != nil || len(list) != 1 || list[0].Month != "2026-05" || list[0].Due != 1 {
		t.Fatalf("%+v %v", list, err)
	}
	items, err := k.Items(t.Context(), domain, "2026-05", "", 10)
	if err != nil || len(items) != 1 || items[0].ID != "r1" {
		t.Fatalf("%+v %v", items, err)
	}
	if d := approve(t, k, "2026-05"); d.Approved != 1 {
		t.Errorf("%+v", d)
	}
	pass(due.Add(-time.Second))
	if len(h.objects(t)) != 6 {
		t.Fatal("it went before its time")
	}
	pass(due.Add(2 * time.Minute))
	if left := h.objects(t); len(left) != 3 || !strings.Contains(left[0], "keep") {
		t.Errorf("left: %v", left)
	}
	if s := k.Stats(); s.Destroyed != 1 || s.Stuck != 0 || s.Waiting != 0 {
		t.Errorf("%+v", s)
	}
	if _, err := h.cat.Get(t.Context(), domain, "r1"); !errors.Is(err, recorder.ErrNotFound) {
		t.Errorf("its row: %v", err)
	}
	if len(h.log) != 1 {
		t.Fatalf("%d certificates", len(h.log))
	}
	c := h.log[0]
	if c.Recording != "r1" || c.Policy != "year" || c.ApprovedBy != "boss@"+domain || c.Approved.IsZero() || !c.Destroyed.Equal(h.now) ||
		!c.RetainUntil.Equal(due) || c.Altered || len(c.Objects) != 3 {
		t.Errorf("%+v", c)
	}
	for _, o := range c.Objects {
		if o.SHA256 != h.sums[o.Name] || o.Bytes != int64(len("sealed "+o.Name)) || o.Missing {
			t.Errorf("%+v", o)
		}
	}
	if last := c.Objects[2].Name; !strings.HasSuffix(last, ".manifest.age") {
		t.Errorf("the last to go was %s", last)
	}
}

// Row H9: what is held stays, whoever agreed to its end and whatever time it is; in the store too.
func TestHold(t *testing.T) {
	h := newHouse(t)
	m := h.add(t, "r1", 30)
	k := h.keeper(t, nil, nil)
	if err := k.Hold(t.Context(), domain, "none", "boss", "why"); !errors.Is(err, recorder.ErrNotFound) {
		t.Errorf("one that is not there: %v", err)
	}
	h.set(m.RetainUntil())
	k = h.keeper(t, nil, nil)
	approve(t, k, "2026-05")
	if err := k.Hold(t.Context(), domain, "r1", "boss@"+domain, "a complaint"); err != nil {
		t.Fatal(err)
	}
	approve(t, k, "2026-05") // agreed to or not: held is held
	h.set(m.RetainUntil().Add(400 * day))
	k = h.keeper(t, nil, nil)
	if err := k.Pass(t.Context()); err != nil || len(h.objects(t)) != 3 {
		t.Fatalf("%v %v", h.objects(t), err)
	}
	for _, name := range h.objects(t) {
		if err := h.store.Delete(t.Context(), name); !errors.Is(err, objstore.ErrLocked) {
			t.Errorf("delete %s past us: %v", name, err)
		}
	}
	if r, err := k.Row(t.Context(), domain, "r1"); err != nil || r.HoldReason != "a complaint" || r.HoldBy != "boss@"+domain || r.Held.IsZero() {
		t.Errorf("%+v %v", r, err)
	}
	if err := k.Release(t.Context(), domain, "r1"); err != nil {
		t.Fatal(err)
	}
	if err := k.Pass(t.Context()); err != nil || len(h.objects(t)) != 3 {
		t.Errorf("released, and nobody agreed since: %v %v", h.objects(t), err)
	}
	approve(t, k, "2026-05")
	if err := k.Pass(t.Context()); err != nil || len(h.objects(t)) != 0 || len(h.log) != 1 {
		t.Errorf("%v %v", h.objects(t), err)
	}
}

// A hold that stands in the store only, set past us, keeps the recording and is told.
func TestHeldPastUs(t *testing.T) {
	h := newHouse(t)
	m := h.add(t, "r1", 30)
	h.set(m.RetainUntil().Add(time.Hour))
	k := h.keeper(t, nil, nil)
	approve(t, k, "2026-05")
	object := catalogue.ObjectName(m.Case)
	if err := h.store.Hold(t.Context(), catalogue.TrackName(object, 1), true); err != nil {
		t.Fatal(err)
	}
	if err := k.Pass(t.Context()); !errors.Is(err, errKept) {
		t.Errorf("pass: %v", err)
	}
	if s := k.Stats(); len(h.objects(t)) != 3 || s.Stuck != 1 || s.Refused != 1 || len(h.log) != 0 {
		t.Errorf("%v %+v", h.objects(t), s)
	}
	if _, err := h.cat.Get(t.Context(), domain, "r1"); err != nil {
		t.Errorf("its row: %v", err)
	}
}

// A longer time reaches the store; a shorter one is refused.
func TestExtend(t *testing.T) {
	h := newHouse(t)
	m := h.add(t, "r1", 30)
	k := h.keeper(t, nil, nil)
	until := m.RetainUntil().Add(30 * day)
	if err := k.Extend(t.Context(), domain, "r1", until); err != nil {
		t.Fatal(err)
	}
	if err := k.Extend(t.Context(), domain, "r1", m.RetainUntil()); !errors.Is(err, catalogue.ErrEarlier) {
		t.Errorf("shorter: %v", err)
	}
	for _, name := range h.objects(t) {
		if l, err := h.store.Locked(t.Context(), name); err != nil || !l.Until.Equal(until) {
			t.Errorf("%s: %+v %v", name, l, err)
		}
	}
}

// An end that people gave to a recording without one is locked, and comes back with a rebuilt catalogue.
func TestDate(t *testing.T) {
	h := newHouse(t)
	m := h.add(t, "r1", 0)
	k := h.keeper(t, nil, nil)
	until := began.Add(30 * day)
	if err := k.Extend(t.Context(), domain, "r1", until); !errors.Is(err, catalogue.ErrEarlier) {
		t.Errorf("by one person: %v", err)
	}
	if err := k.Date(t.Context(), domain, "r1", until); err != nil {
		t.Fatal(err)
	}
	lock, err := h.store.Locked(t.Context(), catalogue.ManifestName(catalogue.ObjectName(m.Case)))
	if err != nil || !lock.Until.Equal(until) {
		t.Errorf("%+v %v", lock, err)
	}
	h.root = t.TempDir() // the catalogue is lost
	h.open(t)
	if err := h.cat.Restore(t.Context(), m, lock); err != nil {
		t.Fatal(err)
	}
	if r, err := h.cat.Get(t.Context(), domain, "r1"); err != nil || !r.RetainUntil.Equal(until) || r.Label != recorder.Restricted {
		t.Errorf("%+v %v", r, err)
	}
}

// What was altered or is gone is destroyed all the same when its time is over, and the certificate says so.
func TestAlteredIsCertified(t *testing.T) {
	h := newHouse(t)
	m := h.add(t, "r1", 1)
	object := catalogue.ObjectName(m.Case)
	h.set(m.RetainUntil().Add(time.Hour))
	if err := errors.Join(h.store.Delete(t.Context(), object), h.store.Delete(t.Context(), catalogue.ManifestName(object)),
		h.store.Put(t.Context(), object, strings.NewReader("other"), 5, objstore.Lock{})); err != nil {
		t.Fatal(err)
	}
	k := h.keeper(t, nil, nil)
	approve(t, k, "2026-04")
	if err := k.Pass(t.Context()); err != nil || len(h.objects(t)) != 0 {
		t.Fatalf("%v %v", h.objects(t), err)
	}
	if c := h.log[0]; !c.Altered || c.Objects[0].Bytes != 5 || !c.Objects[2].Missing {
		t.Errorf("%+v", c)
	}
}

// A list is agreed to as it was read, and not years ahead.
func TestApprove(t *testing.T) {
	h := newHouse(t)
	h.add(t, "r1", 30)
	h.add(t, "r2", 3650)
	k := h.keeper(t, nil, nil)
	old, err := k.Disposal(t.Context(), domain, "2026-05")
	if err != nil {
		t.Fatal(err)
	}
	h.add(t, "r3", 31)
	if _, err := k.Approve(t.Context(), domain, "2026-05", old.Digest, "boss"); !errors.Is(err, catalogue.ErrChanged) {
		t.Errorf("a list that changed: %v", err)
	}
	for _, month := range []string{"", "2026", "2026-13", "2036-03", "2026-06"} {
		if _, err := k.Approve(t.Context(), domain, month, old.Digest, "boss"); !errors.Is(err, ErrMonth) {
			t.Errorf("%q: %v", month, err)
		}
	}
	if list, err := k.Disposals(t.Context(), domain); err != nil || len(list) != 1 || list[0].Due != 2 {
		t.Errorf("%+v %v", list, err)
	}
	if list, err := k.Disposals(t.Context(), "b.example"); err != nil || len(list) != 0 {
		t.Errorf("%+v %v", list, err)
	}
}

// Row H10: a clock that was set destroys nothing, and what was begun is still ended.
func TestClockStepped(t *testing.T) {
	h := newHouse(t)
	m := h.add(t, "r1", 20)
	k := h.keeper(t, nil, nil)
	approve(t, k, "2026-04")
	h.set(m.RetainUntil().Add(time.Hour)) // while it runs
	if err := k.Pass(t.Context()); !errors.Is(err, errStepped) || !k.Stats().Stepped {
		t.Errorf("%v %+v", err, k.Stats())
	}
	if len(h.objects(t)) != 3 {
		t.Fatal("a clock that was set destroyed a recording")
	}
	h.set(began.Add(step / 2))
	if err := k.Pass(t.Context()); err != nil || k.Stats().Stepped {
		t.Errorf("right again: %v", err)
	}
}

// It passes by itself, at once when somebody agreed, and ends when it is told to.
func TestRuns(t *testing.T) {
	h := newHouse(t)
	m := h.add(t, "r1", 1)
	h.set(m.RetainUntil().Add(time.Hour))
	certified := make(chan string, 1)
	k := h.keeper(t, nil, func(_ context.Context, c Certificate) error { certified <- c.Recording; return nil })
	k.Start(t.Context())
	approve(t, k, "2026-04")
	select {
	case id := <-certified:
		if id != "r1" {
			t.Error(id)
		}
	case <-time.After(time.Minute):
		t.Error("nothing happens")
	}
	k.Close()
}

// forgetful says that it deleted, and did not.
type forgetful struct{ objstore.Store }

func (forgetful) Delete(context.Context, string) error { return nil }

// A store that lies about deleting gets no certificate; one that does delete then does.
func TestLyingDelete(t *testing.T) {
	h := newHouse(t)
	m := h.add(t, "r1", 1)
	h.set(m.RetainUntil().Add(time.Hour))
	k := h.keeper(t, forgetful{h.store}, nil)
	approve(t, k, "2026-04")
	for range 2 {
		if err := k.Pass(t.Context()); err == nil || k.Stats().Stuck != 1 || len(h.log) != 0 {
			t.Errorf("%v, %+v, %d certificates", err, k.Stats(), len(h.log))
		}
	}
	if err := h.keeper(t, nil, nil).Pass(t.Context()); err != nil || len(h.objects(t)) != 0 || len(h.log) != 1 {
		t.Errorf("%v, %v, %d certificates", err, h.objects(t), len(h.log))
	}
}
