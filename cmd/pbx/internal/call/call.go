// Package call owns the life of one call: one goroutine, one mailbox, its parties, its phases, its one CDR.
// It never touches sockets, SQL, SDP text or RTP: legs signal, endpoints negotiate, the bridge carries.
package call

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/recorder"
	"naisen/sip"
)

// Deps are what calls are made of; wire.go fills them once.
type Deps struct {
	Media    media.Engine
	Dialler  Dialler
	Programs Programs
	Recorder Recorder
	Outside  Outside         // recorders of somebody else; nil: there are none
	Holder   recorder.Holder // of what was said before somebody asks for a recording; nil: nothing is held
	Ledger   Ledger
	Route    func(route.Request, time.Time) route.Plan
	// Party is the recording policy of somebody who takes part. Nil: nobody has one.
	Party func(domain string, p route.Party) route.Record
	// Admit lets the outside call of a plan begin, or returns a plan that refuses it. What it admits is settled with the call's CDR. Nil: all.
	Admit func(call, domain string, p route.Plan) route.Plan
	// Spared says that what Admit let begin for a mobile costs nothing: somebody else has the call. Nil: nobody counts.
	Spared func(call, domain string, c route.Charge, to string)
	// Became says that a leg is an extension's from now on. Nil: nobody counts.
	Became func(domain, extension string, leg LegID)
	// Mobiles are those that ring, in all calls; nil: nobody looks.
	Mobiles *Mobiles
	// Moved says that legs of one call, and what they cost, belong to another one from now on. Nil: nobody counts.
	Moved   func(from, to string)
	Clock   func() time.Time
	Log     *slog.Logger
	Alarm   func(reason string) // counted and shown by metrics
	Note    func(CDR)           // what its record would say now, whenever that has changed; must not block. Nil: nobody wants to know
	Wished  func(heeded bool)   // a telephone prefers no recording: that was followed, or policy forbids it; must not block. Nil: nobody counts
	Changed func(*Snapshot)     // each published state, in order per call, the last one with Over; must not block. Nil: nobody looks
	Dialogs Dialogs
	Silence time.Duration // after which nothing that came of a party ends the call, as endpoints tell it; 0: 30 s
	// Beyond is the plan for a place in the network of a trunk that asks to be called back there by REFER, as Teams does; false: refused.
	Beyond func(domain, trunk string, to sip.URI, by string) (route.Plan, bool)
	// Codes are what an extension may press while it talks. Nil: nothing.
	Codes func(domain, extension string) []Code
	// Number is what a URI means when it is dialled in a domain; false: its host is not ours.
	Number func(domain string, u sip.URI) (Dialled, bool)
	// Held finds the leg by which an extension holds another call than the one that has the leg but. Its Post is nil: there is none; it must not block.
	Held func(domain, extension string, but LegID) Reach
	// Stead is the place in another call that an extension takes by what it dialled; false: that is no code for one. It must not block. Nil: there are none.
	Stead func(domain, extension, dialled string) (Stead, bool)
	// Ordered is told what somebody ordered of a recording, or what became of that by itself. It must not block. Nil: nobody writes it down.
	Ordered func(Ordered)
	// NewID names a call that begins inside. Nil: none does.
	NewID func() string

	start func(Incoming, func(LegID, *Mailbox) (Leg, bool)) error // Switch.Start
}

// Dialled is what a URI means when it is dialled.
type Dialled struct {
	Number string
	E164   string // empty: it has none
	Device string // instance of the only device that may ring: the URI is its GRUU (RFC 5627); empty: any
}

// Incoming is a new call, its caller proven.
type Incoming struct {
	ID          string
	Request     route.Request
	Offer       media.SDP // nil: the INVITE had none
	Private     bool      // the caller asked not to be shown (RFC 3323)
	Way         []sip.Diversion
	Profile     media.Profile
	Security    media.Security
	MaxForwards int
	Origin      *Origin // nobody dialled: how the call begins; nil: somebody did
	Carrier     string  // trunk that brings the leg of an extension: that of its mobile, or of the telephone system where it lives; empty: none
	Proof       string  // by what its extension proved itself, in the switch's words: see PartySnapshot

	visit *visit // the caller comes from another call; nil: it does not
}

// guard is how long an ending call waits for the last events of its legs: a little more than 64*T1.
const guard = 40 * time.Second

// Call is one call. Everything below the mailbox belongs to the goroutine that runs loop.
type Call struct {
	deps    Deps
	in      Incoming
	log     *slog.Logger
	mailbox *Mailbox
	shown   atomic.Pointer[Snapshot]
	work    sync.WaitGroup // slow work and closing, joined before the call is over

	phase     Phase
	plan      route.Plan // what is being dialled: after a transfer that of its target
	direction route.Direction
	to        string   // who was called at first
	caller    *party   // for whom the others are rung: the calling party, after a transfer the one that stayed
	called    []*party // in the order dialled; gone ones are removed
	winner    *party   // the one that caller talks with
	bridge    media.Bridge
	legs      int // made so far

	transfer  *transfer  // one that is under way
	transfers int        // there were so many
	asking    *asking    // a party dials a number while it talks; nil: none
	off       *party     // who hears us instead of the other one, while the two talk; nil: neither
	diverted  int        // redirections followed
	told      bool       // what came of the origin
	surrender *surrender // legs on their way to another call
	fax       *faxing    // a party wants to go on as a fax, the other is being asked
	aligning  *aligning  // two answered legs without a common codec: one is asked to change
	securing  *securing  // a party in the clear is asked for encryption; nil: none
	act       *act       // the script that has the caller; nil: none
	place     *occupancy // in a room; nil: in none
	gallery   *Gallery   // of those who listen; nil: nobody
	through   route.Run  // the script in which the caller waited for who answered

	consultation *consultation // somebody came from another call, to which it goes back; nil: nobody
	joining      *joining      // another call is asked for a third party; nil: it is not
	trio         *trio         // three who talk; nil: two do
	moving       *moving       // a party's other telephones ring, so that it talks on there; nil: none do
	moves        int           // begun so far
	about        about         // what it was for besides
	acts         int           // scripts begun so far
	goodbye      *goodbye      // it was dismissed; nil: it was not
	guests       int           // admitted from other calls, and not here yet
	urgent       bool          // an emergency call, or one that answers it
	help         help          // that it reached otherwise than by its own plan

	pending      []pending // telephones of the present step that ring later, by their time
	pendingTimer *time.Timer
	pendingSeq   int

	step          int           // next step of the plan to dial
	carrierFailed bool          // of the step before: not the called person, the way there
	outcome       route.Outcome // of the step before
	timer         *time.Timer
	timerSeq      int

	recording recorder.Recording // or what is held in memory: recordState.held
	outside   Copies             // of the recording, for a recorder of somebody else; nil: there is none
	record    recordState
	notice    *recorder.Notice  // the first that was heard
	notices   []recorder.Notice // and what others heard later, or not to its end
	cut       []cutShort        // notices of which it is not yet known how much was sent
	links     []recorder.Link   // other calls of the same conversation
	paused    *pausing          // of the recording; nil: it is not
	pauses    int               // begun so far
	silences  []Paused          // of them what the record tells

	started  time.Time
	answered time.Time
	ended    time.Time // when it began to end
	due      time.Time // of timer
	answerer string    // who answered first
	rungs    []rung    // whose telephones rang
	served   string    // the script that answered first
	charge   route.Charge
	noted    noted     // what was said of it last
	merged   string    // the call in which its parties talk on; empty: none
	trunk    string    // the last one dialled
	cause    sip.Cause // why the call ended
	failure  sip.Cause // best reason why nobody answered
	endedBy  string
	measured []LegMedia // of parties that are gone
}

// party is one leg and its media.
type party struct {
	id       LegID
	leg      Leg
	ep       media.Endpoint
	sink     *sink // where its endpoint's events go
	phase    PartyPhase
	side     side
	number   string
	name     string
	ext      string // the extension whose device it is; empty: a trunk
	proof    string // by what it proved itself: see PartySnapshot
	instance string // of its device: Destination.Instance; empty: not known
	trunk    string // by which it came or was dialled
	via      string // Incoming.Carrier, of the caller
	at       where
	hidden   bool // its number is withheld
	dest     Destination
	errand   errand
	security media.Security
	offer    media.SDP     // the caller's first offer
	local    media.SDP     // what we sent it in answer; nil: nothing yet
	asked    []media.Codec // of our last offer to it; nil: it made the offer
	speaks   []media.Codec // of what it answered to that, or offered; nil: not known
	fax      media.Fax     // what its machine said, while it is one
	agreed   bool          // offer and answer are complete: it can be played to and joined
	joined   bool          // member of the bridge
	taped    string        // the recording that knows it
	stage    stage
	presence presence
	quiet    time.Time // since when nothing came from it, or it said nothing, when it was asked last
	outages  outages
	answers  bool // when it is asked whether it is there
	vigil    vigil
	since    time.Time    // from when on it is expected to speak
	keypad   keypad       // how its digits come
	held     []Event      // what it said on its way between two calls
	told     route.Shown  // whom its phone shows
	intro    introduction //  whom its carrier was shown when we dialled it; zero: a phone of ours, or it came to us
	asserted route.Shown  // who is there, as its network says; zero: it has not said
	outside  bool         // a stranger: it came by a trunk from outside, or was called there
	informed bool         // it has heard the notice
	afar     bool         // an extension's that a carrier carries: of where it is, and of what its network says, nothing is known
	spending bool         // a mobile that Admit lets ring, and nobody has answered
	declined bool         // and refused the recording by a key

	tape       media.Recorded   // what its telephone was told last; empty: nothing
	indicating bool             // and it has not answered that yet
	wish       media.Preference // of its telephone, as it was looked at last
	never      string           // it may not be recorded: its number; empty: it may
	confirms   int              // a mobile that has answered, and is asked for the key so often by now; 0: it is not
	moves      bool             // it rings, or has answered, to take the place of who moves
	parting    bool             // it sent the other away, and hears what became of that before it is let go
}

// where is the place of a party's telephone, which help that it calls must find: as in route.Request.
type where struct {
	site, desk string
	remote     route.Remote
}

// placeOf is where a caller's telephone is.
func placeOf(r route.Request) where { return where{r.Site, r.Desk, r.Remote} }

// side is where a party stands in the CDR and in the recording; who takes a party's place takes its side.
type side string

const (
	callingSide side = "caller"
	calledSide  side = "called"
	bySwitch         = "switch" // in a CDR: no party ended it
)

func (s side) other() side {
	if s == callingSide {
		return calledSide
	}
	return callingSide
}

// sink leads an endpoint's events to the call that owns it now.
type sink struct{ to atomic.Pointer[Mailbox] }

func newCall(deps Deps, in Incoming) *Call {
	c := &Call{deps: deps, in: in, mailbox: NewMailbox(), started: deps.Clock(), to: in.Request.Dialled}
	c.log = deps.Log.With("call", in.ID, "domain", in.Request.Domain)
	c.publish()
	return c
}

// run is the call's goroutine, from the first event to the CDR.
func (c *Call) run(ctx context.Context, caller Leg) {
	c.protect(func() { c.begin(caller) })
	c.protect(c.publish)
	var events []Event
	for !c.over() {
		select {
		case <-c.mailbox.wake:
		case <-ctx.Done():
			c.protect(func() { c.end(sip.StatusCause(503), bySwitch) })
			ctx = context.WithoutCancel(ctx)
		}
		events = c.mailbox.take(events)
		if len(events) > mailboxBound {
			c.log.Error("call: mailbox overrun, ending the call", "waiting", len(events))
			c.deps.Alarm("mailbox-overrun")
			c.protect(func() { c.end(sip.StatusCause(500), bySwitch) })
		}
		for i, e := range events {
			c.protect(func() { c.handle(e) })
			events[i] = nil
		}
		c.protect(c.introduce)
		c.protect(c.heedWishes)
		c.protect(c.indicate)
		c.protect(c.publish)
	}
	c.finish()
}

// over says that every leg is gone.
func (c *Call) over() bool {
	return c.phase == Ending && c.caller.phase == PartyGone && len(c.called) == 0 && c.surrender == nil && c.joining == nil && c.guests == 0 && !c.counts() &&
		(c.transfer == nil || !c.transfer.asking && c.transfer.by == nil)
}

func (c *Call) handle(e Event) {
	if c.departing(e) || c.waiting(e) {
		return
	}
	switch e := e.(type) {
	case Progress:
		c.onProgress(e)
	case Answered:
		c.onAnswered(e)
	case Offered:
		c.onOffered(e)
	case Agreed:
		c.onAgreed(e)
	case Disagreed:
		c.onDisagreed(e)
	case Digit:
		c.onDigit(e)
	case Referred:
		c.onReferred(e)
	case Identified, Probed, Roamed, holderDue:
		c.onPresence(e)
	case Ended:
		c.onEnded(e)
	case Detached:
		c.log.Error("call: a leg detached that nobody asked to", "leg", e.Leg)
	case Media:
		c.onMedia(e)
	case opened:
		c.onOpened(e)
	case timeout:
		c.onTimeout(e)
	case deviceDue, Woken:
		c.onDevice(e)
	case cued:
		c.onCued(e)
	case captureFailed:
		c.onCaptureFailed(e)
	case roomChanged:
		c.onRoomChanged(e)
	case Watch:
		c.onWatch(e)
	case audienceChanged:
		c.onAudience()
	case Surrender, Adopt, Kept, Returned, Abandoned, MoveAway, moveOver, candidate, admitted, arrival:
		c.onMove(e)
	case Replace:
		c.onReplace(e)
	case Send:
		c.onSend(e)
	case mediaClosed:
		c.uncounted(e.leg)
	case Hangup, Dismiss:
		c.onDemise(e)
	case Record:
		c.onRecord(e)
	case Pause, pauseOver:
		c.onPausing(e)
	}
}

// party finds a live party by its leg; nil when it is gone.
func (c *Call) party(id LegID) *party {
	if c.caller.id == id && c.caller.phase != PartyGone {
		return c.caller
	}
	for _, p := range c.called {
		if p.id == id {
			return p
		}
	}
	if t := c.transfer; t != nil && t.by != nil && t.by.id == id {
		return t.by
	}
	return nil
}

// parties are all whose last event is still to come.
func (c *Call) parties() []*party {
	var out []*party
	if c.caller.phase != PartyGone {
		out = append(out, c.caller)
	}
	out = append(out, c.called...)
	if t := c.transfer; t != nil && t.by != nil {
		out = append(out, t.by)
	}
	return out
}

// other is who p talks with; nil while it talks with nobody.
func (c *Call) other(p *party) *party {
	switch {
	case c.winner == nil:
		return nil
	case p == c.caller:
		return c.winner
	case p == c.winner:
		return c.caller
	}
	return nil
}

// alive counts the called parties that were not told to end.
func (c *Call) alive() int {
	n := 0
	for _, p := range c.called {
		if p.phase < PartyLeaving && !p.parting {
			n++
		}
	}
	return n
}

func (c *Call) newLegID() LegID {
	c.legs++
	return LegID(fmt.Sprintf("%s-%d", c.in.ID, c.legs))
}

// endpoint makes the media of a leg; its events come to the mailbox of the call that owns it.
func (c *Call) endpoint(p *party, profile media.Profile) (err error) {
	id, s := p.id, &sink{}
	profile.Class = c.plan.Record.DSCP
	s.to.Store(c.mailbox)
	p.sink = s
	p.ep, err = c.deps.Media.Endpoint(profile, func(e media.Event) { s.to.Load().Post(Media{id, e}) })
	return err
}

// arm replaces the call's one timer.
func (c *Call) arm(d time.Duration) {
	c.disarm()
	c.due = time.Now().Add(d)
	seq := c.timerSeq
	c.timer = time.AfterFunc(d, func() { c.mailbox.Post(timeout{seq}) })
}

func (c *Call) disarm() {
	c.timerSeq++
	if c.timer != nil {
		c.timer.Stop()
	}
}
