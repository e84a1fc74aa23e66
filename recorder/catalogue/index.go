package catalogue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"naisen/recorder"
)

// placesPerMS is how many recordings can begin in one millisecond and keep their order.
const placesPerMS = 1024

type groupRow struct {
	bun.BaseModel `bun:"table:recording_groups"`
	Recording     string `bun:",pk"`
	Name          string `bun:",pk"`
}

// seat gives a row its place, and says whether it has one only now.
func seat(ctx context.Context, p pen, r *Row) (fresh bool, err error) {
	if r.place != 0 {
		return false, nil
	}
	if r.place, err = newPlace(ctx, p, millis(r.Started)); err != nil {
		return false, err
	}
	return true, p.do(ctx, setPlace, r.place, r.ID)
}

// enter puts a recording that has a place into the index, or what it says now in place of what it said. A fresh one has no notes yet. What else is
// written in a transaction of many is written before: FTS5 makes a segment of what it has whenever another table's statement needs a savepoint.
func (c *Catalogue) enter(ctx context.Context, tx bun.Tx, r Row, fresh bool) (err error) {
	p, how := c.pen(tx), enterFresh
	var notes []string
	if !fresh {
		how = enterAgain
		if notes, err = p.list(ctx, readNotes, r.ID); err != nil {
			return err
		}
		cases, err := p.list(ctx, readCases, r.ID)
		if err != nil {
			return err
		}
		r.Cases = nil
		for _, name := range cases {
			r.Cases = append(r.Cases, recorder.CaseNumber{Name: name})
		}
	}
	pairs, units := c.words.pairsOf(r, notes), unitsOf(r)
	terms := make([]byte, 0, len(pairs)*len(units)*(termLength+1))
	for _, u := range units {
		for _, p := range pairs {
			terms = append(append(terms, u.term(p.kind, p.value)...), ' ')
		}
	}
	return p.do(ctx, how, r.place, string(terms))
}

// newPlace is the first free one of a time.
func newPlace(ctx context.Context, p pen, ms int64) (int64, error) {
	first := max(ms, 0)*placesPerMS + 1
	var last sql.NullInt64
	err := p.one(ctx, lastPlace, first, first+placesPerMS-1).Scan(&last)
	switch {
	case err != nil:
		return 0, err
	case !last.Valid:
		return first, nil
	case last.Int64+1 < first+placesPerMS-1:
		return last.Int64 + 1, nil
	}
	return newPlace(ctx, p, ms+1)
}

// leave takes a recording out of the index.
func leave(ctx context.Context, tx bun.Tx, domain, id string) error {
	_, err := tx.ExecContext(ctx, "DELETE FROM recording_terms WHERE rowid IN (SELECT place FROM recordings WHERE domain = ? AND id = ? AND place > 0)", domain, id)
	return err
}

// again enters a recording as its row is now.
func (c *Catalogue) again(ctx context.Context, tx bun.Tx, domain, id string) error {
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
	return c.enter(ctx, tx, rows[0], false)
}

// enterAll enters what an older version of this program left without a place.
func (c *Catalogue) enterAll(ctx context.Context) error {
	for {
		var found []row
		err := c.write.RunInTx(ctx, &sql.TxOptions{}, func(ctx context.Context, tx bun.Tx) error {
			found = nil
			if err := tx.NewSelect().Model(&found).Where("place = 0").OrderExpr("started, id").Limit(MaxLimit).Scan(ctx); err != nil {
				return err
			}
			rows, err := fill(ctx, tx, found)
			if err != nil {
				return err
			}
			for i := range rows {
				if _, err := seat(ctx, c.pen(tx), &rows[i]); err != nil {
					return err
				}
			}
			for _, r := range rows {
				if err := c.enter(ctx, tx, r, false); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("index: %w", err)
		}
		if len(found) < MaxLimit {
			return nil
		}
	}
}
