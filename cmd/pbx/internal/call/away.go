package call

import (
	"net/netip"
	"time"

	"naisen/media"
	"naisen/sip"
)

// promptInterrupted is what somebody hears whose party's network has failed; then music.
const promptInterrupted = "call/interrupted"

// presence is what is known of a telephone that sends nothing.
type presence int

const (
	presenceSure  presence = iota
	presenceAsked          // nothing came of late: it is asked whether it is there
	presenceAway           // it does not answer, and who talks with it was told
)

// Prober is a leg that can ask its device whether it is there: Probed comes.
type Prober interface{ Probe() }

type (
	// Probed says that a device answers, or that it did not in time.
	Probed struct {
		Leg     LegID
		Reached bool
	}
	// Roamed says that a device is in another network by now: From, which is Site's; empty: no site's.
	Roamed struct {
		Leg  LegID
		From netip.Addr
		Site string
	}
)

func (Probed) event() {}
func (Roamed) event() {}

// onPresence takes what is told of who is there, where a device is, and whether.
func (c *Call) onPresence(e Event) {
	switch e := e.(type) {
	case Identified:
		c.onIdentified(e)
	case Probed:
		c.onProbed(e)
	case Roamed:
		p := c.party(e.Leg)
		if p == nil || p.ext == "" {
			return
		}
		c.log.Info("call: a telephone is in another network", "leg", p.id, "site", e.Site)
		p.at.site = e.Site
		if ep, ok := p.ep.(media.Roamer); ok {
			ep.Roamed(e.From)
		}
	}
}

// onLull: a telephone that should speak sends nothing. That may be its way of saving; only who does not answer either is away. A carrier is never asked.
func (c *Call) onLull(p *party) {
	if !c.expected(p) || c.phase != Talking || p.ext == "" || p.trunk != "" || c.trio != nil {
		return
	}
	if p.presence == presenceAway {
		c.regrets(p)
		return
	}
	p.presence = presenceAsked
	p.leg.Probe()
}

func (c *Call) onProbed(e Probed) {
	p := c.party(e.Leg)
	if p == nil || c.phase == Ending || p.presence != presenceAsked {
		return
	}
	if p.presence = presenceSure; !e.Reached {
		p.presence = presenceAway
		c.log.Warn("call: a telephone's connection is interrupted", "leg", p.id)
		c.regrets(p)
	}
}

// regrets tells who talks with p that p's connection is interrupted, unless it hears something else.
func (c *Call) regrets(p *party) {
	o := c.other(p)
	if o == nil || o.phase != PartyUp || o.stage.why != purposeNone || !c.expected(p) || c.phase != Talking || c.trio != nil {
		return
	}
	c.play(o, c.deps.Programs.Announce(c.in.Request.Domain, promptInterrupted, ""), purposeAway)
}

// heardFrom: p is there. Who waited for it hears it again.
func (c *Call) heardFrom(p *party) {
	was := p.presence
	p.presence = presenceSure
	if was != presenceAway {
		return
	}
	c.log.Info("call: a telephone is back", "leg", p.id)
	if o := c.other(p); o != nil && c.phase == Talking && p.phase == PartyUp && (o.stage.why == purposeAway || o.stage.why == purposeMusic && o.phase == PartyUp && c.asking == nil) {
		c.silence(o)
	}
}

// patience is how long a party may say nothing after it was joined or resumed; a little less than when the relay tells of silence.
func (c *Call) patience() time.Duration {
	if c.deps.Silence > 0 {
		return c.deps.Silence - 2*time.Second
	}
	return mediaPatience
}

// silenced is why a call ends for want of p's media.
func (p *party) silenced() sip.Cause {
	if p.presence == presenceAway {
		return sip.CauseConnectionLost.WithText("Connection of the " + string(p.side) + " lost")
	}
	return sip.CauseMediaTimeout
}
