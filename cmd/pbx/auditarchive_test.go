package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/audit"
	"naisen/provisioning/secret"
	"naisen/provisioning/store"
	"naisen/recorder/objstore"
	"naisen/recorder/objstore/mem"
	"naisen/recorder/seal"
)

// lyingStore keeps something else than it was given.
type lyingStore struct{ objstore.Store }

func (lyingStore) Get(context.Context, string, int64, int64) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader("something else")), nil
}

// oldLog is a switch's data with a log of two years ago: 20 entries, and one of today.
func oldLog(t *testing.T, data string) *store.Store {
	t.Helper()
	keys, err := secret.OpenKeyring(filepath.Join(data, "keys", "secrets.key"))
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), store.Config{Path: filepath.Join(data, "pbx.db"), Sealer: keys})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	err = s.Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		for i := range 21 {
			at := time.Now().Add(-2 * audit.MinKeep)
			if i == 20 {
				at = time.Now()
			}
			if err := w.AddAudit(provisioning.AuditEntry{Time: at, Domain: keepDomain, Subject: "plantedname@" + keepDomain, Action: "recording.listen", Object: fmt.Sprint("r", i), Outcome: "allowed"}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestAuditArchive: an archive in the object store is sealed and locked, and `pbx audit verify` holds it against the log, as it lies there and opened; one that was altered, and a store that
// keeps something else, are found out.
func TestAuditArchive(t *testing.T) {
	data := t.TempDir()
	s := oldLog(t, data)
	key, err := audit.OpenKey(filepath.Join(data, "keys", "audit.key"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := seal.OpenFiles(filepath.Join(data, "keys", "vault"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	objects := mem.New(time.Now)
	shelf := auditShelf{lyingStore{objects}, seal.New(files), 1000 * 24 * time.Hour, time.Now}
	archive := func() (int, error) {
		a, err := audit.NewArchiver(audit.ArchiverConfig{Log: s, Key: key, Shelf: shelf, Domain: keepDomain, Keep: audit.MinKeep, Block: 16, Proven: func() int64 { return 21 }})
		if err != nil {
			t.Fatal(err)
		}
		return a.Archive(t.Context(), archiveBlocks)
	}
	if n, err := archive(); n != 0 || err == nil || !strings.Contains(err.Error(), "keeps something else") {
		t.Fatalf("a lying store: %d, %v", n, err)
	}
	objects = mem.New(time.Now)
	shelf.store = objects
	if n, err := archive(); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	var name string
	if err := objects.List(t.Context(), "", func(i objstore.Info) error { name += i.Name; return nil }); err != nil || !strings.HasPrefix(name, "0000000000000001-0000000000000016-") {
		t.Fatal(name, err)
	}
	if lock, err := objects.Locked(t.Context(), name); err != nil || lock.Until.Before(time.Now().Add(999*24*time.Hour)) {
		t.Errorf("locked until %v, %v", lock.Until, err)
	}
	r, err := objects.Get(t.Context(), name, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil || bytes.Contains(sealed, []byte("plantedname")) {
		t.Fatalf("%v, or it is not sealed", err)
	}
	plain, err := shelf.sealer.Open(t.Context(), archivePart, bytes.NewReader(sealed))
	if err != nil {
		t.Fatal(err)
	}
	opened, err := io.ReadAll(plain)
	if err != nil {
		t.Fatal(err)
	}
	verifyArchives(t, data, sealed, opened)
}

func verifyArchives(t *testing.T, data string, sealed, opened []byte) {
	t.Helper()
	dir := t.TempDir()
	config := filepath.Join(dir, "pbx.yaml")
	if err := os.WriteFile(config, []byte("data: "+data+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		bytes []byte
		good  bool
	}{{"sealed", sealed, true}, {"opened", opened, true}, {"sealed-altered", spoil(sealed), false}, {"opened-altered", spoil(opened), false}, {"empty", nil, false}} {
		file := filepath.Join(dir, c.name)
		if err := os.WriteFile(file, c.bytes, 0o600); err != nil {
			t.Fatal(err)
		}
		code, text := pbxCommand(t, "audit", "verify", "--config", config, "--db", filepath.Join(data, "pbx.db"), "--archive", file)
		if c.good && (code != 0 || !strings.Contains(text, "first 16 are in archives") || !strings.Contains(text, c.name+": entries 1 to 16 good")) || !c.good && code != 1 {
			t.Errorf("%s: %d %s", c.name, code, text)
		}
	}
}

func spoil(b []byte) []byte {
	out := bytes.Clone(b)
	out[len(out)/2] ^= 1
	return out
}

// TestRetentionConfig: less than a year is no retention.
func TestRetentionConfig(t *testing.T) {
	for r, good := range map[RetentionConfig]bool{{}: true, {Days: 366}: true, {Days: 365}: false, {Days: -1}: false, {Days: 3660, Archive: 3660}: true, {Archive: 1}: false, {Days: 40_000}: false} {
		if err := r.validate(); (err == nil) != good {
			t.Errorf("%+v: %v", r, err)
		}
	}
}
