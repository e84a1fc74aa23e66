package call

import (
	"slices"

	"naisen/media"
	"naisen/recorder"
)

// Outside is what lets a recorder of somebody else hear a recorded call (SIPREC, RFC 7866). It never blocks.
type Outside interface {
	// Begin gives what copies the call to the recorders of a policy, which is not always the one of the case; nil: it names none. failed is told at most once, when none of those that it names
	// takes the call; it must not block.
	Begin(policy string, c recorder.Case, failed func(error)) Copies
}

// Copies is one recorded call as a recorder outside gets it. All methods return at once, and nothing that becomes of it does anything to the call.
type Copies interface {
	Party(recorder.Party, media.Endpoint) // it talks from now on; again, it is another or is called otherwise
	Left(endpoint string)
	Hold(endpoint string, held bool)
	Pause(on bool) // nothing that is said leaves until it is off
	Stop()
}

// copyOutside begins the copy of the recording that has just begun, for the recorders of a policy: not always of the one whose case it is.
func (c *Call) copyOutside(of recorder.Case, policy string) {
	if c.deps.Outside == nil || policy == "" {
		return
	}
	id := of.ID
	c.outside = c.deps.Outside.Begin(policy, of, func(err error) { c.mailbox.Post(captureFailed{id, err}) })
	if c.outside == nil {
		return
	}
	if c.hushed() {
		c.outside.Pause(true)
	}
	for _, p := range c.parties() {
		if p.ep == nil {
			continue
		}
		known := slices.ContainsFunc(of.Parties, func(k recorder.Party) bool { return k.Endpoint == p.ep.ID() })
		if known || p.taped == c.record.tape { // of what was held in memory
			c.tapeOutside(p)
		}
	}
}

// tapeOutside tells the recorder outside of a party that it does not know yet.
func (c *Call) tapeOutside(p *party) {
	if c.outside == nil {
		return
	}
	c.outside.Party(asParty(p), p.ep)
	if p.phase == PartyHeld {
		c.outside.Hold(p.ep.ID(), true)
	}
}

// heldOutside tells the recorder outside that a party holds, or is back.
func (c *Call) heldOutside(p *party) {
	if c.outside != nil && p.taped == c.record.tape {
		c.outside.Hold(p.ep.ID(), p.phase == PartyHeld)
	}
}

func (c *Call) stopOutside() {
	if c.outside != nil {
		c.outside.Stop()
		c.outside = nil
	}
}
