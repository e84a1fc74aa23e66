package call

import (
	"slices"
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/sip"
)

// The telephones of one extension need not ring at once (route.Start). Those whose time has not come wait here, inside the one step of the plan: its
// clock, its forwards and its outcome are those of all of them.

// pending is a telephone that rings later than others of its extension.
type pending struct {
	dest   Destination
	errand errand
	at     time.Time // monotonic
}

// deviceDue is a timer that fired: somebody's time has come. A stale one is recognised by its sequence.
type deviceDue struct{ seq int }

func (deviceDue) event() {}

// lineUp lets a telephone wait for its time.
func (c *Call) lineUp(d Destination, e errand) {
	c.pending = append(c.pending, pending{d, e, time.Now().Add(d.Start.After)})
	slices.SortStableFunc(c.pending, earlier)
}

func earlier(a, b pending) int { return a.at.Compare(b.at) }

func (c *Call) onDeviceDue(e deviceDue) {
	if e.seq != c.pendingSeq || c.winner != nil || c.phase == Ending {
		return
	}
	c.ringDue()
	c.hasten()
	if c.phase == Ringing && !slices.ContainsFunc(c.called, func(p *party) bool { return p.joined }) {
		c.ringback() // the one that was called off may have been the one that the caller heard
	}
}

// ringDue rings those whose time has come. In order, those of the turn before ring no more.
func (c *Call) ringDue() {
	n := 0
	for n < len(c.pending) && !c.pending[n].at.After(time.Now()) {
		n++
	}
	due := slices.Clone(c.pending[:n])
	c.pending = c.pending[n:]
	for _, w := range due {
		for _, p := range c.called {
			if p.ext == w.dest.Extension && p.dest.Start.Turn < w.dest.Start.Turn && p.phase < PartyUp {
				c.remember(sip.CauseNoAnswer)
				c.outcome |= route.NoAnswer
				c.dismiss(p, sip.CauseNoAnswer)
			}
		}
	}
	for _, w := range due {
		c.ring(w.dest, w.dest.Security, w.errand)
	}
}

// hasten lets the next telephone of an extension ring at once when none of it rings any more: it was switched off, or busy. Those after it come sooner
// by as much.
func (c *Call) hasten() {
	for {
		i := slices.IndexFunc(c.pending, func(w pending) bool { return !c.ringsAt(w.dest.Extension) })
		if i < 0 {
			break
		}
		ext, early := c.pending[i].dest.Extension, time.Until(c.pending[i].at)
		for j := range c.pending {
			if c.pending[j].dest.Extension == ext {
				c.pending[j].at = c.pending[j].at.Add(-early)
			}
		}
		slices.SortStableFunc(c.pending, earlier)
		c.ringDue()
	}
	c.pendingSeq++
	if c.pendingTimer != nil {
		c.pendingTimer.Stop()
	}
	if len(c.pending) > 0 {
		seq := c.pendingSeq
		c.pendingTimer = time.AfterFunc(time.Until(c.pending[0].at), func() { c.mailbox.Post(deviceDue{seq}) })
	}
}

// ringsAt tells whether a telephone of an extension is being rung, or somebody asked there whether to take the call.
func (c *Call) ringsAt(ext string) bool {
	return slices.ContainsFunc(c.called, func(p *party) bool { return p.ext == ext && (p.phase < PartyUp || p.confirming()) })
}

// standDown forgets who waits.
func (c *Call) standDown() {
	c.pending = nil
	c.pendingSeq++
	if c.pendingTimer != nil {
		c.pendingTimer.Stop()
	}
}

// declinedFor tells whether a telephone's refusal speaks for its owner, wherever else it rings (RFC 3261 section 21.6). Busy is that one telephone, and
// 604 and 606 are what it knows, or cannot do, by itself.
func declinedFor(cause sip.Cause) bool {
	switch cause.Status {
	case 600, 603, 607, 608:
		return true
	}
	return false
}

// callOff ends the ringing of all telephones of an extension whose owner declined at one of them (RFC 3261 section 16.7 step 5); nobody else's.
func (c *Call) callOff(ext string, cause sip.Cause) {
	c.pending = slices.DeleteFunc(c.pending, func(w pending) bool { return w.dest.Extension == ext })
	for _, p := range c.called {
		if p.ext == ext && (p.phase < PartyUp || p.confirming()) {
			c.dismiss(p, cause)
		}
	}
}
