package rewrap

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"naisen/recorder"
	"naisen/recorder/catalogue"
	"naisen/recorder/objstore"
	"naisen/recorder/objstore/mem"
	"naisen/recorder/reconcile"
	"naisen/recorder/seal"
)

const domain = "a.example"

// Three keys in turn: each time everything is brought to the newest, the old one goes, and everything is heard as before. Wraps are locked as their
// recordings are, the reconciler is content, and a lost catalogue comes back knowing the newest key.
func TestRotations(t *testing.T) {
	s := newShelf(t, "r1", "r2", "r1.b")
	if r, err := s.run(t); err != nil || r != (Report{}) {
		t.Errorf("nothing to do: %+v %v", r, err)
	}
	for epoch := 2; epoch <= 4; epoch++ {
		s.rotate(t)
		if r, err := s.run(t); err != nil || r != (Report{Done: 3}) {
			t.Fatalf("%+v %v", r, err)
		}
		counts, err := s.cat.Epochs(t.Context())
		if err != nil || len(counts) != 1 || len(counts[domain]) != 1 || counts[domain][epoch] != 3 {
			t.Errorf("%v %v", counts, err)
		}
		if err := s.ring.Retire(domain, epoch-1); err != nil {
			t.Fatal(err)
		}
		s.opens(t)
		for _, id := range s.ids {
			row := s.row(t, id)
			lock, err := s.store.Locked(t.Context(), catalogue.WrapName(row.Object, epoch))
			if err != nil || lock.Until.Before(row.RetainUntil.Truncate(time.Second)) {
				t.Errorf("%s: its wrap is locked until %v: %v", id, lock.Until, err)
			}
		}
	}
	look := func(cat *catalogue.Catalogue) reconcile.Report {
		t.Helper()
		r, err := reconcile.Run(t.Context(), reconcile.Config{Catalogue: cat, Store: s.store, Keys: s.sealer, Deep: func(string) bool { return true }})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	if r := look(s.cat); r.Bad() != 0 || len(r.Findings) != 0 {
		t.Error(r)
	}
	lost, err := catalogue.Open(t.Context(), filepath.Join(t.TempDir(), "c.db"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer lost.Close()
	if r, err := lost.Rebuild(t.Context(), s.store, s.sealer); err != nil || r.Rows != 3 || len(r.Bad) != 0 {
		t.Errorf("%+v %v", r, err)
	}
	s.cat = lost
	for _, id := range s.ids {
		if got := s.row(t, id).Epoch; got != 4 {
			t.Errorf("%s: key %d after the rebuild", id, got)
		}
	}
	s.opens(t)
	names, err := catalogue.Objects(t.Context(), s.store, s.row(t, "r1").Object)
	if err != nil || len(names) != 6 { // audio, track, three wraps, manifest; none of r1.b's
		t.Errorf("%q %v", names, err)
	}
}

// The store, or the machine, goes at each request in turn: whatever was done then, everything is heard, and the next run ends what was begun.
func TestDiesAtEveryStep(t *testing.T) {
	for n := 0; ; n++ {
		s := newShelf(t, "r1")
		s.rotate(t)
		s.store.left = n
		r, err := s.run(t)
		done := err == nil && r == (Report{Done: 1})
		if !done && r.Failed == 0 && err == nil {
			t.Fatalf("after %d requests: %+v", n, r)
		}
		s.store.left = -1
		s.opens(t)
		counts, err := s.cat.Epochs(t.Context())
		if err != nil || counts[domain][1] != 1-r.Done || counts[domain][2] != r.Done {
			t.Fatalf("after %d requests: %v, %+v, %v", n, counts, r, err)
		}
		if again, err := s.run(t); err != nil || again != (Report{Done: 1 - r.Done}) {
			t.Fatalf("after %d requests, again: %+v %v", n, again, err)
		}
		if err := s.ring.Retire(domain, 1); err != nil {
			t.Fatal(err)
		}
		s.opens(t)
		if done {
			if n < 8 {
				t.Errorf("only %d requests: is it proved?", n)
			}
			return
		}
	}
}

// A store that keeps something else than it was given is found out before the catalogue believes it; what was put there in advance too, even where it
// opens with the old key.
func TestWrapIsProved(t *testing.T) {
	s := newShelf(t, "r1")
	s.rotate(t)
	s.store.lie = true
	if r, err := s.run(t); err != nil || r != (Report{Failed: 1}) {
		t.Errorf("a lie: %+v %v", r, err)
	}
	s.store.lie = false
	row := s.row(t, "r1")
	name := catalogue.WrapName(row.Object, 2)
	if _, err := s.store.Stat(t.Context(), name); !errors.Is(err, objstore.ErrNotFound) {
		t.Errorf("the bad wrap is still there: %v", err)
	}
	w := catalogue.Wrap{Version: 1, Object: row.Object, Epoch: 2, Headers: map[string][]byte{}}
	for object, sealed := range s.before { // their own headers: all of it opens, with the key that is to go
		end := bytes.Index(sealed, []byte("\n--- ")) + 1
		w.Headers[object] = sealed[:end+bytes.IndexByte(sealed[end:], '\n')+1]
	}
	text, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.store.Put(t.Context(), name, bytes.NewReader(text), int64(len(text)), objstore.Lock{}); err != nil {
		t.Fatal(err)
	}
	if r, err := s.run(t); err != nil || r != (Report{Failed: 1}) || s.row(t, "r1").Epoch != 1 {
		t.Errorf("planted: %+v %v", r, err)
	}
	if r, err := s.run(t); err != nil || r != (Report{Done: 1}) {
		t.Errorf("then: %+v %v", r, err)
	}
	s.opens(t)
	if err := s.store.Store.(*mem.Store).Delete(t.Context(), name); !errors.Is(err, objstore.ErrLocked) {
		t.Errorf("the good one can be deleted: %v", err)
	}
}

// awayKeys stand for a keeper of keys that does not answer.
type awayKeys struct{ *seal.Sealer }

func (awayKeys) Rewrap(context.Context, string, []byte) ([]byte, int, error) {
	return nil, 0, fmt.Errorf("x: %w", seal.ErrUnavailable)
}

func TestKeeperAway(t *testing.T) {
	s := newShelf(t, "r1", "r2")
	s.rotate(t)
	r, err := Run(t.Context(), Config{Catalogue: s.cat, Store: s.store, Keys: awayKeys{s.sealer}})
	if !errors.Is(err, seal.ErrUnavailable) || r != (Report{}) {
		t.Errorf("%+v %v", r, err)
	}
}

// A recording that goes while it is worked on leaves nothing.
func TestGoneMeanwhile(t *testing.T) {
	s := newShelf(t, "r1")
	s.store.Store = mem.New(time.Now) // without locks on what is deleted below
	s.ids = nil
	s.before = map[string][]byte{}
	c := recorder.Case{ID: "m1", Domain: domain, Started: time.Now().UTC().Truncate(time.Millisecond)}
	m := recorder.Manifest{Version: 1, Case: c, Epoch: 1}
	m.SealedSHA256, m.SealedBytes = s.put(t, catalogue.ObjectName(c), content("m1", "both"))
	text, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	s.put(t, catalogue.ManifestName(catalogue.ObjectName(c)), text)
	if err := errors.Join(s.cat.Remove(t.Context(), domain, "r1"), s.cat.Stored(t.Context(), m)); err != nil {
		t.Fatal(err)
	}
	s.rotate(t)
	s.store.onPut = func() {
		if err := s.cat.Remove(t.Context(), domain, "m1"); err != nil {
			t.Error(err)
		}
	}
	if _, err := s.run(t); err != nil {
		t.Error(err)
	}
	err = s.store.List(t.Context(), "", func(i objstore.Info) error {
		if strings.Contains(i.Name, ".keys-") {
			t.Errorf("%s was left", i.Name)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// The reconciler misses a wrap that a recording needs.
func TestMissingWrap(t *testing.T) {
	s := newShelf(t, "r1")
	s.rotate(t)
	if r, err := s.run(t); err != nil || r.Done != 1 {
		t.Fatalf("%+v %v", r, err)
	}
	if err := s.cat.Rewrapped(t.Context(), domain, "r1", 3); err != nil { // as if there had been another
		t.Fatal(err)
	}
	r, err := reconcile.Run(t.Context(), reconcile.Config{Catalogue: s.cat, Store: s.store, Keys: s.sealer, Deep: func(string) bool { return true }})
	if err != nil || r.Counts[reconcile.Missing] != 1 || !strings.Contains(r.String(), ".keys-0003.json") {
		t.Errorf("%v %v", r, err)
	}
}

// What an older key is needed for is seen in the store alone: with an empty catalogue too, where a wrap is missing, and where one was planted that
// opens with the old key. What is being destroyed needs none.
func TestProve(t *testing.T) {
	s := newShelf(t, "r1", "r2", "r1.b")
	look := func(keys Keys, want Held, wantErr error) {
		t.Helper()
		empty, err := catalogue.Open(t.Context(), filepath.Join(t.TempDir(), "c.db"), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer empty.Close()
		for _, cat := range []*catalogue.Catalogue{s.cat, empty} {
			got, err := Prove(t.Context(), Config{Catalogue: cat, Store: s.store, Keys: keys}, domain)
			if got != want || !errors.Is(err, wantErr) || wantErr == nil && err != nil {
				t.Errorf("%+v %v, want %+v %v", got, err, want, wantErr)
			}
		}
	}
	first := s.row(t, "r1").Object
	look(s.sealer, Held{Proved: 3}, nil)
	s.rotate(t)
	look(s.sealer, Held{Old: 3, First: first}, nil)
	s.add(t, "r3")
	look(s.sealer, Held{Proved: 1, Old: 3, First: first}, nil)
	if r, err := s.run(t); err != nil || r != (Report{Done: 3}) {
		t.Fatalf("%+v %v", r, err)
	}
	look(s.sealer, Held{Proved: 4}, nil)
	s.rotate(t) // now every wrap is an older one
	look(s.sealer, Held{Old: 4, First: first}, nil)
	w := catalogue.Wrap{Version: 1, Object: first, Epoch: 3, Headers: map[string][]byte{}}
	for name, sealed := range s.before { // their own headers
		if catalogue.ObjectOf(name) == first {
			end := bytes.Index(sealed, []byte("\n--- ")) + 1
			w.Headers[name] = sealed[:end+bytes.IndexByte(sealed[end:], '\n')+1]
		}
	}
	for _, planted := range [][]byte{[]byte("{}"), nil} {
		name := catalogue.WrapName(first, 3)
		wantFirst := name
		if planted == nil {
			wantFirst = first
			var err error
			if planted, err = json.Marshal(w); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.store.Store.Put(t.Context(), name, bytes.NewReader(planted), int64(len(planted)), objstore.Lock{}); err != nil {
			t.Fatal(err)
		}
		look(s.sealer, Held{Old: 4, First: wantFirst}, nil)
		if err := s.store.Store.Delete(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	if r, err := s.run(t); err != nil || r != (Report{Done: 4}) {
		t.Fatalf("%+v %v", r, err)
	}
	look(s.sealer, Held{Proved: 4}, nil)
	s.rotate(t)
	name := catalogue.WrapName(first, 4)
	for object, sealed := range s.before { // all but the waveform has a header for the newest key, as versions made wraps that left it out
		if catalogue.ObjectOf(object) != first {
			continue
		}
		var err error
		if w.Headers[object], w.Epoch, err = s.sealer.Rewrap(t.Context(), domain, sealed[:min(len(sealed), seal.HeadSize)]); err != nil {
			t.Fatal(err)
		}
	}
	text, err := json.Marshal(w)
	if err == nil {
		err = s.store.Store.Put(t.Context(), name, bytes.NewReader(text), int64(len(text)), objstore.Lock{})
	}
	if err != nil {
		t.Fatal(err)
	}
	look(s.sealer, Held{Old: 4, First: catalogue.PeaksName(first)}, nil)
	if err := s.cat.Remove(t.Context(), domain, "r2"); err != nil {
		t.Fatal(err)
	}
	if got, err := Prove(t.Context(), Config{Catalogue: s.cat, Store: s.store, Keys: s.sealer}, domain); err != nil || got.Old != 3 {
		t.Errorf("one was removed: %+v %v", got, err)
	}
	look(mute{s.sealer}, Held{}, seal.ErrUnavailable)
	s.store.left = 1
	if _, err := Prove(t.Context(), Config{Catalogue: s.cat, Store: s.store, Keys: s.sealer}, domain); !errors.Is(err, errDown) {
		t.Errorf("the store is down: %v", err)
	}
}

// mute stands for a keeper that does not answer when something is to be proved.
type mute struct{ *seal.Sealer }

func (mute) Proves(context.Context, string, []byte) error {
	return fmt.Errorf("x: %w", seal.ErrUnavailable)
}
