package main

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/health"
	"naisen/cmd/pbx/internal/mirror"
	"naisen/sip"
	"naisen/sip/event"
	"naisen/sip/stack"
)

// neighbours knows the calls that other nodes have, as these show them: their lamps shine here, and who takes one of them is led there. What a node says is
// gone when it is dead. A nil one is that of a switch without other nodes.
type neighbours struct {
	between *between
	stack   *stack.Stack
	mirror  *mirror.Mirror
	changed func(*call.Snapshot)                           // told of each state of a call; not under mu
	on      map[string]func(node, id string, value []byte) // who learns what others say, by the first word of its name; not under mu
	addrs   []netip.Addr                                   // ours, on which SIP listens
	log     *slog.Logger

	mu    sync.Mutex // guards the rest
	calls map[string]farCall
	busy  map[event.AOR]map[string]bool // calls in which an extension is, by ID
	idle  map[event.AOR]time.Time       // when an extension was seen in the last one
	slots map[event.AOR]string          // of parking lots that are taken: by which call
	ways  map[health.Key]int            // channels of trunks that are used
}

// farCall is a call that another node has.
type farCall struct {
	node string
	*call.Snapshot
}

// How a node's word travels: a PUBLISH (RFC 3903) that nobody but a node may send.
const (
	nodeUser  = "node"
	nodeEvent = "naisen-node"
	nodeType  = "application/vnd.naisen.node"
)

// What nodes say, each by a kind and a name behind a stroke.
const (
	kindCall  = "call"  // of its own, by ID
	kindSpent = "spent" // what a call has cost that ended lately, by ID
	kindWait  = "wait"  // somebody in a call of its own who came into a queue, by the call's ID
	kindReady = "ready" // an agent ends its wrap-up there, by domain and number
	kindSeat  = "seat"  // what the distributor of the queues has for a call of another node, by its ID
	kindLine  = "line"  // what it shows of a queue, by domain and number
	kindAgent = "agent" // and of an agent
)

func newNeighbours(start string, b *between, st *stack.Stack, changed func(*call.Snapshot), log *slog.Logger) *neighbours {
	n := &neighbours{between: b, stack: st, changed: changed, log: log, on: map[string]func(string, string, []byte){}, calls: map[string]farCall{},
		busy: map[event.AOR]map[string]bool{}, idle: map[event.AOR]time.Time{}, slots: map[event.AOR]string{}, ways: map[health.Key]int{}}
	n.on[kindCall] = n.learnCall
	n.mirror = mirror.New(mirror.Config{Start: start, Peers: n.peers, Send: n.send, Changed: n.learn, Log: log})
	return n
}

func (n *neighbours) wake() {
	if n != nil {
		n.mirror.Wake()
	}
}

func (n *neighbours) peers() (out []mirror.Peer) {
	for _, m := range n.between.members.Others() {
		out = append(out, mirror.Peer{Name: m.Name, Start: m.Start})
	}
	return out
}

// tell shows a call to the others.
func (n *neighbours) tell(s *call.Snapshot) {
	if n == nil {
		return
	}
	if s.Over {
		n.mirror.Set(kindCall+"/"+s.ID, nil)
		return
	}
	text, err := json.Marshal(s)
	if err != nil {
		n.log.Error("nodes: a call cannot be shown to the others", "call", s.ID, "err", err)
		return
	}
	n.mirror.Set(kindCall+"/"+s.ID, text)
}

// send implements mirror.Config.
func (n *neighbours) send(node string, body []byte, done func(taken bool)) {
	to, ok := n.between.Way(node)
	if !ok {
		done(false)
		return
	}
	at := nodeURI(to.Addr)
	at.User = nodeUser
	r := stack.NewRequest("PUBLISH", at)
	r.SetFrom(sip.Address{URI: n.between.self}.WithTag(stack.NewTag()))
	r.SetTo(sip.Address{URI: at})
	r.Set("Call-ID", stack.NewCallID())
	r.Set("CSeq", "1 PUBLISH")
	r.Set("Event", nodeEvent)
	r.SetBody(nodeType, body)
	n.stack.Send(r, to, func(_ *stack.ClientTx, res stack.Result) {
		if res.Err != nil || res.Response.Status >= 200 {
			done(res.Err == nil && res.Response.Status == 200)
		}
	})
}

// take takes what another node says. False: that is no such request.
func (n *neighbours) take(tx *stack.ServerTx) bool {
	r := tx.Request()
	if n == nil || r.Method != "PUBLISH" || r.URI.User != nodeUser || r.Get("Event") != nodeEvent {
		return false
	}
	answer := func(status int) { // the transaction belongs to its shard
		n.stack.Do(r.CallID(), func() {
			if err := tx.Respond(stack.NewResponse(r, status, "")); err != nil {
				n.log.Debug("nodes: response not sent", "err", err)
			}
		})
	}
	node, ok := n.between.Who(r.Flow)
	if !ok {
		_ = tx.Decline(stack.NewResponse(r, 403, "")) // he has proved nothing
		return true
	}
	taken := n.mirror.Take(node, bytes.Clone(r.Body), func(taken bool) {
		status := 200
		if !taken {
			status = 412 // RFC 3903 section 11.2.1: what it builds on is not known here
		}
		answer(status)
	})
	if !taken {
		answer(503)
	}
	return true
}

// learn implements mirror.Config.
func (n *neighbours) learn(node, key string, value []byte) {
	kind, id, _ := strings.Cut(key, "/")
	if f := n.on[kind]; f != nil { // else a newer switch says it
		f(node, id, value)
	}
}

func (n *neighbours) learnCall(node, id string, value []byte) {
	s := &call.Snapshot{}
	if value != nil {
		if err := json.Unmarshal(value, s); err != nil || s.ID != id || s.Over {
			n.log.Error("nodes: what a node says of a call cannot be read", "node", node, "call", id, "err", err)
			return
		}
	}
	n.mu.Lock()
	before, known := n.calls[id]
	if known {
		n.forget(before)
	}
	if value != nil {
		n.note(farCall{node, s})
	}
	n.mu.Unlock()
	if value == nil && known {
		s = &call.Snapshot{ID: id, Domain: before.Domain, Over: true}
	}
	if value != nil || known {
		n.changed(s)
	}
}

// note takes a call into the indices. mu is held.
func (n *neighbours) note(c farCall) {
	n.calls[c.ID] = c
	for _, p := range c.Parties {
		if p.Trunk != "" {
			n.ways[health.Key{Domain: c.Domain, Trunk: p.Trunk}]++
		}
		if at := (event.AOR{User: p.Extension, Domain: c.Domain}); p.Extension != "" && p.Phase < call.PartyLeaving {
			if n.busy[at] == nil {
				n.busy[at] = map[string]bool{}
			}
			n.busy[at][c.ID] = true
		}
	}
	if c.Parked != nil {
		n.slots[event.AOR{User: c.Parked.Slot, Domain: c.Domain}] = c.ID
	}
}

// forget undoes note. mu is held.
func (n *neighbours) forget(c farCall) {
	delete(n.calls, c.ID)
	for _, p := range c.Parties {
		if k := (health.Key{Domain: c.Domain, Trunk: p.Trunk}); n.ways[k] > 1 {
			n.ways[k]--
		} else {
			delete(n.ways, k)
		}
		at := event.AOR{User: p.Extension, Domain: c.Domain}
		if delete(n.busy[at], c.ID); len(n.busy[at]) > 0 || p.Extension == "" {
			continue
		}
		delete(n.busy, at)
		if len(n.idle) >= maxIdle {
			clear(n.idle)
		}
		n.idle[at] = time.Now()
	}
	if c.Parked != nil {
		if at := (event.AOR{User: c.Parked.Slot, Domain: c.Domain}); n.slots[at] == c.ID {
			delete(n.slots, at)
		}
	}
}

// occupied tells whether an extension is in a call of another node.
func (n *neighbours) occupied(domain, extension string) bool {
	if n == nil {
		return false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.busy[event.AOR{User: extension, Domain: domain}]) > 0
}

// idleSince is when the last call of an extension at another node ended.
func (n *neighbours) idleSince(domain, extension string) time.Time {
	if n == nil {
		return time.Time{}
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.idle[event.AOR{User: extension, Domain: domain}]
}

// talks is the node at which an extension talks or holds somebody, of several the one where it was answered last; empty: at none.
func (n *neighbours) talks(domain, extension string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var last farCall
	for id := range n.busy[event.AOR{User: extension, Domain: domain}] {
		c := n.calls[id]
		if c.Phase != call.Talking || last.Snapshot != nil && !c.Answered.After(last.Answered) {
			continue
		}
		for _, p := range c.Parties {
			if p.Extension == extension && (p.Phase == call.PartyUp || p.Phase == call.PartyHeld) {
				last = c
			}
		}
	}
	return last.node
}

// slot is the node that has who is parked in a slot; empty: none.
func (n *neighbours) slot(domain, number string) string {
	if n == nil {
		return ""
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.calls[n.slots[event.AOR{User: number, Domain: domain}]].node
}

// of are the calls of a domain, or of all if it is empty, and has is the node that has one of them.
func (n *neighbours) of(domain string) (out []*call.Snapshot) {
	if n == nil {
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.calls {
		if domain == "" || c.Domain == domain {
			out = append(out, c.Snapshot)
		}
	}
	return out
}

func (n *neighbours) has(c *call.Snapshot) string {
	if c == nil {
		return ""
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.calls[c.ID].node
}

// dialog is the node that has the call of a dialog, named as by its telephone (RFC 3891): what a lamp shows.
func (n *neighbours) dialog(domain, callID, ours, theirs string) string {
	for _, c := range n.of(domain) {
		for _, p := range c.Parties {
			if d := p.Dialog; d.CallID == callID && d.LocalTag == ours && d.RemoteTag == theirs && callID != "" {
				return n.has(c)
			}
		}
	}
	return ""
}

// channels of a trunk that other nodes use.
func (n *neighbours) channels(k health.Key) int {
	if n == nil {
		return 0
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.ways[k]
}

// share is what of a rate, which belongs to all nodes together, is this one's.
func (n *neighbours) share(perSecond float64) float64 {
	if n == nil {
		return perSecond
	}
	return perSecond / float64(1+len(n.between.members.Others()))
}

func (n *neighbours) lost() uint64 {
	if n == nil {
		return 0
	}
	return n.mirror.Lost()
}
