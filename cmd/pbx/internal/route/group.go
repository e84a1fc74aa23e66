package route

import (
	"slices"
	"time"

	"naisen/provisioning"
	"naisen/sip"
)

const (
	defaultTurn = 20 * time.Second // of a member of a group
	overflow    = "follow-me"      // RFC 5806 section 4: the nearest word for a group that passes a call on
)

// hunt rings a group. Members who cannot take a call now are passed over; those who begin to talk meanwhile are passed over when it is
// their turn.
func hunt(dir Directory, req Request, g provisioning.Group, p Plan) Plan {
	if req.passed(p, g.Number) {
		return refuse(480, p.Why+": in a circle")
	}
	by := Diverter{Number: g.Number, Name: g.Title, Payer: g.Payer}
	if shut, ok := closed(dir, req, g.Closing, by, p); ok {
		return shut
	}
	p.Group, p.Record = g.Number, p.also(record(dir, req.Domain, g.Policy, g.Number, p.Language))
	wait := defaultTurn
	if g.RingSeconds > 0 {
		wait = time.Duration(g.RingSeconds) * time.Second
	}
	var targets []Target
	talks := false
	for _, n := range lineUp(req, g) {
		if !g.RingBusy && req.busy(n) {
			talks = true
			continue
		}
		if t, ok := disturb(dir, req, n); ok && n != req.Extension && !req.passed(p, n) && (t.Kind == ToTrunk || t.Beyond() || req.registered(n)) {
			t.Idle = t.Idle || !g.RingBusy
			targets = append(targets, t)
		}
	}
	for _, t := range targets {
		if last := len(p.Steps) - 1; last >= 0 && (g.Strategy == "" || g.Strategy == provisioning.Simultaneous) {
			p.Steps[last].Targets = append(p.Steps[last].Targets, t)
			continue
		}
		p.Steps = append(p.Steps, Step{Ring: wait, Targets: []Target{t}})
	}
	switch last := len(p.Steps) - 1; {
	case g.Overflow != nil && last >= 0:
		p.Steps[last].Forward = []Forward{{On: Any, To: *g.Overflow, By: by, Reason: overflow}}
	case g.Overflow != nil:
		return forward(dir, req, Forward{On: Any, To: *g.Overflow, By: by, Reason: overflow}, p)
	case last < 0 && talks:
		return Plan{Refuse: sip.CauseBusy, Why: p.Why + ": everybody of group " + g.Number + " talks"}
	case last < 0:
		return refuse(480, p.Why+": group "+g.Number+" rings nobody")
	}
	return p
}

// lineUp is the order in which a group rings.
func lineUp(req Request, g provisioning.Group) []string {
	members := slices.Clone(g.Members)
	switch {
	case req.Live == nil || len(members) == 0:
	case g.Strategy == provisioning.Circular:
		first := req.Live.Turn(req.Domain, g.Number) % len(members)
		members = append(members[first:], members[:first]...)
	case g.Strategy == provisioning.LongestIdle:
		slices.SortStableFunc(members, func(a, b string) int {
			return req.Live.IdleSince(req.Domain, a).Compare(req.Live.IdleSince(req.Domain, b))
		})
	}
	return members
}
