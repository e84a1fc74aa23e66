// Package route decides who is called, in what order and for how long: a pure function of the directory, the request and the time.
// It does no I/O, reads no clock and knows no live call.
package route

import (
	"cmp"
	"net/netip"
	"time"

	"naisen/provisioning"
	"naisen/sip"
	"naisen/sip/number"
)

// Directory is what routing reads. A snapshot: it never changes under the caller.
type Directory interface {
	Domain(name string) (provisioning.Domain, bool)
	Extension(domain, number string) (provisioning.Extension, bool)
	DID(domain, number string) (provisioning.DID, bool)
	Policy(domain, name string) (provisioning.RecordingPolicy, bool)
	Queue(domain, number string) (provisioning.Queue, bool)
	Mailbox(domain, number string) (provisioning.Mailbox, bool)
	// TrunksFor gives the enabled trunks of the longest prefix that fits, in order.
	TrunksFor(domain, dialled string) (trunks []provisioning.Trunk, prefix string)
	// Trunks gives all enabled trunks, in order.
	Trunks(domain string) []provisioning.Trunk
	Site(domain, name string) (provisioning.Site, bool)
	Desk
	Numbers
}

// Numbers is what routing reads of who may call what, and from where.
type Numbers interface {
	Restriction(domain, name string) (provisioning.Restriction, bool)
	Department(domain, name string) (provisioning.Department, bool)
	// PersonAt is who is signed in at the telephone of an extension.
	PersonAt(domain, desk string, now time.Time) (person string, ok bool)
	ShortNumber(domain string, e provisioning.Extension, code string) (number string, ok bool)
	// Contract is that of an extension's owner who is from outside; nil: none.
	Contract(domain, extension string) *provisioning.Contract
	// MayCall asks the policies of the domain for a call out.
	MayCall(domain string, c provisioning.Called, now time.Time) provisioning.Decision
}

// Desk is what routing reads of what people set about their telephones.
type Desk interface {
	Conference(domain, number string) (provisioning.Conference, bool)
	// Settings are what the owner of an extension decided; zero: nothing.
	Settings(domain, extension string) provisioning.Settings
	// Mobiles are the numbers of mobiles by their extension, as they would be dialled.
	Mobiles(domain string) map[string]string
	// Feature is what a dialled code means, and what was dialled behind it.
	Feature(domain, dialled string) (feature, argument string, ok bool)
	Group(domain, number string) (provisioning.Group, bool)
	PagingGroup(domain, number string) (provisioning.PagingGroup, bool)
	PagingGroups(domain string) []provisioning.PagingGroup
	Calendar(domain, name string) (provisioning.Calendar, bool)
	Rejections(domain string) []provisioning.Rejection
	ParkingLot(domain, number string) (provisioning.ParkingLot, bool)
	ParkingLots(domain string) []provisioning.ParkingLot
	// LotOf is the parking lot that has a slot of that number.
	LotOf(domain, slot string) (provisioning.ParkingLot, bool)
}

// Direction of a call, seen from the organisation.
type Direction string

// Directions of a call.
const (
	Inbound  Direction = "inbound"  // from a trunk
	Outbound Direction = "outbound" // to a trunk
	Internal Direction = "internal"
)

// Request is what is known of a new call. Exactly one of Extension and Trunk is set: it is proven, not claimed.
type Request struct {
	Domain    string
	Extension string // the authenticated extension that calls
	Trunk     string // the trunk that the call came in by
	Number    string // caller's number as shown: the extension's, or E.164 from the trunk; empty when withheld
	Display   string
	Dialled   string     // what was dialled; from a trunk the DID in E.164
	Device    string     // +sip.instance of the only device of the dialled extension that may ring (RFC 5627); empty: all
	E164      string     // the same in E.164 where it has that form: people dial their own outside numbers as national ones
	Site      string     // where the caller's device stands, as far as its address tells; empty: the extension's site
	From      netip.Addr // address of the caller's device, and its +sip.instance where it says one: for the policies of the domain
	Instance  string
	Internal  bool   // Trunk leads to a telephone system of the same organisation, whose callers may dial extensions
	LateMedia bool   // Trunk carries no early media: a notice waits for the answer
	Withheld  string // why Number is empty, as the carrier said: "anonymous", "payphone", "unavailable", "service"
	Held      string // leg of the caller's other call, which it holds and wants parked by the code that it dialled; empty: none
	CallBack  string // the extension whose emergency call this one answers: Dialled is in its call-back window

	Live     Live            // the present moment; nil: nobody talks and every phone is there
	Way      []sip.Diversion // who sent the call on before, the earliest first
	Forward  *Forward        // a step of an earlier plan reached nobody and sends the call on; Dialled is not looked at
	now      time.Time
	Inside   bool   // a stranger pressed Dialled in a menu: numbers of our own people only, no code, no way out, no call for help
	Desk     string // extension of the telephone, where somebody else is signed in at it; empty: Extension's own
	Shows    string // number that Extension chose to show: one that it may
	PIN      bool   // Extension proved by its PIN that it is there: what its class keeps for that is open
	Standing bool   // by a wish that stood before, not dialled now: see Judged
	Own      bool   // Extension dials it at its own telephone, and is nobody who is sent there
	Away     bool   // Extension sends somebody else there, or only pays: its own recording policy does not hold
	Direct   bool   // Dialled rings whatever its owner set: the call comes back to whom it belongs
	Afar     bool   // Extension speaks from where nobody knows, such as a mobile beyond a trunk: help would be sent to its desk
	Remote   Remote // where Extension's telephone stands, as far as its address tells
	Mobile   bool   // Extension's own mobile shall ring, and no other telephone: Dialled is not looked at
	Paged    string // paging group whose announcement the extension Dialled shall hear; empty: none
}

// TargetKind says what a Target is.
type TargetKind int

// Kinds of target.
const (
	ToExtension TargetKind = iota // every device registered for it
	ToTrunk
)

// Target is one thing to ring.
type Target struct {
	Kind   TargetKind
	Number string // the extension, or the number to send to the trunk
	Trunk  string
	Name   string
	Device string // of an extension: its only device that rings; empty: all
	As     *Shown // what the phone shows instead of who calls; nil: who calls
	Idle   bool   // it rings only while the extension has no other call

	AutoAnswer bool // its telephone is asked to answer by itself

	Alone   bool                  // of an extension: Mobile rings, and none of its other telephones
	Mobile  *Mobile               // of an extension: its telephone beyond a trunk, which rings too; nil: none
	Ours    *Mobile               // of an extension: its mobile that a carrier brings, likewise
	Ringing *provisioning.Ringing // which of an extension's devices rings when; nil: all at once
	Within  time.Duration         // how long it may ring: in order, each device has its turn in that time. Whoever rings it says so; 0: as long as they like

	// Of a trunk.
	Caller    string              // number that the caller may present; empty: the trunk's
	Wish      number.Presentation // 184 or 186 was dialled
	URI       string              // a place in the trunk's own network, instead of Number
	By        string              // Referred-By for it
	Emergency bool                // no limit of the trunk applies, and Caller is shown whatever is contracted
	Silence   time.Duration       // how long it may say nothing before it has failed; 0: as long as SIP allows
	Diverter  *Shown              // who sent the call there, as the outside may see it; nil: nobody
}

// Step rings its targets together, or hands the call to a script, which is then the last that is done with the plan.
type Step struct {
	Targets  []Target
	Run      Run // its Verb set: nobody is rung
	Ring     time.Duration
	Fallback bool      // taken only after CarrierFailed of the step before, not after an answer of the called person
	Forward  []Forward // in place of the steps that follow: the first whose outcome came
}

// Shown is the identity that the called side sees.
type Shown struct {
	Number   string
	Display  string
	Withheld bool
	Reason   string // why it is withheld, as Request.Withheld
}

// Record says whether and how the call is recorded.
type Record struct {
	On        bool
	OnDemand  bool   // a policy lets those who talk switch it on
	PreBuffer bool   // and what was said in the last 120 s before that may be kept in encrypted memory until then, and added to it
	Never     string // number whose policy forbids it, whoever asks and whatever other policies say; empty: none
	ByHand    bool   // somebody switched it on, and no policy demands it: who may, switches it off again
	Number    string // whose policy it is: the DID or the extension
	Policy    string
	Outside   string // policy whose recorders outside get a copy; empty: none
	Notice    Notice // for who calls, and for our own people
	Prompt    string
	Outbound  Notice // for whom we call outside; empty: Notice
	Calling   string // prompt of Outbound; empty: Prompt
	Refusal   Refusal
	Language  string
	DSCP      int           // of the RTP of this class of numbers; 0: as usual
	Refuse    bool          // end the call when recording fails
	PauseMost time.Duration // how long it may stay paused; 0: UsualPause
	Retention int           // days
	Label     provisioning.Label
	Media     string // RecordingPolicy.Media: how the legs of this class of numbers are encrypted
}

// Values of Record.Media that bind. Any other leaves it to the device or the trunk.
const (
	EncryptRequired  = "srtp-required"
	EncryptForbidden = "srtp-forbidden"
)

// Stricter is the Record.Media of a call that is for two classes of numbers. What must be encrypted stays so, whoever else forbids it.
func Stricter(a, b string) string {
	for _, binding := range []string{EncryptRequired, EncryptForbidden} {
		if a == binding || b == binding {
			return binding
		}
	}
	return cmp.Or(a, b)
}

// Notice says when the recording notice is played to the outside party.
type Notice string

// Notice modes.
const (
	NoticeNone   Notice = "none"
	NoticeEarly  Notice = "early-media"  // to the caller, before charging starts
	NoticeAnswer Notice = "after-answer" // after the switch answered
	NoticeCalled Notice = "outbound"     // to whom we call, after it answered
)

// Refusal is what somebody who hears the notice may do against the recording. Zero: nothing.
type Refusal struct {
	Key  rune          // that says so, while the notice is played and for Wait after it; 0: none
	Ends bool          // the call ends then; else it goes on unrecorded
	Wait time.Duration // after the notice
}

// Plan is what to do with a call. Refuse set means nothing else is.
type Plan struct {
	Refuse    sip.Cause
	Say       string // with Refuse: the prompt that tells a caller of ours why
	Direction Direction
	Shown     Shown
	To        string
	Confided  bool // what was dialled may hold a secret: To stands for it in every record
	Steps     []Step
	Record    Record
	Language  string
	Emergency bool
	Site      string          // of an emergency call: whose number and address it is made with
	CallBack  bool            // somebody calls back after an emergency call: no forwarding, no rejection, no notice stands in the way
	Charge    Charge          // who pays for an outside call; zero: nobody
	Group     string          // hunt group that rings
	Way       []sip.Diversion // who sent the call on, in the course of this plan
	Why       string          // the rule that decided, for the log
}

const defaultRing = 60 * time.Second

// Route returns the plan for req.
func Route(dir Directory, req Request, now time.Time) Plan {
	dir, req.now = At(dir, now), now
	domain, ok := dir.Domain(req.Domain)
	if !ok {
		return refuse(404, "no such domain")
	}
	p := Plan{To: req.Dialled, Language: domain.Language, Shown: Shown{Number: req.Number, Display: req.Display, Withheld: req.Number == "", Reason: req.Withheld}}
	if req.Forward != nil {
		return forwarded(dir, req, p)
	}
	if req.Trunk != "" {
		return inbound(dir, req, p)
	}
	caller, ok := dir.Extension(req.Domain, req.Extension)
	if !ok || caller.Disabled || dir.Contract(req.Domain, req.Extension).Over(now) {
		return refuse(403, "caller is no extension")
	}
	p.Shown = Shown{Number: caller.Number, Display: caller.Display}
	if req.Mobile {
		return toMobile(dir, req, caller, p)
	}
	if req.Paged != "" {
		return paged(dir, req, p)
	}
	if req.Inside {
		if own, ok := inside(dir, req, caller, p); ok {
			return bound(dir, req, own)
		}
		return refuse(404, "no number of ours: "+req.Dialled)
	}
	req.Site = siteOf(req, device(dir, req, caller))
	if n, ok := number.Japan.Urgent(req.Dialled); ok {
		if ways := emergencyTrunks(dir, req, caller); len(ways) > 0 {
			return emergency(dir, req, caller, n, ways, p)
		}
	}
	if feature, argument, ok := dir.Feature(req.Domain, req.Dialled); ok {
		if by, ok := coded(dir, req, caller, feature, argument, p); ok {
			return by
		}
	}
	if own, ok := inside(dir, req, caller, p); ok {
		return bound(dir, req, own)
	}
	if n, wish := number.Japan.SplitPresentation(req.Dialled); wish != number.PresentDefault {
		return presenting(dir, req, caller, n, wish, p)
	}
	if did, ok := dir.DID(req.Domain, req.E164); ok { // our own outside number, dialled from inside
		p.Direction, p.Why, p.Record = Internal, "own DID "+did.Number, made(dir, req, caller, p)
		return bound(dir, req, toDID(dir, req, did, p))
	}
	return outbound(dir, req, caller, number.PresentDefault, p)
}

// presenting routes what was dialled behind 184 or 186. Inside nobody is hidden from a colleague.
func presenting(dir Directory, req Request, caller provisioning.Extension, n string, wish number.Presentation, p Plan) Plan {
	req.Dialled = n
	req.E164, _ = number.Japan.E164(n)
	p.To = n
	if inside, ok := colleague(dir, req, caller, p); ok {
		return bound(dir, req, inside)
	}
	if did, ok := dir.DID(req.Domain, req.E164); ok {
		p.Direction, p.Why, p.Record = Internal, "own DID "+did.Number, made(dir, req, caller, p)
		return bound(dir, req, toDID(dir, req, did, p))
	}
	return outbound(dir, req, caller, wish, p)
}

func inbound(dir Directory, req Request, p Plan) Plan {
	if req.CallBack != "" {
		if back, ok := callBack(dir, req, p); ok {
			return back
		}
	}
	did, ok := dir.DID(req.Domain, req.Dialled)
	if called, known := dir.Extension(req.Domain, req.Dialled); known && !ok && req.Internal {
		if called.Remote == req.Trunk {
			return refuse(404, "extension "+called.Number+" is on the side that asks") // it would come back
		}
		return internal(dir, req, provisioning.Extension{}, called, p)
	}
	if g, known := dir.Group(req.Domain, req.Dialled); known && !ok && req.Internal {
		return internalGroup(dir, req, provisioning.Extension{}, g, p)
	}
	if !ok {
		return refuse(404, "no DID "+req.Dialled)
	}
	if away, ok := rejected(dir, req, did, p); ok {
		return away
	}
	p.Direction, p.Why = Inbound, "DID "+did.Number
	p.Record = came(dir, req, did.Number, cmp.Or(did.Language, p.Language))
	p = toDID(dir, req, did, p)
	if req.LateMedia && p.Record.Notice == NoticeEarly {
		p.Record.Notice = NoticeAnswer
	}
	return p
}

// toExtension is every device of an extension, or the telephone system on which it still lives.
func toExtension(e provisioning.Extension, device string) Target {
	if e.Remote != "" {
		return Target{Kind: ToTrunk, Number: e.Number, Trunk: e.Remote, Name: e.Display}
	}
	return Target{Kind: ToExtension, Number: e.Number, Name: e.Display, Device: device}
}

// toDID rings whom an outside number belongs to: one extension as its owner wishes, or several together.
func toDID(dir Directory, req Request, did provisioning.DID, p Plan) Plan {
	p.To = did.Number
	if did.Language != "" {
		p.Language = did.Language
	}
	if own := record(dir, req.Domain, did.Policy, did.Number, p.Language); p.Way == nil {
		p.Record = own.And(p.Record)
	} else { // it was sent here, and stays the case of the number that was called first
		p.Record = p.Record.And(own)
	}
	if shut, ok := closed(dir, req, did.Closing, Diverter{Number: did.Number, Name: did.Title, Payer: did.Payer}, p); ok {
		return shut
	}
	if did.Conference != "" {
		if room, ok := conference(dir, req.Domain, did.Conference, p); ok {
			return room
		}
	}
	if heard, ok := script(dir, req, did, p); ok {
		return heard
	}
	wait := defaultRing
	if did.RingSeconds > 0 {
		wait = time.Duration(did.RingSeconds) * time.Second
	}
	if q, ok := dir.Queue(req.Domain, did.Queue); ok {
		return toQueue(dir, req.Domain, q, did, p)
	}
	if g, ok := dir.Group(req.Domain, did.Group); ok {
		return hunt(dir, req, g, p)
	}
	if len(did.To) == 1 {
		if e, ok := dir.Extension(req.Domain, did.To[0]); ok && !e.Disabled && !req.passed(p, e.Number) {
			p = reach(dir, req, e, p)
			if did.RingSeconds > 0 && len(p.Steps) > 0 && p.Way == nil {
				p.Steps[0].Ring = wait
			}
			return p
		}
	}
	step := Step{Ring: wait}
	for _, n := range did.To {
		if t, ok := disturb(dir, req, n); ok && !req.passed(p, n) {
			step.Targets = append(step.Targets, t)
		}
	}
	if len(step.Targets) == 0 {
		return refuse(480, "DID "+did.Number+" rings nobody")
	}
	p.Steps = []Step{step}
	return p
}

// script is the plan of a number at which a script answers: a menu, a mailbox, call-through, or none that answers at all: the call-back.
func script(dir Directory, req Request, did provisioning.DID, p Plan) (Plan, bool) {
	switch {
	case did.Menu != "":
		p.Steps = []Step{{Run: Run{Verb: VerbMenu, Name: did.Menu, Language: p.Language}}}
		return p, true
	case did.Voicemail != "":
		return Voicemail(dir, req.Domain, did.Voicemail, "", p), true
	case did.Messages:
		return Messages(p), true
	case did.CallThrough, did.CallBack:
		return through(dir, req, did, p), true
	}
	return p, false
}

func internal(dir Directory, req Request, caller, called provisioning.Extension, p Plan) Plan {
	p.Direction, p.Why = Internal, "extension "+called.Number
	p.Record = made(dir, req, caller, p)
	return reach(dir, req, called, p)
}

func internalGroup(dir Directory, req Request, caller provisioning.Extension, g provisioning.Group, p Plan) Plan {
	p.Direction, p.Why = Internal, "group "+g.Number
	p.Record = made(dir, req, caller, p)
	return hunt(dir, req, g, p)
}

// inside is a number of our own: of a person, a group that rings or is spoken to, a room, a queue, a parking lot or a mailbox.
func inside(dir Directory, req Request, caller provisioning.Extension, p Plan) (Plan, bool) {
	if to, ok := colleague(dir, req, caller, p); ok {
		return to, true
	}
	mine := p
	mine.Record = made(dir, req, caller, p)
	if room, ok := conference(dir, req.Domain, req.Dialled, mine); ok {
		return room, true
	}
	if q, ok := dir.Queue(req.Domain, req.Dialled); ok {
		return internalQueue(dir, req, caller, q, p), true
	}
	if g, ok := dir.PagingGroup(req.Domain, req.Dialled); ok && !req.Inside {
		return paging(dir, req, caller, g, p), true
	}
	if lot, slot, ok := parking(dir, req.Domain, req.Dialled); ok && !req.Inside {
		return park(req, lot, slot, p), true
	}
	if _, ok := dir.Mailbox(req.Domain, req.Dialled); ok { // nobody else has its number
		return leave(dir, req, caller, req.Dialled, p), true
	}
	return p, false
}

// colleague is the plan to reach what was dialled inside: an extension or a group.
func colleague(dir Directory, req Request, caller provisioning.Extension, p Plan) (Plan, bool) {
	if called, ok := dir.Extension(req.Domain, req.Dialled); ok {
		return internal(dir, req, caller, called, p), true
	}
	if g, ok := dir.Group(req.Domain, req.Dialled); ok {
		return internalGroup(dir, req, caller, g, p), true
	}
	return p, false
}

// bound refuses a number inside that the caller's contract does not have.
func bound(dir Directory, req Request, p Plan) Plan {
	if !dir.Contract(req.Domain, req.Extension).MayCall(req.Dialled, req.E164) {
		return Plan{Refuse: sip.CauseForbidden, Say: sayClosed, Direction: Internal, To: req.Dialled, Why: "not in the contract of " + req.Extension}
	}
	return p
}

// forbid refuses what the rights of the one who pays do not open.
func forbid(v Verdict, to string) Plan {
	return Plan{Refuse: sip.CauseForbidden, Say: v.Say, Direction: Outbound, To: to, Charge: v.Charge, Why: v.Rule}
}

func refuse(status int, why string) Plan {
	return Plan{Refuse: sip.StatusCause(status), Why: why}
}
