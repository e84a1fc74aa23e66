package app

import (
	"sync/atomic"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/media"
	"naisen/media/play"
)

const (
	echoDelay    = 5  // frames of 20 ms: what is said is told apart from what is heard
	echoFrames   = 64 // room for what waits
	echoLimit    = 5 * time.Minute
	replayFrames = 250 // 5 s
	frameBytes   = 160 // of 20 ms in each codec that a script is heard in
)

// echoing lets the caller hear itself. What it says stays in memory.
type echoing struct {
	from Programs
	loop *echo
}

// On implements call.Script.
func (s *echoing) On(f call.Facts, c call.Cue) []call.Order {
	switch c.(type) {
	case call.Began:
		return []call.Order{call.PickUp{}, call.Wake{After: echoLimit}, call.Play{Program: s.from.Announce(f.Domain, "test/echo", f.Language)}}
	case call.Played:
		if s.loop != nil {
			return finish()
		}
		s.loop = &echo{}
		return []call.Order{call.Listen{Tap: s.loop}, call.Play{Program: s.loop}}
	case call.Elapsed:
		return finish()
	}
	return nil
}

// echo is a ring between the tap that hears a party and the source that plays to it: one writer, one reader, no lock. What finds it full is
// lost, as a late packet is.
type echo struct {
	codec    media.Codec
	slots    [echoFrames][frameBytes]byte
	in, out  atomic.Uint32
	begun    bool
	silence  [frameBytes]byte
	playback [frameBytes]byte
}

// Tap implements media.Tap.
func (e *echo) Tap(f *media.Frame) {
	if f.Played || f.Event || len(f.Payload) != frameBytes || e.in.Load()-e.out.Load() >= echoFrames {
		return
	}
	copy(e.slots[e.in.Load()%echoFrames][:], f.Payload)
	e.in.Add(1)
}

// Open implements call.Program.
func (e *echo) Open(c media.Codec) (media.Source, call.Spoken, error) {
	quiet, err := play.Silence(c, 20*time.Millisecond)
	if err != nil {
		return nil, call.Spoken{}, err
	}
	frame, _ := quiet.Play().Next()
	e.codec = c
	copy(e.silence[:], frame)
	return e, call.Spoken{}, nil
}

// Codec implements media.Source.
func (e *echo) Codec() media.Codec { return e.codec }

// Next implements media.Source: what was said a little before, or silence.
func (e *echo) Next() ([]byte, bool) {
	waiting := e.in.Load() - e.out.Load()
	if waiting == 0 || !e.begun && waiting < echoDelay {
		e.begun = false
		return e.silence[:], true
	}
	e.begun = true
	e.playback = e.slots[e.out.Load()%echoFrames]
	e.out.Add(1)
	return e.playback[:], true
}

// replaying records five seconds and plays them: what the other side of a call would have heard.
type replaying struct {
	from  Programs
	taken *memo
}

// On implements call.Script.
func (s *replaying) On(f call.Facts, c call.Cue) []call.Order {
	switch c.(type) {
	case call.Began:
		return []call.Order{call.PickUp{}, call.Play{Program: s.from.Announce(f.Domain, "test/quality", f.Language)}}
	case call.Played:
		if s.taken != nil {
			return finish()
		}
		s.taken = &memo{}
		return []call.Order{call.Listen{Tap: s.taken}, call.Wake{After: replayFrames * 20 * time.Millisecond}}
	case call.Elapsed:
		return []call.Order{call.Listen{}, call.Play{Program: s.taken}}
	}
	return nil
}

// memo keeps what was said in memory, a few seconds at most. It is written by the tap alone, and read when that is gone.
type memo struct {
	codec  media.Codec
	audio  [replayFrames * frameBytes]byte
	frames atomic.Int32
	at     int32
}

// Tap implements media.Tap.
func (m *memo) Tap(f *media.Frame) {
	n := m.frames.Load()
	if f.Played || f.Event || len(f.Payload) != frameBytes || n >= replayFrames {
		return
	}
	copy(m.audio[n*frameBytes:], f.Payload)
	m.frames.Add(1)
}

// Open implements call.Program.
func (m *memo) Open(c media.Codec) (media.Source, call.Spoken, error) {
	m.codec = c
	return m, call.Spoken{}, nil
}

// Codec implements media.Source.
func (m *memo) Codec() media.Codec { return m.codec }

// Next implements media.Source.
func (m *memo) Next() ([]byte, bool) {
	if m.at >= m.frames.Load() {
		return nil, false
	}
	at := m.at * frameBytes
	m.at++
	return m.audio[at : at+frameBytes], true
}
