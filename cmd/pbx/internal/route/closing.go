package route

import (
	"slices"

	"naisen/provisioning"
	"naisen/sip"
)

const timeOfDay = "time-of-day" // RFC 5806 section 4

// ThenNext in a Run's Data says that the call goes on with the next step when the script is done.
const ThenNext = "then-next"

// closed is what a number or a group does while its calendar is not in day mode. False: it is open, or rings all the same.
func closed(dir Directory, req Request, c *provisioning.Closing, by Diverter, p Plan) (Plan, bool) {
	if c == nil {
		return p, false
	}
	calendar, ok := dir.Calendar(req.Domain, c.Calendar)
	mode := calendar.Mode(req.now)
	turn := c.At(mode)
	if !ok || turn == nil {
		return p, false
	}
	p.Why += ", " + mode + " mode of " + calendar.Name
	if turn.To == nil {
		why := p.Why
		p = Announce(p, turn.Announce, sip.CauseUnavailable)
		p.Why = why
		return p, true
	}
	p = forward(dir, req, Forward{On: Any, To: *turn.To, By: by, Reason: timeOfDay}, p)
	if turn.Announce != "" && p.Refuse.Status == 0 {
		say := Run{Verb: VerbAnnounce, Name: turn.Announce, Cause: sip.CauseUnavailable, Data: map[string]string{ThenNext: "yes"}}
		p.Steps = slices.Insert(p.Steps, 0, Step{Run: say})
	}
	return p, true
}
