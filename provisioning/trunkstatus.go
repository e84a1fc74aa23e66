package provisioning

import "time"

// TrunkStatus is what is known of a trunk now.
type TrunkStatus struct {
	Name        string    `json:"name"`
	Up          bool      `json:"up"`
	Since       time.Time `json:"since,omitzero" doc:"Of up; absent when nothing has happened yet"`
	Why         string    `json:"why,omitempty"`
	Probed      bool      `json:"probed" doc:"Health is asked for by OPTIONS"`
	ClosedUntil time.Time `json:"closed_until,omitzero" doc:"The carrier asked not to be tried before (Retry-After)"`
	Calls       int       `json:"calls" doc:"Channels in use"`
	MaxCalls    int       `json:"max_calls,omitempty"`
	Attempts    uint64    `json:"attempts" doc:"Calls sent since the switch started"`
	Answered    uint64    `json:"answered"`
	Failed      uint64    `json:"failed" doc:"Calls that the carrier failed"`
	Busy        uint64    `json:"busy" doc:"Calls not sent: no channel"`
	Paced       uint64    `json:"paced" doc:"Calls not sent: too fast, or within Retry-After"`
	FailureRate float64   `json:"failure_rate" doc:"Share of the latest calls, 0 to 1"`
	AnswerRate  float64   `json:"answer_rate" doc:"ASR of the latest calls, 0 to 1"`
	PDDMillis   int64     `json:"pdd_ms" doc:"Post-dial delay, smoothed"`
	RTTMillis   int64     `json:"rtt_ms" doc:"Of the last OPTIONS"`

	Registration *TrunkRegistration `json:"registration,omitempty" doc:"Absent: the switch does not register with it"`
}

// TrunkRegistration is how our registration with a carrier stands.
type TrunkRegistration struct {
	Phase   string    `json:"phase" doc:"registering, registered, waiting or rejected (the account is wrong)"`
	Since   time.Time `json:"since"`
	Expires time.Time `json:"expires,omitzero"`
	Next    time.Time `json:"next,omitzero" doc:"Attempt or refresh"`
	Status  int       `json:"status" doc:"Of the last answer; 0: none came"`
	Reason  string    `json:"reason,omitempty"`
}

// TrunkViewer shows trunks as they are now. ErrNotFound.
type TrunkViewer interface {
	TrunkStatus(domain, name string) (TrunkStatus, error)
}
