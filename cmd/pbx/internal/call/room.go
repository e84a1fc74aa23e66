package call

import (
	"errors"

	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/recorder"
	"naisen/sip"
)

// Room is where parties of several calls hear each other: its own owner, with a lock of its own. Its methods never block, and call nobody
// back but a Roll: what else they lead to arrives as an Event, by Guest.Tell. Each guest's call goes on by itself, with its own CDR and its own recording.
type Room interface {
	Enter(Guest) error                   // ErrFull, ErrGone: the room was closed to newcomers, media.ErrPolicy: somebody would be heard in the clear
	Seat(endpoint string, g media.Gate)  // what the guest takes part in
	Leave(endpoint string)               // it is no error if the guest is not in
	Tap(media.Tap, Roll) (detach func()) // sees what each guest sends
	State() RoomState
}

// Roll is told who is in a room: whom it finds there, each newcomer before anybody can hear it, and who left. It is told from the goroutines of
// their calls, one at a time, while the room changes: its methods return at once and call nobody back.
type Roll interface {
	Party(recorder.Party) // Endpoint is empty of who is in nobody's recording
	Left(endpoint string)
}

// Guest is a party in a room.
type Guest struct {
	Endpoint  media.Endpoint
	Party     recorder.Party
	Moderator bool
	Gate      media.Gate
	Secret    bool   // the class of numbers of its call demands that whoever hears it is encrypted
	Clear     bool   // it is not encrypted
	Tell      func() // the room changed; it never blocks
	Never     bool   // its voice is in nobody's recording
}

// known is how recordings know the guest. None hears a voice by the other name.
func (g Guest) known() string {
	if g.Never {
		return "never:" + g.Endpoint.ID()
	}
	return g.Endpoint.ID()
}

// RoomState is a room as it is now.
type RoomState struct {
	Guests     []recorder.Party // in the order that they came
	Moderators int
	Locked     bool
	Over       bool // a moderator ended it for all
}

// occupancy is a call's place in a room.
type occupancy struct {
	room   Room
	guest  string // Endpoint.ID of who is in
	order  Enter  // with the gate that was ordered last; while the guest's phone holds it takes part in nothing
	detach func() // of its recording's tap; nil: not recorded
}

// roomChanged is an event: somebody came, left, or became moderator.
type roomChanged struct{ room Room }

func (roomChanged) event() {}

// enter brings the party into a room, or gives it another seat there. It must have answered.
func (c *Call) enter(a *act, o Enter) {
	p := c.caller
	if c.place != nil {
		c.place.order.Gate = o.Gate
		c.seat()
		return
	}
	if p.phase >= PartyUp && !p.agreed && p.local != nil { // our offer waits for its answer: reprise enters
		a.entry = &o
		return
	}
	if p.phase < PartyUp || !p.agreed {
		c.later(a, Refused{sip.StatusCause(488)})
		return
	}
	c.place = &occupancy{room: o.Room, guest: p.ep.ID(), order: o}
	c.recordRoom(p) // before it is heard: the first packet is in the recording
	if c.place == nil {
		return // recording is mandatory here and failed
	}
	if p.joined { // who talked before, or was recorded alone: one endpoint is in one bridge
		p.joined = false
		c.bridge.Leave(p.ep)
	}
	guest, never := asParty(p), c.forbidden() != ""
	if never { // whoever else is recorded here does not know its voice, so it is in no recording
		guest.Endpoint = ""
	}
	err := o.Room.Enter(Guest{Endpoint: p.ep, Party: guest, Moderator: o.Moderator, Gate: c.gate(),
		Secret: c.plan.Record.Media == route.EncryptRequired, Clear: p.inClear(), Never: never, Tell: func() { c.mailbox.Post(roomChanged{o.Room}) }})
	if err != nil {
		c.log.Warn("call: room refuses a guest", "err", err)
		c.exit()
		cause := sip.CauseBusy
		if errors.Is(err, media.ErrPolicy) {
			cause = sip.CauseNotAcceptable
		}
		c.later(a, Refused{cause})
		return
	}
	c.log.Info("call: entered a room", "script", a.run.String())
}

// gate is what the guest takes part in now.
func (c *Call) gate() media.Gate {
	if c.caller.phase == PartyHeld { // its phone plays music to the room otherwise
		return media.GateNone
	}
	return c.place.order.Gate
}

// seat tells the room what the guest takes part in.
func (c *Call) seat() {
	if c.place != nil {
		c.place.room.Seat(c.place.guest, c.gate())
	}
}

// exit takes the party out of the room.
func (c *Call) exit() {
	o := c.place
	if o == nil {
		return
	}
	c.place = nil
	o.room.Leave(o.guest)
	if o.detach != nil {
		o.detach()
	}
}

// reseat gives the place to the leg that took the party's place in the call.
func (c *Call) reseat() {
	o := c.place
	if o == nil || o.guest == c.caller.ep.ID() {
		return
	}
	c.exit()
	c.enter(c.act, o.order)
}

// recordRoom lets the call's recording go on in the room, or begins it there: each guest is a party of it, so a track of its own.
func (c *Call) recordRoom(p *party) {
	c.forget() // those in the room were told nothing
	if c.recording == nil {
		if !c.recordable() {
			return
		}
		if !c.capture(c.plan.Record, asParty(p)) {
			return
		}
		p.taped = c.record.tape
	}
	if c.place == nil {
		return
	}
	c.veil()
	c.tape(p)
	c.place.detach = c.place.room.Tap(c.recording.Tap(), roll{c.recording, c.place.guest, string(c.caller.side.other())})
}

// roll tells a recording of the other guests of a room. The recorder knows a party by its endpoint.
type roll struct {
	recording recorder.Recording
	own, role string
}

// Party implements Roll.
func (r roll) Party(p recorder.Party) {
	if p.Endpoint != "" && p.Endpoint != r.own {
		p.Role = r.role
		r.recording.Party(p)
	}
}

// Left implements Roll.
func (r roll) Left(endpoint string) {
	if k, ok := r.recording.(chronicle); ok && endpoint != "" && endpoint != r.own {
		k.Left(endpoint)
	}
}

// onRoomChanged tells the script who is there.
func (c *Call) onRoomChanged(e roomChanged) {
	if c.place == nil || c.place.room != e.room || c.phase == Ending {
		return
	}
	s := e.room.State()
	c.cue(Company{Others: max(len(s.Guests)-1, 0), Moderators: s.Moderators, Locked: s.Locked, Over: s.Over})
}
