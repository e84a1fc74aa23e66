package storetest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
)

// testNodes: a telephone is reached by the node at which it was last, whoever writes last, and a node deletes what is its own or older.
func testNodes(t *testing.T, open Open) {
	s := fresh(t, open)
	now := time.Now().Truncate(time.Microsecond)
	row := func(node, body string, after time.Duration) provisioning.BindingRow {
		b := provisioning.BindingRow{AOR: "2001@a", Key: "k", Node: node, At: now.Add(after), Expires: now.Add(time.Hour)}
		if body != "" {
			b.Body = []byte(body)
		}
		return b
	}
	for i, step := range []struct {
		row  provisioning.BindingRow
		want string
	}{
		{row("n1", "one", 0), "n1 one"},
		{row("n2", "two", time.Second), "n2 two"},
		{row("n1", "late", 0), "n2 two"}, // n1 was away, and writes now what it had
		{row("n1", "", 0), "n2 two"},     // and what it had has expired there
		{row("n2", "back", -time.Minute), "n2 back"},
		{row("n1", "", time.Minute), ""}, // the telephone ends it where it is now
		{row("n2", "again", 0), "n2 again"},
		{row("n2", "", -time.Minute), ""},
	} {
		if err := s.SaveBindings(t.Context(), []provisioning.BindingRow{step.row, {AOR: fmt.Sprint(i, "@b"), Key: "k", Body: []byte("x"), Expires: now.Add(time.Hour)}}); err != nil {
			t.Fatal(err)
		}
		rows, err := s.Bindings(t.Context(), "2001@a", "none@a", "2001@a")
		got := ""
		for _, r := range rows {
			got += r.Node + " " + string(r.Body)
		}
		if err != nil || got != step.want {
			t.Errorf("step %d: %q, %v, want %q", i, got, err, step.want)
		}
		if all, err := s.Bindings(t.Context()); err != nil || len(all) != i+1+len(rows) {
			t.Errorf("step %d: %d in all, %v", i, len(all), err)
		}
	}
}

// testLeases: who comes first has what one node does, until another takes it from the one that it knows to be dead, or it is given up. Each change of hands
// counts one up, also over a time in which nobody had it.
func testLeases(t *testing.T, open Open) {
	s := fresh(t, open)
	said := func(leases []provisioning.Lease) (got string) {
		for _, l := range leases {
			got += fmt.Sprintf(" %s:%s:%d", l.Name, l.Node, l.Turn)
		}
		return got
	}
	beat := func(name, want string) {
		t.Helper()
		all, leases, err := s.Beat(t.Context(), name, []byte("at "+name))
		got := ""
		for _, n := range all {
			got += fmt.Sprintf("%s %d %s,", n.Name, n.Beat, n.Body)
		}
		if got += said(leases); err != nil || got != want {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
	}
	take := func(node, over, want string, names ...string) {
		t.Helper()
		var dead []string
		if over != "" {
			dead = strings.Fields(over)
		}
		leases, err := s.Take(t.Context(), node, dead, names...)
		if got := said(leases); err != nil || got != want {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
	}
	beat("n1", "n1 1 at n1,")
	take("n1", "", " jobs:n1:1", "jobs")
	take("n1", "n1", " jobs:n1:1", "jobs") // its own is no change of hands
	take("n2", "", " jobs:n1:1 q:n2:1", "q", "jobs", "q")
	take("n2", "n3", " jobs:n1:1", "jobs")
	beat("n2", "n1 1 at n1,n2 1 at n2, jobs:n1:1 q:n2:1")
	take("n2", "n3 n1", " jobs:n2:2", "jobs")
	take("n1", "", " jobs:n2:2", "jobs")
	for _, err := range []error{s.Drop(t.Context(), "n1", "jobs"), s.Drop(t.Context(), "n2", "q"), s.Drop(t.Context(), "n2")} {
		if err != nil {
			t.Error(err)
		}
	}
	beat("n1", "n1 2 at n1,n2 1 at n2, jobs:n2:2 q::1")
	if err := s.Leave(t.Context(), "n2"); err != nil {
		t.Error(err)
	}
	beat("n1", "n1 3 at n1, jobs::2 q::1")
	take("n1", "", " jobs:n1:3 q:n1:2", "q", "jobs")
	marks := func(l provisioning.Lease, want error) {
		t.Helper()
		if err := s.Mark(t.Context(), l); !errors.Is(err, want) {
			t.Errorf("%+v: %v, want %v", l, err, want)
		}
	}
	marks(provisioning.Lease{Name: "q", Node: "n1", Turn: 2, Mark: 77}, nil)
	take("n2", "n1", " q:n2:3", "q") // n1 hangs, and goes on as if nothing had been
	marks(provisioning.Lease{Name: "q", Node: "n1", Turn: 2, Mark: 99}, provisioning.ErrNotHeld)
	take("n1", "n2", " q:n1:4", "q") // and has it again, but not what it was doing
	marks(provisioning.Lease{Name: "q", Node: "n1", Turn: 2, Mark: 99}, provisioning.ErrNotHeld)
	if leases, err := s.Take(t.Context(), "n1", nil, "q"); err != nil || leases[0].Mark != 77 {
		t.Errorf("%v, %v", leases, err)
	}
	_, _, err := s.Beat(t.Context(), "", nil)
	if !invalid(err, "node") {
		t.Errorf("a node without a name: %v", err)
	}
	for _, names := range [][]string{nil, {""}, {"a\x00"}, make([]string, 1001)} {
		if _, err := s.Take(t.Context(), "n1", nil, names...); !invalid(err, "lease") {
			t.Errorf("%d names: %v", len(names), err)
		}
	}
}
