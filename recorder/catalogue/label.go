package catalogue

import (
	"context"
	"errors"

	"github.com/uptrace/bun"

	"naisen/recorder"
)

// Relabel gives a recording another label in place of one that was read; it never asks who may. Only what is stored gets a lower one: a recording that
// still runs may come under a higher rule. ErrNotFound; ErrChanged: it has another label by now, or is not stored.
func (c *Catalogue) Relabel(ctx context.Context, domain, id string, from, to recorder.Label) error {
	err := c.keep(ctx, "relabel", domain, id, func(q *bun.UpdateQuery) *bun.UpdateQuery {
		q = q.Set("label = ?", to.Level()).Where("label = ?", from.Level())
		if to.Level() < from.Level() {
			q = q.Where("state = ?", string(recorder.Stored))
		}
		return q
	})
	if !errors.Is(err, recorder.ErrNotFound) {
		return err
	}
	if _, err := c.Get(ctx, domain, id); err != nil {
		return err
	}
	return ErrChanged
}
