package retention

import (
	"context"
	"errors"
	"testing"
	"time"

	"naisen/recorder/catalogue"
	"naisen/recorder/objstore"
)

// between is a store that lets something happen once, just before it locks.
type between struct {
	objstore.Store
	before func()
}

func (b *between) Retain(ctx context.Context, name string, until time.Time) error {
	b.once()
	return b.Store.Retain(ctx, name, until)
}

func (b *between) Hold(ctx context.Context, name string, on bool) error {
	b.once()
	return b.Store.Hold(ctx, name, on)
}

func (b *between) once() {
	if do := b.before; do != nil {
		b.before = nil
		do()
	}
}

// Who releases ends the hold that was read, and no other that somebody sets meanwhile: that one stands, in the store too. So it does where the time is made
// later in the same moment.
func TestHoldsCross(t *testing.T) {
	for name, c := range map[string]struct {
		held bool // before it, by somebody else
		want error
		do   func(*Keeper) error
	}{
		"release of a hold": {true, catalogue.ErrChanged, func(k *Keeper) error { return k.Release(t.Context(), domain, "r1") }},
		"release of none":   {false, catalogue.ErrChanged, func(k *Keeper) error { return k.Release(t.Context(), domain, "r1") }},
		"extend":            {false, nil, func(k *Keeper) error { return k.Extend(t.Context(), domain, "r1", began.Add(60*day)) }},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.add(t, "r1", 30)
			direct := h.keeper(t, nil, nil)
			if c.held {
				if err := direct.Hold(t.Context(), domain, "r1", "first", "a complaint"); err != nil {
					t.Fatal(err)
				}
			}
			second := func() {
				if c.held {
					if err := direct.Release(t.Context(), domain, "r1"); err != nil {
						t.Error(err)
					}
				}
				if err := direct.Hold(t.Context(), domain, "r1", "second", "a lawsuit"); err != nil {
					t.Error(err)
				}
			}
			if err := c.do(h.keeper(t, &between{Store: h.store, before: second}, nil)); !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
			if r, err := direct.Row(t.Context(), domain, "r1"); err != nil || r.HoldBy != "second" || r.Held.IsZero() {
				t.Errorf("%+v %v", r, err)
			}
			for _, name := range h.objects(t) {
				if l, err := h.store.Locked(t.Context(), name); err != nil || !l.LegalHold {
					t.Errorf("%s: %+v %v", name, l, err)
				}
			}
		})
	}
}
