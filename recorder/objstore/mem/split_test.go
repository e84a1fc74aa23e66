package mem

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"naisen/recorder/objstore"
	"naisen/recorder/objstore/objstoretest"
)

// town is three stores: what all share, the ward's own, and one that was the school's.
type town struct {
	shared, ward, old *Store
	*objstore.Split
}

func newTown() town {
	t := town{shared: New(time.Now), ward: New(time.Now), old: New(time.Now)}
	t.Split = objstore.NewSplit(objstore.SplitConfig{Shared: t.shared, Own: map[string]objstore.Store{"ward": t.ward, "range.age": t.ward, "list": t.ward, "hall": t.shared},
		Former: []objstore.Store{t.old}, Kinds: []string{"messages"}})
	return t
}

func put(t *testing.T, s objstore.Store, name, text string, lock objstore.Lock) {
	t.Helper()
	if err := s.Put(t.Context(), name, bytes.NewReader([]byte(text)), int64(len(text)), lock); err != nil {
		t.Fatalf("put %s: %v", name, err)
	}
}

func text(t *testing.T, s objstore.Store, name string) string {
	t.Helper()
	r, err := s.Get(t.Context(), name, 0, -1)
	if err != nil {
		return err.Error()
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// A split store is a store, also where what is listed lies in several.
func TestSplitConforms(t *testing.T) {
	objstoretest.Run(t, newTown(), time.Now)
	objstoretest.Run(t, objstore.Under(newTown(), "messages/ward"), time.Now)
}

// What is new lies in its owner's store, whatever kind it is of.
func TestSplit(t *testing.T) {
	s := newTown()
	for name, home := range map[string]*Store{"ward/2026/x.age": s.ward, "messages/ward/2026/x.age": s.ward, "school/2026/x.age": s.shared, "messages/school/x.age": s.shared,
		"ward.not/x.age": s.shared, "wardx/x.age": s.shared, "hall/x.age": s.shared, "_audit/1": s.shared, "messages/x": s.shared, "ward": s.shared} {
		put(t, s, name, "new", objstore.Lock{})
		for _, one := range []*Store{s.shared, s.ward, s.old} {
			if _, err := one.Stat(t.Context(), name); (err == nil) != (one == home) {
				t.Errorf("%s: %v in %v", name, err, map[*Store]string{s.shared: "shared", s.ward: "the ward's", s.old: "the old one"}[one])
			}
		}
	}
}

// An owner who is given a store keeps what lies elsewhere: it is read, locked, listed and deleted there, and nothing takes its name.
func TestSplitFindsWhatWasBefore(t *testing.T) {
	for _, where := range []string{"shared", "former"} {
		s := newTown()
		before := map[string]*Store{"shared": s.shared, "former": s.old}[where]
		put(t, before, "ward/a.age", "before", objstore.Lock{})
		put(t, s, "ward/b.age", "after", objstore.Lock{})
		if got := text(t, s, "ward/a.age"); got != "before" {
			t.Errorf("%s: got %s", where, got)
		}
		if err := s.Put(t.Context(), "ward/a.age", bytes.NewReader(nil), 0, objstore.Lock{}); !errors.Is(err, objstore.ErrExists) {
			t.Errorf("%s: put over it: %v", where, err)
		}
		if got := names(t, s, "ward/"); !slices.Equal(got, []string{"ward/a.age", "ward/b.age"}) {
			t.Errorf("%s: listed %v", where, got)
		}
		if err := s.Hold(t.Context(), "ward/a.age", true); err != nil {
			t.Errorf("%s: hold: %v", where, err)
		}
		if l, err := before.Locked(t.Context(), "ward/a.age"); err != nil || !l.LegalHold {
			t.Errorf("%s: held %+v %v", where, l, err)
		}
		if err := s.Delete(t.Context(), "ward/a.age"); !errors.Is(err, objstore.ErrLocked) {
			t.Errorf("%s: delete held: %v", where, err)
		}
		if err := errors.Join(s.Hold(t.Context(), "ward/a.age", false), s.Delete(t.Context(), "ward/a.age")); err != nil {
			t.Errorf("%s: delete: %v", where, err)
		}
		if _, err := before.Stat(t.Context(), "ward/a.age"); !errors.Is(err, objstore.ErrNotFound) {
			t.Errorf("%s: left: %v", where, err)
		}
	}
}

// While somebody copies what is there to its new store an object is in two places: it is one, the lock is on both, and neither outlives its deletion.
func TestSplitWhileMoving(t *testing.T) {
	s := newTown()
	until := time.Now().Add(time.Hour).Truncate(time.Second)
	for _, one := range []*Store{s.shared, s.ward, s.old} {
		put(t, one, "ward/a.age", "same", objstore.Lock{})
	}
	if got := names(t, s, ""); !slices.Equal(got, []string{"ward/a.age"}) {
		t.Errorf("listed %v", got)
	}
	if err := errors.Join(s.Hold(t.Context(), "ward/a.age", true), s.Retain(t.Context(), "ward/a.age", until)); err != nil {
		t.Fatal(err)
	}
	for _, one := range []*Store{s.shared, s.ward, s.old} {
		if l, err := one.Locked(t.Context(), "ward/a.age"); err != nil || !l.LegalHold || !l.Until.Equal(until) {
			t.Errorf("locked %+v %v", l, err)
		}
	}
	put(t, s.ward, "ward/b.age", "same", objstore.Lock{})
	put(t, s.shared, "ward/b.age", "same", objstore.Lock{})
	if err := s.Delete(t.Context(), "ward/b.age"); err != nil {
		t.Fatal(err)
	}
	for _, one := range []*Store{s.shared, s.ward} {
		if _, err := one.Stat(t.Context(), "ward/b.age"); !errors.Is(err, objstore.ErrNotFound) {
			t.Errorf("left: %v", err)
		}
	}
}

// Nobody reads an owner's objects from another owner's store; the whole list says that they are there.
func TestSplitStrays(t *testing.T) {
	s := newTown()
	put(t, s.ward, "school/a.age", "planted", objstore.Lock{})
	put(t, s.ward, "school/b.age", "planted, and longer", objstore.Lock{})
	put(t, s.shared, "school/b.age", "true", objstore.Lock{})
	if got := text(t, s, "school/a.age"); got == "planted" {
		t.Error("read from another's store")
	}
	if got := text(t, s, "school/b.age"); got != "true" {
		t.Errorf("read %s", got)
	}
	if err := s.Delete(t.Context(), "school/a.age"); !errors.Is(err, objstore.ErrNotFound) {
		t.Errorf("delete: %v", err)
	}
	var strays, rest []string
	err := s.List(t.Context(), "", func(i objstore.Info) error {
		if i.Stray {
			strays = append(strays, i.Name)
		} else if rest = append(rest, i.Name); i.Size != 4 {
			t.Errorf("%s: the wrong one is listed", i.Name)
		}
		return nil
	})
	if err != nil || !slices.Equal(strays, []string{"school/a.age", "school/b.age"}) || !slices.Equal(rest, []string{"school/b.age"}) {
		t.Errorf("strays %v, rest %v, %v", strays, rest, err)
	}
	if got := names(t, s, "school/"); !slices.Equal(got, []string{"school/b.age"}) {
		t.Errorf("listed %v", got)
	}
}

// away is a store that does not answer.
type away struct{ *Store }

var errAway = errors.New("away")

func (away) Stat(context.Context, string) (objstore.Info, error)              { return objstore.Info{}, errAway }
func (away) Get(context.Context, string, int64, int64) (io.ReadCloser, error) { return nil, errAway }
func (away) Locked(context.Context, string) (objstore.Lock, error)            { return objstore.Lock{}, errAway }
func (away) List(context.Context, string, func(objstore.Info) error) error    { return errAway }
func (away) Delete(context.Context, string) error                             { return errAway }
func (away) Hold(context.Context, string, bool) error                         { return errAway }
func (away) Retain(context.Context, string, time.Time) error                  { return errAway }

// Where one place does not answer nothing is called missing, since it may be there; what lies in the first one is found all the same.
func TestSplitPlaceAway(t *testing.T) {
	ward := New(time.Now)
	s := objstore.NewSplit(objstore.SplitConfig{Shared: &away{New(time.Now)}, Own: map[string]objstore.Store{"ward": ward}})
	put(t, ward, "ward/a.age", "x", objstore.Lock{})
	if got := text(t, s, "ward/a.age"); got != "x" {
		t.Errorf("got %s", got)
	}
	_, stat := s.Stat(t.Context(), "ward/b.age")
	_, get := s.Get(t.Context(), "ward/b.age", 0, -1)
	_, locked := s.Locked(t.Context(), "ward/b.age")
	for what, err := range map[string]error{"stat": stat, "get": get, "locked": locked, "list": s.List(t.Context(), "ward/", func(objstore.Info) error { return nil }),
		"delete": s.Delete(t.Context(), "ward/a.age"), "hold": s.Hold(t.Context(), "ward/a.age", true), "retain": s.Retain(t.Context(), "ward/a.age", time.Now()),
		"put": s.Put(t.Context(), "ward/b.age", bytes.NewReader(nil), 0, objstore.Lock{})} {
		if !errors.Is(err, errAway) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// Its own place away, and the shared one has nothing: then nobody knows.
func TestSplitOwnAway(t *testing.T) {
	s := objstore.NewSplit(objstore.SplitConfig{Shared: New(time.Now), Own: map[string]objstore.Store{"ward": &away{New(time.Now)}}})
	_, stat := s.Stat(t.Context(), "ward/a.age")
	_, get := s.Get(t.Context(), "ward/a.age", 0, -1)
	_, locked := s.Locked(t.Context(), "ward/a.age")
	for what, err := range map[string]error{"stat": stat, "get": get, "locked": locked, "delete": s.Delete(t.Context(), "ward/a.age"), "hold": s.Hold(t.Context(), "ward/a.age", true),
		"list": s.List(t.Context(), "", func(objstore.Info) error { return nil })} {
		if !errors.Is(err, errAway) {
			t.Errorf("%s: %v", what, err)
		}
	}
	put(t, s, "school/a.age", "x", objstore.Lock{})
	if got := text(t, s, "school/a.age"); got != "x" {
		t.Errorf("others: %s", got)
	}
}

func names(t *testing.T, s objstore.Store, prefix string) (all []string) {
	t.Helper()
	if err := s.List(t.Context(), prefix, func(i objstore.Info) error { all = append(all, i.Name); return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}
