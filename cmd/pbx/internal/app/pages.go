package app

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/media"
)

// Paging is what the number of a paging group is set to.
type Paging struct {
	Number, Title string
	Members       []string
	Wait, Longest time.Duration
	Announce      string // prompt; empty: none
}

// Summons is a member's telephone that shall answer by itself and let its person hear.
type Summons struct {
	Call, Domain string
	Group, Title string
	By           string // extension that speaks
	Member       string
	Page         string // call of who speaks
	// Done is told once whether somebody has answered. It must not block.
	Done func(answered bool)
}

// Callers reach members. Their methods do not wait for a telephone.
type Callers interface {
	NewCall() string // names a call
	// Ring begins the call of a summons. ErrLeftAlone: the person is not to be disturbed, or has no telephone; any other error: not now.
	Ring(Summons) error
	HangUp(domain, call string) // also where the call is over
}

// Errors of Pages and Callers; callers use errors.Is.
var (
	ErrLeftAlone = errors.New("app: the member is left alone")
	ErrPaged     = errors.New("app: somebody speaks to that group already")
)

// Pages are the announcements that are spoken now, one to a group at a time. Each is a bridge in which one speaks and the others listen, each in
// a call of its own. The lock is held for list work and for the bridge's own signalling; who comes or goes is told by mailbox.
type Pages struct {
	bridge  func() media.Bridge
	callers Callers
	stats   PageStats

	mu     sync.Mutex
	groups map[string]*page // by domain and number
	calls  map[string]*page // by domain and the call of who speaks
}

// PageStats counts since the start.
type PageStats struct {
	Begun    atomic.Uint64 // announcements
	Answered atomic.Uint64 // members whose telephone answered
	Missed   atomic.Uint64 // members that were rung, and nobody answered
	Alone    atomic.Uint64 // members that were not rung
	Shed     atomic.Uint64 // members that the switch had no room for
}

// NewPages makes announcements of bridges.
func NewPages(bridge func() media.Bridge, callers Callers) *Pages {
	return &Pages{bridge: bridge, callers: callers, groups: map[string]*page{}, calls: map[string]*page{}}
}

// Stats counts since the start.
func (p *Pages) Stats() *PageStats { return &p.stats }

// Len is the number of announcements that are spoken.
func (p *Pages) Len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.groups)
}

// page is one announcement. of.mu guards what is below it.
type page struct {
	of     *Pages
	domain string
	call   string // of who speaks
	by     string // its extension
	group  Paging

	bridge  media.Bridge // nil: nobody is in it
	speaker call.Guest   // no Endpoint: not in
	members []*listener
	asked   bool // everybody who can be rung is rung
	open    bool // who speaks has been given the word
	over    bool
}

// listener is a member that was rung.
type listener struct {
	call  string
	where hearing
	guest call.Guest
}

// hearing is where a member stands.
type hearing int

const (
	isRung hearing = iota // or has answered, and is not in yet
	isIn
	isOut // hung up, or never came
)

// reach is how many members an announcement has, and how far they are.
type reach struct {
	rung, in int
	asked    bool // nobody else will be rung
}

// begin opens the announcement to a group. ErrPaged: somebody speaks to it already.
func (p *Pages) begin(domain, id, by string, g Paging) (*page, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := domain + "/" + g.Number
	if p.groups[at] != nil {
		return nil, ErrPaged
	}
	x := &page{of: p, domain: domain, call: id, by: by, group: g}
	p.groups[at], p.calls[domain+"/"+id] = x, x
	p.stats.Begun.Add(1)
	return x, nil
}

// seat is the place of the member whose call that is, in the announcement of a call; false: it is over, or not for that one.
func (p *Pages) seat(domain, page, member string) (*seat, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if x := p.calls[domain+"/"+page]; x != nil {
		for _, m := range x.members {
			if m.call == member {
				return &seat{x, m}, true
			}
		}
	}
	return nil, false
}

// summon rings everybody but who speaks. It works beside the call.
func (x *page) summon() {
	for _, number := range x.group.Members {
		if number == x.by {
			continue
		}
		m, ok := x.expect(x.of.callers.NewCall())
		if !ok {
			return
		}
		err := x.of.callers.Ring(Summons{Call: m.call, Domain: x.domain, Group: x.group.Number, Title: x.group.Title, By: x.by, Member: number, Page: x.call,
			Done: func(answered bool) { x.done(m, answered) }})
		switch {
		case errors.Is(err, ErrLeftAlone):
			x.of.stats.Alone.Add(1)
		case err != nil:
			x.of.stats.Shed.Add(1)
		case x.ended(): // while it was begun
			x.of.callers.HangUp(x.domain, m.call)
		}
		if err != nil {
			x.gone(m)
		}
	}
	x.of.mu.Lock()
	x.asked = true
	x.of.mu.Unlock()
}

// expect notes a member that is about to be rung; false: the announcement is over.
func (x *page) expect(call string) (*listener, bool) {
	x.of.mu.Lock()
	defer x.of.mu.Unlock()
	m := &listener{call: call}
	if !x.over {
		x.members = append(x.members, m)
	}
	return m, !x.over
}

// done is told of each call once: somebody has answered, and comes in, or nobody has.
func (x *page) done(m *listener, answered bool) {
	if answered {
		x.of.stats.Answered.Add(1)
		return
	}
	x.of.stats.Missed.Add(1)
	x.gone(m)
}

// gone: the member will not come, or not come back.
func (x *page) gone(m *listener) {
	x.of.mu.Lock()
	m.where = isOut
	tell := x.speaker.Tell
	x.of.mu.Unlock()
	if tell != nil {
		tell()
	}
}

// reach is how far the members are.
func (x *page) reach() reach {
	x.of.mu.Lock()
	defer x.of.mu.Unlock()
	r := reach{asked: x.asked}
	for _, m := range x.members {
		switch m.where {
		case isRung:
			r.rung++
		case isIn:
			r.in++
		case isOut:
		}
	}
	return r
}

func (x *page) ended() bool {
	x.of.mu.Lock()
	defer x.of.mu.Unlock()
	return x.over
}

// opened: who speaks has been given the word.
func (x *page) opened() bool {
	x.of.mu.Lock()
	defer x.of.mu.Unlock()
	return x.open
}

// begins gives who speaks the word: everybody who is in hears the tone first.
func (x *page) begins() {
	x.of.mu.Lock()
	x.open = true
	tell := x.tells()
	x.of.mu.Unlock()
	for _, f := range tell {
		f()
	}
}

// tells are the members to tell. Called with of.mu held.
func (x *page) tells() (out []func()) {
	for _, m := range x.members {
		if m.where == isIn {
			out = append(out, m.guest.Tell)
		}
	}
	return out
}

// end closes the announcement to newcomers. It returns the calls of the members that are to be ended.
func (x *page) end() (calls []string) {
	x.of.mu.Lock()
	defer x.of.mu.Unlock()
	if x.over {
		return nil
	}
	x.over = true
	delete(x.of.groups, x.domain+"/"+x.group.Number)
	delete(x.of.calls, x.domain+"/"+x.call)
	for _, m := range x.members {
		if m.where != isOut {
			calls = append(calls, m.call)
		}
	}
	return calls
}

// join brings an endpoint to the bridge. Called with of.mu held.
func (x *page) join(g call.Guest) error {
	if x.over {
		return call.ErrGone
	}
	if err := x.among().Join(g.Endpoint); err != nil {
		x.sweep()
		return err
	}
	x.bridge.Gate(g.Endpoint, g.Gate)
	return nil
}

// among is the bridge. Called with of.mu held.
func (x *page) among() media.Bridge {
	if x.bridge == nil {
		x.bridge = x.of.bridge()
	}
	return x.bridge
}

// sweep lets the bridge go after the last one. Called with of.mu held.
func (x *page) sweep() {
	if x.bridge == nil || x.speaker.Endpoint != nil {
		return
	}
	for _, m := range x.members {
		if m.guest.Endpoint != nil {
			return
		}
	}
	_ = x.bridge.Close() // nobody is in it
	x.bridge = nil
}
