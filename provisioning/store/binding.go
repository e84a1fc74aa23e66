package store

import (
	"context"
	"fmt"
	"time"

	"naisen/provisioning"
)

const maxBinding = 16 << 10

type bindingRow struct {
	Aor     string
	Key     string
	Body    []byte
	Expires int64
}

// Bindings: see provisioning.BindingTable.
func (s *Store) Bindings(ctx context.Context) (out []provisioning.BindingRow, err error) {
	err = s.view(ctx, func(r *reader) error {
		var rows []bindingRow
		err := r.db.NewRaw("SELECT aor, key, body, expires FROM binding WHERE expires > ? ORDER BY aor, key", s.cfg.Now().UnixNano()).Scan(ctx, &rows)
		if err != nil {
			return r.fail("read bindings", err)
		}
		for _, b := range rows {
			out = append(out, provisioning.BindingRow{AOR: b.Aor, Key: b.Key, Body: b.Body, Expires: time.Unix(0, b.Expires)})
		}
		return nil
	})
	return out, err
}

// SaveBindings: see provisioning.BindingTable. It also clears what has expired.
func (s *Store) SaveBindings(ctx context.Context, batch []provisioning.BindingRow) error {
	for _, b := range batch {
		if !storable(b.AOR, b.Key) || len(b.Body) > maxBinding {
			return &provisioning.Invalid{Field: "binding", Reason: "has no usable AOR or key, or is too long"}
		}
	}
	if len(batch) == 0 {
		return nil
	}
	if err := s.begin(); err != nil {
		return err
	}
	defer s.busy.Done()
	tx, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("store: save bindings: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	w := &writer{reader: reader{ctx: ctx, db: tx}}
	for _, b := range batch {
		if b.Body == nil {
			err = w.exec("save bindings", "DELETE FROM binding WHERE aor = ? AND key = ?", b.AOR, b.Key)
		} else {
			err = w.exec("save bindings", `INSERT INTO binding (aor, key, body, expires) VALUES (?, ?, ?, ?)
				ON CONFLICT (aor, key) DO UPDATE SET body = excluded.body, expires = excluded.expires`, b.AOR, b.Key, b.Body, b.Expires.UnixNano())
		}
		if err != nil {
			return err
		}
	}
	if err := w.exec("save bindings", "DELETE FROM binding WHERE expires <= ?", s.cfg.Now().UnixNano()); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("store: save bindings: %w", err)
	}
	return nil
}
