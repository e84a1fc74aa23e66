package provisioning

import "time"

// RuleNotOnDemand refuses a recording that somebody who talks asks for where no policy lets them.
const RuleNotOnDemand = "not-on-demand"

// RecordingOrder is what somebody wants of a live call's recording.
type RecordingOrder struct {
	Does   string // one of the following
	By     string // user@domain
	Reason string // of a pause: what is to be kept out, as "card"; never what it is
}

// What a RecordingOrder does.
const (
	RecordingOn     = "on"
	RecordingOff    = "off"
	RecordingKeep   = "keep" // on, where a policy lets those who talk ask for it
	RecordingPaused = "pause"
	RecordingResume = "resume"
)

// RecordingAsked says who had a call recorded.
type RecordingAsked struct {
	By  string    `json:"by,omitempty" doc:"Extension whose telephone it was, or user@domain"`
	How string    `json:"how" doc:"code or rest"`
	At  time.Time `json:"at"`
}

// RecordingPause is a stretch of which nothing was recorded.
type RecordingPause struct {
	From       time.Time `json:"from"`
	To         time.Time `json:"to"`
	By         string    `json:"by,omitempty" doc:"Extension whose telephone it was, or user@domain"`
	How        string    `json:"how" doc:"code, rest or telephone"`
	Reason     string    `json:"reason,omitempty"`
	ResumedBy  string    `json:"resumed_by,omitempty"`
	ResumedHow string    `json:"resumed_how,omitempty" doc:"code, rest, telephone or automatic; absent: it lasted to the end of the recording"`
	ResumedFor string    `json:"resumed_for,omitempty" doc:"Of automatic: time, left or transfer"`
}
