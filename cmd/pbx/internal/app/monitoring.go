package app

import (
	"context"
	"errors"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/provisioning"
	"naisen/sip"
)

// Errors of Monitors; callers use errors.Is.
var (
	ErrNotAllowed = errors.New("app: not allowed to hear that call")
	ErrNoCall     = errors.New("app: no call to hear")
)

// Monitors let supervisors into calls. Scripts call them beside the call: they may block.
type Monitors interface {
	// Begin judges a wish and writes it into the audit log. Without an error the supervisor may hear the call. ErrNotAllowed, ErrNoCall, or what
	// kept the audit log from being written.
	Begin(context.Context, Wish) (Monitor, error)
}

// Wish of a supervisor.
type Wish struct {
	Call       string // the supervisor's own
	Domain     string
	Supervisor string // extension that asks
	Agent      string // extension whose call it is
	Mode       string // of provisioning: listen, whisper, barge
}

// Monitor is one listening that is allowed.
type Monitor interface {
	Room(tone call.Program) call.Room
	// Change judges another mode and writes it down, before it holds.
	Change(ctx context.Context, mode string) error
	// End writes that it is over.
	End(ctx context.Context)
}

// Keys while a supervisor listens, as Asterisk has them.
const (
	keyListen  = "4"
	keyWhisper = "5"
	keyBarge   = "6"
)

const (
	monitorPause = time.Hour // between keys
	promptNoCall = "monitor/no-call"
	promptBarred = "feature/not-possible"
)

// monitoring is a supervisor who hears a call: judged and written down first, then let in.
type monitoring struct {
	from   Programs
	mode   string // that holds, or is asked for
	agent  string
	begun  chan Monitor // of Begin, capacity 1: whoever hangs up meanwhile still ends it
	asked  bool
	at     Monitor // nil: not allowed yet
	room   call.Room
	inside bool
	goes   sip.Cause // how it ends after what is said; zero: it goes on
}

// monitors of features by name.
var monitors = map[string]string{
	provisioning.FeatureListen:  provisioning.MonitorListen,
	provisioning.FeatureWhisper: provisioning.MonitorWhisper,
	provisioning.FeatureBarge:   provisioning.MonitorBarge,
}

// monitoring makes the script of a code.
func (p Programs) monitoring(r route.Run) (call.Script, bool) {
	return &monitoring{from: p, mode: monitors[r.Name], agent: r.Data[route.Argument], begun: make(chan Monitor, 1)}, p.Monitors != nil
}

// On implements call.Script.
func (s *monitoring) On(f call.Facts, c call.Cue) []call.Order {
	switch c := c.(type) {
	case call.Began:
		if s.agent == "" {
			return []call.Order{call.PickUp{}, call.Wake{After: longestMeeting}, call.Play{Program: s.from.Announce(f.Domain, "voicemail/enter-mailbox", f.Language)}, call.Gather{}}
		}
		return []call.Order{call.Wake{After: longestMeeting}, s.begin(f)}
	case call.Gathered:
		return s.key(f, c.Keys.Reveal())
	case call.Result:
		return s.judged(f, c.Value)
	case call.Played:
		if s.goes.Status != 0 {
			return []call.Order{call.Finish{Cause: s.goes}}
		}
		if s.at != nil && !s.inside {
			return s.enter()
		}
	case call.Company:
		if c.Over {
			return finish()
		}
	case call.Refused:
		return []call.Order{call.Finish(c)}
	case call.Elapsed:
		return finish()
	case call.Left:
		return s.left()
	}
	return nil
}

// begin asks whether it may.
func (s *monitoring) begin(f call.Facts) call.Order {
	s.asked = true
	wish := Wish{Call: f.Call, Domain: f.Domain, Supervisor: f.Extension, Agent: s.agent, Mode: s.mode}
	return call.Beside{Work: func(ctx context.Context) any {
		m, err := s.from.Monitors.Begin(ctx, wish)
		s.begun <- m
		if err != nil {
			return err
		}
		return m
	}}
}

// judged is the answer: to the first question, or to another mode.
func (s *monitoring) judged(f call.Facts, v any) []call.Order {
	switch v := v.(type) {
	case Monitor:
		s.at = v
		return []call.Order{call.PickUp{}, s.say(f, "monitor/"+s.mode)}
	case changed:
		s.mode = string(v)
		return append(s.enter(), s.say(f, "monitor/"+s.mode))
	}
	err, _ := v.(error)
	switch {
	case s.inside && errors.Is(err, ErrNotAllowed):
		return []call.Order{s.say(f, promptBarred), s.listen()} // what was allowed goes on
	case errors.Is(err, ErrNoCall):
		s.goes = sip.CauseUnavailable
		return []call.Order{s.say(f, promptNoCall)}
	case errors.Is(err, ErrNotAllowed):
		s.goes = sip.CauseForbidden
		return []call.Order{s.say(f, promptBarred)}
	}
	return []call.Order{call.Finish{Cause: sip.CauseServerError}} // nothing is heard that is not written down
}

// changed is another mode that was allowed.
type changed string

// key does what was pressed: the number of whom to hear, or another way to do it.
func (s *monitoring) key(f call.Facts, pressed string) []call.Order {
	if !s.asked {
		if pressed == "" {
			return finish()
		}
		s.agent = pressed
		return []call.Order{s.begin(f)}
	}
	mode := map[string]string{keyListen: provisioning.MonitorListen, keyWhisper: provisioning.MonitorWhisper, keyBarge: provisioning.MonitorBarge}[pressed]
	if mode == "" || mode == s.mode {
		return []call.Order{s.listen()}
	}
	at := s.at
	return []call.Order{call.Beside{Work: func(ctx context.Context) any {
		if err := at.Change(ctx, mode); err != nil {
			return err
		}
		return changed(mode)
	}}}
}

func (s *monitoring) listen() call.Order {
	return call.Gather{Max: 1, First: monitorPause, Whole: true}
}

// enter takes the seat, or another gate there.
func (s *monitoring) enter() []call.Order {
	if s.room == nil {
		s.room = s.at.Room(s.tone())
	}
	s.inside = true
	return []call.Order{call.Enter{Room: s.room, Gate: s.gate()}, s.listen()}
}

func (s *monitoring) gate() media.Gate {
	switch s.mode {
	case provisioning.MonitorWhisper:
		return media.GateWhisper
	case provisioning.MonitorBarge:
		return media.GateBoth
	}
	return media.GateListen
}

// tone is what who is supervised may hear; nil: there is none.
func (s *monitoring) tone() call.Program {
	if s.from.Beep == nil {
		return nil
	}
	return s.from.Speak("", "", Phrase{Source: func(c media.Codec) (media.Source, error) { return s.from.Beep(true, c) }})
}

func (s *monitoring) say(f call.Facts, prompt string) call.Order {
	return call.Play{Program: s.from.Announce(f.Domain, prompt, f.Language)}
}

// left writes the end, also where the answer to Begin is still to come.
func (s *monitoring) left() []call.Order {
	if !s.asked {
		return nil
	}
	begun := s.begun
	return []call.Order{call.Beside{Work: func(ctx context.Context) any {
		select {
		case m := <-begun:
			if m != nil {
				m.End(ctx)
			}
		case <-ctx.Done():
		}
		return nil
	}}}
}
