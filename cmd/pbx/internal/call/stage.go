package call

import (
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/recorder"
	"naisen/sip"
)

// mediaPatience is how long a party may say nothing after it was joined or resumed, where nothing else is configured: see patience.
// What came before does not count: a phone need not send while it rings, or holds.
const mediaPatience = 28 * time.Second

// purpose says what the call waits for when a program ends.
type purpose int

const (
	purposeNone purpose = iota
	purposeNotice
	purposeChoice  // the notice is over, and the key that refuses the recording still counts
	purposeRefusal // who refused it is told what becomes of that
	purposeRingback
	purposeMusic
	purposeScript
	purposeFarewell // who sent the other away is let go
	purposeQuestion // who pressed a code is asked for a number
	purposeVerdict  // who could not send the other away has it back
	purposeGoodbye  // the call is dismissed: see Dismiss
	purposeConfirm  // who answered a mobile is asked for the key that takes the call
	purposeAway     // the other one's connection is interrupted
)

// stage is what a party hears instead of another party.
type stage struct {
	seq    int // recognises what was opened for an earlier program
	why    purpose
	spoken Spoken
	source media.Source
	stop   func() // not nil: the source is on air

	// Of a notice.
	mode    route.Notice
	refusal route.Refusal    // of which it speaks
	receipt *recorder.Notice // of the one that was heard, while it may still be refused
	pressed rune             // the key that refused it
}

// telling says that a party hears a notice, or what belongs to it.
func (p purpose) telling() bool {
	return p == purposeNotice || p == purposeChoice || p == purposeRefusal
}

// play gives p's ear to a program. The source is opened beside the actor: an upload may have to be read and encoded.
func (c *Call) play(p *party, prog Program, why purpose) {
	if p == nil || p.ep == nil {
		return
	}
	c.silence(p)
	if p.ep.Codec() == media.T38 { // a fax machine has no ear
		return
	}
	p.stage.why = why
	seq, id, codec := p.stage.seq, p.id, p.ep.Codec()
	c.beside(func() Event {
		src, spoken, err := prog.Open(codec)
		return opened{id, seq, src, spoken, err}
	})
}

// silence takes the program away.
func (c *Call) silence(p *party) {
	if p == nil {
		return
	}
	stop := p.stage.stop
	c.interrupted(p)
	p.stage = stage{seq: p.stage.seq + 1}
	if stop != nil {
		stop()
	}
}

func (c *Call) onOpened(e opened) {
	p := c.party(e.leg)
	if p == nil || c.phase == Ending || p.stage.seq != e.stage {
		return
	}
	if e.err != nil {
		c.log.Error("call: program cannot be opened", "leg", p.id, "err", e.err)
		c.programEnded(p, media.PlayEnded{})
		return
	}
	p.stage.spoken, p.stage.source = e.spoken, e.source
	p.stage.stop = p.ep.Play(e.source)
}

func (c *Call) onMedia(e Media) {
	if ev, ok := e.Event.(media.PlayEnded); ok && c.counted(e.Leg, ev) {
		return
	}
	p := c.party(e.Leg)
	if p == nil || c.phase == Ending {
		return
	}
	switch ev := e.Event.(type) {
	case media.PlayEnded:
		ours := ev.Source != nil && ev.Source == p.stage.source               // if it is broken off, then since the leg's codec is another one by now
		if (ours || ev.Complete && ev.Source == nil) && p.stage.stop != nil { // else it is of a program that is gone: what is heard now is not over
			c.programEnded(p, ev)
		}
	case media.Timeout:
		if c.expected(p) && time.Since(p.since) >= c.patience() { // else it is told again later
			c.noMedia(p, ev.Silent)
		}
	case media.Digit:
		if c.refusesBy(p, ev.Rune, byRTP) || c.confirmed(p, ev.Rune, byRTP) {
			return
		}
		c.typed(p, ev.Rune, byRTP) // the bridge has passed it on
		if c.phase == Scripted {
			c.pressed(p, ev.Rune, byRTP)
		}
	case media.KeysFailed: // also where the voice could wait: who cannot make keys never will
		c.log.Warn("call: no keys for a leg", "leg", p.id, "err", ev.Err)
		c.end(sip.CauseNotAcceptable, bySwitch)
	case media.Lull:
		c.onLull(p, ev.Silent)
	case media.Heard:
		c.heardFrom(p)
	case media.FirstPacket:
	}
}

// expected says that p should be heard now.
func (c *Call) expected(p *party) bool {
	return p.phase == PartyUp && !p.moves && (c.phase == Talking || c.phase == Scripted && p == c.caller && !c.act.silent())
}

func (c *Call) programEnded(p *party, ev media.PlayEnded) {
	why := p.stage.why
	switch why {
	case purposeNotice:
		c.noticeEnded(p, ev)
		return
	case purposeChoice:
		c.chosen(p)
		return
	case purposeRefusal:
		c.refusalTold(p)
		return
	case purposeConfirm:
		c.askToConfirm(p)
		return
	}
	c.silence(p)
	switch why {
	case purposeScript:
		c.performed(ev.Complete)
	case purposeFarewell:
		c.letGo(p)
	case purposeGoodbye:
		c.bade()
	case purposeAway:
		c.play(p, c.deps.Programs.Music(c.in.Request.Domain), purposeMusic)
	case purposeVerdict:
		if c.transfer == nil { // there was nobody to ring
			c.resume()
			return
		}
		c.reunite(c.transfer.failed)
	case purposeNone, purposeNotice, purposeChoice, purposeRefusal, purposeRingback, purposeMusic, purposeQuestion, purposeConfirm:
	}
}
