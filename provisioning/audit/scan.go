package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"naisen/provisioning"
)

// verifyPage is how many entries are read at once, maxScanners how many pages.
const (
	verifyPage  = 1000
	maxScanners = 8
)

// checked is an entry after everything that needs no other entry.
type checked struct {
	seq    int64
	reason string    // why it is bad by itself; empty: it is not
	hash   tlog.Hash // of its leaf, computed
	stored []byte    // Record.Hashes
}

// page is a stretch of the log, read and checked beside others.
type page struct {
	entries []checked
	err     error
}

// scan gives the entries after the first ones in order until take has had enough or the log ends. Pages are read, parsed and hashed on all processors; only the tree itself is
// built one entry after the other.
func scan(ctx context.Context, log Log, first int64, take func(checked) bool) error {
	ctx, cancel := context.WithCancel(ctx)
	type job struct {
		after int64
		out   chan page
	}
	scanners := min(max(runtime.GOMAXPROCS(0), 2), maxScanners)
	jobs, order := make(chan job), make(chan chan page, 2*scanners) // what is read ahead is bounded by order
	var workers sync.WaitGroup
	defer workers.Wait()
	defer cancel()
	workers.Go(func() {
		defer close(jobs)
		for after := first; ; after += verifyPage {
			j := job{after, make(chan page, 1)}
			select {
			case order <- j.out:
			case <-ctx.Done():
				return
			}
			select {
			case jobs <- j:
			case <-ctx.Done():
				return
			}
		}
	})
	for range scanners {
		workers.Go(func() {
			for j := range jobs {
				j.out <- readPage(ctx, log, j.after)
			}
		})
	}
	for {
		p, err := next(ctx, order)
		if err != nil {
			return err
		}
		for _, e := range p.entries {
			if !take(e) {
				return nil
			}
		}
		if len(p.entries) < verifyPage {
			return nil
		}
	}
}

func next(ctx context.Context, order chan chan page) (page, error) {
	select {
	case out := <-order:
		select {
		case p := <-out:
			return p, p.err
		case <-ctx.Done():
		}
	case <-ctx.Done():
	}
	return page{}, ctx.Err()
}

func readPage(ctx context.Context, log Log, after int64) page {
	records, err := log.AuditRecords(ctx, after, verifyPage)
	p := page{entries: make([]checked, len(records)), err: err}
	var room []byte
	for i, r := range records {
		room = append(append(room[:0], 0), r.Leaf...)
		c := checked{seq: r.Seq, hash: sha256.Sum256(room), stored: r.Hashes} // RFC 6962 section 2.1: MTH of one entry
		c.reason, room = checkRecord(r, room)
		p.entries[i] = c
	}
	return p
}

// checkRecord compares the row with its leaf. Nearly every leaf begins with exactly what its columns make; only one that does not is parsed.
func checkRecord(r Record, room []byte) (reason string, _ []byte) {
	if !r.Alone {
		var plain bool
		if room, plain = beginning(room[:0], r); plain && bytes.HasPrefix(r.Leaf, room) {
			if rest := r.Leaf[len(room):]; bytes.Equal(rest, []byte("}")) || bytes.HasPrefix(rest, []byte(`,"kind":"`)) || bytes.HasPrefix(rest, []byte(`,"detail":{`)) {
				return "", room
			}
		}
	}
	return parseRecord(r), room
}

// beginning is what Canonical writes for these columns; false where one of them needs more than being copied.
func beginning(b []byte, r Record) ([]byte, bool) {
	e := r.Entry
	b = strconv.AppendInt(append(b, `{"seq":`...), r.Seq, 10)
	b = e.Time.UTC().AppendFormat(append(b, `,"time":"`...), time.RFC3339Nano)
	for _, f := range [...]struct{ name, value string }{
		{`","domain":"`, e.Domain}, {`","subject":"`, e.Subject}, {`","action":"`, e.Action}, {`","object":"`, e.Object}, {`","outcome":"`, e.Outcome},
	} {
		for i := range len(f.value) {
			if c := f.value[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
				return b, false
			}
		}
		b = append(append(b, f.name...), f.value...)
	}
	return append(b, '"'), true
}

func parseRecord(r Record) string {
	var e provisioning.AuditEntry
	if err := json.Unmarshal(r.Leaf, &e); err != nil {
		return "it was changed: not readable"
	}
	switch {
	case e.Seq != r.Seq:
		return fmt.Sprintf("it was moved or inserted: it was written as entry %d", e.Seq)
	case r.Alone:
	case !e.Time.Equal(r.Entry.Time), e.Domain != r.Entry.Domain, e.Subject != r.Entry.Subject, e.Action != r.Entry.Action,
		e.Object != r.Entry.Object, e.Outcome != r.Entry.Outcome:
		return "it was changed: its search columns do not fit"
	}
	return ""
}
