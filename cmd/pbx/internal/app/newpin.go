package app

import (
	"context"

	"naisen/cmd/pbx/internal/call"
)

func (s *fetching) newPIN(f call.Facts, before ...Phrase) []call.Order {
	s.pin = call.Keys{}
	return s.ask(f, atNewPIN, call.Gather{Max: maxPIN, Secret: true, Fresh: true}, append(before, Say("voicemail/new-pin"))...)
}

// pinned takes the new PIN, and the same again.
func (s *fetching) pinned(f call.Facts, keys call.Keys) []call.Order {
	if s.at == atNewPIN {
		switch {
		case keys.Empty() && s.in:
			return s.menu(f, Say("voicemail/pin-unchanged"))
		case keys.Empty(): // without a PIN nobody comes in
			return s.again(f, func() []call.Order { return s.newPIN(f) })
		}
		s.pin = keys
		return s.ask(f, atRepeat, call.Gather{Max: maxPIN, Secret: true, Fresh: true}, Say("voicemail/repeat-pin"))
	}
	first := s.pin
	s.pin = call.Keys{}
	if first.Reveal() != keys.Reveal() {
		return s.again(f, func() []call.Order { return s.newPIN(f, Say("voicemail/pin-unchanged")) })
	}
	who := s.who(f)
	return []call.Order{s.work(func(ctx context.Context) any { return s.from.Mailboxes.SetPIN(ctx, who, s.number, keys.Reveal()) },
		func(f call.Facts, v any) []call.Order {
			if v != nil { // no PIN by its form: 1111
				return s.again(f, func() []call.Order { return s.newPIN(f, Say("voicemail/pin-unchanged")) })
			}
			s.tries = 0
			return s.open(f, Say("voicemail/pin-changed"))
		})}
}
