package call

import (
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/recorder"
	"naisen/sip"
)

// What somebody hears who refused the recording by a key.
const (
	sayUnrecorded = "notice/refused"
	sayRefusedEnd = "notice/refused-end"
)

// whyRefused stands in the log and in the recording that ends for it.
const whyRefused = "the recording was refused by key"

// allow gives who has heard the whole notice its time to refuse.
func (c *Call) allow(p *party, r route.Refusal, n recorder.Notice) {
	c.play(p, c.deps.Programs.Pause(r.Wait), purposeChoice)
	p.stage.refusal, p.stage.receipt = r, &n
}

// chosen: nothing was pressed.
func (c *Call) chosen(p *party) {
	n := p.stage.receipt
	p.stage.receipt = nil
	c.silence(p)
	c.informed(p, *n)
	c.noticed()
}

// refusesBy takes the key of a party that hears the notice, or has just heard it. Keys that mean nothing here are nobody's: they may be a PIN
// that was pressed too early, and are kept nowhere.
func (c *Call) refusesBy(p *party, key rune, how path) bool {
	r := p.stage.refusal
	if p.stage.why != purposeNotice && p.stage.why != purposeChoice {
		return false
	}
	if r.Key == 0 || key != r.Key || !p.keypad.hears(how, time.Now()) {
		return true
	}
	c.record.ends = r.Ends || c.plan.Record.Refusal.Ends // a stricter number may have been reached since
	c.log.Info("call: recording refused by key", "leg", p.id, "ends", c.record.ends)
	if n := p.stage.receipt; n != nil {
		n.Pressed = string(key)
	}
	p.stage.pressed = key
	c.silence(p) // a notice that was cut short has its receipt when its last packet is counted
	c.ban(whyRefused)
	say := sayUnrecorded
	if c.record.ends {
		say = sayRefusedEnd
	}
	c.record.declined, p.declined = true, true
	c.plan.Record.On = false // what it asks for is fulfilled by not recording; a later number may want more
	if p.ep.Codec() == media.T38 {
		c.refusalTold(p)
		return true
	}
	c.play(p, c.say(say), purposeRefusal)
	return true
}

// refusalTold goes on, or ends the call where the policy lets nobody talk unrecorded.
func (c *Call) refusalTold(p *party) {
	c.silence(p)
	if c.record.ends {
		c.end(sip.StatusCause(603), bySwitch)
		return
	}
	c.noticed()
}

// insists says that a number was reached which would rather have no call than no recording, where there is none and will be none; or no call with
// somebody who refuses it, and somebody did.
func (c *Call) insists() bool {
	r := c.plan.Record
	broken := c.recorded() && c.record.broken == c.record.id
	return r.On && (c.refuses() && (c.record.refused || broken) || c.record.declined && r.Refusal.Ends && !r.ByHand && !c.urgent)
}

// cutShort is a notice that ended before its end. How much of it was sent is known when the endpoint says so.
type cutShort struct {
	party   *party
	heard   stage
	closing bool // its endpoint is being closed, after which nothing more comes
}

// mediaClosed is the last that comes of an endpoint whose notice was cut short.
type mediaClosed struct{ leg LegID }

func (mediaClosed) event() {}

// interrupted remembers a notice that is taken away while it is on air, and keeps the receipt of one that was heard to its end, whatever ended the time
// to refuse.
func (c *Call) interrupted(p *party) {
	if n := p.stage.receipt; n != nil {
		c.receipt(*n)
	}
	if p.stage.why == purposeNotice && p.stage.stop != nil && len(c.cut) < maxReceipts {
		c.cut = append(c.cut, cutShort{party: p, heard: p.stage})
	}
}

// counted takes the end of a notice that was cut short; false: it is another's.
func (c *Call) counted(leg LegID, ev media.PlayEnded) bool {
	if ev.Source == nil {
		return false
	}
	for i, k := range c.cut {
		if k.party.id == leg && k.heard.source == ev.Source {
			c.cut = append(c.cut[:i], c.cut[i+1:]...)
			n := c.receiptOf(k.party, k.heard, ev)
			if k.heard.pressed != 0 {
				n.Pressed = string(k.heard.pressed)
			}
			c.receipt(n)
			return true
		}
	}
	return false
}

// closes says that the endpoint of a leg is being closed, and that what was sent of its notice is still to be told.
func (c *Call) closes(leg LegID) bool {
	found := false
	for i := range c.cut {
		if c.cut[i].party.id == leg {
			c.cut[i].closing, found = true, true
		}
	}
	return found
}

// uncounted: what was not told of a leg's notice by now never is.
func (c *Call) uncounted(leg LegID) {
	var left []cutShort
	for _, k := range c.cut {
		if k.party.id != leg {
			left = append(left, k)
		}
	}
	c.cut = left
}

// counts says that the end of a notice is still to come.
func (c *Call) counts() bool {
	for _, k := range c.cut {
		if k.closing {
			return true
		}
	}
	return false
}
