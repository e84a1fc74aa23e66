package app

import (
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/sip"
)

// listenLimit ends a member's call that nobody ended: more than any announcement lasts.
const listenLimit = 15 * time.Minute

// listening is a member of a paging group whose telephone has answered by itself: it hears the tone, what is announced, and who speaks.
type listening struct {
	from  Programs
	seat  *seat
	early bool // it came before the word was given: it hears the tone
	bare  bool // the announcement cannot be played: the tone alone
}

// listening makes the script of a member.
func (p Programs) listening() (call.Script, bool) { return &listening{from: p}, p.Pages != nil }

// Silent implements call.Silent: a telephone whose microphone is off sends nothing, and is there all the same.
func (s *listening) Silent() {}

// Admit implements call.Doorkeeper: nobody is sent here to overhear.
func (s *listening) Admit(f call.Facts) (string, sip.Cause) {
	if f.Sent != "" {
		return "", sip.CauseForbidden
	}
	return "", sip.Cause{}
}

// On implements call.Script.
func (s *listening) On(f call.Facts, c call.Cue) []call.Order {
	switch c := c.(type) {
	case call.Began:
		return s.begin(f)
	case call.Company:
		if c.Over {
			return finish()
		}
		return s.sound(f)
	case call.Played:
		if !c.Complete && !s.bare {
			s.bare = true
			return []call.Order{s.tone(f)}
		}
	case call.Refused, call.Elapsed:
		return finish()
	case call.Left:
		if s.seat != nil {
			s.seat.of.gone(s.seat.member)
		}
	}
	return nil
}

func (s *listening) begin(f call.Facts) []call.Order {
	at, ok := s.from.Pages.seat(f.Domain, f.Run.Data[route.Page], f.Call)
	if !ok {
		return finish()
	}
	s.seat, s.early = at, !at.of.opened()
	return []call.Order{call.Wake{After: listenLimit}, call.Enter{Room: at, Gate: media.GateListen}}
}

// sound lets the member hear the tone once, when who speaks is given the word. Who comes later hears at once what is spoken.
func (s *listening) sound(f call.Facts) []call.Order {
	if !s.early || !s.seat.of.opened() {
		return nil
	}
	s.early = false
	return []call.Order{s.tone(f)}
}

func (s *listening) tone(f call.Facts) call.Order {
	what := s.from.attention()
	if a := s.seat.of.group.Announce; a != "" && !s.bare {
		what = append(what, Say(a))
	}
	return call.Play{Program: s.from.Speak(f.Domain, f.Language, what...)}
}
