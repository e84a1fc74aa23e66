package store

import (
	"context"
	"errors"
	"strings"

	"naisen/provisioning"
)

// A notice of PostgreSQL has less than 8,000 bytes.
const maxNotice = 7900

// Beat: see provisioning.NodeTable.
func (s *Store) Beat(ctx context.Context, name string, body []byte, over string) (all []provisioning.NodeRow, duty string, err error) {
	if !storable(name) || len(body) > maxBinding {
		return nil, "", &provisioning.Invalid{Field: "node", Reason: "has no usable name, or says too much"}
	}
	err = s.state(ctx, "beat", func(w *writer) error {
		all, duty = nil, ""
		err := errors.Join(
			w.exec("beat", "INSERT INTO node (name, beat, body) VALUES (?, 1, ?) ON CONFLICT (name) DO UPDATE SET beat = node.beat + 1, body = excluded.body", name, body),
			w.exec("beat", "INSERT INTO duty (id, node) VALUES (1, ?) ON CONFLICT (id) DO NOTHING", name),
		)
		if err == nil && over != "" {
			err = w.exec("take the duty over", "UPDATE duty SET node = ? WHERE id = 1 AND node = ?", name, over)
		}
		if err != nil {
			return err
		}
		var rows []provisioning.NodeRow
		if err := w.db.NewRaw("SELECT name, beat, body FROM node ORDER BY name").Scan(ctx, &rows); err != nil {
			return w.fail("read nodes", err)
		}
		all = rows
		return w.fail("read duty", w.db.NewRaw("SELECT node FROM duty WHERE id = 1").Scan(ctx, &duty))
	})
	if err == nil {
		s.away.Store(false)
	}
	return all, duty, err
}

// Leave: see provisioning.NodeTable.
func (s *Store) Leave(ctx context.Context, name string) error {
	return s.state(ctx, "leave", func(w *writer) error {
		return errors.Join(w.exec("leave", "DELETE FROM node WHERE name = ?", name), w.exec("leave", "DELETE FROM duty WHERE node = ?", name))
	})
}

// tellMoved tells the other nodes whose bindings a batch changes, when it is committed.
func (s *Store) tellMoved(w *writer, batch []provisioning.BindingRow) error {
	if s.cfg.Postgres == nil || s.cfg.Node == "" {
		return nil
	}
	notice, last := s.cfg.Node, ""
	send := func() error {
		err := w.exec("tell other nodes", "SELECT pg_notify(?, ?)", pgMoved, notice)
		notice = s.cfg.Node
		return err
	}
	for _, b := range batch {
		if b.AOR == last {
			continue
		}
		last = b.AOR
		if len(notice)+1+len(b.AOR) > maxNotice {
			if err := send(); err != nil {
				return err
			}
		}
		notice += "\n" + b.AOR
	}
	return send()
}

// moved takes a notice of another node. An AOR that has a line feed, of which there is none, would be looked up as two.
func (s *Store) moved(notice string) {
	node, aors, _ := strings.Cut(notice, "\n")
	if s.cfg.Moved != nil && node != s.cfg.Node && aors != "" {
		s.cfg.Moved(strings.Split(aors, "\n"))
	}
}
