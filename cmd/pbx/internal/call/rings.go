package call

import (
	"slices"

	"naisen/sip"
)

// Rung says what an extension did whose telephones rang in a call.
type Rung struct {
	Extension string
	Outcome   RungOutcome
}

// RungOutcome is what came of ringing an extension: the best of all its telephones and times.
type RungOutcome string

// The outcomes, in the order in which one goes before another.
const (
	RungMissed    RungOutcome = "missed"
	RungBusy      RungOutcome = "busy"
	RungDeclined  RungOutcome = "declined"
	RungElsewhere RungOutcome = "elsewhere" // somebody else answered
	RungAnswered  RungOutcome = "answered"
)

// maxRung bounds the extensions that one record names.
const maxRung = 64

// rung is one of them while the call runs.
type rung struct {
	Rung
	late bool // it rang after somebody had answered: for a transfer
}

// rings notes that an extension's telephone is rung.
func (c *Call) rings(ext string) {
	if ext == "" || len(c.rungs) >= maxRung || slices.ContainsFunc(c.rungs, func(r rung) bool { return r.Extension == ext }) {
		return
	}
	c.rungs = append(c.rungs, rung{Rung{ext, RungMissed}, c.answerer != ""})
}

// rungAs notes what came of it; what goes before stays.
func (c *Call) rungAs(ext string, o RungOutcome) {
	order := []RungOutcome{RungMissed, RungBusy, RungDeclined, RungElsewhere, RungAnswered}
	for i, r := range c.rungs {
		if r.Extension == ext && slices.Index(order, o) > slices.Index(order, r.Outcome) {
			c.rungs[i].Outcome = o
		}
	}
}

// refusedBy notes a telephone that said no.
func (c *Call) refusedBy(ext string, cause sip.Cause) {
	switch cause.Status {
	case 486, 600:
		c.rungAs(ext, RungBusy)
	case 603, 607, 608:
		c.rungAs(ext, RungDeclined)
	}
}

// rang is what the record says: nobody has missed a call that a colleague took.
func (c *Call) rang() []Rung {
	var out []Rung
	for _, r := range c.rungs {
		if r.Outcome != RungAnswered && !r.late && c.answerer != "" {
			r.Outcome = RungElsewhere
		}
		out = append(out, r.Rung)
	}
	return out
}
