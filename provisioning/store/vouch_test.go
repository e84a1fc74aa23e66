package store_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"naisen/provisioning"
	"naisen/provisioning/approval"
	"naisen/provisioning/secret"
	"naisen/provisioning/store"
)

// guarded is a store that vouches, and an intruder at its file.
type guarded struct {
	*store.Store
	t    *testing.T
	dir  string
	mu   sync.Mutex
	told []string
}

const vd = "a.example"

func newGuarded(t *testing.T, dir string) *guarded {
	t.Helper()
	g := &guarded{t: t, dir: dir}
	g.open()
	return g
}

func (g *guarded) open() {
	g.t.Helper()
	keys, err := secret.OpenKeyring(filepath.Join(g.dir, "secrets.key"))
	ok(g.t, err)
	k, err := approval.Open(filepath.Join(g.dir, "keys"))
	ok(g.t, err)
	g.Store, err = store.Open(g.t.Context(), store.Config{Path: filepath.Join(g.dir, "pbx.db"), Sealer: keys, Approver: k, Tampered: func(t store.Tampering) {
		g.mu.Lock()
		defer g.mu.Unlock()
		if s := t.Kind + " " + t.Key + ": " + t.Why; !slices.Contains(g.told, s) {
			g.told = append(g.told, s)
		}
	}})
	ok(g.t, err)
	g.t.Cleanup(func() { _ = g.Store.Close() })
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// sql runs statements as an intruder, with the switch stopped, and starts it anew.
func (g *guarded) sql(statements ...string) {
	g.t.Helper()
	ok(g.t, g.Close())
	db := raw(g.t, filepath.Join(g.dir, "pbx.db"))
	for _, s := range statements {
		_, err := db.ExecContext(g.t.Context(), s)
		ok(g.t, err)
	}
	ok(g.t, db.Close())
	g.told = nil
	g.open()
}

func (g *guarded) put(entities ...provisioning.Entity) {
	g.t.Helper()
	ok(g.t, g.Update(g.t.Context(), system(), func(w provisioning.Writer) error {
		for _, e := range entities {
			if _, err := w.Put(vd, e, ""); err != nil {
				return err
			}
		}
		return nil
	}))
}

// policy is the mode of a policy by its key and in the list; "" where it is none.
func (g *guarded) policy(name string) (mode string) {
	g.t.Helper()
	ok(g.t, g.View(g.t.Context(), func(r provisioning.Reader) error {
		one, _, err := provisioning.Get[provisioning.RecordingPolicy](r, vd, name)
		if err != nil && !errors.Is(err, provisioning.ErrNotFound) {
			return err
		}
		there := err == nil
		all, err := provisioning.List[provisioning.RecordingPolicy](r, vd, "", 0)
		i := slices.IndexFunc(all, func(p provisioning.RecordingPolicy) bool { return p.Name == name })
		switch {
		case err != nil:
			return err
		case there != (i >= 0) || there && all[i].Record != one.Record:
			g.t.Errorf("%s by itself: %t %+v, in the list at %d", name, there, one, i)
		case there:
			mode = string(one.Record)
			if mode == "" {
				mode = "nothing"
			}
		}
		return nil
	}))
	return mode
}

// said tells whether exactly this was noticed.
func (g *guarded) said(kind, key, why string) {
	g.t.Helper()
	all, err := g.Tampered(g.t.Context())
	ok(g.t, err)
	found := slices.ContainsFunc(all, func(t store.Tampering) bool {
		return t.Domain == vd && t.Kind == kind && t.Key == key && strings.Contains(t.Why, why)
	})
	if (why == "") != (len(all) == 0) || why != "" && !found {
		g.t.Errorf("%s %s %q: noticed %v", kind, key, why, all)
	}
}

func seeded(t *testing.T) *guarded {
	g := newGuarded(t, t.TempDir())
	g.put(provisioning.Domain{Name: vd}, provisioning.RecordingPolicy{Name: "year", Record: provisioning.RecordAlways, RetentionDays: 365}, provisioning.Trunk{Name: "carrier", Host: "sip.example.net"},
		provisioning.User{Name: "staff", Roles: []provisioning.Role{provisioning.RoleStaff}}, provisioning.User{Name: "boss", Roles: []provisioning.Role{provisioning.RoleAdmin}},
		provisioning.Department{Name: "bureau"}, provisioning.Department{Name: "tax", Parent: "bureau"}, provisioning.Department{Name: "care"},
		provisioning.Duties{Apart: []provisioning.RolePair{{A: provisioning.RoleListener, B: provisioning.RoleManager}}}, provisioning.Extension{Number: "2001"}, provisioning.DID{Number: "+81312345678", To: []string{"2001"}, Policy: "year"})
	g.said("", "", "")
	return g
}

// Whoever reaches only the database changes nothing that others must agree to.
func TestDatabaseIsEdited(t *testing.T) {
	where := func(kind, key string) string { return fmt.Sprintf(" WHERE kind = '%s' AND key = '%s'", kind, key) }
	off := `UPDATE %s SET body = replace(body, '"always"', '""')` + where("policy", "year")
	for name, c := range map[string]struct {
		do             []string
		kind, key, why string
		mode           string
	}{
		"a policy":                   {[]string{fmt.Sprintf(off, "entity")}, "policy", "year", "stays in force", "always"},
		"its version too":            {[]string{fmt.Sprintf(off, "entity"), "UPDATE entity SET version = version + 100" + where("policy", "year")}, "policy", "year", "stays in force", "always"},
		"removed":                    {[]string{"DELETE FROM ref WHERE to_kind = 'policy'", "DELETE FROM entity" + where("policy", "year")}, "policy", "year", "stays in force", "always"},
		"what is approved":           {[]string{fmt.Sprintf(off, "entity"), fmt.Sprintf(off, "vouched")}, "policy", "year", "does not verify", ""},
		"the approval removed":       {[]string{fmt.Sprintf(off, "entity"), "DELETE FROM vouched" + where("policy", "year")}, "policy", "year", "approval was removed", ""},
		"the list removed":           {[]string{"DELETE FROM vouched_list WHERE kind = 'policy'"}, "policy", "", "older than it was", "always"},
		"the list emptied":           {[]string{"UPDATE vouched_list SET versions = '{}' WHERE kind = 'policy'"}, "policy", "", "does not verify", "always"},
		"a new one":                  {[]string{`INSERT INTO entity SELECT domain, kind, 'own', replace(body, '"year"', '"own"'), version FROM entity` + where("policy", "year")}, "policy", "own", "never approved", "always"},
		"somebody else's":            {[]string{`INSERT INTO vouched SELECT domain, kind, 'own', body, version, mac FROM vouched` + where("policy", "year")}, "policy", "own", "does not verify", "always"},
		"roles":                      {[]string{`UPDATE entity SET body = replace(body, '"staff"]', '"admin"]')` + where("user", "staff")}, "user", "staff", "never approved", "always"},
		"a number's policy":          {[]string{`UPDATE entity SET body = replace(body, ',"policy":"year"', '')` + where("did", "+81312345678")}, "did", "+81312345678", "stays in force", "always"},
		"a trunk":                    {[]string{`UPDATE entity SET body = replace(body, 'sip.example', 'evil.example')` + where("trunk", "carrier")}, "trunk", "carrier", "stays in force", "always"},
		"a proposal made up":         {[]string{`INSERT INTO entity VALUES ('` + vd + `', 'proposal', 'policy:year', '{"id":"policy:year","kind":"policy","key":"year","people":1,"by":"x@a.example","changes":[],"agreed":[],"loosens":[]}', 7)`}, "proposal", "policy:year", "never approved", "always"},
		"a set that was planned":     {[]string{`INSERT INTO entity VALUES ('` + vd + `', 'change', 's1', '{"id":"s1","state":"scheduled"}', 7)`}, "change", "s1", "never approved", "always"},
		"a role over a department":   {[]string{`UPDATE entity SET body = replace(body, '"disabled":false', '"disabled":false,"delegated":[{"role":"admin","department":"tax"}]')` + where("user", "staff")}, "user", "staff", "never approved", "always"},
		"a department below another": {[]string{`UPDATE entity SET body = replace(body, '"numbers":[]', '"numbers":[],"parent":"tax"')` + where("department", "care")}, "department", "care", "never approved", "always"},
		"a department elsewhere":     {[]string{`UPDATE entity SET body = replace(body, '"bureau"', '"care"')` + where("department", "tax")}, "department", "tax", "stays in force", "always"},
		"duties":                     {[]string{`UPDATE entity SET body = replace(body, '"recording-manager"', '"staff"')` + where("duties", "rules")}, "duties", "rules", "stays in force", "always"},
		"what cannot be read":        {[]string{"UPDATE entity SET body = 'x'" + where("policy", "year")}, "policy", "year", "stays in force", "always"},
	} {
		t.Run(name, func(t *testing.T) {
			g := seeded(t)
			g.sql(c.do...)
			if got := g.policy("year"); got != c.mode {
				t.Errorf("records %q, want %q", got, c.mode)
			}
			g.said(c.kind, c.key, c.why)
			if own := g.policy("own"); own != "" {
				t.Errorf("a policy that nobody approved records %q", own)
			}
			ok(t, g.View(t.Context(), func(r provisioning.Reader) error {
				if u, _, err := provisioning.Get[provisioning.User](r, vd, "staff"); err == nil && slices.Contains(u.Roles, provisioning.RoleAdmin) {
					t.Errorf("%+v has a right", u)
				}
				if u, _, err := provisioning.Get[provisioning.User](r, vd, "staff"); err == nil && len(u.Delegated) > 0 {
					t.Errorf("%+v has a right over a department", u)
				}
				if d, _, err := provisioning.Get[provisioning.Department](r, vd, "care"); err == nil && d.Parent != "" {
					t.Errorf("%+v", d)
				}
				if d, _, err := provisioning.Get[provisioning.Department](r, vd, "tax"); err != nil || d.Parent != "bureau" {
					t.Errorf("%+v %v", d, err)
				}
				if d, _, err := provisioning.Get[provisioning.Duties](r, vd, provisioning.Duties{}.Key()); err != nil || d.Apart[0].B != provisioning.RoleManager {
					t.Errorf("%+v %v", d, err)
				}
				if tr, _, err := provisioning.Get[provisioning.Trunk](r, vd, "carrier"); err != nil || tr.Host != "sip.example.net" {
					t.Errorf("%+v %v", tr, err)
				}
				if d, _, err := provisioning.Get[provisioning.DID](r, vd, "+81312345678"); err != nil || d.Policy != "year" {
					t.Errorf("%+v %v", d, err)
				}
				return nil
			}))
		})
	}
}

// A row that is put back to what was approved once is noticed, and so is the whole list.
func TestRowIsRolledBack(t *testing.T) {
	g := seeded(t)
	keep := []string{"CREATE TABLE old_entity AS SELECT * FROM entity", "CREATE TABLE old_vouched AS SELECT * FROM vouched", "CREATE TABLE old_list AS SELECT * FROM vouched_list"}
	g.sql(keep...)
	g.put(provisioning.RecordingPolicy{Name: "year", Record: provisioning.RecordAlways, RetentionDays: 1000}, provisioning.RecordingPolicy{Name: "gone"})
	ok(t, g.Update(t.Context(), system(), func(w provisioning.Writer) error { return w.Delete(vd, "policy", "gone", "") }))
	back := func(table, old, where string) string {
		return fmt.Sprintf("INSERT OR REPLACE INTO %s SELECT * FROM %s WHERE %s", table, old, where)
	}
	g.sql(back("entity", "old_entity", "kind = 'policy'"), back("vouched", "old_vouched", "kind = 'policy'"))
	g.said("policy", "year", "older version")
	g.sql(back("vouched_list", "old_list", "kind = 'policy'"))
	g.said("policy", "", "older than it was")
	g.put(provisioning.RecordingPolicy{Name: "year", Record: provisioning.RecordAlways, RetentionDays: 2000})
	g.said("", "", "") // made anew by who may
}

// A policy that was deleted does not come back by its old approval.
func TestDeletedComesBack(t *testing.T) {
	g := seeded(t)
	g.put(provisioning.RecordingPolicy{Name: "gone", Record: provisioning.RecordOnDemand})
	g.sql("CREATE TABLE old_entity AS SELECT * FROM entity", "CREATE TABLE old_vouched AS SELECT * FROM vouched")
	ok(t, g.Update(t.Context(), system(), func(w provisioning.Writer) error { return w.Delete(vd, "policy", "gone", "") }))
	g.sql("INSERT INTO entity SELECT * FROM old_entity WHERE key = 'gone'", "INSERT INTO vouched SELECT * FROM old_vouched WHERE key = 'gone'")
	if got := g.policy("gone"); got != "" {
		t.Errorf("it records %q", got)
	}
	g.said("policy", "gone", "put back")
}

// A database from before there was a key is vouched for once, as it is, and that is logged; never again, whatever is removed from it.
func TestVouchedForOnce(t *testing.T) {
	dir := t.TempDir()
	s, _ := simple(t, dir)
	seed(t, s, 1)
	ok(t, s.Update(t.Context(), system(), func(w provisioning.Writer) error {
		_, err := w.Put(vd, provisioning.RecordingPolicy{Name: "year", Record: provisioning.RecordAlways}, "")
		return err
	}))
	ok(t, s.Close())
	g := newGuarded(t, dir)
	g.said("", "", "")
	if got := g.policy("year"); got != "always" {
		t.Errorf("%q", got)
	}
	begun := func() int {
		var n int
		ok(t, g.View(t.Context(), func(r provisioning.Reader) error {
			all, err := r.Audit("", provisioning.AuditQuery{Action: "approval.begun"})
			n = len(all)
			return err
		}))
		return n
	}
	if n := begun(); n != 1 {
		t.Errorf("logged %d times", n)
	}
	g.sql("DELETE FROM vouched", "DELETE FROM vouched_list", `UPDATE entity SET body = replace(body, '"always"', '""') WHERE kind = 'policy'`)
	if got := g.policy("year"); got != "" {
		t.Errorf("an edited row was vouched for: %q", got)
	}
	if n := begun(); n != 1 {
		t.Errorf("logged %d times", n)
	}
}

// Pages are as full as if there were nothing that does not count.
func TestPagesOfVouched(t *testing.T) {
	g := seeded(t)
	for i := range 6 {
		g.put(provisioning.RecordingPolicy{Name: fmt.Sprint("p", i)})
	}
	g.sql("DELETE FROM vouched WHERE key IN ('p1', 'p2')", "DELETE FROM entity WHERE key = 'p4'")
	var got []string
	ok(t, g.View(t.Context(), func(r provisioning.Reader) error {
		for after := ""; ; {
			rows, err := r.Rows(vd, "policy", after, 2)
			if err != nil {
				return err
			}
			for _, row := range rows {
				got = append(got, row.Key)
			}
			if len(rows) < 2 {
				return nil
			}
			after = rows[1].Key
		}
	}))
	if want := []string{"p0", "p3", "p4", "p5", "year"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// The file of a switch is checked without its secrets, and nothing is written.
func TestTamperedFile(t *testing.T) {
	g := seeded(t)
	g.sql(`UPDATE entity SET body = replace(body, 'sip.example', 'evil.example') WHERE kind = 'trunk'`)
	log, err := store.OpenLog(t.Context(), filepath.Join(g.dir, "pbx.db"))
	ok(t, err)
	defer log.Close()
	k, err := approval.Open(filepath.Join(g.dir, "keys"))
	ok(t, err)
	found, err := log.Tampered(context.Background(), k)
	if err != nil || len(found) != 1 || found[0].Key != "carrier" {
		t.Errorf("%v %v", found, err)
	}
}
