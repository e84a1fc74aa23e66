package call

import (
	"errors"
	"time"

	"naisen/media"
	"naisen/sip"
)

// Errors that askers get; callers use errors.Is.
var (
	ErrState     = errors.New("call: not possible in this phase")
	ErrMandatory = errors.New("call: this number's policy demands the recording")
)

// onEnded takes a leg out. Who hung up decides what happens to the others.
func (c *Call) onEnded(e Ended) {
	p := c.party(e.Leg)
	if p == nil {
		return
	}
	c.leave(p)
	p.phase = PartyGone
	c.closeEndpoint(p)
	if p == c.caller {
		if c.phase == Ending && c.cause.Status == 0 {
			c.cause = e.Cause
		}
		c.end(e.Cause, "caller")
		return
	}
	c.remove(p)
	switch {
	case c.phase == Ending:
	case p == c.winner:
		c.end(e.Cause, "called")
	case c.retryPlain(p, e.Cause):
	default:
		c.remember(e.Cause)
		if c.winner == nil && c.alive() == 0 {
			c.dial() // the next step, or the end
		}
	}
}

// retryPlain calls a device again without SRTP when it refused our SAVP offer and policy lets it.
func (c *Call) retryPlain(p *party, cause sip.Cause) bool {
	if c.phase != Ringing || c.winner != nil || cause.Status != 488 || p.security != media.SecurityPreferred || !p.dest.Profile.SecureSIP {
		return false
	}
	before := len(c.called)
	c.ring(p.dest, media.SecurityForbidden)
	return len(c.called) > before
}

func (c *Call) remove(p *party) {
	for i, q := range c.called {
		if q == p {
			c.called = append(c.called[:i], c.called[i+1:]...)
			return
		}
	}
}

// onTimeout: nobody answered in this step, or the last events of an ending call never came.
func (c *Call) onTimeout(e timeout) {
	if e.seq != c.timerSeq {
		return
	}
	switch c.phase {
	case Ringing:
		c.remember(sip.CauseNoAnswer)
		if c.step < len(c.plan.Steps) {
			for _, p := range c.called {
				c.dismiss(p, sip.CauseNoAnswer)
			}
			c.dial()
			return
		}
		c.end(c.failure, "switch")
	case Ending:
		c.log.Error("call: a leg never ended", "caller", c.caller.phase.String(), "called", len(c.called))
		c.deps.Alarm("leg-stuck")
		c.caller.phase = PartyGone
		for _, p := range c.called {
			c.closeEndpoint(p)
		}
		c.called = nil
	case Routing, Talking:
	}
}

func (c *Call) onHangup(e Hangup) {
	c.end(e.Cause, "switch")
	e.reply(nil)
}

// end is the one way to end a call. Each leg gets exactly one End, each endpoint one Close.
func (c *Call) end(cause sip.Cause, by string) {
	if c.phase == Ending {
		return
	}
	if cause.Text == "" {
		cause.Text = sip.StatusCause(cause.Status).Text
	}
	c.phase, c.cause, c.endedBy = Ending, cause, by
	c.stopRecording(cause.Text)
	c.dismiss(c.caller, c.refusal(cause))
	for _, p := range c.called {
		c.dismiss(p, c.causeFor(p, cause))
	}
	b := c.bridge
	c.beside(func() Event {
		if err := b.Close(); err != nil {
			c.log.Error("call: bridge close", "err", err)
		}
		return nil
	})
	c.arm(guard)
}

// dismiss tells a leg to end, once. Its Ended follows.
func (c *Call) dismiss(p *party, cause sip.Cause) {
	if p.phase >= PartyLeaving {
		return
	}
	c.leave(p)
	p.phase = PartyLeaving
	p.leg.End(cause)
}

// leave takes a party's ear and voice out of the call.
func (c *Call) leave(p *party) {
	c.silence(p)
	if p.joined {
		p.joined = false
		c.bridge.Leave(p.ep)
	}
}

// refusal is what a caller who was never answered is told: a success would answer the call.
func (c *Call) refusal(cause sip.Cause) sip.Cause {
	if c.caller.phase < PartyUp && cause.Status < 300 {
		cause.Status = sip.CauseUnavailable.Status
		c.cause = cause
	}
	return cause
}

// causeFor says to a called leg why it ends: a CANCEL of a caller who gave up is no missed failure of that phone.
func (c *Call) causeFor(p *party, cause sip.Cause) sip.Cause {
	if p.phase < PartyUp && c.endedBy == "caller" {
		return sip.CauseCancelled
	}
	return cause
}

func (c *Call) closeEndpoint(p *party) {
	ep := p.ep
	if ep == nil {
		return
	}
	c.beside(func() Event {
		if err := ep.Close(); err != nil && !errors.Is(err, media.ErrClosed) {
			c.log.Error("call: endpoint close", "err", err)
		}
		return nil
	})
}

// finish writes the CDR, waits for what still closes, and lets go of the mailbox.
func (c *Call) finish() {
	c.disarm()
	c.deps.Ledger.Enter(c.cdr(c.deps.Clock()))
	c.publish()
	c.mailbox.close()
	close(c.done)
	c.work.Wait()
	c.log.Info("call: over", "status", c.cause.Status, "q850", c.cause.Q850, "by", c.endedBy, "talk", c.talked(c.deps.Clock()).Round(time.Millisecond))
}
