package provisioning

import "time"

// RuleTwoPeople refuses who agrees to an own wish.
const RuleTwoPeople = "two-people"

// Shortening is a shorter class of retention that somebody asked for, and that nobody else has agreed to yet.
type Shortening struct {
	Days  int       `json:"days"`
	By    string    `json:"by"`
	Asked time.Time `json:"asked"`
}

// shortens says that a class keeps recordings for a shorter time than another: 0 is without end.
func shortens(from, to int) bool { return to > 0 && (from == 0 || to < from) }

// Propose is what the policy becomes where somebody puts next in its place: all of it, but a shorter class only waits. Who reads a policy with a wish
// and writes it back keeps the wish; without it, it is withdrawn.
func (p RecordingPolicy) Propose(next RecordingPolicy, by string, now time.Time) RecordingPolicy {
	wish := next.Shortening
	next.Shortening = nil
	switch {
	case shortens(p.RetentionDays, next.RetentionDays):
		if next.Shortening = p.Shortening; p.Shortening == nil || p.Shortening.Days != next.RetentionDays {
			next.Shortening = &Shortening{Days: next.RetentionDays, By: by, Asked: now.UTC()}
		}
		next.RetentionDays = p.RetentionDays
	case wish != nil && p.Shortening != nil && *wish == *p.Shortening && shortens(next.RetentionDays, wish.Days):
		next.Shortening = p.Shortening
	}
	return next
}

// Agree is what the policy becomes where somebody agrees to the wish; ErrNotFound: there is none. *Denied: it is their own.
func (p RecordingPolicy) Agree(by string) (RecordingPolicy, error) {
	switch {
	case p.Shortening == nil:
		return p, ErrNotFound
	case p.Shortening.By == by:
		return p, &Denied{Rule: RuleTwoPeople}
	}
	p.RetentionDays, p.Shortening = p.Shortening.Days, nil
	return p, nil
}
