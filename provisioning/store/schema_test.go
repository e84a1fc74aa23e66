package store_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/audit"
	"naisen/provisioning/store"
)

// A released schema is kept as it was: testdata/schema/sqlite-3.sql is a database of version 3 with something in it, as SQL text. It is never written again.
var freeze = flag.Bool("freeze", false, "write testdata/schema of the newest schema, where it is missing")

const schemas = "testdata/schema"

var migrationName = regexp.MustCompile(`^0*([0-9]+)_`)

// versions of the migrations in a folder, in order.
func versions(t *testing.T, dialect string) (out []string) {
	t.Helper()
	files, err := os.ReadDir(filepath.Join("migrations", dialect))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		m := migrationName.FindStringSubmatch(f.Name())
		if m == nil {
			t.Fatalf("%s is no migration", f.Name())
		}
		out = append(out, m[1])
	}
	return out
}

// TestReleasedSchemas: a database of each version that there was is brought forward with all that is in it, in either engine.
func TestReleasedSchemas(t *testing.T) {
	newest := map[string]string{}
	for dialect, load := range map[string]func(*testing.T, string, string) *store.Store{"sqlite": loadSQLite, "postgres": loadPostgres} {
		all := versions(t, dialect)
		newest[dialect] = all[len(all)-1]
		for _, v := range all {
			path := filepath.Join(schemas, dialect+"-"+v+".sql")
			if _, err := os.Stat(path); err != nil && *freeze && v == newest[dialect] {
				write(t, dialect, path)
			}
			t.Run(dialect+"-"+v, func(t *testing.T) {
				dir := t.TempDir()
				s := load(t, dir, path)
				checkReleased(t, s)
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
		}
	}
	if newest["sqlite"] != newest["postgres"] {
		t.Errorf("a version must mean the same in both: %v", newest)
	}
}

func loadSQLite(t *testing.T, dir, path string) *store.Store {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "pbx.db")
	if _, err := raw(t, file).ExecContext(t.Context(), string(text)); err != nil {
		t.Fatal(err)
	}
	s, _ := simple(t, dir)
	return s
}

func loadPostgres(t *testing.T, dir, path string) *store.Store {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := server(t).SQL(t.Context(), database(t, dir), string(text)); err != nil {
		t.Fatal(err)
	}
	return openPostgresWith(t, dir, store.Config{})
}

// write is how a schema that is released comes to be kept. The sealed secret in it is sealed by a key that nobody has.
func write(t *testing.T, dialect, path string) {
	t.Helper()
	dir := t.TempDir()
	var out []byte
	var err error
	if dialect == "sqlite" {
		s, file := simple(t, dir)
		seedReleased(t, s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		out, err = exec.CommandContext(t.Context(), "sqlite3", file, ".dump").Output()
	} else {
		s := openPostgresWith(t, dir, store.Config{})
		seedReleased(t, s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		out, err = server(t).Dump(t.Context(), database(t, dir))
	}
	if err := errors.Join(err, os.MkdirAll(schemas, 0o755)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, out, 0o644); err != nil {
		t.Fatal(err)
	}
}

var released = time.Date(2026, 11, 30, 1, 2, 3, 4, time.UTC)

// seedReleased is something of everything. The queue's overflow has another form in versions 1 to 3.
func seedReleased(t *testing.T, s *store.Store) {
	t.Helper()
	err := s.Update(t.Context(), system(), func(w provisioning.Writer) error {
		for _, e := range []provisioning.Entity{
			provisioning.Domain{Name: "a.example", Title: "区役所"},
			provisioning.Extension{Number: "2001", Display: "窓口"}, provisioning.Extension{Number: "2002"},
			provisioning.Queue{Number: "7001", Members: []provisioning.QueueMember{{Agent: "2001"}}, Overflow: provisioning.QueueOverflow{Time: &provisioning.Destination{Number: "2002"}, Payer: "2001"}},
		} {
			if _, err := w.Put("a.example", e, "!"); err != nil {
				return fmt.Errorf("%s: %w", e.Kind(), err)
			}
		}
		return errors.Join(
			w.PutSecret("a.example", "sip", "2001", []byte("of a key that is gone")),
			w.AddCDR(provisioning.CDR{ID: "c1", Domain: "a.example", Direction: "internal", Started: released, Ended: released.Add(time.Minute), From: "2001", To: "2002", AnsweredBy: "2002", Cause: "ended"}),
			w.AddAudit(provisioning.AuditEntry{Domain: "a.example", Time: released, Action: "call.ended", Object: "c1", Outcome: "ok"}),
		)
	})
	if err != nil {
		t.Fatal(err)
	}
	far := time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
	if err := s.SaveBindings(t.Context(), []provisioning.BindingRow{{AOR: "2001@a.example", Key: "sip:2001@192.0.2.1", Body: []byte("binding"), Expires: far}}); err != nil {
		t.Fatal(err)
	}
}

// checkReleased: nothing of it is lost, and it can be written to.
func checkReleased(t *testing.T, s *store.Store) {
	t.Helper()
	err := s.View(t.Context(), func(r provisioning.Reader) error {
		d, _, err1 := provisioning.Get[provisioning.Domain](r, "a.example", "a.example")
		e, _, err2 := provisioning.Get[provisioning.Extension](r, "a.example", "2001")
		q, _, err3 := provisioning.Get[provisioning.Queue](r, "a.example", "7001")
		if d.Title != "区役所" || e.Display != "窓口" || q.Overflow.Time.Text() != "2002" || len(q.Members) != 1 {
			t.Errorf("%+v %+v %+v", d, e, q)
		}
		calls, err4 := r.CDRs("a.example", provisioning.CDRQuery{Extension: "2002"})
		if len(calls) != 1 || calls[0].ID != "c1" || !calls[0].Started.Equal(released) || calls[0].From != "2001" {
			t.Errorf("%+v", calls)
		}
		if changes, err := r.Since(0, 0); err != nil || len(changes) != 5 {
			t.Errorf("%v, %v", changes, err)
		}
		if entries, err := r.Audit("a.example", provisioning.AuditQuery{Action: "call."}); err != nil || len(entries) != 1 || entries[0].Object != "c1" {
			t.Errorf("%v, %v", entries, err)
		}
		return errors.Join(err1, err2, err3, err4)
	})
	if err != nil {
		t.Error(err)
	}
	if rows, err := s.Bindings(t.Context()); err != nil || len(rows) != 1 || string(rows[0].Body) != "binding" {
		t.Errorf("%v, %v", rows, err)
	}
	err = s.Update(t.Context(), system(), func(w provisioning.Writer) error {
		err := w.Delete("a.example", provisioning.KindQueue, "7001", "")
		_, err2 := w.Put("a.example", provisioning.DID{Number: "+81312345678", To: []string{"2001"}}, "")
		return errors.Join(err, err2)
	})
	if err != nil {
		t.Error(err)
	}
	if err := s.Hear(t.Context(), "https://x", "a", time.Now().Add(time.Hour)); err != nil {
		t.Error(err)
	}
	if r, err := audit.Verify(t.Context(), s); err != nil || r.Size != 8 {
		t.Errorf("%v, %v", r, err)
	}
}
