package relay

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"naisen/media"
	"naisen/media/codec/g711"
)

// exchange lets both phones speak n frames and checks that each hears the other's, byte for byte, as one unbroken stream.
func (c *call) exchange(t testing.TB, n int) {
	t.Helper()
	var last [2]heard
	for i := range n {
		for side, pair := range [2][2]*phone{{c.a, c.b}, {c.b, c.a}} {
			from, to := pair[0], pair[1]
			sent := frame(byte('A'+side), i)
			from.say(sent)
			got := to.hear()
			if !bytes.Equal(got.payload, sent) {
				t.Fatalf("frame %d: heard % x, want % x", i, got.payload[:8], sent[:8])
			}
			if got.PayloadType != to.agreed.RecvPT {
				t.Fatalf("payload type %d, agreed %d", got.PayloadType, to.agreed.RecvPT)
			}
			if got.from != to.agreed.Remote {
				t.Fatalf("came from %v, agreed %v", got.from, to.agreed.Remote)
			}
			if i > 0 && (got.SSRC != last[side].SSRC || got.Sequence != last[side].Sequence+1 || got.Timestamp != last[side].Timestamp+160) {
				t.Fatalf("broken stream: %+v after %+v", got.Header, last[side].Header)
			}
			last[side] = got
		}
	}
}

func TestRelayBothWays(t *testing.T) {
	for _, shards := range []int{1, 2} {
		for _, sa := range []media.Security{media.SecurityForbidden, media.SecurityRequired} {
			for _, sb := range []media.Security{media.SecurityForbidden, media.SecurityRequired} {
				t.Run(fmt.Sprintf("shards %d, security %d and %d", shards, sa, sb), func(t *testing.T) {
					e := engineFor(t, Config{Shards: shards})
					c := newCall(t, e, sa, sb)
					c.exchange(t, 50)
					event[media.FirstPacket](t, c.la)
					event[media.FirstPacket](t, c.lb)
					eventually(t, "counted", func() bool { return c.la.Stats().Sent == 50 && c.lb.Stats().Sent == 50 })
					st := c.la.Stats()
					if st.Received != 50 || st.Sent != 50 || st.ReceivedBytes != 50*160 || st.SentBytes != 50*160 {
						t.Errorf("stats %+v", st)
					}
					if st.Remote != c.a.addr() || (st.SRTP != "") != (sa == media.SecurityRequired) {
						t.Errorf("stats %+v", st)
					}
					if n := e.Totals(); n.Received != 100 || n.Endpoints != 2 || n.PortPairs != 2 {
						t.Errorf("totals %+v", n)
					}
				})
			}
		}
	}
}

func TestRelayTranslatesG711(t *testing.T) {
	e := engineFor(t, Config{Shards: 1})
	c := &call{a: newPhone(t, media.PCMU), b: newPhone(t, media.PCMA), bridge: e.Bridge()}
	c.la, c.lb = newLeg(t, e, media.Profile{}), newLeg(t, e, media.Profile{})
	plain := want(media.SecurityForbidden)
	c.a.calls(c.la, plain, plain)
	c.b.called(c.lb, plain)
	c.join(t)
	sent := make([]byte, 256)
	for i := range sent {
		sent[i] = byte(i)
	}
	c.a.say(sent)
	got := c.b.hear()
	want := bytes.Clone(sent)
	if g711.UToA(want); !bytes.Equal(got.payload, want) || bytes.Equal(want, sent) {
		t.Errorf("µ-law became % x", got.payload)
	}
	c.b.say(sent)
	got = c.a.hear()
	want = bytes.Clone(sent)
	if g711.AToU(want); !bytes.Equal(got.payload, want) || bytes.Equal(want, sent) {
		t.Errorf("A-law became % x", got.payload)
	}
	if s := c.bridge.String(); !strings.Contains(s, "<-> (table)") {
		t.Error(s)
	}
}

func TestRelayNoCommonCodec(t *testing.T) {
	e := engineFor(t, Config{Shards: 1})
	c := &call{a: newPhone(t, media.PCMU), b: newPhone(t, media.G729), bridge: e.Bridge()}
	c.la, c.lb = newLeg(t, e, media.Profile{}), newLeg(t, e, media.Profile{})
	plain := want(media.SecurityForbidden)
	c.a.calls(c.la, plain, plain)
	c.b.called(c.lb, media.Want{Prefer: []media.Codec{media.G729}})
	c.join(t)
	c.a.say(frame('A', 0))
	eventually(t, "counted", func() bool { return e.Totals().Unrelayed == 1 })
	c.b.silence(20 * time.Millisecond)
	if s := c.bridge.String(); !strings.Contains(s, "not relayed") {
		t.Error(s)
	}
}

func TestRelayAfterClose(t *testing.T) { // threats E17
	e := engineFor(t, Config{Shards: 1})
	c := newCall(t, e, media.SecurityForbidden, media.SecurityRequired)
	c.exchange(t, 3)
	to := c.a.agreed.Remote
	if err := c.la.Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.la.Close(); err != nil {
		t.Error("closing twice:", err)
	}
	c.a.say(frame('A', 9))
	c.b.silence(50 * time.Millisecond)
	c.b.say(frame('B', 9)) // nobody hears it; nothing breaks
	c.a.silence(50 * time.Millisecond)
	fd, err := listenUDP(to, 0)
	if err != nil {
		t.Errorf("the port is not free: %v", err)
	} else {
		_ = unix.Close(fd)
	}
	if n := e.Totals(); n.PortPairs != 1 || n.Endpoints != 1 || n.Received < 6 {
		t.Errorf("totals %+v", n)
	}
	if _, err := c.la.Offer(media.Want{}); !errors.Is(err, media.ErrClosed) {
		t.Errorf("Offer after Close: %v", err)
	}
	if err := c.bridge.Join(c.la.Endpoint); !errors.Is(err, media.ErrClosed) {
		t.Errorf("Join after Close: %v", err)
	}
}

func TestEngineLimits(t *testing.T) {
	e := engineFor(t, Config{Shards: 1, MaxEndpoints: 1})
	l := newLeg(t, e, media.Profile{})
	if _, err := e.Endpoint(media.Profile{Local: loopback}, func(media.Event) {}); !errors.Is(err, media.ErrNoPorts) {
		t.Errorf("second of one: %v", err)
	}
	_ = l.Close()
	if _, err := e.Endpoint(media.Profile{}, func(media.Event) {}); !errors.Is(err, ErrConfig) {
		t.Errorf("no address: %v", err)
	}
	if _, err := e.Endpoint(media.Profile{Local: netip.MustParseAddr("192.0.2.1")}, func(media.Event) {}); err == nil || errors.Is(err, media.ErrNoPorts) {
		t.Errorf("foreign address: %v", err)
	}
	_ = e.Close()
	if _, err := e.Endpoint(media.Profile{Local: loopback}, func(media.Event) {}); !errors.Is(err, media.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	for _, c := range []Config{{PortMin: 80, PortMax: 90}, {PortMin: 5000, PortMax: 5000}, {Shards: -1}, {MaxEndpoints: -1}, {PortMin: 65000, PortMax: 70000}} {
		if _, err := New(c); !errors.Is(err, ErrConfig) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

func TestEarlyPacketsTeachNothing(t *testing.T) {
	e := engineFor(t, Config{Shards: 1})
	p, l := newPhone(t), newLeg(t, e, media.Profile{})
	plain := want(media.SecurityForbidden)
	offer, err := l.Offer(plain)
	if err != nil {
		t.Fatal(err)
	}
	answer, a, err := p.neg.Answer(offer, plain)
	if err != nil {
		t.Fatal(err)
	}
	p.take(a)
	for i := range 20 {
		p.say(frame('A', i))
	}
	eventually(t, "dropped", func() bool { return e.Totals().Early == 20 })
	if st := l.Stats(); st.Received != 0 || st.Remote.IsValid() {
		t.Errorf("learned before the answer: %+v", st)
	}
	if err := l.Accept(answer); err != nil {
		t.Fatal(err)
	}
	p.say(frame('A', 20))
	eventually(t, "received", func() bool { return l.Stats().Received == 1 })
}

func TestHoldByZeroAddress(t *testing.T) {
	e := engineFor(t, Config{Shards: 1})
	c := newCall(t, e, media.SecurityForbidden, media.SecurityForbidden)
	c.exchange(t, 2)
	plain := want(media.SecurityForbidden)
	offer, err := c.a.neg.Offer(plain)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.la.Answer(media.SDP(strings.ReplaceAll(string(offer), "IN IP4 127.0.0.1", "IN IP4 0.0.0.0")), plain); err != nil {
		t.Fatal(err)
	}
	if !c.la.PeerHolds() {
		t.Error("not a hold")
	}
	c.b.say(frame('B', 1))
	eventually(t, "gated", func() bool { return e.Totals().Gated == 1 })
	c.a.silence(20 * time.Millisecond)
	if got := c.la.Stats().Remote; got != c.a.addr() {
		t.Errorf("remote %v: where the peer is was forgotten", got)
	}
}

func TestHoldAndResume(t *testing.T) {
	e := engineFor(t, Config{Shards: 1})
	c := newCall(t, e, media.SecurityRequired, media.SecurityForbidden)
	c.exchange(t, 3)
	// a puts us on hold: it may not hear, b's voice stops there.
	c.a.calls(c.la, media.Want{Security: media.SecurityRequired, Direction: media.Inactive}, want(media.SecurityRequired))
	if !c.la.PeerHolds() {
		t.Error("PeerHolds is false")
	}
	c.b.say(frame('B', 1))
	eventually(t, "gated", func() bool { return e.Totals().Gated >= 1 })
	c.a.silence(20 * time.Millisecond)
	w := &witness{}
	defer c.bridge.Attach(w)()
	c.a.say(frame('A', 1)) // what a held phone sends is neither heard nor recorded
	eventually(t, "gated", func() bool { return e.Totals().Gated >= 2 })
	c.b.silence(20 * time.Millisecond)
	if n := len(w.seen()); n != 0 {
		t.Errorf("taps saw %d frames of a held phone", n)
	}
	before := c.a.in
	c.a.calls(c.la, want(media.SecurityRequired), want(media.SecurityRequired))
	if c.la.PeerHolds() {
		t.Error("PeerHolds stays")
	}
	if c.a.in != before {
		t.Fatal("the keys changed without need")
	}
	c.b.say(frame('B', 2))
	if got := c.a.hear(); got.payload[3] != 2 {
		t.Errorf("heard % x", got.payload[:4])
	}
}
