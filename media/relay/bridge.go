package relay

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"naisen/media"
)

// bridge joins two endpoints. Its lock is signalling's; the packet path sees only the routes that publish stores.
type bridge struct {
	mu      sync.Mutex
	members []member
	taps    []*tapEntry
	closed  bool
}

type member struct {
	ep   *endpoint
	gate media.Gate
}

// tapEntry makes each attachment distinct, even of one Tap twice.
type tapEntry struct{ tap media.Tap }

// route is one member's part of the plan: immutable.
type route struct {
	taps  []media.Tap
	hears *endpoint // who hears this member; nil: nobody
}

// Join brings an endpoint in and to the shard of those already there. ErrFull for a third one (mixing comes later), ErrBusy if it is
// in another bridge, media.ErrClosed.
func (b *bridge) Join(ep media.Endpoint) error {
	e, ok := ep.(*endpoint)
	if !ok {
		return fmt.Errorf("relay: join: foreign endpoint %T", ep)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.closed || e.closing.Load():
		return media.ErrClosed
	case b.find(e) >= 0:
		return nil
	case len(b.members) >= 2:
		return ErrFull
	case !e.bridge.CompareAndSwap(nil, b):
		return ErrBusy
	}
	if len(b.members) > 0 {
		e.rehome(b.members[0].ep.home.Load())
	}
	b.members = append(b.members, member{ep: e})
	b.publish()
	return nil
}

// Leave takes an endpoint out; it is not an error if it is not in.
func (b *bridge) Leave(ep media.Endpoint) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e, _ := ep.(*endpoint)
	i := b.find(e)
	if i < 0 {
		return
	}
	b.members = slices.Delete(b.members, i, i+1)
	b.release(e)
	b.publish()
}

// Gate sets what a member takes part in.
func (b *bridge) Gate(ep media.Endpoint, g media.Gate) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e, _ := ep.(*endpoint)
	if i := b.find(e); i >= 0 {
		b.members[i].gate = g
		b.publish()
	}
}

// Attach adds a tap. All calls of one bridge's taps come from one goroutine at a time, except that in the millisecond around a Join
// the new member's packets may still come from another. A tap that blocks stops every call of its shard. After detach a packet
// in flight may still reach it.
func (b *bridge) Attach(t media.Tap) (detach func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return func() {}
	}
	entry := &tapEntry{t}
	b.taps = append(b.taps, entry)
	b.publish()
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if i := slices.Index(b.taps, entry); i >= 0 {
			b.taps = slices.Delete(b.taps, i, i+1)
			b.publish()
		}
	}
}

// Close lets everyone go. The endpoints live on.
func (b *bridge) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range b.members {
		b.release(m.ep)
	}
	b.members, b.taps, b.closed = nil, nil, true
	return nil
}

// String draws the plan in one line: who talks to whom, in which codec, and what does not fit.
func (b *bridge) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var sb strings.Builder
	for i, m := range b.members {
		if i > 0 {
			sb.WriteString(b.arrow())
		}
		sb.WriteString(m.ep.describe(m.gate))
	}
	if len(b.members) == 0 {
		sb.WriteString("empty")
	}
	fmt.Fprintf(&sb, " taps=%d", len(b.taps))
	return sb.String()
}

// arrow draws what passes between the two members.
func (b *bridge) arrow() string {
	x, y := b.members[0], b.members[1]
	from, to := kindOf(x.ep.Codec()), kindOf(y.ep.Codec())
	left, right := passes(y, x), passes(x, y)
	how := "relay"
	switch {
	case from == kindNone || to == kindNone:
		how = "not negotiated"
	case !relays(from, to):
		return " -x- (no common codec: not relayed) "
	case from != to:
		how = "table"
	}
	line := "-"
	if left {
		line = "<" + line
	}
	if right {
		line += ">"
	}
	return " " + line + " (" + how + ") "
}

// find gives the index of a member, or -1.
func (b *bridge) find(e *endpoint) int {
	return slices.IndexFunc(b.members, func(m member) bool { return m.ep == e })
}

func (b *bridge) release(e *endpoint) {
	e.route.Store(nil)
	e.bridge.CompareAndSwap(b, nil)
}

// publish compiles the plan and swaps it in.
func (b *bridge) publish() {
	taps := make([]media.Tap, len(b.taps))
	for i, t := range b.taps {
		taps[i] = t.tap
	}
	for i, m := range b.members {
		r := &route{taps: taps}
		if len(b.members) == 2 {
			if other := b.members[1-i]; passes(m, other) {
				r.hears = other.ep
			}
		}
		m.ep.route.Store(r)
	}
}

// passes says whether the gates let one member be heard by the other.
func passes(from, to member) bool {
	talks := from.gate == media.GateBoth || from.gate == media.GateTalk
	listens := to.gate == media.GateBoth || to.gate == media.GateListen
	return talks && listens
}

// describe is an endpoint in a bridge's line.
func (e *endpoint) describe(g media.Gate) string {
	s := e.session.Load()
	if s == nil {
		return e.id[:6] + "[?]"
	}
	security := "RTP"
	if s.secure {
		security = "SRTP"
	}
	gates := [...]string{"both", "listen", "talk", "none"}
	gate := "?"
	if int(g) >= 0 && int(g) < len(gates) {
		gate = gates[g]
	}
	return fmt.Sprintf("%s[%s %s %s]", e.id[:6], s.agreed.Codec, security, gate)
}
