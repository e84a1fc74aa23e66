package app

import (
	"context"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/sip"
)

const (
	greetingLimit = 3 * time.Minute // that nobody can hear: its party holds the line
	ownerKey      = "*"             // during the greeting: the owner wants to hear the messages
	shortMessage  = time.Second     // who ends sooner has said nothing
)

// depositing takes a message: greeting, tone, what the caller says until it hangs up, presses #, or has said enough.
type depositing struct {
	from  Programs
	box   Mailbox
	voice Recording // nil: nothing is recorded
	since time.Time // of voice
	over  bool      // the last sentence is said
	owner *fetching // not nil: the owner fetches messages
}

// On implements call.Script.
func (s *depositing) On(f call.Facts, c call.Cue) []call.Order {
	if s.owner != nil {
		return s.owner.On(f, c)
	}
	switch c := c.(type) {
	case call.Began:
		return s.begin(f)
	case call.Played:
		switch {
		case s.over:
			return finish()
		case s.voice == nil:
			return s.record(f)
		}
	case call.Gathered:
		return s.key(f, c)
	case call.Elapsed:
		if s.voice == nil {
			return finish()
		}
		return s.saved(f, "as long as a message may be")
	case call.Left, call.Reached:
		s.stop("hung up")
	}
	return nil
}

// begin answers and greets.
func (s *depositing) begin(f call.Facts) []call.Order {
	box, ok := s.from.Mailboxes.Box(f.Domain, f.Run.Name, f.Now)
	if !ok || box.Off {
		return []call.Order{call.Finish{Cause: sip.CauseUnavailable}}
	}
	s.box = box
	orders := []call.Order{call.PickUp{}, call.Tape{}, call.Wake{After: greetingLimit}}
	if box.Full {
		s.over = true
		orders = append(orders, s.say(f, Say("voicemail/full"), Say("voicemail/try-later")))
	} else {
		orders = append(orders, call.Play{Program: greeting{s.from, s.box, f.Domain, f.Language, s.occasion(f)}})
	}
	return append(orders, call.Gather{Max: 1, First: greetingLimit}) // the owner gets in also when it is full
}

// occasion is the greeting that fits: hours come before what the telephone did.
func (s *depositing) occasion(f call.Facts) string {
	switch {
	case s.box.Mode != "":
		return s.box.Mode
	case f.Run.Data[route.Occasion] != "":
		return f.Run.Data[route.Occasion]
	}
	return occasions[0]
}

// key ends the greeting or the message.
func (s *depositing) key(f call.Facts, c call.Gathered) []call.Order {
	switch {
	case s.voice == nil && c.Keys.Reveal() == ownerKey:
		s.owner = &fetching{from: s.from, number: s.box.Number}
		return s.owner.On(f, call.Began{})
	case s.over:
		return finish()
	case s.voice != nil && c.Why == call.GatherFull: // any other key is only heard
		return []call.Order{s.listen()}
	case s.voice != nil:
		return s.saved(f, "ended by #")
	}
	return []call.Order{s.say(f, s.from.beepPhrase())} // heard enough
}

// record begins the message.
func (s *depositing) record(f call.Facts) []call.Order {
	if s.box.Full { // the owner did not come in
		return finish()
	}
	voice, err := s.from.Mailboxes.Record(Voice{Domain: f.Domain, Mailbox: s.box.Number, Call: f.Call, From: f.Number, Name: f.Display})
	if err != nil {
		s.over = true
		return []call.Order{s.say(f, Say("voicemail/full"), Say("voicemail/try-later"))}
	}
	s.voice, s.since = voice, f.Now
	return []call.Order{call.Listen{Tap: voice.Tap()}, call.Wake{After: s.box.Longest}, s.listen()}
}

func (s *depositing) listen() call.Order {
	return call.Gather{Max: 1, First: s.box.Longest + time.Minute, Whole: true, Fresh: true}
}

// saved ends the message and says that it is kept.
func (s *depositing) saved(f call.Facts, why string) []call.Order {
	said := f.Now.Sub(s.since) >= shortMessage
	s.stop(why)
	s.over = true
	if !said {
		return append([]call.Order{call.Listen{}}, finish()...)
	}
	return []call.Order{call.Listen{}, call.Wake{After: greetingLimit}, s.say(f, Say("voicemail/saved"))}
}

func (s *depositing) stop(why string) {
	if s.voice != nil {
		s.voice.Stop(why)
		s.voice = nil
	}
}

func (s *depositing) say(f call.Facts, what ...Phrase) call.Order {
	return call.Play{Program: s.from.Speak(f.Domain, f.Language, what...)}
}

// greeting is what a caller hears before the tone: what was spoken for the occasion, else what was chosen for it, else the usual one.
type greeting struct {
	from             Programs
	box              Mailbox
	domain, language string
	occasion         string
}

// Open implements call.Program. A greeting that cannot be opened is replaced by the built-in one: the caller shall leave its message.
func (g greeting) Open(c media.Codec) (media.Source, call.Spoken, error) {
	ctx, cancel := context.WithTimeout(context.Background(), storeLimit)
	defer cancel()
	for _, o := range []string{g.occasion, occasions[0]} {
		src, ok, err := g.from.Mailboxes.Greeting(ctx, g.domain, g.box.Number, o, c)
		if err == nil && ok {
			return g.then(c, Phrase{Source: func(media.Codec) (media.Source, error) { return src, nil }})
		}
		if name := g.box.Prompts[o]; name != "" {
			if src, spoken, err := g.then(c, Say(name)); err == nil {
				return src, spoken, nil
			}
		}
	}
	return g.then(c, Say(builtin[g.occasion]))
}

func (g greeting) then(c media.Codec, what Phrase) (media.Source, call.Spoken, error) {
	return g.from.Speak(g.domain, g.language, what, g.from.beepPhrase()).Open(c)
}
