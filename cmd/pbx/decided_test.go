package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"naisen/provisioning"
	"naisen/provisioning/secret"
	"naisen/provisioning/store"
	"naisen/recorder"
	"naisen/recorder/remarks"
)

// TestDecidedComesBack: a note, a case and a lowered label come back with a catalogue that was lost, by the command, and the audit log has the number of what is
// stored. Where the log knows of a newer one that is not there, the command says so and lowers no label.
func TestDecidedComesBack(t *testing.T) {
	a := newArchiveRoom(t)
	config := filepath.Join(a.data, "pbx.yaml")
	if err := os.WriteFile(config, []byte("data: "+a.data+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ring, err := secret.OpenKeyring(filepath.Join(a.data, "keys", "secrets.key"))
	if err != nil {
		t.Fatal(err)
	}
	log, err := store.Open(t.Context(), store.Config{Path: filepath.Join(a.data, "pbx.db"), Sealer: ring})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	key, err := evidenceKey(filepath.Join(a.data, "keys", "evidence.key"))
	if err != nil {
		t.Fatal(err)
	}
	keeper, err := remarks.New(remarks.Config{Catalogue: a.vault.catalogue, Store: a.vault.store, Keys: a.vault.sealer, Key: key, Enter: enterDecided(log)})
	if err != nil {
		t.Fatal(err)
	}
	notes := annotations{a.vault.catalogue, a.log}
	boss := provisioning.Subject{System: true}
	if _, err := notes.AddNote(t.Context(), boss, keepDomain, "other", "折り返し"); err != nil {
		t.Fatal(err)
	}
	if err := notes.SetCase(t.Context(), boss, keepDomain, "other", "2026-17"); err != nil {
		t.Fatal(err)
	}
	if err := a.vault.catalogue.Relabel(t.Context(), keepDomain, "other", recorder.Restricted, recorder.Internal); err != nil {
		t.Fatal(err)
	}
	if err := keeper.Pass(t.Context()); err != nil {
		t.Fatal(err)
	}
	lose := func() {
		a.vault.catalogue.Close()
		for _, ext := range []string{"", "-wal", "-shm"} {
			os.Remove(filepath.Join(a.data, "catalogue.db"+ext))
		}
	}
	reconcile := func(args ...string) (int, string) {
		var out bytes.Buffer
		code := run(t.Context(), append([]string{"recording", "reconcile", "--config", config}, args...), &out, io.Discard)
		return code, out.String()
	}
	comesBack := func(label recorder.Label) {
		t.Helper()
		v, err := openBeside(t.Context(), Config{Data: a.data, Storage: StorageConfig{Kind: "dir"}})
		if err != nil {
			t.Fatal(err)
		}
		defer v.messages.Close()
		defer v.catalogue.Close()
		all, err := annotations{v.catalogue, a.log}.Remarks(t.Context(), boss, keepDomain, "other")
		if err != nil || len(all.Notes) != 1 || all.Notes[0].Text != "折り返し" || len(all.Cases) != 1 || all.Cases[0] != "2026-17" {
			t.Errorf("%+v %v", all, err)
		}
		if row, err := v.catalogue.Get(t.Context(), keepDomain, "other"); err != nil || row.Label != label {
			t.Errorf("label %s, %v", row.Label, err)
		}
	}
	lose()
	if code, out := reconcile("--mend"); code != 0 || !strings.Contains(out, "other.remarks-0001.age what people decided") {
		t.Errorf("%d %s", code, out)
	}
	comesBack(recorder.Internal)
	if err := enterDecided(log)(t.Context(), remarks.Entry{Domain: keepDomain, Recording: "other", Number: 2}); err != nil {
		t.Fatal(err)
	}
	lose()
	if code, out := reconcile("--mend"); code != 1 || !strings.Contains(out, "missing") || !strings.Contains(out, "other.remarks-0002.age") {
		t.Errorf("%d %s", code, out)
	}
	comesBack(recorder.Restricted)
}
