package storetest

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"naisen/provisioning"
)

// model is the store as a plain map: the oracle of the random histories.
type model struct {
	domain  string
	rows    map[string]provisioning.Entity // "kind/key"
	tags    map[string]string
	changes []string
}

func (m *model) clone() *model {
	return &model{domain: m.domain, rows: maps.Clone(m.rows), tags: maps.Clone(m.tags), changes: slices.Clone(m.changes)}
}

func id(e provisioning.Entity) string { return e.Kind() + "/" + e.Key() }

func (m *model) put(e provisioning.Entity, match string) error {
	old, exists := m.rows[id(e)]
	if err := m.match(id(e), match); err != nil {
		return err
	}
	if exists && fmt.Sprint(old) == fmt.Sprint(e) {
		return nil
	}
	for _, ref := range e.Refs() {
		if _, ok := m.rows[ref.Kind+"/"+ref.Key]; !ok {
			return &provisioning.Invalid{Field: ref.Field}
		}
	}
	m.rows[id(e)] = e
	m.changes = append(m.changes, "put "+id(e))
	return nil
}

func (m *model) match(id, match string) error {
	tag, exists := m.tags[id]
	switch {
	case match == "":
		return nil
	case match == "!" && exists:
		return provisioning.ErrExists
	case match != "!" && (!exists || match != "*" && match != tag):
		return provisioning.ErrStale
	}
	return nil
}

func (m *model) delete(kind, key, match string) error {
	if _, ok := m.rows[kind+"/"+key]; !ok {
		return provisioning.ErrNotFound
	}
	if err := m.match(kind+"/"+key, match); err != nil {
		return err
	}
	for _, e := range m.rows {
		for _, ref := range e.Refs() {
			if ref.Kind == kind && ref.Key == key {
				return provisioning.ErrInUse
			}
		}
	}
	delete(m.rows, kind+"/"+key)
	delete(m.tags, kind+"/"+key)
	m.changes = append(m.changes, "delete "+kind+"/"+key)
	return nil
}

func entity(t *rapid.T) provisioning.Entity {
	ext := rapid.SampledFrom([]string{"2001", "2002", "2003"})
	name := rapid.SampledFrom([]string{"", "p1", "p2"})
	display := rapid.SampledFrom([]string{"", "x", "y"}).Draw(t, "display")
	switch rapid.SampledFrom([]string{"extension", "did", "policy"}).Draw(t, "kind") {
	case "extension":
		return provisioning.Extension{Number: ext.Draw(t, "number"), Display: display, Record: name.Draw(t, "policy")}
	case "did":
		to := rapid.SliceOfNDistinct(ext, 1, 3, rapid.ID[string]).Draw(t, "to")
		return provisioning.DID{Number: "+8131111000" + rapid.SampledFrom([]string{"1", "2"}).Draw(t, "did"), Title: display, To: to, Policy: name.Draw(t, "policy")}
	default:
		return provisioning.RecordingPolicy{Name: rapid.SampledFrom([]string{"p1", "p2"}).Draw(t, "name"), Record: map[string]provisioning.RecordMode{"x": provisioning.RecordAlways}[display]}
	}
}

// testRandomHistories: random transactions, some of them given up, against the model; then state, feed and audit must agree with it.
func testRandomHistories(t *testing.T, open Open) {
	s := fresh(t, open)
	histories := 0
	rapid.Check(t, func(rt *rapid.T) {
		histories++
		m := &model{domain: fmt.Sprintf("h%d.example", histories), rows: map[string]provisioning.Entity{}, tags: map[string]string{}}
		update(t, s, system(), func(w provisioning.Writer) error {
			_, err := w.Put(m.domain, provisioning.Domain{Name: m.domain}, "!")
			return err
		})
		start, audited := version(t, s), auditSize(t, s)
		for range rapid.IntRange(1, 12).Draw(rt, "transactions") {
			next := m.clone()
			giveUp := rapid.Bool().Draw(rt, "give up")
			err := s.Update(t.Context(), admin(m.domain), func(w provisioning.Writer) error {
				for range rapid.IntRange(1, 4).Draw(rt, "steps") {
					step(rt, w, next)
				}
				if giveUp {
					return errStop
				}
				return nil
			})
			if giveUp != errors.Is(err, errStop) {
				rt.Fatalf("update: %v", err)
			}
			if !giveUp {
				m = next
			}
		}
		agree(rt, t, s, m, start)
		if n := auditSize(t, s); n != audited+int64(len(m.changes)) {
			rt.Errorf("%d audit entries for %d changes", n-audited, len(m.changes))
		}
	})
	verified(t, s)
}

func step(rt *rapid.T, w provisioning.Writer, m *model) {
	e := entity(rt)
	match := rapid.SampledFrom([]string{"", "", "*", "!", "0", "current"}).Draw(rt, "match")
	if match == "current" {
		match = m.tags[id(e)]
	}
	if rapid.IntRange(0, 3).Draw(rt, "delete") == 0 {
		same(rt, "delete "+id(e)+" "+match, w.Delete(m.domain, e.Kind(), e.Key(), match), m.delete(e.Kind(), e.Key(), match))
		return
	}
	tag, err := w.Put(m.domain, e, match)
	same(rt, fmt.Sprintf("put %+v %s", e, match), err, m.put(e, match))
	if err == nil {
		m.tags[id(e)] = tag
	}
}

func same(rt *rapid.T, what string, got, want error) {
	var i, j *provisioning.Invalid
	if errors.As(want, &j) && errors.As(got, &i) && i.Field == j.Field {
		return
	}
	if !errors.Is(got, want) || (want == nil) != (got == nil) {
		rt.Fatalf("%s: %v, the model says %v", what, got, want)
	}
}

func agree(rt *rapid.T, t *testing.T, s Backend, m *model, start provisioning.Version) {
	view(t, s, func(r provisioning.Reader) error {
		n := 0
		for _, kind := range []string{"extension", "did", "policy"} {
			rows, err := r.Rows(m.domain, kind, "", 0)
			if err != nil {
				return err
			}
			n += len(rows)
			for _, row := range rows {
				want, err := provisioning.Encode(m.rows[kind+"/"+row.Key])
				if err != nil || string(want) != string(row.Body) || row.ETag != m.tags[kind+"/"+row.Key] {
					rt.Errorf("%s %s is %s, want %s (%v)", kind, row.Key, row.Body, want, err)
				}
			}
		}
		if n != len(m.rows) {
			rt.Errorf("%d entities, want %d", n, len(m.rows))
		}
		changes, err := r.Since(start, 0)
		if err != nil {
			return err
		}
		var got []string
		for _, c := range changes {
			got = append(got, map[bool]string{true: "delete ", false: "put "}[c.Deleted]+c.Kind+"/"+c.Key)
		}
		if !slices.Equal(got, m.changes) {
			rt.Errorf("feed %v, want %v", got, m.changes)
		}
		return nil
	})
}
