package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"naisen/provisioning"
)

const maxBinding = 16 << 10

type bindingRow struct {
	Aor     string
	Key     string
	Body    []byte
	Expires int64
	Node    string
	At      int64
}

// Bindings: see provisioning.BindingTable.
func (s *Store) Bindings(ctx context.Context, aors ...string) (out []provisioning.BindingRow, err error) {
	err = s.view(ctx, func(r *reader) error {
		read := func(which string, args ...any) error {
			var rows []bindingRow
			args = append([]any{s.cfg.Now().UnixNano()}, args...)
			err := r.db.NewRaw("SELECT aor, key, body, expires, node, at FROM binding WHERE expires > ?"+which+" ORDER BY aor, key", args...).Scan(ctx, &rows)
			if err != nil {
				return r.fail("read bindings", err)
			}
			for _, b := range rows {
				out = append(out, provisioning.BindingRow{AOR: b.Aor, Key: b.Key, Body: b.Body, Expires: time.Unix(0, b.Expires), Node: b.Node, At: time.Unix(0, b.At)})
			}
			return nil
		}
		if len(aors) == 0 {
			return read("")
		}
		for part := range slices.Chunk(slices.Compact(slices.Sorted(slices.Values(aors))), rowsAtOnce) {
			args := make([]any, len(part))
			for i, a := range part {
				args[i] = a
			}
			if err := read(" AND aor IN ("+repeated("?", ", ", len(part))+")", args...); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

// What expired while nobody could delete it is cleared this often: to find it the whole table has to be read, which for each small batch
// of a quiet switch would cost far more than the batch.
const sweepEvery = 10 * time.Minute

// rowsAtOnce are written by one statement: SQLite's planner costs more than the row.
const rowsAtOnce = 100

// SaveBindings: see provisioning.BindingTable. Now and then it also clears what has expired.
func (s *Store) SaveBindings(ctx context.Context, batch []provisioning.BindingRow) error {
	for _, b := range batch {
		if !storable(b.AOR, b.Key) || len(b.Body) > maxBinding {
			return &provisioning.Invalid{Field: "binding", Reason: "has no usable AOR or key, or is too long"}
		}
	}
	if len(batch) == 0 {
		return nil
	}
	now := s.cfg.Now()
	sweep := s.sweepDue(now)
	return s.state(ctx, "save bindings", func(w *writer) error {
		for part := range slices.Chunk(batch, rowsAtOnce) {
			if err := w.saveBindings(part); err != nil {
				return err
			}
		}
		if sweep {
			if err := w.exec("save bindings", "DELETE FROM binding WHERE expires <= ?", now.UnixNano()); err != nil {
				return err
			}
		}
		return s.tellMoved(w, batch)
	})
}

// instant is when a binding was registered, as a number: 0 where nobody says.
func instant(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func (s *Store) sweepDue(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if age := now.Sub(s.swept); age >= 0 && age < sweepEvery {
		return false
	}
	s.swept = now
	return true
}

// saveBindings writes and deletes with one statement each. No two rows have the same key: see provisioning.BindingTable.
func (w *writer) saveBindings(rows []provisioning.BindingRow) error {
	var put, gone []any
	for _, b := range rows {
		if b.Body == nil {
			gone = append(gone, b.AOR, b.Key, b.Node, instant(b.At))
		} else {
			put = append(put, b.AOR, b.Key, b.Body, b.Expires.UnixNano(), b.Node, instant(b.At))
		}
	}
	if n := len(gone) / 4; n > 0 {
		if err := w.exec("save bindings", "DELETE FROM binding WHERE "+repeated("(aor = ? AND key = ? AND (node = ? OR at <= ?))", " OR ", n), gone...); err != nil {
			return err
		}
	}
	if n := len(put) / 6; n > 0 { // one's own is written whatever the clock did
		return w.exec("save bindings", "INSERT INTO binding (aor, key, body, expires, node, at) VALUES "+repeated("(?, ?, ?, ?, ?, ?)", ", ", n)+
			" ON CONFLICT (aor, key) DO UPDATE SET body = excluded.body, expires = excluded.expires, node = excluded.node, at = excluded.at"+
			" WHERE binding.node = excluded.node OR binding.at <= excluded.at", put...)
	}
	return nil
}

func repeated(s, between string, n int) string { return strings.Repeat(s+between, n-1) + s }
