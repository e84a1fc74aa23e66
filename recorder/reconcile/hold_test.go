package reconcile

import (
	"context"
	"testing"
	"time"

	"naisen/recorder/catalogue"
	"naisen/recorder/objstore"
)

// between lets something happen once, after a lock was looked at and just before it is changed.
type between struct {
	objstore.Store
	do func()
}

func (b *between) once() {
	if do := b.do; do != nil {
		b.do = nil
		do()
	}
}

func (b *between) Retain(ctx context.Context, name string, until time.Time) error {
	b.once()
	return b.Store.Retain(ctx, name, until)
}

func (b *between) Hold(ctx context.Context, name string, on bool) error {
	b.once()
	return b.Store.Hold(ctx, name, on)
}

// objects of r0.
func (a *archive) objects(t *testing.T) []string {
	object := a.object(t, "r0")
	return []string{object, catalogue.TrackName(object, 1), catalogue.ManifestName(object)}
}

func (a *archive) hold(t *testing.T, on bool) {
	t.Helper()
	for _, name := range a.objects(t) {
		if err := a.store.Hold(t.Context(), name, on); err != nil {
			t.Fatal(err)
		}
	}
}

func (a *archive) held(t *testing.T, want bool) {
	t.Helper()
	for _, name := range a.objects(t) {
		if l, err := a.store.Locked(t.Context(), name); err != nil || l.LegalHold != want {
			t.Errorf("%s: %+v %v, want held %v", name, l, err, want)
		}
	}
}

// A hold that is released while the store is being mended is not put back: nobody would ever release it, and the recording would stay for ever.
func TestReleasedWhileMending(t *testing.T) {
	a := newArchive(t)
	if err := a.cat.Hold(t.Context(), domain, "r0", "boss", "x"); err != nil {
		t.Fatal(err)
	}
	plain := a.store
	a.store = &between{plain, func() { // what Keeper.Release does, in its order
		row := must(a.cat.Get(t.Context(), domain, "r0"))
		for _, name := range a.objects(t) {
			if err := plain.Hold(t.Context(), name, false); err != nil {
				t.Error(err)
			}
		}
		if err := a.cat.Release(t.Context(), row); err != nil {
			t.Error(err)
		}
	}}
	a.run(t, nil).of(t, map[Kind]int{Unlocked: 3})
	a.held(t, false)
}

// A hold that is set while a time is being mended stays.
func TestHeldWhileMending(t *testing.T) {
	a := newArchive(t)
	if err := a.cat.Extend(t.Context(), domain, "r0", began.AddDate(9, 0, 0)); err != nil {
		t.Fatal(err)
	}
	plain := a.store
	a.store = &between{plain, func() {
		if err := a.cat.Hold(t.Context(), domain, "r0", "boss", "x"); err != nil {
			t.Error(err)
		}
		for _, name := range a.objects(t) {
			if err := plain.Hold(t.Context(), name, true); err != nil {
				t.Error(err)
			}
		}
	}}
	a.run(t, nil).of(t, map[Kind]int{Unlocked: 3})
	a.held(t, true)
}

// A hold that only the store has, set past us, is not taken away by mending a time.
func TestForeignHoldStays(t *testing.T) {
	a := newArchive(t)
	a.hold(t, true)
	if err := a.cat.Extend(t.Context(), domain, "r0", began.AddDate(9, 0, 0)); err != nil {
		t.Fatal(err)
	}
	a.run(t, nil).of(t, map[Kind]int{Unlocked: 3})
	a.held(t, true)
	for _, name := range a.objects(t) {
		if l, err := a.store.Locked(t.Context(), name); err != nil || !l.Until.Equal(began.AddDate(9, 0, 0)) {
			t.Errorf("%s: %+v %v", name, l, err)
		}
	}
}
