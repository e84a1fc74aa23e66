package pipeline

import (
	"context"
	"errors"
	"fmt"

	"naisen/recorder"
	"naisen/recorder/objstore"
)

// enter locks what is stored of a recording and enters it as stored. A hold that is set meanwhile is not lost: whoever sets one looks at the row
// again afterwards, as we do, and one of both sees the other.
func (p *Pipeline) enter(ctx context.Context, m recorder.Manifest, files []file) error {
	lock, err := p.lockOf(ctx, m)
	if err != nil {
		return err
	}
	if err := p.protect(ctx, m, files, lock); err != nil {
		return err
	}
	if err := p.cfg.Catalogue.Stored(ctx, m); err != nil {
		return err
	}
	now, err := p.lockOf(ctx, m)
	if err == nil && now != lock {
		err = p.protect(ctx, m, files, now)
	}
	return err
}

// lockOf is what the recording's rule and whoever holds it ask for. Without either its objects stay free.
func (p *Pipeline) lockOf(ctx context.Context, m recorder.Manifest) (objstore.Lock, error) {
	lock := objstore.Lock{Until: m.RetainUntil()}
	row, err := p.cfg.Catalogue.Get(ctx, m.Domain, m.ID)
	switch {
	case err == nil:
		lock = lock.Under(objstore.Lock{Until: row.RetainUntil, LegalHold: !row.Held.IsZero()})
	case !errors.Is(err, recorder.ErrNotFound):
		return lock, err
	}
	return lock, nil
}

// protect locks all objects of a recording. A store that keeps no locks is no reason to keep recordings out of it: that is counted and shown, and the
// catalogue keeps the rule all the same.
func (p *Pipeline) protect(ctx context.Context, m recorder.Manifest, files []file, lock objstore.Lock) error {
	if lock.IsZero() {
		return nil
	}
	for _, f := range files {
		err := p.cfg.Store.Protect(ctx, f.object, lock)
		if errors.Is(err, objstore.ErrNoLocks) {
			p.count.unlocked.Add(1)
			p.cfg.Log.Warn("pipeline: the store keeps no locks", "recording", m.ID, "domain", m.Domain, "until", lock.Until, "held", lock.LegalHold)
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: lock %s: %w", errStore, f.object, err)
		}
	}
	return nil
}
