package main

import (
	"encoding/json"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/limit"
	"naisen/cmd/pbx/internal/route"
	"naisen/provisioning"
)

// Limits hold for all nodes together: each counts the calls that others show as if they were its own, and what these cost when they have ended. Who begins
// calls at two nodes within the time of a message may have one more than allowed.

const (
	spentSaid  = 2 * time.Minute  // how long a node says what a call has cost: one that is not heard for longer is not counted elsewhere today
	spentKnown = 10 * time.Minute // how long it is known that a call was counted
	maxSpent   = 20_000           // of both; the earliest are forgotten
)

// spent is what an outside call has cost.
type spent struct {
	Payer    limit.Payer
	Foreign  bool
	Started  time.Time
	Answered time.Time
	Ended    time.Time
	MilliYen int64
}

// ended is a call of which that is said until then.
type ended struct {
	id    string
	until time.Time
}

// tellSpent says what a call of this node has cost.
func (p *purse) tellSpent(c call.CDR) {
	if p.afar == nil || c.Charge.Extension == "" || c.Charge.Denied {
		return
	}
	text, err := json.Marshal(spent{limit.Payer{Domain: c.Domain, Extension: c.Charge.Extension}, c.Charge.Foreign(), c.Started, c.Answered, c.Ended, c.MilliYen})
	if err != nil {
		p.log.Error("limits: what a call has cost cannot be told", "call", c.ID, "err", err)
		return
	}
	p.mu.Lock()
	p.said = append(p.said, ended{c.ID, time.Now().Add(spentSaid)})
	p.mu.Unlock()
	p.afar.mirror.Set(kindSpent+"/"+c.ID, text)
}

// unsay ends what was said for long enough, and forgets what was counted long ago.
func (p *purse) unsay() {
	now := time.Now()
	p.mu.Lock()
	n := 0
	for n < len(p.said) && (now.After(p.said[n].until) || len(p.said)-n > maxSpent) {
		n++
	}
	over := p.said[:n]
	p.said = p.said[n:]
	for id, at := range p.heard {
		if now.Sub(at) > spentKnown {
			delete(p.heard, id)
		}
	}
	p.mu.Unlock()
	for _, e := range over {
		p.afar.mirror.Set(kindSpent+"/"+e.id, nil)
	}
}

// counted notes that a call that ended is counted. False: it was already.
func (p *purse) counted(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, known := p.heard[id]; known {
		return false
	}
	if len(p.heard) < maxSpent {
		p.heard[id] = time.Now()
	}
	return true
}

// learn counts what a call of another node has cost.
func (p *purse) learn(_, id string, value []byte) {
	if value == nil {
		return
	}
	var s spent
	if err := json.Unmarshal(value, &s); err != nil || s.Payer.Extension == "" {
		p.log.Error("limits: what a node says of a call's cost cannot be read", "call", id, "err", err)
		return
	}
	if p.counted(id) {
		p.book.Restore(s.Payer, s.Foreign, s.Started, s.Answered, s.Ended, s.MilliYen)
	}
}

// follow counts a call that runs at another node.
func (p *purse) follow(s *call.Snapshot) {
	c := s.Charge
	if s.Over || c.Extension == "" || c.Denied || !charged(c) {
		p.book.AfarOver(s.ID)
		return
	}
	d, _ := p.directory.Snapshot().Domain(s.Domain)
	p.book.Afar(limit.Want{Call: s.ID, Payer: limit.Payer{Domain: s.Domain, Extension: c.Extension}, Foreign: c.Foreign(), Price: d.Price(c.Class, c.E164),
		Class: c.Class}, s.Started, s.Answered)
}

// charged says that a call of a class counts for anybody: emergency and internal calls do not.
func charged(c route.Charge) bool {
	return c.Class != provisioning.ClassInternal && c.Class != provisioning.ClassEmergency
}
