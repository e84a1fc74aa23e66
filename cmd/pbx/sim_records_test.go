package main

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"naisen/provisioning"
)

// simRecords is the store of a history whose people and administrators change things: the real one's rules (references, claims, parts, ETags, one
// feed) over maps, because a database stops the clock of a bubble. storetest is not for it: it keeps no records of calls.
type simRecords struct {
	mu      sync.Mutex // guards the rest; held for a whole View or Update, as SQLite does for writers
	at      simState
	feed    []provisioning.Change
	wake    chan struct{} // closed and replaced by each commit
	changed int           // updates that wrote something
}

// simState is what a transaction sees.
type simState struct {
	version provisioning.Version
	rows    map[simKey]simRow
	secrets map[simKey][]byte
}

type simKey struct{ domain, kind, key string }

type simRow struct {
	provisioning.Row
	entity provisioning.Entity
}

func (s simState) clone() simState {
	return simState{s.version, maps.Clone(s.rows), maps.Clone(s.secrets)}
}

// newSimRecords begins with entities; a later one takes the place of one of the same key.
func newSimRecords(t testing.TB, fill func(provisioning.Writer) error) *simRecords {
	t.Helper()
	s := &simRecords{at: simState{rows: map[simKey]simRow{}, secrets: map[simKey][]byte{}}, wake: make(chan struct{})}
	if err := s.Update(context.Background(), provisioning.Subject{System: true}, fill); err != nil {
		t.Fatal(err)
	}
	return s
}

// copied is the same store for another history, which begins in its own bubble.
func (s *simRecords) copied() *simRecords {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &simRecords{at: s.at.clone(), feed: slices.Clone(s.feed), wake: make(chan struct{})}
}

// View implements provisioning.Store.
func (s *simRecords) View(_ context.Context, f func(provisioning.Reader) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return f(&simWriter{of: s, simState: s.at})
}

// Update implements provisioning.Store.
func (s *simRecords) Update(_ context.Context, who provisioning.Subject, f func(provisioning.Writer) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := &simWriter{of: s, simState: s.at.clone(), who: who}
	if err := f(w); err != nil {
		return err
	}
	if len(w.changes) == 0 {
		return nil
	}
	w.changes[len(w.changes)-1].More = false
	s.at, s.feed = w.simState, append(s.feed, w.changes...)
	s.changed++
	close(s.wake)
	s.wake = make(chan struct{})
	return nil
}

// Changes implements provisioning.Store.
func (s *simRecords) Changes(ctx context.Context, after provisioning.Version) iter.Seq2[provisioning.Change, error] {
	return func(yield func(provisioning.Change, error) bool) {
		for {
			s.mu.Lock()
			wake, page := s.wake, s.since(after)
			s.mu.Unlock()
			for _, c := range page {
				if !yield(c, nil) {
					return
				}
				after = c.Version
			}
			select {
			case <-wake:
			case <-ctx.Done():
				yield(provisioning.Change{}, ctx.Err())
				return
			}
		}
	}
}

// since is the feed after a version. Called with mu held.
func (s *simRecords) since(after provisioning.Version) []provisioning.Change {
	i, _ := slices.BinarySearchFunc(s.feed, after+1, func(c provisioning.Change, v provisioning.Version) int { return int(c.Version - v) })
	return slices.Clone(s.feed[i:])
}

// Close implements provisioning.Store.
func (s *simRecords) Close() error { return nil }

// simWriter is one transaction.
type simWriter struct {
	simState
	of      *simRecords
	who     provisioning.Subject
	changes []provisioning.Change
}

var _ provisioning.Writer = (*simWriter)(nil)

// Version implements provisioning.Reader.
func (w *simWriter) Version() provisioning.Version { return w.version }

// Row implements provisioning.Reader.
func (w *simWriter) Row(domain, kind, key string) (provisioning.Row, error) {
	if r, ok := w.rows[simKey{domain, kind, key}]; ok {
		return r.Row, nil
	}
	return provisioning.Row{}, fmt.Errorf("%w: %s %q", provisioning.ErrNotFound, kind, key)
}

// Rows implements provisioning.Reader.
func (w *simWriter) Rows(domain, kind, after string, limit int) (out []provisioning.Row, _ error) {
	for k, r := range w.rows {
		if k.kind == kind && (k.domain == domain || domain == "") && k.key > after {
			out = append(out, r.Row)
		}
	}
	slices.SortFunc(out, func(a, b provisioning.Row) int { return strings.Compare(a.Key, b.Key) })
	if limit > 0 && len(out) > limit {
		out = out[:limit]
	}
	return out, nil
}

// Since implements provisioning.Reader.
func (w *simWriter) Since(after provisioning.Version, limit int) ([]provisioning.Change, error) {
	page := w.of.since(after)
	return page[:min(len(page), limit)], nil
}

// Secrets implements provisioning.Reader.
func (w *simWriter) Secrets(domain, kind string, keys ...string) (map[string][]byte, error) {
	out := map[string][]byte{}
	for k, plain := range w.secrets {
		if k.domain == domain && k.kind == kind && (len(keys) == 0 || slices.Contains(keys, k.key)) {
			out[k.key] = plain
		}
	}
	return out, nil
}

// CDRs, Visits, Stints and Audit implement provisioning.Reader: what calls leave behind is not kept here.
func (w *simWriter) CDRs(string, provisioning.CDRQuery) ([]provisioning.CDR, error) { return nil, nil }
func (w *simWriter) Visits(string, provisioning.LogQuery) ([]provisioning.QueueVisit, error) {
	return nil, nil
}
func (w *simWriter) Stints(string, provisioning.LogQuery) ([]provisioning.AgentStint, error) {
	return nil, nil
}
func (w *simWriter) Audit(string, provisioning.AuditQuery) ([]provisioning.AuditEntry, error) {
	return nil, nil
}
func (w *simWriter) AddCDR(provisioning.CDR) error          { return nil }
func (w *simWriter) AddVisit(provisioning.QueueVisit) error { return nil }
func (w *simWriter) AddStint(provisioning.AgentStint) error { return nil }
func (w *simWriter) AddAudit(provisioning.AuditEntry) error { return nil }

func (w *simWriter) next(domain, kind, key string, deleted bool) {
	w.version++
	w.changes = append(w.changes, provisioning.Change{Version: w.version, Domain: domain, Kind: kind, Key: key, Deleted: deleted, More: true})
}

// Put implements provisioning.Writer.
func (w *simWriter) Put(domain string, e provisioning.Entity, ifMatch string) (string, error) {
	if !w.who.System && w.who.Domain != domain {
		return "", &provisioning.Denied{Rule: "other-domain"}
	}
	body, err := provisioning.Encode(e)
	if err != nil {
		return "", err
	}
	k := simKey{domain, e.Kind(), e.Key()}
	old, exists := w.rows[k]
	switch {
	case ifMatch == "!" && exists:
		return "", provisioning.ErrExists
	case ifMatch != "" && ifMatch != "!" && (!exists || ifMatch != "*" && ifMatch != old.ETag):
		return "", provisioning.ErrStale
	case exists && string(old.Body) == string(body):
		return old.ETag, nil
	}
	for _, ref := range e.Refs() {
		if _, there := w.rows[simKey{domain, ref.Kind, ref.Key}]; !there {
			return "", &provisioning.Invalid{Field: ref.Field, Reason: "names " + ref.Kind + " " + ref.Key + ", which does not exist"}
		}
	}
	if err := provisioning.Check(w, domain, e); err != nil {
		return "", err
	}
	w.next(domain, k.kind, k.key, false)
	w.rows[k] = simRow{provisioning.Row{Key: k.key, Body: body, ETag: strconv.FormatInt(int64(w.version), 36)}, e}
	return w.rows[k].ETag, nil
}

// Delete implements provisioning.Writer.
func (w *simWriter) Delete(domain, kind, key, ifMatch string) error {
	k := simKey{domain, kind, key}
	old, exists := w.rows[k]
	switch {
	case !exists:
		return fmt.Errorf("%w: %s %q", provisioning.ErrNotFound, kind, key)
	case ifMatch != "" && ifMatch != "*" && ifMatch != old.ETag:
		return provisioning.ErrStale
	}
	going := []simKey{k}
	for _, part := range provisioning.Parts(kind) {
		going = append(going, simKey{domain, part, provisioning.PartKey(part, key)})
	}
	for other, r := range w.rows {
		if slices.Contains(going, other) || other.domain != domain {
			continue
		}
		for _, ref := range r.entity.Refs() {
			if slices.Contains(going, simKey{domain, ref.Kind, ref.Key}) {
				return fmt.Errorf("%w: %s %q by %s %s", provisioning.ErrInUse, kind, key, other.kind, other.key)
			}
		}
	}
	for _, g := range slices.Backward(going) {
		if _, there := w.rows[g]; there {
			delete(w.rows, g)
			w.forget(g)
			w.next(domain, g.kind, g.key, true)
		}
	}
	return nil
}

// forget deletes the secrets of an entity that goes.
func (w *simWriter) forget(g simKey) {
	for _, s := range slices.SortedFunc(maps.Keys(w.secrets), func(a, b simKey) int { return strings.Compare(a.kind+"/"+a.key, b.kind+"/"+b.key) }) {
		if s.domain == g.domain && s.key == g.key && provisioning.SecretOwner(s.kind) == g.kind {
			delete(w.secrets, s)
			w.next(g.domain, provisioning.KindSecret, s.kind+"/"+s.key, true)
		}
	}
}

// PutSecret implements provisioning.Writer.
func (w *simWriter) PutSecret(domain, kind, key string, plain []byte) error {
	k := simKey{domain, kind, key}
	if plain == nil {
		delete(w.secrets, k)
	} else {
		w.secrets[k] = plain
	}
	w.next(domain, provisioning.KindSecret, kind+"/"+key, plain == nil)
	return nil
}
