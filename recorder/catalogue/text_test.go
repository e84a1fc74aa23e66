package catalogue

import (
	"errors"
	"path/filepath"
	"testing"

	"naisen/recorder"
)

// A name or a query that SQL text cannot hold is neither an error of the database nor a recording that never gets its row.
func TestStrangeTexts(t *testing.T) {
	c := open4test(t, filepath.Join(t.TempDir(), "c.db"))
	k := someCase("1", began)
	k.DID, k.Call = "03\x001", "c\xff"
	k.Parties[0] = recorder.Party{Role: "caller", Number: "'); DROP TABLE recordings; --\x00", Name: "a\x00b\xfe?"}
	if err := c.Begin(t.Context(), k); err != nil {
		t.Fatal(err)
	}
	if err := c.Stored(t.Context(), manifest(k)); err != nil {
		t.Fatal(err)
	}
	r, err := c.Get(t.Context(), "a.example", "1")
	if err != nil || r.State != recorder.Stored || r.Number != "03\uFFFD1" || r.Parties[0].Name != "a\uFFFDb\uFFFD?" || k.Parties[0].Name != "a\x00b\xfe?" {
		t.Errorf("%+v %v", r, err)
	}
	for _, id := range []string{"1\x00", "\x00", "1\xff", "1' OR '1'='1", "?"} {
		if _, err := c.Get(t.Context(), "a.example", id); !errors.Is(err, recorder.ErrNotFound) {
			t.Errorf("get %q: %v", id, err)
		}
		if _, err := c.Get(t.Context(), id, "1"); !errors.Is(err, recorder.ErrNotFound) {
			t.Errorf("get of domain %q: %v", id, err)
		}
		for _, q := range []Query{{Domain: id}, {Number: id}, {Party: id}, {State: recorder.State(id)}, {After: Cursor{1, id}}} {
			if q.Domain == "" {
				q.Domain = "a.example"
			}
			if rows, err := c.List(t.Context(), q); err != nil || len(rows) != 0 {
				t.Errorf("%+v: %v %v", q, rows, err)
			}
		}
	}
}
