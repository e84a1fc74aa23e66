package call

import (
	"naisen/media"
	"naisen/recorder"
)

// A telephone that says it is aware of recordings (option tag record-aware, RFC 7866 section 6.1.2) is told of ours in each description that its leg
// gets, and by a new offer when that has changed and nothing else is being negotiated. What such a telephone of ours prefers (a=recordpref) is
// followed where a policy leaves the recording to those who talk: never against one that is demanded, and never from outside.

// taping is what p is told of the recording now. Who has yet to hear that there is one is in none, and what stands in memory until somebody asks is none.
func (c *Call) taping(p *party) media.Recorded {
	switch {
	case !c.recorded(), c.unaware(p), c.trio != nil && c.trio.due && p == c.trio.third:
		return media.RecordedOff
	case c.hushed():
		return media.RecordedPaused
	}
	return media.RecordedOn
}

// aware says that p's telephone understands that.
func (p *party) aware() bool { return p.leg != nil && p.leg.Dialog().Aware }

// want is what is wanted of p's leg, with what it is told of the recording; p.says keeps that once it is sent.
func (c *Call) want(p *party, prefer []media.Codec) media.Want {
	w := media.Want{Prefer: prefer, Security: p.security}
	if p.aware() {
		w.Record = c.taping(p)
	}
	return w
}

// says notes what a description told p.
func (p *party) says(w media.Want) { p.tape = w.Record }

// indicate tells those who are aware what has become of the recording. It is looked at after each event; while another exchange is open it waits.
func (c *Call) indicate() {
	if c.phase != Talking && c.phase != Scripted || c.surrender != nil || c.fax != nil {
		return
	}
	for _, p := range c.talkers() {
		if p == nil || !p.agreed || p.phase != PartyUp && p.phase != PartyHeld || p.indicating || p.ep.Codec() == media.T38 {
			continue
		}
		now := c.taping(p)
		if now == p.tape || now == media.RecordedOff && p.tape == "" || !p.aware() {
			continue
		}
		w := c.want(p, withTwin([]media.Codec{p.ep.Codec()}))
		sdp, err := p.ep.Offer(w)
		if err != nil { // an offer is open: its answer leads here again
			continue
		}
		c.log.Info("call: telling of the recording", "leg", p.id, "state", string(now))
		p.says(w)
		p.indicating = true
		p.leg.Offer(sdp)
	}
}

// indicated: p has answered that, or refused it, and is not asked again before there is other news. Who had no codec in common meanwhile is asked now.
func (c *Call) indicated(p *party) bool {
	if !p.indicating {
		return false
	}
	p.indicating = false
	if c.phase == Talking && c.aligning == nil && c.other(p) != nil {
		c.align()
	}
	return true
}

// heedWishes looks what the telephones of those who talk prefer, where that is news.
func (c *Call) heedWishes() {
	if c.phase != Talking {
		return
	}
	for _, p := range c.talkers() {
		if p == nil || p.ext == "" {
			continue
		}
		if ep, ok := p.ep.(media.Wisher); ok {
			if now := ep.Wishes(); now != p.wish && p.aware() {
				p.wish = now
				c.heedWish(p)
			}
		}
	}
}

// heedWish stops or pauses a recording which those who talk may have and nothing demands, and lets one that was paused so go on.
func (c *Call) heedWish(p *party) {
	o := recorder.Order{By: p.ext, How: recorder.ByPhone}
	switch p.wish {
	case media.PreferOff, media.PreferPause:
	default:
		if c.paused != nil && c.paused.wished == p {
			_ = c.unpause(o)
		}
		return
	}
	if !c.recorded() {
		return
	}
	heeded := c.plan.Record.OnDemand && c.plan.Record.ByHand
	switch {
	case !heeded:
	case p.wish == media.PreferOff:
		heeded = c.recordOff() == nil
	default:
		if heeded = c.pause(p, o) == nil; heeded && c.paused.by == p {
			c.paused.wished = p
		}
	}
	c.log.Info("call: a telephone prefers no recording", "leg", p.id, "prefers", string(p.wish), "heeded", heeded)
	if c.deps.Wished != nil {
		c.deps.Wished(heeded)
	}
}
