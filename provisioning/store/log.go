package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"

	"naisen/provisioning/audit"
)

// Log is the audit log in a PostgreSQL, or in a database file, which may be a copy, or the file of a switch that runs. It needs no key, brings no schema forward and writes
// nothing.
type Log struct{ db *bun.DB }

var _ audit.Source = (*Log)(nil)

// OpenLog opens a file that is there.
func OpenLog(ctx context.Context, path string) (*Log, error) {
	if _, err := os.Stat(path); err != nil { // SQLite would make an empty one
		return nil, fmt.Errorf("store: %w", err)
	}
	if _, err := os.Stat(path + "-wal"); errors.Is(err, fs.ErrNotExist) {
		return openLog(ctx, path, "immutable=1") // nobody has it open: everything is in the file, and no lock is needed, nor room for one
	}
	return openLog(ctx, path, "mode=ro")
}

func openLog(ctx context.Context, path, mode string) (*Log, error) {
	db, err := openFile(path, 4, mode+"&_pragma=query_only(1)&_pragma=busy_timeout(5000)&_pragma=trusted_schema(0)")
	if err != nil {
		return nil, fmt.Errorf("store: open %s: %w", path, err)
	}
	l := &Log{bun.NewDB(db, sqlitedialect.New())}
	if _, err := l.AuditSize(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("store: %s is no database of this program: %w", path, err), l.Close())
	}
	return l, nil
}

// OpenLogPostgres opens the database that nodes share.
func OpenLogPostgres(ctx context.Context, p Postgres) (*Log, error) {
	settings, err := p.settings()
	if err != nil {
		return nil, err
	}
	settings.RuntimeParams["default_transaction_read_only"] = "on"
	l := &Log{bun.NewDB(p.pool(settings, 4), pgdialect.New())}
	if _, err := l.AuditSize(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("store: PostgreSQL: the audit log cannot be read: %w", err), l.Close())
	}
	return l, nil
}

// Close closes the database.
func (l *Log) Close() error { return l.db.Close() }

// AuditSize implements audit.Log.
func (l *Log) AuditSize(ctx context.Context) (n int64, err error) {
	err = l.db.QueryRowContext(ctx, "SELECT audit_size FROM head WHERE id = 1").Scan(&n)
	return n, err
}

// AuditRecords implements audit.Log. The rows are read one by one: with ten million of them reflection is what one would wait for.
func (l *Log) AuditRecords(ctx context.Context, after int64, limit int) ([]audit.Record, error) {
	return auditRecords(ctx, l.db, after, limit)
}

// AuditHashes implements audit.Source.
func (l *Log) AuditHashes(ctx context.Context, seqs []int64) (map[int64][]byte, error) {
	return auditHashes(ctx, l.db, seqs)
}

func auditRecords(ctx context.Context, db bun.IDB, after int64, limit int) ([]audit.Record, error) {
	rows, err := db.QueryContext(ctx,
		"SELECT seq, at, domain, subject, action, object, outcome, leaf, hashes FROM audit WHERE seq > ? ORDER BY seq LIMIT ?", after, pageLimit(limit))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := make([]audit.Record, 0, min(pageLimit(limit), 1000))
	for rows.Next() {
		var r audit.Record
		var at int64
		if err := rows.Scan(&r.Seq, &at, &r.Entry.Domain, &r.Entry.Subject, &r.Entry.Action, &r.Entry.Object, &r.Entry.Outcome, &r.Leaf, &r.Hashes); err != nil {
			return nil, err
		}
		r.Entry.Seq, r.Entry.Time = r.Seq, time.Unix(0, at).UTC()
		out = append(out, r)
	}
	return out, rows.Err()
}
