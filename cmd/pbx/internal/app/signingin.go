package app

import (
	"context"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
)

// signingIn lets somebody sign in at the telephone that calls: the number, dialled behind the code or asked for, then the PIN.
type signingIn struct {
	asking
	person string
	over   bool // says the last thing
}

// On implements call.Script.
func (s *signingIn) On(f call.Facts, c call.Cue) []call.Order {
	switch c := c.(type) {
	case call.Began:
		orders := []call.Order{call.PickUp{}, call.Wake{After: announceLimit}}
		if s.person == "" {
			return append(orders, call.Play{Program: s.from.Announce(f.Domain, "voicemail/enter-mailbox", f.Language)}, call.Gather{Max: 10})
		}
		return append(orders, s.ask(f)...)
	case call.Gathered:
		switch {
		case c.Keys.Empty():
			return s.part(f, "feature/not-possible")
		case s.person == "":
			s.person = c.Keys.Reveal()
			return s.ask(f)
		}
		return s.signIn(f, c.Keys)
	case call.Result:
		return s.result(f, c.Value)
	case call.Played:
		if s.over {
			return finish()
		}
	case call.Elapsed:
		return finish()
	}
	return nil
}

func (s *signingIn) signIn(f call.Facts, pin call.Keys) []call.Order {
	domain, desk, person := f.Domain, f.Run.Data[route.Telephone], s.person
	return beside(func(ctx context.Context) error { return s.from.Desk.SignIn(ctx, domain, desk, person, pin.Reveal()) })
}

// result: a wrong PIN and a number that is nobody's sound alike.
func (s *signingIn) result(f call.Facts, failed any) []call.Order {
	err, _ := failed.(error)
	if err == nil {
		return s.part(f, "feature/hotdesk-login")
	}
	again, last := s.wrong(f, err)
	if last != "" {
		return s.part(f, last)
	}
	return again
}

func (s *signingIn) part(f call.Facts, prompt string) []call.Order {
	s.over = true
	return []call.Order{call.Play{Program: s.from.Announce(f.Domain, prompt, f.Language)}}
}
