package identity

import (
	"context"
	"errors"
	"path/filepath"
	"sync/atomic"
	"testing"

	"naisen/provisioning"
	"naisen/provisioning/secret"
	"naisen/provisioning/store"
)

// testStore is the real store, with a switch that makes every change fail.
type testStore struct {
	provisioning.Store
	t    testing.TB
	path string
	fail atomic.Bool
}

var errDisk = errors.New("disk full")

func newTestStore(t testing.TB) *testStore {
	keys, err := secret.OpenKeyring(filepath.Join(t.TempDir(), "secrets.key"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "pbx.db")
	s, err := store.Open(t.Context(), store.Config{Path: path, Sealer: keys, Log: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return &testStore{Store: s, t: t, path: path}
}

func (s *testStore) Update(ctx context.Context, by provisioning.Subject, f func(provisioning.Writer) error) error {
	if s.fail.Load() {
		return errDisk
	}
	return s.Store.Update(ctx, by, f)
}

func (s *testStore) put(domain string, e provisioning.Entity) {
	s.t.Helper()
	err := s.Update(context.Background(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		_, err := w.Put(domain, e, "")
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// entries of the audit log by action.
func (s *testStore) entries(action string) []provisioning.AuditEntry {
	s.t.Helper()
	var out []provisioning.AuditEntry
	err := s.View(context.Background(), func(r provisioning.Reader) (err error) {
		out, err = r.Audit(testDomain, provisioning.AuditQuery{Action: action})
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}
