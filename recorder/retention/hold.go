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
	return k.settle(ctx, domain, id, nil)
}

// Release ends a hold: first in the store, so that what the catalogue calls free can be destroyed. recorder.ErrNotFound; catalogue.ErrChanged: somebody
// else released or held it meanwhile, and what he did stands, in the store too.
func (k *Keeper) Release(ctx context.Context, domain, id string) error {
	row, err := k.cfg.Catalogue.Get(ctx, domain, id)
	if err != nil {
		return err
	}
	free := objstore.Lock{Until: row.RetainUntil}
	if row.State == recorder.Stored {
		if err := k.protect(ctx, row, free); err != nil {
			return err
		}
	}
	err = k.cfg.Catalogue.Release(ctx, row)
	return errors.Join(err, k.settle(ctx, domain, id, &free))
}

// Extend keeps a recording longer than its rule. recorder.ErrNotFound; catalogue.ErrEarlier: nobody keeps it for a shorter time.
func (k *Keeper) Extend(ctx context.Context, domain, id string, until time.Time) error {
	if err := k.cfg.Catalogue.Extend(ctx, domain, id, until); err != nil {
		return err
	}
	return k.settle(ctx, domain, id, nil)
}

// Date gives an end to a recording that has none. recorder.ErrNotFound; catalogue.ErrChanged: it has one.
func (k *Keeper) Date(ctx context.Context, domain, id string, until time.Time) error {
	if err := k.cfg.Catalogue.Date(ctx, domain, id, until); err != nil {
		return err
	}
	return k.settle(ctx, domain, id, nil)
}

// Relabel gives a recording another label in place of the one that was read. recorder.ErrNotFound; catalogue.ErrChanged.
func (k *Keeper) Relabel(ctx context.Context, domain, id string, from, to recorder.Label) error {
	return k.cfg.Catalogue.Relabel(ctx, domain, id, from, to)
}

// rounds in which settle follows a row that others change; each of them settles it too.
const rounds = 8

// settle brings a row's lock into the store, unless it is the one that was set last. The row is read after each change of the store, so whoever changes
// the store last has seen the row as it is. What is not stored yet is locked by the pipeline, which looks at the row after it has stored it: the row
// is read here after it was changed, so one of both sees the other.
func (k *Keeper) settle(ctx context.Context, domain, id string, last *objstore.Lock) error {
	for range rounds {
		row, err := k.cfg.Catalogue.Get(ctx, domain, id)
		if err != nil || row.State != recorder.Stored {
			return err
		}
		lock := objstore.Lock{Until: row.RetainUntil, LegalHold: !row.Held.IsZero()}
		if last != nil && last.LegalHold == lock.LegalHold && last.Until.Equal(lock.Until) {
			return nil
		}
		if err := k.protect(ctx, row, lock); err != nil {
			return err
		}
		last = &lock
	}
	return nil
}

// protect locks all objects of a recording. A store that keeps no locks has the catalogue's word alone; something that is missing is the
// reconciler's to tell.
func (k *Keeper) protect(ctx context.Context, row catalogue.Row, lock objstore.Lock) error {
	names, err := catalogue.Objects(ctx, k.cfg.Store, row.Object)
	if err != nil {
		return err
	}
	for _, name := range names {
		err := k.cfg.Store.Protect(ctx, name, lock)
		if err != nil && !errors.Is(err, objstore.ErrNotFound) && !errors.Is(err, objstore.ErrNoLocks) {
			return err
		}
	}
	return nil
}
