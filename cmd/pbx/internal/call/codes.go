package call

import (
	"strings"
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/sip"
)

// Code is what an extension may press while it talks, on a telephone that has no key for it.
type Code struct {
	Keys string
	Does Doing
	Dial string // of Sends: whom it talks with is sent there; empty: the number is asked for
}

// Doing is what a code does.
type Doing int

// What codes do. Swaps to Joins are for who consults somebody while another one waits; Joins and Returns also stand for themselves. The last three are
// about the recording.
const (
	Sends     Doing = iota // whom it talks with is sent elsewhere
	Consults               // whom it talks with waits, and somebody else is rung
	Swaps                  // the one it talks with waits, the other one does no more
	Completes              // the two others talk, and it is let go
	Returns                // back to who waits: the one it talks with, or is rung, is let go. Of three the one who came last
	Joins                  // all three talk; with the one that its telephone holds in another call, where nobody waits in this one
	Moves                  // its other telephones ring, and it goes on at the one that answers
	Pauses                 // nothing is recorded
	Resumes                // and now it is again
	Keeps                  // the call is recorded, where a policy lets those who talk ask for it
)

const (
	codeGap     = 3 * time.Second // keys further apart belong to no code
	codeKeys    = 8               // at most in one
	codeFirst   = 15 * time.Second
	codeNext    = 4 * time.Second
	codeHelp    = time.Second // behind an emergency number: a longer one may begin like it
	askNumber   = "feature/forward-number"
	askWhom     = "restriction/number"
	notPossible = "feature/not-possible"
	whyBarred   = "call/barred"
	whyUnknown  = "call/unallocated"
	whyBusy     = "call/busy"
	whyNotThere = "call/unavailable"
	sayPaused   = "notice/recording-paused"
	sayResumed  = "notice/recording-resumed"
	sayKept     = "notice/recording-short"
)

// asking is the dialogue with a party that pressed a code which takes a number. The other one hears music.
type asking struct {
	by   *party
	does Doing
	keys []rune
}

// typed takes a key that a party pressed while it talks. Codes are those of our own people; what the outside presses means nothing here. A key
// has reached the other side before it is known to be one of a code; the number has not.
func (c *Call) typed(p *party, key rune, how path) {
	now := time.Now()
	late := now.Sub(p.keypad.last) > codeGap
	if p.ext == "" || c.deps.Codes == nil || c.urgent || !isKey(key) || !p.keypad.hears(how, now) {
		return
	}
	if a := c.asking; a != nil {
		if a.by == p {
			c.dialling(a, key)
		}
		return
	}
	talk, tape := c.heeds(p), c.heedsTape(p)
	if !talk && !tape {
		return
	}
	if late {
		p.keypad.typed = ""
	}
	p.keypad.typed += string(key)
	p.keypad.typed = p.keypad.typed[max(0, len(p.keypad.typed)-codeKeys):]
	for _, code := range c.deps.Codes(c.in.Request.Domain, p.ext) {
		if strings.HasSuffix(p.keypad.typed, code.Keys) {
			p.keypad.typed = ""
			switch about := code.Does.aboutTape(); {
			case about && tape:
				c.obeyTape(p, code.Does)
			case !about && talk:
				c.obey(p, code)
			}
			return
		}
	}
}

// heeds says whether a code of p would mean something now.
func (c *Call) heeds(p *party) bool {
	switch {
	case p.phase != PartyUp || c.surrender != nil || c.joining != nil || c.phase == Ending || p.stage.why == purposeVerdict || p.stage.why.telling():
		return false
	case c.trio != nil:
		return c.trio.by == p
	case c.consultation != nil:
		return c.consultation.by == p
	}
	return c.phase == Talking && c.other(p) != nil && p.stage.why == purposeNone && c.transfers < maxTransfers
}

// obey does what a code says, where it means something.
func (c *Call) obey(p *party, code Code) {
	talk := c.phase == Talking && c.other(p) != nil && c.trio == nil
	c.log.Info("call: code", "leg", p.id, "does", int(code.Does))
	switch k := c.consultation; {
	case c.trio != nil:
		if code.Does == Returns {
			c.letOut(c.trio.out, sip.CauseNormal)
		}
	case code.Does == Joins && talk:
		c.joinThree(p)
	case code.Does == Moves && talk:
		if c.moveAway(p) != nil {
			c.tellAside(p, notPossible)
		}
	case k == nil && code.Does == Sends && code.Dial != "":
		c.sendByKeys(p, code.Dial)
	case k == nil && (code.Does == Sends || code.Does == Consults):
		c.ask(p, code.Does)
	case k == nil:
	case code.Does == Swaps && talk:
		c.swap(p)
	case code.Does == Completes:
		c.complete(p)
	case code.Does == Returns:
		c.end(sip.CauseNormal, string(p.side))
	}
}

// ask asks p for a number.
func (c *Call) ask(p *party, does Doing) {
	c.asking = &asking{by: p, does: does}
	c.aside(p)
	prompt := askNumber
	if does == Consults {
		prompt = askWhom
	}
	c.play(p, c.say(prompt), purposeQuestion)
	c.arm(codeFirst)
}

// aside takes p out of the conversation; the other one hears music.
func (c *Call) aside(p *party) {
	c.off = p
	c.bridge.Gate(p.ep, media.GateNone)
	c.play(c.other(p), c.deps.Programs.Music(c.in.Request.Domain), purposeMusic)
}

func (c *Call) say(prompt string) Program {
	return c.deps.Programs.Announce(c.in.Request.Domain, prompt, c.plan.Language)
}

// dialling takes a key of the number; # ends it, or a pause.
func (c *Call) dialling(a *asking, key rune) {
	c.silence(a.by)
	if key != '#' {
		a.keys = append(a.keys, key)
	}
	if key == '#' || len(a.keys) >= maxKeys {
		c.dialled()
		return
	}
	if route.IsEmergency(string(a.keys)) {
		c.arm(codeHelp)
		return
	}
	c.arm(codeNext)
}

// dialled: the number is complete, or nothing more was pressed. Without one they talk on.
func (c *Call) dialled() {
	a := c.asking
	c.unask()
	if len(a.keys) == 0 {
		c.resume()
		return
	}
	if a.does == Consults {
		c.consult(a.by, string(a.keys))
		return
	}
	c.sendByKeys(a.by, string(a.keys))
}

// unask ends the dialogue.
func (c *Call) unask() {
	c.off = nil
	if c.asking != nil {
		c.asking = nil
		c.disarm()
	}
}

// sendByKeys sends whom p talks with elsewhere, by p's rights, as a REFER would. p hears it ring and may hang up; what fails, it hears and has
// the other one back.
func (c *Call) sendByKeys(p *party, number string) {
	d, ok := c.deps.Number(c.in.Request.Domain, sip.URI{Scheme: "sip", User: number, Host: c.in.Request.Domain})
	refused := sip.CauseNotFound
	if ok {
		plan := c.route(c.request(p, d))
		if refused = plan.Refuse; refused.Status == 0 {
			c.log.Info("call: transfer by keys", "by", p.number, "rule", plan.Why)
			c.sendByPlan(p, plan)
			return
		}
		c.log.Info("call: transfer by keys refused", "leg", p.id, "rule", plan.Why)
		if plan.Say != "" && c.talks(p) {
			c.tellAside(p, plan.Say)
			return
		}
	}
	c.keysRefused(p, refused)
}

// sendByPlan is sendAway for who has no display.
func (c *Call) sendByPlan(p *party, plan route.Plan) {
	then := func() {
		if !c.talks(p) {
			return
		}
		c.part(p)
		c.transfer.keys = true
		c.play(p, c.deps.Programs.Ringback(), purposeRingback)
		c.redial(plan)
	}
	if !c.encryptFirst(plan.Record.Media, c.other(p), then, func(cause sip.Cause) { c.keysRefused(p, cause) }) {
		then()
	}
}

// keysRefused lets p hear why whom it talks with stays.
func (c *Call) keysRefused(p *party, cause sip.Cause) {
	if c.talks(p) {
		c.tellAside(p, whyNot(cause))
	}
}

// whyNot is what somebody hears whose transfer came to nothing.
func whyNot(cause sip.Cause) string {
	switch cause.Status {
	case 403:
		return whyBarred
	case 404:
		return whyUnknown
	case 486, 600, 603:
		return whyBusy
	}
	return whyNotThere
}
