package catalogue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/uptrace/bun"

	"naisen/recorder"
)

// Remarks are what people decided about a recording. They are in no manifest, which is never changed, but in small objects beside it, of which the newest counts.
type Remarks struct {
	Label recorder.Label        `json:"label"`
	Notes []Note                `json:"notes"` // the oldest first
	Cases []recorder.CaseNumber `json:"cases"`
}

const (
	remarksMark = ".remarks-"
	// MaxRemarks bounds the content of such an object in bytes: as many notes as there may be, of 2000 letters.
	MaxRemarks = 3 << 20
	// MostRemarks is how many such objects a recording may have.
	MostRemarks = 9999
)

// RemarksName is where what people decided about a recording lies, after the change of that number, from 1.
func RemarksName(object string, number int) string {
	return fmt.Sprintf("%s%s%04d%s", strings.TrimSuffix(object, audioExt), remarksMark, number, audioExt)
}

// RemarksNumber is the number of what people decided, by its name; 0: it is nothing of that kind.
func RemarksNumber(name string) int {
	_, number := numbered(name, remarksMark, audioExt)
	return number
}

// IsBeside says that an object may come beside a recording after it was stored: a wrap, or what people decided.
func IsBeside(name string) bool { return WrapEpoch(name) > 0 || RemarksNumber(name) > 0 }

// Decided is what people decided about a recording, and its row at the same moment. recorder.ErrNotFound.
func (c *Catalogue) Decided(ctx context.Context, domain, id string) (r Row, decided Remarks, err error) {
	if !storable(domain, id) {
		return r, decided, recorder.ErrNotFound
	}
	err = c.read.RunInTx(ctx, &sql.TxOptions{}, func(ctx context.Context, tx bun.Tx) error {
		var m row
		err := tx.NewSelect().Model(&m).Where("domain = ?", domain).Where("id = ?", id).Where("removed = 0").Scan(ctx)
		if errors.Is(err, sql.ErrNoRows) {
			return recorder.ErrNotFound
		}
		if err != nil {
			return err
		}
		rows, err := fill(ctx, tx, []row{m})
		if err != nil {
			return err
		}
		r = rows[0]
		decided = Remarks{Label: r.Label, Cases: r.Cases}
		decided.Notes, err = notesOf(ctx, tx, id)
		return err
	})
	if err != nil {
		return r, decided, fmt.Errorf("catalogue: decided: %w", err)
	}
	return r, decided, nil
}

// unwritten is said of a row as the index of that name says it: something that people decided lies beside it in no object yet, or in one that an older key opens
// than the recording's own.
const unwritten = "(remarks_due > 0 OR (remarks > 0 AND remarks_epoch < epoch))"

// Unwritten are stored recordings, of all domains, of which what people decided is to be put beside them, behind a given id; at most MaxLimit.
func (c *Catalogue) Unwritten(ctx context.Context, after string) ([]Row, error) {
	var found []row
	err := c.read.NewSelect().Model(&found).Where(unwritten).Where("id > ?", after).
		Where("state = ?", string(recorder.Stored)).Where("removed = 0").OrderExpr("id").Limit(MaxLimit).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("catalogue: unwritten: %w", err)
	}
	return fill(ctx, c.read, found)
}

// Remarked notes that what people decided lies beside a recording, as r was when it was read: what they changed since is still to come. recorder.ErrNotFound:
// its destruction has begun.
func (c *Catalogue) Remarked(ctx context.Context, r Row, number, epoch int) error {
	return c.keep(ctx, "remarks", r.Domain, r.ID, func(q *bun.UpdateQuery) *bun.UpdateQuery {
		return q.Set("remarks = MAX(remarks, ?)", number).Set("remarks_epoch = ?", epoch).Set("remarks_due = MAX(remarks_due - ?, 0)", r.RemarksDue)
	})
}

// Recall gives back what a lost row, or one of an old backup, does not have: what people decided as the object of that number says. ErrChanged: the row knows
// of this one already, or of something that lies in none yet. recorder.ErrNotFound.
func (c *Catalogue) Recall(ctx context.Context, domain, id string, number, epoch int, decided Remarks) error {
	if !storable(domain, id) {
		return recorder.ErrNotFound
	}
	err := c.write.RunInTx(ctx, &sql.TxOptions{}, func(ctx context.Context, tx bun.Tx) error {
		err := gone(tx.NewUpdate().Table("recordings").Set("remarks = ?", number).Set("remarks_epoch = ?", epoch).Set("label = ?", decided.Label.Level()).
			Set("changed = ?", c.now().UnixMilli()).Where("domain = ?", domain).Where("id = ?", id).Where("removed = 0").
			Where("remarks < ?", number).Where("remarks_due = 0").Exec(ctx))
		if err == nil {
			err = replaceRemarks(ctx, tx, id, decided)
		}
		if err != nil {
			return err
		}
		return c.again(ctx, tx, domain, id)
	})
	if errors.Is(err, recorder.ErrNotFound) {
		if _, err := c.Get(ctx, domain, id); err != nil {
			return err
		}
		return ErrChanged
	}
	if err != nil {
		return fmt.Errorf("catalogue: recall %s: %w", id, err)
	}
	return nil
}

// replaceRemarks writes notes and cases in the place of all that there are. Notes get new numbers.
func replaceRemarks(ctx context.Context, tx bun.Tx, id string, decided Remarks) error {
	for _, table := range []string{"recording_notes", "recording_cases"} {
		if _, err := tx.NewDelete().Table(table).Where("recording = ?", id).Exec(ctx); err != nil {
			return err
		}
	}
	for _, n := range decided.Notes {
		m := noteRow{Recording: id, Written: millis(n.Written), Author: clean(n.Author), Text: clean(n.Text)}
		if _, err := tx.NewInsert().Model(&m).ExcludeColumn("id").Returning("NULL").Exec(ctx); err != nil {
			return err
		}
	}
	for _, k := range decided.Cases {
		m := caseRow{Recording: id, Name: clean(k.Name), Entered: millis(k.Entered), Author: clean(k.Author)}
		if _, err := tx.NewInsert().Model(&m).On("CONFLICT DO NOTHING").Exec(ctx); err != nil {
			return err
		}
	}
	return nil
}
