package main

import (
	"slices"
	"sync"
	"time"

	"naisen/cmd/pbx/internal/queue"
)

// hall is where callers of queues wait. A call waits, and rings agents, at the node that has it. Whom it rings is decided at one node for all, the one with the
// duty: its distributor knows all calls, since all nodes show them, and each other node tells it who waits and hears what to do, as state that is said again
// after every loss. When that node dies the next one seats everybody anew, from when they came. A switch without other nodes is that node.
type hall struct {
	begin func() *queue.Distributor
	nodes duties // nil: there are no others
	afar  *neighbours
	moved func(kind string, k queue.Key) // a queue or an agent shows something else at the node that decides
	wake  chan struct{}                  // room for one

	mu       sync.Mutex         // guards the rest; nothing is called under it
	decides  *queue.Distributor // nil: another node does
	term     string             // random: since when it decides
	tickets  map[string]*ticket // of calls of this node, by ID
	visits   map[string]int     // queues that a call came into
	guests   map[string]*guest  // of calls of other nodes, by ID
	views    map[string]*queue.View
	unsaid   map[string]bool // tickets that have changed
	unseated map[string]bool // guests that have
}

// ticket is somebody who came into a queue. Its exported fields are what other nodes are told.
type ticket struct {
	Caller queue.Caller
	At     time.Time
	Said   []word // the last few

	seat  *queue.Seat
	said  uint64
	agent string // who answered
	met   bool   // and was shown by the call
	term  string // of whose notes were heard
	heard uint64
	place queue.Place
}

// word is something that a waiting call has to say to the distributor.
type word struct {
	N    uint64
	At   time.Time
	What saying
	Who  string
}

type saying string

const (
	saidRefused  saying = "refused"
	saidAnswered saying = "answered"
	saidWish     saying = "wish"
)

// guest is a ticket of another node, and what it is told.
type guest struct {
	ticket
	node   string
	seated bool
	seen   uint64
	notes  []memo
	noted  uint64
	place  queue.Place
}

// seating is what the node that decides tells about a guest.
type seating struct {
	Term  string
	Visit int
	Notes []memo // the last few
	Place queue.Place
}

// memo is a command of the distributor: one of them.
type memo struct {
	N        uint64
	Offer    *queue.Offer    `json:",omitempty"`
	Withdraw *queue.Withdraw `json:",omitempty"`
	Answer   *queue.Answer   `json:",omitempty"`
	Overflow *queue.Overflow `json:",omitempty"`
}

// keptWords is how many words and notes are told again: a script says one thing and waits.
const keptWords = 8

func memoOf(n uint64, c queue.Command) memo {
	out := memo{N: n}
	switch c := c.(type) {
	case queue.Offer:
		out.Offer = &c
	case queue.Withdraw:
		out.Withdraw = &c
	case queue.Answer:
		out.Answer = &c
	case queue.Overflow:
		out.Overflow = &c
	}
	return out
}

// command of a memo; nil: one of a newer switch.
func (n memo) command() queue.Command {
	switch {
	case n.Offer != nil:
		return *n.Offer
	case n.Withdraw != nil:
		return *n.Withdraw
	case n.Answer != nil:
		return *n.Answer
	case n.Overflow != nil:
		return *n.Overflow
	}
	return nil
}

// duties says which node decides; *nodes.Members implements it.
type duties interface {
	Name() string // this one's
	Duty() string // empty: nobody's
}

// newHall makes one that decides.
func newHall(begin func() *queue.Distributor) *hall {
	return &hall{begin: begin, decides: begin(), wake: make(chan struct{}, 1), tickets: map[string]*ticket{}, visits: map[string]int{},
		guests: map[string]*guest{}, views: map[string]*queue.View{}, unsaid: map[string]bool{}, unseated: map[string]bool{}}
}

// here is the distributor, where this node decides.
func (h *hall) here() *queue.Distributor {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.decides
}

func (h *hall) close() {
	if d := h.here(); d != nil {
		d.Close()
	}
}

// changed marks a ticket: others are to be told. h.mu is held.
func (h *hall) changed(id string) {
	if h.nodes != nil {
		h.unsaid[id] = true
	}
}

func (h *hall) stir() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// Join implements app.Queues.
func (h *hall) Join(c queue.Caller) *queue.Seat {
	h.mu.Lock()
	c.Visit = h.visits[c.Call]
	h.visits[c.Call]++
	t := &ticket{Caller: c, At: time.Now(), seat: queue.NewSeat()}
	h.tickets[c.Call] = t
	h.changed(c.Call)
	d := h.decides
	h.mu.Unlock()
	if d != nil {
		d.Rejoin(c, time.Time{}, func(cmd queue.Command) { h.hear(t, cmd) })
	}
	h.stir()
	return t.seat
}

// hear passes on what the distributor has for a call of this node.
func (h *hall) hear(t *ticket, cmd queue.Command) {
	h.mu.Lock()
	switch cmd.(type) {
	case queue.Overflow: // it waits no more
		h.leave(t)
	case queue.Answer:
		t.Said = slices.DeleteFunc(t.Said, func(w word) bool { return w.What == saidWish })
		h.changed(t.Caller.Call)
	}
	h.mu.Unlock()
	t.seat.Add(cmd)
	h.stir()
}

// leave: a ticket is void. h.mu is held.
func (h *hall) leave(t *ticket) {
	if id := t.Caller.Call; h.tickets[id] == t {
		delete(h.tickets, id)
		h.changed(id)
	}
}

// say tells the distributor something of a call of this node.
func (h *hall) say(call string, what saying, who string) {
	w := word{At: time.Now(), What: what, Who: who}
	h.mu.Lock()
	if t := h.tickets[call]; t != nil {
		t.said++
		w.N = t.said
		t.Said = append(t.Said[max(0, len(t.Said)-keptWords+1):len(t.Said):len(t.Said)], w)
		if what == saidAnswered {
			t.agent = who
		}
		h.changed(call)
	}
	d := h.decides
	h.mu.Unlock()
	if d != nil {
		deliver(d, call, w, true)
	}
	h.stir()
}

// deliver gives a word to a distributor. now: it was said a moment ago, and not to another one.
func deliver(d *queue.Distributor, call string, w word, now bool) {
	switch {
	case w.What == saidRefused:
		d.Refused(call, w.Who)
	case w.What == saidWish:
		d.WantKept(call, w.Who)
	case w.What == saidAnswered && now:
		d.Answered(call, w.Who)
	case w.What == saidAnswered:
		d.Reanswered(call, w.Who, w.At)
	}
}

// Refused implements app.Queues.
func (h *hall) Refused(call, agent string) { h.say(call, saidRefused, agent) }

// Answered implements app.Queues.
func (h *hall) Answered(call, agent string) { h.say(call, saidAnswered, agent) }

// WantKept implements app.Queues.
func (h *hall) WantKept(call, number string) { h.say(call, saidWish, number) }

// shown is told of each state of a call of this node: whose talk is over, or who is gone, holds no ticket.
func (h *hall) shown(c queue.Call) {
	h.mu.Lock()
	t := h.tickets[c.ID]
	if c.Over {
		delete(h.visits, c.ID)
	}
	if t != nil {
		here := slices.ContainsFunc(c.In, func(i queue.InCall) bool { return i.Number == t.agent })
		if c.Over || t.agent != "" && t.met && !here {
			h.leave(t)
		}
		t.met = t.met || t.agent != "" && here
	}
	h.mu.Unlock()
	if t != nil {
		h.stir()
	}
}

// place of a call of this node in its line.
func (h *hall) place(id string) (queue.Place, bool) {
	h.mu.Lock()
	d, t := h.decides, h.tickets[id]
	var p queue.Place
	if t != nil {
		p = t.place
	}
	h.mu.Unlock()
	if d == nil {
		return p, p.Position > 0
	}
	p, ok := d.View().Places[id]
	return p, ok
}

// View is what the node that decides shows; safe from any goroutine.
func (h *hall) View() *queue.View {
	h.mu.Lock()
	d := h.decides
	h.mu.Unlock()
	if d != nil {
		return d.View()
	}
	duty := h.nodes.Duty()
	h.mu.Lock()
	defer h.mu.Unlock()
	if v := h.views[duty]; v != nil {
		return v
	}
	return &queue.View{}
}

// What follows concerns the distributor alone, and means nothing where another node has it.

// Configured says that the directory has changed.
func (h *hall) Configured() { h.with((*queue.Distributor).Configured) }

// Changed takes the state of a call.
func (h *hall) Changed(c queue.Call) { h.with(func(d *queue.Distributor) { d.Changed(c) }) }

// Registrations says that the telephones of an extension have changed.
func (h *hall) Registrations(k queue.Key) { h.with(func(d *queue.Distributor) { d.Registrations(k) }) }

// Kept says whether a call-back stands in the store.
func (h *hall) Kept(call string, ok bool) { h.with(func(d *queue.Distributor) { d.Kept(call, ok) }) }

// Called says what came of a call-back's call.
func (h *hall) Called(domain, id, agent string, what queue.Tried) {
	h.with(func(d *queue.Distributor) { d.Called(domain, id, agent, what) })
}

func (h *hall) with(f func(*queue.Distributor)) {
	if d := h.here(); d != nil {
		f(d)
	}
}
