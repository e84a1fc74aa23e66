package main

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"naisen/sip"
	"naisen/sip/stack"
)

type talkState int

const (
	calling talkState = iota
	ringing
	up
	over
)

// talk is a call as one phone believes it to be.
type talk struct {
	p    *phone
	life int
	out  bool

	callID, localTag string
	local, remote    sip.Address
	target           sip.URI
	cseq             uint32
	invite           *stack.Request // the last attempt; of a called phone the one received
	dialled          string
	late             bool // our INVITE has no offer
	replacing        bool // and takes another one's place

	state     talkState
	rang      bool // a provisional response came
	wantsEnd  bool // CANCEL goes out with the first provisional response
	cancelOut bool
	refused   bool   // we refused it, and wait for the ACK
	settled   bool   // the ACK came
	early     bool   // it sent early media
	busy      bool   // a re-INVITE of ours is under way
	muddled   bool   // its phone sent garbage meanwhile
	lost      bool   // restarted or fell off the net
	shed      bool   // the switch had too much to do
	moved     string // where it redirected to
	holding   bool
	parks     bool   // its next REFER goes to the parking lot
	keys      string // that its user presses once somebody has answered

	tags     []string // To tags of every 2xx
	status   int      // the final status: seen by a caller, given by a called phone
	saidBye  bool
	gotBye   bool
	why      string // how it ended here
	upAt     time.Time
	overAt   time.Time
	port     uint16
	peerPort uint16 // of the switch: finds the leg
	version  int
	payloads string
	rseq     int
	racks    map[int]bool
}

func (p *phone) talk(out bool) *talk {
	p.rtp += 2
	c := &talk{p: p, life: p.life, out: out, port: p.rtp, racks: map[int]bool{}, payloads: "0 8 101"}
	p.talks = append(p.talks, c)
	return c
}

func (c *talk) air(on bool) {
	c.p.w.air.speak(netip.AddrPortFrom(c.p.addr.Addr(), c.port), on)
}

// finish: the phone does not believe in this call any more.
func (c *talk) finish(why string) {
	if c.state == over {
		return
	}
	c.state, c.why, c.overAt = over, why, time.Now()
	c.air(false)
}

func (c *talk) begin(answered string) {
	c.state, c.upAt = up, time.Now()
	c.air(true)
	c.p.after(simBrief+c.p.chance(40*time.Second), func() {
		if c.state == up && !c.p.one(4) {
			c.bye()
		}
	})
	if c.p.one(3) { // meets the session refresh of the switch half-way: glare
		c.p.after(45*time.Second-10*time.Millisecond+c.p.chance(20*time.Millisecond), func() { c.reinvite(c.p.one(2), true) })
	}
	if c.keys != "" {
		c.p.after(time.Second+c.p.chance(5*time.Second), func() { c.press(c.keys) })
	}
	_ = answered
}

// sdp describes our media; a hold is sendonly.
func (c *talk) sdp() []byte {
	c.version++
	direction := "sendrecv"
	if c.holding {
		direction = "sendonly"
	}
	a := c.p.addr.Addr()
	return []byte(fmt.Sprintf("v=0\r\no=- %d %d IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %d RTP/AVP %s\r\na=rtpmap:101 telephone-event/8000\r\na=%s\r\n",
		c.port, c.version, a, a, c.port, c.payloads, direction))
}

// agree answers the switch's offer with the first codec of ours that is in it.
func (c *talk) agree(offer []byte) []byte {
	types := strings.Fields(line(offer, "m=audio "))
	for _, pt := range types[min(2, len(types)):] {
		if slices.Contains([]string{"0", "8", "9"}, pt) {
			c.payloads = pt + " 101"
			break
		}
	}
	return c.sdp()
}

func line(sdp []byte, start string) string {
	for _, l := range strings.Split(string(sdp), "\r\n") {
		if rest, ok := strings.CutPrefix(l, start); ok {
			return rest
		}
	}
	return ""
}

func portOf(sdp []byte) uint16 {
	n, _, _ := strings.Cut(line(sdp, "m=audio "), " ")
	v, _ := strconv.ParseUint(n, 10, 16)
	return uint16(v)
}

// request makes a request of this dialog.
func (c *talk) request(method string) *stack.Request {
	r := stack.NewRequest(method, c.target)
	r.Set("Via", c.p.branch())
	r.Set("Max-Forwards", "70")
	r.SetFrom(c.local)
	r.SetTo(c.remote)
	r.Set("Call-ID", c.callID)
	c.cseq++
	r.Set("CSeq", fmt.Sprint(c.cseq, " ", method))
	r.SetContact(c.p.contact())
	return r
}

func (c *talk) bye() {
	if c.state != up {
		return
	}
	c.saidBye = true
	c.finish("bye")
	c.p.ask(c.request("BYE"), func(*stack.Response) {})
}

// reinvite changes hold, or only refreshes; body false: the offer is asked of the switch.
func (c *talk) reinvite(hold, body bool) {
	if c.state != up || c.busy {
		return
	}
	before := c.holding
	c.holding = hold
	r := c.request("INVITE")
	n := c.cseq
	if body {
		r.SetBody("application/sdp", c.sdp())
	}
	c.busy = true
	var ack []byte
	c.p.ask(r, func(resp *stack.Response) {
		switch {
		case resp == nil:
			c.busy = false
			c.bye()
		case resp.Status < 200:
		case resp.Status/100 == 2:
			c.busy = false
			if ack == nil {
				c.cseq, n = n, c.cseq // an ACK takes the number of its INVITE
				a := c.request("ACK")
				c.cseq = max(c.cseq-1, n)
				a.Set("CSeq", strings.Replace(r.Get("CSeq"), "INVITE", "ACK", 1))
				if !body {
					a.SetBody("application/sdp", c.agree(resp.Body))
				}
				ack = c.p.bytes(a)
			}
			c.p.send(ack)
		default:
			c.busy, c.holding = false, before
			c.refusedWithin(resp.Status, func() { c.reinvite(hold, body) })
		}
	})
}

// refusedWithin: 491 is tried again after a while, 481 and 408 end the call (RFC 3261 sections 14.1 and 12.2.1.2).
func (c *talk) refusedWithin(status int, again func()) {
	switch status {
	case 491:
		wait := c.p.chance(2 * time.Second)
		if c.out {
			wait = 2100*time.Millisecond + c.p.chance(1900*time.Millisecond)
		}
		c.p.after(wait, again)
	case 481, 408:
		c.bye()
	}
}

// update is a hold or a refresh by UPDATE (RFC 3311); other methods carry what their name says.
func (c *talk) other(method string) {
	if c.state != up {
		return
	}
	r := c.request(method)
	switch method {
	case "UPDATE":
		if c.busy {
			return
		}
		if c.p.one(2) {
			c.holding = !c.holding
			r.SetBody("application/sdp", c.sdp())
		}
	case "INFO":
		r.SetBody("application/dtmf-relay", []byte("Signal=5\r\nDuration=160\r\n"))
	case "REFER":
		r.Set("Refer-To", "<sip:"+c.referTo()+"@"+simDomain+">")
		if o := c.p.another(c); o != nil && c.p.one(2) { // attended
			r.Set("Refer-To", "<sip:2001@"+simDomain+"?Replaces="+strings.NewReplacer(";", "%3B", "=", "%3D").Replace(o.name())+">")
		}
	}
	c.p.ask(r, func(resp *stack.Response) {
		if resp != nil && resp.Status == 481 {
			c.bye()
		}
	})
}

// within handles a request of the switch in this dialog.
func (c *talk) within(r *stack.Request) {
	p := c.p
	switch {
	case r.Method == "BYE":
		p.reply(r, 200, "", nil)
		c.gotBye = true
		c.finish("peer's bye")
	case r.Method == "PRACK":
		p.reply(r, 200, "", nil)
		n, _, _ := strings.Cut(r.Get("RAck"), " ")
		v, _ := strconv.Atoi(n)
		c.racks[v] = true
	case c.state == over:
		p.reply(r, 481, "", nil)
	case (r.Method == "INVITE" || r.Method == "UPDATE" && len(r.Body) > 0) && c.busy:
		p.reply(r, 491, "", nil)
	case r.Method == "INVITE":
		body := c.sdp
		if len(r.Body) > 0 {
			body = func() []byte { return c.agree(r.Body) }
		}
		b := p.reply(r, 200, "", func(resp *stack.Response) {
			resp.SetContact(p.contact())
			c.session(r, resp)
			resp.SetBody("application/sdp", body())
		})
		c.settled = false
		p.after(simT1, func() { c.insist(b, simT1, time.Now()) })
	case r.Method == "UPDATE":
		p.reply(r, 200, "", func(resp *stack.Response) {
			resp.SetContact(p.contact())
			c.session(r, resp)
			if len(r.Body) > 0 {
				resp.SetBody("application/sdp", c.agree(r.Body))
			}
		})
	default:
		p.reply(r, 200, "", nil)
	}
}

// session leaves the refreshing to the switch (RFC 4028 section 9).
func (c *talk) session(r *stack.Request, resp *stack.Response) {
	v, _, _ := strings.Cut(r.Get("Session-Expires"), ";")
	if v != "" {
		resp.Set("Session-Expires", v+";refresher=uac")
		resp.Set("Require", "timer")
	}
}

// insist repeats a final response to an INVITE until its ACK comes; without one the call is given up (RFC 3261 section 13.3.1.4).
func (c *talk) insist(b []byte, wait time.Duration, since time.Time) {
	if c.settled || c.p.life != c.life {
		return
	}
	if time.Since(since) > simT64 {
		n := uint32(atoi(line(b, "CSeq: ")))
		if a := c.p.w.asked[arrival{c.callID, n}]; a.finals > a.acks && a.heard.Sub(a.sent) <= simT64 { // else they, or all ACKs, were lost
			c.p.w.wrong("%s: no ACK to a final response", c)
		}
		if c.state == up {
			c.bye()
		}
		return
	}
	c.p.send(b)
	wait = min(2*wait, simT2)
	c.p.after(wait, func() { c.insist(b, wait, since) })
}

func (c *talk) acked(*stack.Request) { c.settled = true }

// another call of the same phone that has a dialog.
func (p *phone) another(than *talk) *talk {
	for _, c := range p.talks {
		if c != than && c.life == p.life && (c.state == up || c.state == calling) && c.remote.Tag() != "" {
			return c
		}
	}
	return nil
}

// name is this call's dialog as Replaces names it (RFC 3891 section 3): to-tag is the tag of who gets it, the switch.
func (c *talk) name() string {
	return c.callID + ";to-tag=" + c.remote.Tag() + ";from-tag=" + c.localTag
}
