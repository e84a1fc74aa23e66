package app

import (
	"context"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/sip"
)

const (
	fetchLimit   = 30 * time.Minute // in a mailbox: a line that was left off the hook
	mailboxTries = 3                // PINs in one call, and keys that lead nowhere in one place
)

// place is where in a mailbox somebody is.
type place int

const (
	atNumber    place = iota // which mailbox?
	atPIN                    // its PIN?
	atNewPIN                 // a new one
	atRepeat                 // and again
	atWork                   // something is looked up or done
	atMenu                   // what now?
	atMessage                // a message is heard
	atKeys                   // what with it?
	atOccasion               // a greeting for which occasion?
	atSpeaking               // it is about to be spoken: the tone
	atRecording              // it is spoken
	atGreeting               // what with it?
	atGoodbye                // the last sentence
)

// fetching is somebody who hears messages, and changes greeting and PIN.
type fetching struct {
	from   Programs
	own    bool   // the mailbox of the extension that calls
	number string // of the mailbox; empty: it is asked for

	box   Mailbox
	at    place
	after func(call.Facts, any) []call.Order // what follows the work
	in    bool                               // the PIN was right, or none is needed
	tries int
	pin   call.Keys // the new one, once

	list  []Message // of the menu's last choice that still are to be heard, the first is the one at hand
	all   []Message
	voice Recording // of a greeting
	draft string    // that was spoken and not kept
	kind  string    // occasion of the greeting
}

// On implements call.Script.
func (s *fetching) On(f call.Facts, c call.Cue) []call.Order {
	if s.box.Language != "" {
		f.Language = s.box.Language
	}
	switch c := c.(type) {
	case call.Began:
		return append([]call.Order{call.PickUp{}, call.Wake{After: fetchLimit}}, s.begin(f)...)
	case call.Gathered:
		return s.pressed(f, c)
	case call.Result:
		if r, ok := c.Value.(result); ok && s.at == atWork {
			return s.after(f, r.value)
		}
	case call.Played:
		return s.played(f, c.Complete)
	case call.Elapsed:
		return finish()
	case call.Left, call.Reached:
		return s.leave(f)
	}
	return nil
}

// who acts.
func (s *fetching) who(f call.Facts) Caller {
	return Caller{Domain: f.Domain, Call: f.Call, Extension: f.Extension, From: f.Number}
}

// work does something beside the call, and goes on with what came of it.
func (s *fetching) work(what func(context.Context) any, then func(call.Facts, any) []call.Order) call.Order {
	s.at, s.after = atWork, then
	return call.Beside{Work: func(ctx context.Context) any { return result{what(ctx)} }}
}

// result of a work that is waited for: nothing else that is done beside the call gives one.
type result struct{ value any }

// ask says something and waits for keys there.
func (s *fetching) ask(f call.Facts, at place, g call.Gather, what ...Phrase) []call.Order {
	s.at = at
	return []call.Order{s.say(f, what...), g}
}

func (s *fetching) say(f call.Facts, what ...Phrase) call.Order {
	return call.Play{Program: s.from.Speak(f.Domain, f.Language, what...)}
}

// goodbye says a last sentence.
func (s *fetching) goodbye(f call.Facts, prompts ...string) []call.Order {
	s.at = atGoodbye
	var what []Phrase
	for _, p := range prompts {
		what = append(what, Say(p))
	}
	return []call.Order{s.say(f, what...)}
}

// begin finds the mailbox.
func (s *fetching) begin(f call.Facts) []call.Order {
	if s.own {
		s.number = f.Run.For
		if _, ok := s.from.Mailboxes.Box(f.Domain, s.number, f.Now); !ok {
			return s.goodbye(f, "feature/not-possible")
		}
	}
	if s.number == "" {
		return s.ask(f, atNumber, call.Gather{Max: maxPIN, Next: keyPatience}, Say("voicemail/enter-mailbox"))
	}
	return s.enter(f)
}

// enter asks for the PIN, of a mailbox that does not exist too: nobody learns which ones there are.
func (s *fetching) enter(f call.Facts) []call.Order {
	s.box, _ = s.from.Mailboxes.Box(f.Domain, s.number, f.Now)
	s.box.Number = s.number
	if s.box.OwnPhone && s.ownPhone(f) {
		return s.open(f)
	}
	return s.askPIN(f)
}

// ownPhone says that the caller has the owner's telephone in hand.
func (s *fetching) ownPhone(f call.Facts) bool {
	return s.own && f.Extension != "" && f.Extension == s.box.Own
}

func (s *fetching) askPIN(f call.Facts, before ...Phrase) []call.Order {
	return s.ask(f, atPIN, call.Gather{Max: maxPIN, Secret: true}, append(before, Say("voicemail/enter-pin"))...)
}

// guessed looks at a PIN.
func (s *fetching) guessed(f call.Facts, keys call.Keys) []call.Order {
	g := Guess{Caller: s.who(f), Mailbox: s.number, PIN: keys.Reveal()}
	return []call.Order{s.work(func(ctx context.Context) any {
		v, err := s.from.Mailboxes.Guess(ctx, g)
		if err != nil {
			return err
		}
		return v
	}, s.judged)}
}

func (s *fetching) judged(f call.Facts, v any) []call.Order {
	switch v {
	case PINRight:
		s.tries = 0
		return s.open(f)
	case PINClosed:
		return s.goodbye(f, "voicemail/wrong-pin", "voicemail/try-later")
	case PINUnset:
		if s.ownPhone(f) { // the first time: whoever has the telephone in hand sets it
			return s.newPIN(f)
		}
	}
	if s.tries++; s.tries >= mailboxTries {
		s.at = atGoodbye
		return []call.Order{call.Finish{Cause: sip.CauseForbidden}}
	}
	return s.askPIN(f, Say("voicemail/wrong-pin"))
}

// open looks into the mailbox, and says how many messages are there.
func (s *fetching) open(f call.Facts, before ...Phrase) []call.Order {
	s.in = true
	who := s.who(f)
	return []call.Order{s.work(func(ctx context.Context) any {
		all, err := s.from.Mailboxes.Messages(ctx, who, s.number)
		if err != nil {
			return err
		}
		return all
	}, func(f call.Facts, v any) []call.Order {
		all, ok := v.([]Message)
		if !ok {
			return s.goodbye(f, "feature/not-possible")
		}
		s.all = all
		return s.menu(f, append(before, s.counts(f)...)...)
	})}
}

func (s *fetching) counts(f call.Facts) []Phrase {
	fresh, kept := s.some(true), s.some(false)
	what := []Phrase{Say("voicemail/no-messages")}
	if len(fresh) > 0 {
		what = amount("voicemail/count", len(fresh), f.Language)
	}
	if len(kept) > 0 {
		what = append(what, amount("voicemail/saved-count", len(kept), f.Language)...)
	}
	return what
}

// some are the new messages, or the others, the oldest first.
func (s *fetching) some(fresh bool) (out []Message) {
	for i := len(s.all) - 1; i >= 0; i-- {
		if s.all[i].New == fresh {
			out = append(out, s.all[i])
		}
	}
	return out
}

func (s *fetching) menu(f call.Facts, before ...Phrase) []call.Order {
	s.list = nil
	return s.ask(f, atMenu, call.Gather{Max: 1}, append(before, Say("voicemail/main"))...)
}

// pressed does what was pressed where somebody is.
func (s *fetching) pressed(f call.Facts, c call.Gathered) []call.Order {
	switch s.at {
	case atNumber:
		if c.Keys.Empty() {
			return s.again(f, func() []call.Order {
				return s.ask(f, atNumber, call.Gather{Max: maxPIN, Next: keyPatience}, Say("voicemail/enter-mailbox"))
			})
		}
		s.number, s.tries = c.Keys.Reveal(), 0
		return s.enter(f)
	case atPIN:
		if c.Keys.Empty() {
			return s.again(f, func() []call.Order { return s.askPIN(f) })
		}
		return s.guessed(f, c.Keys)
	case atNewPIN, atRepeat:
		return s.pinned(f, c.Keys)
	case atMenu:
		return s.chosen(f, c)
	case atMessage, atKeys:
		return s.handled(f, c)
	case atOccasion:
		return s.occasion(f, c)
	case atRecording:
		return s.spoken(f, c)
	case atGreeting:
		return s.judgeGreeting(f, c)
	case atGoodbye, atWork, atSpeaking:
	}
	return nil
}

// again says it once more to who pressed nothing, or a key that leads nowhere; not for ever.
func (s *fetching) again(f call.Facts, what func() []call.Order) []call.Order {
	if s.tries++; s.tries >= mailboxTries {
		return append(s.leave(f), finish()...)
	}
	return what()
}

// chosen is a key of the menu.
func (s *fetching) chosen(f call.Facts, c call.Gathered) []call.Order {
	switch key := c.Keys.Reveal(); {
	case c.Why == call.GatherDone:
		return finish()
	case key == "1":
		s.tries = 0
		return s.hear(f, s.some(true), "voicemail/no-messages")
	case key == "2":
		s.tries = 0
		return s.hear(f, s.some(false), "voicemail/no-more")
	case key == "3":
		s.tries = 0
		return s.askOccasion(f)
	case key == "4":
		s.tries = 0
		return s.newPIN(f)
	case key == "":
		return s.again(f, func() []call.Order { return s.menu(f) })
	}
	return s.again(f, func() []call.Order { return s.menu(f, Say("ivr/invalid")) })
}

func (s *fetching) leave(f call.Facts) []call.Order {
	if s.voice != nil {
		s.voice.Stop("hung up")
		s.draft, s.voice = s.voice.ID(), nil
	}
	return s.discard(f)
}
