package call

import (
	"errors"
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/sip"
)

// Errors that askers get; callers use errors.Is.
var (
	ErrState     = errors.New("call: not possible in this phase")
	ErrMandatory = errors.New("call: this number's policy demands the recording")
	ErrForbidden = errors.New("call: a number's policy forbids any recording")
)

// onEnded takes a leg out. Who hung up decides what happens to the others.
func (c *Call) onEnded(e Ended) {
	p := c.party(e.Leg)
	if p == nil {
		return
	}
	dismissed := p.phase == PartyLeaving
	e.Cause = c.unconfirmed(p, e.Cause)
	c.leave(p)
	p.phase = PartyGone
	c.closeEndpoint(p)
	switch {
	case c.transfer != nil && c.transfer.by == p:
		c.referrerGone(p)
		return
	case c.takesPart(p):
		c.remove(p)
		c.closeRanks(p)
		return
	case c.consultation != nil && c.consultation.by == p && c.hook(p):
		return
	case p.moves:
		c.remove(p)
		c.moverGone(p, e.Cause, dismissed)
		return
	case p == c.caller:
		if e.Refused {
			c.answered = time.Time{} // nothing is to be charged
			c.cause = refused(c.cause)
		}
		c.end(e.Cause, string(p.side))
		return
	}
	c.remove(p)
	if p.person() {
		c.refusedBy(p.ext, e.Cause)
	}
	switch {
	case c.phase == Ending:
	case p == c.winner:
		c.end(e.Cause, string(p.side))
	case c.winner != nil || c.phase == Routing: // a straggler of an earlier step
	default:
		c.unanswered(p, e, dismissed)
	}
}

// person says that what p's side answers is a word of its owner's. What a mobile's network says is not.
func (p *party) person() bool { return p.ext != "" && !p.afar }

// unanswered: one of those that rang does no more.
func (c *Call) unanswered(p *party, e Ended, dismissed bool) {
	if !dismissed && !c.anew(p, e.Cause) && !c.divert(p, e) { // of a dismissed one the reason is remembered already
		c.remember(c.relayed(e.Cause))
		c.carrierFailed = route.CarrierFailed(e.Cause)
		c.outcome |= route.OutcomeOf(e.Cause)
		if p.person() && declinedFor(e.Cause) {
			c.callOff(p.ext, e.Cause)
		}
	}
	c.hasten()
	switch {
	case c.phase == Scripted:
		c.lost()
		return
	case c.alive() == 0:
		c.dial() // the next step, or the end
		return
	}
	c.ringback() // the leg that left may have been the one that the caller heard
}

// anew calls a telephone again, by another way.
func (c *Call) anew(p *party, cause sip.Cause) bool {
	return c.retryPlain(p, cause) || c.byNextTrunk(p, cause)
}

// retryPlain calls a device again without SRTP when it refused our SAVP offer and policy lets it.
func (c *Call) retryPlain(p *party, cause sip.Cause) bool {
	if cause.Status != 488 || p.security != media.SecurityPreferred || !p.dest.Profile.SecureSIP {
		return false
	}
	before := len(c.called)
	c.ring(p.dest, media.SecurityForbidden, p.errand)
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
	case Ringing, Originating:
		c.remember(sip.CauseNoAnswer)
		c.carrierFailed, c.outcome = false, route.NoAnswer
		if _, ok := c.wish(); ok || c.step < len(c.plan.Steps) {
			c.dismissAll()
			c.dial()
			return
		}
		if c.transfer != nil {
			c.dismissAll()
		}
		c.unreached(c.failure)
	case Scripted:
		c.remember(sip.CauseNoAnswer)
		c.dismissAll()
		c.lost()
	case Ending:
		c.log.Error("call: a leg never ended", "caller", c.caller.phase.String(), "called", len(c.called))
		c.deps.Alarm("leg-stuck")
		for _, p := range c.parties() {
			p.phase = PartyGone
			c.closeEndpoint(p)
		}
		c.called, c.transfer, c.surrender = nil, nil, nil
	case Talking:
		if c.asking != nil {
			c.dialled()
		}
	case Routing:
	}
}

// dismissAll ends a step that nobody answered.
func (c *Call) dismissAll() {
	c.standDown()
	for _, p := range c.called {
		c.dismiss(p, sip.CauseNoAnswer)
	}
}

func (c *Call) onHangup(e Hangup) {
	c.end(e.Cause, bySwitch)
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
	c.phase, c.endedBy, c.ended = Ending, by, c.deps.Clock()
	c.stopRecording(cause.Text)
	c.cause = c.refusal(cause)
	if by == string(callingSide) && c.answered.IsZero() {
		c.cause = gaveUp(cause)
	}
	c.protect(func() { c.reported(false, c.cause) })
	c.abandon()
	c.goHome(cause)
	c.standDown()
	c.dismiss(c.caller, c.cause)
	for _, p := range c.parties() {
		c.dismiss(p, c.withdrawal(p, cause))
	}
	if b := c.bridge; b != nil {
		c.beside(func() Event {
			if err := b.Close(); err != nil {
				c.log.Error("call: bridge close", "err", err)
			}
			return nil
		})
	}
	c.arm(guard)
	c.protect(func() { c.curtain(Left{}) })
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
	c.faxLeft(p)
	c.encryptionLeft(p)
	c.silence(p)
	c.pauserLeaves(p)
	c.untape(p)
	p.vigil.stop()
	if p.joined {
		c.empty()
		p.joined = false
		c.bridge.Leave(p.ep)
	}
}

func (c *Call) closeEndpoint(p *party) {
	ep := p.ep
	if ep == nil {
		return
	}
	c.measure(p)
	leg, counting := p.id, c.closes(p.id)
	c.beside(func() Event {
		if err := ep.Close(); err != nil && !errors.Is(err, media.ErrClosed) {
			c.log.Error("call: endpoint close", "err", err)
		}
		if counting {
			return mediaClosed{leg}
		}
		return nil
	})
}

// finish writes the CDR, waits for what still closes, and lets go of the mailbox.
func (c *Call) finish() {
	c.disarm()
	if c.goodbye != nil {
		c.goodbye.timer.Stop()
	}
	c.protect(func() { c.deps.Ledger.Enter(c.cdr()) })
	c.publish()
	c.mailbox.close()
	c.work.Wait()
	c.log.Info("call: over", "status", c.cause.Status, "q850", c.cause.Q850, "by", c.endedBy, "talk", c.talked().Round(time.Millisecond))
}
