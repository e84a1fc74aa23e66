package catalogue

import (
	"context"
	"database/sql"
	"errors"

	"github.com/uptrace/bun"

	"naisen/recorder"
)

// Relabel gives a recording another label in place of one that was read; it never asks who may. Only what is stored gets a lower one: a recording that
// still runs may come under a higher rule. ErrNotFound; ErrChanged: it has another label by now, or is not stored.
func (c *Catalogue) Relabel(ctx context.Context, domain, id string, from, to recorder.Label) error {
	if !storable(domain, id) {
		return recorder.ErrNotFound
	}
	err := c.write.RunInTx(ctx, &sql.TxOptions{}, func(ctx context.Context, tx bun.Tx) error {
		q := tx.NewUpdate().Table("recordings").Set("label = ?", to.Level()).Set("remarks_due = remarks_due + 1").Set("changed = ?", c.now().UnixMilli()).
			Where("domain = ?", domain).Where("id = ?", id).Where("removed = 0").Where("label = ?", from.Level())
		if to.Level() < from.Level() {
			q = q.Where("state = ?", string(recorder.Stored))
		}
		if err := gone(q.Exec(ctx)); err != nil {
			return err
		}
		return c.again(ctx, tx, domain, id) // it is found by its label
	})
	if !errors.Is(err, recorder.ErrNotFound) {
		return err
	}
	if _, err := c.Get(ctx, domain, id); err != nil {
		return err
	}
	return ErrChanged
}
