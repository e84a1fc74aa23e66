package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/mirror"
	"naisen/cmd/pbx/internal/queue"
	"naisen/provisioning"
	"naisen/provisioning/live"
)

// twoHalls is two nodes with a queue and two agents. The way between them loses messages and answers.
type twoHalls struct {
	t     *testing.T
	dice  *rand.Rand
	nodes map[string]*oneHall

	mu     sync.Mutex // guards the rest
	duty   string
	dead   map[string]bool
	calls  map[string]queue.Call
	agents map[string]string // in which call each is
	order  []string          // calls as they were offered first
	inRow  map[string]int    // messages of a node that went wrong one after the other
	rows   []provisioning.QueueVisit
}

// oneHall is one node. It implements duties and queueLedger.
type oneHall struct {
	*queues
	of   *twoHalls
	name string
	far  *neighbours
}

func (o *oneHall) Name() string { return o.name }

func (o *oneHall) Duty() string {
	o.of.mu.Lock()
	defer o.of.mu.Unlock()
	return o.of.duty
}

func (o *oneHall) Visit(v provisioning.QueueVisit) {
	o.of.mu.Lock()
	defer o.of.mu.Unlock()
	o.of.rows = append(o.of.rows, v)
}
func (*oneHall) Stint(provisioning.AgentStint) {}

func (*oneHall) DomainNames() []string { return []string{simDomain} }
func (*oneHall) Queues(string) []provisioning.Queue {
	return []provisioning.Queue{{Number: "7001", Members: []provisioning.QueueMember{{Agent: "1"}, {Agent: "2"}}}}
}
func (*oneHall) Agents(string) []provisioning.Agent {
	return []provisioning.Agent{{Number: "1", SignedIn: true}, {Number: "2", SignedIn: true}}
}
func (*oneHall) CallBacks(string) []provisioning.CallBack { return nil }

func (o *twoHalls) other(name string) string { return map[string]string{"a": "b", "b": "a"}[name] }

// loses tells whether a message of a node gets lost, and otherwise whether its answer does: a quarter of each, but not of three messages in a row, so that what
// is said again has come within five seconds whatever the dice say.
func (o *twoHalls) loses(name string) (lost, deaf bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.inRow[name] < 2 {
		lost = o.dice.IntN(4) == 0
		deaf = o.dice.IntN(4) == 0
	}
	if o.inRow[name]++; !lost && !deaf {
		o.inRow[name] = 0
	}
	return lost, deaf
}

func (o *twoHalls) add(name string) {
	x := &oneHall{of: o, name: name}
	log := slog.New(slog.DiscardHandler)
	x.queues = &queues{ledger: x, live: live.New(), log: log, desk: make(chan queue.Command, clerkBound)}
	x.hall = newHall(func() *queue.Distributor {
		return queue.New(queue.Deps{Clock: time.Now, Zone: zone(), Directory: func() queue.Directory { return x }, Reachable: func(queue.Key) bool { return true },
			Calls: o.all, Do: x.do, Changed: x.queues.tell})
	})
	x.moved = func(string, queue.Key) {}
	x.far = newNeighbours("start of "+name, nil, nil, func(*call.Snapshot) {}, log)
	x.far.mirror = mirror.New(mirror.Config{Start: "start of " + name, Log: log, Changed: x.far.learn, Peers: func() []mirror.Peer {
		o.mu.Lock()
		defer o.mu.Unlock()
		if n := o.other(name); !o.dead[n] {
			return []mirror.Peer{{Name: n, Start: "start of " + n}}
		}
		return nil
	}, Send: func(to string, body []byte, done func(bool)) {
		lost, deaf := o.loses(name)
		if lost {
			time.AfterFunc(300*time.Millisecond, func() { done(false) })
			return
		}
		time.AfterFunc(5*time.Millisecond, func() {
			if !o.nodes[to].far.mirror.Take(name, body, func(taken bool) { done(taken && !deaf) }) {
				done(false)
			}
		})
	}})
	o.nodes[name] = x
	x.among(x, x.far)
}

func (o *twoHalls) all() (out []queue.Call) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, c := range o.calls {
		out = append(out, c)
	}
	return out
}

// show lets a call of a node show itself to both. An agent is in one call at a time.
func (o *twoHalls) show(x *oneHall, c queue.Call) {
	o.mu.Lock()
	c.Domain = simDomain
	for agent, id := range o.agents {
		if id == c.ID {
			delete(o.agents, agent)
		}
	}
	for _, i := range c.In {
		if was := o.agents[i.Number]; was != "" {
			o.t.Errorf("agent %s is rung for %s while in %s", i.Number, c.ID, was)
		}
		o.agents[i.Number] = c.ID
	}
	if o.calls[c.ID] = c; c.Over {
		delete(o.calls, c.ID)
	}
	o.mu.Unlock()
	x.shown(c)
	for _, n := range o.nodes {
		n.Changed(c)
	}
}

// serve is the script of a call: whom it rings answers after a second, and they talk.
func (o *twoHalls) serve(x *oneHall, id string, talk time.Duration) {
	o.show(x, queue.Call{ID: id})
	seat := x.Join(queue.Caller{Call: id, Queue: queue.Key{Domain: simDomain, Number: "7001"}})
	for {
		for _, n := range seat.Wait(context.Background()) {
			offer, ok := n.(queue.Offer)
			if !ok {
				o.t.Errorf("%s hears %+v", id, n)
				continue
			}
			agent := offer.Agents[0].Agent
			o.mu.Lock()
			o.order = append(o.order, id)
			o.mu.Unlock()
			o.show(x, queue.Call{ID: id, In: []queue.InCall{{Number: agent}}})
			ringing, stop := context.WithTimeout(context.Background(), time.Second)
			if again := seat.Wait(ringing); len(again) > 0 {
				o.t.Errorf("%s hears %+v while %s rings", id, again, agent)
			}
			stop()
			x.Answered(id, agent)
			o.show(x, queue.Call{ID: id, In: []queue.InCall{{Number: agent, Talking: true}}})
			<-time.After(talk)
			o.show(x, queue.Call{ID: id, Ending: true, Over: true})
			return
		}
	}
}

// inHalls plays 12 calls. late is how much later than it was said the node that decides may hear of an answer.
func inHalls(t *testing.T, late time.Duration, script func(o *twoHalls, run func(at, id string, talk time.Duration))) {
	synctest.Test(t, func(t *testing.T) {
		o := &twoHalls{t: t, dice: rand.New(rand.NewPCG(3, 3)), nodes: map[string]*oneHall{}, duty: "a", dead: map[string]bool{}, inRow: map[string]int{}, calls: map[string]queue.Call{}, agents: map[string]string{}}
		o.add("a")
		o.add("b")
		for _, x := range o.nodes {
			ctx, stop := context.WithCancel(context.Background())
			x.queues.stop = stop
			x.far.mirror.Run(ctx)
			x.running.Go(func() { x.preside(ctx) })
		}
		<-time.After(3 * time.Second)
		var calls sync.WaitGroup
		script(o, func(at, id string, talk time.Duration) {
			calls.Go(func() { o.serve(o.nodes[at], id, talk) })
			<-time.After(100 * time.Millisecond)
		})
		calls.Wait()
		<-time.After(time.Minute)
		for name, x := range o.nodes {
			x.hall.mu.Lock()
			if len(x.tickets)+len(x.visits)+len(x.guests) > 0 {
				t.Errorf("left at %s: %v, %v, %v", name, x.tickets, x.visits, x.guests)
			}
			x.hall.mu.Unlock()
			x.Close()
			x.far.mirror.Close()
		}
		slices.SortFunc(o.rows, func(a, b provisioning.QueueVisit) int { return strings.Compare(a.ID, b.ID) })
		if len(o.rows) != 12 {
			t.Errorf("%d visits", len(o.rows))
		}
		for i, r := range o.rows {
			talk := time.Duration(r.TalkMS) * time.Millisecond
			if r.ID != fmt.Sprintf("c%02d-q1", i) || r.Outcome != provisioning.OutcomeAnswered || talk > 10*time.Second || talk < 10*time.Second-late {
				t.Errorf("%s %s %s", r.ID, r.Outcome, talk)
			}
		}
	})
}

// TestHallOfTwo: callers at both nodes are served one after the other, in the order in which they came, by agents who are never rung for two, though a quarter of
// what the nodes say gets lost.
func TestHallOfTwo(t *testing.T) {
	inHalls(t, 5*time.Second, func(o *twoHalls, run func(at, id string, talk time.Duration)) {
		for i := range 12 {
			run([]string{"a", "b", "b"}[i%3], fmt.Sprintf("c%02d", i), 10*time.Second)
			<-time.After(5 * time.Second) // also what is said again has come by then
		}
		<-time.After(2 * time.Minute)
		if !slices.IsSorted(o.order) {
			t.Errorf("served in the order %v", o.order)
		}
	})
}

// TestHallTakenOver: the node that decides dies while callers of the other one talk and wait: their talks have their rows, with their whole length, and who waits
// is served in order.
func TestHallTakenOver(t *testing.T) {
	inHalls(t, 0, func(o *twoHalls, run func(at, id string, talk time.Duration)) {
		for i := range 12 {
			run("b", fmt.Sprintf("c%02d", i), 10*time.Second)
		}
		<-time.After(8 * time.Second) // two talk
		o.mu.Lock()
		o.duty, o.dead["a"], o.dead["b"] = "b", true, true
		talking := len(o.agents)
		o.mu.Unlock()
		o.nodes["a"].close()
		if talking != 2 {
			t.Errorf("%d agents are in calls", talking)
		}
		<-time.After(2 * time.Minute)
		if !slices.IsSorted(o.order) {
			t.Errorf("served in the order %v", o.order)
		}
	})
}

// TestSeatingIsHeardOnce: what is said again, with another place or to the next one who decides, is no second command; what somebody says who does not decide
// is none at all.
func TestSeatingIsHeardOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &twoHalls{t: t, dice: rand.New(rand.NewPCG(3, 3)), nodes: map[string]*oneHall{}, duty: "a", dead: map[string]bool{}, inRow: map[string]int{}, calls: map[string]queue.Call{}, agents: map[string]string{}}
		o.add("b")
		b := o.nodes["b"]
		seat := b.Join(queue.Caller{Call: "c1", Queue: queue.Key{Domain: simDomain, Number: "7001"}})
		say := func(node, term string, n uint64, position int) int {
			s := seating{Term: term, Notes: []memo{memoOf(n, queue.Offer{Call: "c1"})}, Place: queue.Place{Position: position}}
			text, err := json.Marshal(s)
			if err != nil {
				t.Fatal(err)
			}
			b.far.learn(node, kindSeat+"/c1", text)
			ctx, stop := context.WithTimeout(context.Background(), time.Second)
			defer stop()
			return len(seat.Wait(ctx))
		}
		got := []int{say("c", "t1", 1, 2), say("a", "t1", 1, 2), say("a", "t1", 1, 1), say("a", "t1", 2, 1), say("a", "t2", 1, 1)}
		if want := []int{0, 1, 0, 1, 1}; !slices.Equal(got, want) {
			t.Errorf("heard %v, want %v", got, want)
		}
		if p, ok := b.place("c1"); !ok || p.Position != 1 {
			t.Errorf("place %+v, %v", p, ok)
		}
	})
}
