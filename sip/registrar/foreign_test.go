package registrar

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

// joint is a table of several nodes, with the store's rule: of two writers that one counts at which the telephone was last.
type joint struct{ memory }

func (j *joint) Save(ctx context.Context, batch []Record) error {
	j.mu.Lock()
	var count []Record
	for _, r := range batch {
		if was, there := j.rows[recordKey{r.AOR, r.Key}]; !there || was.Node == r.Node || !was.At.After(r.At) {
			count = append(count, r)
		}
	}
	j.mu.Unlock()
	return j.memory.Save(ctx, count)
}

// nodes are two registrars on one table.
type nodes struct {
	table *joint
	a, b  *bench
	dead  map[string]bool
	with  Push
}

func twoNodes(t *testing.T, script func(n *nodes)) {
	synctest.Test(t, func(t *testing.T) {
		n := &nodes{table: &joint{memory{rows: map[recordKey]Record{}}}, dead: map[string]bool{}}
		n.a, n.b = n.start(t, "a"), n.start(t, "b")
		script(n)
		n.a.close()
		n.b.close()
	})
}

func (n *nodes) start(t *testing.T, name string) *bench {
	t.Helper()
	b := &bench{t: t, r: New(Config{Node: name, Push: n.with, Alive: func(node string) bool { return !n.dead[node] }}, n.table, slog.New(slog.DiscardHandler))}
	if err := b.r.Start(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	return b
}

// hear lets a second go by, in which everything is saved, and both learn of it.
func (n *nodes) hear() {
	pass(time.Second)
	rows, _ := n.table.Load(context.Background())
	n.a.r.Learn([]string{aor}, rows)
	n.b.r.Learn(nil, rows)
}

func (n *nodes) want(a, b string) {
	n.a.t.Helper()
	n.a.holds(a)
	n.b.holds(b)
}

// A telephone that registers at one node is known at the other as that one's, and as nobody's while the node is dead. Where it was last it is; it ends where it
// ends it; and what the node does that had it before changes nothing.
func TestForeignBindings(t *testing.T) {
	twoNodes(t, func(n *nodes) {
		n.a.expect(200, udp, "Contact: <sip:u@10.0.0.9>"+inst+";expires=600")
		n.hear()
		n.want("u", "u")
		if there, here := n.b.r.Lookup(aor)[0], n.a.r.Lookup(aor)[0]; there.Node != "a" || here.Node != "" || there.Key != here.Key {
			t.Errorf("it is %q's at b, %q's at a", there.Node, here.Node)
		}
		key := n.a.r.Lookup(aor)[0].Key
		if _, ok := n.b.r.Here(aor, key); ok {
			t.Error("b reaches it itself")
		}
		if _, ok := n.a.r.Here(aor, key); !ok {
			t.Error("a does not reach it itself")
		}
		n.dead["a"] = true
		n.want("u", "")
		n.dead["a"] = false

		n.b.n = n.a.n
		n.b.expect(200, udp, "Contact: <sip:v@10.0.0.9>"+inst+";expires=900")
		n.want("u", "v") // not heard of yet
		n.hear()
		n.want("v", "v")
		if x := n.a.r.Lookup(aor)[0]; x.Node != "b" {
			t.Errorf("it is %q's at a", x.Node)
		}
		pass(650 * time.Second) // it would have expired at a
		n.hear()
		n.want("v", "v")

		n.a.n = n.b.n
		n.a.expect(200, udp, "Contact: <sip:v@10.0.0.9>"+inst+";expires=0")
		n.hear()
		n.want("", "")
		if n.table.count() != 0 {
			t.Errorf("%d rows are left", n.table.count())
		}
	})
}

// What a node has just been told stands even where the table does not have it yet; what expires elsewhere expires here too, and nobody deletes it but its node.
func TestForeignExpiry(t *testing.T) {
	twoNodes(t, func(n *nodes) {
		n.a.expect(200, udp, "Contact: <sip:u@10.0.0.9>;expires=100")
		n.a.r.Learn(nil, nil)
		n.a.holds("u")
		n.hear()
		n.want("u", "u")
		n.table.set(context.Canceled, nil) // nothing is saved any more
		pass(101 * time.Second)
		n.want("", "")
		if s := n.b.r.Stats(); s.Unsaved != 0 {
			t.Errorf("b deletes %d rows of a", s.Unsaved)
		}
		n.table.set(nil, nil)
		pass(time.Minute)
		if n.table.count() != 0 {
			t.Errorf("%d rows are left", n.table.count())
		}
	})
}

// A node that comes back has its own again, and knows the other's.
func TestForeignAfterARestart(t *testing.T) {
	twoNodes(t, func(n *nodes) {
		n.a.expect(200, udp, "Contact: <sip:u@10.0.0.9>;expires=1000")
		pass(time.Second)
		n.b.expect(200, udp, "Contact: <sip:v@10.0.0.9>;expires=1000")
		pass(time.Second)
		n.a.close()
		n.a = n.start(t, "a")
		n.a.holds("v u")
		for _, x := range n.a.r.Lookup(aor) {
			if (x.Contact.User == "v") != (x.Node == "b") {
				t.Errorf("%s is %q's", x.Contact.User, x.Node)
			}
		}
	})
}

// A device that sleeps and is another node's is woken by the node at which it is called, whether its own lives or not; and is there when it has registered,
// here or there.
func TestForeignSleepers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := &nodes{table: &joint{memory{rows: map[recordKey]Record{}}}, dead: map[string]bool{}}
		var s services
		n.with = Push{Service: &s, Sealer: xor{}, Awake: 30 * time.Second}
		n.a, n.b = n.start(t, "a"), n.start(t, "b")
		const app = "Contact: <sip:u@10.0.0.9;pn-provider=acme;pn-param=app;pn-prid=token>" + inst + ";expires=3600"
		n.b.expect(200, udp, app)
		n.hear()
		at := func() (d Device) {
			t.Helper()
			all := n.a.r.Devices(aor)
			if len(all) != 1 {
				t.Fatalf("%d devices", len(all))
			}
			return all[0]
		}
		if b := at()[0]; b.Asleep || b.Node != "b" {
			t.Errorf("just registered: asleep %v, at %q", b.Asleep, b.Node)
		}
		pass(time.Minute)
		device, ok := at()[0].Device()
		if b := at()[0]; !b.Asleep || !ok || device.PRID != "token" {
			t.Errorf("after a minute: asleep %v, %v", b.Asleep, device)
		}
		var woken []string
		wait := func() {
			t.Helper()
			if _, ok := n.a.r.Await(aor, device, func(b Binding) { woken = append(woken, b.Node) }); !ok {
				t.Fatal("it cannot be waited for")
			}
		}
		wait()
		n.hear()
		if len(woken) != 0 {
			t.Errorf("woken by nothing: %q", woken)
		}
		n.b.expect(200, udp, app)
		n.hear()
		n.dead["b"] = true
		pass(time.Minute)
		if b := at()[0]; !b.Asleep {
			t.Error("its node is dead, and it is awake")
		}
		wait()
		n.a.n = n.b.n
		n.a.expect(200, udp, app) // it has looked for another node
		n.a.r.woken(aor)          // Register does, after its answer
		n.hear()
		if len(woken) != 2 || woken[0] != "b" || woken[1] != "" {
			t.Errorf("woken at %q", woken)
		}
		if b := at()[0]; b.Node != "" {
			t.Errorf("it is %q's", b.Node)
		}
		if s.count() != 0 {
			t.Errorf("the registrars have pushed %d times", s.count())
		}
		n.a.close()
		n.b.close()
	})
}
