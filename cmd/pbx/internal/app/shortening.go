package app

import (
	"context"
	"time"

	"naisen/cmd/pbx/internal/call"
)

// shortening changes the own list of abbreviated numbers of who calls: the code was dialled, the number is asked for and said before it is kept.
type shortening struct {
	from         Programs
	code, number string
	clears       bool
	over         bool // says the last thing
}

// On implements call.Script.
func (s *shortening) On(f call.Facts, c call.Cue) []call.Order {
	switch c := c.(type) {
	case call.Began:
		orders := []call.Order{call.PickUp{}, call.Wake{After: announceLimit}}
		switch {
		case s.code == "":
			return append(orders, s.part(f, Say("feature/not-possible"))...)
		case s.clears:
			return append(orders, s.keep(f))
		}
		return append(orders, s.ask(f, Say("restriction/number"))...)
	case call.Gathered:
		return s.gathered(f, c.Keys)
	case call.Result:
		switch {
		case c.Value != nil:
			return s.part(f, Say("feature/not-possible"))
		case s.clears:
			return s.part(f, Spell(s.code), Say("feature/deactivated"))
		}
		return s.part(f, Spell(s.code), Say("feature/activated"))
	case call.Played:
		if s.over {
			return finish()
		}
	case call.Elapsed:
		return finish()
	}
	return nil
}

// gathered takes the number, and then the key that keeps it, or another number.
func (s *shortening) gathered(f call.Facts, keys call.Keys) []call.Order {
	switch {
	case keys.Empty():
		return s.part(f, Say("feature/not-possible"))
	case s.number != "" && keys.Reveal() == keepKey:
		return []call.Order{call.Hush{}, s.keep(f)}
	}
	s.number = keys.Reveal()
	return s.ask(f, Spell(s.code), Spell(s.number), Say("queue/callback-confirm"))
}

func (s *shortening) ask(f call.Facts, what ...Phrase) []call.Order {
	return []call.Order{call.Play{Program: s.from.Speak(f.Domain, f.Language, what...)}, call.Gather{Next: 5 * time.Second}}
}

func (s *shortening) keep(f call.Facts) call.Order {
	domain, extension, code, number := f.Domain, f.Run.For, s.code, s.number
	return call.Beside{Work: func(ctx context.Context) any {
		if err := s.from.Shorten(ctx, domain, extension, code, number); err != nil {
			return err
		}
		return nil
	}}
}

func (s *shortening) part(f call.Facts, what ...Phrase) []call.Order {
	s.over = true
	return []call.Order{call.Play{Program: s.from.Speak(f.Domain, f.Language, what...)}}
}
