// Package trace owns the SIP messages of the calls that run and of those that ended lately, in memory alone and within bounds, for who looks for a
// fault. It is given messages without secrets, knows calls by what they publish, and never holds a call or the network up: what has no room is
// dropped and counted.
package trace

import (
	"slices"
	"sync"
	"time"

	"naisen/provisioning"
	"naisen/sip/stack"
)

// Bounds of a Book.
const (
	defaultBytes = 32 << 20
	defaultKeep  = 15 * time.Minute

	callMessages = 200       // of a call; the first stay, then the oldest goes
	callBytes    = 256 << 10 // of a call
	headMessages = 20        // that stay: how it began
	callLegs     = 64        // of a call
	maxCalls     = 20_000
	overhead     = 200 // bytes of a message beside its text

	maxPending      = 256 // dialogs of which nobody has said yet whose they are
	pendingMessages = 8   // of one
	pendingAge      = time.Minute

	maxFollowers = 32
)

// Config of a Book; the zero value works.
type Config struct {
	Bytes int              // of all messages together; 0: 32 MiB
	Keep  time.Duration    // how long a call that is over can be looked at; 0: 15 minutes
	Clock func() time.Time // nil: time.Now
}

// Book keeps the messages of calls.
type Book struct {
	cfg Config

	mu        sync.Mutex // guards the rest; nothing is called under it
	calls     map[string]*record
	dialogs   map[string]place    // by Call-ID
	over      []*record           // in the order in which they ended
	pending   map[string]*pending // by Call-ID
	queue     []*pending          // in the order in which they came; those that were claimed too
	bytes     int
	followers int
	stats     Stats
}

// record is one call.
type record struct {
	id, domain string
	ended      time.Time // zero: it runs
	legs       []provisioning.TraceLeg
	messages   []provisioning.TraceMessage
	n          int64 // of the last message
	bytes      int
	dropped    int64
	rings      []chan struct{}
}

// place is a dialog's in its call.
type place struct {
	record *record
	leg    int
}

// pending is a dialog that no call has claimed.
type pending struct {
	callID   string
	at       time.Time
	leg      provisioning.TraceLeg
	messages []provisioning.TraceMessage
	bytes    int
}

// Stats are counted since the start, but for Bytes and Calls.
type Stats struct {
	Calls, Bytes uint64 // kept now
	Dropped      uint64 // messages of calls for which there was no room
	Unclaimed    uint64 // messages of dialogs that became no call's
	Evicted      uint64 // calls that were over and gave way before their time
}

var _ provisioning.Traces = (*Book)(nil)

// New makes an empty book.
func New(c Config) *Book {
	if c.Bytes <= 0 {
		c.Bytes = defaultBytes
	}
	if c.Keep <= 0 {
		c.Keep = defaultKeep
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	return &Book{cfg: c, calls: map[string]*record{}, dialogs: map[string]place{}, pending: map[string]*pending{}}
}

// Saw takes a message of a call; any other one is passed over. shown is the message as it may be shown; nil: it is made if it is needed.
func (b *Book) Saw(m stack.Traced, shown []byte) {
	if !b.wants(m) {
		return
	}
	if shown == nil {
		shown = m.Shown()
	}
	x := provisioning.TraceMessage{At: m.At, Sent: m.Sent, Label: m.Label, Text: string(shown)}
	b.mu.Lock()
	rings := b.keep(m, x)
	b.mu.Unlock()
	ring(rings)
}

// wants tells whether a message may be a call's, and clears what has had its time.
func (b *Book) wants(m stack.Traced) bool {
	if m.CallID == "" {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.purge()
	at, known := b.dialogs[m.CallID]
	if known && opens(m) && !at.record.ended.IsZero() { // who was refused tries again under the same Call-ID (RFC 3261 section 8.1.3.5)
		delete(b.dialogs, m.CallID)
		known = false
	}
	_, waits := b.pending[m.CallID]
	return known || waits || opens(m)
}

// opens: of a call; a re-INVITE finds its dialog known.
func opens(m stack.Traced) bool { return m.Method == "INVITE" && m.Status == 0 }

// keep enters a message. b.mu is held. Who follows is returned.
func (b *Book) keep(m stack.Traced, x provisioning.TraceMessage) []chan struct{} {
	if at, ok := b.dialogs[m.CallID]; ok {
		leg := &at.record.legs[at.leg]
		leg.Transport, leg.Address = m.Flow.Transport(), m.Flow.Remote().String()
		x.Leg = at.leg
		b.add(at.record, x)
		return at.record.rings
	}
	p := b.pending[m.CallID]
	if p == nil {
		if len(b.queue) >= maxPending {
			b.forget()
		}
		p = &pending{callID: m.CallID, at: b.cfg.Clock(), leg: provisioning.TraceLeg{CallID: m.CallID, Inbound: !m.Sent}}
		b.pending[m.CallID] = p
		b.queue = append(b.queue, p)
	}
	size := len(x.Text) + overhead
	if len(p.messages) >= pendingMessages || !b.room(size) {
		b.stats.Unclaimed++
		return nil
	}
	p.leg.Transport, p.leg.Address = m.Flow.Transport(), m.Flow.Remote().String()
	p.messages = append(p.messages, x)
	p.bytes += size
	b.bytes += size
	return nil
}

// add enters a message into a call, and lets the oldest but the first go where there are too many. b.mu is held.
func (b *Book) add(r *record, x provisioning.TraceMessage) {
	r.n++
	x.N = r.n
	size := len(x.Text) + overhead
	for len(r.messages) > headMessages && (len(r.messages) >= callMessages || r.bytes+size > callBytes) {
		b.lose(r, headMessages)
	}
	if r.bytes+size > callBytes || !b.room(size) || b.calls[r.id] != r { // room may have taken r itself away
		r.dropped++
		b.stats.Dropped++
		return
	}
	r.messages = append(r.messages, x)
	r.bytes += size
	b.bytes += size
}

// lose drops one message of a call.
func (b *Book) lose(r *record, i int) {
	size := len(r.messages[i].Text) + overhead
	r.messages = slices.Delete(r.messages, i, i+1)
	r.bytes -= size
	b.bytes -= size
	r.dropped++
	b.stats.Dropped++
}

// room makes room for so many bytes: calls that are over give way, the oldest first. False: there is none.
func (b *Book) room(size int) bool {
	for b.bytes+size > b.cfg.Bytes {
		if len(b.over) == 0 {
			return false
		}
		b.evict()
		b.stats.Evicted++
	}
	return true
}

// evict forgets the call that ended first.
func (b *Book) evict() {
	r := b.over[0]
	b.over[0] = nil
	b.over = b.over[1:]
	b.bytes -= r.bytes
	delete(b.calls, r.id)
	for i := range r.legs {
		if id := r.legs[i].CallID; b.dialogs[id].record == r {
			delete(b.dialogs, id)
		}
	}
}

// forget drops the dialog that has waited longest for its call.
func (b *Book) forget() {
	p := b.queue[0]
	b.queue[0] = nil
	b.queue = b.queue[1:]
	if b.pending[p.callID] == p {
		delete(b.pending, p.callID)
		b.bytes -= p.bytes
		b.stats.Unclaimed += uint64(len(p.messages))
	}
}

// purge forgets what has had its time.
func (b *Book) purge() {
	now := b.cfg.Clock()
	for len(b.over) > 0 && now.Sub(b.over[0].ended) >= b.cfg.Keep {
		b.evict()
	}
	for len(b.queue) > 0 && now.Sub(b.queue[0].at) >= pendingAge {
		b.forget()
	}
}

// Stats returns what is kept and what was dropped.
func (b *Book) Stats() Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.stats
	s.Calls, s.Bytes = uint64(len(b.calls)), uint64(max(b.bytes, 0))
	return s
}
