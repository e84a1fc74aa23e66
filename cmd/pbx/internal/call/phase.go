package call

// Phase of a call. It moves forward, but for a transfer and for a script, which route again.
type Phase int

// Phases of a call.
const (
	Routing  Phase = iota // before anybody rings; a notice may be playing
	Ringing               // at least one called leg is alive
	Scripted              // a script has the caller; it may be ringing somebody
	Talking               // two parties are joined
	Ending                // every leg was told to end; waiting for their last events
	// Originating comes before Routing where nobody dialled: who shall be the caller is being rung.
	Originating
)

func (p Phase) String() string {
	switch p {
	case Routing:
		return "routing"
	case Ringing:
		return "ringing"
	case Scripted:
		return "script"
	case Talking:
		return "talking"
	case Ending:
		return "ending"
	case Originating:
		return "originating"
	}
	return "unknown"
}

// PartyPhase is where one party stands.
type PartyPhase int

// Phases of a party.
const (
	PartyNew     PartyPhase = iota // nothing was answered or heard yet
	PartyRinging                   // a provisional was sent or received
	PartyUp                        // answered
	PartyHeld                      // answered, and its own phone put us on hold
	PartyLeaving                   // told to end; its last event is awaited
	PartyGone                      // its last event arrived
)

func (p PartyPhase) String() string {
	switch p {
	case PartyNew:
		return "new"
	case PartyRinging:
		return "ringing"
	case PartyUp:
		return "up"
	case PartyHeld:
		return "held"
	case PartyLeaving:
		return "leaving"
	case PartyGone:
		return "gone"
	}
	return "unknown"
}

// DialogState is the word of RFC 4235 section 3.7.1 for a party's dialog.
func (p PartyPhase) DialogState() string {
	switch p {
	case PartyNew:
		return "trying"
	case PartyRinging:
		return "early"
	case PartyUp, PartyHeld:
		return "confirmed"
	case PartyLeaving, PartyGone:
	}
	return "terminated"
}
