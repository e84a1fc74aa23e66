package relay

import (
	"errors"
	"testing"

	"naisen/media"
)

func TestSourceChanges(t *testing.T) { // threats E8
	eachSecurity(t, func(t *testing.T, s media.Security) {
		e := engineFor(t, Config{Shards: 1})
		c := newCall(t, e, s, s)
		c.a.seq = 65500
		n := 0
		var last heard
		talk := func(what string, gap bool) {
			t.Helper()
			for i := range 60 {
				n++
				c.a.say(frame('A', n))
				got := c.b.hear()
				if got.payload[3] != byte(n) {
					t.Fatalf("%s: lost a frame", what)
				}
				if n > 1 {
					follows(t, what, last, got, gap && i == 0)
				}
				last = got
			}
		}
		talk("sequence wraps", false)
		c.a.ssrc++
		c.a.seq, c.a.ts = 7, 99
		talk("new SSRC, lower timestamps", true)
		c.a.ssrc, c.a.seq = c.a.ssrc-1, c.a.seq+5000
		c.a.say(frame('A', 0)) // and the old one once more
		c.a.ssrc, c.a.seq = c.a.ssrc+1, c.a.seq-5001
		eventually(t, "a late packet of the old SSRC is dropped", func() bool { return e.Totals().Unnegotiated == 1 })
		c.a.ts += 1_000_000
		talk("timestamp jumps", true)
		if st := c.la.Stats(); st.Lost != 0 || st.Received != 180 {
			t.Errorf("stats %+v", st)
		}
	})
}

func TestRollover(t *testing.T) { // threats E11
	if testing.Short() {
		t.Skip("70,000 packets")
	}
	e := engineFor(t, Config{Shards: 1, PacketRate: 1_000_000})
	c := newCall(t, e, media.SecurityRequired, media.SecurityRequired)
	for i := range 70_000 {
		c.a.say(frame('A', i))
		if got := c.b.hear(); got.payload[4] != 'A' {
			t.Fatal("wrong payload")
		}
	}
	if st := c.la.Stats(); st.Received != 70_000 || st.Unauthentic+st.Replayed+st.Lost != 0 {
		t.Errorf("stats %+v", st)
	}
	before := c.a.in
	secure := want(media.SecurityRequired)
	c.a.calls(c.la, media.Want{Security: media.SecurityRequired, Direction: media.Inactive}, secure)
	c.a.calls(c.la, secure, secure) // same keys: the rollover counters stay
	if c.a.in != before {
		t.Fatal("keys changed")
	}
	c.exchange(t, 3)
}

func TestDowngradeRefused(t *testing.T) { // threats E13
	e := engineFor(t, Config{Shards: 1})
	c := newCall(t, e, media.SecurityRequired, media.SecurityRequired)
	c.exchange(t, 3)
	other := newPhone(t)
	offer, err := other.neg.Offer(want(media.SecurityForbidden))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.la.Answer(offer, want(media.SecurityRequired)); !errors.Is(err, media.ErrPolicy) && !errors.Is(err, media.ErrNoMatch) {
		t.Errorf("a plain offer in a secure call: %v", err)
	}
	c.exchange(t, 3)
}

func TestRollbackKeepsTheOldSession(t *testing.T) {
	e := engineFor(t, Config{Shards: 1})
	c := newCall(t, e, media.SecurityRequired, media.SecurityForbidden)
	c.exchange(t, 3)
	if _, err := c.la.Offer(media.Want{Security: media.SecurityRequired, Direction: media.Inactive}); err != nil {
		t.Fatal(err)
	}
	c.exchange(t, 3)
	c.la.Rollback()
	c.exchange(t, 3)
	if _, err := c.la.Offer(want(media.SecurityRequired)); err != nil {
		t.Errorf("offer after Rollback: %v", err)
	}
}

func TestNewKeysMidCall(t *testing.T) {
	e := engineFor(t, Config{Shards: 1})
	c := newCall(t, e, media.SecurityRequired, media.SecurityForbidden)
	c.exchange(t, 3)
	// Another instance takes the call over: new keys, new port, new SSRC.
	c.a = newPhone(t)
	c.a.calls(c.la, want(media.SecurityRequired), want(media.SecurityRequired))
	c.exchange(t, 5)
}

// Both phones chose the SSRC that the switch uses towards one of them (RFC 3550 section 8.2): nothing is taken for its own echo, and each stream goes on.
func TestSSRCCollision(t *testing.T) {
	eachSecurity(t, func(t *testing.T, s media.Security) {
		e := engineFor(t, Config{Shards: 1})
		c := newCall(t, e, s, s)
		c.a.ssrc = c.la.Endpoint.(*endpoint).ssrc
		c.b.ssrc = c.a.ssrc
		c.exchange(t, 30)
		if st := c.la.Stats(); st.Received != 30 || st.Lost+st.Replayed+st.Unauthentic != 0 {
			t.Errorf("%+v", st)
		}
	})
}

// A leg in the clear is asked to go on encrypted, as the class of numbers demands that it is sent to: the other one notices nothing, nothing in the
// clear is heard any more, and it cannot be taken back (threats E10, E13).
func TestEncryptedMidCall(t *testing.T) {
	e := engineFor(t, Config{Shards: 1})
	c := newCall(t, e, media.SecurityForbidden, media.SecurityForbidden)
	c.exchange(t, 3)
	if st := c.la.Stats(); st.Secure || st.SRTP != "" {
		t.Fatalf("encrypted already: %+v", st)
	}
	c.a.called(c.la, want(media.SecurityRequired))
	c.exchange(t, 5)
	if st := c.la.Stats(); !st.Secure || st.SRTP != "AEAD_AES_128_GCM" || c.lb.Stats().Secure {
		t.Errorf("%+v", st)
	}
	keys := c.a.out
	c.a.out = nil
	c.a.say(frame('A', 1))
	c.a.out = keys
	eventually(t, "a packet in the clear is dropped", func() bool { return c.la.Stats().Unauthentic == 1 })
	c.exchange(t, 3)
	back, err := newPhone(t).neg.Offer(want(media.SecurityForbidden))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.la.Answer(back, want(media.SecurityPreferred)); !errors.Is(err, media.ErrPolicy) {
		t.Errorf("taken back: %v", err)
	}
	c.exchange(t, 3)
}
