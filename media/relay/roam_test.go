package relay

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"naisen/media"
)

// at gives the phone another socket for its voice: another port of its host, or another host. An address that it had stays open.
func (p *phone) at(addr netip.Addr) *net.UDPConn {
	p.t.Helper()
	c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, 0)))
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = c.Close() })
	old := p.rtp
	p.rtp = c
	return old
}

func pass(d time.Duration) { <-time.NewTimer(d).C }

// A translation forgets its mapping in the middle of a call, and nobody signals anything: the key follows, and a stream in the clear is known by its SSRC,
// its place and the silence where it came from.
func TestRebound(t *testing.T) {
	t.Parallel()
	eachSecurity(t, func(t *testing.T, s media.Security) {
		t.Parallel()
		e := engineFor(t, Config{Shards: 1, LearnWindow: 50 * time.Millisecond})
		c := newCall(t, e, s, s)
		c.exchange(t, 5)
		c.a.at(loopback)
		if s == media.SecurityForbidden {
			c.a.say(frame('A', 1))
			c.b.silence(50 * time.Millisecond) // where it was it has not been silent
			pass(streamQuiet)
		}
		c.a.say(frame('A', 2))
		if got := c.b.hear(); got.payload[3] != 2 {
			t.Errorf("heard frame %d", got.payload[3])
		}
		c.b.say(frame('B', 3))
		if got := c.a.hear(); got.payload[3] != 3 {
			t.Errorf("the phone heard frame %d", got.payload[3])
		}
		if got := c.la.Stats().Remote; got != c.a.addr() {
			t.Errorf("the endpoint sends to %v", got)
		}
		c.exchange(t, 2)
		c.a.sendReport(c.a.report(nil, nil, false)) // its reports come from elsewhere too
		eventually(t, "a report", func() bool { return e.Totals().ReportsIn > 0 })
	})
}

// Nobody else takes a silent stream in the clear over: not with another SSRC, not with a place that it cannot have, and not from another host.
func TestReboundIsNobodyElse(t *testing.T) {
	t.Parallel()
	e := engineFor(t, Config{Shards: 1, LearnWindow: 50 * time.Millisecond})
	c := newCall(t, e, media.SecurityForbidden, media.SecurityForbidden)
	c.exchange(t, 5)
	was := c.a.addr()
	pass(streamQuiet + 100*time.Millisecond)
	x := newAttacker(t)
	x.spray(c.a, 30, c.a.ssrc+1, c.a.seq)
	x.spray(c.a, 30, c.a.ssrc, c.a.seq-40)
	x.spray(c.a, 30, c.a.ssrc, c.a.seq+maxDropout)
	far, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 66)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = far.Close() }()
	(&attacker{t, far}).spray(c.a, 30, c.a.ssrc, c.a.seq)
	eventually(t, "refused", func() bool { return e.Totals().Stranger == 120 })
	c.b.silence(50 * time.Millisecond)
	if got := c.la.Stats().Remote; got != was {
		t.Errorf("the endpoint sends to %v", got)
	}
	c.exchange(t, 2)
}

// A telephone behind a NAT changes its network with a re-INVITE: its description names an address of its own network, so its voice is believed from where its
// signalling comes from now, and no longer from where that came from before.
func TestPlainLegRoams(t *testing.T) {
	t.Parallel()
	for _, behind := range []string{"10.64.0.5", "192.168.0.5"} { // the NAT that changes its own address leaves the telephone's
		t.Run(behind, func(t *testing.T) { plainLegRoams(t, behind) })
	}
}

func plainLegRoams(t *testing.T, behind string) {
	office, mobile := netip.MustParseAddr("127.0.0.61"), netip.MustParseAddr("127.0.0.62")
	e := engineFor(t, Config{Shards: 1, LearnWindow: 2 * time.Second})
	p, l := newPhone(t), newLeg(t, e, media.Profile{Peer: office})
	inside := func(addr string) {
		t.Helper()
		answer, err := l.Answer(media.SDP("v=0\r\no=- 1 1 IN IP4 "+addr+"\r\ns=-\r\nc=IN IP4 "+addr+"\r\nt=0 0\r\nm=audio 40000 RTP/AVP 0\r\n"), want(media.SecurityForbidden))
		if err != nil {
			t.Fatal(err)
		}
		if !p.agreed.Remote.IsValid() {
			if _, err := p.neg.Offer(want(media.SecurityForbidden)); err != nil {
				t.Fatal(err)
			}
			if p.agreed, err = p.neg.Accept(answer); err != nil {
				t.Fatal(err)
			}
		}
	}
	speaks := func() uint64 {
		before := l.Stats().Received
		for range vouchedCount + 1 {
			p.say(frame('A', 1))
		}
		pass(50 * time.Millisecond)
		return l.Stats().Received - before
	}
	inside("192.168.0.5")
	p.at(office)
	if speaks() == 0 {
		t.Fatal("not heard in the first network")
	}
	l.Endpoint.(media.Roamer).Roamed(mobile)
	inside(behind)
	eventually(t, "not believed any more from the network that it left", func() bool { return speaks() == 0 }) // what the engine is told it does not know at once
	p.at(mobile)
	if speaks() == 0 || l.Stats().Remote != p.addr() {
		t.Errorf("not heard in the second network: %v", l.Stats().Remote)
	}
}

// Lull comes as often as its time passes, and Heard once with what ends it.
func TestLull(t *testing.T) {
	t.Parallel()
	e := engineFor(t, Config{Shards: 1})
	p, l := newPhone(t), newLeg(t, e, media.Profile{Lull: 200 * time.Millisecond})
	plain := want(media.SecurityForbidden)
	p.calls(l, plain, plain)
	pass(500 * time.Millisecond)
	if len(l.events) != 0 {
		t.Errorf("one that never spoke: %+v", <-l.events)
	}
	p.say(frame('A', 1))
	if first, again := event[media.Lull](t, l), event[media.Lull](t, l); first.Silent < 200*time.Millisecond || again.Silent < 400*time.Millisecond {
		t.Errorf("%v, %v", first, again)
	}
	p.say(frame('A', 2))
	event[media.Heard](t, l)
	event[media.Lull](t, l)
	p.sendReport(p.report(nil, nil, false))
	event[media.Heard](t, l)
}
