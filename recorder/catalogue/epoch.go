package catalogue

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"naisen/recorder"
)

// A recording needs a key as long as something of it is sealed to that key: on this machine after its render, then in the store. One that was removed,
// or whose destruction has begun, needs none, and one that failed has nothing that was sealed.

// Below are stored recordings of a domain that an older key than epoch opens, behind a given id; at most MaxLimit.
func (c *Catalogue) Below(ctx context.Context, domain string, epoch int, after string) ([]Row, error) {
	if !storable(domain, after) {
		return nil, nil
	}
	var found []row
	// By id and no other index (the plus keeps them away): a page costs a page, however many there are below.
	err := c.read.NewSelect().Model(&found).Where("+domain = ?", domain).Where("+epoch < ?", epoch).Where("id > ?", after).
		Where("state = ?", string(recorder.Stored)).Where("removed = 0").OrderExpr("id").Limit(MaxLimit).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("catalogue: below: %w", err)
	}
	return fill(ctx, c.read, found)
}

// Rewrapped notes that a key of that epoch opens a recording; an older one than it has changes nothing. recorder.ErrNotFound: it is not stored, or its
// destruction has begun.
func (c *Catalogue) Rewrapped(ctx context.Context, domain, id string, epoch int) error {
	return c.keep(ctx, "rewrap", domain, id, func(q *bun.UpdateQuery) *bun.UpdateQuery {
		return q.Set("epoch = MAX(epoch, ?)", epoch).Where("state = ?", string(recorder.Stored))
	})
}

// Epochs counts, for each domain, what each of its keys is needed for: recordings, and what people decided where that is not written for their key yet.
func (c *Catalogue) Epochs(ctx context.Context) (map[string]map[int]int64, error) {
	var found, beside []struct {
		Domain string
		Epoch  int
		N      int64
	}
	err := c.read.NewSelect().Table("recordings").Column("domain", "epoch").ColumnExpr("COUNT(*) AS n").
		Where("state IN (?)", bun.List([]string{string(recorder.Captured), string(recorder.Stored)})).Where("removed = 0").
		Group("domain", "epoch").Scan(ctx, &found)
	if err == nil {
		err = c.read.NewSelect().Table("recordings").ColumnExpr("domain, remarks_epoch AS epoch, COUNT(*) AS n").Where(unwritten).
			Where("remarks > 0 AND remarks_epoch < epoch").Where("removed = 0").GroupExpr("+domain, +remarks_epoch").Scan(ctx, &beside) // by no index of domains: it would be read from end to end
	}
	if err != nil {
		return nil, fmt.Errorf("catalogue: epochs: %w", err)
	}
	counts := map[string]map[int]int64{}
	for _, f := range append(found, beside...) {
		if counts[f.Domain] == nil {
			counts[f.Domain] = map[int]int64{}
		}
		counts[f.Domain][f.Epoch] += f.N
	}
	return counts, nil
}

// Dropped says of an object in the store that nothing of it is needed any more: its recording was removed, or its destruction has begun. Of what the
// catalogue does not know it says no.
func (c *Catalogue) Dropped(ctx context.Context, domain, object string) (bool, error) {
	if !storable(domain, object) {
		return false, nil
	}
	var found struct{ Rows, Live int64 }
	err := c.read.NewSelect().Table("recordings").ColumnExpr("COUNT(*) AS rows").ColumnExpr("COALESCE(SUM(removed = 0), 0) AS live").
		Where("domain = ?", domain).Where("object = ?", object).Where("id = ?", idOf(object)).Scan(ctx, &found)
	if err != nil {
		return false, fmt.Errorf("catalogue: dropped: %w", err)
	}
	return found.Rows > 0 && found.Live == 0, nil
}
