package call

import (
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/recorder"
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
	Withheld        string // why an outside caller has no number, as the carrier said; "anonymous" too: a caller of ours asked not to be shown
	Emergency       bool
	Site            string // of an emergency call
	CallBack        bool   // after an emergency call
	Recording       string
	RecordingFailed bool
	Asked           *recorder.Asked   // who had it recorded; nil: a policy
	Pauses          []Paused          // of the recording, at most 32
	Transfers       int               // how often it was transferred, or a party's place was taken
	MergedInto      string            // the call in which its parties talk on
	Page            string            // of a member of a paging group: the call of who spoke
	Charge          route.Charge      // who paid for the outside part
	MilliYen        int64             // what it cost; the ledger knows
	Legs            []LegMedia        // in the order in which they ended
	Notices         []recorder.Notice // that were played, to their end or not, at most maxReceipts
	Rang            []Rung            // whose telephones rang, and what came of it
}

// withheldByWish is the reason that a caller gives who asks not to be shown (route.Request.Withheld).
const withheldByWish = "anonymous"

// maxLegs bounds what a record tells of a call that rang everywhere.
const maxLegs = 16

// LegMedia is what the endpoint of a leg counted.
type LegMedia struct {
	Number, Trunk string
	Site          string // whose network its media came from; the ledger knows
	Codec         media.Codec
	Stats         media.Stats
	Interruptions int           // how often its telephone was away: it sent nothing and did not answer
	Interrupted   time.Duration // and how long in all
}

// measure keeps what a party's endpoint counted, for the record; one that never sent anything has nothing to tell.
func (c *Call) measure(p *party) {
	if m, ok := p.measured(c.deps.Clock()); ok && m.Stats.Received > 0 && len(c.measured) < maxLegs {
		c.measured = append(c.measured, m)
	}
}

// measured is what a party's endpoint counted so far.
func (p *party) measured(now time.Time) (LegMedia, bool) {
	if p.ep == nil {
		return LegMedia{}, false
	}
	return LegMedia{Number: p.number, Trunk: p.carrier(), Codec: p.ep.Codec(), Stats: p.ep.Stats(),
		Interruptions: p.outages.times, Interrupted: p.outages.until(now)}, true
}

// help is that a call reached 110, 118 or 119, and for which site.
type help struct {
	called bool
	site   string
}

// helped is the help that the call reached: by its plan, by a leg that came from another call, or by a redirection.
func (c *Call) helped() help {
	if c.plan.Emergency || !c.help.called {
		return help{c.plan.Emergency, c.plan.Site}
	}
	return c.help
}

func (c *Call) cdr() CDR {
	h := c.helped()
	r := CDR{ID: c.in.ID, Domain: c.in.Request.Domain, Direction: c.direction, From: c.in.Request.Number, To: c.to, AnsweredBy: c.answerer,
		Trunk: c.in.Request.Trunk, Started: c.started, Answered: c.answered, Ended: c.ended, Talk: c.talked(), Cause: c.cause,
		EndedBy: c.endedBy, Recording: c.record.id, RecordingFailed: c.record.failed, Asked: c.record.wished, Pauses: c.silent(), Charge: c.charge, Transfers: c.transfers, MergedInto: c.merged,
		Withheld: c.in.Request.Withheld, Emergency: h.called, Site: h.site, CallBack: c.plan.CallBack, Legs: c.measured, Rang: c.rang(), Notices: c.receipts()}
	if c.in.Origin != nil {
		r.Page = c.in.Origin.Page
	}
	if c.in.Private && !r.Emergency && r.Withheld == "" {
		r.Withheld = withheldByWish
	}
	if r.AnsweredBy == "" {
		r.AnsweredBy = c.served
	}
	if r.Trunk == "" {
		r.Trunk = c.trunk
	}
	return r
}

// receipts are the notices that were played here or in calls whose legs came here, in the order in which they ended but for the first that was heard
// to its end.
func (c *Call) receipts() []recorder.Notice {
	if c.notice == nil {
		return c.notices
	}
	return append([]recorder.Notice{*c.notice}, c.notices...)
}

// talked is the time from the answer to the end: what a leg takes to be gone after that is nobody's talk.
func (c *Call) talked() time.Duration {
	if c.answered.IsZero() {
		return 0
	}
	return c.ended.Sub(c.answered)
}

// noted is what makes a record so far worth saying again.
type noted struct {
	started, answered   time.Time
	answerer, recording string
	charge              route.Charge
	transfers           int
	pauses              int
	paused              bool
}

// note says what the call's record would be if the switch died now. An ended call is the ledger's.
func (c *Call) note(over bool) {
	if c.deps.Note == nil || over || c.caller == nil || c.phase == Ending || c.started.IsZero() { // without a caller: one that may be refused
		return
	}
	n := noted{c.started, c.answered, c.answerer + c.served, c.record.id, c.charge, c.transfers, c.pauses, c.paused != nil}
	if n != c.noted {
		c.noted = n
		c.deps.Note(c.cdr())
	}
}
