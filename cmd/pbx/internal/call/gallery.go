package call

import (
	"slices"
	"sync"

	"naisen/media"
	"naisen/recorder"
)

// maxAudience bounds those who listen to one call.
const maxAudience = 4

// Gallery is where those sit who hear a call without being its parties: supervisors who listen, whisper or join. It has a lock of its own,
// held for list work and for the bridge's own signalling: a listener comes from the goroutine of its own call and can leave at once, but only
// the call that is heard lets it in, after its recording has been told who hears it, and how.
type Gallery struct {
	tell   func() // wakes the call that is heard
	bridge media.Bridge

	mu    sync.Mutex
	seats []*seat // in the order that they came
	left  []string
	over  bool
}

func newGallery(m *Mailbox, b media.Bridge) *Gallery {
	return &Gallery{tell: func() { m.Post(audienceChanged{}) }, bridge: b}
}

// For gives one listener's way in, as a room that its call can enter. whom is the extension that hears a whisper, tone what it hears when the
// listening begins or changes; nil: nothing.
func (g *Gallery) For(whom string, tone Program) Room { return &seat{of: g, whom: whom, tone: tone} }

// seat is one listener's. It implements Room.
type seat struct {
	of   *Gallery
	whom string
	tone Program

	guest   Guest      // guarded by of.mu from here on
	wish    media.Gate // what the listener's call wants
	in      bool
	joined  bool // member of the bridge
	refused bool
	told    media.Gate // what the heard call's recording and its parties know
}

// Enter implements Room. The call that is heard does what is left to do.
func (s *seat) Enter(guest Guest) error {
	g := s.of
	g.mu.Lock()
	switch {
	case g.over, s.refused:
		g.mu.Unlock()
		return ErrGone
	case len(g.seats) >= maxAudience:
		g.mu.Unlock()
		return ErrFull
	}
	s.guest, s.wish, s.in, s.told = guest, guest.Gate, true, media.GateNone
	g.seats = append(g.seats, s)
	g.mu.Unlock()
	g.tell()
	return nil
}

// Seat implements Room.
func (s *seat) Seat(_ string, gate media.Gate) {
	s.of.mu.Lock()
	s.wish = gate
	s.of.mu.Unlock()
	s.of.tell()
}

// Leave implements Room: from now on the listener hears nothing.
func (s *seat) Leave(string) {
	g := s.of
	g.mu.Lock()
	if s.in {
		g.remove(s)
	}
	g.mu.Unlock()
	g.tell()
}

// Tap implements Room: what is heard stands in the recording of the call that is heard, if anywhere.
func (s *seat) Tap(media.Tap, Roll) (detach func()) { return func() {} }

// State implements Room. A listener does not learn who else listens.
func (s *seat) State() RoomState {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	return RoomState{Over: s.of.over || s.refused}
}

// remove takes a listener out. Called with mu held.
func (g *Gallery) remove(s *seat) {
	if s.joined {
		g.bridge.Leave(s.guest.Endpoint)
	}
	s.in, s.joined = false, false
	g.seats = slices.DeleteFunc(g.seats, func(o *seat) bool { return o == s })
	g.left = append(g.left, s.guest.known())
}

// sitting is a listener and its wish, as the call that is heard sees them at one moment.
type sitting struct {
	seat       *seat
	guest      Guest
	wish, told media.Gate
}

// look is who is there, and whose endpoints have gone since it was last asked.
func (g *Gallery) look() (here []sitting, left []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, s := range g.seats {
		here = append(here, sitting{s, s.guest, s.wish, s.told})
	}
	left, g.left = g.left, nil
	return here, left
}

// place lets a listener hear, and be heard as far as its gate says. One that has left meanwhile stays out. An error: the bridge has no place.
func (g *Gallery) place(s *seat, gate media.Gate, whom media.Endpoint) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !s.in {
		return nil
	}
	if !s.joined {
		if err := g.bridge.Join(s.guest.Endpoint); err != nil {
			return err
		}
		s.joined = true
	}
	if gate == media.GateWhisper {
		g.bridge.Whisper(s.guest.Endpoint, whom)
	} else {
		g.bridge.Gate(s.guest.Endpoint, gate)
	}
	s.told = gate
	return nil
}

// refuse sends a listener away.
func (g *Gallery) refuse(s *seat) {
	g.mu.Lock()
	if s.refused = true; s.in {
		g.remove(s)
	}
	g.mu.Unlock()
	s.guest.Tell()
}

// close sends everybody away.
func (g *Gallery) close() {
	g.mu.Lock()
	g.over = true
	gone := slices.Clone(g.seats)
	for _, s := range gone {
		g.remove(s)
	}
	g.mu.Unlock()
	for _, s := range gone {
		s.guest.Tell()
	}
}

// witness is a recording that names those who were let into the call beside its parties.
type witness interface {
	Listener(endpoint string, l recorder.Listener)
}

// modeOf names what a listener does, for the recording.
func modeOf(g media.Gate) string {
	switch g {
	case media.GateListen:
		return recorder.Listens
	case media.GateWhisper:
		return recorder.Whispers
	case media.GateBoth, media.GateTalk:
		return recorder.Barges
	case media.GateNone:
	}
	return ""
}
