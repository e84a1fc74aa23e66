package catalogue

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/uptrace/bun"

	"naisen/recorder"
)

// statement is one of those that write rows. They are prepared once: SQLite needs longer to read the first of them than to do it.
type statement int

const (
	putRow statement = iota
	dropParties
	dropGroups
	addParty
	addGroup
	lastPlace
	setPlace
	setOver
	readNotes
	readCases
	enterFresh
	enterAgain
	statements // how many there are
)

// fixed are the columns that a row gets when it is made and keeps.
var fixed = []string{"id", "domain"}

// rising are those that a later stage may only make higher.
var rising = []string{"retain_until", "label", "epoch"}

// texts of the statements.
func texts() (all [statements]string) {
	names := append(append(append([]string{}, fixed...), columns...), rising...)
	var put strings.Builder
	fmt.Fprintf(&put, "INSERT INTO recordings AS r (%s) VALUES (?%s) ON CONFLICT (id) DO UPDATE SET ", strings.Join(names, ", "), strings.Repeat(", ?", len(names)-1))
	for _, c := range columns {
		fmt.Fprintf(&put, "%[1]s = EXCLUDED.%[1]s, ", c)
	}
	fmt.Fprintf(&put, "retain_until = MAX(EXCLUDED.retain_until, r.retain_until), epoch = MAX(EXCLUDED.epoch, r.epoch), "+
		"label = CASE WHEN r.state_rank < %d THEN MAX(EXCLUDED.label, r.label) ELSE r.label END "+
		"WHERE r.state_rank <= EXCLUDED.state_rank AND r.domain = EXCLUDED.domain AND r.started = EXCLUDED.started RETURNING place, label", rank(recorder.Stored))
	all[putRow] = put.String()
	all[dropParties] = "DELETE FROM recording_parties WHERE recording = ?"
	all[dropGroups] = "DELETE FROM recording_groups WHERE recording = ?"
	all[addParty] = "INSERT INTO recording_parties (recording, position, role, number, name) VALUES (?, ?, ?, ?, ?)"
	all[addGroup] = "INSERT INTO recording_groups (recording, name) VALUES (?, ?) ON CONFLICT DO NOTHING"
	all[lastPlace] = "SELECT MAX(place) FROM recordings WHERE place >= ? AND place < ?"
	all[setPlace] = "UPDATE recordings SET place = ? WHERE id = ?"
	all[setOver] = fmt.Sprintf("UPDATE recordings SET ended = ?, duration_ms = ?, why = ?, changed = ? WHERE id = ? AND domain = ? AND started = ? AND state_rank = %d", rank(recorder.Capturing))
	all[readNotes] = "SELECT text FROM recording_notes WHERE recording = ? ORDER BY id"
	all[readCases] = "SELECT name FROM recording_cases WHERE recording = ? ORDER BY name"
	all[enterFresh] = "INSERT INTO recording_terms (rowid, terms) VALUES (?, ?)"
	all[enterAgain] = "INSERT OR REPLACE INTO recording_terms (rowid, terms) VALUES (?, ?)"
	return all
}

// prepare readies the statements on the one connection that writes.
func (c *Catalogue) prepare(ctx context.Context) (err error) {
	for i, text := range texts() {
		if c.ready[i], err = c.write.DB.PrepareContext(ctx, text); err != nil {
			return fmt.Errorf("prepare: %w", err)
		}
	}
	return nil
}

// pen writes in a transaction.
type pen struct {
	bun.Tx
	ready *[statements]*sql.Stmt
}

func (c *Catalogue) pen(tx bun.Tx) pen { return pen{tx, &c.ready} }

func (p pen) do(ctx context.Context, s statement, args ...any) error {
	_, err := p.Tx.Tx.StmtContext(ctx, p.ready[s]).ExecContext(ctx, args...)
	return err
}

func (p pen) one(ctx context.Context, s statement, args ...any) *sql.Row {
	return p.Tx.Tx.StmtContext(ctx, p.ready[s]).QueryRowContext(ctx, args...)
}

// list reads a column of texts.
func (p pen) list(ctx context.Context, s statement, args ...any) (out []string, err error) {
	rows, err := p.Tx.Tx.StmtContext(ctx, p.ready[s]).QueryContext(ctx, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		out = append(out, text)
	}
	return out, rows.Err()
}
