package call

import (
	"context"
	"log/slog"
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/sip"
)

// Script is what a call does while its caller talks with nobody: it is told cues and answers with orders. It runs on the call's goroutine
// and never blocks; slow work is ordered (Beside) and comes back as a cue. A script serves one caller once, so what it remembers is its own.
// When it panics its call ends with 500, and no other.
type Script interface {
	On(Facts, Cue) []Order
}

// Doorkeeper is a script that may have no place for the caller. Admit is asked before the script has it: slot is the number of the place in a
// parking lot, where it is one; a cause with a status sends the call back to who sent it here, and ends one that nobody sent.
type Doorkeeper interface {
	Admit(Facts) (slot string, cause sip.Cause)
}

// Teller is a script that says to whoever sent the caller to it what became of that: where it is, or why there was no place. Nil: nothing.
type Teller interface {
	Tell(f Facts, refused sip.Cause) Program
}

// Yielding is a script that goes on when somebody else's telephone takes its caller's place (RFC 3891), because it knows and shows nothing of its
// caller's. Any other is left to whom it has: it may have heard a PIN, or let the caller hear what only that one may.
type Yielding interface{ Yields() }

// Silent is a script whose party need not say anything: it only listens, and a telephone that sends nothing meanwhile is not gone.
type Silent interface{ Silent() }

// Facts are what a script may know of its call. They are fresh with each cue: the party may have changed.
type Facts struct {
	Call      string
	Domain    string
	Run       route.Run // what was asked for
	Number    string    // of the party, as it may be shown; empty: withheld or unknown
	Display   string
	Extension string // whose device the party is; empty: it came by a trunk
	Trunk     string
	Withheld  string    // why an outside party has no number (route.Request.Withheld)
	To        string    // who was called at first
	Sent      string    // the extension that sent the party to this script; empty: it dialled it
	Language  string    // of what is spoken
	Answered  bool      // the party's call was answered: it pays
	HungUp    bool      // with Left: the party itself ended the call, before it was answered
	Failure   sip.Cause // why nobody answered before; zero: nobody was rung
	Now       time.Time
	Began     time.Time // when the script did
}

// Cue is what happens to a script. The set is sealed.
type Cue interface{ cue() }

// Cues. Began is the first one. Left and Reached are last ones: of the orders that follow only Beside is carried out. A script that ordered
// Finish or Follow, or a Goto that was allowed, hears nothing more.
type (
	// Began says that the script has the caller.
	Began struct{}
	// Played says that the program ended by itself. One that was stopped, or replaced, tells nothing. Not complete: it could not be
	// played, and playing it again would come to the same.
	Played struct{ Complete bool }
	// Gathered is what came of a Gather.
	Gathered struct {
		Keys Keys
		Why  GatherEnd
	}
	// Elapsed says that the time of the last Wake is over.
	Elapsed struct{}
	// Result is what came of the work of a Beside.
	Result struct{ Value any }
	// Unanswered says that nobody of the last Ring answered, and the best reason.
	Unanswered struct{ Cause sip.Cause }
	// Reached says that somebody of the last Ring answered: the two talk, and the script is over.
	Reached struct{ Number, Extension string }
	// Refused says that a Goto is not allowed, or leads nowhere.
	Refused struct{ Cause sip.Cause }
	// Company says who is in the room that the party entered.
	Company struct {
		Others, Moderators int
		Locked             bool
		Over               bool // it was ended for all
	}
	// Interrupted says that the party's connection is: it may come back, and then hears again what it was to hear, and has its time for keys anew.
	Interrupted struct{}
	// Left says that the party is gone, or was taken elsewhere.
	Left struct{}
)

func (Began) cue()       {}
func (Played) cue()      {}
func (Gathered) cue()    {}
func (Elapsed) cue()     {}
func (Result) cue()      {}
func (Unanswered) cue()  {}
func (Reached) cue()     {}
func (Refused) cue()     {}
func (Company) cue()     {}
func (Interrupted) cue() {}
func (Left) cue()        {}

// Order is what a script wants. Orders are carried out one after the other; what came of one arrives later as a cue. The set is sealed.
type Order interface{ order() }

// Orders.
type (
	// Play lets the party hear a program, in place of what it heard. An unanswered party hears early media; where its INVITE had no
	// offer, or its trunk carries none, it is answered.
	Play struct{ Program Program }
	// Hush stops what is played.
	Hush struct{}
	// Gather collects keys until they are enough; it replaces a Gather that still runs. Keys pressed before it was ordered count.
	Gather struct {
		Max    int           // keys; 0: 32
		First  time.Duration // patience for the first key, after what is played has ended; 0: 7 s
		Next   time.Duration // and for each further one; 0: 3 s
		End    rune          // the key that ends it and is no part of it; 0: '#'
		Fresh  bool          // keys pressed before do not count
		Secret bool          // a PIN: in no log, and silence in a recording
		Whole  bool          // what is played is heard to its end; else the first key stops it
	}
	// Wake sends Elapsed after a time; it replaces the one before. 0: never.
	Wake struct{ After time.Duration }
	// Beside does slow work outside the call's goroutine and sends its Result. The context ends after half a minute, not with the call.
	Beside struct{ Work func(context.Context) any }
	// Alert lets the caller's telephone ring: nothing is answered, and nothing is to be heard from us.
	Alert struct{}
	// PickUp answers the caller, who pays from now on.
	PickUp struct{}
	// Ring rings targets while the party goes on hearing the script. They are rung as they are: whoever names them has judged the rights.
	// One Ring at a time; a second one before Unanswered adds to the first.
	Ring struct{ Step route.Step }
	// Unring takes back the last Ring; no Unanswered follows.
	Unring struct{}
	// Goto sends the call to what was dialled, by the rights of an extension: For, else the party's own. Not allowed: Refused.
	Goto struct {
		Number, For string
		PIN         bool // the extension proved by its PIN that it is there
		Inside      bool // a stranger chose the number: only what is inside may be reached
	}
	// Become makes the party, a stranger so far who has proved it, an extension that speaks from afar: its number is the extension's from now on, and what
	// it was is shown to nobody.
	Become struct{ Extension, Name string }
	// Follow sends the call along a plan that was judged already. Refused if the plan says so.
	Follow struct{ Plan route.Plan }
	// Listen shows a tap what the party says until the script is over, or listens to something else; nil: to nothing.
	Listen struct{ Tap media.Tap }
	// Tape begins the call's own recording, where the policy of its number demands one, although the party talks with nobody: what it says to
	// a mailbox belongs to the chain of evidence. A recording that runs goes on.
	Tape struct{}
	// Enter brings the party, which must have been picked up, into a room; again: it gives it another gate. What the script plays is heard
	// in place of the room. Refused: there is no place.
	Enter struct {
		Room      Room
		Gate      media.Gate
		Moderator bool
	}
	// Next goes on with the step of the plan that follows the script's.
	Next struct{}
	// Finish ends the call.
	Finish struct{ Cause sip.Cause }
)

func (Play) order()   {}
func (Hush) order()   {}
func (Gather) order() {}
func (Wake) order()   {}
func (Beside) order() {}
func (Alert) order()  {}
func (PickUp) order() {}
func (Ring) order()   {}
func (Unring) order() {}
func (Goto) order()   {}
func (Become) order() {}
func (Follow) order() {}
func (Listen) order() {}
func (Tape) order()   {}
func (Enter) order()  {}
func (Next) order()   {}
func (Finish) order() {}

// GatherEnd says why a Gather came to its end.
type GatherEnd int

// Ends of a Gather.
const (
	GatherFull GatherEnd = iota // as many keys as it takes
	GatherDone                  // the key that ends it
	GatherIdle                  // nothing, or nothing more, was pressed in time
)

// Keys are what somebody pressed. Secret ones print as "[redacted]".
type Keys struct {
	pressed string
	secret  bool
}

// NewKeys is what a test or a rehearsal of a script presses.
func NewKeys(pressed string, secret bool) Keys { return Keys{pressed, secret} }

// Reveal gives the keys to whoever must check or dial them.
func (k Keys) Reveal() string { return k.pressed }

// Empty says that nothing was pressed.
func (k Keys) Empty() bool { return k.pressed == "" }

// String implements fmt.Stringer.
func (k Keys) String() string {
	if k.secret {
		return "[redacted]"
	}
	return k.pressed
}

// GoString implements fmt.GoStringer: %#v shows no secret either.
func (k Keys) GoString() string { return k.String() }

// LogValue implements slog.LogValuer.
func (k Keys) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalText implements encoding.TextMarshaler.
func (k Keys) MarshalText() ([]byte, error) { return []byte(k.String()), nil }
