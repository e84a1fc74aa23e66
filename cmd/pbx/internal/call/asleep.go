package call

import "naisen/sip"

// A device that sleeps has to be woken before it can be rung (RFC 8599). Until then its branch of the call is a party like any other that has not
// been heard of yet, without an endpoint: where the device will be, and so what it can be offered, is known when it wakes. Other branches ring
// meanwhile; how long this one may sleep on is its leg's business.

// Woken is a held leg's last event: its device is awake, and can be rung there.
type Woken struct {
	Leg LegID
	At  Destination
}

func (Woken) event() {}

// rouse has a device woken, and keeps its branch until it is.
func (c *Call) rouse(d Destination, e errand) {
	p := &party{id: c.newLegID(), side: c.ringsFor().side.other(), moves: c.moving != nil, number: d.Number, name: d.Name, ext: d.Extension, proof: d.Proof, at: where{d.Site, d.Desk, d.Remote},
		dest: d, security: d.Security, errand: e, intro: e.intro, told: e.shown, sink: &sink{}}
	p.sink.to.Store(c.mailbox)
	c.called = append(c.called, p)
	if !p.moves { // it talks already, and misses nothing
		c.rings(p.ext)
	}
	p.leg = c.deps.Dialler.Dial(d, Outgoing{Leg: p.id, Domain: c.in.Request.Domain, From: e.shown, To: d.Number, MaxForwards: c.hops()}, c.mailbox)
}

// onDevice: a telephone's time has come.
func (c *Call) onDevice(e Event) {
	switch e := e.(type) {
	case deviceDue:
		c.onDeviceDue(e)
	case Woken:
		c.onWoken(e)
	}
}

// onWoken rings the device in its held branch's place. Where nobody wants it any more the leg is told, again: it lets the device know.
func (c *Call) onWoken(e Woken) {
	p := c.party(e.Leg)
	if p == nil || !p.dest.Asleep {
		return
	}
	wanted := p.phase < PartyUp && !p.parting && c.phase != Ending && c.surrender == nil
	if !wanted {
		c.dismiss(p, sip.CauseCancelled)
	} else {
		p.phase = PartyLeaving // it has had its last event, and is no failure
		c.ring(e.At, e.At.Security, p.errand)
	}
	c.onEnded(Ended{Leg: e.Leg, Cause: sip.CauseUnavailable})
}
