package store_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"naisen/provisioning/secret"
	"naisen/provisioning/store"
)

// TestCopiesOfEachRelease: a copy that a program of any released schema made is put back by this one, into either engine: nothing of it is lost, its log verifies and
// it can be written to. Into PostgreSQL only from the schema on that this had: before, the way is by a file.
func TestCopiesOfEachRelease(t *testing.T) {
	order := func() []string {
		s, _ := simple(t, t.TempDir())
		defer func() { _ = s.Close() }()
		return dumpOf(t, s).tables
	}()
	all := versions(t, "sqlite")
	first, err := strconv.Atoi(versions(t, "postgres")[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range all {
		h := copyOfRelease(t, filepath.Join(schemas, "sqlite-"+v+".sql"), order)
		if strconv.FormatInt(h.head.Schema, 10) != v {
			t.Fatalf("a copy of schema %d, want %s", h.head.Schema, v)
		}
		t.Run("sqlite-"+v, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "pbx.db")
			if err := store.Load(t.Context(), path, h.give); err != nil {
				t.Fatal(err)
			}
			keys, err := secret.OpenKeyring(filepath.Join(dir, "secrets.key"))
			if err != nil {
				t.Fatal(err)
			}
			s, err := store.Open(t.Context(), store.Config{Path: path, Sealer: keys})
			if err != nil {
				t.Fatal(err)
			}
			checkReleased(t, s)
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		t.Run("postgres-"+v, func(t *testing.T) {
			dir := t.TempDir()
			p := store.Postgres{URL: server(t).URL(database(t, dir)), Password: server(t).Password}
			err := store.LoadPostgres(t.Context(), p, h.give)
			if n, _ := strconv.Atoi(v); n < first {
				if !errors.Is(err, store.ErrDump) {
					t.Errorf("schema %s: %v", v, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			s := openPostgresWith(t, dir, store.Config{})
			checkReleased(t, s)
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// copyOfRelease is what Dump of that release's program gave of its database.
func copyOfRelease(t *testing.T, path string, order []string) *held {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	db := raw(t, filepath.Join(t.TempDir(), "pbx.db"))
	if _, err := db.ExecContext(t.Context(), string(text)); err != nil {
		t.Fatal(err)
	}
	var h held
	var head store.DumpHead
	if err := db.QueryRowContext(t.Context(), "SELECT (SELECT MAX(version_id) FROM goose_db_version), version, audit_size FROM head").Scan(&head.Schema, &head.Version, &head.Audit); err != nil {
		t.Fatal(err)
	}
	if err := h.Head(t.Context(), head); err != nil {
		t.Fatal(err)
	}
	for _, table := range order {
		var there int
		if err := db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = ?", table).Scan(&there); err != nil {
			t.Fatal(err)
		}
		if there == 1 {
			copyTable(t, db, table, &h)
		}
	}
	return &h
}

func copyTable(t *testing.T, db *sql.DB, table string, h *held) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "SELECT * FROM "+table)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil {
		t.Fatal(err)
	}
	values, into, names := make([]any, len(types)), make([]any, len(types)), make([]string, len(types))
	for i := range types {
		into[i], names[i] = &values[i], types[i].Name()
	}
	if err := h.Table(t.Context(), table, names); err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		for i, v := range values {
			if n, ok := v.(int64); ok && types[i].DatabaseTypeName() == "BOOLEAN" {
				values[i] = n != 0
			}
		}
		if err := h.Row(t.Context(), values); err != nil {
			t.Fatal(err)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}
