package mailbox

import (
	"context"
	"errors"
	"time"

	"naisen/recorder"
	"naisen/recorder/catalogue"
	"naisen/recorder/objstore"
)

// purgeEvery is how often what could not be deleted is tried again.
const purgeEvery = time.Minute

func (p *Post) purgeSoon() {
	select {
	case p.dirty <- struct{}{}:
	default:
	}
}

// purge deletes from the store what was removed. The row goes last: a crash in between deletes again.
func (p *Post) purge(ctx context.Context) {
	tick := time.NewTicker(purgeEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-p.dirty:
		}
		rows, err := p.cfg.Catalogue.Removed(ctx)
		for _, r := range rows {
			err = errors.Join(err, p.delete(ctx, r))
		}
		if err != nil && ctx.Err() == nil {
			p.cfg.Log.Error("mailbox: deletes later", "err", err)
		}
	}
}

func (p *Post) delete(ctx context.Context, r catalogue.Row) error {
	if r.State != recorder.Stored && r.State != recorder.Failed {
		return nil // the pipeline still works on it
	}
	var names []string
	if r.Object != "" { // it failed before anything was to be stored
		var err error
		if names, err = catalogue.Objects(ctx, p.cfg.Store, r.Object); err != nil {
			return err
		}
	}
	for _, name := range names {
		if err := p.cfg.Store.Delete(ctx, name); err != nil && !errors.Is(err, objstore.ErrNotFound) {
			return err
		}
	}
	return p.cfg.Catalogue.Forget(ctx, r.Domain, r.ID)
}
