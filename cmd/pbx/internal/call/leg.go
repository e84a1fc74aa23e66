package call

import (
	"strings"
	"time"

	"naisen/media"
	"naisen/recorder"
	"naisen/sip"

	"naisen/cmd/pbx/internal/route"
)

// LegID names a leg; unique in the process.
type LegID string

// Call is the id of the call that the leg began in.
func (id LegID) Call() string {
	name, _, _ := strings.Cut(string(id), "-")
	return name
}

// Leg is one party's signalling. Commands never block and return nothing: what came of them arrives later as an Event.
// Inbound and outbound legs differ only in how they are made.
type Leg interface {
	Mover
	Prober
	ID() LegID
	Show(route.Shown) // whom its phone talks with (RFC 4916): with the next response, or at once
	Ring(media.SDP)   // 180; with early media 183
	Answer(media.SDP) // 200
	Offer(media.SDP)  // re-INVITE or UPDATE
	Reply(media.SDP)  // our answer to the peer's own re-INVITE
	Refuse(sip.Cause) // refuse a re-INVITE or a REFER
	ReferProgress(sip.Cause)
	Digit(rune)
	End(sip.Cause)  // CANCEL, BYE or final response: the leg knows which
	Dialog() Dialog // as it is now; may be asked from any goroutine
}

// Mover is how a leg goes from one call to another.
type Mover interface {
	Detach() // posts Detached, its last event here; then holds the rest
	Attach(*Mailbox)
}

// Dialog names a leg's SIP dialog as the device can see it. Tags are empty as long as they are unknown.
type Dialog struct {
	CallID, LocalTag, RemoteTag string // LocalTag is ours, RemoteTag the device's
	Inbound                     bool   // the device called us
	Target                      string // Contact URI of the device; empty before there is a dialog
	Aware                       bool   // the device says that it understands what it is told of recordings
}

// Destination is one place where a target can be reached now: a registered contact or a trunk.
type Destination struct {
	Number    string
	Name      string
	Extension string // whose device it is; empty: a trunk
	Trunk     string
	Profile   media.Profile
	Security  media.Security
	Asleep    bool          // it has to be woken first: its leg's last event is Woken, or Ended
	Idle      bool          // it is called only while its extension has no other call
	Start     route.Start   // when it rings, of the telephones of its extension
	Answers   bool          // its telephone is asked to answer by itself
	Site      string        // where it stands, as far as its address tells; empty: not known
	Remote    route.Remote  // whether that is outside the premises
	Desk      string        // extension of the telephone, where somebody else is signed in at it (route.Request.Desk)
	Instance  string        // +sip.instance of the device, or its contact where it has none
	Mobile    *route.Mobile // it is the extension's telephone beyond a trunk; nil: it is registered, or a trunk
	Proof     string        // by what its device registered: see PartySnapshot
	Via       any           // the dialler's own: binding or trunk
}

// Outgoing is what a called leg is told.
type Outgoing struct {
	Leg         LegID
	Domain      string
	Offer       media.SDP
	From        route.Shown
	To          string
	MaxForwards int
	Way         []sip.Diversion // who sent the call elsewhere before, the earliest first (RFC 5806, RFC 7044)
	Diverter    string          // outside number of the last of them, for a carrier; empty: nobody diverted it there
	ReferredBy  string          // extension that transferred the call here (RFC 3892); empty: nobody
}

// Dialler finds and calls places. wire.go puts the registrar, the trunks and the dialogs behind it.
type Dialler interface {
	Find(domain string, t route.Target) []Destination // from memory
	Dial(Destination, Outgoing, *Mailbox) Leg
}

// Spoken identifies what a program played, for the notice receipt.
type Spoken struct {
	Prompt, Language, SHA256 string
	Version                  int // of an approved wording; 0: of the library
}

// Program is what a leg hears while nobody talks to it. Open may read a disk and runs beside the actor.
type Program interface {
	Open(c media.Codec) (media.Source, Spoken, error)
}

// Programs makes them; internal/app implements it.
type Programs interface {
	Announce(domain, prompt, language string) Program
	Pause(time.Duration) Program // nothing to hear
	Music(domain string) Program
	Ringback() Program
	Script(domain string, r route.Run) (Script, bool) // false: there is no such verb
}

// Ledger takes exactly one CDR per call. It never blocks.
type Ledger interface{ Enter(CDR) }

// Recorder is the part of recorder.Recorder that a call uses.
type Recorder = recorder.Recorder
