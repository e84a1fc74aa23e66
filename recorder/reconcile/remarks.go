package reconcile

import (
	"context"
	"errors"
	"slices"

	"naisen/recorder"
	"naisen/recorder/catalogue"
)

// besideOf are the objects of a day with what people decided, by the audio that they lie beside.
func besideOf(stored map[string]int64) map[string][]string {
	all := map[string][]string{}
	for name := range stored {
		if catalogue.RemarksNumber(name) > 0 {
			object := catalogue.ObjectOf(name)
			all[object] = append(all[object], name)
		}
	}
	return all
}

// decided looks at what people decided about a recording: whether the newest object that the catalogue knows is there, whether the store has a newer one, and,
// if it is Deep's turn, whether it is what it says.
func (r *run) decided(ctx context.Context, row catalogue.Row, stored map[string]int64, beside []string, deep bool) error {
	if r.Remarks == nil {
		return nil
	}
	newer := false
	for _, name := range beside {
		newer = newer || catalogue.RemarksNumber(name) > row.Remarks
	}
	if row.Remarks > 0 {
		if ok, err := r.there(ctx, row, part{catalogue.RemarksName(row.Object, row.Remarks), -1, ""}, stored); err != nil || !ok {
			return err
		}
	}
	if !newer && (!deep || row.Remarks == 0) {
		return nil
	}
	return r.recall(ctx, row.Domain, row.ID, beside)
}

// recall gives a row what people decided, where the store knows more of that than the catalogue, and tells of objects that are not what they say, and of those
// that the log knows and nobody can read. What nothing vouches to be the newest lowers no label.
func (r *run) recall(ctx context.Context, domain, id string, beside []string) error {
	if r.Remarks == nil {
		return nil
	}
	row, err := r.Catalogue.Get(ctx, domain, id)
	if err != nil {
		return unlockable(err) // it is being destroyed
	}
	f, err := r.Remarks.Newest(ctx, domain, id, row.Object, beside)
	if err != nil && r.keyless(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if name := catalogue.RemarksName(row.Object, f.Behind); f.Behind > row.Remarks && !slices.Contains(beside, name) {
		back, err := r.there(ctx, row, part{name: name, size: -1}, nil)
		if err != nil {
			return err
		}
		if back {
			return r.recall(ctx, domain, id, append(beside, name))
		}
	}
	for _, bad := range f.Refuse {
		r.found(Altered, bad.Name, "%s", bad.Why)
	}
	if f.Number <= row.Remarks || row.RemarksDue > 0 { // what people decided since is written under a higher number
		return nil
	}
	if !r.Mend {
		r.found(Orphan, catalogue.RemarksName(row.Object, f.Number), "the catalogue does not know it; it can tell what people decided")
		return nil
	}
	if !f.Sure {
		f.Label = recorder.HigherLabel(f.Label, row.Label)
	}
	if err := r.Catalogue.Recall(ctx, domain, id, f.Number, f.Epoch, f.Remarks); err != nil {
		if errors.Is(err, catalogue.ErrChanged) {
			return nil
		}
		return unlockable(err)
	}
	r.found(Rebuilt, catalogue.RemarksName(row.Object, f.Number), "what people decided about recording %s", id)
	return nil
}
