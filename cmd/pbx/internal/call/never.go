package call

import (
	"cmp"

	"naisen/cmd/pbx/internal/route"
)

// A number whose policy is never is in no recording, whoever asks and whatever other numbers demand. A line (a DID, queue, group, room or trunk that the
// call came by, or its direction) forbids from then on to the call's end: who dialled it was told so. A person forbids as long as its telephone takes
// part: what is recorded already goes on as silence, and what was not begins when it is gone.

// own is the policy of a party itself. Help is nobody's to record or to forbid.
func (c *Call) own(p *party, calls bool) route.Record {
	if c.deps.Party == nil || p.ext == "" && p.trunk == "" || c.urgent {
		return route.Record{Notice: route.NoticeNone}
	}
	number := p.ext
	if number == "" {
		number = c.plan.To
		if o := c.other(p); c.plan.Direction == route.Outbound && o != nil && o.ext != "" {
			number = o.ext
		}
	}
	return c.deps.Party(c.in.Request.Domain, route.Party{Extension: p.ext, Trunk: p.trunk, Calls: calls, Direction: c.toward(), Number: number, Language: c.plan.Language})
}

// toward is the call's direction. What began with nobody's dialling has none until somebody is reached.
func (c *Call) toward() route.Direction {
	if c.direction == "" {
		return route.Internal
	}
	return c.direction
}

// takesOver: p takes part from now on, whichever way it came: it answered, stands where another one stood, fetched who was parked, was rung to be the
// caller, or is from another call. What its own policy demands the call demands from here on; of who calls that is in the plan already, as far as it
// holds for what was dialled.
func (c *Call) takesOver(p *party, calls bool) {
	r := c.own(p, calls)
	if p.ext != "" { // as long as it takes part: forbidden
		p.never, r.Never = cmp.Or(r.Never, p.never), ""
	}
	if !calls {
		c.plan.Record = c.plan.Record.And(r)
		c.joinClass(c.plan.Record.Media)
	}
	c.veil()
}

// forbidden is the number that forbids a recording now; empty: none does.
func (c *Call) forbidden() string {
	if n := c.plan.Record.Never; n != "" {
		return n
	}
	for _, p := range c.talkers() {
		if p != nil && p.never != "" {
			return p.never
		}
	}
	return ""
}

// veil keeps out of the running recording what is said while somebody forbids it.
func (c *Call) veil() {
	n := c.forbidden()
	c.hide(coverNever, n != "", "never:"+n)
}

// cover is why nothing is kept of what is said.
type cover uint8

const (
	coverSecret cover = 1 << iota // a secret is given to a script
	coverFax
	coverNever
)

// masker is a recording that can be told to keep silence of what a party says and presses.
type masker interface{ Mask(on bool, by string) }

// hide begins or ends a reason to keep nothing. Only with the last one something is kept again.
func (c *Call) hide(why cover, on bool, by string) {
	before, quiet := c.record.hidden, c.hushed()
	if c.record.hidden &^= why; on {
		c.record.hidden |= why
	}
	if (before == 0) == (c.record.hidden == 0) {
		return
	}
	if m, ok := c.recording.(masker); ok {
		m.Mask(c.record.hidden != 0, by)
	}
	c.hushOutside(quiet)
}
