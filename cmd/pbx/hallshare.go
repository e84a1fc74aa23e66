package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"naisen/cmd/pbx/internal/queue"
	"naisen/provisioning"
)

// among makes the hall one of several: which node decides shows soon. Only before anything runs.
func (h *hall) among(m duties, afar *neighbours) {
	h.decides.Close()
	h.decides, h.nodes, h.afar = nil, m, afar
	afar.on[kindWait], afar.on[kindSeat], afar.on[kindReady] = h.learnTicket, h.learnSeating, h.learnReady
	afar.on[kindLine] = func(node, id string, value []byte) {
		learnView(h, node, kindLine, id, value, func(v *queue.View) map[queue.Key]queue.QueueView { return v.Queues })
	}
	afar.on[kindAgent] = func(node, id string, value []byte) {
		learnView(h, node, kindAgent, id, value, func(v *queue.View) map[queue.Key]queue.AgentView { return v.Agents })
	}
}

// preside decides while the duty is here, and tells others, until ctx ends.
func (q *queues) preside(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		duty, here := q.nodes.Duty(), q.here()
		switch mine := duty == q.nodes.Name(); {
		case mine && here == nil:
			q.takeOver(ctx)
		case !mine && here != nil && duty != "":
			q.handOver()
		}
		q.hall.flush()
		select {
		case <-q.wake:
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// takeOver seats everybody who waits, in the order in which they came, and all who talk with agents.
func (q *queues) takeOver(ctx context.Context) {
	d := q.begin()
	d.Configured()
	d.Restore(q.today(ctx))
	h := q.hall
	type seated struct {
		ticket
		hear func(queue.Command)
	}
	var all []seated
	h.mu.Lock()
	h.decides, h.term = d, rand.Text()
	for id, t := range h.tickets {
		all = append(all, seated{*t, func(c queue.Command) { h.hear(t, c) }})
		h.unsaid[id] = true
	}
	for id, g := range h.guests {
		g.seated, g.notes, g.noted = true, nil, 0
		if n := len(g.Said); n > 0 {
			g.seen = g.Said[n-1].N
		}
		all = append(all, seated{g.ticket, func(c queue.Command) { h.note(id, c) }})
	}
	h.mu.Unlock()
	q.log.Info("queues: this node decides", "waiting", len(all))
	slices.SortFunc(all, func(a, b seated) int { return a.At.Compare(b.At) })
	for _, t := range all {
		d.Rejoin(t.Caller, t.At, t.hear)
		for _, w := range t.Said {
			deliver(d, t.Caller.Call, w, false)
		}
	}
}

// handOver leaves it to another node, which is told who waits here.
func (q *queues) handOver() {
	h := q.hall
	h.mu.Lock()
	d := h.decides
	h.decides = nil
	for id := range h.tickets {
		h.unsaid[id] = true
	}
	for id, g := range h.guests {
		g.seated, g.seen = false, 0
		h.unseated[id] = true
	}
	h.mu.Unlock()
	v := d.View()
	d.Close()
	for k := range v.Queues {
		h.tell(kindLine, k, nil)
	}
	for k := range v.Agents {
		h.tell(kindAgent, k, nil)
	}
	q.log.Info("queues: another node decides")
}

// tell shows a queue or an agent to the others; nil: no more.
func (h *hall) tell(kind string, k queue.Key, x any) {
	if h.afar != nil {
		h.set(kind+"/"+k.Domain+"/"+k.Number, x)
	}
}

func (h *hall) set(key string, x any) {
	if x == nil {
		h.afar.mirror.Set(key, nil)
		return
	}
	text, err := json.Marshal(x)
	if err != nil {
		h.afar.log.Error("queues: cannot be told to the others", "what", key, "err", err)
		return
	}
	h.afar.mirror.Set(key, text)
}

// flush tells what has changed: tickets to the node that decides, and from there what it has for them.
func (h *hall) flush() {
	out := map[string]any{}
	h.mu.Lock()
	for id := range h.unsaid {
		out[kindWait+"/"+id] = nil
		if t := h.tickets[id]; t != nil && h.decides == nil {
			out[kindWait+"/"+id] = ticket{Caller: t.Caller, At: t.At, Said: slices.Clone(t.Said)}
		}
	}
	for id := range h.unseated {
		out[kindSeat+"/"+id] = nil
		if g := h.guests[id]; g != nil && g.seated {
			out[kindSeat+"/"+id] = seating{h.term, g.Caller.Visit, slices.Clone(g.notes), g.place}
		}
	}
	clear(h.unsaid)
	clear(h.unseated)
	h.mu.Unlock()
	for key, x := range out {
		h.set(key, x)
	}
}

// note keeps what the distributor has for a guest.
func (h *hall) note(id string, c queue.Command) {
	h.mu.Lock()
	if g := h.guests[id]; g != nil {
		g.noted++
		g.notes = append(g.notes[max(0, len(g.notes)-keptWords+1):len(g.notes):len(g.notes)], memoOf(g.noted, c))
		h.unseated[id] = true
	}
	h.mu.Unlock()
	h.stir()
}

// placed tells guests where they stand now.
func (h *hall) placed(v *queue.View) {
	h.mu.Lock()
	for id, g := range h.guests {
		if p := v.Places[id]; p != g.place {
			g.place = p
			h.unseated[id] = true
		}
	}
	h.mu.Unlock()
	h.stir()
}

// learnTicket: somebody waits in a call of another node, or has something to say.
func (h *hall) learnTicket(node, id string, value []byte) {
	var t ticket
	if value == nil || json.Unmarshal(value, &t) != nil || t.Caller.Call != id {
		h.mu.Lock()
		delete(h.guests, id)
		h.unseated[id] = true
		h.mu.Unlock()
		h.stir()
		return
	}
	h.mu.Lock()
	g := h.guests[id]
	if g == nil || g.node != node || g.Caller.Visit != t.Caller.Visit { // another queue
		g = &guest{node: node}
		h.guests[id] = g
	}
	g.ticket = t
	d := h.decides
	var fresh []word
	join := d != nil && !g.seated
	if d != nil {
		g.seated = true
		for _, w := range t.Said {
			if w.N > g.seen {
				fresh = append(fresh, w)
				g.seen = w.N
			}
		}
	}
	h.mu.Unlock()
	if join {
		d.Rejoin(t.Caller, t.At, func(c queue.Command) { h.note(id, c) })
	}
	for _, w := range fresh {
		deliver(d, id, w, !join)
	}
}

// learnSeating: the node that decides has something for a call of this one.
func (h *hall) learnSeating(node, id string, value []byte) {
	var s seating
	if value == nil || json.Unmarshal(value, &s) != nil || h.nodes.Duty() != node {
		return
	}
	var fresh []queue.Command
	h.mu.Lock()
	t := h.tickets[id]
	if t == nil || h.decides != nil || s.Visit != t.Caller.Visit {
		h.mu.Unlock()
		return
	}
	if t.term != s.Term {
		t.term, t.heard = s.Term, 0
	}
	t.place = s.Place
	for _, n := range s.Notes {
		if c := n.command(); n.N > t.heard {
			t.heard = n.N
			if c != nil {
				fresh = append(fresh, c)
			}
		}
	}
	h.mu.Unlock()
	for _, c := range fresh {
		h.hear(t, c)
	}
}

// keyOfView is a queue's or an agent's.
func keyOfView(id string) queue.Key {
	domain, number, _ := strings.Cut(id, "/")
	return queue.Key{Domain: domain, Number: number}
}

// learnView takes what a node shows of a queue or an agent. Views never change: there is a new one.
func learnView[T any](h *hall, node, kind, id string, value []byte, part func(*queue.View) map[queue.Key]T) {
	var x T
	if value != nil && json.Unmarshal(value, &x) != nil {
		return
	}
	k := keyOfView(id)
	h.mu.Lock()
	v := &queue.View{Queues: map[queue.Key]queue.QueueView{}, Agents: map[queue.Key]queue.AgentView{}}
	if old := h.views[node]; old != nil {
		v.Queues, v.Agents = maps.Clone(old.Queues), maps.Clone(old.Agents)
	}
	if value == nil {
		delete(part(v), k)
	} else {
		part(v)[k] = x
	}
	if h.views[node] = v; len(v.Queues)+len(v.Agents) == 0 {
		delete(h.views, node)
	}
	h.mu.Unlock()
	h.moved(kind, k)
}

// Ready ends an agent's wrap-up, and the rest after a call that was not answered.
func (h *hall) Ready(k queue.Key) {
	if d := h.here(); d != nil {
		d.Ready(k)
	} else {
		h.tell(kindReady, k, time.Now())
	}
}

func (h *hall) learnReady(_, id string, value []byte) {
	if value != nil {
		h.with(func(d *queue.Distributor) { d.Ready(keyOfView(id)) })
	}
}

// Restore counts the rows of earlier today.
func (h *hall) Restore(rows []provisioning.QueueVisit) {
	h.with(func(d *queue.Distributor) { d.Restore(rows) })
}
