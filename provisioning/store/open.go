package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	_ "modernc.org/sqlite" // driver "sqlite"
)

// Open opens or makes the database and brings its schema forward (ErrNewer if it is newer than this program).
// Several processes, and nodes where it is a PostgreSQL, may have it open: each sees the others' changes in its feed.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if (cfg.Path == "") == (cfg.Postgres == nil) || cfg.Sealer == nil {
		return nil, errors.New("store: needs a path or a PostgreSQL, and a sealer")
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Readers <= 0 {
		cfg.Readers = 4
	}
	if cfg.Poll <= 0 {
		cfg.Poll = time.Second
	}
	if cfg.KeepChanges <= 0 {
		cfg.KeepChanges = 100_000
	}
	s := &Store{cfg: cfg, often: newOften(), wake: make(chan struct{}), ended: make(chan struct{})}
	if cfg.Approver != nil {
		s.vouch = &voucher{Approver: cfg.Approver, tampered: cfg.Tampered, known: map[string]knownList{}}
	}
	if err := s.open(ctx); err != nil {
		return nil, fmt.Errorf("store: open %s: %w", cfg.name(), err)
	}
	if err := s.vouchAll(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if cfg.Index == "" {
		return s, nil
	}
	var err error
	if s.index, err = s.openIndex(ctx, cfg.Index); err != nil {
		return nil, errors.Join(fmt.Errorf("store: open %s: %w", cfg.Index, err), s.Close())
	}
	return s, nil
}

// name of the database, for people.
func (c Config) name() string {
	if c.Postgres != nil {
		return "PostgreSQL"
	}
	return c.Path
}

func (s *Store) open(ctx context.Context) error {
	if s.cfg.Postgres != nil {
		return s.openPostgres(ctx)
	}
	if err := makeFile(s.cfg.Path); err != nil {
		return err
	}
	first, err := connect(s.cfg.Path, 1, "_txlock=immediate&_pragma=temp_store(1)") // a new index of a long log is sorted: in files, it may be more than memory holds
	if err != nil {
		return err
	}
	if err := errors.Join(migrate(ctx, first, schemaSQLite), first.Close()); err != nil {
		return err
	}
	writer, err := connect(s.cfg.Path, 1, "_txlock=immediate")
	if err != nil {
		return err
	}
	if err := s.often.prepare(ctx, writer); err != nil {
		return errors.Join(err, writer.Close())
	}
	reader, err := connect(s.cfg.Path, s.cfg.Readers, "_pragma=query_only(1)")
	if err != nil {
		return errors.Join(err, writer.Close())
	}
	s.writer = bun.NewDB(writer, sqlitedialect.New())
	s.reader = bun.NewDB(reader, sqlitedialect.New())
	return nil
}

// makeFile gives the database its mode; SQLite's -wal and -shm files take it over.
func makeFile(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) // the operator's path
	if err != nil {
		return err
	}
	return f.Close()
}

// connect: WAL lets readers go on during a write; synchronous FULL means that what was committed survives a power cut, as an audit log must.
// The log goes into the file a little at a time, since on one processor everybody waits while it does, and what a statement may have to undo
// stays in memory instead of a file that is made and deleted each time.
func connect(path string, conns int, extra string) (*sql.DB, error) {
	return openFile(path, conns, "_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&_pragma=trusted_schema(0)"+
		"&_pragma=wal_autocheckpoint(150)&_pragma=temp_store(2)&"+extra)
}

func openFile(path string, conns int, options string) (*sql.DB, error) {
	dsn := (&url.URL{Scheme: "file", Opaque: url.PathEscape(path)}).String() + "?" + options
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
}
