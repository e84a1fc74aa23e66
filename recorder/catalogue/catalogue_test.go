package catalogue

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"naisen/recorder"
)

var began = time.Date(2026, 4, 1, 9, 0, 0, 0, time.UTC)

func open4test(t *testing.T, path string) *Catalogue {
	t.Helper()
	c, err := Open(t.Context(), path, func() time.Time { return began })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func someCase(id string, at time.Time) recorder.Case {
	return recorder.Case{ID: id, Domain: "a.example", Call: "call-" + id, DID: "0312345678", Direction: "inbound", Policy: "always", Started: at,
		Parties: []recorder.Party{{Role: "caller", Number: "0901111" + id, Name: "外線"}, {Role: "called", Number: "2001"}}}
}

func manifest(k recorder.Case) recorder.Manifest {
	return recorder.Manifest{Version: 1, Case: k, Ended: k.Started.Add(time.Minute), DurationMS: 60_000, Why: "bye", AudioBytes: 44,
		SealedBytes: 99, SealedSHA256: "abc", Format: "audio/wav; rate=8000; channels=2", Dropped: 1, Lost: 2}
}

// A row only moves forward, whatever order the stages report in.
func TestStates(t *testing.T) {
	k := someCase("1", began)
	steps := map[string]func(context.Context, *Catalogue) error{
		"begin":    func(ctx context.Context, c *Catalogue) error { return c.Begin(ctx, k) },
		"captured": func(ctx context.Context, c *Catalogue) error { return c.Captured(ctx, manifest(k)) },
		"stored":   func(ctx context.Context, c *Catalogue) error { return c.Stored(ctx, manifest(k)) },
		"fail":     func(ctx context.Context, c *Catalogue) error { return c.Fail(ctx, k, "disk") },
	}
	for _, tc := range []struct {
		order []string
		want  recorder.State
	}{
		{[]string{"begin"}, recorder.Capturing},
		{[]string{"captured", "begin"}, recorder.Captured},
		{[]string{"begin", "captured", "stored", "captured", "begin"}, recorder.Stored},
		{[]string{"stored", "fail"}, recorder.Stored},
		{[]string{"fail"}, recorder.Failed},
		{[]string{"begin", "fail", "captured"}, recorder.Failed},
		{[]string{"fail", "stored"}, recorder.Stored},
	} {
		c := open4test(t, filepath.Join(t.TempDir(), "c.db"))
		for _, s := range tc.order {
			if err := steps[s](t.Context(), c); err != nil {
				t.Fatalf("%v: %s: %v", tc.order, s, err)
			}
		}
		r, err := c.Get(t.Context(), "a.example", "1")
		if err != nil || r.State != tc.want || len(r.Parties) != 2 || r.Parties[0].Name != "外線" {
			t.Errorf("%v: %+v %v, want %s", tc.order, r, err, tc.want)
		}
		if tc.want == recorder.Stored && (r.SealedSHA256 != "abc" || r.Duration != time.Minute || r.Lost != 2 || !r.Ended.Equal(began.Add(time.Minute))) {
			t.Errorf("%v: lost what the manifest said: %+v", tc.order, r)
		}
	}
}

// Beginnings and ends come in one transaction. An end changes the row of that very recording, as long as nothing better is known of it, and neither its state
// nor what it is found by.
func TestGoing(t *testing.T) {
	c := open4test(t, filepath.Join(t.TempDir(), "c.db"))
	over := func(id string, at time.Time) recorder.Manifest {
		return recorder.Manifest{Case: someCase(id, at), Ended: at.Add(90 * time.Second), Why: "bye\x00"}
	}
	if err := c.Going(t.Context(), []recorder.Manifest{{Case: someCase("1", began)}, {Case: someCase("2", began)}, over("1", began), over("2", began.Add(time.Hour)), over("3", began)}); err != nil {
		t.Fatal(err)
	}
	if r := got(t, c, "1"); r.State != recorder.Capturing || !r.Ended.Equal(began.Add(90*time.Second)) || r.Duration != 90*time.Second || r.Why != "bye\uFFFD" {
		t.Errorf("%+v", r)
	}
	if r := got(t, c, "2"); !r.Ended.IsZero() {
		t.Errorf("another recording of that id ended it: %+v", r)
	}
	if _, err := c.Get(t.Context(), "a.example", "3"); !errors.Is(err, recorder.ErrNotFound) {
		t.Errorf("an end made a row: %v", err)
	}
	if found := ids(t, c, Search{Scope: everything, State: recorder.Capturing, Party: "2001"}); found != "2 1" {
		t.Errorf("found: %s", found)
	}
	if err := errors.Join(c.Stored(t.Context(), manifest(someCase("1", began))), c.Going(t.Context(), []recorder.Manifest{over("1", began), {Case: someCase("1", began)}})); err != nil {
		t.Fatal(err)
	}
	if r := got(t, c, "1"); r.State != recorder.Stored || r.Duration != time.Minute {
		t.Errorf("an end came late: %+v", r)
	}
}

// No domain sees, and none can change, another one's rows.
func TestDomains(t *testing.T) {
	c := open4test(t, filepath.Join(t.TempDir(), "c.db"))
	k := someCase("1", began)
	if err := c.Begin(t.Context(), k); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Get(t.Context(), "b.example", "1"); !errors.Is(err, recorder.ErrNotFound) {
		t.Errorf("get: %v", err)
	}
	if rows, err := c.List(t.Context(), Query{Domain: "b.example"}); err != nil || len(rows) != 0 {
		t.Errorf("list: %v %v", rows, err)
	}
	other := k
	other.Domain, other.DID = "b.example", "666"
	if err := c.Captured(t.Context(), manifest(other)); err != nil {
		t.Fatal(err)
	}
	if r, err := c.Get(t.Context(), "a.example", "1"); err != nil || r.Number != "0312345678" || r.State != recorder.Capturing {
		t.Errorf("another domain changed the row: %+v %v", r, err)
	}
}

func TestListFiltersAndCursor(t *testing.T) {
	c := open4test(t, filepath.Join(t.TempDir(), "c.db"))
	for i := range 25 {
		k := someCase(fmt.Sprintf("%02d", i), began.Add(time.Duration(i/2)*time.Minute)) // pairs at the same time
		if i%5 == 0 {
			k.DID = "0399999999"
		}
		if err := c.Captured(t.Context(), manifest(k)); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		q    Query
		want int
	}{{Query{}, 25}, {Query{Number: "0399999999"}, 5}, {Query{Party: "090111107"}, 1}, {Query{Party: "2001"}, 25}, {Query{Party: "nobody"}, 0},
		{Query{From: began.Add(11 * time.Minute)}, 3}, {Query{To: began.Add(time.Minute)}, 2}, {Query{State: recorder.Stored}, 0},
		{Query{Number: "' OR 1=1 --"}, 0}} {
		tc.q.Domain = "a.example"
		rows, err := c.List(t.Context(), tc.q)
		if err != nil || len(rows) != tc.want {
			t.Errorf("%+v: %d rows %v, want %d", tc.q, len(rows), err, tc.want)
		}
	}
	var all []string
	q := Query{Domain: "a.example", Limit: 7}
	for {
		rows, err := c.List(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			all = append(all, r.ID)
		}
		if len(rows) < 7 {
			break
		}
		q.After = CursorOf(rows[len(rows)-1])
	}
	if len(all) != 25 || !slices.IsSortedFunc(all, func(a, b string) int { return -compare(a, b) }) {
		t.Errorf("pages: %v", all)
	}
}

func compare(a, b string) int {
	if a < b {
		return -1
	}
	return 1
}

func TestUnfinishedAndCounts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.db")
	c := open4test(t, path)
	for i := range 12 {
		k := someCase(fmt.Sprintf("%02d", i), began)
		var err error
		switch i % 4 {
		case 0:
			err = c.Begin(t.Context(), k)
		case 1:
			err = c.Captured(t.Context(), manifest(k))
		case 2:
			err = c.Stored(t.Context(), manifest(k))
		case 3:
			err = c.Fail(t.Context(), k, "x")
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	c.Close()
	c = open4test(t, path) // survives a restart
	n := 0
	if err := c.Unfinished(t.Context(), func(r Row) error { n++; return nil }); err != nil || n != 6 {
		t.Errorf("unfinished: %d %v", n, err)
	}
	counts, err := c.Counts(t.Context())
	if err != nil || counts[recorder.Stored] != 3 || counts[recorder.Failed] != 3 {
		t.Errorf("counts: %v %v", counts, err)
	}
	if err := c.Extend(t.Context(), "b.example", "02", began); !errors.Is(err, recorder.ErrNotFound) {
		t.Errorf("extend in another domain: %v", err)
	}
	if err := c.Date(t.Context(), "a.example", "02", began.Add(time.Hour)); err != nil {
		t.Error(err)
	}
	if err := c.Stored(t.Context(), manifest(someCase("02", began))); err != nil {
		t.Fatal(err)
	}
	if r, _ := c.Get(t.Context(), "a.example", "02"); !r.RetainUntil.Equal(began.Add(time.Hour)) {
		t.Errorf("retention was forgotten: %v", r.RetainUntil)
	}
}

// A mark stays whatever the stages report later; what is removed is nowhere but in the list of what is still to be deleted.
func TestMarks(t *testing.T) {
	c := open4test(t, filepath.Join(t.TempDir(), "c.db"))
	for i, policy := range []string{"message", "message", "greeting/busy"} {
		k := someCase(fmt.Sprint(i), began)
		k.Policy = policy
		if err := c.Stored(t.Context(), manifest(k)); err != nil {
			t.Fatal(err)
		}
	}
	tally := func() string {
		all, err := c.Tallies(t.Context(), "message")
		return fmt.Sprint(all, err)
	}
	if got := tally(); got != "[{a.example 0312345678 2 0 2}] <nil>" {
		t.Error(got)
	}
	if err := c.Mark(t.Context(), "a.example", "0", began); err != nil {
		t.Fatal(err)
	}
	k := someCase("0", began)
	k.Policy = "message"
	if err := c.Stored(t.Context(), manifest(k)); err != nil {
		t.Fatal(err)
	}
	if r, err := c.Get(t.Context(), "a.example", "0"); err != nil || !r.Heard.Equal(began) {
		t.Errorf("%v %v", r.Heard, err)
	}
	if got := tally(); got != "[{a.example 0312345678 1 1 2}] <nil>" {
		t.Error(got)
	}
	if err := c.Remove(t.Context(), "a.example", "0"); err != nil {
		t.Fatal(err)
	}
	if err := c.Stored(t.Context(), manifest(k)); err != nil { // a stage that reports late brings nothing back
		t.Fatal(err)
	}
	_, err := c.Get(t.Context(), "a.example", "0")
	for what, err := range map[string]error{"get": err, "mark": c.Mark(t.Context(), "a.example", "0", began), "remove": c.Remove(t.Context(), "a.example", "0"),
		"another domain": c.Remove(t.Context(), "b.example", "1")} {
		if !errors.Is(err, recorder.ErrNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if rows, err := c.List(t.Context(), Query{Domain: "a.example", Policy: "message"}); err != nil || len(rows) != 1 || rows[0].ID != "1" {
		t.Errorf("%+v %v", rows, err)
	}
	if rows, err := c.Removed(t.Context()); err != nil || len(rows) != 1 || rows[0].ID != "0" {
		t.Errorf("%+v %v", rows, err)
	}
	if err := c.Forget(t.Context(), "a.example", "0"); err != nil {
		t.Fatal(err)
	}
	if rows, err := c.Removed(t.Context()); err != nil || len(rows) != 0 {
		t.Errorf("%+v %v", rows, err)
	}
}

// What is not stored yet is held, what failed is not; a number with a failed greeting alone still is a holder.
func TestHeld(t *testing.T) {
	c := open4test(t, filepath.Join(t.TempDir(), "c.db"))
	with := func(id, policy string) recorder.Case {
		k := someCase(id, began)
		k.Policy = policy
		return k
	}
	other := with("4", "greeting/busy")
	other.DID = "0387654321"
	for _, err := range []error{c.Begin(t.Context(), with("1", "message")), c.Captured(t.Context(), manifest(with("2", "message"))),
		c.Fail(t.Context(), with("3", "message"), "damaged"), c.Fail(t.Context(), other, "damaged")} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if all, err := c.Tallies(t.Context(), "message"); fmt.Sprint(all, err) != "[{a.example 0312345678 0 0 2}] <nil>" {
		t.Error(all, err)
	}
	if all, err := c.Holders(t.Context()); fmt.Sprint(all, err) != "[{a.example 0312345678} {a.example 0387654321}] <nil>" {
		t.Error(all, err)
	}
}
