package app

import (
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
	"naisen/sip"
)

// through asks somebody who calls from an own mobile for the PIN, and then whom to call: as the extension, and never as the mobile.
type through struct {
	asking
	proven bool
	over   bool // says the last thing
}

// sayOwnDialler is heard in place of help: it would be sent to the desk.
const sayOwnDialler = "call/emergency-mobile"

// On implements call.Script.
func (s *through) On(f call.Facts, c call.Cue) []call.Order {
	switch c := c.(type) {
	case call.Began:
		return append([]call.Order{call.PickUp{}, call.Wake{After: announceLimit}}, s.ask(f)...)
	case call.Gathered:
		return s.gathered(f, c.Keys)
	case call.Result:
		return s.result(f, c.Value)
	case call.Refused:
		return s.part(f, whyRefused(c.Cause))
	case call.Played:
		if s.over {
			return finish()
		}
	case call.Elapsed:
		return finish()
	}
	return nil
}

func (s *through) gathered(f call.Facts, keys call.Keys) []call.Order {
	switch {
	case keys.Empty():
		return s.part(f, "feature/not-possible")
	case !s.proven:
		return s.prove(f, Outside, keys)
	case route.IsEmergency(keys.Reveal()):
		return s.part(f, sayOwnDialler)
	}
	return []call.Order{call.Goto{Number: keys.Reveal(), PIN: true}}
}

// result is that of the PIN. Only the right one makes the caller somebody.
func (s *through) result(f call.Facts, failed any) []call.Order {
	if err, _ := failed.(error); err != nil {
		again, last := s.wrong(f, err)
		if last != "" {
			return s.part(f, last)
		}
		return again
	}
	s.proven = true
	return []call.Order{call.Become{Extension: f.Run.For, Name: f.Run.Data[route.Name]},
		call.Play{Program: s.from.Announce(f.Domain, "restriction/number", f.Language)}, call.Gather{Next: 5 * time.Second}}
}

// whyRefused is what somebody hears whose number or code leads nowhere: what it may not do is another thing than what cannot be done now.
func whyRefused(cause sip.Cause) string {
	switch cause.Status {
	case 404:
		return "call/unallocated"
	case 480, 481, 488, 491, 603: // nothing rings that it could pick up, or not for it
		return "feature/not-possible"
	}
	return "call/barred"
}

func (s *through) part(f call.Facts, prompt string) []call.Order {
	s.over = true
	return []call.Order{call.Play{Program: s.from.Announce(f.Domain, prompt, f.Language)}}
}
