package nodes

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"naisen/provisioning"
)

// table is the shared one, which can be away.
type table struct {
	away   error
	rows   map[string]*provisioning.NodeRow
	leases map[string]*provisioning.Lease
}

func (t *table) Beat(_ context.Context, name string, body []byte) (all []provisioning.NodeRow, leases []provisioning.Lease, err error) {
	if t.away != nil {
		return nil, nil, t.away
	}
	r := t.rows[name]
	if r == nil {
		r = &provisioning.NodeRow{Name: name}
		t.rows[name] = r
	}
	r.Beat, r.Body = r.Beat+1, body
	for _, r := range t.rows {
		all = append(all, *r)
	}
	for _, l := range t.leases {
		leases = append(leases, *l)
	}
	return all, leases, nil
}

func (t *table) Take(_ context.Context, node string, over []string, names ...string) (out []provisioning.Lease, err error) {
	for _, name := range names {
		l := t.leases[name]
		if l == nil {
			l = &provisioning.Lease{Name: name}
			t.leases[name] = l
		}
		if l.Node != node && (l.Node == "" || slices.Contains(over, l.Node)) {
			l.Node, l.Turn = node, l.Turn+1
		}
		out = append(out, *l)
	}
	return out, nil
}

func (t *table) Drop(_ context.Context, node string, names ...string) error {
	for _, name := range names {
		if l := t.leases[name]; l != nil && l.Node == node {
			l.Node = ""
		}
	}
	return nil
}

func (t *table) Mark(context.Context, provisioning.Lease) error { return nil }

func (t *table) Leave(ctx context.Context, name string) error {
	delete(t.rows, name)
	return t.Drop(ctx, name, slices.Collect(maps.Keys(t.leases))...)
}

// plain seals by a word that all have.
type plain string

func (p plain) Seal(_, _, key string, text []byte) ([]byte, error) {
	return []byte(string(p) + key + string(text)), nil
}

func (p plain) Open(_, _, key string, sealed []byte) ([]byte, error) {
	text, ok := strings.CutPrefix(string(sealed), string(p)+key)
	if !ok {
		return nil, errors.New("damaged")
	}
	return []byte(text), nil
}

type cluster struct {
	t *testing.T
	table
}

func of(name string) Statement {
	return Statement{Address: netip.MustParseAddrPort("192.0.2.1:5061"), Start: "start of " + name}
}

func (c *cluster) node(name string, word plain) *Members {
	m := New(Config{Name: name, Table: &c.table, Seal: word, Log: slog.New(slog.DiscardHandler)})
	m.says = of(name)
	return m
}

// beats lets nodes live for so many seconds.
func (c *cluster) beats(seconds int, all ...*Members) {
	for range seconds {
		time.Sleep(time.Second)
		for _, m := range all {
			if err := m.Beat(c.t.Context()); !errors.Is(err, c.away) {
				c.t.Error(err)
			}
		}
	}
}

func (c *cluster) see(m *Members, want string) {
	c.t.Helper()
	got := ""
	for _, o := range m.Others() {
		got += o.Name + " "
	}
	if m.Mine() {
		got += "mine"
	}
	if strings.TrimSpace(got) != want {
		c.t.Errorf("%s sees %q, want %q", m.cfg.Name, got, want)
	}
}

func inTime(t *testing.T, script func(c *cluster)) {
	synctest.Test(t, func(t *testing.T) {
		script(&cluster{t, table{rows: map[string]*provisioning.NodeRow{}, leases: map[string]*provisioning.Lease{}}})
	})
}

// A node that beats lives, one whose row is merely there does not; whoever stops is dead after three seconds, and its duty is another's. At no time is it
// two nodes' at once.
func TestDeath(t *testing.T) {
	inTime(t, func(c *cluster) {
		a, b := c.node("a", "key"), c.node("b", "key")
		c.beats(1, a)
		c.beats(1, b)
		c.see(b, "") // a may be dead for years
		if gone := b.Missing(); len(gone) != 0 {
			t.Errorf("missing at once: %v", gone)
		}
		c.beats(2, a, b)
		c.see(a, "b mine")
		c.see(b, "a")
		for range 10 { // a hangs
			c.beats(1, b)
			if a.Mine() && b.Mine() {
				t.Error("both do what one node does")
			}
		}
		c.see(b, "mine")
		if gone := b.Missing(); len(gone) != 1 || gone[0] != "a" {
			t.Errorf("missing: %v", gone)
		}
		if a.Mine() {
			t.Error("a has not beaten for ten seconds, and still does what one node does")
		}
		c.beats(1, a, b)
		c.see(a, "b")
		c.see(b, "a mine")
		if err := b.Close(t.Context()); err != nil { // never started: it says nothing
			t.Error(err)
		}
		if err := c.Leave(t.Context(), "b"); err != nil {
			t.Error(err)
		}
		c.beats(1, a)
		c.see(a, "mine")
	})
}

// While the table is away those who lived live, nobody does what one node does, and when it is back nobody is taken for dead for what nobody could say.
func TestTableAway(t *testing.T) {
	inTime(t, func(c *cluster) {
		a, b := c.node("a", "key"), c.node("b", "key")
		c.beats(3, a, b)
		c.away = errors.New("away")
		c.beats(20, a, b)
		c.see(a, "b")
		c.see(b, "a")
		c.away = nil
		c.beats(1, a) // b comes a moment later
		c.see(a, "b mine")
		c.beats(1, a, b)
		c.see(b, "a")
		c.away = errors.New("away")
		c.beats(20, a)
		c.away = nil
		c.beats(2, a)
		c.see(a, "b mine")
		c.beats(3, a)
		c.see(a, "mine") // b did not come
	})
}

// Who can write into the database is no node by that, and its duty is taken from it.
func TestStranger(t *testing.T) {
	inTime(t, func(c *cluster) {
		a := c.node("a", "key")
		c.leases[Jobs] = &provisioning.Lease{Name: Jobs, Node: "x", Turn: 1}
		c.rows["x"] = &provisioning.NodeRow{Name: "x", Body: []byte(`another keyx{"Start":"x"}`)}
		for range 4 {
			c.rows["x"].Beat++
			c.beats(1, a)
		}
		c.see(a, "mine")
		if _, ok := a.Other("x"); ok {
			t.Error("a stranger is a node")
		}
	})
}

// Two switches of one name notice it; a beat whose answer was lost is none of another's.
func TestNameTaken(t *testing.T) {
	inTime(t, func(c *cluster) {
		a, again := c.node("a", "key"), c.node("a", "key")
		c.beats(2, a)
		c.rows["a"].Beat++
		c.beats(2, a)
		if a.Taken() {
			t.Error("taken by its own lost beat")
		}
		c.beats(5, a, again)
		if !a.Taken() || !again.Taken() {
			t.Errorf("taken: %v, %v", a.Taken(), again.Taken())
		}
	})
}

// What a node says later is known, and who waits for it is told once.
func TestDrainIsTold(t *testing.T) {
	inTime(t, func(c *cluster) {
		told := 0
		a, b := c.node("a", "key"), c.node("b", "key")
		a.cfg.Changed = func() { told++ }
		c.beats(5, a, b)
		before := told
		b.Drain()
		c.beats(3, a, b)
		o, ok := a.Other("b")
		if !ok || !o.Draining || o.Start != "start of b" || told != before+1 {
			t.Errorf("%+v, told %d times", o, told-before)
		}
	})
}

// A running node beats by itself and leaves at its end; a switch that is alone does everything.
func TestRun(t *testing.T) {
	inTime(t, func(c *cluster) {
		a := c.node("a", "key")
		a.Start(t.Context(), of("a"))
		time.Sleep(10*time.Second + time.Millisecond)
		synctest.Wait()
		if n := c.rows["a"].Beat; n != 11 || !a.Mine() {
			t.Errorf("%d beats", n)
		}
		if err := a.Close(t.Context()); err != nil || len(c.rows) != 0 {
			t.Errorf("%v, %v", c.rows, err)
		}
	})
	var alone *Members
	if !alone.Mine() || alone.Taken() || len(alone.Others()) != 0 || fmt.Sprint(alone.Close(t.Context())) != "<nil>" {
		t.Error("a switch that is alone")
	}
}

// A lease is of who wants it first, is known to all, and goes to another who wants it when it is given up, or its node is dead: then by a higher turn.
func TestLeases(t *testing.T) {
	inTime(t, func(c *cluster) {
		a, b := c.node("a", "key"), c.node("b", "key")
		c.beats(3, a, b)
		a.Want("q1", "q2")
		c.beats(1, a, b)
		b.Want("q1", "q3")
		c.beats(1, a, b)
		c.beats(1, a)
		holders := func(want string) {
			t.Helper()
			got := ""
			for _, name := range []string{"q1", "q2", "q3", "q4"} {
				if a.Holder(name) != b.Holder(name) {
					t.Errorf("%s: %q and %q", name, a.Holder(name), b.Holder(name))
				}
				got += b.Holder(name) + ","
			}
			if got != want {
				t.Errorf("%s, want %s", got, want)
			}
		}
		holders("a,a,b,,")
		before, ok := a.Holds("q1")
		if _, too := b.Holds("q1"); !ok || too {
			t.Error("q1 is two nodes', or nobody's")
		}
		if err := a.Drop(t.Context(), "q2"); err != nil {
			t.Error(err)
		}
		if _, ok := a.Holds("q2"); ok {
			t.Error("a has what it gave up")
		}
		c.beats(2, a, b)
		holders("a,,b,,")
		for range 6 { // a hangs
			c.beats(1, b)
			_, hangs := a.Holds("q1")
			if _, ok := b.Holds("q1"); ok && hangs {
				t.Error("q1 is two nodes'")
			}
		}
		if turn, ok := b.Holds("q1"); !ok || turn <= before {
			t.Errorf("q1: turn %d after %d, %v", turn, before, ok)
		}
		c.beats(2, a, b)
		holders("b,,b,,") // who wakes has lost it
	})
}
