package app

import (
	"context"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
	"naisen/sip"
)

// missedRing is how long who wants to be called back may let it ring. Who stays longer wants something else.
const missedRing = 45 * time.Second

// MissedCall is a call from an own mobile that its owner ended unanswered, to be called back there.
type MissedCall struct {
	Call, Domain string
	Extension    string // whose mobile it is, as far as a number tells
	Name         string // how that one is called
	Number       string // that was called
	Language     string
}

// missed rings, and answers nobody: the caller pays nothing.
type missed struct{ from Programs }

// On implements call.Script.
func (s *missed) On(f call.Facts, c call.Cue) []call.Order {
	switch c.(type) {
	case call.Began:
		return []call.Order{call.Alert{}, call.Wake{After: missedRing}}
	case call.Elapsed:
		return []call.Order{call.Finish{Cause: sip.CauseNoAnswer}}
	case call.Left:
		if !f.HungUp {
			return nil
		}
		m := MissedCall{Call: f.Call, Domain: f.Domain, Extension: f.Run.For, Name: f.Run.Data[route.Name], Number: f.Run.Name, Language: f.Language}
		return []call.Order{call.Beside{Work: func(context.Context) any { s.from.Missed(m); return nil }}}
	}
	return nil
}
