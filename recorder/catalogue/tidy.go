package catalogue

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/uptrace/bun"
)

// tidyPages is about how many pages of 4 KiB one step of Tidy writes, while which others' writes wait: milliseconds.
const tidyPages = 64

// tidyRest is how many times as long as a step Tidy rests after it.
const tidyRest = 4

// Tidy merges segments of Search's index until no two of about one size are left. Each transaction writes one, and a search looks up each word of each
// of its units in all of them, so that what a search costs grows with their number. FTS5 merges by itself only what it must. Tidy goes in steps, in
// which what it does and what others write are equals, and rests most of the time; it can end at any step, and goes on there. It says in how many steps it found something to do.
func (c *Catalogue) Tidy(ctx context.Context) (steps int, err error) {
	for {
		began := time.Now()
		worked, err := c.merge(ctx)
		if err != nil {
			return steps, fmt.Errorf("catalogue: tidy: %w", err)
		}
		if !worked {
			return steps, nil
		}
		steps++
		rest := time.NewTimer(tidyRest * time.Since(began))
		select {
		case <-ctx.Done():
			rest.Stop()
			return steps, ctx.Err()
		case <-rest.C:
		}
	}
}

// merge is one step, and says whether there was something to do: where there is nothing FTS5 changes at most one row (fts5.html, section 6.8).
func (c *Catalogue) merge(ctx context.Context) (worked bool, err error) {
	const changes = "SELECT total_changes()"
	err = c.write.RunInTx(ctx, &sql.TxOptions{}, func(ctx context.Context, tx bun.Tx) error {
		var before, after int64
		if err := tx.QueryRowContext(ctx, changes).Scan(&before); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO recording_terms(recording_terms, rank) VALUES ('merge', ?)", tidyPages); err != nil {
			return err
		}
		err := tx.QueryRowContext(ctx, changes).Scan(&after)
		worked = after-before >= 2
		return err
	})
	return worked, err
}
