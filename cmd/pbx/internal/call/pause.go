package call

import (
	"cmp"
	"slices"
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/recorder"
)

// Whoever gives a card number or a マイナンバー is not recorded while doing so: one of ours pauses the recording, by a code or by program, and lets it go on.
// Nothing that either side says or presses meanwhile is kept anywhere, here or by a recorder outside. A pause that nobody ends ends by itself: when its
// time is over, when whoever asked for it leaves, and when the call is transferred. Nobody from outside can pause: who calls has no say in what is kept.

// maxPauses bounds what a call's record tells of pauses. The recording's manifest has them all.
const maxPauses = 32

// Pause pauses the recording, or lets it go on.
type Pause struct {
	On   bool
	By   recorder.Order
	Done chan error // capacity 1
}

// pauseOver is the end of a pause by time; a stale one is recognised by its number.
type pauseOver struct{ number int }

func (Pause) event()            {}
func (pauseOver) event()        {}
func (p Pause) reply(err error) { answer(p.Done, err) }

// Paused is a pause as the call's record tells it.
type Paused struct {
	From, To       time.Time
	Began, Resumed recorder.Order // Resumed zero: it lasted to the end of the recording
}

// pausing is a pause under way.
type pausing struct {
	by     *party // whose telephone asked for it; nil: a program
	wished *party // whose telephone prefers it, which ends it when it prefers something else; nil: nobody's
	number int
	timer  *time.Timer
}

// pauser is a recording that can be paused; false: not now, or not once more.
type pauser interface {
	Pause(recorder.Order) bool
	Resume(recorder.Order)
}

// Ordered is what somebody ordered of a call's recording, or what happened to such an order by itself.
type Ordered struct {
	Call, Domain string
	Recording    string // as it is called now, or will be
	Does         string // "pause", "resume", "record"
	Order        recorder.Order
}

// What an Ordered does.
const (
	DoesPause  = "pause"
	DoesResume = "resume"
	DoesRecord = "record"
)

// onPausing is what somebody orders of pauses, and what their time does.
func (c *Call) onPausing(e Event) {
	switch e := e.(type) {
	case Pause:
		c.onPause(e)
	case pauseOver:
		c.onPauseOver(e)
	}
}

func (c *Call) onPause(e Pause) {
	if !e.On {
		e.reply(c.unpause(e.By))
		return
	}
	e.reply(c.pause(nil, e.By))
}

// pause begins a pause; by is whose telephone asked for it. What is paused already stays so, for no longer.
func (c *Call) pause(by *party, o recorder.Order) error {
	r, ok := c.recording.(pauser)
	switch {
	case c.phase != Talking || !ok:
		return ErrState
	case c.paused != nil:
		return nil
	case !r.Pause(o):
		return ErrState
	}
	quiet := c.hushed()
	c.pauses++
	n := c.pauses
	limit := cmp.Or(c.plan.Record.PauseMost, route.UsualPause)
	c.paused = &pausing{by: by, number: n, timer: time.AfterFunc(limit, func() { c.mailbox.Post(pauseOver{n}) })}
	if len(c.silences) < maxPauses {
		c.silences = append(c.silences, Paused{From: c.deps.Clock(), Began: o})
	}
	c.hushOutside(quiet)
	c.ordered(DoesPause, o)
	return nil
}

// unpause lets the recording go on.
func (c *Call) unpause(o recorder.Order) error {
	if c.paused == nil {
		return ErrState
	}
	quiet := c.hushed()
	c.endPause(o)
	if r, ok := c.recording.(pauser); ok {
		r.Resume(o)
	}
	c.hushOutside(quiet)
	c.ordered(DoesResume, o)
	return nil
}

// endPause is all of a pause's end that does not concern the recording, which may be over.
func (c *Call) endPause(o recorder.Order) {
	p := c.paused
	if p == nil {
		return
	}
	p.timer.Stop()
	c.paused = nil
	if p.number <= len(c.silences) {
		s := &c.silences[p.number-1]
		s.To, s.Resumed = c.deps.Clock(), o
	}
}

// onPauseOver: nobody let the recording go on, so it does by itself, and somebody should know.
func (c *Call) onPauseOver(e pauseOver) {
	if c.paused == nil || c.paused.number != e.number {
		return
	}
	by := c.paused.by
	c.log.Warn("call: a pause of the recording ended by time", "recording", c.record.tape)
	c.deps.Alarm("pause-expired")
	_ = c.unpause(recorder.Order{How: recorder.ByItself, Reason: "time"})
	c.chime(by, c.say(sayResumed))
}

// moveOn ends a pause as the call goes elsewhere: who comes next knows nothing of it.
func (c *Call) moveOn() {
	if c.paused != nil {
		_ = c.unpause(recorder.Order{How: recorder.ByItself, Reason: "transfer"})
	}
}

// pauserLeaves ends the pause of a party that leaves. What a program asked for ends with the first of ours who goes.
func (c *Call) pauserLeaves(p *party) {
	if k := c.paused; k != nil && (k.by == p || k.by == nil && p.ext != "" && p.taped == c.record.tape) {
		_ = c.unpause(recorder.Order{By: p.ext, How: recorder.ByItself, Reason: "left"})
	}
}

// hushed says that nothing of what is said is kept now.
func (c *Call) hushed() bool { return c.record.hidden != 0 || c.paused != nil }

// hushOutside tells the recorder outside, if that is another state than before.
func (c *Call) hushOutside(before bool) {
	if now := c.hushed(); c.outside != nil && now != before {
		c.outside.Pause(now)
	}
}

// ordered tells whoever writes it down.
func (c *Call) ordered(does string, o recorder.Order) {
	c.log.Info("call: recording order", "does", does, "how", o.How, "recording", c.record.tape)
	if c.deps.Ordered != nil {
		c.deps.Ordered(Ordered{Call: c.in.ID, Domain: c.in.Request.Domain, Recording: c.record.tape, Does: does, Order: o})
	}
}

// silent are the pauses of what was recorded, for the call's record.
func (c *Call) silent() []Paused {
	if c.record.id == "" { // what was only held in memory, and is gone
		return nil
	}
	return c.silences
}

// aboutTape says that a code is about the recording.
func (d Doing) aboutTape() bool { return d == Pauses || d == Resumes || d == Keeps }

// heedsTape says whether a code of p about the recording would mean something now. How often the call was transferred, and who brought three together, is
// nothing to it.
func (c *Call) heedsTape(p *party) bool {
	return c.phase == Talking && p.phase == PartyUp && slices.Contains(c.talkers(), p) && c.surrender == nil && c.joining == nil && c.transfer == nil &&
		p.stage.why == purposeNone && c.off == nil
}

// obeyTape does what a code says about the recording. Who pressed it hears what came of that.
func (c *Call) obeyTape(p *party, does Doing) {
	o := recorder.Order{By: p.ext, How: recorder.ByCode}
	var err error
	say := sayPaused
	switch does {
	case Pauses:
		err = c.pause(p, o)
	case Resumes:
		say, err = sayResumed, c.unpause(o)
	default:
		say, err = sayKept, c.recordOn(Record{On: true, Demand: true, By: o})
		if err == nil && c.telling() { // it hears that by the notice: its own, or music while the other one is told
			return
		}
	}
	if err != nil {
		c.log.Info("call: code about the recording refused", "leg", p.id, "err", err)
		say = notPossible
	}
	c.chime(p, c.say(say))
}
