package retention

import (
	"context"
	"errors"
	"io"
	"slices"

	"naisen/recorder"
	"naisen/recorder/catalogue"
)

// Journals are the encrypted journals, on this machine, of recordings that failed: they could not be rendered, and end like what is stored.
type Journals interface {
	// Open reads one. objstore.ErrNotFound.
	Open(id string) (io.ReadCloser, error)
	// Remove deletes one for good. objstore.ErrNotFound. Any other error means that it cannot go now: it is tried again, for one.
	Remove(id string) error
}

var errJournals = errors.New("retention: this keeper knows no journals")

// stored are the names of what is stored of a recording, the manifest last. Of one that failed that is nothing, but for what an earlier try put there.
func (k *Keeper) stored(ctx context.Context, r catalogue.Row) ([]string, error) {
	names, err := catalogue.Objects(ctx, k.cfg.Store, r.Object)
	if err != nil || r.State != recorder.Failed {
		return names, err
	}
	names = slices.DeleteFunc(names, func(name string) bool {
		if err != nil {
			return false
		}
		_, there := k.cfg.Store.Stat(ctx, name)
		if there != nil && !gone(there) {
			err = there
		}
		return gone(there)
	})
	return names, err
}

// journal describes the journal of a recording that failed.
func (k *Keeper) journal(id string) (Object, error) {
	if k.cfg.Journals == nil {
		return Object{}, errJournals
	}
	return describe("failed/"+id+".journal", true, func() (io.ReadCloser, error) { return k.cfg.Journals.Open(id) })
}

// removeJournal deletes it, and makes sure that it is gone.
func (k *Keeper) removeJournal(id string) error {
	if k.cfg.Journals == nil {
		return errJournals
	}
	if err := k.cfg.Journals.Remove(id); err != nil && !gone(err) {
		return err
	}
	f, err := k.cfg.Journals.Open(id)
	if err == nil {
		return errors.Join(errors.New("the journal is still there"), f.Close())
	}
	if !gone(err) {
		return err
	}
	return nil
}
