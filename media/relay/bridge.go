package relay

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"naisen/media"
	"naisen/media/mix"
)

// bridge joins two endpoints by relaying their packets, and more of them by mixing. Its lock is signalling's; the packet path sees only the
// routes that publish stores.
type bridge struct {
	mu      sync.Mutex
	members []member
	taps    []*tapEntry
	mixing  *mixing // nil: a relay is enough
	closed  bool
}

type member struct {
	ep   *endpoint
	gate media.Gate
	only *endpoint // GateWhisper: who hears it
	seat *seat     // in the mix; nil outside one
}

func (m member) talks() bool { return m.gate == media.GateBoth || m.gate == media.GateTalk }

func (m member) listens() bool {
	return m.gate == media.GateBoth || m.gate == media.GateListen || m.gate == media.GateWhisper
}

// tapEntry makes each attachment distinct, even of one Tap twice.
type tapEntry struct{ tap media.Tap }

// route is one member's part of the plan: immutable.
type route struct {
	taps  []media.Tap
	hears *endpoint // who hears this member's packets; in a mix, its digits; nil: nobody
	seat  *seat     // where its voice is mixed; nil: it is relayed
}

// Join brings an endpoint in and to the shard of those already there. ErrFull above mix.MaxMembers, ErrBusy if it is in another bridge,
// media.ErrClosed.
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
	case len(b.members) >= mix.MaxMembers:
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
	for i := range b.members {
		if m := &b.members[i]; m.only == e { // nobody is left to whisper to
			m.gate, m.only = media.GateListen, nil
		}
	}
	b.publish()
}

// Gate sets what a member takes part in. GateWhisper needs to know to whom: by Gate alone it is GateListen.
func (b *bridge) Gate(ep media.Endpoint, g media.Gate) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if g == media.GateWhisper {
		g = media.GateListen
	}
	e, _ := ep.(*endpoint)
	if i := b.find(e); i >= 0 {
		b.members[i].gate, b.members[i].only = g, nil
		b.publish()
	}
}

// Whisper lets a member hear everybody and be heard by one other alone. Where that one is no member, it only listens.
func (b *bridge) Whisper(ep, to media.Endpoint) {
	b.mu.Lock()
	defer b.mu.Unlock()
	e, _ := ep.(*endpoint)
	other, _ := to.(*endpoint)
	i := b.find(e)
	if i < 0 {
		return
	}
	b.members[i].gate, b.members[i].only = media.GateListen, nil
	if other != e && b.find(other) >= 0 {
		b.members[i].gate, b.members[i].only = media.GateWhisper, other
	}
	b.publish()
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
	b.unmix()
	return nil
}

// String draws the plan in one line: who talks to whom, in which codec, and what does not fit.
func (b *bridge) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var sb strings.Builder
	if b.mixing != nil {
		sb.WriteString("mix: ")
	}
	for i, m := range b.members {
		switch {
		case i == 0:
		case b.mixing != nil:
			sb.WriteString(", ")
		default:
			sb.WriteString(b.arrow())
		}
		sb.WriteString(m.describe())
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
	case transcodes(from, to) && !relays(from, to):
		how = fmt.Sprintf("transcode at %d kHz", commonRate(codecOf[from], codecOf[to])/1000)
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

// mixes says whether packets alone will not do.
func (b *bridge) mixes() bool {
	return len(b.members) > 2 || slices.ContainsFunc(b.members, func(m member) bool { return m.gate == media.GateWhisper })
}

// publish compiles the plan and swaps it in.
func (b *bridge) publish() {
	taps := make([]media.Tap, len(b.taps))
	for i, t := range b.taps {
		taps[i] = t.tap
	}
	if b.mixes() {
		b.mix()
	} else {
		b.unmix()
	}
	for i, m := range b.members {
		r := &route{taps: taps, seat: m.seat}
		if other := b.partner(i); other != nil && passes(m, *other) {
			r.hears = other.ep
		}
		m.ep.route.Store(r)
	}
}

// partner is the one other whom packets of a member go to as they are: of two members the other one. Of more, where two alone speak, it is
// the other speaker, for the digits: who listens in must not keep a caller from a menu. In a conference digits are the room's.
func (b *bridge) partner(i int) *member {
	var found *member
	for j := range b.members {
		m := &b.members[j]
		if j == i || len(b.members) > 2 && !m.talks() {
			continue
		}
		if found != nil {
			return nil
		}
		found = m
	}
	return found
}

// passes says whether the gates let one member be heard by the other.
func passes(from, to member) bool { return from.talks() && to.listens() }

// describe is a member in a bridge's line.
func (m member) describe() string {
	e := m.ep
	s := e.session.Load()
	if s == nil {
		return e.id[:6] + "[?]"
	}
	security := "RTP"
	if s.secure {
		security = "SRTP"
	}
	if s.audio == kindFax {
		security = "UDPTL"
	}
	gates := [...]string{"both", "listen", "talk", "none", "whisper"}
	gate := "?"
	if int(m.gate) >= 0 && int(m.gate) < len(gates) {
		gate = gates[m.gate]
	}
	if m.only != nil {
		gate += ">" + m.only.id[:6]
	}
	return fmt.Sprintf("%s[%s %s %s]", e.id[:6], s.agreed.Codec, security, gate)
}
