package app

import (
	"cmp"
	"context"
	"crypto/subtle"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/media"
	"naisen/sip"
)

// Conference is what a room's number is set to.
type Conference struct {
	Number    string
	PIN       string // empty: none is asked for
	Moderator string // PIN that makes a moderator; empty: nobody is
	Most      int    // guests; 0: 50
	Wait      bool   // guests hear music until a moderator is there
	Tones     bool   // who comes or goes is heard
}

const (
	pinTries        = 3
	longestMeeting  = 12 * time.Hour // a phone that was forgotten
	maxPIN          = 12
	conferencePause = time.Hour // between keys in a room: nobody is hurried
)

// Keys in a room.
const (
	keyMute = "*6" // and again: speak
	keyLock = "*7" // moderators: nobody else comes in, and again
	keyEnd  = "*8" // moderators: it is over for all
)

// meeting is one caller in a conference: the PIN, the wait, the room.
type meeting struct {
	from      Programs
	conf      Conference
	room      *Room
	tries     int
	inside    bool
	moderator bool
	muted     bool
	waits     bool // for a moderator
	playing   bool // hears that it is alone, and music
	locked    bool
}

// meeting makes the script of a room's number.
func (p Programs) meeting(domain, number string) (call.Script, bool) {
	if p.Rooms == nil || p.Conference == nil {
		return nil, false
	}
	conf, ok := p.Conference(domain, number)
	return &meeting{from: p, conf: conf}, ok
}

// On implements call.Script.
func (s *meeting) On(f call.Facts, q call.Cue) []call.Order {
	switch q := q.(type) {
	case call.Began:
		return s.begin(f)
	case call.Gathered:
		if s.inside {
			return s.key(f, q.Keys.Reveal())
		}
		return s.pin(f, q.Keys)
	case call.Company:
		return s.company(f, q)
	case call.Refused:
		return []call.Order{call.Finish{Cause: cmp.Or(q.Cause, sip.CauseBusy)}}
	case call.Elapsed:
		return []call.Order{call.Finish{Cause: sip.CauseNormal}}
	case call.Played:
		if s.inside && q.Complete && s.playing { // the words are over, the music begins
			return []call.Order{call.Play{Program: s.from.Music(f.Domain)}}
		}
	case call.Interrupted:
		return s.interrupted(f)
	case call.Left:
		s.toll(false)
	}
	return nil
}

// begin answers, and asks for the PIN if there is one.
func (s *meeting) begin(f call.Facts) []call.Order {
	orders := []call.Order{call.PickUp{}, call.Wake{After: longestMeeting}}
	if s.conf.PIN == "" && s.conf.Moderator == "" {
		return append(orders, s.enter(f)...)
	}
	return append(orders, s.ask(f, Say("conference/enter-pin"))...)
}

func (s *meeting) ask(f call.Facts, what ...Phrase) []call.Order {
	return []call.Order{call.Play{Program: s.from.Speak(f.Domain, f.Language, what...)}, call.Gather{Max: maxPIN, Secret: true}}
}

// pin judges what was pressed. Where only moderators have one, the end key alone lets a guest in.
func (s *meeting) pin(f call.Facts, keys call.Keys) []call.Order {
	if !s.from.Rooms.Guessing(f.Domain, s.conf.Number) { // right or wrong, it is not looked at
		return []call.Order{call.Finish{Cause: sip.CauseForbidden}}
	}
	switch given := keys.Reveal(); {
	case same(given, s.conf.Moderator):
		s.moderator = true
		return s.enter(f)
	case same(given, s.conf.PIN), s.conf.PIN == "" && given == "":
		return s.enter(f)
	case given != "": // who pressed nothing has guessed nothing
		s.from.Rooms.Wrong(f.Domain, s.conf.Number)
	}
	if s.tries++; s.tries >= pinTries {
		return []call.Order{call.Finish{Cause: sip.CauseForbidden}}
	}
	return s.ask(f, Say("ivr/invalid"), Say("conference/enter-pin"))
}

func same(given, pin string) bool {
	return pin != "" && subtle.ConstantTimeCompare([]byte(given), []byte(pin)) == 1
}

// enter goes in, and tells those who are there by a tone before.
func (s *meeting) enter(f call.Facts) []call.Order {
	s.room = s.from.Rooms.Get(f.Domain, s.conf.Number, s.conf.Most)
	s.toll(true)
	s.inside = true
	s.waits = s.conf.Wait && !s.moderator && s.room.State().Moderators == 0
	s.playing = false
	return []call.Order{call.Hush{}, call.Enter{Room: s.room, Gate: s.gate(), Moderator: s.moderator}, s.listen()}
}

// listen waits for the next two keys.
func (s *meeting) listen() call.Order {
	return call.Gather{Max: 2, First: conferencePause, Whole: true}
}

func (s *meeting) gate() media.Gate {
	switch {
	case s.waits:
		return media.GateNone
	case s.muted:
		return media.GateListen
	}
	return media.GateBoth
}

// company follows who is there: alone there is music, and so there is before the moderator comes.
func (s *meeting) company(f call.Facts, q call.Company) []call.Order {
	if q.Over {
		return []call.Order{call.Finish{Cause: sip.CauseNormal}}
	}
	s.locked = q.Locked
	before := s.gate()
	s.waits = s.conf.Wait && !s.moderator && q.Moderators == 0
	var orders []call.Order
	if s.gate() != before {
		orders = append(orders, call.Enter{Room: s.room, Gate: s.gate(), Moderator: s.moderator})
	}
	switch plays := s.waits || q.Others == 0; {
	case plays && !s.playing:
		orders = append(orders, call.Play{Program: s.from.Speak(f.Domain, f.Language, Say("conference/alone"))})
	case !plays && s.playing:
		orders = append(orders, call.Hush{})
	}
	s.playing = s.waits || q.Others == 0
	return orders
}

// key does what a guest pressed.
func (s *meeting) key(_ call.Facts, pressed string) []call.Order {
	orders := []call.Order{s.listen()}
	switch {
	case pressed == keyMute:
		s.muted = !s.muted
		return append(orders, call.Enter{Room: s.room, Gate: s.gate(), Moderator: s.moderator})
	case pressed == keyLock && s.moderator:
		s.room.Lock(!s.locked)
	case pressed == keyEnd && s.moderator:
		s.room.Dismiss()
	}
	return orders
}

// interrupted tells the others that this guest's connection is. The words are looked for beside the call: a room is never held up by a disk.
func (s *meeting) interrupted(f call.Facts) []call.Order {
	if !s.inside || s.waits {
		return nil
	}
	room, words := s.room, s.from.Announce(f.Domain, "conference/interrupted", "")
	return []call.Order{call.Beside{Work: func(context.Context) any {
		if _, _, err := words.Open(media.PCMU); err == nil { // what was opened once is in memory
			room.Announce(func(c media.Codec) (media.Source, error) {
				src, _, err := words.Open(c)
				return src, err
			})
		}
		return nil
	}}}
}

// toll tells the others that somebody comes or goes.
func (s *meeting) toll(comes bool) {
	if !s.conf.Tones || s.room == nil || s.waits || !comes && !s.inside {
		return
	}
	if tone := s.from.Beep; tone != nil {
		s.room.Announce(func(c media.Codec) (media.Source, error) { return tone(comes, c) })
	}
}
