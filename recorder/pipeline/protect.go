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
	if err := p.protect(ctx, m, files, objstore.Lock{}, lock); err != nil {
		return err
	}
	if err := p.cfg.Catalogue.Stored(ctx, m); err != nil {
		return err
	}
	for range rounds {
		now, err := p.lockOf(ctx, m)
		if err != nil || now == lock {
			return err
		}
		if err := p.protect(ctx, m, files, lock, now); err != nil {
			return err
		}
		lock = now
	}
	return nil
}

// rounds in which enter follows a row that others change; each of them brings it into the store too.
const rounds = 8

// lockOf is what the recording's rule and whoever holds it ask for. Without either its objects stay free.
func (p *Pipeline) lockOf(ctx context.Context, m recorder.Manifest) (objstore.Lock, error) {
	lock := objstore.Lock{Until: m.RetainUntil()}
	row, err := p.cfg.Catalogue.Get(ctx, m.Domain, m.ID)
	switch {
	case err == nil:
		lock = objstore.Lock{Until: lock.Until, LegalHold: !row.Held.IsZero()}.Later(row.RetainUntil)
	case !errors.Is(err, recorder.ErrNotFound):
		return lock, err
	}
	return lock, nil
}

// protect brings all objects of a recording from one lock under another. A store that keeps no locks is no reason to keep recordings out of it: that is counted and shown, and the
// catalogue keeps the rule all the same.
func (p *Pipeline) protect(ctx context.Context, m recorder.Manifest, files []file, was, lock objstore.Lock) error {
	for _, f := range files {
		err := p.lock(ctx, f.object, was, lock)
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

func (p *Pipeline) lock(ctx context.Context, object string, was, lock objstore.Lock) error {
	if lock.Until.After(was.Until) {
		if err := p.cfg.Store.Retain(ctx, object, lock.Until); err != nil {
			return err
		}
	}
	if lock.LegalHold != was.LegalHold {
		return p.cfg.Store.Hold(ctx, object, lock.LegalHold)
	}
	return nil
}
