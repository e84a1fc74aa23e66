package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/dialect/sqlitedialect"

	"naisen/provisioning/audit"
)

// Log is the audit log in a PostgreSQL, or in a database file, which may be a copy, or the file of a switch that runs. It needs no key, brings no schema forward and writes
// nothing.
type Log struct {
	db     *bun.DB
	raw    bool // rows are taken from the driver as they are
	blocks bool // the database is of the kind whose entries may be archived
}

var _ audit.Shortened = (*Log)(nil)

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
	l := &Log{db: bun.NewDB(db, sqlitedialect.New()), raw: true}
	if err := l.look(ctx, "SELECT count(*) > 0 FROM sqlite_master WHERE type = 'table' AND name = 'audit_block'"); err != nil {
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
	l := &Log{db: bun.NewDB(p.pool(settings, 4), pgdialect.New())}
	if err := l.look(ctx, "SELECT to_regclass('audit_block') IS NOT NULL"); err != nil {
		return nil, errors.Join(fmt.Errorf("store: PostgreSQL: the audit log cannot be read: %w", err), l.Close())
	}
	return l, nil
}

// look says whether there is a log, and notes of what kind it is.
func (l *Log) look(ctx context.Context, blocks string) error {
	if _, err := l.AuditSize(ctx); err != nil {
		return err
	}
	return l.db.QueryRowContext(ctx, blocks).Scan(&l.blocks)
}

// Close closes the database.
func (l *Log) Close() error { return l.db.Close() }

// AuditSize implements audit.Log.
func (l *Log) AuditSize(ctx context.Context) (n int64, err error) {
	err = l.db.QueryRowContext(ctx, "SELECT audit_size FROM head WHERE id = 1").Scan(&n)
	return n, err
}

// AuditRecords implements audit.Log. The rows of a file are taken from the driver as it reads them: with ten million of them each copy and each conversion is what
// one would wait for. What a column holds that is not of its kind is no error here: it does not fit the leaf, and Verify names the entry.
func (l *Log) AuditRecords(ctx context.Context, after int64, limit int) (out []audit.Record, err error) {
	if !l.raw {
		return auditRecords(ctx, l.db, after, limit)
	}
	conn, err := l.db.DB.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	err = conn.Raw(func(c any) error {
		q, ok := c.(driver.QueryerContext)
		if !ok {
			return errors.New("store: the driver gives no rows")
		}
		rows, err := q.QueryContext(ctx, recordsOf, []driver.NamedValue{{Ordinal: 1, Value: after}, {Ordinal: 2, Value: int64(pageLimit(limit))}})
		if err != nil {
			return err
		}
		out, err = rawRecords(rows)
		return errors.Join(err, rows.Close())
	})
	return out, err
}

func rawRecords(rows driver.Rows) ([]audit.Record, error) {
	out := make([]audit.Record, 0, 1000)
	var row [9]driver.Value
	for {
		err := rows.Next(row[:])
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		r := audit.Record{Leaf: octets(row[7]), Hashes: octets(row[8])}
		r.Seq, _ = row[0].(int64)
		at, ok := row[1].(int64)
		if !ok {
			at = math.MinInt64
		}
		for i, column := range [...]*string{&r.Entry.Domain, &r.Entry.Subject, &r.Entry.Action, &r.Entry.Object, &r.Entry.Outcome} {
			if *column, ok = row[2+i].(string); !ok {
				*column = "\x00" // which no leaf has
			}
		}
		r.Entry.Seq, r.Entry.Time = r.Seq, time.Unix(0, at).UTC()
		out = append(out, r)
	}
}

// octets of a column, which somebody may have written as text.
func octets(v driver.Value) []byte {
	switch v := v.(type) {
	case []byte:
		return v
	case string:
		return []byte(v)
	default:
		return nil
	}
}

// AuditHashes implements audit.Source.
func (l *Log) AuditHashes(ctx context.Context, seqs []int64) (map[int64][]byte, error) {
	return auditHashes(ctx, l.db, seqs, l.blocks)
}

// AuditArchived implements audit.Shortened.
func (l *Log) AuditArchived(ctx context.Context) (n int64, err error) {
	if l.blocks {
		err = l.db.QueryRowContext(ctx, archivedOf).Scan(&n)
	}
	return n, err
}

const recordsOf = "SELECT seq, at, domain, subject, action, object, outcome, leaf, hashes FROM audit WHERE seq > ? ORDER BY seq LIMIT ?"

func auditRecords(ctx context.Context, db bun.IDB, after int64, limit int) ([]audit.Record, error) {
	rows, err := db.QueryContext(ctx, recordsOf, after, pageLimit(limit))
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
