package call

import (
	"errors"

	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/sip"
)

// ErrGone says that the call is over or never was.
var ErrGone = errors.New("call: no such call")

// Event is something that happened to a call. The set is sealed: every (phase, event) pair has an answer.
type Event interface{ event() }

// Events of a leg. What came of a command arrives here; Ended is a leg's last event.
type (
	// Progress is a provisional response of a called leg: 180 without, 183 usually with early media.
	Progress struct {
		Leg    LegID
		Status int
		SDP    media.SDP
	}
	// Answered is the called leg's 2xx.
	Answered struct {
		Leg LegID
		SDP media.SDP
	}
	// Offered is the peer's own re-INVITE or UPDATE. A nil SDP asks for our offer.
	Offered struct {
		Leg LegID
		SDP media.SDP
	}
	// Agreed is the answer to an offer of ours outside the first INVITE.
	Agreed struct {
		Leg LegID
		SDP media.SDP
	}
	// Disagreed says that our offer was refused or died.
	Disagreed struct {
		Leg   LegID
		Cause sip.Cause
	}
	// Digit was signalled by SIP INFO; RTP digits arrive as Media.
	Digit struct {
		Leg  LegID
		Rune rune
	}
	// Referred is a REFER that waits for Refuse or for a new leg.
	Referred struct {
		Leg      LegID
		To       sip.URI
		Replaces Replaces // of the referrer's other dialog; empty: a blind transfer
		By       string   // Referred-By as the referrer wrote it: only its own network knows what it means
	}
	// Identified says who is at a leg whose network is believed, when that is another than before.
	Identified struct {
		Leg LegID
		Who route.Shown
	}
	// Ended is the last event of a leg.
	Ended struct {
		Leg     LegID
		Cause   sip.Cause
		Refused bool   // a caller's: it was never answered, whatever we commanded
		Moved   string // a called leg's redirection leads there; empty: it was none
	}
	// Detached is the last event of a leg in this call: it may now be attached to another.
	Detached struct{ Leg LegID }
)

// Media is an event of a leg's endpoint.
type Media struct {
	Leg   LegID
	Event media.Event
}

// opened brings what a program needed from the disk: its source.
type opened struct {
	leg    LegID
	stage  int
	source media.Source
	spoken Spoken
	err    error
}

// timeout is a timer that fired; a stale one is recognised by its sequence.
type timeout struct{ seq int }

// cued is a cue for a script that comes from beside or after the actor: the end of slow work, a timer. One for an earlier script, or of a
// timer that was set again, is stale.
type cued struct {
	act   int
	timer int // sequence of the timer; 0: it is none
	cue   Cue
}

// captureFailed says that the recorder gave up on this call.
type captureFailed struct {
	recording string
	err       error
}

// Hangup asks the call to end, as REST and drain do.
type Hangup struct {
	Cause sip.Cause
	Done  chan error // capacity 1, may be nil
}

func (Progress) event()      {}
func (Answered) event()      {}
func (Offered) event()       {}
func (Agreed) event()        {}
func (Disagreed) event()     {}
func (Digit) event()         {}
func (Referred) event()      {}
func (Identified) event()    {}
func (Ended) event()         {}
func (Detached) event()      {}
func (Media) event()         {}
func (opened) event()        {}
func (timeout) event()       {}
func (cued) event()          {}
func (captureFailed) event() {}
func (Hangup) event()        {}

// asker is an event whose sender waits for an answer.
type asker interface{ reply(error) }

var _, _, _, _, _ asker = Surrender{}, Replace{}, Watch{}, Send{}, Returned{}

func (h Hangup) reply(err error) { answer(h.Done, err) }

func answer(done chan error, err error) {
	select {
	case done <- err: // capacity 1: a nil or a full channel falls through
	default:
	}
}
