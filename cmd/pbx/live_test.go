package main

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"

	"naisen/provisioning"
	"naisen/provisioning/directory"
	"naisen/provisioning/secret"
	"naisen/provisioning/store"
)

// TestChangesAreLiveWhenAnswered: nobody who was told that a change is made can place a call that does not see it.
func TestChangesAreLiveWhenAnswered(t *testing.T) {
	dir := t.TempDir()
	keys, err := secret.OpenKeyring(filepath.Join(dir, "secrets.key"))
	if err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(t.Context(), store.Config{Path: filepath.Join(dir, "pbx.db"), Sealer: keys, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	d, err := directory.New(t.Context(), st, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	live := liveStore{st, d, slog.New(slog.DiscardHandler)}
	for i := range 100 {
		title := fmt.Sprint(i)
		err := live.Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
			_, err := w.Put("x.example", provisioning.Domain{Name: "x.example", Title: title, Language: "ja", CountryCode: "81"}, "")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := d.Snapshot().Domain("x.example"); got.Title != title {
			t.Fatalf("after change %d calls see %q", i, got.Title)
		}
	}
}
