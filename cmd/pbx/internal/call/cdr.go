package call

import (
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/sip"
)

// CDR is the one record of a finished call.
type CDR struct {
	ID, Domain      string
	Direction       route.Direction
	From, To, Trunk string
	AnsweredBy      string // who answered first; no person: the script, as "voicemail:2001"
	Started         time.Time
	Answered        time.Time // zero: never
	Ended           time.Time
	Talk            time.Duration
	Cause           sip.Cause
	EndedBy         string // "caller", "called" or "switch"
	Withheld        string // why an outside caller has no number, as the carrier said
	Emergency       bool
	Site            string // of an emergency call
	CallBack        bool   // after an emergency call
	Recording       string
	RecordingFailed bool
	Transfers       int          // how often it was transferred, or a party's place was taken
	Charge          route.Charge // who paid for the outside part
	MilliYen        int64        // what it cost; the ledger knows
}

func (c *Call) cdr() CDR {
	r := CDR{ID: c.in.ID, Domain: c.in.Request.Domain, Direction: c.direction, From: c.in.Request.Number, To: c.to, AnsweredBy: c.answerer,
		Trunk: c.in.Request.Trunk, Started: c.started, Answered: c.answered, Ended: c.ended, Talk: c.talked(), Cause: c.cause,
		EndedBy: c.endedBy, Recording: c.record.id, RecordingFailed: c.record.failed, Charge: c.charge, Transfers: c.transfers,
		Withheld: c.in.Request.Withheld, Emergency: c.plan.Emergency, Site: c.plan.Site, CallBack: c.plan.CallBack}
	if r.AnsweredBy == "" {
		r.AnsweredBy = c.served
	}
	if r.Trunk == "" {
		r.Trunk = c.trunk
	}
	return r
}

// talked is the time from the answer to the end: what a leg takes to be gone after that is nobody's talk.
func (c *Call) talked() time.Duration {
	if c.answered.IsZero() {
		return 0
	}
	return c.ended.Sub(c.answered)
}
