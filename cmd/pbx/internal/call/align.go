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

// align asks the caller's side for the codec of the other one, where they differ, or the other side for the caller's. Who is known to lack it is
// not asked, and who answers another offer now is asked afterwards. While it lasts, and when nothing comes of it, the relay transcodes if it can.
func (c *Call) align() {
	c.aligning = nil
	if c.trio != nil { // they are mixed
		return
	}
	x, y := c.caller, c.winner
	if relays(x.ep.Codec(), y.ep.Codec()) || x.indicating || y.indicating {
		return
	}
	switch lost, other := x.lacks(y.ep.Codec()), y.lacks(x.ep.Codec()); {
	case x.ep.Codec() == media.T38: // a fax that was transferred to a voice
		c.voice(x)
		return
	case y.ep.Codec() == media.T38:
		c.voice(y)
		return
	case !lost:
		c.aligning = &aligning{asked: x, last: other}
	case !other:
		c.aligning = &aligning{asked: y, last: true}
	default:
		c.apart()
		return
	}
	c.propose()
}

// propose sends a re-INVITE with what the other side speaks, and nothing else.
func (c *Call) propose() {
	p := c.aligning.asked
	prefer := withTwin([]media.Codec{c.other(p).ep.Codec()})
	want := c.want(p, prefer)
	sdp, err := p.ep.Offer(want)
	if err != nil {
		c.misaligned(p)
		return
	}
	p.says(want)
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

// misaligned asks the other party; when neither can, they are apart.
func (c *Call) misaligned(p *party) {
	a := c.aligning
	if a == nil || a.asked != p || c.phase != Talking {
		return
	}
	if a.last {
		c.aligning = nil
		c.apart()
		return
	}
	c.aligning = &aligning{asked: c.other(p), last: true}
	c.propose()
}

// apart: the two share no codec. The relay transcodes, or they cannot talk.
func (c *Call) apart() {
	if !transcodes(c.caller.ep.Codec(), c.winner.ep.Codec()) {
		c.end(sip.CauseNotAcceptable, bySwitch)
		return
	}
	c.log.Info("call: no codec in common, transcoding", "bridge", c.bridge.String())
}
