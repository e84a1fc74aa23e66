package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"naisen/provisioning"
)

// maxRepeats bounds the requests of one sender that are remembered, maxRepeatAnswer the answer of one, in bytes.
const (
	maxRepeats      = 10_000
	maxRepeatAnswer = 1 << 20
)

// sealRepeat names answers to the sealer, so that a row that was moved does not open.
const sealRepeat = "repeat"

// BeginRepeat: see provisioning.Repeats.
func (s *Store) BeginRepeat(ctx context.Context, who, key, request string) (before *provisioning.Repeat, err error) {
	if !storable(who, key) || len(who) > 512 || len(key) > 256 {
		return nil, &provisioning.Invalid{Field: "key", Reason: "cannot be remembered"}
	}
	err = s.state(ctx, "begin a request", func(w *writer) error {
		before, err = nil, nil
		now := s.cfg.Now()
		if err := w.exec("forget requests", "DELETE FROM repeat WHERE until <= ?", now.UnixNano()); err != nil {
			return err
		}
		done, err := w.db.ExecContext(w.ctx, "INSERT INTO repeat (who, key, request, until) SELECT ?, ?, ?, ? WHERE (SELECT COUNT(*) FROM repeat WHERE who = ?) < ? ON CONFLICT (who, key) DO NOTHING",
			who, key, request, now.Add(provisioning.RepeatTime).UnixNano(), who, maxRepeats)
		if err != nil {
			return fmt.Errorf("store: begin a request: %w", err)
		}
		if n, err := done.RowsAffected(); err != nil || n > 0 {
			return err
		}
		before, err = w.repeat(s.cfg.Sealer, who, key)
		return err
	})
	return before, err
}

// repeat is the row that is there. An answer that cannot be opened is one that nobody knows.
func (w *writer) repeat(seal Sealer, who, key string) (*provisioning.Repeat, error) {
	var row struct {
		Request string
		Answer  []byte
	}
	err := w.db.NewRaw("SELECT request, answer FROM repeat WHERE who = ? AND key = ?", who, key).Scan(w.ctx, &row)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, provisioning.ErrRepeatsFull
	case err != nil:
		return nil, w.fail("read a request", err)
	}
	before := &provisioning.Repeat{Request: row.Request}
	if len(row.Answer) > 0 {
		before.Answer, _ = seal.Open(who, sealRepeat, key, row.Answer)
	}
	return before, nil
}

// EndRepeat: see provisioning.Repeats.
func (s *Store) EndRepeat(ctx context.Context, who, key string, answer []byte) error {
	if len(answer) == 0 || len(answer) > maxRepeatAnswer {
		return &provisioning.Invalid{Field: "answer", Reason: "is too long to be remembered"}
	}
	sealed, err := s.cfg.Sealer.Seal(who, sealRepeat, key, answer)
	if err != nil {
		return fmt.Errorf("store: seal an answer: %w", err)
	}
	return s.state(ctx, "end a request", func(w *writer) error {
		return w.exec("end a request", "UPDATE repeat SET answer = ? WHERE who = ? AND key = ?", sealed, who, key)
	})
}

// ForgetRepeat: see provisioning.Repeats.
func (s *Store) ForgetRepeat(ctx context.Context, who, key string) error {
	return s.state(ctx, "forget a request", func(w *writer) error {
		return w.exec("forget a request", "DELETE FROM repeat WHERE who = ? AND key = ?", who, key)
	})
}
