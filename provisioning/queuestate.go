package provisioning

import (
	"context"
	"time"
)

// QueueState is a queue at this moment.
type QueueState struct {
	Number      string         `json:"number"`
	Title       string         `json:"title,omitempty"`
	Waiting     int            `json:"waiting"`
	CallBacks   int            `json:"call_backs" doc:"Places kept for callers who will be called back"`
	LongestWait float64        `json:"longest_wait_s"`
	Estimate    *float64       `json:"estimate_s,omitempty" doc:"About how long one who comes now will wait; absent: no agent works"`
	Agents      map[string]int `json:"agents" doc:"Agents signed in, by what they do"`
	Today       QueueToday     `json:"today"`
}

// QueueToday counts since midnight, by the definitions of the reports.
type QueueToday struct {
	Day          string   `json:"day"`
	Offered      int      `json:"offered"`
	Answered     int      `json:"answered"`
	InTime       int      `json:"in_time"`
	ServiceLevel *float64 `json:"service_level,omitempty" doc:"Per cent"`
	Abandoned    int      `json:"abandoned"`
	Short        int      `json:"short_abandoned"`
	Overflowed   int      `json:"overflowed"`
	Kept         int      `json:"call_backs_asked"`
	CalledBack   int      `json:"called_back"`
}

// AgentState is what an agent does at this moment, derived from wishes, registrations and calls.
type AgentState struct {
	Number string    `json:"number"`
	State  string    `json:"state" doc:"signed-out, unreachable, ready, offered, talking, busy, wrap-up, paused or resting"`
	Since  time.Time `json:"since"`
	Queue  string    `json:"queue,omitempty" doc:"Whose call is offered, talked or wrapped up"`
	Reason string    `json:"reason,omitempty" doc:"Of a pause"`
	Queues []string  `json:"queues" nullable:"false" doc:"Signed in to"`
}

// Queues is the live call centre. Errors: ErrNotFound.
type Queues interface {
	Queue(ctx context.Context, domain, number string) (QueueState, error)
	Agent(ctx context.Context, domain, number string) (AgentState, error)
	// Ready ends an agent's wrap-up, and the rest after a call that was not answered.
	Ready(ctx context.Context, domain, number string) error
}
