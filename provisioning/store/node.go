package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"naisen/provisioning"
)

// A notice of PostgreSQL has less than 8,000 bytes.
const maxNotice = 7900

// maxLeases bounds the names of leases in one statement.
const maxLeases = 1000

// Beat: see provisioning.NodeTable.
func (s *Store) Beat(ctx context.Context, name string, body []byte) (all []provisioning.NodeRow, leases []provisioning.Lease, err error) {
	if !storable(name) || len(body) > maxBinding {
		return nil, nil, &provisioning.Invalid{Field: "node", Reason: "has no usable name, or says too much"}
	}
	err = s.state(ctx, "beat", func(w *writer) error {
		err := w.exec("beat", "INSERT INTO node (name, beat, body) VALUES (?, 1, ?) ON CONFLICT (name) DO UPDATE SET beat = node.beat + 1, body = excluded.body", name, body)
		if err != nil {
			return err
		}
		all, leases = nil, nil
		if err := w.db.NewRaw("SELECT name, beat, body FROM node ORDER BY name").Scan(ctx, &all); err != nil {
			return w.fail("read nodes", err)
		}
		return w.fail("read leases", w.db.NewRaw("SELECT name, node, turn, mark FROM lease ORDER BY name").Scan(ctx, &leases))
	})
	if err == nil {
		s.away.Store(false)
	}
	return all, leases, err
}

// Take: see provisioning.NodeTable. It is no part of Beat, so that who stops between the two does not hold up the others' beats by a row.
func (s *Store) Take(ctx context.Context, node string, over []string, names ...string) (leases []provisioning.Lease, err error) {
	if !storable(names...) || !storable(node) || len(names) == 0 || len(names) > maxLeases {
		return nil, &provisioning.Invalid{Field: "lease", Reason: "has no usable name"}
	}
	names = slices.Compact(slices.Sorted(slices.Values(names))) // two that take the same ones wait for each other in one order
	err = s.state(ctx, "take leases", func(w *writer) error {
		free := append([]string{""}, over...)
		for _, name := range names {
			err := w.exec("take a lease", "INSERT INTO lease (name, node, turn) VALUES (?, ?, 1) ON CONFLICT (name) DO UPDATE SET node = excluded.node, turn = lease.turn + 1 "+
				"WHERE lease.node <> excluded.node AND lease.node IN ("+repeated("?", ", ", len(free))+")", append([]any{name, node}, anys(free)...)...)
			if err != nil {
				return err
			}
		}
		leases = nil
		return w.fail("read leases", w.db.NewRaw("SELECT name, node, turn, mark FROM lease WHERE name IN ("+repeated("?", ", ", len(names))+") ORDER BY name", anys(names)...).Scan(ctx, &leases))
	})
	return leases, err
}

// Drop: see provisioning.NodeTable. The row stays, so that its turns go on counting.
func (s *Store) Drop(ctx context.Context, node string, names ...string) error {
	if len(names) == 0 || len(names) > maxLeases {
		return nil
	}
	return s.state(ctx, "drop leases", func(w *writer) error {
		return w.exec("drop leases", "UPDATE lease SET node = '' WHERE node = ? AND name IN ("+repeated("?", ", ", len(names))+")", append([]any{node}, anys(names)...)...)
	})
}

// Mark: see provisioning.NodeTable.
func (s *Store) Mark(ctx context.Context, l provisioning.Lease) error {
	return s.state(ctx, "mark a lease", func(w *writer) error {
		done, err := w.db.ExecContext(ctx, "UPDATE lease SET mark = ? WHERE name = ? AND node = ? AND turn = ?", l.Mark, l.Name, l.Node, l.Turn)
		if err != nil {
			return fmt.Errorf("store: mark a lease: %w", err)
		}
		if n, err := done.RowsAffected(); err != nil || n > 0 {
			return err
		}
		return provisioning.ErrNotHeld
	})
}

func anys(of []string) []any {
	out := make([]any, len(of))
	for i, s := range of {
		out[i] = s
	}
	return out
}

// Leave: see provisioning.NodeTable.
func (s *Store) Leave(ctx context.Context, name string) error {
	return s.state(ctx, "leave", func(w *writer) error {
		return errors.Join(w.exec("leave", "DELETE FROM node WHERE name = ?", name), w.exec("leave", "UPDATE lease SET node = '' WHERE node = ?", name))
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
