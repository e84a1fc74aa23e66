package store

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"naisen/provisioning"
)

// eachPage is how many entries EachAudit reads in one view: a writer's log is not held up by a whole month.
const eachPage = 5000

// EachAudit gives the entries of a domain and a time in their order, as far as reports need them: those that were refused or failed, that stand for many, or that somebody gave a reason
// for by need are whole, the others have no more than their columns.
func (s *Store) EachAudit(ctx context.Context, domain string, since, until time.Time, take func(provisioning.AuditEntry)) error {
	if !storable(domain) {
		return nil
	}
	stretches := [][2]int64{{0, math.MaxInt64}}
	if s.index != nil {
		indexed, _, err := s.index.progress(ctx)
		var after, last int64
		if err == nil {
			after, last, err = s.index.between(ctx, since, until, indexed)
		}
		if err != nil {
			return fmt.Errorf("store: read audit: %w", err)
		}
		stretches = [][2]int64{{after, last}, {indexed, math.MaxInt64}} // of the end the index knows nothing
	}
	for _, x := range stretches {
		for after, n := x[0], eachPage; n == eachPage && after < x[1]; {
			var err error
			if after, n, err = s.eachPage(ctx, domain, after, x[1], take); err != nil {
				return fmt.Errorf("store: read audit: %w", err)
			}
		}
	}
	return nil
}

func (s *Store) eachPage(ctx context.Context, domain string, after, last int64, take func(provisioning.AuditEntry)) (seq int64, n int, err error) {
	err = s.view(ctx, func(r *reader) error {
		rows, err := r.db.QueryContext(ctx, `SELECT seq, at, subject, action, object, outcome, CASE WHEN outcome IN ('denied', 'failed') OR subject = 'many' OR action = 'listening.break-glass' THEN leaf END
			FROM audit WHERE domain = ? AND seq > ? AND seq <= ? ORDER BY seq LIMIT ?`, domain, after, last, eachPage)
		if err != nil {
			return err
		}
		defer rows.Close()
		for ; rows.Next(); n++ {
			e := provisioning.AuditEntry{Domain: domain}
			var at int64
			var leaf []byte
			if err := rows.Scan(&e.Seq, &at, &e.Subject, &e.Action, &e.Object, &e.Outcome, &leaf); err != nil {
				return err
			}
			seq, e.Time = e.Seq, time.Unix(0, at).UTC()
			if leaf != nil {
				if err := json.Unmarshal(leaf, &e); err != nil {
					return fmt.Errorf("audit entry %d: %w", seq, err)
				}
			}
			take(e)
		}
		return rows.Err()
	})
	return seq, n, err
}
