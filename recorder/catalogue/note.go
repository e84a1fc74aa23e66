package catalogue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"naisen/recorder"
)

// Bounds of what people write about one recording.
const (
	MaxNotes = 200
	MaxCases = 50
)

// ErrFull says that a recording has as many notes or cases as it may have.
var ErrFull = errors.New("catalogue: it has as many as it may have")

// errSame says that a change changes nothing.
var errSame = errors.New("catalogue: it is so already")

// Note is what somebody wrote about a recording.
type Note struct {
	ID      int64     `json:"-"` // in this catalogue
	Written time.Time `json:"written"`
	Author  string    `json:"author"`
	Text    string    `json:"text"`
}

type noteRow struct {
	bun.BaseModel `bun:"table:recording_notes"`
	ID            int64 `bun:",pk"`
	Recording     string
	Written       int64
	Author        string
	Text          string
}

type caseRow struct {
	bun.BaseModel `bun:"table:recording_cases"`
	Recording     string `bun:",pk"`
	Name          string `bun:",pk"`
	Entered       int64
	Author        string
}

// Notes of a recording, the oldest first. ErrNotFound.
func (c *Catalogue) Notes(ctx context.Context, domain, id string) ([]Note, error) {
	if _, err := c.Get(ctx, domain, id); err != nil {
		return nil, err
	}
	return notesOf(ctx, c.read, id)
}

// AddNote writes one. ErrNotFound, ErrFull.
func (c *Catalogue) AddNote(ctx context.Context, domain, id, author, text string) (Note, error) {
	n := noteRow{Recording: id, Written: c.now().UnixMilli(), Author: clean(author), Text: clean(text)}
	err := c.remark(ctx, domain, id, func(ctx context.Context, tx bun.Tx) error {
		have, err := tx.NewSelect().Table("recording_notes").Where("recording = ?", id).Count(ctx)
		if err != nil {
			return err
		}
		if have >= MaxNotes {
			return ErrFull
		}
		res, err := tx.NewInsert().Model(&n).ExcludeColumn("id").Returning("NULL").Exec(ctx)
		if err == nil {
			n.ID, err = res.LastInsertId()
		}
		return err
	})
	if err != nil {
		return Note{}, fmt.Errorf("catalogue: note %s: %w", id, err)
	}
	return n.note(), nil
}

// DropNote takes one away again. ErrNotFound.
func (c *Catalogue) DropNote(ctx context.Context, domain, id string, note int64) error {
	err := c.remark(ctx, domain, id, func(ctx context.Context, tx bun.Tx) error {
		return gone(tx.NewDelete().Table("recording_notes").Where("recording = ?", id).Where("id = ?", note).Exec(ctx))
	})
	if err != nil {
		return fmt.Errorf("catalogue: drop note of %s: %w", id, err)
	}
	return nil
}

// SetCase says that a recording belongs to a case; that it does already is no error. ErrNotFound, ErrFull.
func (c *Catalogue) SetCase(ctx context.Context, domain, id, author, name string) error {
	k := caseRow{Recording: id, Name: clean(name), Entered: c.now().UnixMilli(), Author: clean(author)}
	err := c.remark(ctx, domain, id, func(ctx context.Context, tx bun.Tx) error {
		have, err := tx.NewSelect().Table("recording_cases").Where("recording = ?", id).Where("name <> ?", k.Name).Count(ctx)
		if err != nil {
			return err
		}
		if have >= MaxCases {
			return ErrFull
		}
		if err := gone(tx.NewInsert().Model(&k).On("CONFLICT DO NOTHING").Exec(ctx)); !errors.Is(err, recorder.ErrNotFound) {
			return err
		}
		return errSame
	})
	if errors.Is(err, errSame) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("catalogue: case of %s: %w", id, err)
	}
	return nil
}

// DropCase says that it does not any more. ErrNotFound.
func (c *Catalogue) DropCase(ctx context.Context, domain, id, name string) error {
	if !storable(name) {
		return recorder.ErrNotFound
	}
	err := c.remark(ctx, domain, id, func(ctx context.Context, tx bun.Tx) error {
		return gone(tx.NewDelete().Table("recording_cases").Where("recording = ?", id).Where("name = ?", name).Exec(ctx))
	})
	if err != nil {
		return fmt.Errorf("catalogue: drop case of %s: %w", id, err)
	}
	return nil
}

func gone(res sql.Result, err error) error {
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(recorder.ErrNotFound, err)
	}
	return nil
}

// remark changes what people say about one recording that is there for everybody, and enters it anew. What they say is to be put beside the recording.
func (c *Catalogue) remark(ctx context.Context, domain, id string, change func(context.Context, bun.Tx) error) error {
	if !storable(domain, id) {
		return recorder.ErrNotFound
	}
	return c.write.RunInTx(ctx, &sql.TxOptions{}, func(ctx context.Context, tx bun.Tx) error {
		err := gone(tx.NewUpdate().Table("recordings").Set("remarks_due = remarks_due + 1").Where("domain = ?", domain).Where("id = ?", id).Where("removed = 0").Exec(ctx))
		if err == nil {
			err = change(ctx, tx)
		}
		if err != nil {
			return err
		}
		return c.again(ctx, tx, domain, id)
	})
}

func (n noteRow) note() Note { return Note{n.ID, moment(n.Written), n.Author, n.Text} }

func notesOf(ctx context.Context, db bun.IDB, id string) ([]Note, error) {
	var found []noteRow
	if err := db.NewSelect().Model(&found).Where("recording = ?", id).OrderExpr("id").Scan(ctx); err != nil {
		return nil, fmt.Errorf("catalogue: notes: %w", err)
	}
	notes := make([]Note, len(found))
	for i, n := range found {
		notes[i] = n.note()
	}
	return notes, nil
}
