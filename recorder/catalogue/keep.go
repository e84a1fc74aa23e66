package catalogue

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"time"

	"github.com/uptrace/bun"

	"naisen/recorder"
)

// Errors of keeping; callers use errors.Is.
var (
	ErrEarlier = errors.New("catalogue: it is kept longer already")
	ErrChanged = errors.New("catalogue: it changed since it was read")
)

// HeldError says that a recording is held already, by somebody else or for another reason.
type HeldError struct{ By, Reason string }

func (*HeldError) Error() string {
	return "catalogue: it is held already, by somebody else or for another reason"
}

// Hold keeps a recording from being destroyed until it is released. What was agreed to before counts no longer. ErrNotFound, also when its
// destruction has begun; *HeldError: another hold stands, and a second one would go with its release. Held again for the same reason it keeps its first
// time; a hold that only the store told of gets a name and a reason.
func (c *Catalogue) Hold(ctx context.Context, domain, id, by, reason string) error {
	now, by, reason := c.now().UnixMilli(), clean(by), clean(reason)
	err := c.keep(ctx, "hold", domain, id, func(q *bun.UpdateQuery) *bun.UpdateQuery {
		return q.Set("held = CASE WHEN held > 0 THEN held ELSE ? END", now).Set("hold_by = ?", by).Set("hold_reason = ?", reason).
			Set("approved = 0").Set("approved_by = ''").
			Where("(held = 0 OR hold_by = ? OR (hold_by = ? AND hold_reason = ?))", restoredBy, by, reason)
	})
	if !errors.Is(err, recorder.ErrNotFound) {
		return err
	}
	row, err := c.Get(ctx, domain, id)
	if err != nil {
		return err
	}
	return &HeldError{row.HoldBy, row.HoldReason}
}

// Release ends the hold that r has. ErrNotFound; ErrChanged: another one stands, or none. What fell due meanwhile is destroyed when it was agreed to
// anew, not before.
func (c *Catalogue) Release(ctx context.Context, r Row) error {
	err := c.keep(ctx, "release", r.Domain, r.ID, func(q *bun.UpdateQuery) *bun.UpdateQuery {
		return q.Set("held = 0").Set("hold_by = ''").Set("hold_reason = ''").
			Where("held = ?", millis(r.Held)).Where("hold_by = ?", r.HoldBy).Where("hold_reason = ?", r.HoldReason)
	})
	if !errors.Is(err, recorder.ErrNotFound) {
		return err
	}
	if _, err := c.Get(ctx, r.Domain, r.ID); err != nil {
		return err
	}
	return ErrChanged
}

// Extend keeps a recording until a later time than its rule says. ErrNotFound; ErrEarlier: nobody makes it earlier, and one without end has none later.
func (c *Catalogue) Extend(ctx context.Context, domain, id string, until time.Time) error {
	err := c.keep(ctx, "extend", domain, id, func(q *bun.UpdateQuery) *bun.UpdateQuery {
		return q.Set("retain_until = ?", millis(until)).Set("approved = 0").Set("approved_by = ''").Where("retain_until > 0").Where("retain_until < ?", millis(until))
	})
	if !errors.Is(err, recorder.ErrNotFound) {
		return err
	}
	row, got := c.Get(ctx, domain, id)
	switch {
	case got != nil:
		return got
	case row.RetainUntil.Equal(until):
		return nil
	}
	return ErrEarlier
}

// Date gives an end to a recording that has none. ErrNotFound; ErrChanged: it has one.
func (c *Catalogue) Date(ctx context.Context, domain, id string, until time.Time) error {
	err := c.keep(ctx, "date", domain, id, func(q *bun.UpdateQuery) *bun.UpdateQuery {
		return q.Set("retain_until = ?", millis(until)).Set("approved = 0").Set("approved_by = ''").Where("retain_until = 0")
	})
	if !errors.Is(err, recorder.ErrNotFound) {
		return err
	}
	if _, err := c.Get(ctx, domain, id); err != nil {
		return err
	}
	return ErrChanged
}

// keep changes one row that is still there for everybody.
func (c *Catalogue) keep(ctx context.Context, what, domain, id string, change func(*bun.UpdateQuery) *bun.UpdateQuery) error {
	if !storable(domain, id) {
		return recorder.ErrNotFound
	}
	res, err := change(c.write.NewUpdate().Table("recordings")).Set("changed = ?", c.now().UnixMilli()).
		Where("domain = ?", domain).Where("id = ?", id).Where("removed = 0").Exec(ctx)
	if err != nil {
		return fmt.Errorf("catalogue: %s %s: %w", what, id, err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(recorder.ErrNotFound, err)
	}
	return nil
}

// ending are the states of a recording of which something is left that its end must take: what is stored, or, where an end is set, the journal of one
// that failed.
var ending = []string{string(recorder.Stored), string(recorder.Failed)}

// Due selects recordings of a domain that are stored, or failed with something left, by when they fall due, the earliest first: From is in, To is out.
type Due struct {
	Domain   string
	From, To time.Time
	After    string // the id of the last one seen
	AfterDue time.Time
	Limit    int // at most MaxLimit; 0: that
}

func (d Due) where(q *bun.SelectQuery) *bun.SelectQuery {
	return q.Where("domain = ?", d.Domain).Where("state IN (?)", bun.List(ending)).Where("removed = 0").
		Where("retain_until > 0").Where("retain_until >= ?", millis(d.From)).Where("retain_until < ?", millis(d.To))
}

// Due lists them.
func (c *Catalogue) Due(ctx context.Context, d Due) ([]Row, error) {
	if !storable(d.Domain, d.After) {
		return nil, nil
	}
	limit := MaxLimit
	if d.Limit > 0 {
		limit = min(limit, d.Limit)
	}
	var found []row
	sel := d.where(c.read.NewSelect().Model(&found)).OrderExpr("retain_until, id").Limit(int64(limit))
	if d.After != "" {
		sel = sel.Where("(retain_until, id) > (?, ?)", millis(d.AfterDue), d.After)
	}
	if err := sel.Scan(ctx); err != nil {
		return nil, fmt.Errorf("catalogue: due: %w", err)
	}
	return fill(ctx, c.read, found)
}

// DueTally counts what a Due selects. Digest changes when any recording comes, goes, is held, released or moved to another time.
type DueTally struct {
	Due      int // all of them
	Held     int // of them, kept all the same
	Approved int // of them, agreed to
	Digest   string
}

// TallyDue counts what d selects; After and Limit do not matter.
func (c *Catalogue) TallyDue(ctx context.Context, d Due) (DueTally, error) {
	return tally(ctx, c.read, d)
}

func tally(ctx context.Context, db bun.IDB, d Due) (DueTally, error) {
	var t DueTally
	if !storable(d.Domain) {
		return t, nil
	}
	digest := sha256.New()
	var at row
	for {
		var found []row
		sel := d.where(db.NewSelect().Model(&found)).Column("id", "retain_until", "held", "approved", "sealed_sha256").OrderExpr("retain_until, id").Limit(MaxLimit)
		if at.ID != "" {
			sel = sel.Where("(retain_until, id) > (?, ?)", at.RetainUntil, at.ID)
		}
		if err := sel.Scan(ctx); err != nil {
			return t, fmt.Errorf("catalogue: due: %w", err)
		}
		for _, m := range found {
			t.count(m, digest)
			at = m
		}
		if len(found) < MaxLimit {
			t.Digest = hex.EncodeToString(digest.Sum(nil))
			return t, nil
		}
	}
}

func (t *DueTally) count(m row, digest hash.Hash) {
	t.Due++
	if m.Held > 0 {
		t.Held++
	}
	if m.Approved > 0 {
		t.Approved++
	}
	fmt.Fprintf(digest, "%s %d %t %s\n", m.ID, m.RetainUntil, m.Held > 0, m.SealedSHA256) // an id has no space
}

// Approve agrees to the destruction of all that d selects and nobody holds, if the list is still the one of the digest: ErrChanged. It returns how
// many were agreed to by that.
func (c *Catalogue) Approve(ctx context.Context, d Due, digest, by string) (int, error) {
	approved := 0
	err := c.write.RunInTx(ctx, &sql.TxOptions{}, func(ctx context.Context, tx bun.Tx) error {
		t, err := tally(ctx, tx, d)
		if err != nil {
			return err
		}
		if t.Digest != digest {
			return ErrChanged
		}
		res, err := tx.NewUpdate().Table("recordings").Set("approved = ?", c.now().UnixMilli()).Set("approved_by = ?", clean(by)).
			Where("domain = ?", d.Domain).Where("state IN (?)", bun.List(ending)).Where("removed = 0").Where("held = 0").Where("approved = 0").
			Where("retain_until > 0").Where("retain_until >= ?", millis(d.From)).Where("retain_until < ?", millis(d.To)).Exec(ctx)
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		approved = int(n)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("catalogue: approve: %w", err)
	}
	return approved, nil
}

// FirstDue is when the first stored recording of a domain falls due; zero: none does.
func (c *Catalogue) FirstDue(ctx context.Context, domain string) (time.Time, error) {
	if !storable(domain) {
		return time.Time{}, nil
	}
	var first sql.NullInt64
	err := c.read.NewSelect().Table("recordings").ColumnExpr("MIN(retain_until)").Where("domain = ?", domain).
		Where("state IN (?)", bun.List(ending)).Where("removed = 0").Where("retain_until > 0").Scan(ctx, &first)
	if err != nil {
		return time.Time{}, fmt.Errorf("catalogue: first due: %w", err)
	}
	return moment(first.Int64), nil
}

// Overdue counts, over all domains, what should have been destroyed before a time and waits for somebody's word.
func (c *Catalogue) Overdue(ctx context.Context, before time.Time) (int, error) {
	n, err := c.read.NewSelect().Table("recordings").Where("state IN (?)", bun.List(ending)).Where("removed = 0").Where("held = 0").
		Where("approved = 0").Where("retain_until > 0").Where("retain_until < ?", millis(before)).Count(ctx)
	if err != nil {
		return 0, fmt.Errorf("catalogue: overdue: %w", err)
	}
	return int(n), nil
}

// ToDestroy are recordings, of all domains, whose time is over, that somebody agreed to and nobody holds, behind a given id; at most MaxLimit.
func (c *Catalogue) ToDestroy(ctx context.Context, now time.Time, after string) ([]Row, error) {
	var found []row
	err := destroyable(c.read.NewSelect().Model(&found), now).Where("id > ?", after).OrderExpr("id").Limit(MaxLimit).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("catalogue: to destroy: %w", err)
	}
	return fill(ctx, c.read, found)
}

func destroyable(q *bun.SelectQuery, now time.Time) *bun.SelectQuery {
	return q.Where("state IN (?)", bun.List(ending)).Where("removed = 0").Where("held = 0").Where("approved > 0").
		Where("retain_until > 0").Where("retain_until <= ?", millis(now))
}

// BeginDestroy takes a recording out of every list for good, if it may still be destroyed at that time, and keeps what its certificate will say.
// ErrNotFound: it may not, or not any more.
func (c *Catalogue) BeginDestroy(ctx context.Context, r Row, now time.Time, certificate string) error {
	return c.keep(ctx, "destroy", r.Domain, r.ID, func(q *bun.UpdateQuery) *bun.UpdateQuery {
		return q.Set("removed = ?", millis(now)).Set("certificate = ?", certificate).Where("state IN (?)", bun.List(ending)).
			Where("held = 0").Where("approved > 0").Where("retain_until = ?", millis(r.RetainUntil)).Where("retain_until <= ?", millis(now))
	})
}

// Destroying are recordings, of all domains, whose destruction has begun and was not certified yet; at most MaxLimit.
func (c *Catalogue) Destroying(ctx context.Context, after string) ([]Row, error) {
	var found []row
	err := c.read.NewSelect().Model(&found).Where("removed > 0").Where("certificate <> ''").Where("id > ?", after).OrderExpr("id").Limit(MaxLimit).Scan(ctx)
	if err != nil {
		return nil, fmt.Errorf("catalogue: destroying: %w", err)
	}
	return fill(ctx, c.read, found)
}
