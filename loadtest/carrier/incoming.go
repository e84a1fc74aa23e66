package carrier

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// serve does what a request asks for, or refuses it by the first rule that it broke.
func (u *UA) serve(s *Seen, tx *serverTx, broke *Rule) {
	if s.Method == "ACK" {
		u.ackCame(s, broke)
		return
	}
	if broke != nil {
		if broke.Status != 0 {
			u.reply(s, tx, broke.Status, nil, broke.Fields...)
		}
		return
	}
	if f := u.profile.Serve[s.Method]; f != nil {
		u.mu.Lock()
		r := f(s)
		u.mu.Unlock()
		if r != nil {
			u.reply(s, tx, r.Status, nil, r.Fields...)
			return
		}
	}
	switch s.Method {
	case "INVITE":
		if s.tag("to") != "" {
			u.reoffered(s, tx)
			return
		}
		u.mu.Lock()
		c := u.newCall(s, tx)
		u.mu.Unlock()
		u.reply(s, tx, 100, nil)
		u.running.Go(func() { u.script(c) })
	case "UPDATE":
		u.reoffered(s, tx)
	case "BYE":
		u.mu.Lock()
		s.Call.end("BYE")
		u.mu.Unlock()
		u.reply(s, tx, 200, nil)
	case "CANCEL":
		u.cancelled(s, tx)
	case "PRACK":
		u.mu.Lock()
		s.Call.pracked[s.Get("rack")] = true
		u.wake()
		u.mu.Unlock()
		u.reply(s, tx, 200, nil)
	case "OPTIONS":
		u.reply(s, tx, 200, nil, headers("Accept", "application/sdp", "Supported", strings.Join(u.profile.Offers, ","))...)
	case "REFER":
		u.reply(s, tx, 202, nil)
	case "INFO", "NOTIFY", "MESSAGE":
		u.reply(s, tx, 200, nil)
	default:
		u.reply(s, tx, 405, nil)
	}
}

// script runs what happens to a call.
func (u *UA) script(c *Call) {
	u.mu.Lock()
	f := u.opts.Script
	u.mu.Unlock()
	if f == nil {
		f = func(ctx context.Context, c *Call) error {
			if err := c.Ring(ctx, 180, Ring{}); err != nil {
				return err
			}
			return c.Answer(ctx)
		}
	}
	if err := f(u.life, c); err != nil {
		u.mu.Lock()
		cancelled := c.phase == phaseOver
		u.mu.Unlock()
		if !cancelled && u.life.Err() == nil {
			u.fail(err)
		}
	}
}

// cancelled ends an INVITE that is not answered yet (RFC 3261 section 9.2).
func (u *UA) cancelled(s *Seen, tx *serverTx) {
	u.reply(s, tx, 200, nil)
	c := s.Call
	u.mu.Lock()
	early := c != nil && c.phase == phaseSetup && !c.Out && c.tx.status < 200
	if early {
		c.end("CANCEL")
	}
	u.mu.Unlock()
	if early {
		u.reply(c.seen, c.tx, 487, nil)
	}
}

// ackCame: the handshake of our 2xx is done. One that broke a rule ends the call, since an ACK has no answer.
func (u *UA) ackCame(s *Seen, broke *Rule) {
	u.mu.Lock()
	c := s.Call
	up := c != nil && s.Asked != nil && s.branch() != s.Asked.branch()
	if up && c.offered {
		c.offered = false
		if d := s.sdp(); d != nil {
			c.got = d
			c.connect()
		}
	}
	if up && broke == nil {
		c.up()
	}
	u.wake()
	u.mu.Unlock()
	if up && broke != nil {
		u.running.Go(func() { _ = c.Hangup(u.life) })
	}
}

// reoffered answers a re-INVITE or an UPDATE.
func (u *UA) reoffered(s *Seen, tx *serverTx) {
	c := s.Call
	u.mu.Lock()
	c.refreshed++
	if t := s.contact().URI.Text; t != "" {
		c.target = t
	}
	var body []byte
	switch d := s.sdp(); {
	case d != nil:
		c.got = d
		body = c.describe(d)
		c.connect()
	case s.Method == "INVITE":
		body, c.offered = c.describe(nil), true
	}
	var fields []Field
	if v := s.Get("session-expires"); v != "" {
		c.timer(v, false)
		fields = headers("Session-Expires", v, "Require", "timer")
	}
	u.mu.Unlock()
	u.reply(s, tx, 200, body, fields...)
}

// Ring says how a provisional response is.
type Ring struct {
	Tag      string // another To tag: another fork
	SDP      bool
	Reliable bool // 100rel: returns once the PRACK came
	Fields   []Field
}

// Ring sends a provisional response.
func (c *Call) Ring(ctx context.Context, status int, r Ring) error {
	u := c.u
	fields := r.Fields
	u.mu.Lock()
	if c.phase == phaseOver {
		u.mu.Unlock()
		return fmt.Errorf("%w: the call is over", ErrRefused)
	}
	tag := c.tx.tag
	if r.Tag != "" {
		tag = r.Tag
		c.localTags = append(c.localTags, tag)
	}
	var body []byte
	if r.SDP {
		body = c.describe(c.Asks.sdp())
		c.connect()
	}
	rack := ""
	if r.Reliable {
		c.rseq++
		rack = fmt.Sprintf("%d %d INVITE", c.rseq+4711, c.Asks.CSeq())
		c.rings = append(c.rings, rack)
	}
	rseq := c.rseq + 4711
	u.mu.Unlock()
	if !r.Reliable {
		u.replyAs(tag, c.seen, c.tx, status, body, fields...)
		return nil
	}
	fields = append(headers("Require", "100rel", "RSeq", fmt.Sprint(rseq)), fields...)
	u.replyAs(tag, c.seen, c.tx, status, body, fields...)
	err := u.within(ctx, u.opts.Patience, "PRACK of "+rack, func() bool { return c.pracked[rack] || c.phase == phaseOver })
	if err != nil {
		u.mu.Lock()
		u.refuse(Refusal{Peer: u.profile.Name, Rule: "prack", Why: "RFC 3262 section 4", What: "no PRACK " + rack})
		u.mu.Unlock()
	}
	return err
}

// Answer sends the 200 and waits for its ACK, repeating it as RFC 3261 section 13.3.1.4 wants.
func (c *Call) Answer(ctx context.Context) error {
	u := c.u
	u.mu.Lock()
	if c.phase == phaseOver {
		u.mu.Unlock()
		return fmt.Errorf("%w: the call is over", ErrRefused)
	}
	offer := c.Asks.sdp()
	body := c.describe(offer)
	c.offered = offer == nil
	fields := c.agreeTimer()
	u.mu.Unlock()
	u.reply(c.seen, c.tx, 200, body, fields...)
	done := make(chan struct{})
	defer close(done)
	u.running.Go(func() {
		wait := t1
		for {
			t := time.NewTimer(wait)
			select {
			case <-t.C:
				_ = c.link.send(c.tx.last)
				wait = min(2*wait, t2)
			case <-done:
				t.Stop()
				return
			}
		}
	})
	err := u.within(ctx, u.opts.Patience, "ACK", func() bool { return c.phase != phaseSetup })
	if err != nil {
		u.mu.Lock()
		u.refuse(Refusal{Peer: u.profile.Name, Rule: "ack", Why: "RFC 3261 section 13.3.1.4", What: "no ACK for our 200"})
		u.mu.Unlock()
	}
	return err
}

// agreeTimer answers what was asked for (RFC 4028 section 9): they refresh; the lock is held.
func (c *Call) agreeTimer() []Field {
	n, _ := c.Asks.Number("session-expires")
	if !c.Asks.Tagged("supported", "timer") || n < 0 {
		return nil
	}
	if c.u.profile.Timer > 0 {
		n = c.u.profile.Timer
	}
	v := fmt.Sprintf("%d;refresher=uac", n)
	c.timer(v, false)
	return headers("Session-Expires", v, "Require", "timer")
}

// Reject refuses the call.
func (c *Call) Reject(status int, fields ...Field) {
	c.u.mu.Lock()
	c.end("refused")
	c.u.mu.Unlock()
	c.u.reply(c.seen, c.tx, status, nil, fields...)
}
