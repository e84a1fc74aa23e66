package call

import (
	"context"
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/sip"
)

const (
	maxActs   = 64 // scripts in one call: menus that send a caller round come to an end
	maxMisses = 16 // programs of one script that could not be played
	workLimit = 30 * time.Second
)

// act is a script at work.
type act struct {
	id      int // recognises what was begun for an earlier script
	script  Script
	run     route.Run
	began   time.Time
	sent    string  // the extension that sent the party here; empty: nobody
	from    where   // the place of its telephone
	slot    string  // where the party is parked, or what is kept for who will park one; empty: it has no place
	on      Program // what the party hears, or will when its media is agreed; nil: nothing
	misses  int     // programs that could not be played
	ringing bool
	clocks  int // set so far
	wake    clock
	gather  *collector // nil: nobody waits for keys
	ahead   []rune     // pressed before anybody waited
	deaf    func()     // ends listening; nil: nobody listens
	entry   *Enter     // into a room, once the party's media is agreed
}

// clock is a timer of a script. A firing that was overtaken is recognised by its sequence.
type clock struct {
	seq   int // 0: it does not run
	timer *time.Timer
}

func (k *clock) stop() {
	k.seq = 0
	if k.timer != nil {
		k.timer.Stop()
	}
}

// set starts a clock of the script at work.
func (c *Call) set(k *clock, d time.Duration, q Cue) {
	k.stop()
	a := c.act
	a.clocks++
	k.seq = a.clocks
	e := cued{a.id, k.seq, q}
	k.timer = time.AfterFunc(d, func() { c.mailbox.Post(e) })
}

// silent says that the script at work does not wait to hear its party.
func (a *act) silent() bool {
	if a == nil { // it is over, and its party hears a notice
		return false
	}
	_, ok := a.script.(Silent)
	return ok
}

// enact gives the caller to a script.
func (c *Call) enact(run route.Run) {
	c.disarm()
	script, ok := c.deps.Programs.Script(c.in.Request.Domain, run)
	if !ok || c.acts >= maxActs {
		c.log.Error("call: no script", "verb", run.Verb, "begun", c.acts)
		c.end(sip.CauseServerError, bySwitch)
		return
	}
	c.acts++
	a := &act{id: c.acts, script: script, run: run, began: c.deps.Clock()}
	if c.transfer != nil {
		a.sent, a.from = c.transfer.home.ext, c.transfer.home.at
	}
	if cause := c.admit(a); cause.Status != 0 {
		c.turnedAway(a, cause)
		return
	}
	c.phase = Scripted
	c.silence(c.caller)
	c.act = a
	c.log.Info("call: script", "script", run.String())
	c.arrived()                                                                                                   // whoever sent the caller here is let go
	if (c.in.Origin != nil || c.in.visit != nil) && run.Verb != route.VerbAnnounce && c.caller.phase >= PartyUp { // up before: the script answers
		c.serve()
		if c.answered.IsZero() {
			c.answered = c.deps.Clock()
		}
		c.reported(true, sip.Cause{})
	}
	c.cue(Began{})
}

// cue tells the script at work what happened, and carries out what it orders.
func (c *Call) cue(q Cue) {
	a := c.act
	if a == nil {
		return
	}
	for _, o := range a.script.On(c.facts(a), q) {
		if c.act != a || c.phase == Ending { // an order before has ended it
			return
		}
		c.perform(a, o)
	}
}

// curtain ends the script at work. What it orders now can only be work.
func (c *Call) curtain(q Cue) {
	a := c.act
	if a == nil {
		return
	}
	c.strike()
	for _, o := range a.script.On(c.facts(a), q) {
		if b, ok := o.(Beside); ok {
			c.assist(a, b)
		}
	}
}

// strike takes the script off without telling it.
func (c *Call) strike() {
	a := c.act
	c.act = nil
	c.exit()
	a.wake.stop()
	c.stopGathering(a)
	c.listen(a, nil)
	if a.on != nil {
		c.silence(c.caller)
	}
}

func (c *Call) facts(a *act) Facts {
	p := c.caller
	f := Facts{Call: c.in.ID, Domain: c.in.Request.Domain, Run: a.run, Extension: p.ext, Trunk: p.trunk, To: c.to, Sent: a.sent, Language: a.run.Language,
		Answered: p.phase >= PartyUp, HungUp: c.phase == Ending && c.endedBy == string(callingSide) && c.answered.IsZero() && c.cause.Status == sip.CauseCancelled.Status, Failure: c.failure, Now: c.deps.Clock(), Began: a.began}
	if !p.hidden {
		f.Number, f.Display = p.number, p.name
	}
	if f.Language == "" {
		f.Language = c.plan.Language
	}
	if p.trunk != "" {
		f.Withheld = c.in.Request.Withheld
	}
	return f
}

// onCued brings a cue that was on its way.
func (c *Call) onCued(e cued) {
	a := c.act
	if a == nil || e.act != a.id {
		return
	}
	switch {
	case e.timer == 0:
	case e.timer == a.wake.seq:
		a.wake.seq = 0
	case a.gather != nil && e.timer == a.gather.patience.seq:
		if c.caller.presence != presenceAway { // else it presses what it can when it is back: see repeat
			c.gathered(GatherIdle)
		}
		return
	default:
		return
	}
	c.cue(e.cue)
}

// later posts a cue: an order never leads to a cue at once.
func (c *Call) later(a *act, q Cue) { c.mailbox.Post(cued{act: a.id, cue: q}) }

func (c *Call) perform(a *act, o Order) {
	switch o := o.(type) {
	case Play:
		c.air(a, o.Program)
	case Hush:
		c.air(a, nil)
	case Gather:
		c.collect(a, o)
	case Wake:
		if a.wake.stop(); o.After > 0 {
			c.set(&a.wake, o.After, Elapsed{})
		}
	case Beside:
		c.assist(a, o)
	case Alert:
		c.alert()
	case PickUp:
		c.pickUp()
	case Ring:
		c.page(a, o.Step)
	case Unring:
		a.ringing = false
		c.disarm()
		c.dismissAll()
	case Goto:
		c.sendTo(a, o)
	case Become:
		c.become(o)
	case Follow:
		c.follow(a, o.Plan)
	case Listen:
		c.listen(a, o.Tap)
	case Tape:
		c.tapeAlone()
	case Enter:
		c.enter(a, o)
	case Next:
		c.strike()
		c.failure = sip.Cause{}
		c.dial()
	case Finish:
		c.end(o.Cause, bySwitch)
	}
}

// air plays a program to the party, as soon as it can hear.
func (c *Call) air(a *act, p Program) {
	c.silence(c.caller)
	if a.on = p; p != nil && c.audible() {
		c.play(c.caller, p, purposeScript)
	}
}

// audible brings the party to where it can hear: by early media, or by an answer.
func (c *Call) audible() bool {
	p := c.caller
	if p.agreed || p.local != nil { // in the second case our offer waits for its answer: reprise plays
		return p.agreed
	}
	sdp, err := c.callerSDP(everyCodec)
	switch {
	case err != nil:
		c.mediaRefuses(err)
	case p.offer == nil || c.in.Request.LateMedia:
		c.serve()
		c.answerCaller(sdp)
	default:
		p.phase = PartyRinging
		p.leg.Ring(sdp)
	}
	return p.agreed && c.phase != Ending
}

// alert rings at the party's telephone, which makes the tone itself.
func (c *Call) alert() {
	if p := c.caller; p.phase == PartyNew {
		p.phase = PartyRinging
		p.leg.Ring(nil)
	}
}

// pickUp answers the party.
func (c *Call) pickUp() {
	if c.caller.phase >= PartyUp {
		if c.served == "" && c.answerer == "" { // the notice answered, for this script
			c.served = c.act.run.String()
		}
		return
	}
	sdp, err := c.callerSDP(everyCodec)
	if err != nil {
		c.mediaRefuses(err)
		return
	}
	c.serve()
	c.answerCaller(sdp)
}

// reprise plays to a leg whose media has just been agreed: the caller's late answer, or a leg that took the party's place.
func (c *Call) reprise() {
	c.reseat()
	c.stay()
	if a := c.act; a != nil && a.entry != nil && c.caller.agreed {
		o := *a.entry
		a.entry = nil
		c.enter(a, o)
	}
	if a := c.act; a != nil && a.on != nil {
		c.play(c.caller, a.on, purposeScript)
	}
}

// performed: the program ended by itself.
func (c *Call) performed(complete bool) {
	a := c.act
	if a == nil || complete && c.caller.presence == presenceAway { // nobody heard it: repeat begins again
		return
	}
	a.on = nil
	if !complete {
		if a.misses++; a.misses > maxMisses {
			c.log.Error("call: a script goes on playing what cannot be played", "script", a.run.String())
			c.end(sip.CauseServerError, bySwitch)
			return
		}
	}
	c.awaitKeys(a)
	c.cue(Played{complete})
}

// assist does slow work beside the actor.
func (c *Call) assist(a *act, b Beside) {
	id := a.id
	c.beside(func() Event {
		ctx, cancel := context.WithTimeout(context.Background(), workLimit)
		defer cancel()
		return cued{act: id, cue: Result{b.Work(ctx)}}
	})
}

// page rings targets while the party goes on hearing the script.
func (c *Call) page(a *act, s route.Step) {
	before := len(c.called)
	for _, t := range s.Targets {
		c.reach(t, c.errand(t), s.Ring)
	}
	if len(c.called) == before && c.alive() == 0 {
		c.later(a, Unanswered{sip.CauseUnavailable})
		return
	}
	if !a.ringing {
		a.ringing, c.failure = true, sip.Cause{}
	}
	c.arm(max(s.Ring, time.Second))
}

// lost: one of the legs that ring is gone.
func (c *Call) lost() {
	a := c.act
	if a == nil || !a.ringing || c.alive() > 0 {
		return
	}
	a.ringing = false
	c.disarm()
	c.cue(Unanswered{c.failure})
}

// sendTo routes what was dialled by the rights of whom the script acts for.
func (c *Call) sendTo(a *act, o Goto) {
	who := o.For
	if who == "" {
		who = a.run.For
	}
	if who == "" {
		who = c.caller.ext
	}
	d, ok := c.deps.Number(c.in.Request.Domain, sip.URI{Scheme: "sip", User: o.Number, Host: c.in.Request.Domain})
	if !ok || who == "" { // whose rights would judge it?
		c.later(a, Refused{sip.CauseForbidden})
		return
	}
	if c.claim(a, o, who, d.Number) {
		return
	}
	at := c.caller.at
	if who == a.sent { // it acts through the script
		at = a.from
	}
	plan := c.route(route.Request{Domain: c.in.Request.Domain, Extension: who, Number: who, Dialled: d.Number, E164: d.E164, Device: d.Device, Site: at.site, Inside: o.Inside,
		PIN: o.PIN, Standing: o.For != "" && o.For != c.caller.ext, Desk: at.desk, Away: who != c.caller.ext, Afar: c.caller.afar, Remote: at.remote})
	if o.PIN && plan.Refuse.Status == 0 { // it was the number that was called, not the code
		c.to, c.direction = plan.To, plan.Direction
	}
	c.follow(a, plan)
}

// follow ends the script and takes another plan.
func (c *Call) follow(a *act, plan route.Plan) {
	if plan.Emergency && c.in.Origin != nil { // whoever calls for help does it from a phone whose place is known
		plan.Refuse = sip.CauseForbidden
	}
	if plan.Refuse.Status != 0 {
		c.log.Info("call: script is refused a number", "script", a.run.String(), "rule", plan.Why)
		c.later(a, Refused{plan.Refuse})
		return
	}
	again := func() {
		if c.act == a {
			c.follow(a, plan)
		}
	}
	if c.encryptFirst(plan.Record.Media, c.caller, again, func(cause sip.Cause) { c.later(a, Refused{cause}) }) {
		return
	}
	c.log.Info("call: script sends the call on", "script", a.run.String(), "rule", plan.Why)
	if a.ringing {
		c.disarm()
		c.dismissAll()
	}
	c.strike()
	c.phase, c.failure = Routing, sip.Cause{}
	switch {
	case !c.replan(plan):
		c.dial()
	case c.caller.agreed:
		c.playNotice(c.caller)
	default:
		c.announceOrDial()
	}
}

// serve remembers the script that answered first.
func (c *Call) serve() {
	c.caller.since = time.Now()
	if c.served == "" {
		c.served = c.act.run.String()
	}
}

// listen puts the party, alone, before a tap.
func (c *Call) listen(a *act, t media.Tap) {
	if a.deaf != nil {
		a.deaf()
		a.deaf = nil
	}
	if t == nil {
		return
	}
	c.joinAlone()
	a.deaf = c.bridge.Attach(t)
}

// stay lets a leg that took the party's place be heard where that one was: by the recording, and by whoever listens.
func (c *Call) stay() {
	if a := c.act; a == nil || !c.caller.agreed || c.place != nil || c.recording == nil && a.deaf == nil {
		return
	}
	c.veil()
	c.tape(c.caller)
	c.joinAlone()
}

// joinAlone brings the party to the bridge, where a tap sees it.
func (c *Call) joinAlone() {
	p := c.caller
	if p.joined {
		return
	}
	p.joined = true
	if err := c.bridge.Join(p.ep); err != nil {
		c.log.Error("call: bridge refused a party", "leg", p.id, "err", err)
	}
}
