package retention

import (
	"context"
	"errors"
	"time"

	"naisen/recorder"
	"naisen/recorder/catalogue"
	"naisen/recorder/objstore"
)

// Row is what is known of how long a recording is kept. recorder.ErrNotFound.
func (k *Keeper) Row(ctx context.Context, domain, id string) (catalogue.Row, error) {
	return k.cfg.Catalogue.Get(ctx, domain, id)
}

// Hold keeps a recording from being destroyed, in the catalogue and in the store, until it is released. recorder.ErrNotFound; *catalogue.HeldError:
// somebody else holds it, or for another reason. An error that comes from the store leaves the hold in the catalogue, so that nothing is destroyed meanwhile.
func (k *Keeper) Hold(ctx context.Context, domain, id, by, reason string) error {
	if err := k.cfg.Catalogue.Hold(ctx, domain, id, by, reason); err != nil {
		return err
	}
	return k.settle(ctx, domain, id)
}

// Release ends a hold: first in the store, so that what the catalogue calls free can be destroyed. recorder.ErrNotFound; catalogue.ErrChanged: somebody
// else released or held it meanwhile, and what he did stands, in the store too.
func (k *Keeper) Release(ctx context.Context, domain, id string) error {
	row, err := k.cfg.Catalogue.Get(ctx, domain, id)
	if err != nil {
		return err
	}
	if row.State == recorder.Stored {
		if err := hold(ctx, k.cfg.Store, row, false); err != nil && !errors.Is(err, objstore.ErrNoLocks) {
			return err
		}
	}
	err = k.cfg.Catalogue.Release(ctx, row)
	return errors.Join(err, k.settle(ctx, domain, id))
}

// Extend keeps a recording longer than its rule. recorder.ErrNotFound; catalogue.ErrEarlier: nobody keeps it for a shorter time. What is not stored
// yet is locked by the pipeline, which looks at the row after it has stored it.
func (k *Keeper) Extend(ctx context.Context, domain, id string, until time.Time) error {
	if err := k.cfg.Catalogue.Extend(ctx, domain, id, until); err != nil {
		return err
	}
	return k.retain(ctx, domain, id)
}

// retain brings the time that the catalogue has into the store.
func (k *Keeper) retain(ctx context.Context, domain, id string) error {
	row, err := k.cfg.Catalogue.Get(ctx, domain, id)
	if err != nil || row.State != recorder.Stored {
		return err
	}
	return lockless(each(ctx, k.cfg.Store, row, func(name string) error { return k.cfg.Store.Retain(ctx, name, row.RetainUntil) }))
}

// Date gives an end to a recording that has none. recorder.ErrNotFound; catalogue.ErrChanged: it has one.
func (k *Keeper) Date(ctx context.Context, domain, id string, until time.Time) error {
	if err := k.cfg.Catalogue.Date(ctx, domain, id, until); err != nil {
		return err
	}
	return k.retain(ctx, domain, id)
}

// Relabel gives a recording another label in place of the one that was read. recorder.ErrNotFound; catalogue.ErrChanged.
func (k *Keeper) Relabel(ctx context.Context, domain, id string, from, to recorder.Label) error {
	return k.cfg.Catalogue.Relabel(ctx, domain, id, from, to)
}

func (k *Keeper) settle(ctx context.Context, domain, id string) error {
	return lockless(SettleHold(ctx, k.cfg.Catalogue, k.cfg.Store, domain, id))
}

// lockless is err, but for a store that keeps no locks: there the catalogue's word stands alone.
func lockless(err error) error {
	if errors.Is(err, objstore.ErrNoLocks) {
		return nil
	}
	return err
}

// rounds in which SettleHold follows a row that others change; each of them settles it too.
const rounds = 8

// SettleHold brings a hold that the catalogue has into the store. The row is read after each change of the store, and a hold that went meanwhile is
// taken away again: whoever changes the store last has seen the row as it is. A hold that only the store has is left alone. What is not stored yet is
// locked by the pipeline, which looks at the row after it has stored it: one of both sees the other. recorder.ErrNotFound, objstore.ErrNoLocks.
func SettleHold(ctx context.Context, c *catalogue.Catalogue, s objstore.Store, domain, id string) error {
	last := false
	for range rounds {
		row, err := c.Get(ctx, domain, id)
		if err != nil || row.State != recorder.Stored {
			return err
		}
		if held := !row.Held.IsZero(); held == last {
			return nil
		}
		last = !last
		if err := hold(ctx, s, row, last); err != nil {
			return err
		}
	}
	return nil
}

func hold(ctx context.Context, s objstore.Store, row catalogue.Row, on bool) error {
	return each(ctx, s, row, func(name string) error { return s.Hold(ctx, name, on) })
}

// each does something to all objects of a recording. Something that is missing is the reconciler's to tell.
func each(ctx context.Context, s objstore.Store, row catalogue.Row, do func(name string) error) error {
	names, err := catalogue.Objects(ctx, s, row.Object)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := do(name); err != nil && !errors.Is(err, objstore.ErrNotFound) {
			return err
		}
	}
	return nil
}
