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

// Mark notes when a recording was heard; the zero time: it is new again. ErrNotFound.
func (c *Catalogue) Mark(ctx context.Context, domain, id string, heard time.Time) error {
	return c.set(ctx, "heard", domain, id, millis(heard))
}

// Remove takes a recording out of every list. Its row stays until Forget, so that what is stored can be deleted after a crash too. ErrNotFound.
func (c *Catalogue) Remove(ctx context.Context, domain, id string) error {
	return c.set(ctx, "removed", domain, id, c.now().UnixMilli())
}

func (c *Catalogue) set(ctx context.Context, column, domain, id string, v int64) error {
	if !storable(domain, id) {
		return recorder.ErrNotFound
	}
	res, err := c.write.NewUpdate().Table("recordings").Set(column+" = ?", v).
		Where("domain = ?", domain).Where("id = ?", id).Where("removed = 0").Exec(ctx)
	if err != nil {
		return fmt.Errorf("catalogue: %s %s: %w", column, id, err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(recorder.ErrNotFound, err)
	}
	return nil
}

// Forget deletes a row. It is no error if there is none.
func (c *Catalogue) Forget(ctx context.Context, domain, id string) error {
	if !storable(domain, id) {
		return nil
	}
	err := c.write.RunInTx(ctx, &sql.TxOptions{}, func(ctx context.Context, tx bun.Tx) error {
		if err := leave(ctx, tx, domain, id); err != nil {
			return err
		}
		_, err := tx.NewDelete().Table("recordings").Where("domain = ?", domain).Where("id = ?", id).Exec(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("catalogue: forget %s: %w", id, err)
	}
	return nil
}

// Removed are recordings, of all domains, that are deleted and not yet forgotten; at most MaxLimit.
func (c *Catalogue) Removed(ctx context.Context) ([]Row, error) {
	var found []row
	if err := c.read.NewSelect().Model(&found).Where("removed > 0").OrderExpr("removed, id").Limit(MaxLimit).Scan(ctx); err != nil {
		return nil, fmt.Errorf("catalogue: removed: %w", err)
	}
	return fill(ctx, c.read, found)
}

// Tally is how many recordings of one number and policy there are: stored ones, heard and not yet heard, and with those that are still under way.
type Tally struct {
	Domain, Number string
	New, Old       int
	Held           int // all that take room or will: not failed, not removed
}

// Tallies counts the recordings of a policy, of all domains and numbers that have any.
func (c *Catalogue) Tallies(ctx context.Context, policy string) ([]Tally, error) {
	var found []Tally
	stored := string(recorder.Stored)
	err := c.read.NewSelect().Table("recordings").Column("domain", "number").ColumnExpr("SUM(state = ? AND heard = 0) AS new", stored).
		ColumnExpr("SUM(state = ? AND heard > 0) AS old", stored).ColumnExpr("COUNT(*) AS held").
		Where("state <> ?", string(recorder.Failed)).Where("removed = 0").Where("policy = ?", policy).Group("domain", "number").Scan(ctx, &found)
	if err != nil {
		return nil, fmt.Errorf("catalogue: tallies: %w", err)
	}
	return found, nil
}

// Holder is a number of which there are recordings.
type Holder struct{ Domain, Number string }

// Holders are all numbers that have a recording in any policy and state.
func (c *Catalogue) Holders(ctx context.Context) ([]Holder, error) {
	var found []Holder
	if err := c.read.NewSelect().Table("recordings").Column("domain", "number").Where("removed = 0").Group("domain", "number").Scan(ctx, &found); err != nil {
		return nil, fmt.Errorf("catalogue: holders: %w", err)
	}
	return found, nil
}
