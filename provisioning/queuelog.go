package provisioning

import (
	"strings"
	"time"
)

// QueueVisit is one caller's time in one queue, from coming in to its one outcome. Reports are made of these rows.
type QueueVisit struct {
	ID      string    `json:"id" doc:"The call's, -q and how many queues it has been in; of a kept place -b and how many calls"`
	Domain  string    `json:"domain"`
	Queue   string    `json:"queue"`
	Call    string    `json:"call,omitempty"`
	From    string    `json:"from,omitempty"`
	DID     string    `json:"did,omitempty"`
	Arrived time.Time `json:"arrived"`
	Ended   time.Time `json:"ended" doc:"Of the waiting"`
	Outcome Outcome   `json:"outcome"`
	To      string    `json:"to,omitempty" doc:"Where it overflowed to"`
	Agent   string    `json:"agent,omitempty"`
	WaitMS  int64     `json:"wait_ms"`
	TalkMS  int64     `json:"talk_ms,omitempty"`
	Offers  int       `json:"offers,omitempty" doc:"Agents whose telephones rang for it"`
}

// Outcome is how the waiting of a caller ended.
type Outcome string

// The outcomes. Each caller who waited has exactly one.
const (
	OutcomeAnswered   Outcome = "answered"
	OutcomeAbandoned  Outcome = "abandoned"   // the caller hung up
	OutcomeTime       Outcome = "time"        // overflowed: waited too long
	OutcomeLength     Outcome = "length"      // overflowed: too many wait
	OutcomeNoAgents   Outcome = "no-agents"   // overflowed: nobody is signed in
	OutcomeClosed     Outcome = "closed"      // overflowed: outside the hours
	OutcomeStopped    Outcome = "stopped"     // the queue was deleted, or the switch stopped
	OutcomeKept       Outcome = "call-back"   // asked to be called back and keeps the place
	OutcomeCalledBack Outcome = "called-back" // a kept place: reached
	OutcomeUnreached  Outcome = "unreached"   // a kept place: nobody answered as often as it was tried
	OutcomeMoved      Outcome = "moved"       // somebody took the waiting call out of the line
)

// AgentStint is some time that an agent spent in one state. A state that lasts is cut at each quarter of an hour.
type AgentStint struct {
	Domain  string    `json:"domain"`
	Agent   string    `json:"agent"`
	State   string    `json:"state" doc:"ready, offered, talking, busy, wrap-up, paused, resting or unreachable"`
	Queue   string    `json:"queue,omitempty" doc:"Whose call is talked or wrapped up"`
	Reason  string    `json:"reason,omitempty" doc:"Of a pause"`
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended"`
}

// LogQuery is a part of what queues and agents did: From inclusive, Until exclusive, by Arrived and Started.
type LogQuery struct {
	Queue, Agent string // empty: all
	From, Until  time.Time
	Limit        int // 0: MaxLog
}

// MaxLog bounds what one read of visits or stints returns.
const MaxLog = 200_000

// Validate checks what a visit cannot do without.
func (v QueueVisit) Validate() error {
	var c check
	logID(&c, v.ID)
	c.must(hostName(v.Domain), "domain", "must be a lower-case host name")
	extensionNumber(&c, "queue", v.Queue)
	c.must(!v.Arrived.IsZero() && !v.Ended.IsZero(), "arrived", "is missing")
	c.must(v.Outcome != "", "outcome", "is missing")
	return c.result()
}

// Clean cuts and cleans the texts that came from the network.
func (v QueueVisit) Clean() QueueVisit {
	for _, s := range []*string{&v.From, &v.DID, &v.To, &v.Agent, &v.Call} {
		*s = cleaned(*s)
	}
	return v
}

// Validate checks what a stint cannot do without.
func (s AgentStint) Validate() error {
	var c check
	c.must(hostName(s.Domain), "domain", "must be a lower-case host name")
	extensionNumber(&c, "agent", s.Agent)
	c.must(s.State != "" && len(s.State) <= maxName, "state", "is missing")
	c.must(!s.Started.IsZero() && !s.Ended.Before(s.Started), "started", "is missing, or after the end")
	c.text("reason", s.Reason)
	return c.result()
}

func logID(c *check, id string) {
	c.must(id != "" && len(id) <= 160 && !strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }), "id",
		"must be 1 to 160 printable ASCII characters")
}
