package call

import (
	"slices"
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/sip"
)

// Who pressed the code for it asks somebody while the other one waits. It goes with its leg into a call of its own, which is like any other but for
// knowing whom it is to answer (consultation). The call that it left waits as one waits whose REFER named another dialog: for Adopt, with the one
// who was asked; for Returned, with the one who asked; or for Kept. One of them comes, always. Going to and fro is the same again, the other way round.

// consultation is what a call whose caller came from another one knows of that.
type consultation struct {
	by    *party   // who consults
	to    *Mailbox // of the call that waits
	call  string   // its id
	asked bool     // who was asked talks here; else waits there
	class string   // of numbers of that call: its route.Record.Media
	clear bool     // who waits is not encrypted
}

// visit is how a call begins whose caller comes from another one.
type visit struct {
	party *party
	from  consultation
}

// Returned brings back who consulted somebody in another call. Its leg is detached.
type Returned struct {
	party *party
	cause sip.Cause     // why nobody was reached; zero: it is just back
	say   string        // prompt that says so; empty: that of cause
	other *consultation // the call that waits for it now; nil: that one is over
}

// Abandoned tells a call in which somebody consults that nobody waits any more in the other one. Kept is the answer, unless another was given before.
type Abandoned struct{ By *Mailbox }

func (Returned) event()  {}
func (Abandoned) event() {}

// reply implements asker: the call is over, which it never is before it was answered but when a leg was stuck.
func (e Returned) reply(error) {
	if e.other != nil {
		e.other.to.Post(Returned{party: e.party})
		return
	}
	e.party.strand()
}

// strand ends the detached leg of somebody whom no call has.
func (p *party) strand() {
	nobody := NewMailbox()
	nobody.close()
	p.leg.Attach(nobody)
	p.leg.End(sip.CauseNormal)
	_ = p.ep.Close()
}

// consult lets p ask for a number in a call of its own.
func (c *Call) consult(p *party, number string) {
	d, ok := c.deps.Number(c.in.Request.Domain, sip.URI{Scheme: "sip", User: number, Host: c.in.Request.Domain})
	if !ok || c.deps.NewID == nil {
		c.tellAside(p, whyUnknown)
		return
	}
	c.log.Info("call: consultation", "by", p.number)
	c.await(p, func(p *party) { c.visitElsewhere(p, d) })
}

// await lets the other one wait while p goes to another call. then is run when its leg is detached.
func (c *Call) await(p *party, then func(*party)) {
	c.part(p)
	t := c.transfer
	t.by, t.asking, t.away = nil, true, true
	c.play(c.caller, c.deps.Programs.Music(c.in.Request.Domain), purposeMusic)
	c.lend(p, then)
}

// lend takes p out of this call, and runs then when its leg is detached.
func (c *Call) lend(p *party, then func(*party)) {
	c.surrender = &surrender{adopt: Adopt{parties: []*party{p}}, wait: map[LegID]bool{p.id: true}, then: func(Adopt) { then(p) }}
	p.leg.Detach()
}

// visitElsewhere begins the call in which p consults. What cannot begin is said, and p has the other one back.
func (c *Call) visitElsewhere(p *party, d Dialled) {
	if c.phase == Ending {
		c.transfer.asking = false
		c.dismissVisitor(p)
		return
	}
	ask := c.request(p, d)
	ask.Away = false // it calls by itself
	in := Incoming{ID: c.deps.NewID(), Request: ask, Private: p.hidden, MaxForwards: c.in.MaxForwards,
		visit: &visit{p, c.waitsFor(p, true)}}
	err := c.deps.start(in, func(_ LegID, m *Mailbox) (Leg, bool) {
		c.transfer.peer = m
		p.settle(m)
		return p.leg, true
	})
	if err != nil {
		c.onReturned(Returned{party: p, cause: sip.CauseOverload})
	}
}

// waitsFor is what another call must know of this one, where somebody waits for p.
func (c *Call) waitsFor(p *party, asked bool) consultation {
	return consultation{by: p, to: c.mailbox, call: c.in.ID, asked: asked, class: c.plan.Record.Media, clear: c.caller.inClear()}
}

// settle lets what happens to a detached party come to a call. What it said on its way comes first.
func (p *party) settle(m *Mailbox) {
	p.sink.to.Store(m)
	held := p.held
	p.held = nil
	for _, e := range held {
		m.Post(e)
	}
	p.leg.Attach(m)
}

// dismissVisitor ends the leg of somebody for whom nobody waits.
func (c *Call) dismissVisitor(p *party) {
	c.called = append(c.called, p)
	c.dismiss(p, sip.CauseNormal)
	p.settle(c.mailbox)
}

// welcome begins a call whose caller is here already. If it must be encrypted it is, or hears why nobody is rung.
func (c *Call) welcome() {
	p := c.in.visit.party
	p.side, c.caller = callingSide, p
	c.consultation = &c.in.visit.from
	c.plan = c.route(c.in.Request)
	c.urgent = c.plan.Emergency || c.plan.CallBack
	c.in.Way = c.plan.Way
	if c.direction = c.plan.Direction; c.plan.To != "" {
		c.to = c.plan.To
	}
	if p.hidden && !c.plan.Emergency {
		c.plan.Shown.Withheld = true
	}
	if c.plan.Confided {
		c.in.Request.Dialled = c.plan.To
	}
	c.log.Info("call: new", "from", c.in.Request.Number, "consults for", c.consultation.call, "rule", c.plan.Why)
	c.takesOver(p, true)
	c.bridge = c.deps.Media.Bridge()
	if c.plan.Refuse.Status != 0 {
		c.end(c.plan.Refuse, bySwitch)
		return
	}
	if !c.encryptFirst(c.class(), p, c.announceOrDial, func(cause sip.Cause) { c.end(cause, bySwitch) }) {
		c.announceOrDial()
	}
}

// visited says that the parties of the call were not all there from its beginning, so that their phones may show somebody else.
func (c *Call) visited() bool { return c.transfers > 0 || c.in.visit != nil }

// onReturned gives back to who waits whom it waits for.
func (c *Call) onReturned(e Returned) {
	t, p := c.transfer, e.party
	waits := t != nil && t.away && t.asking
	if waits {
		t.asking, t.away, t.peer = false, false, nil
	}
	switch {
	case c.phase != Ending && waits:
	case e.other != nil: // nobody is here: it goes on with the other one
		e.other.to.Post(Returned{party: p})
		return
	default:
		c.dismissVisitor(p)
		return
	}
	c.log.Info("call: back from a consultation", "leg", p.id, "status", e.cause.Status)
	p.side, p.never = c.caller.side.other(), t.home.never // that it called there, is over
	t.by, t.keys, c.consultation = p, true, e.other
	if e.other != nil {
		e.other.by = p
	}
	if e.say != "" {
		t.verdict = c.say(e.say)
	}
	if e.cause.Status == 0 {
		c.reunited()
	} else {
		c.reunite(e.cause)
	}
	p.settle(c.mailbox)
}

// onAbandoned: who waited is gone. The two here talk on.
func (c *Call) onAbandoned(e Abandoned) {
	if k := c.consultation; k != nil && k.to == e.By {
		c.consultation = nil
		e.By.Post(Kept{Cause: sip.StatusCause(481)})
	}
}

// abandon tells whom a waiting call waits for that it is over.
func (c *Call) abandon() {
	switch t := c.transfer; {
	case t == nil || !t.away || !t.asking:
	case t.peer != nil && c.surrender == nil:
		t.peer.Post(Abandoned{c.mailbox})
	} // else who consults is on its way from here: it finds that the call ends
}

// swap lets p talk with the one who waits, and the other one wait.
func (c *Call) swap(p *party) {
	k := c.consultation
	c.consultation = nil
	c.await(p, func(p *party) {
		other := c.waitsFor(p, !k.asked)
		back := Returned{party: p, other: &other}
		if c.phase == Ending {
			back.other, c.transfer.asking = nil, false
		}
		k.to.Post(back)
	})
	c.transfers-- // nobody new takes part
	c.transfer.peer = k.to
}

// hook is whoever consults ringing off, or wanting to: the one who waits gets whom it consulted, who may still be ringing or be a script. False:
// there is nobody yet, or help was called, which nobody is to be connected with unasked.
func (c *Call) hook(p *party) bool {
	a, ok := c.offering(p)
	k := c.consultation
	if !ok || c.urgent || c.surrender != nil || c.exposes(k, a.parties) {
		return false
	}
	c.consultation = nil
	c.log.Info("call: consultation over, connecting", "into", k.call)
	c.give(Surrender{Leg: p.id, Into: k.call, To: k.to}, a, p)
	return true
}

// complete is the code for it. Who was consulted in the clear is encrypted first, if the call of the one who waits demands that.
func (c *Call) complete(p *party) {
	k := c.consultation
	again := func() {
		if c.consultation == k && c.talks(p) {
			c.complete(p)
		}
	}
	if c.encryptFirst(k.class, c.other(p), again, func(cause sip.Cause) { c.keysRefused(p, cause) }) || c.hook(p) {
		return
	}
	if a, ok := c.offering(p); ok && c.exposes(k, a.parties) && c.talks(p) {
		c.tellAside(p, notPossible)
	}
}

// exposes says that somebody would come to talk in the clear where one of the two calls forbids it.
func (c *Call) exposes(k *consultation, legs []*party) bool {
	return c.plan.Record.Media == route.EncryptRequired && k.clear ||
		k.class == route.EncryptRequired && slices.ContainsFunc(legs, (*party).mayBeInClear)
}

// goHome sends whoever consulted here back to the one who waits, as this call ends. Who is gone itself is called back there.
func (c *Call) goHome(cause sip.Cause) {
	k := c.consultation
	if k == nil {
		return
	}
	c.consultation = nil
	p := k.by
	if p.phase >= PartyLeaving {
		k.to.Post(Kept{Cause: sip.CauseNormal})
		return
	}
	if !c.answered.IsZero() || c.endedBy == string(p.side) || cause.Status < 300 {
		cause = sip.Cause{}
	}
	say := c.plan.Say
	c.vacate(p)
	c.lend(p, func(p *party) { k.to.Post(Returned{party: p, cause: cause, say: say}) })
}

// vacate takes p out of the call, and leaves what its record must know of it.
func (c *Call) vacate(p *party) {
	c.leave(p)
	c.remove(p)
	if c.caller == p {
		c.caller = p.ghost()
	}
	c.winner = nil
}

// ghost is a party that is gone from this call, as its record knows it. Its leg is another call's.
func (p *party) ghost() *party {
	return &party{id: p.id, leg: p.leg, phase: PartyGone, side: p.side, number: p.number, name: p.name, ext: p.ext, proof: p.proof, trunk: p.trunk, at: p.at, hidden: p.hidden}
}

// whoWaits answers who consults from here and wants all three together. False: it does not ask for that.
func (c *Call) whoWaits(e Surrender) (Adopt, bool) {
	t := c.transfer
	if t == nil || !t.away || !t.asking || t.peer != e.To || c.surrender != nil || c.phase == Ending || !c.caller.ep.Codec().Transcodes() {
		return Adopt{}, false
	}
	a := c.offered()
	a.parties = []*party{c.caller}
	return a, true
}

// tellAside says something to p while the other one hears music; then they talk on.
func (c *Call) tellAside(p *party, prompt string) {
	c.aside(p)
	c.play(p, c.say(prompt), purposeVerdict)
}

// offered is what a call that gives its legs away says of itself.
func (c *Call) offered() Adopt {
	return Adopt{record: c.plan.Record, asked: c.record.asked, notice: c.notice, urgent: c.urgent, help: c.helped(), about: about{c.wasFor(), c.waited()},
		notices: c.notices, call: c.in.ID}
}

// offering is what the call can give to another one when p leaves it; false: nothing.
func (c *Call) offering(p *party) (Adopt, bool) {
	a := c.offered()
	switch {
	case c.phase == Talking && c.other(p) != nil:
		a.parties = []*party{c.other(p)}
	case c.phase == Ringing && p == c.caller && c.winner == nil:
		for _, q := range c.called {
			if q.phase < PartyLeaving {
				a.parties = append(a.parties, q)
			}
		}
		a.ringing, a.rest, a.step, a.ring = true, c.plan.Steps[max(c.step-1, 0):], min(1, c.step), max(time.Until(c.due), time.Second)
		a.pending = slices.Clone(c.pending)
	case c.phase == Scripted && p == c.caller && !c.act.run.ForSomebody(): // who comes hears the script from its beginning
		a.ringing, a.rest = true, append([]route.Step{{Run: c.act.run}}, c.plan.Steps[c.step:]...)
	}
	return a, len(a.parties) > 0 || len(a.rest) > 0
}
