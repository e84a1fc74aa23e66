package app

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"naisen/cmd/pbx/internal/call"
	"naisen/media"
	"naisen/recorder"
)

// promptBridge lets each newcomer say something in the very moment in which it joins.
type promptBridge struct {
	seatedBridge
	taps []media.Tap
	full bool
}

func (b *promptBridge) Join(e media.Endpoint) error {
	if b.full {
		return errors.New("full")
	}
	for _, t := range b.taps {
		t.Tap(&media.Frame{From: e.ID()})
	}
	return b.seatedBridge.Join(e)
}

func (b *promptBridge) Attach(t media.Tap) func() {
	b.taps = append(b.taps, t)
	return func() { b.taps = slices.DeleteFunc(b.taps, func(o media.Tap) bool { return o == t }) }
}

// tape is a guest's recording: what it was told and heard, in order, and what it heard of strangers.
type tape struct {
	own       string
	told      []string
	known     map[string]bool
	strangers int
}

func (r *tape) Party(p recorder.Party) {
	if p.Endpoint != r.own && p.Endpoint != "" {
		r.told, r.known[p.Endpoint] = append(r.told, "+"+p.Endpoint), true
	}
}

func (r *tape) Left(id string) {
	if id != r.own && id != "" {
		r.told, r.known[id] = append(r.told, "-"+id), false
	}
}

func (r *tape) Tap(f *media.Frame) {
	switch {
	case f.From == r.own:
	case r.known[f.From]:
		r.told = append(r.told, f.From)
	case f.From != "never":
		r.strangers++
	}
}

// comer is a guest with its recording, as a call lets it in.
type comer struct {
	guest  call.Guest
	tape   *tape
	detach func()
}

func newComer(m *Room, id string) *comer {
	c := &comer{call.Guest{Endpoint: seated{id: id}, Party: recorder.Party{Endpoint: id}, Tell: func() {}}, &tape{own: id, known: map[string]bool{}}, nil}
	c.detach = m.Tap(c.tape, c.tape)
	return c
}

func (c *comer) want(t *testing.T, want string) {
	t.Helper()
	if got := fmt.Sprint(c.tape.told); got != want || c.tape.strangers != 0 {
		t.Errorf("the recording of %s: %s and %d of strangers, want %s", c.tape.own, got, c.tape.strangers, want)
	}
}

// What a new guest says first is in the recordings of all others, whoever of them came in which way: each is told once, before the guest is heard.
func TestFirstPacketOfAGuest(t *testing.T) {
	var bridges []*promptBridge
	rooms := NewRooms(func() media.Bridge {
		bridges = append(bridges, &promptBridge{seatedBridge: seatedBridge{in: map[string]media.Gate{}}})
		return bridges[len(bridges)-1]
	})
	m := rooms.Get("d", "800", 0)
	a, b := newComer(m, "a"), newComer(m, "b") // the recording of b is there before a comes in
	hidden := call.Guest{Endpoint: seated{id: "never"}, Tell: func() {}}
	if err := errors.Join(m.Enter(a.guest), m.Enter(b.guest), m.Enter(hidden)); err != nil {
		t.Fatal(err)
	}
	a.want(t, "[+b b]")
	b.want(t, "[+a a]")
	c := newComer(m, "c")
	c.want(t, "[+a +b]")
	bridges[0].full = true
	if err := m.Enter(c.guest); err == nil {
		t.Fatal("into a full bridge")
	}
	bridges[0].full = false
	b.want(t, "[+a a +c -c]")
	m.Leave("c")
	c.detach()
	m.Leave("b")
	a.want(t, "[+b b +c -c -b]")
	b.detach()
	m.Leave("a")
	m.Leave("never")
	a.want(t, "[+b b +c -c -b]")
	if bridges[0].closed {
		t.Error("the room is closed before its last recording has gone")
	}
	a.detach()
	a.detach()
	if !bridges[0].closed || len(bridges[0].taps) != 0 || len(rooms.open) != 0 {
		t.Errorf("closed %t, %d taps, %d rooms", bridges[0].closed, len(bridges[0].taps), len(rooms.open))
	}
}

// Who comes while the last one leaves is recorded: its recording was there before.
func TestRecordedWhileTheLastLeaves(t *testing.T) {
	bridge := &promptBridge{seatedBridge: seatedBridge{in: map[string]media.Gate{}}}
	made := 0
	rooms := NewRooms(func() media.Bridge { made++; return bridge })
	m := rooms.Get("d", "800", 0)
	a := newComer(m, "a")
	if err := m.Enter(a.guest); err != nil {
		t.Fatal(err)
	}
	m.Lock(true)
	b := newComer(m, "b")
	m.Leave("a")
	a.detach()
	if err := m.Enter(b.guest); err != nil || made != 1 || len(bridge.taps) != 1 {
		t.Errorf("%v, %d bridges, %d taps", err, made, len(bridge.taps))
	}
	b.want(t, "[+a -a]")
	m.Leave("b")
	b.detach()
	if !bridge.closed || len(rooms.open) != 0 {
		t.Errorf("closed %t, %d rooms", bridge.closed, len(rooms.open))
	}
}
