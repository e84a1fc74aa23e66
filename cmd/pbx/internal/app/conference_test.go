package app

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/recorder"
)

// seatedBridge notes who is in a room.
type seatedBridge struct {
	media.Bridge
	in     map[string]media.Gate
	tones  int
	closed bool
}

func (b *seatedBridge) Join(e media.Endpoint) error                      { b.in[e.ID()] = media.GateBoth; return nil }
func (b *seatedBridge) Leave(e media.Endpoint)                           { delete(b.in, e.ID()) }
func (b *seatedBridge) Gate(e media.Endpoint, g media.Gate)              { b.in[e.ID()] = g }
func (b *seatedBridge) Close() error                                     { b.closed = true; return nil }
func (b *seatedBridge) Attach(media.Tap) func()                          { return func() {} }
func (b *seatedBridge) Announce(func(media.Codec) (media.Source, error)) { b.tones++ }

// Who is in a room hears that another guest's connection is interrupted; who waits for a moderator is heard by nobody.
func TestConferenceInterrupted(t *testing.T) {
	l := newLobby(Conference{Number: "8000", Moderator: "9876", Wait: true})
	l.p.Prompts = everything{new([]string)}
	m, g := l.call(t, "m"), l.call(t, "g")
	g.cue(call.Began{})
	g.want("in", g.press(""), "Hush Enter Gather")
	g.want("nobody hears it yet", g.cue(call.Interrupted{}), "")
	m.cue(call.Began{})
	m.press("9876")
	g.look()
	orders := g.s.On(facts, call.Interrupted{})
	if len(orders) != 1 {
		t.Fatalf("%v", orders)
	}
	orders[0].(call.Beside).Work(t.Context())
	if b := l.bridges[0]; b.tones != 1 {
		t.Errorf("said %d times", b.tones)
	}
	l.p.Prompts = library{} // without the words there is nothing to say
	g.s.(*meeting).from = l.p
	g.s.On(facts, call.Interrupted{})[0].(call.Beside).Work(t.Context())
	if b := l.bridges[0]; b.tones != 1 {
		t.Errorf("said %d times", b.tones)
	}
}

type seated struct {
	media.Endpoint
	id string
}

func (s seated) ID() string { return s.id }

// lobby is a house of rooms.
type lobby struct {
	p       Programs
	conf    Conference
	bridges []*seatedBridge
}

func newLobby(conf Conference) *lobby {
	l := &lobby{conf: conf}
	l.p.Rooms = NewRooms(func() media.Bridge {
		b := &seatedBridge{in: map[string]media.Gate{}}
		l.bridges = append(l.bridges, b)
		return b
	})
	l.p.Conference = func(_, n string) (Conference, bool) { return l.conf, n == l.conf.Number }
	l.p.Beep = func(bool, media.Codec) (media.Source, error) { return nil, errMissing }
	return l
}

// guest plays the part of a call: it carries out what concerns the room.
type guest struct {
	t    *testing.T
	id   string
	s    call.Script
	room call.Room
	over string
	told int
}

func (l *lobby) call(t *testing.T, id string) *guest {
	t.Helper()
	s, ok := l.p.Script("d", route.Run{Verb: route.VerbConference, Name: l.conf.Number})
	if !ok {
		t.Fatal("no script")
	}
	return &guest{t: t, id: id, s: s}
}

var facts = call.Facts{Domain: "d", Language: "ja"}

// cue tells the script and draws what it orders.
func (c *guest) cue(q call.Cue) string {
	c.t.Helper()
	var out []string
	for _, o := range c.s.On(facts, q) {
		out = append(out, strings.TrimPrefix(fmt.Sprintf("%T", o), "call."))
		switch o := o.(type) {
		case call.Finish:
			c.over = fmt.Sprint(o.Cause.Status)
		case call.Enter:
			if c.room != nil {
				c.room.Seat(c.id, o.Gate)
				continue
			}
			c.room = o.Room
			if err := o.Room.Enter(call.Guest{Endpoint: seated{id: c.id}, Party: recorder.Party{Endpoint: c.id}, Moderator: o.Moderator, Gate: o.Gate,
				Tell: func() { c.told++ }}); err != nil {
				c.room = nil
				out = append(out, c.cue(call.Refused{}))
			}
		}
	}
	return strings.Join(out, " ")
}

// look tells it who is there.
func (c *guest) look() string {
	c.t.Helper()
	s := c.room.State()
	return c.cue(call.Company{Others: len(s.Guests) - 1, Moderators: s.Moderators, Locked: s.Locked, Over: s.Over})
}

func (c *guest) press(keys string) string {
	c.t.Helper()
	return c.cue(call.Gathered{Keys: call.NewKeys(keys, true)})
}

func (c *guest) leave() {
	c.room.Leave(c.id)
	c.cue(call.Left{})
}

func (c *guest) want(what, got, want string) {
	c.t.Helper()
	if got != want {
		c.t.Errorf("%s: %s, want %s", what, got, want)
	}
}

func TestConferenceWithPIN(t *testing.T) {
	l := newLobby(Conference{Number: "8000", PIN: "1234", Moderator: "9876", Wait: true, Tones: true, Most: 3})
	a := l.call(t, "a")
	a.want("begins", a.cue(call.Began{}), "PickUp Wake Play Gather")
	a.want("wrong", a.press("1111"), "Play Gather")
	a.want("right", a.press("1234"), "Hush Enter Gather")
	a.want("waits", a.look(), "Play")
	if g := l.bridges[0].in["a"]; g != media.GateNone || l.bridges[0].tones != 0 {
		t.Errorf("before the moderator: gate %d, %d tones", g, l.bridges[0].tones)
	}
	m := l.call(t, "m")
	m.cue(call.Began{})
	m.want("moderator", m.press("9876"), "Hush Enter Gather")
	a.want("it begins", a.look(), "Enter Hush")
	m.want("the moderator is not alone", m.look(), "")
	if g := l.bridges[0].in["a"]; g != media.GateBoth || l.bridges[0].tones != 1 || a.told < 2 {
		t.Errorf("with the moderator: gate %d, %d tones, told %d times", g, l.bridges[0].tones, a.told)
	}
	a.want("mute", a.press("*6"), "Gather Enter")
	a.want("what is no key of ours", a.press("5"), "Gather")
	a.want("a guest cannot end it", a.press("*8"), "Gather")
	if g := l.bridges[0].in["a"]; g != media.GateListen || m.room.State().Over {
		t.Errorf("muted: gate %d", g)
	}
	m.press("*7")
	m.look()
	b := l.call(t, "b")
	b.cue(call.Began{})
	if b.press("1234"); b.over != "486" {
		t.Errorf("into a locked room: %s", b.over)
	}
	m.press("*7")
	m.look()
	b = l.call(t, "b")
	b.cue(call.Began{})
	b.press("1234")
	if c := l.call(t, "c"); c.cue(call.Began{}) == "" || c.press("1234") == "" || c.over != "486" {
		t.Errorf("into a full room: %s", c.over)
	}
	m.press("*8")
	for _, c := range []*guest{a, b, m} {
		if c.look(); c.over != "200" {
			t.Errorf("%s goes on: %q", c.id, c.over)
		}
		c.leave()
	}
	if l.p.Rooms.Len() != 0 || !l.bridges[0].closed || len(l.bridges) != 1 {
		t.Errorf("%d rooms, %d bridges", l.p.Rooms.Len(), len(l.bridges))
	}
}

func TestConferenceWithoutPIN(t *testing.T) {
	l := newLobby(Conference{Number: "8000"})
	a, b := l.call(t, "a"), l.call(t, "b")
	a.want("begins", a.cue(call.Began{}), "PickUp Wake Hush Enter Gather")
	a.want("alone", a.look(), "Play")
	a.want("the words are over", a.cue(call.Played{Complete: true}), "Play")
	b.cue(call.Began{})
	a.want("not alone", a.look(), "Hush")
	b.leave()
	a.want("alone again", a.look(), "Play")
	a.want("a day later", a.cue(call.Elapsed{}), "Finish")
	a.leave()
	if _, ok := l.p.Script("d", route.Run{Verb: route.VerbConference, Name: "9999"}); ok {
		t.Error("a room that is not set up")
	}
}

// Many phones guess no faster than one, and a right guess among too many looks wrong.
func TestConferenceGuessing(t *testing.T) {
	l := newLobby(Conference{Number: "8000", PIN: "1234"})
	var ends []string
	for i := range 6 {
		c := l.call(t, fmt.Sprint(i))
		c.cue(call.Began{})
		for j := range pinTries {
			if c.over == "" {
				c.press(fmt.Sprintf("%04d", 10*i+j))
			}
		}
		ends = append(ends, c.over)
	}
	if slices.Contains(ends, "") || slices.Contains(ends, "200") {
		t.Errorf("guesses end with %v", ends)
	}
	c := l.call(t, "right")
	c.cue(call.Began{})
	if c.press("1234"); c.over != "403" || c.room != nil {
		t.Errorf("the right PIN after too many wrong ones: %q", c.over)
	}
	if !l.p.Rooms.Guessing("d", "8001") {
		t.Error("another room is closed by it")
	}
}

// Nobody whose class of numbers demands encryption is in one room with somebody in the clear, whoever came first.
func TestRoomIsAsEncryptedAsItsGuests(t *testing.T) {
	for _, secretFirst := range []bool{true, false} {
		rooms := NewRooms(func() media.Bridge { return &seatedBridge{in: map[string]media.Gate{}} })
		room := rooms.Get("d", "800", 0)
		guest := func(id string) call.Guest {
			return call.Guest{Endpoint: seated{id: id}, Party: recorder.Party{Endpoint: id}, Tell: func() {}}
		}
		secret, clear, other := guest("secret"), guest("clear"), guest("other")
		secret.Secret, clear.Clear = true, true
		first, second := secret, clear
		if !secretFirst {
			first, second = clear, secret
		}
		if err := errors.Join(room.Enter(first), room.Enter(other)); err != nil {
			t.Fatal(err)
		}
		if err := room.Enter(second); !errors.Is(err, media.ErrPolicy) || len(room.State().Guests) != 2 {
			t.Errorf("%v, %d guests", err, len(room.State().Guests))
		}
		room.Leave("secret")
		room.Leave("clear")
		if err := room.Enter(second); err != nil {
			t.Errorf("after the other had left: %v", err)
		}
	}
}
