package app

import (
	"sync/atomic"

	"naisen/cmd/pbx/internal/call"
	"naisen/media"
	"naisen/recorder"
)

// seat is a member's place, as a room: it hears who speaks and nobody hears it.
type seat struct {
	of     *page
	member *listener
}

var _, _ call.Room = &seat{}, &rostrum{}

// Enter implements call.Room.
func (s *seat) Enter(g call.Guest) error {
	x := s.of
	x.of.mu.Lock()
	if err := x.join(g); err != nil {
		x.of.mu.Unlock()
		return err
	}
	s.member.guest, s.member.where = g, isIn
	tell := x.speaker.Tell
	x.of.mu.Unlock()
	if tell != nil {
		tell()
	}
	return nil
}

// Seat implements call.Room.
func (s *seat) Seat(_ string, g media.Gate) {
	s.of.of.mu.Lock()
	defer s.of.of.mu.Unlock()
	if s.member.guest.Endpoint != nil {
		s.of.bridge.Gate(s.member.guest.Endpoint, g)
	}
}

// Leave implements call.Room. Another telephone of the same person may take the place; else the script says that the member is gone.
func (s *seat) Leave(string) {
	s.of.of.mu.Lock()
	defer s.of.of.mu.Unlock()
	if e := s.member.guest.Endpoint; e != nil {
		s.member.guest = call.Guest{}
		s.of.bridge.Leave(e)
	}
	s.of.sweep()
}

// Tap implements call.Room. Members are not recorded: they were not asked, and say nothing.
func (s *seat) Tap(media.Tap, call.Roll) (detach func()) { return func() {} }

// State implements call.Room.
func (s *seat) State() call.RoomState { return call.RoomState{Over: s.of.ended()} }

// rostrum is the place of who speaks, as a room in which it is alone.
type rostrum struct {
	of  *page
	who atomic.Pointer[string] // endpoint that speaks
}

// Enter implements call.Room.
func (r *rostrum) Enter(g call.Guest) error {
	x := r.of
	id := g.Endpoint.ID()
	x.of.mu.Lock()
	err := x.join(g)
	if err == nil {
		x.speaker = g
		r.who.Store(&id)
	}
	x.of.mu.Unlock()
	if err == nil {
		g.Tell() // members may have come before
	}
	return err
}

// Seat implements call.Room.
func (r *rostrum) Seat(_ string, g media.Gate) {
	r.of.of.mu.Lock()
	defer r.of.of.mu.Unlock()
	if e := r.of.speaker.Endpoint; e != nil {
		r.of.bridge.Gate(e, g)
	}
}

// Leave implements call.Room.
func (r *rostrum) Leave(string) {
	r.of.of.mu.Lock()
	defer r.of.of.mu.Unlock()
	if e := r.of.speaker.Endpoint; e != nil {
		r.of.speaker = call.Guest{}
		r.of.bridge.Leave(e)
	}
	r.of.sweep()
}

// Tap implements call.Room: who speaks is recorded. What the microphones of members pick up meanwhile is heard by nobody, and nobody keeps it.
func (r *rostrum) Tap(t media.Tap, _ call.Roll) (detach func()) {
	r.of.of.mu.Lock()
	defer r.of.of.mu.Unlock()
	if r.of.over {
		return func() {}
	}
	return r.of.among().Attach(voiceOf{r, t})
}

// voiceOf shows a tap only the endpoint that speaks.
type voiceOf struct {
	place *rostrum
	tap   media.Tap
}

// Tap implements media.Tap.
func (v voiceOf) Tap(f *media.Frame) {
	if who := v.place.who.Load(); who != nil && *who == f.From {
		v.tap.Tap(f)
	}
}

// State implements call.Room.
func (r *rostrum) State() call.RoomState {
	r.of.of.mu.Lock()
	defer r.of.of.mu.Unlock()
	s := call.RoomState{Over: r.of.over}
	if r.of.speaker.Endpoint != nil {
		s.Guests = []recorder.Party{r.of.speaker.Party}
	}
	return s
}
