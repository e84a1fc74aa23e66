package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"naisen/provisioning"
)

// maxHeard bounds the tokens of one issuer that are remembered.
const maxHeard = 100_000

// ErrHeardFull says that no more tokens of that issuer can be remembered before some have become too old.
var ErrHeardFull = errors.New("store: too many tokens of one issuer")

// Heard says that a token of an issuer was taken before and is not forgotten yet. Tokens are state, not configuration: neither audited nor in the change feed.
func (s *Store) Heard(ctx context.Context, issuer, id string) (there bool, err error) {
	err = s.view(ctx, func(r *reader) error {
		err := r.db.NewRaw("SELECT EXISTS (SELECT 1 FROM heard WHERE issuer = ? AND id = ? AND until > ?)", issuer, id, s.cfg.Now().UnixNano()).Scan(ctx, &there)
		if err != nil {
			return r.fail("read tokens", err)
		}
		return nil
	})
	return there, err
}

// Hear remembers a token until then. ErrHeardFull.
func (s *Store) Hear(ctx context.Context, issuer, id string, until time.Time) error {
	if !storable(issuer, id) {
		return &provisioning.Invalid{Field: "jti", Reason: "cannot be remembered"}
	}
	return s.state(ctx, "remember a token", func(w *writer) error { return w.hear(issuer, id, until, s.cfg.Now()) })
}

func (w *writer) hear(issuer, id string, until, now time.Time) error {
	if err := w.exec("forget tokens", "DELETE FROM heard WHERE issuer = ? AND until <= ?", issuer, now.UnixNano()); err != nil {
		return err
	}
	done, err := w.db.ExecContext(w.ctx, "INSERT INTO heard (issuer, id, until) SELECT ?, ?, ? WHERE (SELECT COUNT(*) FROM heard WHERE issuer = ?) < ? ON CONFLICT (issuer, id) DO UPDATE SET until = excluded.until",
		issuer, id, until.UnixNano(), issuer, maxHeard)
	if err != nil {
		return fmt.Errorf("store: remember a token: %w", err)
	}
	if n, err := done.RowsAffected(); err == nil && n == 0 {
		return ErrHeardFull
	}
	return nil
}
