package app

import (
	"context"
	"time"

	"naisen/cmd/pbx/internal/call"
)

// longestGreeting is how long a greeting may be.
const longestGreeting = 2 * time.Minute

func (s *fetching) askOccasion(f call.Facts, before ...Phrase) []call.Order {
	return s.ask(f, atOccasion, call.Gather{Max: 1}, append(before, Say("voicemail/greeting-which"))...)
}

// occasion is the key for which the greeting is.
func (s *fetching) occasion(f call.Facts, c call.Gathered) []call.Order {
	key := c.Keys.Reveal()
	if key >= "1" && key <= "5" {
		s.kind, s.tries = occasions[key[0]-'1'], 0
		return s.speak(f)
	}
	if c.Why == call.GatherDone {
		return s.menu(f)
	}
	return s.again(f, func() []call.Order { return s.askOccasion(f, Say("ivr/invalid")) })
}

// speak says what to do, and gives the tone.
func (s *fetching) speak(f call.Facts) []call.Order {
	s.at = atSpeaking
	return []call.Order{s.say(f, Say("voicemail/record-greeting"), s.from.beepPhrase())}
}

// recordGreeting begins after the tone.
func (s *fetching) recordGreeting(f call.Facts) []call.Order {
	voice, err := s.from.Mailboxes.Record(Voice{Domain: f.Domain, Mailbox: s.number, Call: f.Call, From: f.Extension, Occasion: s.kind})
	if err != nil {
		return s.menu(f, Say("feature/not-possible"))
	}
	s.voice, s.at = voice, atRecording
	return []call.Order{call.Listen{Tap: voice.Tap()}, call.Gather{Max: 1, First: longestGreeting, Whole: true, Fresh: true}}
}

// spoken ends the greeting, by whatever key.
func (s *fetching) spoken(f call.Facts, _ call.Gathered) []call.Order {
	s.voice.Stop("spoken")
	s.draft, s.voice = s.voice.ID(), nil
	return append([]call.Order{call.Listen{}}, s.askGreeting(f)...)
}

func (s *fetching) askGreeting(f call.Facts, before ...Phrase) []call.Order {
	return s.ask(f, atGreeting, call.Gather{Max: 1}, append(before, Say("voicemail/greeting-keys"))...)
}

// judgeGreeting is a key about the greeting that was spoken.
func (s *fetching) judgeGreeting(f call.Facts, c call.Gathered) []call.Order {
	who, id := s.who(f), s.draft
	switch c.Keys.Reveal() {
	case "1":
		s.draft = ""
		return []call.Order{call.Hush{}, s.work(func(ctx context.Context) any { return s.from.Mailboxes.KeepGreeting(ctx, who, s.number, id) },
			func(f call.Facts, v any) []call.Order {
				if v != nil {
					return s.menu(f, Say("feature/not-possible"))
				}
				return s.menu(f, Say("voicemail/greeting-kept"))
			})}
	case "2":
		s.tries = 0
		return s.askGreeting(f, s.from.stored(who, s.number, id))
	case "3":
		s.tries = 0
		return append(s.discard(f), s.speak(f)...)
	}
	return s.again(f, func() []call.Order { return s.askGreeting(f) })
}

// discard deletes a greeting that was not kept.
func (s *fetching) discard(f call.Facts) []call.Order {
	if s.draft == "" {
		return nil
	}
	who, id := s.who(f), s.draft
	s.draft = ""
	return []call.Order{call.Beside{Work: func(ctx context.Context) any { return s.from.Mailboxes.Remove(ctx, who, s.number, id) }}}
}
