package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// DumpHead says of what a dump is.
type DumpHead struct {
	Schema  int64 // version of the tables
	Version int64 // of the configuration
	Audit   int64 // entries of the audit log
}

// DumpSink takes a dump: the head, then each table with its columns and rows. A value is nil, int64, string, []byte or bool, whatever the engine is.
// What a Row was given is the caller's again when it returns.
type DumpSink interface {
	Head(context.Context, DumpHead) error
	Table(ctx context.Context, name string, columns []string) error
	Row(ctx context.Context, values []any) error
}

// dumped are the tables in an order in which what is named comes before what names it, each with the order of its rows. What follows from others (indexes in
// files of their own) is not among them.
var dumped = []struct{ table, order string }{
	{"head", "id"}, {"entity", "domain, kind, key"}, {"ref", "domain, kind, key, to_kind, to_key"}, {"secret", "domain, kind, key"}, {"change", "version"},
	{"audit", "seq"}, {"audit_block", "last"}, {"cdr", "domain, id"}, {"cdr_party", "domain, number, started, id"}, {"binding", "aor, key"}, {"queue_visit", "domain, id"},
	{"agent_stint", "domain, agent, started, state"}, {"heard", "issuer, id"}, {"repeat", "who, key"}, {"vouched", "domain, kind, key"}, {"vouched_list", "domain, kind"},
}

// Dump gives all tables as they were at one moment, row by row, while others read and write. It takes the memory of a row. As long as it lasts SQLite's log
// grows by what is written.
func (s *Store) Dump(ctx context.Context, to DumpSink) error {
	return s.view(ctx, func(r *reader) error {
		schema, err := r.schema()
		if err != nil {
			return err
		}
		if err := to.Head(ctx, DumpHead{Schema: schema, Version: r.head.Version, Audit: r.head.AuditSize}); err != nil {
			return err
		}
		for _, t := range dumped {
			if err := r.dumpTable(t.table, t.order, to); err != nil {
				return fmt.Errorf("store: dump %s: %w", t.table, err)
			}
		}
		return nil
	})
}

// schema is the version that the migrations brought it to.
func (r *reader) schema() (n int64, err error) {
	err = r.db.QueryRowContext(r.ctx, "SELECT MAX(version_id) FROM goose_db_version").Scan(&n)
	return n, r.fail("read schema", err)
}

func (r *reader) dumpTable(table, order string, to DumpSink) error {
	rows, err := r.db.QueryContext(r.ctx, "SELECT * FROM "+table+" ORDER BY "+order) // names of ours
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	types, err := rows.ColumnTypes()
	if err != nil {
		return err
	}
	if err := to.Table(r.ctx, table, columns); err != nil {
		return err
	}
	values, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		for i, v := range values { // SQLite has no booleans of its own
			if n, ok := v.(int64); ok && types[i].DatabaseTypeName() == "BOOLEAN" {
				values[i] = n != 0
			}
		}
		if err := to.Row(r.ctx, values); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Load makes a database at a path where there is none, from a dump that give puts into the sink, and brings it forward to this program's tables. ErrNewer: the
// dump was made by a newer program. On an error what was begun may be left there; the caller removes it.
func Load(ctx context.Context, path string, give func(context.Context, DumpSink) error) error {
	if err := makeFile(path); err != nil {
		return fmt.Errorf("store: load: %w", err)
	}
	db, err := connect(path, 1, "_txlock=immediate")
	if err != nil {
		return fmt.Errorf("store: load: %w", err)
	}
	err = (&loader{db: db, of: schemaSQLite}).load(ctx, give)
	if err == nil {
		_, err = db.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	}
	return errors.Join(err, db.Close())
}

// ErrNotEmpty says that there is something in the database already.
var ErrNotEmpty = errors.New("store: the database is not empty")

// LoadPostgres is Load into a PostgreSQL database in which there is nothing yet: ErrNotEmpty. On an error the rows of the dump are not there, and what the tables
// of it are has to be taken away before it is tried again: the database is best made anew.
func LoadPostgres(ctx context.Context, p Postgres, give func(context.Context, DumpSink) error) error {
	settings, err := p.settings()
	if err != nil {
		return err
	}
	db := p.pool(settings, 2)
	err = checkServer(ctx, db)
	if err == nil {
		var tables int
		err = db.QueryRowContext(ctx, "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = current_schema()").Scan(&tables)
		if tables > 0 {
			err = fmt.Errorf("%w: it has %d tables", ErrNotEmpty, tables)
		}
	}
	if err == nil {
		err = (&loader{db: db, of: schemaPostgres}).load(ctx, give)
	}
	return errors.Join(err, db.Close())
}

// ErrDump says that a dump does not fit the tables of its own version.
var ErrDump = errors.New("store: the dump does not fit its tables")

// loader writes a dump into new tables, in one transaction.
type loader struct {
	db     *sql.DB
	of     schema
	tx     *sql.Tx
	text   string    // inserts a row; empty: no table has begun
	insert *sql.Stmt // of the same; nil: it is sent with each row
	head   DumpHead
	table  string
	tables map[string]bool
	audit  int64 // rows of the log
}

// load takes all of it in one transaction, and then brings the tables forward.
func (l *loader) load(ctx context.Context, give func(context.Context, DumpSink) error) error {
	err := give(ctx, l)
	if err == nil {
		err = l.end(ctx)
	}
	l.abandon()
	if err == nil {
		err = migrate(ctx, l.db, l.of)
	}
	return err
}

// Head makes the tables of that version.
func (l *loader) Head(ctx context.Context, h DumpHead) error {
	if l.tx != nil {
		return fmt.Errorf("%w: it has two heads", ErrDump)
	}
	if err := migrateTo(ctx, l.db, l.of, h.Schema); err != nil {
		return err
	}
	tx, err := l.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("store: load: %w", err)
	}
	l.tx, l.head, l.tables = tx, h, map[string]bool{}
	_, err = tx.ExecContext(ctx, "DELETE FROM head") // the migrations made a row
	return err
}

// Table takes a table whose columns are all those that it has in this version. Nothing of the dump gets into a statement but names that are in the database.
func (l *loader) Table(ctx context.Context, name string, columns []string) error {
	if l.tx == nil {
		return fmt.Errorf("%w: it has no head", ErrDump)
	}
	if err := l.finish(); err != nil {
		return err
	}
	if l.tables[name] {
		return fmt.Errorf("%w: %.64q comes twice", ErrDump, name)
	}
	have, err := l.columns(ctx, name)
	if err != nil {
		return err
	}
	if len(have) != len(columns) {
		return fmt.Errorf("%w: %.64q has %d columns, and %d in version %d", ErrDump, name, len(columns), len(have), l.head.Schema)
	}
	for _, c := range columns {
		if !have[c] {
			return fmt.Errorf("%w: %.64q has no column %.64q in version %d", ErrDump, name, c, l.head.Schema)
		}
		delete(have, c)
	}
	marks := make([]string, len(columns))
	for i := range marks {
		marks[i] = "$" + strconv.Itoa(i+1)
	}
	l.text = "INSERT INTO " + name + " (" + strings.Join(columns, ", ") + ") VALUES (" + strings.Join(marks, ", ") + ")"
	if l.of == schemaSQLite { // PostgreSQL is given whole texts: see Postgres.settings
		if l.insert, err = l.tx.PrepareContext(ctx, l.text); err != nil {
			return fmt.Errorf("store: load %s: %w", name, err)
		}
	}
	l.table, l.tables[name] = name, true
	return nil
}

// columns of a table; none where there is no such table, or none that a dump has.
func (l *loader) columns(ctx context.Context, table string) (map[string]bool, error) {
	known := false
	for _, t := range dumped {
		known = known || t.table == table
	}
	if !known {
		return nil, nil
	}
	query := "SELECT name FROM pragma_table_info($1)"
	if l.of == schemaPostgres {
		query = "SELECT column_name FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = $1"
	}
	rows, err := l.tx.QueryContext(ctx, query, table)
	if err != nil {
		return nil, fmt.Errorf("store: load: %w", err)
	}
	defer rows.Close()
	have := map[string]bool{}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, fmt.Errorf("store: load: %w", err)
		}
		have[name] = true
	}
	return have, rows.Err()
}

// Row takes a row of the table.
func (l *loader) Row(ctx context.Context, values []any) error {
	if l.text == "" {
		return fmt.Errorf("%w: a row of no table", ErrDump)
	}
	var err error
	if l.insert != nil {
		_, err = l.insert.ExecContext(ctx, values...)
	} else {
		_, err = l.tx.ExecContext(ctx, l.text, values...)
	}
	if err != nil {
		return fmt.Errorf("store: load %s: %w", l.table, err)
	}
	if l.table == "audit" {
		l.audit++
	}
	return nil
}

func (l *loader) finish() error {
	l.text = ""
	if l.insert == nil {
		return nil
	}
	err := l.insert.Close()
	l.insert = nil
	return err
}

// end commits, where nothing is missing.
func (l *loader) end(ctx context.Context) error {
	if l.tx == nil {
		return fmt.Errorf("%w: it has no head", ErrDump)
	}
	if err := l.finish(); err != nil {
		return err
	}
	var version, size int64
	if err := l.tx.QueryRowContext(ctx, "SELECT version, audit_size FROM head WHERE id = 1").Scan(&version, &size); err != nil {
		return fmt.Errorf("%w: its counters: %w", ErrDump, err)
	}
	there := l.audit
	if l.tables["audit_block"] {
		var archived int64
		if err := l.tx.QueryRowContext(ctx, archivedOf).Scan(&archived); err != nil {
			return fmt.Errorf("store: load: %w", err)
		}
		there += archived
	}
	if version != l.head.Version || size != l.head.Audit || size != there {
		return fmt.Errorf("%w: it says %d entries of the audit log, its counter %d, and there are %d", ErrDump, l.head.Audit, size, there)
	}
	err := l.tx.Commit()
	l.tx = nil
	return err
}

// abandon gives up what was not committed.
func (l *loader) abandon() {
	_ = l.finish()
	if l.tx != nil {
		_ = l.tx.Rollback()
	}
}
