package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/provisioning"
)

var errAway = errors.New("store is away")

// shelf is a store that keeps CDRs, is away for the first tries, and never takes one of them.
type shelf struct {
	provisioning.Store
	away    int // tries left
	refused string
	kept    []string
	entries int
}

func (s *shelf) Update(_ context.Context, _ provisioning.Subject, f func(provisioning.Writer) error) error {
	if s.away > 0 {
		s.away--
		return errAway
	}
	w := &shelfWriter{shelf: s}
	err := f(w)
	if err == nil {
		s.kept, s.entries = append(s.kept, w.kept...), s.entries+w.entries
	}
	return err
}

type shelfWriter struct {
	provisioning.Writer
	shelf   *shelf
	kept    []string
	entries int
}

func (w *shelfWriter) AddCDR(c provisioning.CDR) error {
	if c.ID == w.shelf.refused {
		return &provisioning.Invalid{Field: "to", Reason: "too long"}
	}
	w.kept = append(w.kept, c.ID)
	return nil
}

func (w *shelfWriter) AddAudit(provisioning.AuditEntry) error { w.entries++; return nil }

// Every CDR is in the store once with its audit entry, or whole in the log: nothing is simply gone.
func TestLedger(t *testing.T) {
	for _, c := range []struct {
		name   string
		store  shelf
		kept   string
		logged string // the CDR that is in the log only
	}{
		{"at once", shelf{}, "c1 c2 c3", ""},
		{"after an outage", shelf{away: 4}, "c1 c2 c3", ""},
		{"one that no store takes", shelf{refused: "c2"}, "c1 c3", "c2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var log bytes.Buffer
				l := newLedger(&c.store, func(string) {}, slog.New(slog.NewTextHandler(&log, nil)))
				for _, id := range []string{"c1", "c2", "c3"} {
					l.Enter(call.CDR{ID: id, Domain: "d"})
				}
				time.Sleep(time.Minute)
				if err := l.Close(t.Context()); err != nil {
					t.Error(err)
				}
				if got := strings.Join(c.store.kept, " "); got != c.kept || c.store.entries != len(c.store.kept) {
					t.Errorf("kept %q with %d audit entries, want %q", got, c.store.entries, c.kept)
				}
				if c.logged != "" && !strings.Contains(log.String(), c.logged) || (c.logged == "") != (l.dropped.Load() == 0) {
					t.Errorf("%d dropped, log: %s", l.dropped.Load(), log.String())
				}
			})
		})
	}
}

// The store stays away until the switch must stop: the CDRs are in the log, and Close leaves no goroutine behind.
func TestLedgerStopsWithoutAStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		l := newLedger(&shelf{away: 1 << 30}, func(string) {}, slog.New(slog.NewTextHandler(&log, nil)))
		l.Enter(call.CDR{ID: "c1", Domain: "d"})
		time.Sleep(time.Second)
		l.Enter(call.CDR{ID: "c2", Domain: "d"})
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		if err := l.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("close: %v", err)
		}
		for _, id := range []string{"c1", "c2"} {
			if !strings.Contains(log.String(), id) {
				t.Errorf("%s is gone: %s", id, log.String())
			}
		}
		if l.dropped.Load() != 2 {
			t.Errorf("%d dropped", l.dropped.Load())
		}
	})
}
