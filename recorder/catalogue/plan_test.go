package catalogue

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/uptrace/bun"

	"naisen/recorder"
)

// asked notes the statements that a catalogue sends.
type asked struct{ list []string }

func (a *asked) BeforeQuery(ctx context.Context, _ *bun.QueryEvent) context.Context { return ctx }
func (a *asked) AfterQuery(_ context.Context, e *bun.QueryEvent)                    { a.list = append(a.list, e.Query) }

// plan is how SQLite does a statement, a step in a line.
func plan(t *testing.T, c *Catalogue, query string) (out []string) {
	t.Helper()
	rows, err := c.read.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	for rows.Next() {
		var a, b, n int
		var text string
		if err := rows.Scan(&a, &b, &n, &text); err != nil {
			t.Fatal(err)
		}
		out = append(out, text)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// What people ask and what is asked again and again while the switch runs reads by an index of few rows: no plan reads a million from end to end, and none
// sorts but what few rows are in.
func TestPlans(t *testing.T) {
	c := openSearch(t)
	seen := &asked{}
	c.read = c.read.WithQueryHook(seen)
	ctx, late := t.Context(), began.Add(time.Hour)
	due := Due{Domain: "a.example", From: began, To: late}
	for name, x := range map[string]struct {
		ask  func() error
		want []string // beginnings of the steps
	}{
		"search": {func() error {
			_, _, err := c.Search(ctx, Search{Domain: "a.example", Scope: everything, Party: "2001", From: began, To: late})
			return err
		}, []string{"SCAN t VIRTUAL TABLE INDEX", "SEARCH r USING INDEX recordings_place"}},
		"get":        {func() error { _, err := c.Get(ctx, "a.example", "1"); return ignoreMissing(err) }, []string{"SEARCH r USING INDEX sqlite_autoindex_recordings_1 (id=?)"}},
		"a day":      {func() error { _, err := c.List(ctx, Query{Domain: "a.example", From: began, To: late}); return err }, []string{"SEARCH r USING INDEX recordings_time (domain=? AND started>? AND started<?)"}},
		"a number's": {func() error { _, err := c.List(ctx, Query{Domain: "a.example", Number: "1", Policy: "x"}); return err }, []string{"SEARCH r USING INDEX recordings_number (domain=? AND number=?)"}},
		"unfinished": {func() error { return c.Unfinished(ctx, func(Row) error { return nil }) }, []string{"SEARCH r USING INDEX recordings_unfinished (id>?)"}},
		"removed":    {func() error { _, err := c.Removed(ctx); return err }, []string{"SCAN r USING INDEX recordings_removed", "USE TEMP B-TREE FOR ORDER BY"}},
		"destroying": {func() error { _, err := c.Destroying(ctx, ""); return err }, []string{"SEARCH r USING INDEX recordings_removed (id>?)"}},
		"to destroy": {func() error { _, err := c.ToDestroy(ctx, late, ""); return err }, []string{"SEARCH r USING INDEX recordings_approved (retain_until>? AND retain_until<?)", "USE TEMP B-TREE FOR ORDER BY"}},
		"first due":  {func() error { _, err := c.FirstDue(ctx, "a.example"); return err }, []string{"SEARCH recordings USING INDEX recordings_due_in (domain=? AND retain_until>?)"}},
		"due":        {func() error { _, err := c.Due(ctx, due); return err }, []string{"SEARCH r USING INDEX recordings_due_in (domain=? AND retain_until>? AND retain_until<?)"}},
		"overdue":    {func() error { _, err := c.Overdue(ctx, late); return err }, []string{"SEARCH recordings USING INDEX recordings_due (retain_until>? AND retain_until<?)"}},
		"known":      {func() error { _, err := c.Known(ctx, "a.example", "x"); return err }, []string{"SEARCH recordings USING INDEX sqlite_autoindex_recordings_1 (id=?)"}},
		"keys":       {func() error { _, err := c.Epochs(ctx); return err }, []string{"SCAN recordings USING COVERING INDEX recordings_epoch"}},
		"unwritten":  {func() error { _, err := c.Unwritten(ctx, ""); return err }, []string{"SEARCH r USING INDEX recordings_unwritten (id>?)"}},
		"older keys": {func() error { _, err := c.Below(ctx, "a.example", 3, ""); return err }, []string{"SEARCH r USING INDEX sqlite_autoindex_recordings_1 (id>?)"}},
	} {
		seen.list = nil
		if err := x.ask(); err != nil || len(seen.list) == 0 {
			t.Errorf("%s: %v, %d statements", name, err, len(seen.list))
			continue
		}
		if name == "keys" {
			if got := plan(t, c, seen.list[1]); !slices.EqualFunc(got, []string{"SCAN recordings USING INDEX recordings_unwritten", "USE TEMP B-TREE FOR GROUP BY"}, strings.HasPrefix) {
				t.Errorf("%s, of what lies beside: %q", name, got)
			}
		}
		got := plan(t, c, seen.list[0])
		if !slices.EqualFunc(got, x.want, strings.HasPrefix) {
			t.Errorf("%s: %q, want %q: %s", name, got, x.want, seen.list[0])
		}
	}
}

// Rows whose letters are in another order than was asked are looked at some hundreds a page: what is behind them is found by going on.
func TestSearchIsBounded(t *testing.T) {
	c := openSearch(t)
	var all []recorder.Manifest
	for i := range maxLooked + 200 {
		k := recorder.Case{ID: fmt.Sprintf("r%04d", i), Domain: "a.example", DID: "0311111111", Started: began.Add(time.Duration(i) * time.Second), Parties: []recorder.Party{{Name: "かいか かき"}}}
		if i == 7 {
			k.Parties[0].Name = "いかき"
		}
		all = append(all, manifest(k))
	}
	if err := c.StoredAll(t.Context(), all); err != nil {
		t.Fatal(err)
	}
	rows, next, err := c.Search(t.Context(), Search{Domain: "a.example", Scope: everything, Name: "いかき"})
	if err != nil || len(rows) != 0 || next == 0 {
		t.Fatalf("%d rows, next %d: %v", len(rows), next, err)
	}
	rows, next, err = c.Search(t.Context(), Search{Domain: "a.example", Scope: everything, Name: "いかき", After: next})
	if err != nil || len(rows) != 1 || rows[0].ID != "r0007" || next != 0 {
		t.Errorf("%d rows, next %d: %v", len(rows), next, err)
	}
	long := testWords().match(Search{Domain: "a.example", Scope: everything, Label: recorder.Public, Name: strings.Repeat("かきくけこさしすせそ", 8)})
	if n := strings.Count(long, " AND ") + 1; n != maxWanted {
		t.Errorf("%d pairs of letters are asked of the index", n)
	}
	wide := recorder.Scope{}
	for i := range 50 {
		wide.Numbers = append(wide.Numbers, fmt.Sprint(i))
	}
	long = testWords().match(Search{Domain: "a.example", Scope: wide, Name: strings.Repeat("かきくけこさしすせそ", 8)})
	if n := strings.Count(long, " AND ") + strings.Count(long, " OR ") + 1; n != maxTerms {
		t.Errorf("%d words are asked of the index", n)
	}
}
