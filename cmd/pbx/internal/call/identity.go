package call

import "naisen/cmd/pbx/internal/route"

// Everybody's phone shows whom it talks with (RFC 4916), whoever answered and wherever the call was sent. It is read off the call after each
// event, as lamps are: nothing that changes a call has to think of it.

// introduce tells every party whom it talks with, where that is news.
func (c *Call) introduce() {
	for _, p := range c.parties() {
		c.tell(p)
	}
}

func (c *Call) tell(p *party) {
	if p.phase >= PartyLeaving || p.leg == nil {
		return
	}
	who := c.company(p)
	if who == (route.Shown{}) || who == p.told {
		return
	}
	p.told = who
	p.leg.Show(who)
}

// company is whom p's phone should show; zero: nothing that it does not show already.
func (c *Call) company(p *party) route.Shown {
	switch t := c.transfer; {
	case c.phase == Ending, t != nil && (t.by == p || c.winner == nil): // while a transfer is under way the one who stays is told nothing
		return route.Shown{}
	case p == c.caller:
		return c.reached()
	case c.transfers == 0 && c.caller.asserted == (route.Shown{}): // its INVITE said so
		return route.Shown{}
	}
	return c.identity(c.caller)
}

// reached is who answered, or who rings while it is only one.
func (c *Call) reached() route.Shown {
	o := c.winner
	if o == nil && c.phase == Ringing && c.alive() == 1 {
		for _, q := range c.called {
			if q.phase == PartyRinging {
				o = q
			}
		}
	}
	if o == nil || o.trunk != "" && c.transfers == 0 && o.asserted == (route.Shown{}) { // the caller dialled that number
		return route.Shown{}
	}
	return c.identity(o)
}

// onIdentified: another person is at the far end of a trunk.
func (c *Call) onIdentified(e Identified) {
	if p := c.party(e.Leg); p != nil {
		p.asserted = e.Who
	}
}
