package relay

import (
	"bytes"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"naisen/media"
	"naisen/media/rtp"
	"naisen/media/sdp"
	"naisen/media/secure"
)

// attacker is a stranger with a socket of his own.
type attacker struct {
	t    testing.TB
	conn *net.UDPConn
}

func newAttacker(t testing.TB) *attacker {
	t.Helper()
	c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(ap("127.0.0.1:0")))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return &attacker{t, c}
}

// spray sends n packets that look right to a phone's port of the relay.
func (x *attacker) spray(p *phone, n int, ssrc uint32, seq uint16) {
	x.t.Helper()
	for i := range n {
		h := rtp.Header{PayloadType: p.agreed.SendPT, Sequence: seq + uint16(i), Timestamp: 160 * uint32(i), SSRC: ssrc}
		if _, err := x.conn.WriteToUDPAddrPort(h.Append(nil, frame('X', i)), p.agreed.Remote); err != nil {
			x.t.Fatal(err)
		}
	}
}

// deaf fails if the attacker got anything.
func (x *attacker) deaf() {
	x.t.Helper()
	_ = x.conn.SetReadDeadline(time.Now().Add(30 * time.Millisecond))
	var b [2048]byte
	if n, _, err := x.conn.ReadFromUDPAddrPort(b[:]); err == nil {
		x.t.Errorf("the stranger received %d octets", n)
	}
}

func eachSecurity(t *testing.T, f func(*testing.T, media.Security)) {
	for name, s := range map[string]media.Security{"RTP": media.SecurityForbidden, "SRTP": media.SecurityRequired} {
		t.Run(name, func(t *testing.T) { f(t, s) })
	}
}

func TestStrangerFirst(t *testing.T) { // threats E1
	eachSecurity(t, func(t *testing.T, s media.Security) {
		e := engineFor(t, Config{Shards: 1})
		c := newCall(t, e, s, s)
		x := newAttacker(t)
		x.spray(c.a, 30, 666, 1)
		x.spray(c.b, 30, 666, 1)
		eventually(t, "refused", func() bool {
			n := e.Totals()
			return n.Early+n.Stranger+n.Unauthentic+n.Malformed == 60
		})
		c.exchange(t, 20)
		x.spray(c.a, 30, 666, 100)
		c.exchange(t, 20)
		x.deaf()
	})
}

// TestStrangerOfTheSameHost: the telephone of a call that is over speaks on to a port that another telephone of its host got, which is silent for longer than
// anything is learned. When it speaks it is heard, and the other one not any more.
func TestStrangerOfTheSameHost(t *testing.T) {
	const window = 1500 * time.Millisecond
	e := engineFor(t, Config{Shards: 1, LearnWindow: window})
	c := newCall(t, e, media.SecurityForbidden, media.SecurityForbidden)
	x := newAttacker(t)
	began := time.Now()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for i := 0; time.Since(began) < window+100*time.Millisecond; i++ {
		x.spray(c.a, 1, 666, uint16(i))
		<-tick.C
	}
	if got := c.la.Stats().Remote; got != x.conn.LocalAddr().(*net.UDPAddr).AddrPort() {
		t.Fatalf("the test is about a source that was learned: %v", got)
	}
	c.a.say(frame('A', 1))
	for c.b.hear().payload[4] != 'A' { // what the other one said while it was learned
	}
	x.spray(c.a, 20, 666, 1000)
	c.b.silence(20 * time.Millisecond)
	if got := c.la.Stats().Remote; got != c.a.addr() {
		t.Errorf("the endpoint sends to %v", got)
	}
}

func TestStrangerLater(t *testing.T) { // threats E2, E3, E4, E7
	eachSecurity(t, func(t *testing.T, s media.Security) {
		e := engineFor(t, Config{Shards: 1})
		c := newCall(t, e, s, s)
		c.exchange(t, 5)
		x := newAttacker(t)
		for range 10 {
			x.spray(c.a, 40, rand.Uint32(), uint16(rand.Uint32()))
			x.spray(c.a, 5, c.a.ssrc, c.a.seq+500) // guessed SSRC, ahead of the sender
			key := rtp.Header{PayloadType: c.a.agreed.EventSendPT, Sequence: c.a.seq + 1, Timestamp: c.a.ts, SSRC: c.a.ssrc}
			_, _ = x.conn.WriteToUDPAddrPort(key.Append(nil, []byte{5, 0x8a, 3, 0x20}), c.a.agreed.Remote)
			c.a.say(frame('A', 1))
			if got := c.b.hear(); got.payload[4] != 'A' {
				t.Fatalf("heard the stranger: % x", got.payload[:8])
			}
		}
		c.b.silence(20 * time.Millisecond)
		x.deaf()
		for len(c.la.events) > 0 {
			if d, ok := (<-c.la.events).(media.Digit); ok {
				t.Errorf("the stranger pressed %c", d.Rune)
			}
		}
		if st := c.la.Stats(); st.Stranger+st.Unauthentic+st.Malformed != 10*46 || st.Received != 15 {
			t.Errorf("stats %+v", st)
		}
	})
}

func TestFlood(t *testing.T) { // threats E7
	if testing.Short() {
		t.Skip("a second of flood")
	}
	e := engineFor(t, Config{Shards: 1})
	c := newCall(t, e, media.SecurityRequired, media.SecurityRequired)
	c.exchange(t, 1)
	x := newAttacker(t)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for range 200 {
			<-tick.C
			for i := range 10 { // 2,000 a second
				h := rtp.Header{PayloadType: 0, Sequence: uint16(i), SSRC: 5}
				_, _ = x.conn.WriteToUDPAddrPort(h.Append(nil, frame('X', i)), c.a.agreed.Remote)
			}
		}
	}()
	heard := 0
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for i := range 50 {
		<-tick.C
		c.a.say(frame('A', i))
		if _, ok := c.b.hearFor(500 * time.Millisecond); ok {
			heard++
		}
	}
	<-done
	if heard < 49 {
		t.Errorf("%d of 50 heard during the flood", heard)
	}
	if st := c.la.Stats(); st.Unauthentic < 1500 {
		t.Errorf("%d refused", st.Unauthentic)
	}
}

// TestCircle sends media round through two calls: each leg's description names another leg's port, as hostile phones may.
func TestCircle(t *testing.T) {
	e := engineFor(t, Config{Shards: 1, PacketRate: 500})
	plain := want(media.SecurityForbidden)
	var legs [4]testLeg
	for i := range legs {
		legs[i] = newLeg(t, e, media.Profile{})
	}
	port := func(l testLeg) int { return l.Endpoint.(*endpoint).socks.port }
	for i, partner := range []int{3, 2, 1, 0} { // 0-1 and 2-3 are bridged; 1 and 2, 3 and 0 send to each other
		p := sdp.New(sdp.Config{Addr: loopback, Port: port(legs[partner]), SessionID: 1})
		offer, err := p.Offer(plain)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := legs[i].Answer(offer, plain); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 2 {
		b := e.Bridge()
		for _, l := range legs[2*i : 2*i+2] {
			if err := b.Join(l.Endpoint); err != nil {
				t.Fatal(err)
			}
		}
	}
	entry := legs[0].Endpoint.(*endpoint)
	entry.command(func(s *shard, e *endpoint, now int64) { // a packet enters the circle
		h := rtp.Header{Start: rtp.HeaderSize, End: rtp.HeaderSize + 160}
		s.emit(e, e.current(now), rtp.Source{}, h, s.out[:h.End], now)
	})
	eventually(t, "limited", func() bool { return e.Totals().Excess > 0 })
}

func TestMalformedPackets(t *testing.T) { // threats E5
	e := engineFor(t, Config{Shards: 1})
	c := newCall(t, e, media.SecurityForbidden, media.SecurityForbidden)
	c.exchange(t, 2)
	good := rtp.Header{PayloadType: c.a.agreed.SendPT, Sequence: 102, Timestamp: 1, SSRC: c.a.ssrc}.Append(nil, frame('A', 1))
	with := func(f func(b []byte) []byte) []byte { return f(append([]byte(nil), good...)) }
	bad := [][]byte{
		{}, {0x80}, good[:11],
		with(func(b []byte) []byte { b[0] = 0x00; return b }),
		with(func(b []byte) []byte { b[0] |= 0x20; b[len(b)-1] = 0; return b }),
		with(func(b []byte) []byte { b[0] |= 0x20; b[len(b)-1] = 255; return b }),
		with(func(b []byte) []byte { b[0] |= 15; return b[:30] }),
		with(func(b []byte) []byte { b[0] |= 0x10; b[14], b[15] = 0xff, 0xff; return b }),
		append(good[:12:12], make([]byte, 8000)...),
		append(good[:12:12], make([]byte, 60000)...),
	}
	for _, b := range bad {
		c.a.send(b)
	}
	eventually(t, "counted", func() bool { return c.la.Stats().Malformed == uint64(len(bad)) })
	c.a.send(append([]byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}, make([]byte, 12)...)) // linphone's STUN
	_, _ = c.a.rtcp.WriteToUDPAddrPort(append([]byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}, make([]byte, 12)...), c.a.agreed.RemoteRTCP)
	eventually(t, "STUN", func() bool { return e.Totals().STUN == 2 })
	c.b.silence(20 * time.Millisecond)
	c.exchange(t, 5)
}

func TestPayloadTypeNotAgreed(t *testing.T) {
	e := engineFor(t, Config{Shards: 1})
	c := newCall(t, e, media.SecurityForbidden, media.SecurityForbidden)
	c.a.send(c.a.next(77, frame('A', 0), 160))
	eventually(t, "counted", func() bool { return c.la.Stats().Stranger == 1 })
	c.exchange(t, 2)
	c.a.send(c.a.next(77, frame('A', 0), 160))
	eventually(t, "counted", func() bool { return e.Totals().Unnegotiated == 1 })
}

func TestReplayAndForgery(t *testing.T) { // threats E9, E10
	e := engineFor(t, Config{Shards: 1})
	c := newCall(t, e, media.SecurityRequired, media.SecurityRequired)
	first := c.a.packet(frame('A', 0))
	c.a.send(first)
	c.b.hear()
	c.a.send(first)
	eventually(t, "replay", func() bool { return c.la.Stats().Replayed == 1 })
	bad := c.a.packet(frame('A', 1))
	flipped := bytes.Clone(bad)
	flipped[len(flipped)-1] ^= 1
	c.a.send(flipped)
	eventually(t, "flipped tag", func() bool { return c.la.Stats().Unauthentic == 1 })
	key, err := secure.Generate(c.a.agreed.Local.Suite())
	if err != nil {
		t.Fatal(err)
	}
	wrong, _ := secure.NewContext(key)
	h := rtp.Header{PayloadType: c.a.agreed.SendPT, Sequence: 200, SSRC: c.a.ssrc}
	forged, _ := wrong.ProtectRTP(nil, h.Append(make([]byte, 0, 300), frame('X', 0)))
	c.a.send(forged)
	eventually(t, "wrong key", func() bool { return c.la.Stats().Unauthentic == 2 })
	c.a.send(h.Append(nil, frame('X', 0)))
	eventually(t, "plain into SRTP", func() bool { return c.la.Stats().Unauthentic == 3 })
	c.a.send(bad) // the true one still passes
	if got := c.b.hear(); got.payload[4] != 'A' {
		t.Error("heard a forgery")
	}
	c.exchange(t, 3)
}

func TestSecureLegFollowsTheKey(t *testing.T) {
	e := engineFor(t, Config{Shards: 1})
	c := newCall(t, e, media.SecurityRequired, media.SecurityForbidden)
	c.exchange(t, 2)
	old := c.a.rtp
	c.a.rtp = newAttacker(t).conn // the phone's NAT gave it another port
	c.a.say(frame('A', 7))
	c.b.hear()
	c.b.say(frame('B', 7))
	if got := c.a.hear(); got.payload[3] != 7 {
		t.Error("not followed")
	}
	c.a.rtp = old
	c.a.silence(20 * time.Millisecond)
}

func TestPlainLegBehindNAT(t *testing.T) {
	e := engineFor(t, Config{Shards: 1})
	c := newCall(t, e, media.SecurityForbidden, media.SecurityForbidden)
	// The phone sends from a port that its description does not name, as behind NAT.
	c.a.rtp = newAttacker(t).conn
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	eventually(t, "learned", func() bool {
		<-tick.C
		c.a.say(frame('A', 1))
		return c.la.Stats().Received > 0
	})
	c.b.hear()
	c.b.say(frame('B', 1))
	c.a.hear()
	if c.la.Stats().Remote != c.a.addr() {
		t.Error("wrong remote")
	}
}
