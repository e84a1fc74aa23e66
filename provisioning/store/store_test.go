package store_test

import (
	"path/filepath"
	"testing"

	"naisen/provisioning/secret"
	"naisen/provisioning/store"
	"naisen/provisioning/store/storetest"
)

func open(t testing.TB, dir string) storetest.Backend {
	t.Helper()
	return openWith(t, dir, store.Config{})
}

func openWith(t testing.TB, dir string, cfg store.Config) *store.Store {
	t.Helper()
	keys, err := secret.OpenKeyring(filepath.Join(dir, "keys", "secrets.key"))
	if err != nil {
		t.Fatal(err)
	}
	cfg.Path, cfg.Sealer = filepath.Join(dir, "db with ?#% & 空白", "pbx.db"), keys
	s, err := store.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestConformance(t *testing.T) { storetest.Run(t, open) }
