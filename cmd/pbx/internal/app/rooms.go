package app

import (
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"naisen/cmd/pbx/internal/call"
	"naisen/media"
	"naisen/recorder"
)

// Rooms are the conferences that somebody is in. A room is a bridge and a list of its guests under a lock, which is held for list work only:
// whoever comes or goes changes it from the goroutine of its own call, and the others are told by their mailboxes. Their recordings are told at once,
// under the lock, so that a newcomer is known to all of them before it is heard, and each hears of comings and goings in their order.
type Rooms struct {
	bridge func() media.Bridge
	mu     sync.Mutex
	open   map[string]*Room // by domain and number
	wrong  map[string]*rate.Limiter
}

// NewRooms makes rooms of bridges.
func NewRooms(bridge func() media.Bridge) *Rooms {
	return &Rooms{bridge: bridge, open: map[string]*Room{}, wrong: map[string]*rate.Limiter{}}
}

// Bounds.
const (
	maxGuests     = 50   // what a bridge mixes
	maxThrottles  = 1024 // rooms whose wrong PINs are counted
	wrongPINs     = 10   // in a row, over all callers
	wrongPINEvery = 30 * time.Second
)

// Room is one conference. It implements call.Room.
type Room struct {
	of     *Rooms
	key    string
	most   int
	bridge media.Bridge
	guests []call.Guest
	ears   []*ear
	locked bool
	over   bool
}

var _ call.Room = (*Room)(nil)

// ear is one guest's recording. A guest has it before it comes in itself.
type ear struct{ roll call.Roll }

// Get gives the room of a number, an empty one if nobody is in it; at most so many guests, 0: 50.
func (r *Rooms) Get(domain, number string, most int) *Room {
	if most <= 0 || most > maxGuests {
		most = maxGuests
	}
	key := domain + "/" + number
	r.mu.Lock()
	defer r.mu.Unlock()
	room := r.open[key]
	if room == nil { // of the numbers that are set up there are so many
		room = &Room{of: r, key: key}
		r.open[key] = room
	}
	room.most = most
	return room
}

// Guessing says whether another PIN may be tried for a room: guesses are counted over all callers, so that many phones guess no faster than one.
func (r *Rooms) Guessing(domain, number string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.wrong[domain+"/"+number]
	return l == nil || l.Tokens() >= 1
}

// Wrong counts a wrong PIN.
func (r *Rooms) Wrong(domain, number string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	key := domain + "/" + number
	l := r.wrong[key]
	if l == nil {
		if len(r.wrong) >= maxThrottles { // forgets the guesses of all of them rather than growing
			clear(r.wrong)
		}
		l = rate.NewLimiter(rate.Every(wrongPINEvery), wrongPINs)
		r.wrong[key] = l
	}
	l.Allow()
}

// Len is the number of rooms that somebody is in.
func (r *Rooms) Len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, m := range r.open {
		if len(m.guests) > 0 { // one that was asked for, and entered by nobody, waits for its first guest
			n++
		}
	}
	return n
}

// Enter implements call.Room.
func (m *Room) Enter(g call.Guest) error {
	m.of.mu.Lock()
	defer m.of.mu.Unlock()
	switch {
	case m.over || m.locked && !g.Moderator, !m.begin():
		return call.ErrGone
	case len(m.guests) >= m.most:
		return call.ErrFull
	case slices.ContainsFunc(m.guests, func(o call.Guest) bool { return o.Secret && g.Clear || g.Secret && o.Clear }):
		return media.ErrPolicy
	}
	for _, e := range m.ears { // before it is heard: its first packet is in the recordings of all others
		e.roll.Party(g.Party)
	}
	if err := m.bridge.Join(g.Endpoint); err != nil {
		m.left(g)
		m.end()
		return err
	}
	m.bridge.Gate(g.Endpoint, g.Gate)
	m.guests = append(m.guests, g)
	m.tell()
	return nil
}

// begin opens the room for its first guest, who may have got hold of it while the last one before left. False: another room has its place.
func (m *Room) begin() bool {
	switch m.of.open[m.key] {
	case nil:
		m.of.open[m.key] = m
	case m:
	default:
		return false
	}
	if m.bridge == nil {
		m.bridge = m.of.bridge()
	}
	return true
}

// end closes the room after its last guest. A recording that is there already keeps it open for the guest who is about to come.
func (m *Room) end() {
	if len(m.guests) > 0 {
		return
	}
	m.locked = false
	if len(m.ears) > 0 {
		return
	}
	if m.of.open[m.key] == m {
		delete(m.of.open, m.key)
	}
	if m.bridge != nil {
		_ = m.bridge.Close() // it has no members
		m.bridge = nil
	}
}

// left tells the recordings who is not there any more.
func (m *Room) left(g call.Guest) {
	for _, e := range m.ears {
		e.roll.Left(g.Party.Endpoint)
	}
}

// Seat implements call.Room.
func (m *Room) Seat(endpoint string, g media.Gate) {
	m.of.mu.Lock()
	defer m.of.mu.Unlock()
	if i := m.find(endpoint); i >= 0 {
		m.guests[i].Gate = g
		m.bridge.Gate(m.guests[i].Endpoint, g)
	}
}

// Leave implements call.Room.
func (m *Room) Leave(endpoint string) {
	m.of.mu.Lock()
	defer m.of.mu.Unlock()
	i := m.find(endpoint)
	if i < 0 {
		m.end()
		return
	}
	m.bridge.Leave(m.guests[i].Endpoint)
	m.left(m.guests[i])
	m.guests = slices.Delete(m.guests, i, i+1)
	m.tell()
	m.end()
}

// Tap implements call.Room.
func (m *Room) Tap(t media.Tap, roll call.Roll) (detach func()) {
	m.of.mu.Lock()
	defer m.of.mu.Unlock()
	if !m.begin() {
		return func() {}
	}
	for _, g := range m.guests {
		roll.Party(g.Party)
	}
	e, off := &ear{roll}, m.bridge.Attach(t)
	m.ears = append(m.ears, e)
	return func() {
		m.of.mu.Lock()
		defer m.of.mu.Unlock()
		if i := slices.Index(m.ears, e); i >= 0 {
			m.ears = slices.Delete(m.ears, i, i+1)
			off()
			m.end()
		}
	}
}

// State implements call.Room.
func (m *Room) State() call.RoomState {
	m.of.mu.Lock()
	defer m.of.mu.Unlock()
	s := call.RoomState{Locked: m.locked, Over: m.over, Guests: make([]recorder.Party, len(m.guests))}
	for i, g := range m.guests {
		s.Guests[i] = g.Party
		if g.Moderator {
			s.Moderators++
		}
	}
	return s
}

// Lock keeps newcomers out, or lets them in again.
func (m *Room) Lock(locked bool) {
	m.of.mu.Lock()
	defer m.of.mu.Unlock()
	m.locked = locked
	m.tell()
}

// Dismiss ends the conference for all.
func (m *Room) Dismiss() {
	m.of.mu.Lock()
	defer m.of.mu.Unlock()
	m.over = true
	m.tell()
}

// announcer is a bridge that can let everybody hear something.
type announcer interface {
	Announce(func(media.Codec) (media.Source, error))
}

// Announce lets all guests hear a tone beside each other. A bridge that cannot says nothing.
func (m *Room) Announce(tone func(media.Codec) (media.Source, error)) {
	m.of.mu.Lock()
	defer m.of.mu.Unlock()
	if a, ok := m.bridge.(announcer); ok {
		a.Announce(tone)
	}
}

func (m *Room) find(endpoint string) int {
	return slices.IndexFunc(m.guests, func(g call.Guest) bool { return g.Endpoint.ID() == endpoint })
}

// tell lets every guest look. Tell posts: it never blocks.
func (m *Room) tell() {
	for _, g := range m.guests {
		g.Tell()
	}
}
