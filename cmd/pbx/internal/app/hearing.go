package app

import (
	"context"

	"naisen/cmd/pbx/internal/call"
)

// hear plays messages one after the other.
func (s *fetching) hear(f call.Facts, list []Message, none string) []call.Order {
	if len(list) == 0 {
		return s.menu(f, Say(none))
	}
	s.list = list
	return s.message(f)
}

// message plays the one at hand: who, when, and what was said. A key may be pressed at any time.
func (s *fetching) message(f call.Facts, before ...Phrase) []call.Order {
	m := s.list[0]
	what := append(before, envelope(m, f.Now, f.Language)...)
	return s.ask(f, atMessage, call.Gather{Max: 1}, append(what, s.from.stored(s.who(f), s.number, m.ID))...)
}

// played: what was said is over.
func (s *fetching) played(f call.Facts, complete bool) []call.Order {
	switch s.at {
	case atGoodbye:
		return finish()
	case atMessage:
		orders := s.ask(f, atKeys, call.Gather{Max: 1}, Say("voicemail/keys"))
		if !complete { // it cannot be opened now: it stays new
			return orders
		}
		return append(s.heard(f), orders...)
	case atSpeaking:
		return s.recordGreeting(f)
	}
	return nil
}

// heard marks the message at hand. What came of it is nobody's next step.
func (s *fetching) heard(f call.Facts) []call.Order {
	m := &s.list[0]
	if !m.New {
		return nil
	}
	m.New = false
	for i := range s.all {
		if s.all[i].ID == m.ID {
			s.all[i].New = false
		}
	}
	who, id := s.who(f), m.ID
	return []call.Order{call.Beside{Work: func(ctx context.Context) any { return s.from.Mailboxes.Mark(ctx, who, s.number, id) }}}
}

// handled is a key about the message at hand.
func (s *fetching) handled(f call.Facts, c call.Gathered) []call.Order {
	switch key := c.Keys.Reveal(); {
	case c.Why == call.GatherDone:
		s.tries = 0
		return append(s.heard(f), s.next(f)...)
	case key == "1":
		s.tries = 0
		return s.message(f)
	case key == "2":
		s.tries = 0
		return append(s.heard(f), s.next(f, Say("voicemail/kept"))...)
	case key == "3":
		s.tries = 0
		return s.remove(f)
	}
	return s.again(f, func() []call.Order { return s.ask(f, atKeys, call.Gather{Max: 1}, Say("voicemail/keys")) })
}

// next goes on to the next message, or back to the menu.
func (s *fetching) next(f call.Facts, before ...Phrase) []call.Order {
	if s.list = s.list[1:]; len(s.list) == 0 {
		return s.menu(f, append(before, Say("voicemail/no-more"))...)
	}
	return s.message(f, before...)
}

// remove deletes the message at hand.
func (s *fetching) remove(f call.Facts) []call.Order {
	who, id := s.who(f), s.list[0].ID
	return []call.Order{call.Hush{}, s.work(func(ctx context.Context) any { return s.from.Mailboxes.Remove(ctx, who, s.number, id) },
		func(f call.Facts, v any) []call.Order {
			if v != nil {
				return s.next(f, Say("feature/not-possible"))
			}
			for i := range s.all {
				if s.all[i].ID == id {
					s.all = append(s.all[:i:i], s.all[i+1:]...)
					break
				}
			}
			return s.next(f, Say("voicemail/deleted"))
		})}
}
