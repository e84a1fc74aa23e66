package catalogue

import (
	"context"
	"errors"

	"naisen/recorder"
	"naisen/recorder/objstore"
)

// besideRounds in which a small object follows a row that others change; each of them settles it too.
const besideRounds = 8

// Beside brings a small object that was put beside a recording under the recording's own lock, lets note tell the catalogue of it, and follows the row where
// others change it meanwhile: a hold is not lost, since whoever sets one locks everything that the store lists, and the row is looked at again after the
// object was locked. Where the recording was destroyed, or removed, meanwhile, perhaps by somebody who did not see the object, it goes too.
func (c *Catalogue) Beside(ctx context.Context, store objstore.Store, r Row, name string, note func() error) error {
	lock, err := protect(ctx, store, r, name, objstore.Lock{})
	if err != nil {
		return err
	}
	err = note()
	for range besideRounds {
		var now Row
		if err == nil {
			now, err = c.Get(ctx, r.Domain, r.ID)
		}
		if err != nil || lockOf(now) == lock {
			break
		}
		lock, err = protect(ctx, store, now, name, lock)
	}
	if errors.Is(err, recorder.ErrNotFound) {
		if err = store.Delete(ctx, name); errors.Is(err, objstore.ErrNotFound) {
			err = nil
		}
	}
	return err
}

func lockOf(r Row) objstore.Lock {
	return objstore.Lock{Until: r.RetainUntil, LegalHold: !r.Held.IsZero()}
}

// protect brings an object from one lock under that of its recording.
func protect(ctx context.Context, store objstore.Store, r Row, name string, was objstore.Lock) (objstore.Lock, error) {
	lock := lockOf(r)
	var err error
	if lock.Until.After(was.Until) {
		err = store.Retain(ctx, name, lock.Until)
	}
	if err == nil && lock.LegalHold != was.LegalHold {
		err = store.Hold(ctx, name, lock.LegalHold)
	}
	if errors.Is(err, objstore.ErrNoLocks) { // the bucket's alarm says so once for all
		err = nil
	}
	return lock, err
}
