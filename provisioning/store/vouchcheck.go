package store

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/uptrace/bun/dialect"

	"naisen/provisioning"
)

// Tampered looks at every row that somebody must agree to, and says which are not what was approved.
func (s *Store) Tampered(ctx context.Context) (out []Tampering, err error) {
	if s.vouch == nil {
		return nil, nil
	}
	err = s.view(ctx, func(r *reader) error {
		out, err = r.tamperings()
		return err
	})
	return out, err
}

// Tampered is Store.Tampered of a file: it needs no secrets, brings no schema forward and writes nothing. A file from before there were approvals has none.
func (l *Log) Tampered(ctx context.Context, approver Approver) (out []Tampering, err error) {
	marks := approver.Marks()
	tables, options := "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = 'vouched'", (*sql.TxOptions)(nil)
	if l.db.Dialect().Name() == dialect.PG {
		tables, options = "SELECT COUNT(*) FROM pg_tables WHERE schemaname = current_schema AND tablename = 'vouched'", &sql.TxOptions{Isolation: sql.LevelRepeatableRead}
	}
	tx, err := l.db.BeginTx(ctx, options)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	r := &reader{ctx: ctx, db: tx, vouch: &voucher{Approver: approver, known: map[string]knownList{}}, marks: marks}
	var there int
	if err := tx.NewRaw(tables).Scan(ctx, &there); err != nil || there == 0 || !approver.Begun() {
		return nil, r.fail("read schema", err)
	}
	return r.tamperings()
}

// tamperings reads everything once more, with a listener of its own.
func (r *reader) tamperings() (out []Tampering, err error) {
	seen := map[Tampering]bool{}
	own := *r
	own.lists = nil
	own.vouch = &voucher{Approver: r.vouch.Approver, known: map[string]knownList{}, tampered: func(t Tampering) {
		if !seen[t] {
			seen[t] = true
			out = append(out, t)
		}
	}}
	domains, err := own.Rows("", provisioning.KindDomain, "", 0)
	if err != nil {
		return nil, err
	}
	for _, d := range domains {
		for _, e := range provisioning.Entities() {
			if !provisioning.Vouchable(e.Kind()) {
				continue
			}
			if _, err := own.Rows(d.Key, e.Kind(), "", 0); err != nil {
				return nil, err
			}
			if err := own.missing(d.Key, e.Kind()); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// missing tells of what was approved and is in neither table any more.
func (r *reader) missing(domain, kind string) error {
	l, err := r.list(domain, kind)
	if err != nil || len(l.versions) == 0 {
		return err
	}
	var keys []string
	if err := r.db.NewRaw("SELECT key FROM vouched WHERE domain = ? AND kind = ?", domain, kind).Scan(r.ctx, &keys); err != nil {
		return r.fail("read approvals", err)
	}
	there := make(map[string]bool, len(keys))
	for _, k := range keys {
		there[k] = true
	}
	for k := range l.versions {
		if !there[k] {
			r.tell(domain, kind, k, whyGone)
		}
	}
	return nil
}

// Counted says how far each list of approvals has counted, of those that verify: see approval.Keeper.Accept.
func (s *Store) Counted(ctx context.Context) (out map[string]int64, err error) {
	out = map[string]int64{}
	err = s.view(ctx, func(r *reader) error {
		var rows []struct {
			Domain, Kind  string
			Counter       int64
			Versions, MAC []byte
		}
		if err := r.db.NewRaw("SELECT domain, kind, counter, versions, mac FROM vouched_list").Scan(ctx, &rows); err != nil {
			return r.fail("read approvals", err)
		}
		for _, l := range rows {
			if r.vouch != nil && r.vouch.Verify(listText(l.Domain, l.Kind, l.Counter, l.Versions), l.MAC) {
				out[listName(l.Domain, l.Kind)] = l.Counter
			}
		}
		return nil
	})
	return out, err
}
