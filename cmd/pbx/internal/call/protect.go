package call

import (
	"runtime/debug"

	"naisen/sip"
)

// protect runs f of the actor. A panic ends this call and no other (threats.md I12).
func (c *Call) protect(f func()) {
	defer func() {
		if r := recover(); r != nil {
			c.panicked(r)
		}
	}()
	f()
}

// beside runs slow work outside the actor and posts what came of it. A panic in it ends the call like any other.
func (c *Call) beside(f func() Event) {
	c.work.Go(func() {
		defer func() {
			if r := recover(); r != nil {
				c.loud(r)
				c.mailbox.Post(Hangup{Cause: sip.CauseServerError})
			}
		}()
		if e := f(); e != nil {
			c.mailbox.Post(e)
		}
	})
}

// panicked ends the call. Where ending it was what panicked, each leg is told by itself and the guard timer does the rest.
func (c *Call) panicked(r any) {
	c.loud(r)
	if c.phase != Ending {
		c.protect(func() { c.end(sip.CauseServerError, bySwitch) })
		return
	}
	for _, p := range c.parties() {
		if p.phase < PartyLeaving {
			p.phase = PartyLeaving // before End: this is not tried twice
			c.protect(func() { p.leg.End(sip.CauseServerError) })
		}
	}
	c.arm(guard)
}

func (c *Call) loud(r any) {
	c.deps.Alarm("call-panic")
	c.log.Error("call: panicked", "panic", r, "stack", string(debug.Stack()))
}
