package retention

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"naisen/recorder"
	"naisen/recorder/catalogue"
	"naisen/recorder/objstore"
)

// shelf is journals that could not be rendered.
type shelf struct {
	journals map[string]string
	busy     error // why none can go now
	lies     bool  // says that it removed one, and did not
}

func (s *shelf) Open(id string) (io.ReadCloser, error) {
	text, ok := s.journals[id]
	switch {
	case s.busy != nil:
		return nil, s.busy
	case !ok:
		return nil, objstore.ErrNotFound
	}
	return io.NopCloser(strings.NewReader(text)), nil
}

func (s *shelf) Remove(id string) error {
	if _, ok := s.journals[id]; s.busy != nil || !ok {
		return errors.Join(s.busy, objstore.ErrNotFound)
	}
	if !s.lies {
		delete(s.journals, id)
	}
	return nil
}

func (h *house) keeperOf(t *testing.T, s Journals) *Keeper {
	t.Helper()
	k, err := New(Config{Catalogue: h.cat, Store: h.store, Certify: h.certify, Now: h.clock, Journals: s})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// fail enters a recording whose journal lies aside.
func (h *house) fail(t *testing.T, id string, days int) recorder.Case {
	t.Helper()
	c := recorder.Case{ID: id, Domain: domain, Call: "call-" + id, DID: "+81312345678", Policy: "year", Started: began, RetentionDays: days}
	var until time.Time
	if days > 0 {
		until = began.Add(time.Duration(days) * day)
	}
	if err := h.cat.Aside(t.Context(), c, until, "journal damaged"); err != nil {
		t.Fatal(err)
	}
	return c
}

// A journal that could not be rendered ends as a recording does: due, on the list, approved, not held, certified.
func TestJournalEnds(t *testing.T) {
	h := newHouse(t)
	h.fail(t, "r1", 30)
	h.fail(t, "endless", 0)
	s := &shelf{journals: map[string]string{"r1": "encrypted", "endless": "encrypted"}}
	h.set(began.Add(31*day + 2*time.Minute))
	k := h.keeperOf(t, s)
	if err := k.Pass(t.Context()); err != nil || len(s.journals) != 2 || k.Stats().Waiting != 1 {
		t.Fatalf("without a word: %v %v %+v", err, s.journals, k.Stats())
	}
	list, err := k.Items(t.Context(), domain, "2026-05", "", 10)
	if err != nil || len(list) != 1 || list[0].ID != "r1" || list[0].State != recorder.Failed {
		t.Fatalf("%+v %v", list, err)
	}
	if err := k.Hold(t.Context(), domain, "r1", "boss", "a complaint"); err != nil {
		t.Fatal(err)
	}
	approve(t, k, "2026-05")
	if err := k.Pass(t.Context()); err != nil || len(s.journals) != 2 {
		t.Fatalf("held: %v %v", err, s.journals)
	}
	if err := k.Release(t.Context(), domain, "r1"); err != nil {
		t.Fatal(err)
	}
	approve(t, k, "2026-05")
	if err := k.Pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, there := s.journals["r1"]; there || len(s.journals) != 1 || len(h.log) != 1 {
		t.Fatalf("left %v, %d certificates", s.journals, len(h.log))
	}
	sum := sha256.Sum256([]byte("encrypted"))
	c := h.log[0]
	if c.Recording != "r1" || c.Altered || c.ApprovedBy != "boss@"+domain || len(c.Objects) != 1 {
		t.Errorf("%+v", c)
	}
	if o := c.Objects[0]; !o.Journal || o.Missing || o.Bytes != 9 || o.SHA256 != hex.EncodeToString(sum[:]) || o.Name != "failed/r1.journal" {
		t.Errorf("%+v", o)
	}
	if _, err := h.cat.Find(t.Context(), "r1"); !errors.Is(err, recorder.ErrNotFound) {
		t.Errorf("its row: %v", err)
	}
}

// No certificate before the journal is gone: while it is tried again, where it only seems to go, and where nobody knows of journals. What an earlier
// try put into the store goes too.
func TestJournalStays(t *testing.T) {
	h := newHouse(t)
	c := h.fail(t, "r1", 30)
	object := catalogue.ObjectName(c)
	if err := h.store.Put(t.Context(), object, strings.NewReader("half of it"), 10, objstore.Lock{}); err != nil {
		t.Fatal(err)
	}
	busy := errors.New("is being tried again")
	s := &shelf{journals: map[string]string{"r1": "encrypted"}, busy: busy}
	h.set(began.Add(31*day + 2*time.Minute))
	k := h.keeperOf(t, s)
	approve(t, k, "2026-05")
	if err := k.Pass(t.Context()); !errors.Is(err, busy) || k.Stats().Stuck != 1 {
		t.Errorf("busy: %v", err)
	}
	if err := h.keeperOf(t, nil).Pass(t.Context()); !errors.Is(err, errJournals) {
		t.Errorf("no journals: %v", err)
	}
	s.busy, s.lies = nil, true
	if err := k.Pass(t.Context()); err == nil || len(h.log) != 0 {
		t.Errorf("it is still there: %v, %d certificates", err, len(h.log))
	}
	s.busy, s.lies = busy, false
	if err := k.Pass(t.Context()); !errors.Is(err, busy) || len(h.log) != 0 {
		t.Errorf("busy in the middle: %v, %d certificates", err, len(h.log))
	}
	s.busy = nil
	if err := k.Pass(t.Context()); err != nil || len(s.journals) != 0 || len(h.objects(t)) != 0 || len(h.log) != 1 {
		t.Fatalf("%v: left %v and %v, %d certificates", err, s.journals, h.objects(t), len(h.log))
	}
	if o := h.log[0].Objects; len(o) != 2 || !o[0].Journal || o[1].Name != object || o[1].Bytes != 10 {
		t.Errorf("%+v", o)
	}
}
