package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"naisen/sip"
	"naisen/sip/stack"
)

// simBrief is the shortest call.
const simBrief = 300 * time.Millisecond

// call starts a call from this phone. Nobody who rings for ever is waited for.
func (p *phone) call(number string) *talk {
	c := p.talk(true)
	c.dialled = number
	r := p.outside("INVITE", number)
	if p.password == "" { // the caller's number tells the carrier's calls apart
		r.SetFrom(sip.Address{URI: sip.URI{Scheme: "sip", User: fmt.Sprintf("+8190%08d", p.count), Host: "carrier.example"}}.WithTag(p.id("t")))
	}
	c.callID, c.localTag, c.local, c.remote, c.target = r.CallID(), r.From().Tag(), r.From(), r.To(), r.URI
	switch p.dice.IntN(12) {
	case 0:
		c.payloads = "9 0 101"
	case 1:
		c.payloads = "18" // nothing that the switch knows
	case 2:
		c.late = true
	}
	if !c.late {
		r.SetBody("application/sdp", c.sdp())
	}
	p.able(&r.Headers)
	if p.one(3) {
		r.Set("Supported", "100rel, timer")
	} else if p.one(2) {
		r.Set("Supported", "timer")
	}
	if o := p.w.some(func(o *talk) bool { return o != c && o.state == up && o.remote.Tag() != "" }); o != nil && p.one(20) {
		r.Set("Replaces", o.name())
		c.replacing = true
	}
	c.invite, c.cseq = r, 1
	p.ask(r, func(resp *stack.Response) { c.answer(r, resp, true) })
	p.after(30*time.Second+p.chance(70*time.Second), c.giveUp)
	if p.one(5) {
		p.after(p.chance(9*time.Second), c.giveUp)
	}
	return c
}

// giveUp cancels, as soon as that is permitted (RFC 3261 section 9.1).
func (c *talk) giveUp() {
	if c.state != calling || c.cancelOut {
		return
	}
	if !c.rang {
		c.wantsEnd = true
		return
	}
	c.cancelOut = true
	r := stack.NewRequest("CANCEL", c.invite.URI)
	for _, h := range []string{"Via", "From", "To", "Call-ID", "Max-Forwards"} {
		r.Set(h, c.invite.Get(h))
	}
	n, _ := c.invite.CSeq()
	r.Set("CSeq", fmt.Sprint(n, " CANCEL"))
	c.p.ask(r, func(*stack.Response) {})
	c.p.after(simT64+time.Second, func() {
		if c.state == calling {
			c.p.w.wrong("%s: no final response to a cancelled INVITE %s", c.p.name, c.callID)
			c.finish("no final response")
		}
	})
}

// answer handles a response to our INVITE.
func (c *talk) answer(req *stack.Request, resp *stack.Response, fresh bool) {
	switch {
	case resp == nil:
		if c.state == calling {
			c.status = 408
			c.finish("no response")
		}
	case resp.Status < 200:
		c.provisional(req, resp)
	case resp.Status < 300:
		c.answered(req, resp)
	case resp.Status == 401 && fresh && c.p.password != "":
		if c.state != calling {
			return
		}
		if c.wantsEnd {
			c.finish("given up")
			return
		}
		c.cseq++
		again := c.p.answer(req, resp, c.cseq)
		c.invite, c.rang = again, false
		c.p.ask(again, func(r *stack.Response) { c.answer(again, r, false) })
	case c.state == calling:
		c.status, c.shed = resp.Status, shed(resp)
		c.finish("refused")
	case c.state == up:
		c.p.w.wrong("%s: %d after a 2xx for %s", c.p.name, resp.Status, c.callID)
	}
}

func (c *talk) provisional(req *stack.Request, resp *stack.Response) {
	if c.state != calling {
		return
	}
	c.rang = true
	if slices.Contains(resp.Require(), "100rel") && !slices.Contains(req.Supported(), "100rel") {
		c.p.w.wrong("%s: a reliable response that was not asked for", c.p.name)
	}
	if slices.Contains(resp.Require(), "100rel") {
		if n := resp.Get("RSeq"); !c.racks[atoi(n)] {
			c.racks[atoi(n)] = true
			remote, target := c.remote, c.target
			c.learn(resp)
			r := c.request("PRACK")
			c.remote, c.target = remote, target
			r.Set("RAck", n+" "+req.Get("CSeq"))
			c.p.ask(r, func(*stack.Response) {})
		}
	}
	if c.wantsEnd {
		c.wantsEnd = false
		c.giveUp()
	}
}

func atoi(s string) (n int) { _, _ = fmt.Sscan(s, &n); return n }

func (c *talk) learn(resp *stack.Response) {
	c.remote = resp.To()
	if cs, err := resp.Contacts(); err == nil && len(cs) == 1 {
		c.target = cs[0].URI
	}
}

// answered acknowledges each 2xx; one that crossed our CANCEL is ended at once (RFC 3261 section 15).
func (c *talk) answered(req *stack.Request, resp *stack.Response) {
	tag := resp.To().Tag()
	again := slices.Contains(c.tags, tag)
	if !again {
		c.tags = append(c.tags, tag)
	}
	if len(c.tags) > 1 {
		c.p.w.wrong("%s: %d 2xx for one INVITE %s", c.p.name, len(c.tags), c.callID)
	}
	c.learn(resp)
	c.peerPort = portOf(resp.Body)
	seq := c.cseq
	ack := c.request("ACK")
	c.cseq = seq
	n, _ := req.CSeq()
	ack.Set("CSeq", fmt.Sprint(n, " ACK"))
	if c.late {
		ack.SetBody("application/sdp", c.agree(resp.Body))
	}
	c.p.send(c.p.bytes(ack))
	if again || c.state != calling {
		return
	}
	c.status = resp.Status
	c.begin("caller")
	if c.cancelOut || c.wantsEnd {
		c.bye()
	}
}

// ring is an INVITE of the switch: what this phone does about it is fate.
func (p *phone) ring(r *stack.Request) {
	if _, dup := p.servers["seen "+branchOf(r.Get("Via"))]; dup {
		return // a repetition of what we do not answer yet
	}
	p.servers["seen "+branchOf(r.Get("Via"))] = nil
	c := p.talk(false)
	c.invite, c.callID, c.localTag = r, r.CallID(), p.id("t")
	c.local, c.remote = r.To().WithTag(c.localTag), r.From()
	if cs, err := r.Contacts(); err == nil && len(cs) == 1 {
		c.target = cs[0].URI
	}
	c.peerPort = portOf(r.Body)
	c.state = ringing
	p.closed(r)
	if p.leaves {
		c.refuse(480)
		return
	}
	if p.w.office != nil && r.Has("Answer-Mode") && !p.one(4) {
		p.w.happened("answered by itself")
		c.accept()
		return
	}
	wait := p.chance(12 * time.Second)
	if !p.w.classic && p.one(6) {
		p.reply(r, 180, c.localTag, c.dialog)
		p.after(wait/4, c.redirect)
		return
	}
	switch n := p.dice.IntN(100); {
	case n < 42:
		p.reply(r, 180, c.localTag, c.dialog)
		p.after(wait, c.accept)
	case n < 50:
		c.accept()
	case n < 60:
		p.reply(r, 183, c.localTag, func(resp *stack.Response) {
			c.dialog(resp)
			resp.SetBody("application/sdp", c.agree(r.Body))
		})
		c.early = true
		c.air(true)
		p.after(wait, c.accept)
	case n < 66 && slices.Contains(r.Supported(), "100rel"):
		c.rseq = 1 + p.dice.IntN(1000)
		b := p.reply(r, 180, c.localTag, func(resp *stack.Response) {
			c.dialog(resp)
			resp.Set("Require", "100rel")
			resp.Set("RSeq", fmt.Sprint(c.rseq))
		})
		p.after(simT1, func() { c.reliably(b, simT1, wait) })
	case n < 82:
		p.reply(r, 180, c.localTag, c.dialog)
		p.after(wait/4, func() { c.refuse([]int{486, 486, 603, 480, 500, 302, 488, 404, 503}[p.dice.IntN(9)]) })
	case n < 86:
		c.refuse(486)
	case n < 90:
		c.finish("never a word")
	default: // nobody picks up
		p.reply(r, 180, c.localTag, c.dialog)
	}
}

func (c *talk) dialog(resp *stack.Response) {
	resp.SetContact(c.p.contact())
	c.p.able(&resp.Headers)
}

// able says that a phone takes UPDATE, as every other one does: it is told so whom it talks with.
func (p *phone) able(h *stack.Headers) {
	if p.addr.Addr().As4()[3]%2 == 0 && !p.w.found() {
		h.Set("Allow", "INVITE, ACK, CANCEL, BYE, UPDATE, PRACK, INFO, REFER, NOTIFY")
	}
}

// reliably repeats a reliable 180 until its PRACK comes, and answers after it (RFC 3262 section 3).
func (c *talk) reliably(b []byte, wait, answer time.Duration) {
	switch {
	case c.state != ringing:
	case c.racks[c.rseq]:
		c.p.after(answer, c.accept)
	case wait > simT64:
		c.refuse(504)
	default:
		c.p.send(b)
		c.p.after(2*wait, func() { c.reliably(b, 2*wait, answer) })
	}
}

func (c *talk) accept() {
	if c.state != ringing {
		return
	}
	c.status = 200
	broken := c.p.one(40)
	b := c.p.reply(c.invite, 200, c.localTag, func(resp *stack.Response) {
		c.dialog(resp)
		c.session(c.invite, resp)
		body := c.agree(c.invite.Body)
		if broken {
			body = []byte("v=0\r\nthis is no description\r\n")
		}
		resp.SetBody("application/sdp", body)
	})
	c.begin("called")
	c.p.after(simT1, func() { c.insist(b, simT1, time.Now()) })
}

func (c *talk) refuse(status int) {
	if c.state != ringing {
		return
	}
	c.status, c.refused = status, true
	b := c.p.reply(c.invite, status, c.localTag, func(resp *stack.Response) {
		if status == 302 {
			resp.SetContact(c.movedTo())
		}
	})
	c.finish("refused")
	c.p.after(simT1, func() { c.insist(b, simT1, time.Now()) })
}

// cancelled: the switch takes its INVITE back. A 2xx that was sent stands.
func (c *talk) cancelled(r *stack.Request) {
	c.p.reply(r, 200, c.localTag, nil)
	if c.state == ringing {
		c.refuse(487)
		c.why = "cancelled"
	}
}

// String tells a call in one line.
func (c *talk) String() string {
	side := "called by the switch"
	if c.out {
		side = "calls " + c.dialled
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s (%s): %s %d, saidBye=%v gotBye=%v cancel=%v", c.p.name, side, c.callID, c.why, c.status, c.saidBye, c.gotBye, c.cancelOut))
}
