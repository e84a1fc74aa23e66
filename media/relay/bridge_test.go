package relay

import (
	"errors"
	"strings"
	"testing"
	"time"

	"naisen/media"
)

func TestGates(t *testing.T) {
	tests := []struct {
		gate         media.Gate // of a
		aHeard, aHas bool       // b hears a; a hears b
	}{
		{media.GateBoth, true, true},
		{media.GateListen, false, true},
		{media.GateTalk, true, false},
		{media.GateNone, false, false},
	}
	e := engineFor(t, Config{Shards: 1})
	c := newCall(t, e, media.SecurityForbidden, media.SecurityRequired)
	w := &witness{}
	c.bridge.Attach(w)
	for _, tt := range tests {
		c.bridge.Gate(c.la.Endpoint, tt.gate)
		before := len(w.seen())
		c.a.say(frame('A', 1))
		c.b.say(frame('B', 1))
		eventually(t, "both recorded whatever the gate", func() bool { return len(w.seen()) == before+2 })
		if _, ok := c.b.hearFor(30 * time.Millisecond); ok != tt.aHeard {
			t.Errorf("gate %d: b hears a: %v", tt.gate, ok)
		}
		if _, ok := c.a.hearFor(30 * time.Millisecond); ok != tt.aHas {
			t.Errorf("gate %d: a hears b: %v", tt.gate, ok)
		}
	}
}

func TestBridgeMembers(t *testing.T) {
	e := engineFor(t, Config{Shards: 2})
	b := e.Bridge()
	if b.String() != "empty taps=0" {
		t.Error(b.String())
	}
	l := []testLeg{newLeg(t, e, media.Profile{}), newLeg(t, e, media.Profile{}), newLeg(t, e, media.Profile{})}
	for i, want := range []error{nil, nil} {
		if err := b.Join(l[i].Endpoint); !errors.Is(err, want) || (err == nil) != (want == nil) {
			t.Errorf("Join %d: %v", i, err)
		}
	}
	if err := b.Join(l[0].Endpoint); err != nil {
		t.Errorf("Join again: %v", err)
	}
	if err := e.Bridge().Join(l[0].Endpoint); !errors.Is(err, ErrBusy) {
		t.Errorf("Join elsewhere: %v", err)
	}
	if s := b.String(); !strings.Contains(s, "not negotiated") {
		t.Error(s)
	}
	b.Leave(l[0].Endpoint)
	b.Leave(l[0].Endpoint)
	if err := b.Join(l[2].Endpoint); err != nil {
		t.Error(err)
	}
	_ = l[1].Close() // leaves by itself
	if s := b.String(); strings.Count(s, "[") != 1 {
		t.Error(s)
	}
	_ = b.Close()
	if err := b.Join(l[0].Endpoint); !errors.Is(err, media.ErrClosed) {
		t.Errorf("Join after Close: %v", err)
	}
	if err := e.Bridge().Join(l[2].Endpoint); err != nil {
		t.Errorf("a closed bridge holds its members: %v", err)
	}
	if err := e.Bridge().Join(nil); err == nil {
		t.Error("Join(nil)")
	}
	e.Bridge().Leave(nil)
	e.Bridge().Gate(nil, media.GateNone)
}

func TestDetach(t *testing.T) {
	e := engineFor(t, Config{Shards: 1})
	c := newCall(t, e, media.SecurityForbidden, media.SecurityForbidden)
	w := &witness{}
	detach := c.bridge.Attach(w)
	second := c.bridge.Attach(w) // the same tap twice is two attachments
	c.exchange(t, 2)
	eventually(t, "seen", func() bool { return len(w.seen()) == 8 })
	detach()
	detach()
	c.exchange(t, 1)
	eventually(t, "seen", func() bool { return len(w.seen()) == 10 })
	second()
	c.exchange(t, 1)
	if n := len(w.seen()); n != 10 {
		t.Errorf("seen %d after detach", n)
	}
	if s := c.bridge.String(); !strings.Contains(s, "<-> (relay)") || !strings.Contains(s, "taps=0") {
		t.Error(s)
	}
}

// TestTransfer moves a leg from one bridge to another, across shards, while everyone speaks: what each peer hears stays one stream.
func TestTransfer(t *testing.T) {
	e := engineFor(t, Config{Shards: 2})
	one := newCall(t, e, media.SecurityRequired, media.SecurityForbidden)
	two := newCall(t, e, media.SecurityForbidden, media.SecurityRequired)
	one.exchange(t, 5)
	two.exchange(t, 5)
	two.b.say(frame('B', 5))
	last := two.a.hear()
	two.bridge.Leave(two.lb.Endpoint)
	one.bridge.Leave(one.lb.Endpoint)
	if err := two.bridge.Join(one.lb.Endpoint); err != nil {
		t.Fatal(err)
	}
	moved := &call{a: two.a, b: one.b}
	one.b.say(frame('B', 6))
	got := two.a.hear()
	follows(t, "the new partner", last, got, true)
	moved.exchange(t, 20)
	owner := func(l testLeg) *shard { return l.Endpoint.(*endpoint).shard.Load() }
	eventually(t, "one shard", func() bool { return owner(two.la) == owner(one.lb) })
}
