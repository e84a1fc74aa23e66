package call

import (
	"slices"

	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/recorder"
)

// Watch asks a call for its gallery, so that somebody may hear what an extension says and hears in it. Who may is judged by the asker, who gets
// all that it needs for it.
type Watch struct {
	Ext  string
	Done chan Watched // capacity 1
}

// Watched is the answer.
type Watched struct {
	Gallery    *Gallery // nil: the extension talks with nobody who could be heard
	Extensions []string // who talks
	Called     []string // numbers that the call was for: what was dialled, where it was sent, whose recording it is
	Queue      string   // in which the caller waited, the last one; empty: in none
	Queues     []string // all of them
}

// about is what supervisors are judged by and the present plan no longer tells, or never did.
type about struct {
	called []string // numbers that the call was for, or was shown by
	queues []string // in which a party waited that still talks, or for which it was called; the latest last
}

// wasFor are the numbers that the call was for.
func (c *Call) wasFor() []string {
	return append(slices.Clone(c.about.called), c.in.Request.Dialled, c.to, c.plan.To, c.plan.Record.Number)
}

// waited are the queues of its parties.
func (c *Call) waited() []string {
	out := slices.Clone(c.about.queues)
	if c.through.Verb == route.VerbQueue {
		out = append(out, c.through.Name)
	}
	return out
}

// shows remembers by which number of ours somebody outside is called: those calls are that number's too.
func (c *Call) shows(numbers ...string) {
	for _, n := range numbers {
		if n != "" && !slices.Contains(c.about.called, n) {
			c.about.called = append(c.about.called, n)
		}
	}
}

func (Watch) event() {}

// reply implements asker: the call is over.
func (w Watch) reply(error) { w.answer(Watched{}) }

func (w Watch) answer(a Watched) {
	select {
	case w.Done <- a:
	default:
	}
}

// audienceChanged is an event: a listener came, wants something else, or left.
type audienceChanged struct{}

func (audienceChanged) event() {}

// onWatch opens the gallery. Calls for help are heard by nobody else; and whoever speaks a codec that cannot be decoded would hear nothing once
// there is a third.
func (c *Call) onWatch(e Watch) {
	p := c.talker(e.Ext)
	if p == nil || c.urgent || c.surrender != nil || !c.caller.ep.Codec().Transcodes() || !c.winner.ep.Codec().Transcodes() {
		e.answer(Watched{})
		return
	}
	if c.gallery == nil {
		c.gallery = newGallery(c.mailbox, c.bridge)
	}
	w := Watched{Gallery: c.gallery, Called: c.wasFor(), Queues: c.waited()}
	for _, q := range []*party{c.caller, c.winner} {
		if q.ext != "" {
			w.Extensions = append(w.Extensions, q.ext)
		}
	}
	if n := len(w.Queues); n > 0 {
		w.Queue = w.Queues[n-1]
	}
	e.answer(w)
}

// talker is the extension's leg in the conversation; nil: it is in none.
func (c *Call) talker(ext string) *party {
	if c.phase != Talking || c.winner == nil || ext == "" || c.trio != nil || c.joining != nil {
		return nil
	}
	for _, p := range []*party{c.winner, c.caller} {
		if p.ext == ext && p.phase >= PartyUp && p.phase < PartyLeaving {
			return p
		}
	}
	return nil
}

// onAudience lets listeners hear what they were judged to hear, after the recording knows of them.
func (c *Call) onAudience() {
	g := c.gallery
	if g == nil {
		return
	}
	here, left := g.look()
	for _, endpoint := range left {
		c.witness(endpoint, recorder.Listener{})
	}
	for _, s := range here {
		p := c.talker(s.seat.whom)
		switch {
		case s.wish == s.told:
			continue
		case p == nil, c.demands(media.SecurityPreferred) == media.SecurityRequired && s.guest.Endpoint.Stats().SRTP == "":
			c.log.Warn("call: a listener is refused", "number", s.guest.Party.Number)
			g.refuse(s.seat)
			continue
		}
		c.witness(s.guest.known(), listenerOf(s))
		if err := g.place(s.seat, s.wish, p.ep); err != nil {
			c.log.Error("call: bridge refused a listener", "err", err)
			g.refuse(s.seat)
			continue
		}
		c.log.Info("call: heard by", "number", s.guest.Party.Number, "how", modeOf(s.wish), "bridge", c.bridge.String())
		if s.wish != media.GateNone {
			c.chime(p, s.seat.tone)
		}
	}
}

func listenerOf(s sitting) recorder.Listener {
	return recorder.Listener{Number: s.guest.Party.Number, Name: s.guest.Party.Name, Mode: modeOf(s.wish)}
}

// chime lets the party that is listened to hear that it is, or what became of its recording. What it hears already goes before.
func (c *Call) chime(p *party, tone Program) {
	if tone != nil && p != nil && p.stage.why == purposeNone && p.stage.stop == nil {
		c.play(p, tone, purposeNone)
	}
}

// witness tells the recording how somebody hears the call now; without a mode: no more.
func (c *Call) witness(endpoint string, l recorder.Listener) {
	if w, ok := c.recording.(witness); ok {
		w.Listener(endpoint, l)
	}
}

// nameAudience tells a recording that has just begun who listens.
func (c *Call) nameAudience() {
	if c.gallery == nil {
		return
	}
	here, _ := c.gallery.look()
	for _, s := range here {
		if s.told != media.GateNone {
			s.wish = s.told
			c.witness(s.guest.known(), listenerOf(s))
		}
	}
}

// empty sends all listeners away: they were judged to hear these two, and one of them goes.
func (c *Call) empty() {
	g := c.gallery
	if g == nil {
		return
	}
	c.gallery = nil
	g.close()
	_, left := g.look()
	for _, endpoint := range left {
		c.witness(endpoint, recorder.Listener{})
	}
}
