package provisioning

import "time"

// CallTrace is what is kept of the SIP messages of a call, for whoever looks for a fault.
type CallTrace struct {
	ID       string         `json:"id"`
	Over     bool           `json:"over" doc:"The call has ended; what its telephones still say may follow"`
	Dropped  int64          `json:"dropped,omitempty" doc:"Messages for which there was no room"`
	Legs     []TraceLeg     `json:"legs" nullable:"false"`
	Messages []TraceMessage `json:"messages" nullable:"false" doc:"In the order in which they came"`
}

// TraceLeg is one SIP dialog of a call, or the attempt at one.
type TraceLeg struct {
	CallID    string `json:"call_id" doc:"SIP Call-ID"`
	Inbound   bool   `json:"inbound" doc:"It began with an INVITE to us"`
	Transport string `json:"transport"`
	Address   string `json:"address" doc:"Of the other side, with its port, as it was last"`
	Number    string `json:"number,omitempty" doc:"Of who is there"`
}

// TraceMessage is one message on the wire; a repetition is another one.
type TraceMessage struct {
	N     int64     `json:"n" doc:"Its number in the call, from 1"`
	At    time.Time `json:"at"`
	Leg   int       `json:"leg" doc:"Its place in legs, from 0"`
	Sent  bool      `json:"sent" doc:"By the switch; else received"`
	Label string    `json:"label" doc:"Such as INVITE or 180 Ringing"`
	Text  string    `json:"text" doc:"The message without credentials, tokens, keys, bodies other than SDP, and what was dialled behind codes"`
}

// Traces are the SIP messages of the calls of this switch, and of those that ended lately.
type Traces interface {
	// Trace is what there is of a call, of its messages those after a number. ErrNotFound: nothing, or it is another domain's.
	Trace(domain, id string, after int64) (CallTrace, error)
	// Follow rings when there is more, or the call is over, until stop. ErrNotFound; ErrInUse: too many follow.
	Follow(domain, id string) (rings <-chan struct{}, stop func(), err error)
}
