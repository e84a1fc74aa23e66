package app

import (
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
	"naisen/sip"
)

// announceLimit ends an announcement that nobody can hear: its party holds the line.
const announceLimit = 2 * time.Minute

// announcing says one thing and ends the call, or lets it go on: why a number cannot be reached, that an office is closed. The caller is not charged for it,
// unless its trunk lets it hear nothing before the answer.
type announcing struct{ from Programs }

// On implements call.Script.
func (a *announcing) On(f call.Facts, c call.Cue) []call.Order {
	switch c.(type) {
	case call.Began:
		return []call.Order{call.Wake{After: announceLimit}, call.Play{Program: a.from.Announce(f.Domain, f.Run.Name, f.Language)}}
	case call.Played, call.Elapsed:
		if f.Run.Data[route.ThenNext] != "" {
			return []call.Order{call.Next{}}
		}
		return []call.Order{call.Finish{Cause: endOf(f)}}
	}
	return nil
}

// endOf is the cause that the plan named, else why nobody answered before, else that the number is not available.
func endOf(f call.Facts) sip.Cause {
	switch {
	case f.Run.Cause.Status != 0:
		return f.Run.Cause
	case f.Failure.Status != 0:
		return f.Failure
	}
	return sip.CauseUnavailable
}
