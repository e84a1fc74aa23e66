// Package store owns the tables: entities, secrets, change feed, audit log, call records and bindings, in a file of SQLite or in a PostgreSQL that several
// nodes share. It is the only package of provisioning that speaks SQL. It never decides who may do something (policy does) and never touches a call.
//
// The queries keep to what SQLite and PostgreSQL share; what differs is in open.go, migrate.go, postgres.go, turn.go and listen.go.
package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/uptrace/bun"

	"naisen/provisioning"
	"naisen/provisioning/audit"
)

// Sealer seals secrets at rest for their place. *secret.Keyring is one. Safe for concurrent use.
type Sealer interface {
	Seal(domain, kind, key string, plain []byte) ([]byte, error)
	Open(domain, kind, key string, sealed []byte) ([]byte, error)
}

// Config of a Store.
type Config struct {
	Path        string           // database file, made if missing with mode 0600
	Postgres    *Postgres        // in its place
	Sealer      Sealer           // required
	Log         *slog.Logger     // nil: slog.Default
	Now         func() time.Time // nil: time.Now
	Readers     int              // concurrent Views; 0: 4
	Poll        time.Duration    // how often the feed looks for another process's changes, ours it is told of; 0: 1 s
	KeepChanges int64            // length of the feed; 0: 100,000
	Index       string           // file of the audit log's index; empty: none, and searches read the log
	Approver    Approver         // vouches for rows that others must agree to (provisioning.Vouched); nil: any row counts
	Node        string           // name of this switch among several on one PostgreSQL; empty: it is the only one
	Moved       func([]string)   // told of AORs whose bindings another node changed, nil: any may have; it must neither block nor use the store. nil: nobody is
	Tampered    func(Tampering)  // told of each such row that was read and is not what was approved; it must neither block nor use the store. nil: nobody is
}

// Store implements provisioning.Store, provisioning.BindingTable and audit.Source.
type Store struct {
	cfg    Config
	writer *bun.DB // one connection
	reader *bun.DB
	often  often // of writer
	index  *auditIndex
	vouch  *voucher
	listen *listener   // of PostgreSQL
	away   atomic.Bool // it did not answer when it was asked last

	mu     sync.Mutex // guards the rest
	closed bool
	busy   sync.WaitGroup // operations under way; Add only while !closed
	wake   chan struct{}  // closed and replaced at each commit
	ended  chan struct{}  // closed by Close
	swept  time.Time      // when expired bindings were cleared last; its owner deletes them one by one otherwise
}

var (
	_ provisioning.Store        = (*Store)(nil)
	_ provisioning.BindingTable = (*Store)(nil)
	_ audit.Archivable          = (*Store)(nil)
	_ provisioning.NodeTable    = (*Store)(nil)
	_ provisioning.AuditLog     = (*Store)(nil)
)

// begin counts an operation in, or says ErrClosed.
func (s *Store) begin() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return provisioning.ErrClosed
	}
	s.busy.Add(1)
	return nil
}

// Close ends the feeds, waits for what runs, moves the write-ahead log into the file and closes it. Later calls are ErrClosed.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	close(s.ended)
	s.mu.Unlock()
	s.busy.Wait()
	if s.index != nil {
		if err := s.index.close(); err != nil {
			s.cfg.Log.Error("store: index of the audit log", "err", err)
		}
	}
	var err error
	if s.cfg.Postgres == nil {
		_, err = s.writer.ExecContext(context.Background(), "PRAGMA wal_checkpoint(TRUNCATE)")
	} else {
		s.listen.close()
	}
	if err := errors.Join(err, s.reader.Close(), s.writer.Close()); err != nil {
		return fmt.Errorf("store: close: %w", err)
	}
	return nil
}

// Away says that the database did not answer when it was asked last.
func (s *Store) Away() bool { return s.away.Load() }

// View runs fn on one consistent state.
func (s *Store) View(ctx context.Context, fn func(provisioning.Reader) error) error {
	return s.view(ctx, func(r *reader) error { return fn(r) })
}

func (s *Store) view(ctx context.Context, fn func(*reader) error) error {
	if err := s.begin(); err != nil {
		return err
	}
	defer s.busy.Done()
	marks := s.vouch.marksNow()
	tx, err := s.start(ctx, forReading)
	if err != nil {
		return fmt.Errorf("store: view: %w", s.named(err))
	}
	defer tx.done()
	r := &reader{ctx: ctx, db: tx.Tx, seal: s.cfg.Sealer, vouch: s.vouch, marks: marks}
	if err := r.pin(); err != nil {
		return s.named(err)
	}
	s.away.Store(false)
	return s.named(fn(r))
}

// Update runs fn in one transaction: all of its changes with their audit and outbox rows, or none. One Update runs at a time, on all nodes.
// An error of fn, a panic or the end of ctx leaves nothing. The Subject needs a user of a domain, or System.
func (s *Store) Update(ctx context.Context, who provisioning.Subject, fn func(provisioning.Writer) error) error {
	if !who.System && (who.User == "" || who.Domain == "") {
		return &provisioning.Invalid{Field: "subject", Reason: "is nobody"}
	}
	if err := s.begin(); err != nil {
		return err
	}
	defer s.busy.Done()
	changed, err := s.update(ctx, who, fn)
	if changed {
		s.notify()
	}
	return s.named(err)
}

func (s *Store) update(ctx context.Context, who provisioning.Subject, fn func(provisioning.Writer) error) (changed bool, err error) {
	before := s.vouch.marksNow()
	tx, err := s.start(ctx, forWriting)
	if err != nil {
		return false, fmt.Errorf("store: update: %w", err)
	}
	defer tx.done()
	w := &writer{reader: reader{ctx: ctx, db: tx.Tx, seal: s.cfg.Sealer, vouch: s.vouch, marks: before}, cfg: &s.cfg, often: &s.often, who: who}
	if err := w.pin(); err != nil {
		return false, err
	}
	if err := fn(w); err != nil {
		return false, err
	}
	if w.broken != nil {
		return false, w.broken
	}
	if err := w.flush(); err != nil {
		return false, fmt.Errorf("store: update: %w", err)
	}
	marks, err := w.flushLists()
	if err != nil {
		return false, fmt.Errorf("store: update: %w", err)
	}
	if err := tx.Commit(); err != nil && !s.settled(ctx, w.xid) {
		return false, fmt.Errorf("store: commit: %w", err)
	}
	if len(marks) > 0 {
		if err := s.vouch.Mark(marks); err != nil { // the change counts; only an older list would pass for this one
			s.cfg.Log.Error("store: how far approvals have counted could not be kept", "err", err)
		}
	}
	return len(w.changes) > 0, nil
}
