package call

import (
	"naisen/media"
	"naisen/sip"
)

// aligning is the search for a codec that both parties have: legs that were negotiated apart (another fork's early media, a transfer)
// may have none in common.
type aligning struct {
	asked *party
	last  bool // the other one has refused already
}

// relays says that packets of one codec can go out as the other: the relay translates the G.711 laws and nothing else.
func relays(a, b media.Codec) bool {
	law := func(c media.Codec) bool { return c == media.PCMU || c == media.PCMA }
	return a == b || law(a) && law(b)
}

// align asks the caller's side for the codec of the other one, where they differ.
func (c *Call) align() {
	c.aligning = nil
	if relays(c.caller.ep.Codec(), c.winner.ep.Codec()) {
		return
	}
	c.aligning = &aligning{asked: c.caller}
	c.propose()
}

// propose sends a re-INVITE with what the other side speaks.
func (c *Call) propose() {
	p := c.aligning.asked
	sdp, err := p.ep.Offer(media.Want{Prefer: withTwin([]media.Codec{c.other(p).ep.Codec()}), Security: p.security})
	if err != nil {
		c.misaligned(p)
		return
	}
	p.leg.Offer(sdp)
}

// aligned looks what came of it.
func (c *Call) aligned(p *party) {
	switch a := c.aligning; {
	case a == nil || a.asked != p || c.phase != Talking:
	case relays(c.caller.ep.Codec(), c.winner.ep.Codec()):
		c.aligning = nil
		c.log.Info("call: codecs agree", "bridge", c.bridge.String())
	default:
		c.misaligned(p)
	}
}

// misaligned asks the other party; when neither can, they cannot talk.
func (c *Call) misaligned(p *party) {
	a := c.aligning
	if a == nil || a.asked != p || c.phase != Talking {
		return
	}
	if a.last {
		c.aligning = nil
		c.end(sip.CauseNotAcceptable, bySwitch)
		return
	}
	c.aligning = &aligning{asked: c.other(p), last: true}
	c.propose()
}
