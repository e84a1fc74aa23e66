package storetest

import (
	"fmt"
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

// testDuty: who comes first does what one node does, until another takes it over from the one that it knows to be dead, or it leaves.
func testDuty(t *testing.T, open Open) {
	s := fresh(t, open)
	beat := func(name, over, want string) {
		t.Helper()
		all, duty, err := s.Beat(t.Context(), name, []byte("at "+name), over)
		got := duty + ":"
		for _, n := range all {
			got += fmt.Sprintf(" %s %d %s", n.Name, n.Beat, n.Body)
		}
		if err != nil || got != want {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
	}
	beat("n1", "", "n1: n1 1 at n1")
	beat("n2", "", "n1: n1 1 at n1 n2 1 at n2")
	beat("n2", "n3", "n1: n1 1 at n1 n2 2 at n2")
	beat("n2", "n1", "n2: n1 1 at n1 n2 3 at n2")
	beat("n1", "", "n2: n1 2 at n1 n2 3 at n2")
	if err := s.Leave(t.Context(), "n2"); err != nil {
		t.Fatal(err)
	}
	beat("n1", "", "n1: n1 3 at n1")
	if _, _, err := s.Beat(t.Context(), "", nil, ""); !invalid(err, "node") {
		t.Errorf("a node without a name: %v", err)
	}
}
