package app

import (
	"context"

	"naisen/cmd/pbx/internal/call"
)

// returning says who called last, and calls back when 1 is pressed.
type returning struct {
	from   Programs
	number string
}

// caller is the answer of Desk.LastCaller.
type caller struct {
	number string
	known  bool
}

// On implements call.Script.
func (s *returning) On(f call.Facts, c call.Cue) []call.Order {
	switch c := c.(type) {
	case call.Began:
		domain, extension := f.Domain, f.Run.For
		return []call.Order{call.PickUp{}, call.Wake{After: announceLimit}, call.Beside{Work: func(ctx context.Context) any {
			number, known, err := s.from.Desk.LastCaller(ctx, domain, extension)
			if err != nil {
				return err
			}
			return caller{number, known}
		}}}
	case call.Result:
		return s.tell(f, c.Value)
	case call.Gathered:
		if c.Keys.Reveal() == "1" {
			return []call.Order{call.Goto{Number: national(s.number)}}
		}
		return finish()
	case call.Refused:
		s.number = ""
		return s.say(f, Say("call/barred"))
	case call.Played:
		if s.number == "" {
			return finish()
		}
	case call.Elapsed:
		return finish()
	}
	return nil
}

func (s *returning) tell(f call.Facts, what any) []call.Order {
	last, ok := what.(caller)
	switch {
	case !ok:
		return s.say(f, Say("feature/not-possible"))
	case !last.known:
		return s.say(f, Say("feature/no-caller"))
	case last.number == "":
		return s.say(f, Say("feature/last-caller"), Say("feature/withheld"))
	}
	s.number = last.number
	return append(s.say(f, Say("feature/last-caller"), Spell(national(last.number)), Say("feature/call-back")), call.Gather{Max: 1})
}

func (s *returning) say(f call.Facts, what ...Phrase) []call.Order {
	return []call.Order{call.Play{Program: s.from.Speak(f.Domain, f.Language, what...)}}
}

// national is how people in Japan read and dial a number of theirs.
func national(e164 string) string {
	if len(e164) > 3 && e164[:3] == "+81" {
		return "0" + e164[3:]
	}
	return e164
}
