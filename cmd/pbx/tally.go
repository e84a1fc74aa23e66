package main

import (
	"cmp"
	"net/netip"
	"slices"
	"sync"
	"time"

	"naisen/provisioning"
)

// Bounds of what one minute's floods may take in memory, and of what is told of them.
const (
	tallyGroups  = 256
	tallySources = 1000 // of one group that are told apart
	tallyNamed   = 10   // of them that stand in the entry
)

// tally counts what the audit log's rates left out, so that a flood is in the log as one entry a minute for each thing that was flooded: what, where, how
// often, from where.
type tally struct {
	clock func() time.Time

	mu     sync.Mutex
	groups map[tallied]*tallyCount
}

// tallied is what is counted together: no part of it is a stranger's to choose.
type tallied struct{ domain, action, outcome, reason string }

type tallyCount struct {
	count       uint64
	first, last time.Time
	sources     map[netip.Addr]uint64
	more        bool // sources than are told apart
}

func newTally(clock func() time.Time) *tally {
	return &tally{clock: clock, groups: map[tallied]*tallyCount{}}
}

// add counts an entry. When there are too many groups, reasons and then domains are counted together.
func (t *tally) add(e provisioning.AuditEntry) {
	now := t.clock()
	t.mu.Lock()
	defer t.mu.Unlock()
	key := tallied{e.Domain, e.Action, e.Outcome, cmp.Or(e.Reason, e.Rule)}
	g := t.groups[key]
	if g == nil && len(t.groups) >= tallyGroups {
		key = tallied{action: "sip.sign-in", outcome: "denied", reason: "too many kinds of refusals"}
		g = t.groups[key]
	}
	if g == nil {
		g = &tallyCount{first: now, sources: map[netip.Addr]uint64{}}
		t.groups[key] = g
	}
	g.count++
	g.last = now
	from, ok := addressIn(e.Source)
	if !ok {
		return
	}
	if _, known := g.sources[from]; !known && len(g.sources) >= tallySources {
		g.more = true
		return
	}
	g.sources[from]++
}

// take is an entry for each group since the last time.
func (t *tally) take() []provisioning.AuditEntry {
	t.mu.Lock()
	groups := t.groups
	t.groups = map[tallied]*tallyCount{}
	t.mu.Unlock()
	out := make([]provisioning.AuditEntry, 0, len(groups))
	for key, g := range groups {
		out = append(out, provisioning.AuditEntry{Time: t.clock(), Domain: key.domain, Subject: "many", Action: key.action, Object: "many", Outcome: key.outcome, Reason: key.reason,
			Detail: map[string]any{"count": g.count, "first": g.first, "last": g.last, "sources": g.most(), "different_sources": len(g.sources), "and_more": g.more}})
	}
	slices.SortFunc(out, func(a, b provisioning.AuditEntry) int {
		return cmp.Or(cmp.Compare(a.Domain, b.Domain), cmp.Compare(a.Action, b.Action), cmp.Compare(a.Reason, b.Reason))
	})
	return out
}

// most are the sources from which most came, the busiest first.
func (g *tallyCount) most() []string {
	all := make([]netip.Addr, 0, len(g.sources))
	for a := range g.sources {
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b netip.Addr) int { return cmp.Or(cmp.Compare(g.sources[b], g.sources[a]), a.Compare(b)) })
	out := make([]string, min(len(all), tallyNamed))
	for i := range out {
		out[i] = all[i].String()
	}
	return out
}
