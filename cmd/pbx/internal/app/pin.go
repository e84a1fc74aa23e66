package app

import (
	"context"
	"errors"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
	"naisen/provisioning"
)

// ErrNoTries is the answer of Desk.Prove when too many wrong PINs came: for a while no PIN is looked at, so that the right one looks wrong.
var ErrNoTries = errors.New("app: too many wrong PINs")

// Outside stands for the telephone of who calls from beyond a trunk, where it is asked for a PIN: any network may claim the number by which it is known.
const Outside = "outside"

// asking asks who calls for a PIN, a few times.
type asking struct {
	from  Programs
	tries int
}

func (a *asking) ask(f call.Facts, before ...Phrase) []call.Order {
	return []call.Order{call.Play{Program: a.from.Speak(f.Domain, f.Language, append(before, Say("voicemail/enter-pin"))...)}, call.Gather{Max: maxPIN, Secret: true}}
}

// prove looks beside the call whether a PIN is that of who the script acts for, who is at a telephone: the Result is nil, or an error.
func (a *asking) prove(f call.Facts, at string, pin call.Keys) []call.Order {
	domain, extension := f.Domain, f.Run.For
	return beside(func(ctx context.Context) error { return a.from.Desk.Prove(ctx, domain, extension, at, pin.Reveal()) })
}

// beside does something beside the call: the Result is nil, or an error.
func beside(work func(context.Context) error) []call.Order {
	return []call.Order{call.Beside{Work: func(ctx context.Context) any {
		if err := work(ctx); err != nil {
			return err
		}
		return nil
	}}}
}

// wrong is what follows a PIN that proves nothing: it is asked for again, or that is the last thing said.
func (a *asking) wrong(f call.Facts, err error) (again []call.Order, last string) {
	if errors.Is(err, ErrNoTries) {
		return nil, "feature/not-possible"
	}
	if a.tries++; a.tries >= pinTries {
		return nil, "voicemail/wrong-pin"
	}
	return a.ask(f, Say("voicemail/wrong-pin")), ""
}

// proving asks for the personal PIN of who calls, and then does what the code is for: a call that only the PIN opens, or unlocking the telephone.
// The PIN is never dialled with the code: it would stand in the telephone's list of calls.
type proving struct {
	asking
	feature, number string
	stage           provingStage
}

type provingStage int

const (
	askingPIN provingStage = iota
	askingNumber
	doing
	parting // says the last thing
)

// On implements call.Script.
func (s *proving) On(f call.Facts, c call.Cue) []call.Order {
	switch c := c.(type) {
	case call.Began:
		return append([]call.Order{call.PickUp{}, call.Wake{After: announceLimit}}, s.ask(f)...)
	case call.Gathered:
		return s.gathered(f, c.Keys)
	case call.Result:
		return s.result(f, c.Value)
	case call.Refused:
		return s.part(f, "call/barred")
	case call.Played:
		if s.stage == parting {
			return finish()
		}
	case call.Elapsed:
		return finish()
	}
	return nil
}

func (s *proving) gathered(f call.Facts, keys call.Keys) []call.Order {
	switch {
	case keys.Empty():
		return s.part(f, "feature/not-possible")
	case s.stage == askingNumber:
		s.number = keys.Reveal()
		return s.dial()
	}
	return s.prove(f, f.Run.For, keys)
}

// result is that of the PIN, or of the deed.
func (s *proving) result(f call.Facts, failed any) []call.Order {
	err, _ := failed.(error)
	switch {
	case s.stage == doing && err == nil:
		return s.part(f, "feature/deactivated")
	case s.stage == doing:
		return s.part(f, "feature/not-possible")
	case err != nil:
		again, last := s.wrong(f, err)
		if last != "" {
			return s.part(f, last)
		}
		return again
	case s.feature == provisioning.FeatureUnlock:
		s.stage = doing
		domain, extension := f.Domain, f.Run.For
		return beside(func(ctx context.Context) error {
			return s.from.Desk.Set(ctx, domain, extension, provisioning.FeatureUnlock, "")
		})
	case s.number == "":
		s.stage = askingNumber
		return []call.Order{call.Play{Program: s.from.Announce(f.Domain, "restriction/number", f.Language)}, call.Gather{Next: 5 * time.Second}}
	}
	return s.dial()
}

func (s *proving) dial() []call.Order {
	s.stage = parting
	return []call.Order{call.Goto{Number: s.number, PIN: true}}
}

func (s *proving) part(f call.Facts, prompt string) []call.Order {
	s.stage = parting
	return []call.Order{call.Play{Program: s.from.Announce(f.Domain, prompt, f.Language)}}
}

// proves makes the script of a code that asks for the PIN.
func (p Programs) proves(r route.Run) (call.Script, bool) {
	return &proving{asking: asking{from: p}, feature: r.Name, number: r.Data[route.Argument]}, p.Desk != nil
}
