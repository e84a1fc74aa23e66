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
	AnsweredBy      string
	Started         time.Time
	Answered        time.Time // zero: never
	Ended           time.Time
	Talk            time.Duration
	Cause           sip.Cause
	EndedBy         string // "caller", "called" or "switch"
	Recording       string
	RecordingFailed bool
}

func (c *Call) cdr(now time.Time) CDR {
	r := CDR{ID: c.in.ID, Domain: c.in.Request.Domain, Direction: c.plan.Direction, From: c.in.Request.Number, To: c.plan.To,
		Trunk: c.in.Request.Trunk, Started: c.started, Answered: c.answered, Ended: now, Talk: c.talked(now), Cause: c.cause,
		EndedBy: c.endedBy, Recording: c.record.id, RecordingFailed: c.record.failed}
	if r.To == "" {
		r.To = c.in.Request.Dialled
	}
	if c.winner != nil {
		r.AnsweredBy = c.winner.number
		if r.Trunk == "" {
			r.Trunk = trunkOf(c.plan)
		}
	}
	return r
}

func trunkOf(p route.Plan) string {
	for _, s := range p.Steps {
		for _, t := range s.Targets {
			if t.Kind == route.ToTrunk {
				return t.Trunk
			}
		}
	}
	return ""
}

func (c *Call) talked(now time.Time) time.Duration {
	if c.answered.IsZero() {
		return 0
	}
	return now.Sub(c.answered)
}
