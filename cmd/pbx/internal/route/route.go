// Package route decides who is called, in what order and for how long: a pure function of the directory, the request and the time.
// It does no I/O, reads no clock and knows no live call.
package route

import (
	"slices"
	"time"

	"naisen/provisioning"
	"naisen/sip"
)

// Directory is what routing reads. A snapshot: it never changes under the caller.
type Directory interface {
	Domain(name string) (provisioning.Domain, bool)
	Extension(domain, number string) (provisioning.Extension, bool)
	DID(domain, number string) (provisioning.DID, bool)
	Policy(domain, name string) (provisioning.RecordingPolicy, bool)
	// TrunksFor gives the enabled trunks of the longest prefix that fits, in order.
	TrunksFor(domain, dialled string) (trunks []provisioning.Trunk, prefix string)
	// Trunks gives all enabled trunks, in order.
	Trunks(domain string) []provisioning.Trunk
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
	Dialled   string // what was dialled; from a trunk the DID in E.164
	Device    string // +sip.instance of the only device of the dialled extension that may ring (RFC 5627); empty: all
	E164      string // the same in E.164 where it has that form: people dial their own outside numbers as national ones
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
}

// Step rings its targets together.
type Step struct {
	Targets []Target
	Ring    time.Duration
}

// Shown is the identity that the called side sees.
type Shown struct {
	Number   string
	Display  string
	Withheld bool
}

// Record says whether and how the call is recorded.
type Record struct {
	On        bool
	Number    string // whose policy it is: the DID or the extension
	Policy    string
	Notice    Notice
	Prompt    string
	Language  string
	Refuse    bool // end the call when recording fails
	Retention int  // days
}

// Notice says when the recording notice is played to the outside party.
type Notice string

// Notice modes.
const (
	NoticeNone   Notice = "none"
	NoticeEarly  Notice = "early-media"  // to the caller, before charging starts
	NoticeAnswer Notice = "after-answer" // after the switch answered
)

// Plan is what to do with a call. Refuse set means nothing else is.
type Plan struct {
	Refuse    sip.Cause
	Direction Direction
	Shown     Shown
	To        string
	Steps     []Step
	Record    Record
	Language  string
	Emergency bool
	Charge    Charge // who pays for an outside call; zero: nobody
	Why       string // the rule that decided, for the log
}

const defaultRing = 60 * time.Second

// Route returns the plan for req.
func Route(dir Directory, req Request, _ time.Time) Plan {
	domain, ok := dir.Domain(req.Domain)
	if !ok {
		return refuse(404, "no such domain")
	}
	p := Plan{To: req.Dialled, Language: domain.Language, Shown: Shown{Number: req.Number, Display: req.Display, Withheld: req.Number == ""}}
	if req.Trunk != "" {
		return inbound(dir, req, p)
	}
	caller, ok := dir.Extension(req.Domain, req.Extension)
	if !ok || caller.Disabled {
		return refuse(403, "caller is no extension")
	}
	p.Shown = Shown{Number: caller.Number, Display: caller.Display}
	if IsEmergency(req.Dialled) {
		if ways := emergencyTrunks(dir, req); len(ways) > 0 {
			return emergency(caller, req.Dialled, ways, p)
		}
	}
	if called, ok := dir.Extension(req.Domain, req.Dialled); ok {
		return internal(dir, req, caller, called, p)
	}
	if did, ok := dir.DID(req.Domain, req.E164); ok { // our own outside number, dialled from inside
		p.Direction, p.Why = Internal, "own DID "+did.Number
		return toDID(dir, req.Domain, did, p)
	}
	return outbound(dir, req, caller, p)
}

func inbound(dir Directory, req Request, p Plan) Plan {
	did, ok := dir.DID(req.Domain, req.Dialled)
	if !ok {
		return refuse(404, "no DID "+req.Dialled)
	}
	p.Direction, p.Why = Inbound, "DID "+did.Number
	return toDID(dir, req.Domain, did, p)
}

func toDID(dir Directory, domain string, did provisioning.DID, p Plan) Plan {
	p.To = did.Number
	ring := defaultRing
	if did.RingSeconds > 0 {
		ring = time.Duration(did.RingSeconds) * time.Second
	}
	step := Step{Ring: ring}
	for _, n := range did.To {
		if e, ok := dir.Extension(domain, n); ok && !e.Disabled {
			step.Targets = append(step.Targets, Target{Kind: ToExtension, Number: n, Name: e.Display})
		}
	}
	if len(step.Targets) == 0 {
		return refuse(480, "DID "+did.Number+" rings nobody")
	}
	p.Steps = []Step{step}
	if did.Language != "" {
		p.Language = did.Language
	}
	p.Record = record(dir, domain, did.Policy, did.Number, p.Language)
	return p
}

func internal(dir Directory, req Request, caller, called provisioning.Extension, p Plan) Plan {
	if called.Disabled {
		return refuse(480, "extension "+called.Number+" is disabled")
	}
	p.Direction, p.Why = Internal, "extension "+called.Number
	p.Steps = []Step{{Ring: defaultRing, Targets: []Target{{Kind: ToExtension, Number: called.Number, Name: called.Display, Device: req.Device}}}}
	p.Record = record(dir, req.Domain, caller.Record, caller.Number, p.Language)
	return p
}

func outbound(dir Directory, req Request, caller provisioning.Extension, p Plan) Plan {
	trunks, prefix := dir.TrunksFor(req.Domain, req.Dialled)
	if len(trunks) == 0 || trunks[0].Strip >= len(req.Dialled) {
		if c := May(dir, req.Domain, caller.Number, req.Dialled); c.Denied && isOutside(req.Dialled) {
			return forbid(c, req.Dialled)
		}
		return refuse(404, "no extension, DID or trunk for the dialled number")
	}
	way := trunks[0] // failing over to the others is for causes that say the carrier failed, not the called person
	number := req.Dialled[way.Strip:]
	if IsEmergency(number) {
		return emergency(caller, number, emergencyTrunks(dir, req), p)
	}
	p.Charge = May(dir, req.Domain, caller.Number, readings(req.Dialled, prefix, way)...)
	if p.Charge.Denied {
		return forbid(p.Charge, number)
	}
	p.Direction, p.To, p.Why, p.Shown = Outbound, number, "trunk "+way.Name, presented(caller, way)
	p.Steps = []Step{through(way, number)}
	p.Record = record(dir, req.Domain, caller.Record, caller.Number, p.Language)
	return p
}

func through(way provisioning.Trunk, number string) Step {
	return Step{Ring: 3 * defaultRing, Targets: []Target{{Kind: ToTrunk, Number: number, Trunk: way.Name}}}
}

// presented is who the carrier is told that calls. An extension number means nothing outside and is nobody else's business.
func presented(caller provisioning.Extension, way provisioning.Trunk) Shown {
	switch {
	case caller.CallerID != "":
		return Shown{Number: caller.CallerID}
	case way.CallerID != "":
		return Shown{Number: way.CallerID}
	}
	return Shown{Withheld: true}
}

// IsEmergency knows the emergency numbers of Japan: police, coast guard, fire and ambulance. No notice, no recording policy and no
// restriction applies to them; they need no outside prefix and go before an extension of the same number.
func IsEmergency(number string) bool { return number == "110" || number == "118" || number == "119" }

// emergencyTrunks are all ways out: those whose prefix fits first, then every other one.
func emergencyTrunks(dir Directory, req Request) []provisioning.Trunk {
	ways, _ := dir.TrunksFor(req.Domain, req.Dialled)
	ways = slices.Clone(ways)
	for _, t := range dir.Trunks(req.Domain) {
		if !slices.ContainsFunc(ways, func(w provisioning.Trunk) bool { return w.Name == t.Name }) {
			ways = append(ways, t)
		}
	}
	return ways
}

// emergency tries one way out after the other until somebody answers.
func emergency(caller provisioning.Extension, number string, ways []provisioning.Trunk, p Plan) Plan {
	p.Direction, p.To, p.Emergency, p.Why = Outbound, number, true, "emergency by trunk "+ways[0].Name
	p.Shown = presented(caller, ways[0])
	p.Record = Record{}
	for _, way := range ways {
		p.Steps = append(p.Steps, through(way, number))
	}
	return p
}

func record(dir Directory, domain, policy, number, language string) Record {
	pol, ok := dir.Policy(domain, policy)
	if policy == "" || !ok || !pol.Record {
		return Record{Notice: NoticeNone}
	}
	r := Record{On: true, Number: number, Policy: pol.Name, Notice: Notice(pol.Notice), Prompt: pol.Prompt,
		Language: language, Refuse: pol.OnFailure == "refuse", Retention: pol.RetentionDays}
	if r.Notice == "" {
		r.Notice = NoticeEarly
	}
	if r.Prompt == "" {
		r.Prompt = "notice/recording"
	}
	return r
}

// forbid refuses what the rights of the one who pays do not open.
func forbid(c Charge, to string) Plan {
	return Plan{Refuse: sip.CauseForbidden, Direction: Outbound, To: to, Charge: c, Why: "rights of " + c.Extension + ": " + c.Class + " is closed"}
}

func refuse(status int, why string) Plan {
	return Plan{Refuse: sip.StatusCause(status), Why: why}
}
