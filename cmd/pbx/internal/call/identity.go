package call

import (
	"naisen/cmd/pbx/internal/route"
	"naisen/sip/number"
)

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
	case c.phase == Ending, t != nil && (t.by == p || c.winner == nil), p.intro.help: // while a transfer is under way the one who stays is told nothing
		return route.Shown{}
	case p == c.caller:
		return c.reached(p)
	case c.transfers == 0 && c.caller.asserted == (route.Shown{}): // its INVITE said so
		return route.Shown{}
	}
	return c.seen(p, c.caller)
}

// introduction is how a carrier was shown the caller when its leg was dialled.
type introduction struct {
	by     string      // the extension that dialled
	shown  route.Shown // what it chose to show, or shows by default
	hidden bool        // it asked not to be shown
	help   bool        // it was called for help: whoever talks on, it keeps the site's number
}

// seen is the identity of o as p may see it. A carrier's side that knows somebody by a number, or does not know it, learns no other one of the
// same extension, whichever telephone that talks on with; and a call that was hidden from it stays so, whoever does.
func (c *Call) seen(p, o *party) route.Shown {
	switch f := p.intro; {
	case f.hidden && o.ext != "":
		return route.Shown{Withheld: true}
	case f.by != "" && f.by == o.ext && !o.hidden && f.shown.Number != "":
		return f.shown
	}
	return c.identity(o)
}

// introduced is what the leg of a target that is rung with e is shown first. Only a carrier needs to be remembered: inside a person is an extension.
func (c *Call) introduced(t route.Target, e errand) introduction {
	if t.Kind != route.ToTrunk || t.Emergency {
		return introduction{help: t.Emergency}
	}
	by := c.caller.ext
	if c.transfer != nil { // judged, and shown, as who transfers
		by = c.transfer.home.ext
	}
	return introduction{by: by, shown: e.shown, hidden: c.caller.hidden || t.Wish == number.PresentWithheld}
}

// reached is who answered, or who rings while it is only one, as p may see it.
func (c *Call) reached(p *party) route.Shown {
	o := c.winner
	if o == nil && c.phase == Ringing && c.alive() == 1 {
		for _, q := range c.called {
			if q.phase == PartyRinging {
				o = q
			}
		}
	}
	if o == nil || o.trunk != "" && !c.visited() && o.asserted == (route.Shown{}) { // the caller dialled that number
		return route.Shown{}
	}
	return c.seen(p, o)
}

// onIdentified: another person is at the far end of a trunk.
func (c *Call) onIdentified(e Identified) {
	if p := c.party(e.Leg); p != nil && !p.afar { // a mobile's own number is nobody's business
		p.asserted = e.Who
	}
}
