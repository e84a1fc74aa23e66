package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"syscall"
	"time"

	"github.com/uptrace/bun"

	"naisen/provisioning"
)

// Where several nodes write, each transaction that counts in head waits for its turn before it reads anything: so they are one after the other on
// all nodes as they are in one process, and what a writer has read still holds when it commits. What must be tried again is tried before anybody's
// function has run; a function runs once.

const (
	turnTries = 4
	turnPause = 20 * time.Millisecond // before the second try; then twice as long each time
)

var errLate = errors.New("store: the database does not answer in time")

// broken connections have many errors.
func broken(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.ECONNRESET) ||
		errors.Is(err, syscall.EPIPE) || errors.Is(err, errLate)
}

// named gives what the other side of a network can do the error that says so.
func (s *Store) named(err error) error {
	if s.cfg.Postgres == nil || !unavailable(err) || errors.Is(err, provisioning.ErrUnavailable) {
		return err
	}
	s.away.Store(true)
	return fmt.Errorf("%w: %w", provisioning.ErrUnavailable, err)
}

// transaction of either database. done ends it, unless it was committed.
type transaction struct {
	bun.Tx
	cancel context.CancelFunc
}

func (t transaction) done() {
	_ = t.Rollback() // after Commit it does nothing
	if t.cancel != nil {
		t.cancel()
	}
}

// The kinds of transactions.
const (
	forReading = iota
	forWriting // in turn
	forState   // bindings and tokens: they count nothing, and need no turn
)

// start begins one.
func (s *Store) start(ctx context.Context, kind int) (transaction, error) {
	if s.cfg.Postgres == nil {
		db := s.writer // immediate: takes the write lock now
		if kind == forReading {
			db = s.reader
		}
		tx, err := db.BeginTx(ctx, nil)
		return transaction{Tx: tx}, err
	}
	if kind == forState { // it is tried again as a whole
		return s.startOnce(ctx, kind)
	}
	var tx transaction
	err := again(ctx, func() (err error) {
		tx, err = s.startOnce(ctx, kind)
		return err
	})
	return tx, err
}

// startOnce takes a connection, and the turn. How long that may take is bounded; how long the transaction does is not.
func (s *Store) startOnce(ctx context.Context, kind int) (transaction, error) {
	db, first, options := s.writer, "", &sql.TxOptions{Isolation: sql.LevelReadCommitted}
	switch kind {
	case forReading:
		db, options = s.reader, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
	case forWriting: // no snapshot is taken before LOCK has its lock, so that it shows what the one before committed
		first, options = "LOCK TABLE head IN EXCLUSIVE MODE", &sql.TxOptions{Isolation: sql.LevelSerializable}
	}
	inner, cancel := context.WithCancelCause(ctx)
	late := time.AfterFunc(s.cfg.Postgres.late(), func() { cancel(errLate) })
	tx, err := db.BeginTx(inner, options)
	if err == nil && first != "" {
		if _, err = tx.ExecContext(inner, first); err != nil {
			_ = tx.Rollback()
		}
	}
	if !late.Stop() && ctx.Err() == nil {
		err = errLate
		if tx.Tx != nil {
			_ = tx.Rollback()
		}
	}
	if err != nil {
		cancel(nil)
		return transaction{}, err
	}
	return transaction{tx, func() { cancel(nil) }}, nil
}

// again tries what can be tried again a few times, and not when time is up.
func again(ctx context.Context, do func() error) error {
	pause := turnPause
	for try := 1; ; try++ {
		err := do()
		if try == turnTries || !unavailable(err) || errors.Is(err, errLate) {
			return err
		}
		timer := time.NewTimer(pause + rand.N(pause))
		select {
		case <-timer.C:
			pause *= 2
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// state runs fn in a transaction of its own. It may run more than once, and depends on nothing but the database.
func (s *Store) state(ctx context.Context, what string, fn func(*writer) error) error {
	if err := s.begin(); err != nil {
		return err
	}
	defer s.busy.Done()
	once := func() error {
		tx, err := s.start(ctx, forState)
		if err != nil {
			return fmt.Errorf("store: %s: %w", what, err)
		}
		defer tx.done()
		if err := fn(&writer{reader: reader{ctx: ctx, db: tx.Tx}}); err != nil {
			return err
		}
		if err := tx.Commit(); err != nil {
			return fmt.Errorf("store: %s: %w", what, err)
		}
		return nil
	}
	if s.cfg.Postgres == nil {
		return once()
	}
	return s.named(again(ctx, once))
}

// settled says whether a transaction was committed whose COMMIT had no answer. Nobody is told that a change is lost which is there.
func (s *Store) settled(ctx context.Context, xid string) bool {
	if s.cfg.Postgres == nil || xid == "" {
		return false
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.cfg.Postgres.late())
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		var status sql.NullString
		err := s.writer.QueryRowContext(ctx, "SELECT pg_xact_status(?::xid8)", xid).Scan(&status)
		if err == nil && status.String != "in progress" {
			return status.String == "committed"
		}
		if err != nil && !unavailable(err) { // also: a number that the server does not know, since it crashed before it was written down
			return false
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		case <-s.ended:
			return false
		}
	}
}
