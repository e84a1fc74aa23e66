package call

import (
	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/recorder"
)

// Nobody from outside is recorded unawares. A notice is heard by a party once, before its voice comes into a recording whose policy demands one,
// however it came into the call. Whoever sends calls on to an outside number of its own choice is at that number, and called, not recorded, by it.
// Calls for help wait for nobody: what is not recorded already stays so.

// announces says that a policy demands a notice here, and that it can be given.
func (c *Call) announces() bool {
	r := c.plan.Record
	return r.On && r.Notice.Demanded() && !c.record.refused && !c.urgent
}

// warns says that the caller must hear the notice before anybody is rung.
func (c *Call) warns() bool {
	if !c.announces() || c.plan.Direction == route.Outbound {
		return false
	}
	return c.unaware(c.caller) || c.notice == nil && c.recording == nil
}

// uninformed is who of those who are about to talk must hear the notice before; nil: nobody. Of two people of ours the one who waits hears it.
func (c *Call) uninformed() *party {
	if !c.announces() {
		return nil
	}
	for _, p := range c.talkers() {
		if c.unaware(p) {
			return p
		}
	}
	if c.notice == nil && c.caller.ep.Codec() != media.T38 {
		return c.caller
	}
	return nil
}

// unaware says that a party is a stranger who has not heard the notice, and could. A fax machine has no ear.
func (c *Call) unaware(p *party) bool {
	return p.outside && !p.informed && p.ep != nil && p.ep.Codec() != media.T38
}

// recordable says that a recording may begin now: who had to hear the notice has heard it.
func (c *Call) recordable() bool {
	r := c.plan.Record
	return r.On && !c.record.refused && c.recording == nil && (c.notice != nil || !r.Notice.Demanded())
}

// informed keeps the receipt of a notice that p has heard to its end.
func (c *Call) informed(p *party, n recorder.Notice) {
	p.informed = true
	n.Party = p.number
	if c.notice == nil {
		c.notice = &n
		return
	}
	c.notices = append(c.notices, n)
	if k, ok := c.recording.(chronicle); ok {
		k.Informed(n)
	}
}

// uninformable: the notice could not be played to somebody, whose voice must not come into a recording that runs already.
func (c *Call) uninformable() {
	c.deps.Alarm("notice-failed")
	c.record.refused = true
	c.stopRecording("the notice could not be played")
}

// heed takes over what was heard in a recorded call whose legs come here. Each of them knows by itself whether it has heard it.
func (c *Call) heed(e Adopt) {
	if !e.record.On {
		return
	}
	if c.notice == nil {
		c.notice = e.notice
	}
	c.notices = append(c.notices, e.notices...)
}
