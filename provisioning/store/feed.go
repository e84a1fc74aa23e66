package store

import (
	"context"
	"fmt"
	"iter"
	"time"

	"naisen/provisioning"
)

const feedPage = 500

// notify wakes every feed that waits.
func (s *Store) notify() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.wake)
	s.wake = make(chan struct{})
}

func (s *Store) waker() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.wake
}

// Changes: see provisioning.Store. It runs in its consumer's goroutine and keeps one page.
func (s *Store) Changes(ctx context.Context, after provisioning.Version) iter.Seq2[provisioning.Change, error] {
	return func(yield func(provisioning.Change, error) bool) {
		poll := time.NewTicker(s.cfg.Poll)
		defer poll.Stop()
		for {
			wake := s.waker() // before reading, so that no commit falls between
			page, err := s.page(ctx, after)
			if err != nil {
				yield(provisioning.Change{}, err)
				return
			}
			for _, c := range page {
				if !yield(c, nil) {
					return
				}
				after = c.Version
			}
			if len(page) == feedPage {
				continue
			}
			select {
			case <-wake:
			case <-poll.C:
			case <-ctx.Done():
				yield(provisioning.Change{}, ctx.Err())
				return
			case <-s.ended:
				yield(provisioning.Change{}, provisioning.ErrClosed)
				return
			}
		}
	}
}

func (s *Store) page(ctx context.Context, after provisioning.Version) (page []provisioning.Change, err error) {
	err = s.view(ctx, func(r *reader) error {
		page, err = r.Since(after, feedPage)
		return err
	})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	return page, err
}

type changeRow struct {
	Version int64
	Domain  string
	Kind    string
	Key     string
	Deleted bool
	More    bool
}

// Since: see provisioning.Reader. A version that is still to come (a consumer of a database that was since restored) is ErrCompacted too.
func (r *reader) Since(after provisioning.Version, limit int) ([]provisioning.Change, error) {
	if after == r.Version() {
		return nil, nil
	}
	if after > r.Version() || after < 0 {
		return nil, fmt.Errorf("%w: %d", provisioning.ErrCompacted, after)
	}
	if limit <= 0 {
		limit = int(r.Version() - after)
	}
	var rows []changeRow
	err := r.db.NewRaw("SELECT version, domain, kind, key, deleted, more FROM change WHERE version > ? ORDER BY version LIMIT ?", int64(after), limit).
		Scan(r.ctx, &rows)
	if err != nil {
		return nil, r.fail("read changes", err)
	}
	if len(rows) == 0 || rows[0].Version != int64(after)+1 { // versions have no gaps
		return nil, fmt.Errorf("%w: %d", provisioning.ErrCompacted, after)
	}
	out := make([]provisioning.Change, len(rows))
	for i, row := range rows {
		out[i] = provisioning.Change{
			Version: provisioning.Version(row.Version), Domain: row.Domain, Kind: row.Kind, Key: row.Key, Deleted: row.Deleted, More: row.More,
		}
	}
	return out, nil
}
