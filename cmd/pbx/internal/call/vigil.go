package call

import "time"

// A telephone that holds need not send anything, so nothing tells that its network is gone. It is asked from time to time, and given up like one that should
// speak; but only one that has answered such a question in this call: others are left to their session timers (RFC 4028).

const (
	vigilEvery = 10 * time.Second
	vigilAway  = 3 * time.Second // while it does not answer
)

// vigil is the clock of who holds.
type vigil struct {
	seq   int
	timer *time.Timer
}

// holderDue says that who holds is to be asked; a stale one is recognised by its sequence.
type holderDue struct {
	leg LegID
	seq int
}

func (holderDue) event() {}

func (v *vigil) stop() {
	v.seq++
	if v.timer != nil {
		v.timer.Stop()
	}
}

// watch asks p later, in the call that has it then.
func (c *Call) watch(p *party, after time.Duration) {
	if p.vigil.stop(); !p.ours() {
		return
	}
	s, due := p.sink, holderDue{p.id, p.vigil.seq}
	p.vigil.timer = time.AfterFunc(after, func() { s.to.Load().Post(due) })
}

func (c *Call) onHolderDue(e holderDue) {
	p := c.party(e.leg)
	if p == nil || c.phase == Ending || p.phase != PartyHeld || e.seq != p.vigil.seq {
		return
	}
	if p.presence == presenceAway {
		if silent := c.deps.Clock().Sub(p.outages.since); silent >= c.patience() {
			c.noMedia(p, silent)
			return
		}
		c.watch(p, vigilAway)
	} else {
		p.presence = presenceAsked
		c.watch(p, vigilEvery)
	}
	p.leg.Probe()
}
