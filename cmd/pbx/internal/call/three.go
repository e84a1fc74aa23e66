package call

import (
	"time"

	"naisen/media"
	"naisen/sip"
)

// Three may talk in one call: the caller, the winner, and one whose leg came from another call because one of the two asked for it by a code.
// The bridge mixes them. When one goes the other two are an ordinary call again.

// joining is the question to another call for whom one of ours left there. What happens to legs meanwhile waits for the answer, so that
// nobody is cut off in between.
type joining struct {
	by   *party
	out  *party // who goes by the code to go back to two; nil: the one who comes
	held []Event
}

// trio is three who talk.
type trio struct {
	third *party
	due   bool   // it has yet to hear that the call is recorded
	by    *party // who brought them together
	out   *party // goes when it presses the code for that
}

// joinThree asks for the one whom p left in another call: the one who waits for the end of a consultation, or whom its telephone holds there.
func (c *Call) joinThree(p *party) {
	o := c.other(p)
	j := &joining{by: p, out: o}
	ask := Surrender{Domain: c.in.Request.Domain, Ext: p.ext, Into: c.in.ID, To: c.mailbox, Mixed: true,
		Class: c.plan.Record.Media, Clear: p.inClear() || o.inClear()}
	var post func(Event)
	if k := c.consultation; k != nil {
		post = k.to.Post
		if !k.asked {
			j.out = nil
		}
	} else if c.deps.Held != nil {
		r := c.deps.Held(ask.Domain, p.ext, p.id)
		ask.Leg, post = r.Leg, r.Post
	}
	if post == nil || !p.ep.Codec().Transcodes() || !o.ep.Codec().Transcodes() {
		c.tellAside(p, notPossible)
		return
	}
	c.log.Info("call: bringing three together", "by", p.number)
	c.joining = j
	post(ask)
}

// engaged says that somebody consults here, or that three talk or soon will: nothing else changes the call then, but for its end.
func (c *Call) engaged() bool {
	return c.consultation != nil || c.joining != nil || c.trio != nil || c.moving != nil
}

// waiting keeps what happens to legs while another call is asked.
func (c *Call) waiting(e Event) bool {
	if c.joining == nil {
		return false
	}
	if _, asks := e.(Surrender); asks { // two calls that ask each other would both wait for ever
		return false
	}
	if _, ok := legOf(e); !ok {
		return false
	}
	c.joining.held = append(c.joining.held, e)
	return true
}

// joined ends the waiting; then what has happened meanwhile happens.
func (c *Call) joined() {
	j := c.joining
	c.joining = nil
	for _, e := range j.held {
		c.handle(e)
	}
}

// notJoined: there is nobody to join.
func (c *Call) notJoined() {
	if c.phase == Talking {
		c.tellAside(c.joining.by, notPossible)
	}
	c.joined()
}

// third takes in who was asked for. Where the call is recorded it hears that before.
func (c *Call) third(e Adopt) {
	p, j := e.parties[0], c.joining
	p.side = j.by.side.other()
	c.trio = &trio{third: p, by: j.by, out: j.out}
	if c.trio.out == nil {
		c.trio.out = p
	}
	c.consultation = nil
	c.transfers++
	told := c.notice
	c.inherit(e)
	c.meets(p)
	c.log.Info("call: three talk", "by", j.by.number)
	if c.announces() && (c.unaware(p) || !p.informed && e.notice == nil && told != nil) {
		c.trio.due = true
		c.playNotice(p)
		return
	}
	c.connect()
}

// talkers are those who hear each other.
func (c *Call) talkers() []*party {
	if c.trio != nil {
		return []*party{c.caller, c.winner, c.trio.third}
	}
	return []*party{c.caller, c.winner}
}

// takesPart says that p is one of three.
func (c *Call) takesPart(p *party) bool {
	return c.trio != nil && c.phase != Ending && (p == c.caller || p == c.winner || p == c.trio.third)
}

// letOut ends the part of one of three.
func (c *Call) letOut(p *party, cause sip.Cause) {
	if p == c.caller {
		c.called = append(c.called, p)
	}
	c.dismiss(p, cause)
	c.closeRanks(p)
}

// closeRanks lets the two who are left talk on without p. Who takes its place takes its side.
func (c *Call) closeRanks(p *party) {
	t, due := c.trio.third, c.trio.due
	c.trio = nil
	switch p {
	case c.caller:
		c.caller, c.winner = c.winner, t
		c.remove(c.caller)
	case c.winner:
		c.winner = t
	}
	if c.winner.side == c.caller.side {
		c.winner.side = c.caller.side.other()
	}
	c.log.Info("call: two are left", "gone", p.id)
	if due && p != t { // it talks with nobody before it has heard that
		return
	}
	c.connect()
}

// noMedia ends the part of somebody who sends nothing any more.
func (c *Call) noMedia(p *party, silent time.Duration) {
	c.log.Warn("call: no media", "leg", p.id, "silent", silent)
	if c.takesPart(p) {
		c.letOut(p, p.silenced())
		return
	}
	c.end(p.silenced(), bySwitch)
}

// gates lets those who talk hear each other.
func (c *Call) gates() {
	for _, p := range c.talkers() {
		c.bridge.Gate(p.ep, media.GateBoth)
		p.since = time.Now()
	}
	for _, p := range c.talkers() {
		if p.phase == PartyHeld { // also who put us on hold before there was anybody to hold
			c.hold(p)
		}
	}
}
