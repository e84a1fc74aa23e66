package call

import (
	"time"

	"naisen/sip"
)

// Dismiss asks the call to tell those in it that it has to end, and to end then. Where nobody hears anything it ends at once.
type Dismiss struct {
	Prompt string
	Cause  sip.Cause
}

func (Dismiss) event() {}

// goodbyePatience bounds how long a call that was dismissed lasts, whatever becomes of what is played.
const goodbyePatience = 15 * time.Second

// goodbye is the end of a call that was dismissed.
type goodbye struct {
	cause sip.Cause
	timer *time.Timer
}

// onDemise: somebody who may has the call end, at once or after a word.
func (c *Call) onDemise(e Event) {
	switch e := e.(type) {
	case Hangup:
		c.onHangup(e)
	case Dismiss:
		c.onDismiss(e)
	}
}

// onDismiss plays it over the conversation: both sides hear it, and neither hears the other meanwhile.
func (c *Call) onDismiss(e Dismiss) {
	if c.phase == Ending || c.goodbye != nil {
		return
	}
	c.goodbye = &goodbye{cause: e.Cause, timer: time.AfterFunc(goodbyePatience, func() { c.mailbox.Post(Hangup{Cause: e.Cause}) })}
	if c.phase == Talking {
		for _, p := range c.parties() {
			if p.phase == PartyUp {
				c.play(p, c.deps.Programs.Announce(c.in.Request.Domain, e.Prompt, c.plan.Record.Language), purposeGoodbye)
			}
		}
	}
	c.bade()
}

// bade ends the call when nobody hears it any more.
func (c *Call) bade() {
	if c.goodbye == nil {
		return
	}
	for _, p := range c.parties() {
		if p.stage.why == purposeGoodbye {
			return
		}
	}
	c.end(c.goodbye.cause, bySwitch)
}
