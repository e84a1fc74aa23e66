package route

import (
	"time"

	"naisen/sip"
)

// Live is what routing may know of the present moment. Whoever asks for a plan gives it as data; nil: nobody talks and every phone is there.
type Live interface {
	// Busy tells whether an extension has a call, one that only rings too.
	Busy(domain, extension string) bool
	// Registered tells whether an extension has a phone that can ring.
	Registered(domain, extension string) bool
	// IdleSince is when an extension's last call ended; zero: it had none.
	IdleSince(domain, extension string) time.Time
	// Turn counts the calls that a group was given.
	Turn(domain, group string) int
}

func (r Request) busy(extension string) bool {
	return r.Live != nil && r.Live.Busy(r.Domain, extension)
}

func (r Request) registered(extension string) bool {
	return r.Live == nil || r.Live.Registered(r.Domain, extension)
}

// Outcome is why a step reached nobody. A step has several when several of its targets failed.
type Outcome uint8

// The outcomes.
const (
	Busy        Outcome = 1 << iota // or declined
	NoAnswer                        // it rang long enough
	Unreachable                     // nothing to ring, or no answer from any phone's software

	Any = Busy | NoAnswer | Unreachable
)

// OutcomeOf says what a leg's end means for those who wait for its step.
func OutcomeOf(c sip.Cause) Outcome {
	switch {
	case c.Status == 486 || c.Status == 600 || c.Status == 603 || c.Q850 == 17 || c.Q850 == 21:
		return Busy
	case c.Q850 == 18 || c.Q850 == 19:
		return NoAnswer
	}
	return Unreachable
}
