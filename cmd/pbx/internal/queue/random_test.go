package queue

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"naisen/provisioning"
)

const town = "pbx.example.jp"

// table is a directory of one domain.
type table struct {
	queues []provisioning.Queue
	agents []provisioning.Agent
	kept   []provisioning.CallBack
}

func (t *table) DomainNames() []string                    { return []string{town} }
func (t *table) Queues(string) []provisioning.Queue       { return slices.Clone(t.queues) }
func (t *table) Agents(string) []provisioning.Agent       { return slices.Clone(t.agents) }
func (t *table) CallBacks(string) []provisioning.CallBack { return slices.Clone(t.kept) }
func (t *table) agent(number string) *provisioning.Agent {
	for i := range t.agents {
		if t.agents[i].Number == number {
			return &t.agents[i]
		}
	}
	return nil
}

// world plays calls, telephones and a store against a core, as badly as they may behave.
type world struct {
	t     *rapid.T
	core  *Core
	dir   *table
	now   time.Time
	calls map[string]*phoneCall
	n     int

	rows   map[string]provisioning.QueueVisit
	joined map[string]int                     // visits that each call began
	stints map[string]provisioning.AgentStint // the last of each agent
}

// phoneCall is one call as it is in truth.
type phoneCall struct {
	id      string
	waiting bool
	ringing map[string]bool // agents rung
	talking string
	own     bool // an agent's call of its own: nobody waits
	over    bool
}

func newWorld(t *rapid.T) *world {
	w := &world{t: t, core: NewCore(time.UTC), dir: &table{}, now: time.Date(2026, 4, 1, 8, 0, 0, 0, time.UTC), calls: map[string]*phoneCall{},
		rows: map[string]provisioning.QueueVisit{}, joined: map[string]int{}, stints: map[string]provisioning.AgentStint{}}
	strategies := []string{provisioning.LongestIdle, provisioning.BySkill, provisioning.ByRank, provisioning.RingAll}
	for i := range rapid.IntRange(1, 4).Draw(t, "queues") {
		q := provisioning.Queue{Number: fmt.Sprint(7001 + i), Strategy: rapid.SampledFrom(strategies).Draw(t, "strategy"),
			Priority: rapid.IntRange(0, 2).Draw(t, "priority"), WrapUp: rapid.SampledFrom([]int{0, 30}).Draw(t, "wrap"),
			MaxWait: rapid.SampledFrom([]int{0, 90}).Draw(t, "maxwait"), MaxWaiting: rapid.SampledFrom([]int{0, 3}).Draw(t, "max"),
			CallBack: provisioning.QueueCallBack{Offer: true, Max: 2, Tries: 2}}
		if q.Strategy == provisioning.BySkill {
			q.Skill, q.Level, q.Relax = "tax", 3, 20
		}
		if rapid.Bool().Draw(t, "overflows") {
			q.Overflow.NoAgents = &provisioning.Destination{Extension: "2999"}
		}
		for a := range 5 {
			if rapid.IntRange(0, 2).Draw(t, "member") > 0 {
				q.Members = append(q.Members, provisioning.QueueMember{Agent: fmt.Sprint(2001 + a), Rank: a % 3})
			}
		}
		w.dir.queues = append(w.dir.queues, q)
	}
	for a := range 5 {
		w.dir.agents = append(w.dir.agents, provisioning.Agent{Number: fmt.Sprint(2001 + a), SignedIn: a < 3, Skills: map[string]int{"tax": a}})
	}
	w.configure()
	return w
}

func (w *world) configure() {
	fresh := w.core.Configure(w.now, w.dir)
	for _, k := range fresh {
		w.core.Registered(w.now, k, true)
	}
	if len(fresh) == 0 {
		return
	}
	for _, id := range slices.Sorted(maps.Keys(w.calls)) { // as the distributor does: some of them may be talking
		if c := w.calls[id]; !c.over {
			w.publish(c)
		}
	}
}

func (w *world) settle() {
	for range 100 {
		before := w.state()
		list := w.core.Settle(w.now)
		for _, cmd := range list {
			w.obey(cmd, before)
		}
		if len(list) == 0 {
			w.check()
			return
		}
	}
	w.t.Fatal("the core never comes to rest")
}

// truth is what the core must not contradict.
type truth map[string]bool // agents in some call

func (w *world) state() truth {
	in := truth{}
	for _, c := range w.calls {
		if c.talking != "" {
			in[c.talking] = true
		}
		for a := range c.ringing {
			in[a] = true
		}
	}
	return in
}

func (w *world) obey(cmd Command, before truth) {
	switch cmd := cmd.(type) {
	case Offer:
		c := w.calls[cmd.Call]
		if c == nil || c.over || !c.waiting {
			w.t.Fatalf("offered to %s, which does not wait", cmd.Call)
		}
		for _, a := range cmd.Agents {
			wish := w.dir.agent(a.Agent)
			if before[a.Agent] || c.ringing[a.Agent] || !wish.SignedIn || wish.Paused != "" {
				w.t.Fatalf("%s is rung for %s: in a call %v, wish %+v", a.Agent, cmd.Call, before[a.Agent], *wish)
			}
			c.ringing[a.Agent] = true
			w.inOrder(c.id, w.core.agents[Key{town, a.Agent}])
		}
		w.publish(c)
	case Withdraw:
		if c := w.calls[cmd.Call]; c != nil && c.ringing[cmd.Agent] {
			delete(c.ringing, cmd.Agent)
			w.publish(c)
		}
	case Overflow:
		if w.calls[cmd.Call].over {
			w.t.Fatalf("%s overflows, which is over", cmd.Call)
		}
		w.calls[cmd.Call].waiting = false
		if rapid.Bool().Draw(w.t, "ends") {
			w.hangup(w.calls[cmd.Call])
		}
	case Keep:
		if rapid.IntRange(0, 3).Draw(w.t, "stored") > 0 {
			w.dir.kept = append(w.dir.kept, cmd.CallBack)
			w.configure()
			w.core.Kept(w.now, cmd.Call, true)
		} else {
			w.core.Kept(w.now, cmd.Call, false)
		}
	case Answer:
		if c := w.calls[cmd.Call]; cmd.Kept && c != nil {
			c.waiting = false
			w.hangup(c)
		}
	case CallBack:
		if before[cmd.Agent.Agent] {
			w.t.Fatalf("%s is called for a call-back while in a call", cmd.Agent.Agent)
		}
		if what := rapid.IntRange(0, 4).Draw(w.t, "called"); what < 4 { // 4: the report is lost
			w.core.Called(w.now, town, cmd.CallBack.ID, cmd.Agent.Agent, Tried(what))
		}
	case Change:
		for i := range w.dir.kept {
			if w.dir.kept[i].ID == cmd.CallBack.ID {
				w.dir.kept[i] = cmd.CallBack
			}
		}
		w.configure()
	case Drop:
		w.dir.kept = slices.DeleteFunc(w.dir.kept, func(b provisioning.CallBack) bool { return b.ID == cmd.ID })
		w.configure()
	case SignOut:
		w.dir.agent(cmd.Agent.Number).SignedIn = false
		w.configure()
	case Visit:
		if _, twice := w.rows[cmd.Row.ID]; twice {
			w.t.Fatalf("visit %s has two ends", cmd.Row.ID)
		}
		if err := cmd.Row.Validate(); err != nil {
			w.t.Fatal(err)
		}
		w.rows[cmd.Row.ID] = cmd.Row
	case Stint:
		last := w.stints[cmd.Row.Agent]
		if cmd.Row.Started.Before(last.Ended) || cmd.Row.Ended.Sub(cmd.Row.Started) > quarter+time.Hour {
			w.t.Fatalf("stints overlap or were not cut: %+v after %+v", cmd.Row, last)
		}
		w.stints[cmd.Row.Agent] = cmd.Row
	}
}

// inOrder: nobody who could be offered the same agent stands before who is.
func (w *world) inOrder(call string, a *agent) {
	me := w.core.calls[call].waiting
	for _, l := range w.core.lines {
		for _, x := range l.waiting {
			if before(x, me) < 0 && x.kept == nil && len(x.ringing) == 0 && !x.keeping && a.staffs(l) && l.serves(a, x, w.now) {
				w.t.Fatalf("%s is offered %s before %s", a.key.Number, me.id, x.id)
			}
		}
	}
}

// publish shows a call as its actor does.
func (w *world) publish(c *phoneCall) {
	s := Call{ID: c.id, Domain: town, Over: c.over, Ending: c.over}
	for a := range c.ringing {
		s.In = append(s.In, InCall{a, false})
	}
	if c.talking != "" {
		s.In = append(s.In, InCall{c.talking, true})
	}
	slices.SortFunc(s.In, func(a, b InCall) int { return len(a.Number) - len(b.Number) })
	w.core.Call(w.now, s)
}

func (w *world) hangup(c *phoneCall) {
	if c == nil || c.over {
		return
	}
	waited := c.waiting
	c.over, c.waiting, c.talking, c.ringing = true, false, "", map[string]bool{}
	w.publish(c)
	if waited && w.core.calls[c.id] != nil {
		w.t.Fatalf("%s waits although it is over", c.id)
	}
}

func (w *world) some(name string, want func(*phoneCall) bool) *phoneCall {
	var list []string
	for id, c := range w.calls {
		if !c.over && want(c) {
			list = append(list, id)
		}
	}
	if len(list) == 0 {
		return nil
	}
	slices.Sort(list)
	return w.calls[rapid.SampledFrom(list).Draw(w.t, name)]
}

func (w *world) first(c *phoneCall) string {
	var list []string
	for a := range c.ringing {
		list = append(list, a)
	}
	slices.Sort(list)
	return list[0]
}

// act is one random thing that happens.
func (w *world) act() {
	ringing := func(c *phoneCall) bool { return len(c.ringing) > 0 && !c.own }
	agent := &w.dir.agents[rapid.IntRange(0, len(w.dir.agents)-1).Draw(w.t, "agent")]
	switch rapid.IntRange(0, 14).Draw(w.t, "act") {
	case 0, 1, 2:
		w.join()
	case 3, 4:
		if c := w.some("answered", ringing); c != nil {
			a := w.first(c)
			c.talking, c.waiting, c.ringing = a, false, map[string]bool{}
			w.core.Answered(w.now, c.id, a)
			w.settle() // the call shows itself a moment later
			w.publish(c)
		}
	case 5:
		if c := w.some("refused", ringing); c != nil {
			a := w.first(c)
			delete(c.ringing, a)
			if rapid.IntRange(0, 4).Draw(w.t, "told") > 0 {
				w.core.Refused(w.now, c.id, a)
			}
			w.publish(c)
		}
	case 6, 7:
		w.hangup(w.some("hangup", func(*phoneCall) bool { return true }))
	case 8: // an agent's own call, maybe while it is rung
		w.n++
		c := &phoneCall{id: fmt.Sprint("own", w.n), own: true, ringing: map[string]bool{}, talking: agent.Number}
		w.calls[c.id] = c
		w.publish(c)
	case 9:
		agent.SignedIn = !agent.SignedIn
		w.configure()
	case 10:
		agent.Paused = rapid.SampledFrom([]string{"", "", "lunch"}).Draw(w.t, "paused")
		w.configure()
	case 11:
		w.core.Registered(w.now, Key{town, agent.Number}, rapid.Bool().Draw(w.t, "registered"))
	case 12:
		if c := w.some("keeps", func(c *phoneCall) bool { return c.waiting && !c.own }); c != nil {
			w.core.WantKept(w.now, c.id, "+8190"+fmt.Sprint(10000000+w.n))
		}
	case 13:
		w.core.Ready(w.now, Key{town, agent.Number})
	case 14:
		w.hire(agent.Number)
	}
}

// hire makes an agent a member of a queue, or a member no more, whatever it does now.
func (w *world) hire(number string) {
	q := &w.dir.queues[rapid.IntRange(0, len(w.dir.queues)-1).Draw(w.t, "queue")]
	mine := func(m provisioning.QueueMember) bool { return m.Agent == number }
	if slices.ContainsFunc(q.Members, mine) {
		q.Members = slices.DeleteFunc(slices.Clone(q.Members), mine)
	} else {
		q.Members = append(slices.Clone(q.Members), provisioning.QueueMember{Agent: number})
	}
	w.configure()
}

func (w *world) join() {
	c := w.some("again", func(c *phoneCall) bool { return !c.waiting && !c.own && c.talking == "" }) // one that overflowed here
	if c == nil || rapid.Bool().Draw(w.t, "new") {
		w.n++
		c = &phoneCall{id: fmt.Sprint("c", w.n), ringing: map[string]bool{}}
		w.calls[c.id] = c
	}
	c.waiting = true
	w.joined[c.id]++
	q := w.dir.queues[rapid.IntRange(0, len(w.dir.queues)-1).Draw(w.t, "queue")].Number
	w.core.Join(w.now, Caller{Call: c.id, Queue: Key{town, q}, Boost: rapid.SampledFrom([]int{0, 0, 50}).Draw(w.t, "boost")})
}

// check is what must hold whenever the core is at rest.
func (w *world) check() {
	for _, l := range w.core.lines {
		if !slices.IsSortedFunc(l.waiting, before) {
			w.t.Fatal("a line is out of order")
		}
		for _, x := range l.waiting {
			if x.kept != nil || len(x.ringing) > 0 || x.keeping {
				continue
			}
			for _, a := range w.core.free(l, w.now) {
				if l.serves(a, x, w.now) {
					w.t.Fatalf("%s waits although %s is free", x.id, a.key.Number)
				}
			}
		}
	}
	held := map[*agent]bool{}
	for _, l := range w.core.lines {
		for _, x := range l.waiting {
			for _, a := range x.ringing {
				if held[a] || a.offer != x {
					w.t.Fatalf("%s is held for two callers, or knows nothing of it", a.key.Number)
				}
				held[a] = true
			}
		}
	}
	for _, a := range w.core.agents {
		if a.offer == nil {
			continue
		}
		if !held[a] {
			w.t.Fatalf("%s is reserved for nobody", a.key.Number)
		}
		if !w.now.Before(a.offerUntil) {
			w.t.Fatalf("%s is rung beyond its time", a.key.Number)
		}
		for id := range a.in {
			if id != a.offer.call && a.offer.kept == nil {
				w.t.Fatalf("%s is rung in the call %s", a.key.Number, id)
			}
		}
	}
	for id, x := range w.core.calls {
		if c := w.calls[id]; c != nil && (x.waiting != nil) != c.waiting {
			w.t.Fatalf("%s waits: %v, in truth %v", id, x.waiting != nil, c.waiting)
		}
	}
}

// TestRandomHistories: whatever happens, nobody is lost, doubled, stuck or rung in a call.
func TestRandomHistories(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		for range rapid.IntRange(5, 60).Draw(t, "length") {
			w.act()
			w.settle()
			w.now = w.now.Add(time.Duration(rapid.IntRange(0, 20).Draw(t, "seconds")) * time.Second)
			w.settle()
		}
		w.end()
	})
}

// end lets everybody hang up, and an hour pass.
func (w *world) end() {
	for range 200 {
		c := w.some("last", func(*phoneCall) bool { return true })
		if c == nil {
			break
		}
		w.hangup(c)
		w.settle()
	}
	w.dir.kept = nil
	w.configure()
	for range 60 {
		w.now = w.now.Add(time.Minute)
		w.settle()
	}
	for k, l := range w.core.lines {
		if len(l.waiting) > 0 {
			w.t.Fatalf("%d wait in %s, and nobody calls", len(l.waiting), k.Number)
		}
	}
	if n := len(w.core.calls); n > 0 {
		w.t.Fatalf("%d calls are known that are over", n)
	}
	for k, a := range w.core.agents {
		if s, _, _ := a.state(w.core, w.now); a.wish.SignedIn && a.wish.Paused == "" && a.unregistered.IsZero() && s != Ready {
			w.t.Fatalf("%s is stuck: %s", k.Number, s)
		}
	}
	for id, n := range w.joined {
		for i := range n {
			if _, ok := w.rows[fmt.Sprintf("%s-q%d", id, i+1)]; !ok {
				w.t.Fatalf("visit %d of %s has no end", i+1, id)
			}
		}
	}
}
