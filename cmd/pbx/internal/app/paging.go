package app

import (
	"context"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/media/play"
	"naisen/sip"
)

// pageRing is a little more than members ring whose telephones do not know how to answer by themselves.
const pageRing = route.AnswersItself + 2*time.Second

// paging is somebody who speaks to a group: its members are rung, and when they have answered, or some after a while, a tone says that one may
// speak. It ends when who speaks hangs up, when the time is up, or when nobody is left who hears it.
type paging struct {
	from   Programs
	group  Paging
	page   *page
	place  *rostrum
	stage  paged
	waited bool // for as long as the group waits; some may still ring
	bare   bool // the announcement cannot be played: the tone alone
	cause  sip.Cause
}

// paged is how far an announcement is.
type paged int

const (
	pageCalls   paged = iota // members are rung
	pageSounds               // the tone, and what is announced
	pageSpoken               // somebody speaks
	pageExcused              // who wanted to speak hears why not
)

// paging makes the script of who speaks.
func (p Programs) paging(domain string, r route.Run) (call.Script, bool) {
	if p.Pages == nil || p.Paging == nil {
		return nil, false
	}
	g, ok := p.Paging(domain, r.Name)
	return &paging{from: p, group: g}, ok
}

// Admit implements call.Doorkeeper: only who dialled the group speaks. A transfer brings nobody else to the microphone.
func (s *paging) Admit(f call.Facts) (string, sip.Cause) {
	if f.Sent != "" || f.Extension == "" || f.Extension != f.Run.For {
		return "", sip.CauseForbidden
	}
	return "", sip.Cause{}
}

// On implements call.Script.
func (s *paging) On(f call.Facts, c call.Cue) []call.Order {
	switch c := c.(type) {
	case call.Began:
		return s.begin(f)
	case call.Result, call.Company:
		return s.look(f)
	case call.Elapsed:
		return s.elapsed(f)
	case call.Played:
		return s.played(f, c.Complete)
	case call.Refused:
		return []call.Order{call.Finish{Cause: sip.CauseBusy}}
	case call.Left:
		return s.left()
	}
	return nil
}

// begin answers, takes the microphone, which is still off, and has the members rung.
func (s *paging) begin(f call.Facts) []call.Order {
	x, err := s.from.Pages.begin(f.Domain, f.Call, f.Extension, s.group)
	if err != nil {
		return append([]call.Order{call.PickUp{}, call.Wake{After: announceLimit}}, s.excuse(f, "call/busy", sip.CauseBusy)...)
	}
	s.page, s.place = x, &rostrum{of: x}
	return []call.Order{call.PickUp{}, call.Wake{After: s.group.Wait}, call.Enter{Room: s.place, Gate: media.GateNone}, call.Play{Program: s.from.Ringback()},
		call.Beside{Work: func(context.Context) any { x.summon(); return nil }}}
}

// look sees who is there: enough to begin, nobody who ever will be, or nobody any more.
func (s *paging) look(f call.Facts) []call.Order {
	if s.page == nil {
		return nil
	}
	r := s.page.reach()
	left := r.asked && r.rung == 0
	switch {
	case s.stage == pageCalls && left && r.in == 0:
		return s.excuse(f, "call/unavailable", sip.CauseUnavailable)
	case s.stage == pageCalls && r.in > 0 && (left || s.waited):
		return s.sound(f)
	case (s.stage == pageSounds || s.stage == pageSpoken) && left && r.in == 0:
		return finish()
	}
	return nil
}

// sound lets everybody hear that somebody will speak: members the tone and then the announcement, who speaks the announcement and then the tone,
// so that both are over at once.
func (s *paging) sound(f call.Facts) []call.Order {
	s.stage = pageSounds
	s.page.begins()
	return []call.Order{call.Wake{After: announceLimit}, s.tone(f)}
}

func (s *paging) tone(f call.Facts) call.Order {
	var what []Phrase
	if s.group.Announce != "" && !s.bare {
		what = append(what, Say(s.group.Announce))
	}
	return call.Play{Program: s.from.Speak(f.Domain, f.Language, append(what, s.from.attention()...)...)}
}

func (s *paging) played(f call.Facts, complete bool) []call.Order {
	switch {
	case s.stage == pageExcused:
		return []call.Order{call.Finish{Cause: s.cause}}
	case s.stage != pageSounds:
		return nil
	case !complete && !s.bare && s.group.Announce != "":
		s.bare = true
		return []call.Order{s.tone(f)}
	}
	s.stage = pageSpoken
	// Nobody is heard by who speaks; silence tells its telephone that the call lives.
	return []call.Order{call.Enter{Room: s.place, Gate: media.GateTalk}, call.Play{Program: silence{}}, call.Wake{After: s.group.Longest}}
}

func (s *paging) elapsed(f call.Facts) []call.Order {
	switch {
	case s.stage == pageCalls && !s.waited:
		s.waited = true
		return append([]call.Order{call.Wake{After: pageRing}}, s.look(f)...)
	case s.stage == pageCalls: // a member that answered never came in
		return s.excuse(f, "call/unavailable", sip.CauseUnavailable)
	}
	return finish()
}

// excuse says why nobody is spoken to, and ends.
func (s *paging) excuse(f call.Facts, prompt string, cause sip.Cause) []call.Order {
	s.stage, s.cause = pageExcused, cause
	return []call.Order{call.Wake{After: announceLimit}, call.Play{Program: s.from.Announce(f.Domain, prompt, f.Language)}}
}

// left ends the announcement: what members hear, and what still rings.
func (s *paging) left() []call.Order {
	if s.page == nil {
		return nil
	}
	x := s.page
	calls := x.end()
	return []call.Order{call.Beside{Work: func(context.Context) any {
		for _, id := range calls {
			x.of.callers.HangUp(x.domain, id)
		}
		return nil
	}}}
}

// attention is the tone that goes before what is spoken to many: twice, since a loudspeaker that is just switched on swallows the first moment.
func (p Programs) attention() []Phrase { return []Phrase{p.beepPhrase(), p.beepPhrase()} }

// silence is heard without end.
type silence struct{}

// Open implements call.Program.
func (silence) Open(c media.Codec) (media.Source, call.Spoken, error) {
	clip, err := play.Silence(c, time.Second)
	if err != nil {
		return nil, call.Spoken{}, err
	}
	return clip.Loop(), call.Spoken{}, nil
}
