// Package live tells consumers what changes while they look: calls, lamps, registrations, queues. It owns who looks and what they have not
// been told yet. It holds no state of what it tells: a change is a mark, and what it means is read from its Source when the consumer is
// ready for it, so that a slow one gets the present and never an old queue. It never decides who may see.
package live

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"

	"naisen/provisioning"
)

// Sentinel errors; callers use errors.Is.
var (
	ErrFull    = errors.New("live: too many consumers")
	ErrClosed  = errors.New("live: closed")
	ErrUnknown = errors.New("live: no such topic")
)

// State is one thing as it is now.
type State struct {
	Key   string
	Owner string // User.Name to whom it belongs, for the policy; empty: nobody
	Value any    // plain, for JSON; never changed afterwards
}

// Source knows the present state of a topic. Its methods are called by consumers at any time, and never under a lock of the hub.
type Source interface {
	List(domain string) []State
	Get(domain, key string) (State, bool) // false: it is no more
}

// Topic is a kind of things to look at. Who may do Action to an object of Kind sees it.
type Topic struct {
	Name   string
	Action provisioning.Action
	Kind   string
	Source Source
}

// Bounds.
const (
	maxMarks     = 1024 // changes of one consumer that it has not been told
	maxConsumers = 500
	maxOfDomain  = 200
)

// Hub joins those who change with those who look. Safe for concurrent use.
type Hub struct {
	watched atomic.Int64
	gaps    atomic.Uint64

	mu        sync.Mutex // map work only
	topics    map[string]Topic
	consumers map[string]map[*Consumer]struct{} // by domain
	closed    bool
}

// New makes a hub without topics.
func New() *Hub {
	return &Hub{topics: map[string]Topic{}, consumers: map[string]map[*Consumer]struct{}{}}
}

// Add makes a topic known, before anybody looks.
func (h *Hub) Add(t Topic) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.topics[t.Name] = t
}

// Topics are their names, sorted.
func (h *Hub) Topics() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := make([]string, 0, len(h.topics))
	for name := range h.topics {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// Changed marks a thing as changed, for all who look at its domain. It never blocks, and costs nothing while nobody looks. A nil hub has
// nobody who looks.
func (h *Hub) Changed(topic, domain, key string) {
	if h == nil || h.watched.Load() == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for c := range h.consumers[domain] {
		if c.topics[topic].Source != nil {
			c.mark(Mark{topic, key}, &h.gaps)
		}
	}
}

// Anew says that changes were missed: everybody is told everything.
func (h *Hub) Anew() {
	if h == nil || h.watched.Load() == 0 {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, of := range h.consumers {
		for c := range of {
			c.renew()
		}
	}
}

// Stats of the hub.
type Stats struct {
	Consumers int
	Gaps      uint64 // changes that a consumer was too slow for; it was told everything anew
}

// Stats now.
func (h *Hub) Stats() Stats { return Stats{int(h.watched.Load()), h.gaps.Load()} }

// Look begins to look at topics of a domain, all of them if none is named. Everything is marked as new at first. ErrFull, ErrClosed, ErrUnknown.
func (h *Hub) Look(domain string, topics ...string) (*Consumer, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := &Consumer{hub: h, domain: domain, topics: map[string]Topic{}, all: true, marked: map[Mark]struct{}{}, wake: make(chan struct{}, 1)}
	for name, t := range h.topics {
		if len(topics) == 0 || slices.Contains(topics, name) {
			c.topics[name] = t
		}
	}
	switch {
	case h.closed:
		return nil, ErrClosed
	case h.watched.Load() >= maxConsumers || len(h.consumers[domain]) >= maxOfDomain:
		return nil, ErrFull
	case len(topics) > 0 && len(c.topics) < len(topics), slices.ContainsFunc(topics, func(n string) bool { return h.topics[n].Source == nil }):
		return nil, ErrUnknown
	}
	if h.consumers[domain] == nil {
		h.consumers[domain] = map[*Consumer]struct{}{}
	}
	h.consumers[domain][c] = struct{}{}
	h.watched.Add(1)
	c.wake <- struct{}{}
	return c, nil
}

// Close ends all looking.
func (h *Hub) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	for _, of := range h.consumers {
		for c := range of {
			c.end()
		}
	}
}

// Mark names what changed.
type Mark struct{ Topic, Key string }

// Consumer is one who looks. One goroutine reads it.
type Consumer struct {
	hub    *Hub
	domain string
	topics map[string]Topic
	wake   chan struct{} // capacity 1

	mu     sync.Mutex
	order  []Mark
	marked map[Mark]struct{}
	all    bool   // everything is to be told anew
	missed uint64 // marks that were thrown away for it
	ended  bool
}

func (c *Consumer) mark(m Mark, gaps *atomic.Uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.marked[m]; known {
		return
	}
	if len(c.order) >= maxMarks {
		gaps.Add(uint64(len(c.order)))
		c.missed += uint64(len(c.order))
		c.all, c.order = true, nil
		clear(c.marked)
	}
	c.order = append(c.order, m)
	c.marked[m] = struct{}{}
	c.poke()
}

func (c *Consumer) renew() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all, c.order = true, nil
	clear(c.marked)
	c.poke()
}

func (c *Consumer) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ended = true
	c.poke()
}

func (c *Consumer) poke() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// Wake has a value when Next has something.
func (c *Consumer) Wake() <-chan struct{} { return c.wake }

// Change is one thing as it is now, or that it is no more.
type Change struct {
	Topic Topic
	State
	Over bool
}

// News is what Next gives.
type News struct {
	Missed  uint64 // so many changes were not kept: what follows is everything
	All     bool   // these are all things there are; what is missing is no more
	Changes []Change
	Ended   bool // there will be nothing more
}

// Next takes what changed since the last call, as it is now.
func (c *Consumer) Next() News {
	c.mu.Lock()
	n := News{Missed: c.missed, All: c.all, Ended: c.ended}
	order := c.order
	c.order, c.all, c.missed = nil, false, 0
	clear(c.marked)
	c.mu.Unlock()
	if n.All {
		for _, name := range c.names() {
			t := c.topics[name]
			for _, s := range t.Source.List(c.domain) {
				n.Changes = append(n.Changes, Change{Topic: t, State: s})
			}
		}
		return n
	}
	for _, m := range order {
		t := c.topics[m.Topic]
		s, ok := t.Source.Get(c.domain, m.Key)
		s.Key = m.Key
		n.Changes = append(n.Changes, Change{t, s, !ok})
	}
	return n
}

func (c *Consumer) names() []string {
	out := make([]string, 0, len(c.topics))
	for name := range c.topics {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// Close ends the looking.
func (c *Consumer) Close() {
	h := c.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.consumers[c.domain][c]; !ok {
		return
	}
	delete(h.consumers[c.domain], c)
	if len(h.consumers[c.domain]) == 0 {
		delete(h.consumers, c.domain)
	}
	h.watched.Add(-1)
}
