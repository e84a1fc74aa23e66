package call

import (
	"fmt"
	"slices"

	"naisen/cmd/pbx/internal/route"
	"naisen/recorder"
	"naisen/sip"
)

// recordState says what became of the recording.
type recordState struct {
	id       string          // of the last recording; empty: none was started
	tape     string          // of what parties are told to: the same, or what is held in memory
	held     recorder.Held   // the last stretch in memory, while nobody asked for a recording; nil: nothing is held. It is Call.recording too
	asked    *recorder.Asked // who wants it, without any policy that demands it; nil: nobody
	wished   *recorder.Asked // who wanted the last one
	started  int
	detach   func() // takes the tap out of the bridge
	refused  bool   // the notice failed, or a party wants none: there must be none
	declined bool   // a party refused it by a key
	ends     bool   // and the call ends for that
	failed   bool
	broken   string // the recording that failed while it ran; empty: none did
	hidden   cover  // why nothing is kept now
}

// next is an id that no recording had before: the call's own, and a number when recording is switched on again.
func (r *recordState) next(call string) string {
	r.started++
	if r.started == 1 {
		return call
	}
	return fmt.Sprintf("%s-%d", call, r.started)
}

// startRecording attaches the tap before the parties are joined, so that the first packet is in it: in a recording, or in what is held in memory.
func (c *Call) startRecording() {
	left, right := c.caller, c.winner
	if left.side != callingSide {
		left, right = right, left
	}
	switch {
	case c.recordable() && c.capture(c.plan.Record, asParty(left), asParty(right)):
	case c.holdable() && c.holdBack(asParty(left), asParty(right)):
	default:
		return
	}
	left.taped, right.taped = c.record.tape, c.record.tape
	for _, p := range c.talkers() { // three may talk already when it is switched on by hand
		c.tape(p)
	}
	c.nameAudience()
}

// capture starts a recording of parties and attaches it to the call's bridge; false if it failed. What is held becomes its beginning if somebody asked for
// it, and is gone if a policy demands it only from now on.
func (c *Call) capture(r route.Record, parties ...recorder.Party) bool {
	c.veil() // nobody forbids it any more
	if c.record.asked == nil {
		c.forget()
	}
	of := c.caseOf(r, parties)
	rec, err := c.commit(of)
	if err != nil {
		c.recordingFailed(err)
		return false
	}
	c.recording, c.record.id, c.record.held, c.record.wished = rec, of.ID, nil, of.Asked
	if m, ok := rec.(masker); ok && c.record.hidden != 0 {
		m.Mask(true, bySwitch)
	}
	rec.OnFailure(func(err error) { c.mailbox.Post(captureFailed{of.ID, err}) })
	c.copyOutside(of, r.Outside)
	c.log.Info("call: recording", "recording", of.ID, "number", r.Number, "policy", r.Policy)
	return true
}

// commit gives what is held a journal, or begins with nothing.
func (c *Call) commit(of recorder.Case) (recorder.Recording, error) {
	if h := c.record.held; h != nil {
		h.Keep(of)
		return h, nil
	}
	rec, err := c.deps.Recorder.Start(of)
	if err == nil {
		c.attach(rec, of.ID)
	}
	return rec, err
}

// attach lets a recording, or what is held, hear the call.
func (c *Call) attach(rec recorder.Recording, id string) {
	c.recording, c.record.tape = rec, id
	c.record.detach = c.bridge.Attach(rec.Tap())
	c.retell()
}

// caseOf is what a recording that begins now, or is held from now on, knows of the call.
func (c *Call) caseOf(r route.Record, parties []recorder.Party) recorder.Case {
	id := c.record.tape
	if c.record.held == nil {
		id = c.record.next(c.in.ID)
	}
	return recorder.Case{ID: id, Domain: c.in.Request.Domain, Call: c.in.ID, DID: r.Number, Groups: c.groups(), Direction: string(c.direction), Policy: r.Policy,
		RetentionDays: r.Retention, Label: recorder.Label(r.Label.Or()), Started: c.deps.Clock(), Notice: c.notice, Parties: parties, Asked: c.record.asked}
}

// groups are the queues and the group that the call is for: recordings are found by them, and listeners see those of their own.
func (c *Call) groups() []string {
	all := c.waited()
	if g := c.plan.Group; g != "" && !slices.Contains(all, g) {
		all = append(all, g)
	}
	return all
}

// tapeAlone records a party that talks with nobody.
func (c *Call) tapeAlone() {
	if !c.recordable() {
		return
	}
	if c.capture(c.plan.Record, asParty(c.caller)) {
		c.caller.taped = c.record.tape
		c.joinAlone()
	}
}

func asParty(p *party) recorder.Party {
	return recorder.Party{Endpoint: p.ep.ID(), Role: string(p.side), Number: p.number, Name: p.name}
}

// tape tells the running recording of a party that it does not know yet: it goes on through every transfer.
func (c *Call) tape(p *party) {
	if c.recording != nil && p.taped != c.record.tape {
		p.taped = c.record.tape
		c.recording.Party(asParty(p))
		c.tapeOutside(p)
	}
}

// chronicle is a recording that keeps who left, which notices were heard while it ran, with which other calls the conversation belongs together,
// and by which rules it is kept, as how confidential.
type chronicle interface {
	Left(endpoint string)
	Informed(recorder.Notice)
	Linked(recorder.Link)
	Kept(days int, label recorder.Label)
}

// keep tells the running recording how long those who talk now want it kept, and as how confidential. A target that was not reached wants nothing.
func (c *Call) keep() {
	if k, ok := c.recording.(chronicle); ok && c.plan.Record.On {
		k.Kept(c.plan.Record.Retention, recorder.Label(c.plan.Record.Label.Or()))
	}
}

// untape tells the running recording that a party leaves. It may come back.
func (c *Call) untape(p *party) {
	if c.recording == nil || p.taped != c.record.tape || p.ep == nil {
		return
	}
	p.taped = ""
	if k, ok := c.recording.(chronicle); ok {
		k.Left(p.ep.ID())
	}
	if c.outside != nil {
		c.outside.Left(p.ep.ID())
	}
}

// link notes another call of the same conversation: each recording names the calls that came before and after it.
func (c *Call) link(l recorder.Link) {
	c.links = append(c.links, l)
	if k, ok := c.recording.(chronicle); ok {
		k.Linked(l)
	}
}

// retell says to a recording that begins what it missed.
func (c *Call) retell() {
	k, ok := c.recording.(chronicle)
	if !ok {
		return
	}
	for _, n := range c.notices {
		k.Informed(n)
	}
	for _, l := range c.links {
		k.Linked(l)
	}
}

func (c *Call) onCaptureFailed(e captureFailed) {
	if c.phase != Ending && c.recording != nil && c.record.id == e.recording { // not one that was stopped by hand meanwhile
		c.record.broken = e.recording
		c.recordingFailed(e.err)
	}
}

// refuses says that there shall rather be no call than no recording. Of help there is always one, and who only asked for a recording has the call.
func (c *Call) refuses() bool { return c.plan.Record.Refuse && !c.plan.Record.ByHand && !c.urgent }

// recordingFailed: mandatory recording refuses the call only where the number's policy says so; either way it is alarmed, once for a call, whichever of
// its recordings fails, here or outside.
func (c *Call) recordingFailed(err error) {
	if !c.record.failed {
		c.record.failed = true
		c.deps.Alarm("recording-failed")
	}
	c.log.Error("call: recording failed", "err", err, "refuse", c.refuses())
	if c.refuses() {
		c.end(sip.StatusCause(503), bySwitch)
	}
}

func (c *Call) stopRecording(why string) {
	if c.recording == nil {
		return
	}
	c.record.detach()
	if c.place != nil && c.place.detach != nil {
		c.place.detach()
		c.place.detach = nil
	}
	c.recording.Stop(c.deps.Clock(), why)
	c.recording, c.record.held = nil, nil
	c.endPause(recorder.Order{})
	c.stopOutside()
}

// mask keeps secrets that are spoken to the switch out of the recording.
func (c *Call) mask(on bool) {
	by := bySwitch
	if c.act != nil {
		by = c.act.run.String()
	}
	c.hide(coverSecret, on, by)
}
