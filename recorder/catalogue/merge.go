package catalogue

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/uptrace/bun"

	"naisen/recorder"
)

// Merge is Recall where the row has what people decided here too, which lies in no object yet: notes and cases of both stay, and the higher label. What
// comes of it is still to be put beside the recording. ErrChanged: the row knows of this object already, or has nothing of its own. recorder.ErrNotFound.
func (c *Catalogue) Merge(ctx context.Context, domain, id string, number, epoch int, decided Remarks) error {
	if !storable(domain, id) {
		return recorder.ErrNotFound
	}
	err := c.write.RunInTx(ctx, &sql.TxOptions{}, func(ctx context.Context, tx bun.Tx) error {
		var m row
		if err := tx.NewSelect().Model(&m).Where("domain = ?", domain).Where("id = ?", id).Where("removed = 0").Scan(ctx); err != nil {
			return err
		}
		if m.Remarks >= number || m.RemarksDue == 0 {
			return ErrChanged
		}
		rows, err := fill(ctx, tx, []row{m})
		if err != nil {
			return err
		}
		here := Remarks{Label: rows[0].Label, Cases: rows[0].Cases}
		if here.Notes, err = notesOf(ctx, tx, id); err != nil {
			return err
		}
		both := mergeRemarks(here, decided)
		if _, err := tx.NewUpdate().Table("recordings").Set("remarks = ?", number).Set("remarks_epoch = ?", epoch).Set("label = ?", both.Label.Level()).
			Set("changed = ?", c.now().UnixMilli()).Where("id = ?", id).Exec(ctx); err != nil {
			return err
		}
		if err := replaceRemarks(ctx, tx, id, both); err != nil {
			return err
		}
		return c.again(ctx, tx, domain, id)
	})
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return recorder.ErrNotFound
	case err == nil, errors.Is(err, ErrChanged):
		return err
	}
	return fmt.Errorf("catalogue: merge %s: %w", id, err)
}

// mergeRemarks has what either says. A note is another one by who wrote it when and what.
func mergeRemarks(a, b Remarks) Remarks {
	out := Remarks{Label: recorder.HigherLabel(a.Label, b.Label), Notes: slices.Clone(b.Notes), Cases: slices.Clone(b.Cases)}
	for _, n := range a.Notes {
		if !slices.ContainsFunc(b.Notes, func(m Note) bool { return m.Written.Equal(n.Written) && m.Author == n.Author && m.Text == n.Text }) {
			out.Notes = append(out.Notes, n)
		}
	}
	slices.SortStableFunc(out.Notes, func(x, y Note) int { return x.Written.Compare(y.Written) })
	for _, k := range a.Cases {
		if !slices.ContainsFunc(b.Cases, func(l recorder.CaseNumber) bool { return l.Name == k.Name }) {
			out.Cases = append(out.Cases, k)
		}
	}
	slices.SortFunc(out.Cases, func(x, y recorder.CaseNumber) int { return cmp.Compare(x.Name, y.Name) })
	return out
}
