// Package mirror keeps at each node what the other nodes say of themselves now: values by key, such as a call by its ID. It never reads a value, writes none
// down, and knows no network: messages are carried by others.
//
// What is told is state, not events. A message that got lost, a node that came late and one that hung for a while are all mended by saying everything again,
// so nothing has to be remembered for anybody, and what nobody says any more is gone. At most one message is on its way to a node.
package mirror

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds.
const (
	maxBody  = 12_000      // bytes of a message, compressed: with its header it fits into what the SIP stack takes
	maxPlain = 1 << 20     // bytes of one that came, not compressed
	batch    = 100         // keys of a message
	maxKeys  = 50_000      // of one node
	maxInbox = 64          // messages that wait: each node has one on its way
	again    = time.Second // after a message that was not taken
	look     = 250 * time.Millisecond
	pulse    = 5 * time.Second // after so long without a change the other hears from us all the same, and can say that it has lost us
)

// Peer is another node that lives, and which process it is.
type Peer struct{ Name, Start string }

// Config of a Mirror.
type Config struct {
	Start string        // random: which process this is
	Peers func() []Peer // those that live
	// Send carries a message to a node, and tells once whether it was taken. It must not block, and may tell from any goroutine.
	Send func(node string, body []byte, done func(taken bool))
	// Changed is told what another node says now; nil: it does not say it any more, or is dead. In order, by one goroutine.
	Changed func(node, key string, value []byte)
	Log     *slog.Logger
}

// message is what travels, compressed.
type message struct {
	Start       string
	Seq         uint64
	First, Last bool                       // of all that there is
	Set         map[string]json.RawMessage `json:",omitempty"`
	Gone        []string                   `json:",omitempty"`
}

// Mirror is safe for concurrent use. A nil one is that of a switch without other nodes: it is told and tells nothing.
type Mirror struct {
	cfg  Config
	wake chan struct{} // room for one
	stop context.CancelFunc
	done chan struct{}
	lost atomic.Uint64

	mu      sync.Mutex // guards the rest; nothing is called under it
	state   map[string]json.RawMessage
	touched map[string]bool
	inbox   []arrival
	results []result

	// The loop's own:
	peers map[string]*peer
	heard map[string]*heard
}

// arrival is a message that came.
type arrival struct {
	node  string
	body  []byte
	reply func(taken bool)
}

// result is what came of a message of ours.
type result struct {
	to    *peer
	taken bool
}

// peer is whom we tell.
type peer struct {
	Peer
	seq    uint64
	dirty  map[string]bool
	begin  bool // the next message begins all that there is
	whole  bool // all that there is, is being said
	flying bool
	sent   time.Time
	after  time.Time // not before
}

// heard is what another node says.
type heard struct {
	start  string
	next   uint64
	values map[string]string
	fresh  map[string]string // while it says everything; nil: it does not
}

// New makes a Mirror that tells nobody before Run.
func New(cfg Config) *Mirror {
	return &Mirror{cfg: cfg, wake: make(chan struct{}, 1), done: make(chan struct{}), state: map[string]json.RawMessage{}, touched: map[string]bool{},
		peers: map[string]*peer{}, heard: map[string]*heard{}}
}

// Run starts the goroutine that Close ends.
func (m *Mirror) Run(ctx context.Context) {
	ctx, m.stop = context.WithCancel(context.WithoutCancel(ctx))
	go m.run(ctx)
}

// Close ends it. What others said is kept: nobody is told that it is gone.
func (m *Mirror) Close() {
	if m != nil && m.stop != nil {
		m.stop()
		<-m.done
	}
}

// Lost counts values that fit into no message and are told to nobody, and those of a node that says too many.
func (m *Mirror) Lost() uint64 {
	if m == nil {
		return 0
	}
	return m.lost.Load()
}

// Set says something to all others, JSON; nil: no more. Of what is said of a key in a row only the last counts.
func (m *Mirror) Set(key string, value json.RawMessage) {
	if m == nil {
		return
	}
	m.mu.Lock()
	if value == nil {
		delete(m.state, key)
	} else {
		m.state[key] = value
	}
	m.touched[key] = true
	m.mu.Unlock()
	m.Wake()
}

// Take is told of a message that a node sent: proven by the caller. False: it cannot be taken now, and reply is not called.
func (m *Mirror) Take(node string, body []byte, reply func(taken bool)) bool {
	m.mu.Lock()
	full := len(m.inbox) >= maxInbox
	if !full {
		m.inbox = append(m.inbox, arrival{node, body, reply})
	}
	m.mu.Unlock()
	m.Wake()
	return !full
}

// Wake lets it look who lives.
func (m *Mirror) Wake() {
	if m == nil {
		return
	}
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

func (m *Mirror) run(ctx context.Context) {
	defer close(m.done)
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		select {
		case <-m.wake:
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		m.mu.Lock()
		inbox, results, touched := m.inbox, m.results, m.touched
		m.inbox, m.results, m.touched = nil, nil, map[string]bool{}
		m.mu.Unlock()
		now := time.Now()
		for _, r := range results {
			r.to.returned(r.taken, now)
		}
		for _, p := range m.peers {
			for k := range touched {
				p.dirty[k] = true
			}
		}
		m.meet()
		for _, a := range inbox {
			a.reply(m.take(a))
		}
		for _, p := range m.peers {
			m.flush(p, now)
		}
	}
}

func (p *peer) returned(taken bool, now time.Time) {
	p.flying = false
	if !taken {
		p.begin, p.after = true, now.Add(again)
	}
}

// meet looks who lives.
func (m *Mirror) meet() {
	there := map[string]bool{}
	for _, x := range m.cfg.Peers() {
		there[x.Name] = true
		if p := m.peers[x.Name]; p == nil || p.Peer != x {
			m.peers[x.Name] = &peer{Peer: x, dirty: map[string]bool{}, begin: true}
		}
	}
	for name := range m.peers {
		if !there[name] {
			delete(m.peers, name)
		}
	}
	for name, h := range m.heard {
		if !there[name] {
			delete(m.heard, name)
			for k := range h.values {
				m.cfg.Changed(name, k, nil)
			}
		}
	}
}

// flush sends the next message to a node, if there is anything to say.
func (m *Mirror) flush(p *peer, now time.Time) {
	if p.flying || now.Before(p.after) {
		return
	}
	msg := message{Start: m.cfg.Start, Seq: p.seq + 1}
	m.mu.Lock()
	if p.begin {
		p.begin, p.whole, msg.First = false, true, true
		clear(p.dirty)
		for k := range m.state {
			p.dirty[k] = true
		}
	}
	if len(p.dirty) == 0 && !p.whole && now.Sub(p.sent) < pulse {
		m.mu.Unlock()
		return
	}
	for k := range p.dirty {
		if len(msg.Set)+len(msg.Gone) >= batch {
			break
		}
		if v := m.state[k]; v == nil {
			msg.Gone = append(msg.Gone, k)
		} else if msg.Set == nil {
			msg.Set = map[string]json.RawMessage{k: v}
		} else {
			msg.Set[k] = v
		}
	}
	m.mu.Unlock()
	body := m.fit(&msg, p)
	p.seq, p.sent, p.flying = msg.Seq, now, true
	m.cfg.Send(p.Name, body, func(taken bool) {
		m.mu.Lock()
		m.results = append(m.results, result{p, taken})
		m.mu.Unlock()
		m.Wake()
	})
}

// fit takes values out until the message is small enough. What stays in is not dirty any more.
func (m *Mirror) fit(msg *message, p *peer) []byte {
	for {
		last := len(msg.Set)+len(msg.Gone) == len(p.dirty)
		msg.Last = p.whole && last
		body, err := pack(*msg)
		if err == nil && len(body) <= maxBody {
			for k := range msg.Set {
				delete(p.dirty, k)
			}
			for _, k := range msg.Gone {
				delete(p.dirty, k)
			}
			p.whole = p.whole && !last
			return body
		}
		half := len(msg.Set) / 2
		for k := range msg.Set {
			if len(msg.Set) == 1 { // it fits into none: others do not hear of it
				m.lost.Add(1)
				m.cfg.Log.Error("mirror: a value is too large to be told", "key", k, "err", err)
				delete(p.dirty, k)
			}
			if delete(msg.Set, k); len(msg.Set) <= half {
				break
			}
		}
	}
}

func pack(msg message) ([]byte, error) {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestSpeed)
	if err == nil {
		err = json.NewEncoder(w).Encode(msg)
	}
	if err == nil {
		err = w.Close()
	}
	return b.Bytes(), err
}

func unpack(body []byte) (msg message, err error) {
	r := io.LimitReader(flate.NewReader(bytes.NewReader(body)), maxPlain)
	if err = json.NewDecoder(r).Decode(&msg); err != nil {
		return msg, fmt.Errorf("mirror: a message: %w", err)
	}
	return msg, nil
}

// take learns from a message. False: something before it is missing, and its sender says everything again.
func (m *Mirror) take(a arrival) bool {
	if m.peers[a.node] == nil { // not known to live yet, or not any more
		return false
	}
	msg, err := unpack(a.body)
	if err != nil {
		m.cfg.Log.Error("mirror: a node says what cannot be read", "node", a.node, "err", err)
		return false
	}
	h := m.heard[a.node]
	if h == nil {
		h = &heard{values: map[string]string{}}
		m.heard[a.node] = h
	}
	switch {
	case msg.First:
		h.start, h.fresh = msg.Start, map[string]string{}
	case h.start != msg.Start || h.next != msg.Seq:
		return false
	}
	h.next = msg.Seq + 1
	if h.fresh == nil {
		m.learn(a.node, h, msg)
		return true
	}
	for k, v := range msg.Set {
		if len(h.fresh) >= maxKeys {
			m.lost.Add(1)
			continue
		}
		h.fresh[k] = string(v)
	}
	for _, k := range msg.Gone {
		delete(h.fresh, k)
	}
	if msg.Last {
		m.compare(a.node, h)
	}
	return true
}

func (m *Mirror) learn(node string, h *heard, msg message) {
	for k, v := range msg.Set {
		old, known := h.values[k]
		if !known && len(h.values) >= maxKeys {
			m.lost.Add(1)
			continue
		}
		if known && old == string(v) {
			continue
		}
		h.values[k] = string(v)
		m.cfg.Changed(node, k, v)
	}
	for _, k := range msg.Gone {
		if _, known := h.values[k]; known {
			delete(h.values, k)
			m.cfg.Changed(node, k, nil)
		}
	}
}

// compare tells how what a node says as a whole differs from what was known of it.
func (m *Mirror) compare(node string, h *heard) {
	old := h.values
	h.values, h.fresh = h.fresh, nil
	for k := range old {
		if _, still := h.values[k]; !still {
			m.cfg.Changed(node, k, nil)
		}
	}
	for k, v := range h.values {
		if o, known := old[k]; !known || o != v {
			m.cfg.Changed(node, k, []byte(v))
		}
	}
}
