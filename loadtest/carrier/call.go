package carrier

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// phase of a call.
type phase int

const (
	phaseSetup phase = iota
	phaseUp
	phaseOver
)

// Call is one call as a UA sees it. The UA's lock guards its fields.
type Call struct {
	u    *UA
	ID   string
	Out  bool     // we called
	Asks *Message // the initial INVITE of a call that came in

	phase     phase
	local     string // our From or To with tag
	remote    string // theirs
	localTags []string
	target    string // their Contact
	routes    []string
	seq       int // our last CSeq
	heard     int // their highest
	link      link

	seen    *Seen // of a call that came in
	tx      *serverTx
	rseq    int            // our last
	rings   []string       // what a PRACK may acknowledge: RAck of ours
	theirs  map[string]int // their last RSeq, by To tag
	pracked map[string]bool

	sent, got *SDP
	version   int
	offered   bool // our offer waits for an answer in an ACK
	rtp       *rtpPort
	interval  int    // session timer, seconds; 0: none
	refresher string // "we", "they"
	refreshed int    // how often they did
	ended     string // by which message: "BYE", "CANCEL", "refused"
}

// callOf finds the call that a message belongs to; the lock is held.
func (u *UA) callOf(m *Message) *Call { return u.calls[m.Get("call-id")] }

// tag of an address in header form.
func tagOf(header string) string {
	a, _ := ParseAddress(header)
	v, _ := a.Param("tag")
	return v
}

// newCall makes the call of an initial INVITE; the lock is held.
func (u *UA) newCall(s *Seen, tx *serverTx) *Call {
	c := &Call{u: u, ID: s.Get("call-id"), Asks: s.Message, seen: s, tx: tx, heard: s.CSeq(), link: s.link, theirs: map[string]int{}, pracked: map[string]bool{}}
	c.local, c.remote = s.Get("to")+";tag="+tx.tag, s.Get("from")
	c.localTags = []string{tx.tag}
	c.target = s.contact().URI.Text
	c.routes = s.All("record-route")
	c.got = s.sdp()
	u.calls[c.ID] = c
	return c
}

// heardResponse learns their side of the dialog from a response to our INVITE; the lock is held.
func (c *Call) heardResponse(s *Seen) {
	if n, _ := s.Number("rseq"); n > 0 {
		c.theirs[s.tag("to")] = n
	}
	if s.Method != "INVITE" || s.Status < 101 || s.Status > 299 || c.phase != phaseSetup || !c.Out {
		return
	}
	c.remote = s.Get("to")
	if t := s.contact().URI.Text; t != "" {
		c.target = t
	}
	c.routes = slices.DeleteFunc(s.All("record-route"), func(r string) bool { return r == c.u.route() }) // that is how they reach us
	slices.Reverse(c.routes)
	if d := s.sdp(); d != nil {
		c.got = d
		c.connect()
	}
}

// connect points our RTP to where their description says; the lock is held.
func (c *Call) connect() {
	if c.rtp == nil || c.got == nil {
		return
	}
	if st, ok := c.got.Audio(); ok {
		c.rtp.connect(st)
	}
}

// draft begins a request within the dialog; the lock is held.
func (c *Call) draft(method string) draft {
	c.seq++
	d := draft{name: method, start: method + " " + c.target + " SIP/2.0"}
	for _, r := range c.routes {
		d.fields = append(d.fields, Field{Name: "Route", Value: r})
	}
	d.fields = append(d.fields, headers("From", c.local, "To", c.remote, "Call-ID", c.ID, "CSeq", fmt.Sprintf("%d %s", c.seq, method))...)
	d.fields = append(d.fields, c.u.ours(method)...)
	return d
}

// Do sends a request within the dialog and gives its final response.
func (c *Call) Do(ctx context.Context, method string, body []byte, fields ...Field) (*Message, error) {
	c.u.mu.Lock()
	d := c.draft(method)
	l := c.link
	c.u.mu.Unlock()
	d.body = body
	d.fields = append(d.fields, fields...)
	return c.u.ask(ctx, l, d, nil)
}

// Reinvite offers our description again.
func (c *Call) Reinvite(ctx context.Context) (*Message, error) {
	c.u.mu.Lock()
	body := c.describe(nil)
	c.u.mu.Unlock()
	resp, err := c.Do(ctx, "INVITE", body)
	if err == nil && resp.Status/100 == 2 {
		err = c.sendAck(resp, nil)
	}
	return resp, err
}

// sendAck ends the handshake of a 2xx to our INVITE (RFC 3261 section 13.2.2.4).
func (c *Call) sendAck(resp *Message, body []byte) error {
	u := c.u
	u.mu.Lock()
	c.seq--
	d := c.draft("ACK")
	d.fields = append(headers("Via", fmt.Sprintf("SIP/2.0/%s %s;branch=z9hG4bK%s;rport", c.link.transport(), u.sentBy(), word()), "Max-Forwards", "70"), d.fields...)
	for i, f := range d.fields {
		if f.Name == "CSeq" {
			d.fields[i].Value = fmt.Sprintf("%d ACK", resp.CSeq())
		}
	}
	d.body = body
	b := u.text(d)
	c.seq = max(c.seq, resp.CSeq())
	if tx := u.asked[resp.txKey()]; tx != nil {
		tx.ack = b
	}
	u.mu.Unlock()
	return c.link.send(b)
}

// Hangup ends the call with BYE and waits for the answer.
func (c *Call) Hangup(ctx context.Context, fields ...Field) error {
	c.u.mu.Lock()
	over := c.phase == phaseOver
	c.end("BYE sent")
	c.u.mu.Unlock()
	if over {
		return nil
	}
	resp, err := c.Do(ctx, "BYE", nil, fields...)
	if err == nil && resp.Status != 200 {
		err = fmt.Errorf("%w: %d to BYE", ErrRefused, resp.Status)
	}
	return err
}

// end closes the call's media; the lock is held.
func (c *Call) end(how string) {
	if c.phase == phaseOver {
		return
	}
	c.phase, c.ended = phaseOver, how
	c.rtp.close()
	c.u.wake()
}

// Over waits until the call has ended and says by what.
func (c *Call) Over(ctx context.Context) (how string, err error) {
	err = c.u.until(ctx, "end of the call", func() bool { how = c.ended; return c.phase == phaseOver })
	return how, err
}

// Up waits until the call is connected.
func (c *Call) Up(ctx context.Context) error {
	return c.u.until(ctx, "connected call", func() bool { return c.phase == phaseUp })
}

// Calls that came in or went out so far.
func (u *UA) Calls() (out []*Call) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, c := range u.calls {
		out = append(out, c)
	}
	return out
}

// Incoming waits for a call that came in and is connected, other than those known already.
func (u *UA) Incoming(ctx context.Context, known ...*Call) (found *Call, err error) {
	err = u.until(ctx, "incoming call", func() bool {
		for _, c := range u.calls {
			if !c.Out && c.phase == phaseUp && !slices.Contains(known, c) {
				found = c
				return true
			}
		}
		return false
	})
	return found, err
}

// up marks the call connected and runs its session timer; the lock is held.
func (c *Call) up() {
	if c.phase != phaseSetup {
		return
	}
	c.phase = phaseUp
	c.connect()
	c.u.wake()
	if c.interval > 0 {
		c.u.running.Go(c.keepAlive)
	}
}

// keepAlive refreshes by UPDATE at half the interval, or waits for theirs: when none comes in time the call is ended and the rule "refresh"
// recorded (RFC 4028 section 10).
func (c *Call) keepAlive() {
	u := c.u
	u.mu.Lock()
	interval, ours, seen := time.Duration(c.interval)*time.Second, c.refresher == "we", c.refreshed
	u.mu.Unlock()
	for {
		wait := interval
		if ours {
			wait = interval / 2
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-u.life.Done():
			t.Stop()
			return
		}
		u.mu.Lock()
		over, now := c.phase != phaseUp, c.refreshed
		u.mu.Unlock()
		switch {
		case over:
			return
		case ours:
			if err := c.Refresh(u.life); err != nil {
				u.fail(err)
			}
		case now == seen:
			u.mu.Lock()
			u.refuse(Refusal{Peer: u.profile.Name, Rule: "refresh", Why: "RFC 4028 section 10", What: fmt.Sprintf("no refresh within %s", interval)})
			u.mu.Unlock()
			_ = c.Hangup(u.life, headers("Reason", `SIP;cause=408;text="Session expired"`)...)
			return
		}
		seen = now
	}
}

// Refresh sends an UPDATE without body (RFC 4028 section 7.4).
func (c *Call) Refresh(ctx context.Context) error {
	resp, err := c.Do(ctx, "UPDATE", nil, headers("Session-Expires", fmt.Sprintf("%d;refresher=uac", c.interval), "Supported", "timer")...)
	if err == nil && resp.Status/100 != 2 {
		err = fmt.Errorf("%w: %d to UPDATE", ErrRefused, resp.Status)
	}
	return err
}

// timer takes the timer of a request or 2xx, as RFC 4028 sections 7.2 and 9 have it; the lock is held.
func (c *Call) timer(value string, weAsked bool) {
	n, rest, _ := strings.Cut(value, ";")
	if _, err := fmt.Sscan(n, &c.interval); err != nil {
		return
	}
	who, _ := param(strings.Split(rest, ";"), "refresher")
	c.refresher = "they"
	if who == "uac" == weAsked {
		c.refresher = "we"
	}
}
