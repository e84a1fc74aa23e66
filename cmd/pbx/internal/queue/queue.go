// Package queue decides which waiting caller is offered to which agent, and who has waited long enough. Core is a pure state machine: what
// happened goes in with its time, commands come out, and equal inputs give equal outputs. Distributor is the one goroutine that owns a Core.
//
// No state of an agent is kept as a lamp: whether an agent is free follows, each time it is asked, from what the agent has set (a row of the
// directory), from the registrations, from which calls show the agent, and from the clock. The package never touches a call, a store or a
// telephone: commands are carried out by others, who report what came of them.
package queue

import (
	"time"

	"naisen/provisioning"
)

// Key names a queue or an agent in its domain.
type Key struct{ Domain, Number string }

// Caller is somebody who comes into a queue.
type Caller struct {
	Call     string // its ID
	Queue    Key
	From     string // E.164 or extension; empty: withheld
	DID      string // by which the call came; empty: dialled inside
	Language string
	Closed   bool // outside the queue's hours
	Boost    int  // added to the queue's priority, 0 to 90
	Visit    int  // of how many queues it came out before, as far as who seats it knows
}

// InCall is one agent in a call, as the call shows itself.
type InCall struct {
	Number  string // extension, or an agent's outside number
	Talking bool   // answered; else it rings
}

// Call is the latest state of a call. Ending: it takes nobody any more; Over: nothing of it is left.
type Call struct {
	ID, Domain   string
	Ending, Over bool
	In           []InCall
}

// State is what an agent does, derived.
type State string

// The states of an agent.
const (
	SignedOut   State = "signed-out"
	Unreachable State = "unreachable" // signed in, but no telephone is registered
	Offered     State = "offered"     // a waiting caller rings there
	Talking     State = "talking"     // with a caller of a queue
	Busy        State = "busy"        // in another call
	Paused      State = "paused"
	WrapUp      State = "wrap-up"
	Resting     State = "resting" // did not answer, and is passed over for a while
	Ready       State = "ready"
)

// Command is what somebody else has to do. The set is sealed.
type Command interface{ command() }

type (
	// Offer rings agents for the caller of a call, who goes on waiting. Each is reported by Refused, or one by Answered.
	Offer struct {
		Call, Domain string
		Queue        string
		Agents       []Ringee
		Ring         time.Duration
	}
	// Withdraw stops ringing an agent for a call; no report is awaited.
	Withdraw struct{ Call, Domain, Agent string }
	// Overflow ends the waiting: the call goes on at To, or hears why not and ends.
	Overflow struct {
		Call, Domain, Queue string
		Why                 provisioning.Outcome
		To                  *provisioning.Destination // nil: it ends
		Payer               string
	}
	// Keep stores a call-back; Kept reports whether it stands in the store.
	Keep struct {
		Call, Domain string
		CallBack     provisioning.CallBack
	}
	// Answer tells a call whether its wish to be called back was granted.
	Answer struct {
		Call, Domain string
		Kept         bool
	}
	// CallBack calls an agent and then the person whose place came. Called reports what came of it.
	CallBack struct {
		Domain   string
		Agent    Ringee
		Ring     time.Duration
		CallBack provisioning.CallBack
	}
	// Change writes a call-back again after a try that reached nobody; Drop deletes it: it was reached, or given up.
	Change struct {
		Domain   string
		CallBack provisioning.CallBack
	}
	Drop struct{ Domain, ID string }
	// SignOut writes that an agent is signed out: its telephone has been away too long.
	SignOut struct{ Agent Key }
	// Visit and Stint are rows for the reports.
	Visit struct{ Row provisioning.QueueVisit }
	Stint struct{ Row provisioning.AgentStint }
)

// Ringee is an agent who is rung: at the extension, or at the outside number.
type Ringee struct{ Agent, Outside string }

func (Offer) command()    {}
func (Withdraw) command() {}
func (Overflow) command() {}
func (Keep) command()     {}
func (Answer) command()   {}
func (CallBack) command() {}
func (Change) command()   {}
func (Drop) command()     {}
func (SignOut) command()  {}
func (Visit) command()    {}
func (Stint) command()    {}

// Directory is what the core reads of the configuration: a snapshot.
type Directory interface {
	DomainNames() []string
	Queues(domain string) []provisioning.Queue
	Agents(domain string) []provisioning.Agent
	CallBacks(domain string) []provisioning.CallBack
}

// Tried is what came of a call-back's call.
type Tried int

// Outcomes of a try.
const (
	TriedReached Tried = iota // agent and customer were joined
	TriedAgent                // the agent did not answer: that was no try
	TriedNobody               // the customer did not answer
	TriedRefused              // nobody was rung, by a fault of ours: that was no try
)

const (
	grace       = 15 * time.Second // after the ringing time, a report is overdue
	settleFor   = time.Minute      // the store has so long to show what became of a call-back
	callBackFor = 4 * time.Minute  // agent and customer have so long to answer
	quarter     = 15 * time.Minute
)

// or is n, or the default.
func or(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return n
}

func seconds(n, otherwise int) time.Duration { return time.Duration(or(n, otherwise)) * time.Second }
func minutes(n, otherwise int) time.Duration { return time.Duration(or(n, otherwise)) * time.Minute }
