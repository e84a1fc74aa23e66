package catalogue

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"naisen/recorder"
)

// segments of the index: a search looks up each word in each of them.
func segments(t *testing.T, c *Catalogue) (n int) {
	t.Helper()
	if err := c.read.QueryRowContext(t.Context(), "SELECT COUNT(DISTINCT segid) FROM recording_terms_idx").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// Recordings that come one by one make a segment each, of which FTS5 leaves a dozen and more: Tidy leaves few, whether it comes often or late, and what was
// found is found, what was changed as it is now, what is gone not at all.
func TestTidy(t *testing.T) {
	c := openSearch(t)
	most := 0
	add := func(from, to int) {
		for i := from; i < to; i++ {
			k := recorder.Case{ID: fmt.Sprintf("r%04d", i), Domain: "a.example", DID: fmt.Sprint("03", i%7), Started: began.Add(time.Duration(i) * time.Second), Parties: []recorder.Party{{Number: fmt.Sprint(i)}}}
			if err := c.Begin(t.Context(), k); err != nil {
				t.Fatal(err)
			}
			most = max(most, segments(t, c))
		}
	}
	few := func(when string, n int) {
		t.Helper()
		if _, err := c.Tidy(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := segments(t, c); got > n {
			t.Errorf("%s: %d segments", when, got)
		}
		if steps, err := c.Tidy(t.Context()); steps != 0 || err != nil {
			t.Errorf("%s: there is more to do, %d steps: %v", when, steps, err)
		}
	}
	add(0, 200)
	if most < 12 {
		t.Fatalf("at most %d segments: FTS5 keeps them few by itself, and Tidy is not needed", most)
	}
	few("late", 2)
	for i := 200; i < 260; i += 3 {
		add(i, i+3)
		few("often", 2)
	}
	if _, err := c.AddNote(t.Context(), "a.example", "r0100", "taro", "苦情"); err != nil {
		t.Fatal(err)
	}
	if err := c.Remove(t.Context(), "a.example", "r0007"); err != nil {
		t.Fatal(err)
	}
	few("after a change", 2)
	for name, x := range map[string]struct {
		s    Search
		want string
	}{
		"old":     {Search{Party: "3"}, "r0003"},
		"late":    {Search{Party: "259"}, "r0259"},
		"changed": {Search{Note: "苦情"}, "r0100"},
		"gone":    {Search{Party: "7"}, ""},
		"many":    {Search{Number: "036", To: began.Add(20 * time.Second)}, "r0013 r0006"},
	} {
		x.s.Scope = everything
		if got := ids(t, c, x.s); got != x.want {
			t.Errorf("%s: %q, want %q", name, got, x.want)
		}
	}
}

// It ends when it is told to, also while it rests.
func TestTidyEnds(t *testing.T) {
	c := openSearch(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Tidy(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
