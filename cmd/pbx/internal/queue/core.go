package queue

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"naisen/provisioning"
)

// Core is the state of all queues. It is no use to two goroutines at once.
type Core struct {
	zone    *time.Location // whose midnight begins a day
	lines   map[Key]*line
	agents  map[Key]*agent
	outside map[Key]*agent // by outside number
	queues  []*line        // lines in order
	people  []*agent       // agents in order
	calls   map[string]*live
	kept    map[Key]*caller // by domain and ID
	seq     uint64
	out     []Command
	touched bool // something went in that Settle has not seen
}

// live is what is known of a call that waits or that shows an agent.
type live struct {
	id, domain string
	waiting    *caller
	talk       *talk
	in         map[*agent]bool
	visits     int
}

// talk is a caller with an agent.
type talk struct {
	line     *line
	agent    *agent
	row      provisioning.QueueVisit
	answered time.Time
}

// NewCore makes a core without queues; zone is whose midnight begins a day.
func NewCore(zone *time.Location) *Core {
	return &Core{zone: zone, lines: map[Key]*line{}, agents: map[Key]*agent{}, outside: map[Key]*agent{}, calls: map[string]*live{}, kept: map[Key]*caller{}}
}

func (c *Core) tell(cmd Command) { c.out = append(c.out, cmd) }

// Configure takes a new state of the directory. It returns the agents of which nothing was known before: whoever knows the registrations
// and the calls says with Registered and Call how they stand.
func (c *Core) Configure(now time.Time, dir Directory) (fresh []Key) {
	c.touched = true
	lines, agents := map[Key]*line{}, map[Key]*agent{}
	wishes := map[Key]provisioning.Agent{}
	for _, d := range dir.DomainNames() {
		for _, w := range dir.Agents(d) {
			wishes[Key{d, w.Number}] = w
		}
		for _, q := range dir.Queues(d) {
			k := Key{d, q.Number}
			l := c.lines[k]
			if l == nil {
				l = &line{key: k, handle: 3 * time.Minute}
			}
			l.conf, l.members = q, nil
			lines[k] = l
			for _, m := range q.Members {
				ak := Key{d, m.Agent}
				a := agents[ak]
				if a == nil {
					a = c.known(ak, now)
					a.member, agents[ak] = map[*line]int{}, a
					if c.agents[ak] == nil {
						fresh = append(fresh, ak)
					}
				}
				a.member[l] = m.Rank
				l.members = append(l.members, a)
			}
		}
	}
	for _, k := range sortedKeys(c.lines) {
		if lines[k] == nil {
			c.closeLine(c.lines[k], now)
		}
	}
	for _, k := range sortedKeys(c.agents) {
		if agents[k] == nil {
			c.dismiss(c.agents[k], now)
		}
	}
	c.lines, c.agents = lines, agents
	c.outside = map[Key]*agent{}
	c.queues, c.people = c.queues[:0], c.people[:0]
	for _, k := range sortedKeys(lines) {
		c.queues = append(c.queues, lines[k])
	}
	for _, k := range sortedKeys(agents) {
		a := agents[k]
		a.lines = sortedLines(a)
		c.people = append(c.people, a)
		c.wish(a, wishes[k], now)
	}
	c.places(now, dir)
	return fresh
}

// known is the agent as it was, or a new one of which nothing was seen.
func (c *Core) known(k Key, now time.Time) *agent {
	if a := c.agents[k]; a != nil {
		return a
	}
	return &agent{key: k, in: map[string]bool{}, unregistered: now, idle: now, shown: SignedOut, shownSince: now}
}

// wish takes what an agent has set.
func (c *Core) wish(a *agent, w provisioning.Agent, now time.Time) {
	if w.SignedIn && !a.wish.SignedIn {
		a.idle, a.restUntil, a.wrapUntil = now, time.Time{}, time.Time{}
		if !a.unregistered.IsZero() {
			a.unregistered = now // the time until it is signed out again begins now
		}
	}
	if a.leaving = a.leaving && w.SignedIn; !w.SignedIn {
		c.withdraw(a)
	}
	a.wish = w
	if w.Outside != "" {
		c.outside[Key{a.key.Domain, w.Outside}] = a
	}
}

// closeLine: its queue is gone.
func (c *Core) closeLine(l *line, now time.Time) {
	for _, w := range slices.Clone(l.waiting) {
		if w.kept != nil {
			c.end(w, provisioning.OutcomeStopped, now)
			continue
		}
		c.overflow(w, provisioning.OutcomeStopped, nil, now)
	}
}

// dismiss: nobody's member any more. The caller with whom it talks has one outcome all the same, when they have talked.
func (c *Core) dismiss(a *agent, now time.Time) {
	c.withdraw(a)
	a.wish.SignedIn = false
	c.show(a, now)
	for _, x := range c.calls { // order does not matter: it empties maps
		if x.talk == nil || x.talk.agent != a {
			delete(x.in, a)
		}
	}
}

// Registered says whether an agent's extension has a telephone that can be rung.
func (c *Core) Registered(now time.Time, k Key, yes bool) {
	a := c.agents[k]
	c.touched = c.touched || a != nil
	switch {
	case a == nil:
	case yes:
		a.unregistered, a.leaving = time.Time{}, false // should it not have been signed out, it can be another time
	case a.unregistered.IsZero():
		a.unregistered = now
	}
}

// Ready ends an agent's wrap-up, and the rest after a call that was not answered.
func (c *Core) Ready(_ time.Time, k Key) {
	if a := c.agents[k]; a != nil {
		c.touched = true
		a.wrapUntil, a.restUntil = time.Time{}, time.Time{}
	}
}

// Join puts a caller into a queue. Its waiting ends by Answered, by an Overflow or Answer command, or by the end of the call.
func (c *Core) Join(now time.Time, from Caller) {
	l, x := c.lines[from.Queue], c.call(from.Call, from.Queue.Domain)
	if x.waiting != nil {
		return
	}
	if l == nil {
		c.tell(Overflow{Call: from.Call, Domain: from.Queue.Domain, Queue: from.Queue.Number, Why: provisioning.OutcomeStopped})
		c.forget(x)
		return
	}
	x.visits = max(x.visits, from.Visit) + 1
	c.seq++
	w := &caller{line: l, call: from.Call, id: from.Call + "-q" + strconv.Itoa(x.visits), from: from, priority: 100*l.conf.Priority + from.Boost,
		arrived: now, seq: c.seq}
	full := l.live() >= or(l.conf.MaxWaiting, 50)
	x.waiting = w
	l.add(w)
	switch {
	case from.Closed:
		c.overflow(w, provisioning.OutcomeClosed, l.conf.Overflow.Closed, now)
	case full:
		c.overflow(w, provisioning.OutcomeLength, l.conf.Overflow.Length, now)
	case l.conf.Overflow.NoAgents != nil && !l.staffed():
		c.overflow(w, provisioning.OutcomeNoAgents, l.conf.Overflow.NoAgents, now)
	}
}

// Leave takes the caller of a call out of its line: somebody took it elsewhere.
func (c *Core) Leave(now time.Time, call string) {
	c.touched = true
	if x := c.calls[call]; x != nil && x.waiting != nil {
		c.end(x.waiting, provisioning.OutcomeMoved, now)
		c.forget(x)
	}
}

// Refused says that an agent did not take the caller of a call. Told of an offer that is none any more it means nothing.
func (c *Core) Refused(now time.Time, call, number string) {
	c.touched = true
	x := c.calls[call]
	if x == nil || x.waiting == nil {
		return
	}
	if a := c.agents[Key{x.domain, number}]; a != nil && a.offer == x.waiting {
		c.unanswered(a, now)
	}
}

// unanswered: the agent is passed over for a while.
func (c *Core) unanswered(a *agent, now time.Time) {
	a.restUntil = now.Add(seconds(a.offer.line.conf.Rest, 60))
	c.release(a)
}

// Answered says that an agent and the caller of a call talk.
func (c *Core) Answered(now time.Time, call, number string) {
	c.touched = true
	x := c.calls[call]
	if x == nil || x.waiting == nil {
		return
	}
	w, a := x.waiting, c.agents[Key{x.domain, number}]
	row := c.row(w, provisioning.OutcomeAnswered, now)
	row.Agent = number
	c.take(w)
	w.line.today.answered(w.line.conf.Target, now.Sub(w.arrived))
	if a == nil { // no member any more, but it answered
		c.tell(Visit{row})
		return
	}
	c.withdraw(a)                    // from another caller, should it have been overdue here
	x.in[a], a.in[call] = true, true // its snapshot follows; until then nobody may take it for free
	x.talk = &talk{line: w.line, agent: a, row: row, answered: now}
}

// Call takes the state that a call shows.
func (c *Core) Call(now time.Time, s Call) {
	x := c.calls[s.ID]
	if x == nil {
		if s.Over || !c.concerns(s) {
			return
		}
		x = c.call(s.ID, s.Domain)
	}
	c.touched = true
	in := map[*agent]bool{}
	for _, i := range s.In {
		if a := c.agentIn(x, i.Number); a != nil && !s.Over {
			in[a] = in[a] || i.Talking
		}
	}
	for _, a := range sortedAgents(x.in) {
		if _, still := in[a]; !still {
			c.goneFrom(x, a, now)
		}
	}
	for _, a := range sortedAgents(in) {
		a.in[s.ID], x.in[a] = in[a], in[a]
		if a.offer != nil && a.offer.call != s.ID && !a.offer.busy { // it took or makes another call meanwhile
			c.withdraw(a)
		}
	}
	if (s.Ending || s.Over) && x.waiting != nil {
		c.end(x.waiting, provisioning.OutcomeAbandoned, now)
	}
	if s.Over {
		delete(c.calls, s.ID)
		return
	}
	c.forget(x)
}

// goneFrom: a call shows an agent no more.
func (c *Core) goneFrom(x *live, a *agent, now time.Time) {
	delete(x.in, a)
	delete(a.in, x.id)
	if t := x.talk; t != nil && t.agent == a {
		x.talk = nil
		a.owed = t.line
		t.row.TalkMS = now.Sub(t.answered).Milliseconds()
		t.line.took(now.Sub(t.answered) + time.Duration(t.line.conf.WrapUp)*time.Second)
		c.tell(Visit{t.row})
	}
	a.left(now)
}

// Alive drops what is known of calls that are not there: should a last word ever be lost, nobody stays busy for it.
func (c *Core) Alive(now time.Time, there func(call string) bool) {
	for _, id := range slices.Sorted(maps.Keys(c.calls)) {
		if !there(id) {
			c.Call(now, Call{ID: id, Domain: c.calls[id].domain, Ending: true, Over: true})
		}
	}
}

func (c *Core) agentOf(domain, number string) *agent {
	if a := c.agents[Key{domain, number}]; a != nil {
		return a
	}
	return c.outside[Key{domain, number}]
}

// agentIn is who a call shows by a number. Who took its caller counts although it is nobody's member any more; one that is a member again goes on
// in its place.
func (c *Core) agentIn(x *live, number string) *agent {
	a := c.agentOf(x.domain, number)
	if t := x.talk; t != nil && a != t.agent && number != "" && (number == t.agent.key.Number || number == t.agent.wish.Outside) {
		if a == nil {
			return t.agent
		}
		delete(x.in, t.agent)
		t.agent, x.in[a] = a, true
	}
	return a
}

func (c *Core) concerns(s Call) bool {
	return slices.ContainsFunc(s.In, func(i InCall) bool { return c.agentOf(s.Domain, i.Number) != nil })
}

func (c *Core) call(id, domain string) *live {
	c.touched = true
	x := c.calls[id]
	if x == nil {
		x = &live{id: id, domain: domain, in: map[*agent]bool{}}
		c.calls[id] = x
	}
	return x
}

// forget drops a call of which there is nothing to know. One that was in a queue is kept until it is over: its visits are numbered.
func (c *Core) forget(x *live) {
	if x.waiting == nil && x.talk == nil && len(x.in) == 0 && x.visits == 0 {
		delete(c.calls, x.id)
	}
}

func (c *Core) talkOf(a *agent) *talk {
	for id := range a.in { // order does not matter: an agent is in one talk
		if x := c.calls[id]; x != nil && x.talk != nil && x.talk.agent == a {
			return x.talk
		}
	}
	return nil
}

func sortedKeys[T any](m map[Key]T) []Key {
	return slices.SortedFunc(maps.Keys(m), func(a, b Key) int {
		return cmp.Or(strings.Compare(a.Domain, b.Domain), strings.Compare(a.Number, b.Number))
	})
}

func sortedAgents(m map[*agent]bool) []*agent {
	return slices.SortedFunc(maps.Keys(m), func(a, b *agent) int { return strings.Compare(a.key.Number, b.key.Number) })
}
