package reconcile

import (
	"context"
	"errors"

	"naisen/recorder"
	"naisen/recorder/catalogue"
	"naisen/recorder/objstore"
)

// Follow enters one recording that another process has stored just now, as its manifest, its lock and what lies beside it say. objstore.ErrNotFound: it is
// not there any more.
func Follow(ctx context.Context, cfg Config, domain, id, object string) error {
	m, lock, err := catalogue.ReadWhole(ctx, cfg.Store, cfg.Keys, domain, catalogue.ManifestName(object))
	if err != nil {
		return err
	}
	if m.ID != id {
		return recorder.ErrIntegrity
	}
	if err := cfg.Catalogue.Follow(ctx, m, lock); err != nil {
		return err
	}
	return Recall(ctx, cfg, domain, id, object)
}

// Recall gives a recording what people decided at another process, where the store knows more of that than the catalogue.
func Recall(ctx context.Context, cfg Config, domain, id, object string) error {
	names, err := catalogue.Objects(ctx, cfg.Store, object)
	if err != nil && !errors.Is(err, objstore.ErrNotFound) {
		return err
	}
	var beside []string
	for _, name := range names {
		if catalogue.RemarksNumber(name) > 0 {
			beside = append(beside, name)
		}
	}
	row, err := cfg.Catalogue.Get(ctx, domain, id)
	if err != nil {
		return err
	}
	f, err := cfg.Remarks.Newest(ctx, domain, id, object, beside)
	if err != nil || f.Number <= row.Remarks {
		return err
	}
	if row.RemarksDue > 0 {
		err = cfg.Catalogue.Merge(ctx, domain, id, f.Number, f.Epoch, f.Remarks)
	} else {
		if !f.Sure {
			f.Label = recorder.HigherLabel(f.Label, row.Label)
		}
		err = cfg.Catalogue.Recall(ctx, domain, id, f.Number, f.Epoch, f.Remarks)
	}
	if errors.Is(err, catalogue.ErrChanged) { // somebody decided something in this moment: the next look is about both
		return nil
	}
	return err
}
