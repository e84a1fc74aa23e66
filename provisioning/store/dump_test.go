package store_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"naisen/provisioning"
	"naisen/provisioning/audit"
	"naisen/provisioning/secret"
	"naisen/provisioning/store"
)

// held is a dump in memory.
type held struct {
	head    store.DumpHead
	tables  []string
	columns map[string][]string
	rows    map[string][][]any
}

func (h *held) Head(_ context.Context, d store.DumpHead) error {
	h.head, h.columns, h.rows = d, map[string][]string{}, map[string][][]any{}
	return nil
}

func (h *held) Table(_ context.Context, name string, columns []string) error {
	h.tables = append(h.tables, name)
	h.columns[name] = slices.Clone(columns)
	return nil
}

func (h *held) Row(_ context.Context, values []any) error {
	row := slices.Clone(values)
	for i, v := range row {
		if b, ok := v.([]byte); ok {
			row[i] = slices.Clone(b)
		}
	}
	last := h.tables[len(h.tables)-1]
	h.rows[last] = append(h.rows[last], row)
	return nil
}

// give puts it into another sink.
func (h *held) give(ctx context.Context, to store.DumpSink) error {
	if err := to.Head(ctx, h.head); err != nil {
		return err
	}
	for _, table := range h.tables {
		if err := to.Table(ctx, table, h.columns[table]); err != nil {
			return err
		}
		for _, row := range h.rows[table] {
			if err := to.Row(ctx, row); err != nil {
				return err
			}
		}
	}
	return nil
}

// filled is a store with something in the most of its tables.
func filled(t *testing.T, dir string) (*store.Store, string) {
	t.Helper()
	s, path := simple(t, dir)
	seed(t, s, 3)
	err := s.Update(t.Context(), system(), func(w provisioning.Writer) error {
		_, err := w.Put("a.example", provisioning.Group{Number: "6001", Members: []string{"2001"}}, "")
		return errors.Join(err, w.PutSecret("a.example", "sip", "2001", []byte("hidden")), w.AddAudit(provisioning.AuditEntry{Domain: "a.example", Action: "call.ended", Object: "c1", Outcome: "ok"}))
	})
	if err != nil {
		t.Fatal(err)
	}
	return s, path
}

func dumpOf(t *testing.T, s *store.Store) *held {
	t.Helper()
	var h held
	if err := s.Dump(t.Context(), &h); err != nil {
		t.Fatal(err)
	}
	return &h
}

// TestDumpHasEveryTable: a table that a migration makes is in the dump, or named here with the reason why not.
func TestDumpHasEveryTable(t *testing.T) {
	s, path := filled(t, t.TempDir())
	defer func() { _ = s.Close() }()
	h := dumpOf(t, s)
	rows, err := raw(t, path).QueryContext(t.Context(), "SELECT name FROM sqlite_master WHERE type = 'table'")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		switch {
		case strings.HasPrefix(name, "sqlite_"): // of SQLite itself
		case name == "goose_db_version": // the version is in the head
		case name == "node", name == "duty", name == "lease": // who lives now
		case !slices.Contains(h.tables, name):
			t.Errorf("table %s is in no backup: add it to `dumped`", name)
		}
	}
	if rows.Err() != nil || len(h.rows["entity"]) != 5 || len(h.rows["secret"]) != 1 || len(h.rows["ref"]) == 0 || int64(len(h.rows["audit"])) != h.head.Audit || h.head.Audit == 0 {
		t.Errorf("%+v %v", h.head, rows.Err())
	}
	for _, row := range h.rows["change"] {
		if v := row[slices.Index(h.columns["change"], "deleted")]; reflect.TypeOf(v).Kind() != reflect.Bool {
			t.Fatalf("a BOOLEAN is given as %T", v)
		}
	}
}

// TestLoad: what was dumped is there again, the log verifies, secrets open with their key, and the store works on.
func TestLoad(t *testing.T) {
	dir := t.TempDir()
	s, _ := filled(t, dir)
	h := dumpOf(t, s)
	before, err := audit.Verify(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "again", "pbx.db")
	if err := errors.Join(store.Load(t.Context(), path, h.give), s.Close()); err != nil {
		t.Fatal(err)
	}
	keys, err := secret.OpenKeyring(filepath.Join(dir, "secrets.key"))
	if err != nil {
		t.Fatal(err)
	}
	s, err = store.Open(t.Context(), store.Config{Path: path, Sealer: keys})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if again := dumpOf(t, s); !reflect.DeepEqual(again, h) {
		t.Errorf("another dump:\n%v\n%v", again, h)
	}
	after, err := audit.Verify(t.Context(), s)
	if err != nil || after.Root != before.Root {
		t.Errorf("%s, before %s, %v", after, before, err)
	}
	err = s.View(t.Context(), func(r provisioning.Reader) error {
		b, err := provisioning.Secret(r, "a.example", "sip", "2001")
		if string(b) != "hidden" {
			t.Errorf("secret %q", b)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	seedMore := s.Update(t.Context(), system(), func(w provisioning.Writer) error {
		_, err := w.Put("a.example", provisioning.Extension{Number: "2999"}, "")
		return err
	})
	if seedMore != nil {
		t.Error(seedMore)
	}
}

// TestLoadOfBefore: tables of an older version are made as they were, filled and brought forward; a newer version is refused by its number.
func TestLoadOfBefore(t *testing.T) {
	s, _ := filled(t, t.TempDir())
	h := dumpOf(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	newest := h.head.Schema
	h.head.Schema = newest + 1
	err := store.Load(t.Context(), filepath.Join(t.TempDir(), "pbx.db"), h.give)
	if !errors.Is(err, store.ErrNewer) || !strings.Contains(err.Error(), fmt.Sprint(newest+1)) {
		t.Errorf("newer: %v", err)
	}
	h.head.Schema = 0
	if err := store.Load(t.Context(), filepath.Join(t.TempDir(), "pbx.db"), h.give); !errors.Is(err, store.ErrDump) {
		t.Errorf("version 0: %v", err)
	}
	h.head.Schema = 4 // before heard, vouched and repeat
	h.tables = slices.DeleteFunc(h.tables, func(name string) bool {
		return name == "heard" || name == "audit_block" || name == "repeat" || strings.HasPrefix(name, "vouched")
	})
	h.columns["binding"] = h.columns["binding"][:4] // before nodes
	for i, row := range h.rows["binding"] {
		h.rows["binding"][i] = row[:4]
	}
	at := slices.Index(h.columns["entity"], "body")
	h.rows["entity"] = h.rows["entity"][:4] // the domain and its extensions
	h.rows["ref"] = nil
	path := filepath.Join(t.TempDir(), "pbx.db")
	if err := store.Load(t.Context(), path, h.give); err != nil || at < 0 {
		t.Fatal(err)
	}
	db := raw(t, path)
	var n, schema int64
	err = db.QueryRowContext(t.Context(), "SELECT (SELECT COUNT(*) FROM vouched), (SELECT MAX(version_id) FROM goose_db_version)").Scan(&n, &schema)
	if err != nil || schema != newest {
		t.Errorf("brought to %d of %d: %v", schema, newest, err)
	}
}

// TestLoadRefuses what does not fit its own tables, and leaves nothing that a switch would open.
func TestLoadRefuses(t *testing.T) {
	s, _ := filled(t, t.TempDir())
	h := dumpOf(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	columns := h.columns["entity"]
	for name, give := range map[string]func(ctx context.Context, to store.DumpSink) error{
		"nothing": func(context.Context, store.DumpSink) error { return nil },
		"no head": func(ctx context.Context, to store.DumpSink) error { return to.Table(ctx, "entity", columns) },
		"no table": func(ctx context.Context, to store.DumpSink) error {
			return errors.Join(to.Head(ctx, h.head), to.Row(ctx, []any{int64(1)}))
		},
		"two heads": func(ctx context.Context, to store.DumpSink) error {
			return errors.Join(to.Head(ctx, h.head), to.Head(ctx, h.head))
		},
		"foreign": func(ctx context.Context, to store.DumpSink) error {
			return errors.Join(to.Head(ctx, h.head), to.Table(ctx, "sqlite_master", []string{"name"}))
		},
		"versions": func(ctx context.Context, to store.DumpSink) error {
			return errors.Join(to.Head(ctx, h.head), to.Table(ctx, "goose_db_version", []string{"version_id"}))
		},
		"a column": func(ctx context.Context, to store.DumpSink) error {
			return errors.Join(to.Head(ctx, h.head), to.Table(ctx, "entity", []string{"domain", "kind", "key", "body", "nothing"}))
		},
		"fewer": func(ctx context.Context, to store.DumpSink) error {
			return errors.Join(to.Head(ctx, h.head), to.Table(ctx, "entity", columns[:3]))
		},
		"twice": func(ctx context.Context, to store.DumpSink) error {
			return errors.Join(to.Head(ctx, h.head), to.Table(ctx, "entity", columns), to.Table(ctx, "entity", columns))
		},
		"no rows": func(ctx context.Context, to store.DumpSink) error { return to.Head(ctx, h.head) },
		"cut log": func(ctx context.Context, to store.DumpSink) error {
			cp := *h
			cp.rows = map[string][][]any{}
			for k, v := range h.rows {
				cp.rows[k] = v
			}
			cp.rows["audit"] = h.rows["audit"][:1]
			return cp.give(ctx, to)
		},
		"given up": func(ctx context.Context, to store.DumpSink) error {
			return errors.Join(to.Head(ctx, h.head), context.Canceled)
		},
		"broken refs": func(ctx context.Context, to store.DumpSink) error {
			cp := *h
			cp.rows = map[string][][]any{}
			for k, v := range h.rows {
				cp.rows[k] = v
			}
			cp.rows["entity"] = h.rows["entity"][:1]
			return cp.give(ctx, to)
		},
	} {
		path := filepath.Join(t.TempDir(), "pbx.db")
		if err := store.Load(t.Context(), path, give); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// TestMoveToPostgres: what was dumped from SQLite is in PostgreSQL what it was, and the dump of that is the same again; a database that is not empty is left alone.
func TestMoveToPostgres(t *testing.T) {
	dir := t.TempDir()
	s, _ := filled(t, dir)
	h := dumpOf(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	p := store.Postgres{URL: server(t).URL(database(t, dir)), Password: server(t).Password}
	if err := store.LoadPostgres(t.Context(), p, h.give); err != nil {
		t.Fatal(err)
	}
	if err := store.LoadPostgres(t.Context(), p, h.give); !errors.Is(err, store.ErrNotEmpty) {
		t.Errorf("loaded over what is there: %v", err)
	}
	s, err := tryPostgres(t, dir, store.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	again := dumpOf(t, s)
	if again.head != h.head || !reflect.DeepEqual(again.rows, h.rows) || !reflect.DeepEqual(again.columns, h.columns) {
		for table := range h.rows {
			if !reflect.DeepEqual(again.rows[table], h.rows[table]) {
				t.Errorf("%s: %v\n%v", table, again.rows[table], h.rows[table])
			}
		}
		t.Errorf("another dump: %+v %+v", again.head, h.head)
	}
	if _, err := audit.Verify(t.Context(), s); err != nil {
		t.Error(err)
	}
}
