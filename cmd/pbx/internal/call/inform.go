package call

import (
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/recorder"
	"naisen/sip"
)

// Nobody from outside is recorded unawares. A notice is heard by a party once, before its voice comes into a recording whose policy demands one,
// however it came into the call. Whoever sends calls on to an outside number of its own choice is at that number, and called, not recorded, by it.
// Calls for help wait for nobody: what is not recorded already stays so.

// announces says that a policy demands a notice here, and that it can be given.
func (c *Call) announces() bool {
	r := c.plan.Record
	return r.Tells() && r.Announced() && !c.record.refused && !c.urgent && c.forbidden() == ""
}

// noticeFor is how a party must be told: whom we called outside otherwise than who calls us, and our own people.
func (c *Call) noticeFor(p *party) route.Notice {
	if p.rung() {
		return c.plan.Record.Called()
	}
	return c.plan.Record.Notice
}

// rung says that we called a stranger.
func (p *party) rung() bool { return p.outside && p.dest.Trunk != "" }

// warns says that the caller must hear the notice before anybody is rung.
func (c *Call) warns() bool {
	if !c.announces() || c.plan.Direction == route.Outbound {
		return false
	}
	return c.unaware(c.caller) || c.notice == nil && c.recording == nil && c.noticeFor(c.caller).Demanded()
}

// uninformed is who of those who are about to talk must hear the notice before; nil: nobody. Of two people of ours the one who waits hears it.
func (c *Call) uninformed() *party {
	if !c.announces() {
		return nil
	}
	for _, p := range c.talkers() {
		if c.unaware(p) {
			return p
		}
	}
	if c.notice == nil && c.mustTell() && c.caller.ep.Codec() != media.T38 {
		return c.caller
	}
	return nil
}

// mustTell says that somebody must have heard a notice before those who talk are recorded. With strangers there it is what is demanded for them.
func (c *Call) mustTell() bool {
	strangers := false
	for _, p := range c.talkers() {
		if p == nil || !p.outside {
			continue
		}
		strangers = true
		if c.noticeFor(p).Demanded() {
			return true
		}
	}
	return !strangers && c.plan.Record.Notice.Demanded()
}

// unaware says that a party is a stranger who must hear the notice, has not, and could. A fax machine has no ear.
func (c *Call) unaware(p *party) bool {
	return p.outside && !p.informed && c.noticeFor(p).Demanded() && p.ep != nil && p.ep.Codec() != media.T38
}

// recordable says that a recording may begin now: who had to hear the notice has heard it.
func (c *Call) recordable() bool {
	return c.plan.Record.On && !c.record.refused && c.forbidden() == "" && !c.recorded() && (c.notice != nil || !c.mustTell())
}

// informed keeps the receipt of a notice that p has heard to its end.
func (c *Call) informed(p *party, n recorder.Notice) {
	p.informed = true
	if c.notice == nil {
		c.notice = &n
		return
	}
	c.receipt(n)
}

// receipt keeps what else was played: to others, or cut short.
func (c *Call) receipt(n recorder.Notice) {
	if len(c.notices) >= maxReceipts {
		return
	}
	c.notices = append(c.notices, n)
	if k, ok := c.recording.(chronicle); ok {
		k.Informed(n)
	}
}

// maxReceipts bounds what a call keeps of notices beside the first.
const maxReceipts = 64

// uninformable: the notice could not be played to somebody, whose voice must not come into a recording that runs already.
func (c *Call) uninformable() {
	c.deps.Alarm("notice-failed")
	c.ban("the notice could not be played")
}

// ban ends the recording, and lets none begin in this call.
func (c *Call) ban(why string) {
	c.record.refused = true
	c.stopRecording(why)
}

// heed takes over what was heard in a recorded call whose legs come here. Each of them knows by itself whether it has heard it.
func (c *Call) heed(e Adopt) {
	if !e.record.Tells() {
		return
	}
	if c.notice == nil {
		c.notice = e.notice
	}
	c.notices = append(c.notices, e.notices...)
}

func (c *Call) playNotice(p *party) {
	r := c.plan.Record
	prompt, mode := r.Wording(p.rung()), c.noticeMode(p)
	c.log.Info("call: notice", "leg", p.id, "prompt", prompt, "mode", string(mode))
	c.play(p, c.deps.Programs.Announce(c.in.Request.Domain, prompt, r.Language), purposeNotice)
	p.stage.mode, p.stage.refusal = mode, r.Refusal
}

// noticeMode is when the notice that p hears now is played.
func (c *Call) noticeMode(p *party) route.Notice {
	switch {
	case p.rung():
		return route.NoticeCalled
	case c.caller.phase >= PartyUp:
		return route.NoticeAnswer
	}
	return c.plan.Record.Notice
}

// noticeEnded writes the receipt and goes on. A notice that could not be played means no recording: nobody is recorded unawares (H14).
func (c *Call) noticeEnded(p *party, ev media.PlayEnded) {
	heard := p.stage
	p.stage.why = purposeNone // it has ended by itself
	c.silence(p)
	if !ev.Complete {
		if ev.Packets > 0 {
			c.receipt(c.receiptOf(p, heard, ev))
		}
		c.uninformable()
		if c.refuses() {
			c.end(sip.StatusCause(503), bySwitch)
			return
		}
		c.noticed()
		return
	}
	n := c.receiptOf(p, heard, ev)
	if heard.refusal.Key != 0 && p.ep.Codec() != media.T38 {
		c.allow(p, heard.refusal, n)
		return
	}
	c.informed(p, n)
	c.noticed()
}

// receiptOf is what is kept of a notice that has ended.
func (c *Call) receiptOf(p *party, heard stage, ev media.PlayEnded) recorder.Notice {
	ended := c.deps.Clock()
	n := recorder.Notice{Prompt: heard.spoken.Prompt, Version: heard.spoken.Version, Language: heard.spoken.Language, SHA256: heard.spoken.SHA256,
		Mode: string(heard.mode), SSRC: ev.SSRC, FirstRTP: ev.FirstRTP, LastRTP: ev.LastRTP, FirstSequence: ev.FirstSequence, LastSequence: ev.LastSequence,
		Packets: ev.Packets, Complete: ev.Complete, Started: ended.Add(-time.Duration(ev.EndedAt - ev.StartedAt)), Ended: ended, Party: p.number, Leg: string(p.id)}
	if key := heard.refusal.Key; key != 0 {
		n.RefusalKey = string(key)
	}
	return n
}

// noticed goes on after a notice.
func (c *Call) noticed() {
	if c.winner != nil {
		c.connect()
		return
	}
	c.dial()
}
