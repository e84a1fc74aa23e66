package mirror_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"naisen/cmd/pbx/internal/mirror"
)

// net joins mirrors; it loses messages, or their answers.
type net struct {
	mu    sync.Mutex
	nodes map[string]*node
	lose  func(from, to string) bool // the message; nil: none
	deaf  func(from, to string) bool // the answer; nil: none
	sent  int
}

func (n *net) messages() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.sent
}

// node is one with what it knows of others.
type node struct {
	*mirror.Mirror
	name, start string
	net         *net
	mu          sync.Mutex
	sees        map[string]bool              // guarded by mu
	knows       map[string]map[string]string // by node and key; guarded by mu
	told        int                          // guarded by mu
}

func (n *net) add(t *testing.T, name, start string) *node {
	x := &node{name: name, start: start, net: n, sees: map[string]bool{}, knows: map[string]map[string]string{}}
	x.Mirror = mirror.New(mirror.Config{Start: start, Peers: x.peers, Send: x.send, Changed: x.changed, Log: slog.New(slog.DiscardHandler)})
	n.mu.Lock()
	n.nodes[name] = x
	n.mu.Unlock()
	x.Run(t.Context())
	return x
}

func (x *node) peers() (out []mirror.Peer) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for name := range x.sees {
		x.net.mu.Lock()
		out = append(out, mirror.Peer{Name: name, Start: x.net.nodes[name].start})
		x.net.mu.Unlock()
	}
	return out
}

func (x *node) see(names ...string) {
	x.mu.Lock()
	clear(x.sees)
	for _, n := range names {
		x.sees[n] = true
	}
	x.mu.Unlock()
	x.Wake()
}

func (x *node) send(to string, body []byte, done func(bool)) {
	x.net.mu.Lock()
	n, lost := x.net.nodes[to], x.net.lose != nil && x.net.lose(x.name, to)
	deaf := x.net.deaf != nil && x.net.deaf(x.name, to)
	x.net.sent++
	x.net.mu.Unlock()
	if lost {
		time.AfterFunc(100*time.Millisecond, func() { done(false) })
		return
	}
	time.AfterFunc(10*time.Millisecond, func() {
		if !n.Take(x.name, body, func(taken bool) { done(taken && !deaf) }) {
			done(false)
		}
	})
}

func (x *node) changed(node, key string, value []byte) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.told++
	if value == nil {
		delete(x.knows[node], key)
		return
	}
	if x.knows[node] == nil {
		x.knows[node] = map[string]string{}
	}
	x.knows[node][key] = string(value)
}

func (x *node) of(node string) string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return fmt.Sprint(x.knows[node])
}

func two(t *testing.T, script func(n *net, a, b *node)) {
	synctest.Test(t, func(t *testing.T) {
		n := &net{nodes: map[string]*node{}}
		a, b := n.add(t, "a", "a1"), n.add(t, "b", "b1")
		script(n, a, b)
		a.Close()
		for _, x := range n.nodes {
			x.Close()
		}
	})
}

func pass(d time.Duration) { <-time.After(d) }

func (x *node) want(t *testing.T, of, what string) {
	t.Helper()
	if got := x.of(of); got != what {
		t.Errorf("%s knows of %s: %s, want %s", x.name, of, got, what)
	}
}

// TestTold: what is said before and after the other one comes is known there at once, and what is not said any more is gone.
func TestTold(t *testing.T) {
	two(t, func(_ *net, a, b *node) {
		a.Set("x", json.RawMessage(`1`))
		a.Set("y", json.RawMessage(`{"z":2}`))
		a.see("b")
		pass(100 * time.Millisecond)
		b.want(t, "a", "map[]") // b does not know yet that a lives
		b.see("a")
		pass(1500 * time.Millisecond)
		b.want(t, "a", `map[x:1 y:{"z":2}]`)
		a.Set("x", json.RawMessage(`3`))
		a.Set("y", nil)
		pass(50 * time.Millisecond)
		b.want(t, "a", "map[x:3]")
		b.Set("w", json.RawMessage(`4`))
		pass(50 * time.Millisecond)
		a.want(t, "b", "map[w:4]")
		b.see() // a is dead, for b
		pass(50 * time.Millisecond)
		b.want(t, "a", "map[]")
		b.see("a") // it was not
		pass(7 * time.Second)
		b.want(t, "a", "map[x:3]")
	})
}

// TestAnotherProcess: what a process said before is not what the next one of that name says.
func TestAnotherProcess(t *testing.T) {
	two(t, func(n *net, a, b *node) {
		a.see("b")
		b.see("a")
		a.Set("x", json.RawMessage(`1`))
		b.Set("w", json.RawMessage(`2`))
		pass(3 * time.Second)
		b.want(t, "a", "map[x:1]")
		a.Close()
		a2 := n.add(t, "a", "a2")
		a2.see("b")
		a2.Set("y", json.RawMessage(`5`))
		b.Wake()
		pass(3 * time.Second)
		b.want(t, "a", "map[y:5]")
		a2.want(t, "b", "map[w:2]")
	})
}

// TestLosses: messages and answers get lost at random while values come and go; in the end both know what the other says, and a value too large for any
// message keeps nothing else from being told.
func TestLosses(t *testing.T) {
	two(t, func(n *net, a, b *node) {
		dice := rand.New(rand.NewPCG(7, 7))
		a.see("b")
		b.see("a")
		n.mu.Lock()
		fate := rand.New(rand.NewPCG(8, 8))
		n.lose = func(string, string) bool { return fate.IntN(5) == 0 }
		n.deaf = func(string, string) bool { return fate.IntN(5) == 0 }
		n.mu.Unlock()
		want := map[string]string{}
		large := make([]byte, 0, 40_000)
		for len(large) < cap(large) {
			large = strconv.AppendUint(large, dice.Uint64(), 36)
		}
		a.Set("large", json.RawMessage(strconv.Quote(string(large))))
		for i := range 2000 {
			k, v := fmt.Sprint("k", dice.IntN(400)), strconv.Itoa(i)
			if dice.IntN(4) == 0 {
				a.Set(k, nil)
				delete(want, k)
			} else {
				a.Set(k, json.RawMessage(v))
				want[k] = v
			}
			if i%10 == 0 {
				pass(20 * time.Millisecond)
			}
		}
		n.mu.Lock()
		n.lose, n.deaf = nil, nil
		n.mu.Unlock()
		pass(10 * time.Second)
		b.want(t, "a", fmt.Sprint(want))
		if a.Lost() == 0 {
			t.Error("the value that is too large was not counted")
		}
		before := n.messages()
		pass(20 * time.Second)
		if said := n.messages() - before; said > 10 {
			t.Errorf("%d messages with nothing to say", said)
		}
	})
}
