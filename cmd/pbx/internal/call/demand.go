package call

import (
	"errors"
	"time"

	"naisen/recorder"
)

// A line that is recorded on demand is recorded from when somebody of ours asks for it. Who has to hear a notice hears it then, before anything is
// captured. Where the policy lets the last stretch before that be kept, everybody was told at the beginning, and it stands in encrypted memory
// (recorder.Holder), which is destroyed if nobody asks.

// ErrNotOnDemand says that no policy of the call lets those who talk have it recorded.
var ErrNotOnDemand = errors.New("call: no number's policy lets it be recorded on demand")

// heldWindow is how much of what was said before somebody asks is kept.
const heldWindow = 120 * time.Second

// Record switches recording on or off.
type Record struct {
	On     bool
	Demand bool // on where a policy lets those who talk ask for it, and not elsewhere
	By     recorder.Order
	Done   chan error // capacity 1
}

func (Record) event()            {}
func (r Record) reply(err error) { answer(r.Done, err) }

// onRecord switches recording by hand. Off is for a recording that policy does not demand.
func (c *Call) onRecord(e Record) {
	if e.On {
		e.reply(c.recordOn(e))
		return
	}
	e.reply(c.recordOff())
}

// recordOn begins a recording that somebody asked for, as soon as everybody has heard what they must hear.
func (c *Call) recordOn(e Record) error {
	r := &c.plan.Record
	switch {
	case c.phase != Talking:
		return ErrState
	case c.forbidden() != "":
		return ErrForbidden
	case c.record.refused: // nobody told the caller, and nobody records it unawares (H14)
		return ErrState
	case c.recorded() || c.telling():
		return nil
	case e.Demand && !r.On && !r.OnDemand:
		return ErrNotOnDemand
	}
	if !r.On {
		r.On, r.ByHand = true, true
		c.record.asked = &recorder.Asked{Order: e.By, At: c.deps.Clock()}
	}
	if r.Number == "" {
		r.Number, r.Policy = c.plan.To, "on-demand"
	}
	if err := c.recordAsked(); err != nil {
		c.unasked()
		return err
	}
	c.ordered(DoesRecord, e.By)
	return nil
}

// recordAsked begins the recording, or the notice before it.
func (c *Call) recordAsked() error {
	p := c.uninformed()
	if p == nil {
		if c.startRecording(); !c.recorded() {
			return ErrState
		}
		return nil
	}
	if !c.undisturbed() || !p.listens() {
		return ErrState
	}
	if c.trio == nil {
		c.aside(p)
	}
	c.playNotice(p)
	return nil
}

// unasked: whoever comes next is not recorded for what somebody asked for in vain.
func (c *Call) unasked() {
	if c.plan.Record.ByHand {
		c.plan.Record.On, c.plan.Record.ByHand = false, false
	}
	c.record.asked = nil
}

func (c *Call) recordOff() error {
	switch {
	case c.phase != Talking:
		return ErrState
	case !c.recorded():
		return nil
	case !c.plan.Record.ByHand:
		return ErrMandatory
	}
	c.stopRecording("stopped by hand")
	c.plan.Record.On = false // whoever comes next is not recorded for it
	c.record.asked = nil
	return nil
}

// recorded says that a recording runs, and not only a stretch in memory.
func (c *Call) recorded() bool { return c.recording != nil && c.record.held == nil }

// telling says that one of those who talk hears the notice before a recording that was asked for.
func (c *Call) telling() bool {
	for _, p := range c.talkers() {
		if p != nil && p.stage.why.telling() {
			return true
		}
	}
	return false
}

// undisturbed says that those who talk do nothing else: somebody may be taken aside for a moment.
func (c *Call) undisturbed() bool {
	if c.off != nil || c.asking != nil || c.transfer != nil || c.surrender != nil || c.joining != nil || c.securing != nil {
		return false
	}
	for _, p := range c.talkers() {
		if p == nil || p.stage.why != purposeNone {
			return false
		}
	}
	return true
}

// holdable says that the last stretch of the call may stand in memory from now on: a policy lets it, and whoever talks was told, or need not be.
func (c *Call) holdable() bool {
	r := c.plan.Record
	return c.deps.Holder != nil && c.recording == nil && !r.On && r.Holds() && !c.record.refused && !c.urgent && c.forbidden() == "" && (c.notice != nil || !c.mustTell())
}

// holdBack begins to hold the call's last stretch; false: there is no room, and only what comes after somebody asked will be recorded.
func (c *Call) holdBack(parties ...recorder.Party) bool {
	of := c.caseOf(c.plan.Record, parties)
	h, err := c.deps.Holder.Hold(of, heldWindow)
	if err != nil {
		c.log.Warn("call: the last stretch is not held in memory", "err", err)
		c.deps.Alarm("hold-full")
		return false
	}
	c.record.held = h
	c.attach(h, of.ID)
	if m, ok := h.(masker); ok && c.record.hidden != 0 {
		m.Mask(true, bySwitch)
	}
	return true
}

// forget destroys what is held.
func (c *Call) forget() {
	if c.record.held != nil {
		c.stopRecording("not asked for")
	}
}

// reconsider destroys what is held where nothing may be held any more.
func (c *Call) reconsider() {
	if c.record.held != nil && (!c.plan.Record.Holds() || c.forbidden() != "") {
		c.forget()
	}
}

// askedAlong takes over what somebody asked for in another call. What is held here they did not mean.
func (c *Call) askedAlong(a *recorder.Asked) {
	if a != nil && c.record.asked == nil && !c.recorded() {
		c.forget()
		c.record.asked = a
	}
}
