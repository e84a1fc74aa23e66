package call

import (
	"net/netip"
	"time"

	"naisen/media"
	"naisen/sip"
)

const (
	promptInterrupted    = "call/interrupted"       // somebody hears it whose party's network has failed; then music
	promptOneInterrupted = "conference/interrupted" // the others hear it where more than two talk
)

// presence is what is known of a telephone that sends nothing.
type presence int

const (
	presenceSure  presence = iota
	presenceAsked          // nothing came of late: it is asked whether it is there
	presenceAway           // it does not answer, and who talks with it was told
)

// outages are the times in which a telephone was away, for the call's record.
type outages struct {
	since  time.Time // nothing came from it any more; zero: it is there
	times  int       // with the present one
	lasted time.Duration
}

func (o *outages) begin(since time.Time) {
	o.since = since
	o.times++
}

func (o *outages) end(now time.Time) { o.lasted, o.since = o.until(now), time.Time{} }

// until is how long all of them lasted, the present one so far.
func (o *outages) until(now time.Time) time.Duration {
	if o.since.IsZero() {
		return o.lasted
	}
	return o.lasted + now.Sub(o.since)
}

// Prober is a leg that can ask its device whether it is there: Probed comes.
type Prober interface{ Probe() }

type (
	// Probed says that a device answers, or that it did not in time.
	Probed struct {
		Leg     LegID
		Reached bool
	}
	// Roamed says that a device is in another network by now: From, which is Site's; empty: no site's.
	Roamed struct {
		Leg  LegID
		From netip.Addr
		Site string
	}
)

func (Probed) event() {}
func (Roamed) event() {}

// onPresence takes what is told of who is there, where a device is, and whether.
func (c *Call) onPresence(e Event) {
	switch e := e.(type) {
	case Identified:
		c.onIdentified(e)
	case Probed:
		c.onProbed(e)
	case holderDue:
		c.onHolderDue(e)
	case Roamed:
		p := c.party(e.Leg)
		if p == nil || p.ext == "" {
			return
		}
		c.log.Info("call: a telephone is in another network", "leg", p.id, "site", e.Site)
		p.at.site = e.Site
		if ep, ok := p.ep.(media.Roamer); ok {
			ep.Roamed(e.From)
		}
	}
}

// ours says that p's telephone can be asked. A carrier is never, nor who comes by one.
func (p *party) ours() bool { return p.ext != "" && p.trunk == "" }

// onLull: a telephone that should speak sends nothing. That may be its way of saving; only who does not answer either is away.
func (c *Call) onLull(p *party, silent time.Duration) {
	if !c.expected(p) || !p.ours() {
		return
	}
	if p.presence == presenceAway {
		c.regrets(p)
		return
	}
	p.presence, p.quiet = presenceAsked, c.deps.Clock().Add(-silent)
	p.leg.Probe()
}

func (c *Call) onProbed(e Probed) {
	p := c.party(e.Leg)
	if p == nil || c.phase == Ending {
		return
	}
	p.answers = p.answers || e.Reached
	switch {
	case e.Reached && p.phase == PartyHeld: // who holds need not speak
		p.quiet = c.deps.Clock()
		c.heardFrom(p)
	case p.presence != presenceAsked: // signalling alone is no voice
	case e.Reached:
		p.presence = presenceSure
	case p.phase == PartyHeld && !p.answers:
		p.presence = presenceSure
		p.vigil.stop()
	default:
		c.lose(p)
	}
}

// lose: p is away. Who is with it is told.
func (c *Call) lose(p *party) {
	p.presence = presenceAway
	p.outages.begin(p.quiet)
	c.log.Warn("call: a telephone's connection is interrupted", "leg", p.id)
	if p.phase == PartyHeld {
		c.watch(p, vigilAway)
	}
	switch {
	case c.phase == Scripted && p == c.caller:
		c.cue(Interrupted{})
	case c.takesPart(p):
		c.remark(promptOneInterrupted)
	case p.phase == PartyHeld:
		if o := c.other(p); o != nil && o.phase == PartyUp && o.stage.why == purposeMusic && c.phase == Talking {
			c.play(o, c.deps.Programs.Announce(c.in.Request.Domain, promptInterrupted, ""), purposeAway)
		}
	default:
		c.regrets(p)
	}
}

// regrets tells who talks with p that p's connection is interrupted, unless it hears something else.
func (c *Call) regrets(p *party) {
	o := c.other(p)
	if o == nil || o.phase != PartyUp || o.stage.why != purposeNone || !c.expected(p) || c.phase != Talking || c.trio != nil {
		return
	}
	c.play(o, c.deps.Programs.Announce(c.in.Request.Domain, promptInterrupted, ""), purposeAway)
}

// announcer is a bridge that can let everybody hear something.
type announcer interface {
	Announce(func(media.Codec) (media.Source, error))
}

// remark lets those who talk on hear a prompt beside each other.
func (c *Call) remark(prompt string) {
	b, ok := c.bridge.(announcer)
	if !ok {
		return
	}
	prog := c.deps.Programs.Announce(c.in.Request.Domain, prompt, "")
	c.beside(func() Event {
		b.Announce(func(codec media.Codec) (media.Source, error) {
			src, _, err := prog.Open(codec)
			return src, err
		})
		return nil
	})
}

// heardFrom: p is there. Who waited for it hears it again, and a script's words that it missed are said again.
func (c *Call) heardFrom(p *party) {
	was := p.presence
	p.presence = presenceSure
	if was != presenceAway {
		return
	}
	p.outages.end(c.deps.Clock())
	c.log.Info("call: a telephone is back", "leg", p.id)
	switch o := c.other(p); {
	case c.phase == Scripted && p == c.caller:
		c.repeat()
	case o != nil && c.phase == Talking && p.phase == PartyUp && (o.stage.why == purposeAway || o.stage.why == purposeMusic && o.phase == PartyUp && c.asking == nil):
		c.silence(o)
	}
}

// repeat plays what the party was to hear while it was away from the beginning, and waits anew for its keys.
func (c *Call) repeat() {
	switch a := c.act; {
	case a == nil:
	case a.on != nil:
		c.play(c.caller, a.on, purposeScript)
	default:
		c.awaitKeys(a)
	}
}

// patience is how long a party may say nothing after it was joined or resumed; a little less than when the relay tells of silence.
func (c *Call) patience() time.Duration {
	if c.deps.Silence > 0 {
		return c.deps.Silence - 2*time.Second
	}
	return mediaPatience
}

// silenced is why a call ends for want of p's media.
func (p *party) silenced() sip.Cause {
	if p.presence == presenceAway {
		return sip.CauseConnectionLost.WithText("Connection of the " + string(p.side) + " lost")
	}
	return sip.CauseMediaTimeout
}
