package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/audit"
)

// The index of the audit log is a file of its own, made of the log and never believed: it proposes entries, and what an entry says decides. It follows the
// log beside those who write, and can be deleted at any time: the next start makes it anew.
const (
	indexSchema = 2
	indexEvery  = 500 * time.Millisecond // how often it looks for entries
	indexTake   = 2000                   // entries that it takes in one transaction
	indexPart   = 100_000                // entries that have words of their own: what a question costs at least and at most
	indexSpan   = 1000                   // entries whose times stand in one row
	indexMemory = "-8000"                // KiB of pages that each connection may keep
)

const indexTables = `
CREATE TABLE progress (id INTEGER PRIMARY KEY CHECK (id = 1), seq INTEGER NOT NULL, hashes BLOB NOT NULL);
INSERT INTO progress VALUES (1, 0, x'');
CREATE TABLE span (first INTEGER PRIMARY KEY, last INTEGER NOT NULL, low INTEGER NOT NULL, high INTEGER NOT NULL);
CREATE VIRTUAL TABLE entry USING fts5(words, content='', detail=none, columnsize=0, tokenize='ascii');
`

// auditIndex is made by the Store that it belongs to.
type auditIndex struct {
	store *Store
	part  int64   // indexPart, less in tests
	write *sql.DB // one connection
	read  *sql.DB
	stop  context.CancelFunc
	done  sync.WaitGroup
}

// openIndex opens or makes the file and follows the log until close. A file of another version, or of another log, is made anew.
func (s *Store) openIndex(ctx context.Context, path string) (*auditIndex, error) {
	for range 2 {
		x, err := s.openIndexFile(ctx, path)
		if err == nil {
			run, stop := context.WithCancel(context.WithoutCancel(ctx))
			x.stop = stop
			x.done.Go(func() { x.follow(run) })
			return x, nil
		}
		if ctx.Err() != nil {
			return nil, err
		}
		s.cfg.Log.Warn("store: the index of the audit log is made anew", "why", err)
		for _, suffix := range []string{"", "-wal", "-shm"} {
			if err := os.Remove(path + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
				return nil, err
			}
		}
	}
	return nil, fmt.Errorf("store: %s cannot be made", path)
}

func (s *Store) openIndexFile(ctx context.Context, path string) (*auditIndex, error) {
	if err := makeFile(path); err != nil {
		return nil, err
	}
	const options = "_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=trusted_schema(0)&_pragma=temp_store(2)&_pragma=cache_size(" + indexMemory + ")"
	write, err := openFile(path, 1, options)
	if err != nil {
		return nil, err
	}
	read, err := openFile(path, s.cfg.Readers, options+"&_pragma=query_only(1)")
	if err != nil {
		return nil, errors.Join(err, write.Close())
	}
	x := &auditIndex{store: s, part: indexPart, write: write, read: read}
	if err := x.check(ctx); err != nil {
		return nil, errors.Join(err, x.closeFiles())
	}
	return x, nil
}

// check makes the tables, or says that the file is not this log's.
func (x *auditIndex) check(ctx context.Context) error {
	var version int
	if err := x.write.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return err
	}
	if version == 0 {
		_, err := x.write.ExecContext(ctx, indexTables+fmt.Sprintf("PRAGMA user_version = %d", indexSchema))
		return err
	}
	if version != indexSchema {
		return fmt.Errorf("it has schema %d", version)
	}
	seq, hashes, err := x.progress(ctx)
	if err != nil || seq == 0 {
		return err
	}
	there, err := x.store.AuditHashes(ctx, []int64{seq})
	if err != nil {
		return err
	}
	if string(there[seq]) != string(hashes) {
		return errors.New("it is of another log")
	}
	return nil
}

func (x *auditIndex) close() error {
	x.stop()
	x.done.Wait()
	return x.closeFiles()
}

func (x *auditIndex) closeFiles() error { return errors.Join(x.read.Close(), x.write.Close()) }

// IndexBehind is how many entries of the audit log are not in its index yet: searches read them in the log itself. 0 without an index.
func (s *Store) IndexBehind(ctx context.Context) (int64, error) {
	if s.index == nil {
		return 0, nil
	}
	size, err := s.AuditSize(ctx)
	if err != nil {
		return 0, err
	}
	seq, _, err := s.index.progress(ctx)
	return max(size-seq, 0), err
}

// progress is the last entry that is in the index, and its hashes.
func (x *auditIndex) progress(ctx context.Context) (seq int64, hashes []byte, err error) {
	err = x.read.QueryRowContext(ctx, "SELECT seq, hashes FROM progress WHERE id = 1").Scan(&seq, &hashes)
	return seq, hashes, err
}

func (x *auditIndex) follow(ctx context.Context) {
	tick := time.NewTicker(indexEvery)
	defer tick.Stop()
	failed := false
	for {
		err := x.catchUp(ctx)
		if ctx.Err() != nil || errors.Is(err, provisioning.ErrClosed) {
			return
		}
		if err != nil && !failed { // searches read the log itself for what is not in the index
			x.store.cfg.Log.Error("store: the index of the audit log does not follow", "err", err)
		}
		failed = err != nil
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// catchUp takes what the log has and the index has not.
func (x *auditIndex) catchUp(ctx context.Context) error {
	seq, _, err := x.progress(ctx)
	for err == nil {
		var records []audit.Record
		if records, err = x.store.AuditRecords(ctx, seq, indexTake); err != nil || len(records) == 0 {
			return err
		}
		if err = x.enter(ctx, records); err == nil {
			seq = records[len(records)-1].Seq
		}
	}
	return err
}

// partOf says in which part of the log an entry stands.
func (x *auditIndex) partOf(seq int64) int64 { return (seq - 1) / x.part }

func (x *auditIndex) enter(ctx context.Context, records []audit.Record) error {
	tx, err := x.write.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if err := enterSpans(ctx, tx, records); err != nil {
		return err
	}
	last := records[len(records)-1]
	if _, err := tx.ExecContext(ctx, "UPDATE progress SET seq = ?, hashes = ? WHERE id = 1", last.Seq, last.Hashes); err != nil {
		return err
	}
	insert, err := tx.PrepareContext(ctx, "INSERT INTO entry (rowid, words) VALUES (?, ?)")
	if err != nil {
		return err
	}
	defer insert.Close()
	var terms []byte
	for _, r := range records {
		var e provisioning.AuditEntry
		if err := json.Unmarshal(r.Leaf, &e); err != nil { // somebody altered it: that is for Verify to say
			e = r.Entry
		}
		terms = appendTerms(terms[:0], x.partOf(r.Seq), e)
		if _, err := insert.ExecContext(ctx, r.Seq, string(terms)); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// enterSpans notes between which times the entries lie, so that a question about a time knows where to look. Clocks are set, and some entries say when something
// was: the times of the log are nearly in order, and no more.
func enterSpans(ctx context.Context, tx *sql.Tx, records []audit.Record) error {
	for len(records) > 0 {
		var first, last int64
		err := tx.QueryRowContext(ctx, "SELECT first, last FROM span ORDER BY first DESC LIMIT 1").Scan(&first, &last)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if err != nil || last-first+1 >= indexSpan {
			first = records[0].Seq
		}
		n := 0
		low, high := records[0].Entry.Time.UnixNano(), records[0].Entry.Time.UnixNano()
		for ; n < len(records) && records[n].Seq < first+indexSpan; n++ {
			at := records[n].Entry.Time.UnixNano()
			low, high, last = min(low, at), max(high, at), records[n].Seq
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO span (first, last, low, high) VALUES (?, ?, ?, ?)
			ON CONFLICT (first) DO UPDATE SET last = excluded.last, low = min(low, excluded.low), high = max(high, excluded.high)`, first, last, low, high)
		if err != nil {
			return err
		}
		records = records[n:]
	}
	return nil
}

// between is which entries of the index may lie in a time: after the first and up to the last.
func (x *auditIndex) between(ctx context.Context, since, until time.Time, indexed int64) (after, last int64, err error) {
	last = indexed
	if !since.IsZero() {
		var first sql.NullInt64
		if err := x.read.QueryRowContext(ctx, "SELECT min(first) FROM span WHERE high >= ?", since.UnixNano()).Scan(&first); err != nil {
			return 0, 0, err
		}
		if after = indexed; first.Valid {
			after = first.Int64 - 1
		}
	}
	if !until.IsZero() {
		var end sql.NullInt64
		if err := x.read.QueryRowContext(ctx, "SELECT max(last) FROM span WHERE low < ?", until.UnixNano()).Scan(&end); err != nil {
			return 0, 0, err
		}
		last = end.Int64
	}
	return after, last, nil
}
