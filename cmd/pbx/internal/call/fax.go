package call

import (
	"naisen/media"
	"naisen/sip"
)

// faxing is a party's wish to go on as a fax (T.38), while the other side is asked whether it can: without it nothing would be at the other end. The
// party's own re-INVITE waits so long.
type faxing struct {
	by    *party
	offer media.SDP
	fax   media.Fax // what it said
}

// faxMask stands in the manifest for the stretch that was a fax.
const faxMask = "fax"

// faxOffered takes a party's offer of a fax; false: it is none. Where the switch says no by 488 the phone stays on the audio that it has, and so
// does the other.
func (c *Call) faxOffered(p *party, offer media.SDP) bool {
	ep, ok := p.ep.(media.Faxer)
	if !ok {
		return false
	}
	f, image, err := ep.Fax(offer, p.security)
	if !image {
		return false
	}
	q := c.other(p)
	switch {
	case err != nil:
		c.noFax(p, mediaCause(err))
	case p.ep.Codec() == media.T38: // a refresh: what the two agreed stands
		terms := p.fax
		if q != nil {
			terms = q.fax
		}
		c.faxAgreed(p, offer, terms)
	case c.phase != Talking || q == nil || !q.agreed || q.phase != PartyUp || c.place != nil || c.engaged():
		c.noFax(p, sip.CauseNotAcceptable)
	case c.recorded() && c.plan.Record.Refuse: // rather no call than no recording: as audio the fax is in it
		c.noFax(p, sip.CauseNotAcceptable)
	case c.aligning != nil || c.fax != nil:
		c.noFax(p, sip.StatusCause(491))
	default:
		p.fax = f
		c.askFax(p, q, faxing{by: p, offer: offer, fax: f})
	}
	return true
}

func (c *Call) noFax(p *party, cause sip.Cause) {
	c.log.Info("call: a fax stays audio", "leg", p.id, "status", cause.Status)
	p.leg.Refuse(cause)
}

// askFax offers the other party what the first one said.
func (c *Call) askFax(p, q *party, wish faxing) {
	sdp, err := q.ep.Offer(media.Want{Prefer: []media.Codec{media.T38}, Fax: wish.fax, Security: q.security})
	if err != nil {
		c.noFax(p, mediaCause(err))
		return
	}
	c.fax = &wish
	q.leg.Offer(sdp)
}

// faxAnswered looks what came of the question to q; false: nobody asked.
func (c *Call) faxAnswered(q *party, answer media.SDP) bool {
	wish := c.fax
	if wish == nil || c.other(wish.by) != q {
		return false
	}
	c.fax = nil
	if q.ep.Codec() != media.T38 { // port 0, or nonsense: it must get its audio back
		c.noFax(wish.by, sip.CauseNotAcceptable)
		c.voice(q)
		return true
	}
	if ep, ok := q.ep.(media.Faxer); ok {
		q.fax, _, _ = ep.Fax(answer, q.security)
	}
	if !c.faxAgreed(wish.by, wish.offer, q.fax) {
		c.voice(q)
		return true
	}
	c.hush(true)
	for _, p := range []*party{wish.by, q} {
		c.silence(p)
	}
	c.log.Info("call: fax", "bridge", c.bridge.String(), "bit/s", q.fax.BitRate)
	return true
}

// faxAgreed answers a party's offer of a fax with what the other end said.
func (c *Call) faxAgreed(p *party, offer media.SDP, f media.Fax) bool {
	sdp, err := p.ep.Answer(offer, media.Want{Prefer: []media.Codec{media.T38}, Fax: f, Security: p.security})
	if err != nil {
		c.noFax(p, mediaCause(err))
		return false
	}
	p.leg.Reply(sdp)
	return true
}

// faxRefused: the other party said no, and keeps its audio; false: nobody asked.
func (c *Call) faxRefused(q *party) bool {
	wish := c.fax
	if wish == nil || c.other(wish.by) != q {
		return false
	}
	c.fax = nil
	c.noFax(wish.by, sip.CauseNotAcceptable)
	return true
}

// faxLeft: a party leaves while one waits for the other's word.
func (c *Call) faxLeft(p *party) {
	wish := c.fax
	if wish == nil || wish.by != p && c.other(wish.by) != p {
		return
	}
	c.fax = nil
	if wish.by != p || c.surrender != nil {
		c.noFax(wish.by, sip.StatusCause(491))
	}
}

// faxOver: a party went back to audio, and the other must follow. Who will not cannot talk.
func (c *Call) faxOver(p *party) {
	q := c.other(p)
	if q == nil || q.ep.Codec() != media.T38 || p.ep.Codec() == media.T38 {
		return
	}
	c.log.Info("call: the fax is over", "leg", p.id)
	c.voice(q)
}

// voice asks a party for the audio that the other one has.
func (c *Call) voice(q *party) {
	c.hush(false)
	c.aligning = &aligning{asked: q, last: true}
	c.propose()
}

// hush keeps what is no sound out of the recording: the manifest says from when to when, what was said before and after is kept.
func (c *Call) hush(on bool) {
	c.hide(coverFax, on, faxMask)
}
