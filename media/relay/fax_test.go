package relay

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"naisen/media"
)

// udptl is a datagram as a fax machine sends it: a number, one IFP packet, the one before for redundancy.
func udptl(seq byte, ifp ...byte) []byte {
	return append(append([]byte{0, seq, byte(len(ifp))}, ifp...), 0, 1, byte(len(ifp)), 0xaa)
}

var faxOffer = media.Want{Prefer: []media.Codec{media.T38}, Fax: media.Fax{BitRate: 14400, MaxDatagram: 320, Correction: media.FaxRedundancy}}

// faxCall brings a call up as audio and makes it a fax.
func faxCall(t testing.TB, e *Engine) *call {
	t.Helper()
	c := newCall(t, e, media.SecurityForbidden, media.SecurityForbidden)
	c.exchange(t, 5)
	c.switchToFax(t)
	return c
}

func (c *call) switchToFax(t testing.TB) {
	t.Helper()
	offer, err := c.a.neg.Offer(faxOffer)
	if err != nil {
		t.Fatal(err)
	}
	f, image, err := c.la.Endpoint.(media.Faxer).Fax(offer, media.SecurityPreferred)
	if err != nil || !image || f != faxOffer.Fax {
		t.Fatalf("%+v, %v, %v", f, image, err)
	}
	ours, err := c.lb.Offer(media.Want{Prefer: faxOffer.Prefer, Fax: f})
	if err != nil {
		t.Fatal(err)
	}
	answer, agreed, err := c.b.neg.Answer(ours, faxOffer)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.lb.Accept(answer); err != nil {
		t.Fatal(err)
	}
	c.b.take(agreed)
	if answer, err = c.la.Answer(offer, faxOffer); err != nil {
		t.Fatal(err)
	}
	if agreed, err = c.a.neg.Accept(answer); err != nil {
		t.Fatal(err)
	}
	c.a.take(agreed)
	if c.la.Codec() != media.T38 || c.lb.Codec() != media.T38 {
		t.Fatalf("%s, %s", c.la.Codec(), c.lb.Codec())
	}
}

// carried checks that a datagram arrives as it was sent.
func carried(t testing.TB, from, to *phone, pkt []byte) {
	t.Helper()
	from.send(pkt)
	_ = to.rtp.SetReadDeadline(time.Now().Add(patience))
	n, src, err := to.rtp.ReadFromUDPAddrPort(to.buf[:])
	if err != nil || !bytes.Equal(to.buf[:n], pkt) || src != to.agreed.Remote {
		t.Fatalf("got % x from %v, %v; want % x", to.buf[:n], src, err, pkt)
	}
}

func TestFaxBothWaysAndBack(t *testing.T) {
	for _, shards := range []int{1, 2} {
		e := engineFor(t, Config{Shards: shards, ReportInterval: 20 * time.Millisecond})
		c := faxCall(t, e)
		tap := &silent{}
		detach := c.bridge.Attach(tap)
		before, reports := c.lb.Stats(), e.Totals().ReportsOut
		for i := range 50 {
			carried(t, c.a, c.b, udptl(byte(i), 0x40, byte(i), 3))
			carried(t, c.b, c.a, udptl(byte(i), 0x01, byte(i)))
		}
		if s := c.bridge.String(); !strings.Contains(s, "T38 UDPTL both] <-> (relay)") {
			t.Error(s)
		}
		if st := c.lb.Stats(); st.Sent-before.Sent != 50 || st.Received-before.Received != 50 || st.Quality.FromPeer.Intervals != before.Quality.FromPeer.Intervals {
			t.Errorf("%+v", st)
		}
		detach()
		if tap.octets != 0 {
			t.Errorf("a tap saw %d octets of a fax", tap.octets)
		}
		if n := e.Totals().ReportsOut; n > reports+2 { // of the moment before
			t.Errorf("%d RTCP reports into a fax", n-reports)
		}
		c.a.say(frame('A', 1)) // voice that is late
		eventually(t, "voice is not fax", func() bool { return e.Totals().Unnegotiated == 1 })
		plain := want(media.SecurityForbidden)
		c.a.calls(c.la, plain, plain)
		c.b.called(c.lb, media.Want{Prefer: []media.Codec{media.PCMU}})
		c.exchange(t, 5)
		c.b.send(udptl(99, 1, 2, 3)) // and fax that is late
		c.a.silence(20 * time.Millisecond)
	}
}

// Nothing is learned from a stranger, nothing of his is carried: UDPTL proves as little as RTP.
func TestFaxStranger(t *testing.T) {
	e := engineFor(t, Config{Shards: 1, LearnWindow: 100 * time.Millisecond})
	c := faxCall(t, e)
	x := newAttacker(t)
	send := func(n int) {
		for i := range n {
			if _, err := x.conn.WriteToUDPAddrPort(udptl(byte(i), 6, 6, 6), c.a.agreed.Remote); err != nil {
				t.Fatal(err)
			}
		}
	}
	refused := func(n uint64) {
		eventually(t, "refused", func() bool { st := e.Totals(); return st.Stranger+st.Early == n })
	}
	send(30) // before the machine speaks
	refused(30)
	carried(t, c.a, c.b, udptl(1, 1, 2, 3))
	send(30)
	refused(60)
	carried(t, c.a, c.b, udptl(2, 1, 2, 3))
	carried(t, c.b, c.a, udptl(1, 7, 8))
	x.deaf()
	for _, junk := range [][]byte{nil, {1}, {0, 1, 0x81}, {0, 1, 9, 1, 2}, {0, 1, 0xc1, 1, 2, 3, 4}, {0, 1, 0, 0, 0}, bytes.Repeat([]byte{9}, 1501)} {
		c.a.send(junk)
	}
	eventually(t, "malformed", func() bool { return e.Totals().Malformed == 7 })
	c.b.silence(20 * time.Millisecond)
}

// A fax machine behind NAT is heard from the address that its signalling comes from.
func TestFaxBehindNAT(t *testing.T) {
	e := engineFor(t, Config{Shards: 1})
	c := newCall(t, e, media.SecurityForbidden, media.SecurityForbidden)
	c.exchange(t, 3)
	nat := newPhone(t) // its mapping for the new port
	c.switchToFax(t)
	offer, err := c.a.neg.Offer(faxOffer)
	if err != nil {
		t.Fatal(err)
	}
	inside := strings.ReplaceAll(string(offer), "127.0.0.1", "127.0.0.77")
	if _, err := c.la.Answer(media.SDP(inside), faxOffer); err != nil {
		t.Fatal(err)
	}
	nat.agreed = c.a.agreed
	deadline := time.Now().Add(patience)
	for i := 0; c.la.Stats().Remote != nat.addr(); i++ {
		if time.Now().After(deadline) {
			t.Fatal("never learned")
		}
		nat.send(udptl(byte(i), 1, 2))
		tick := time.NewTimer(10 * time.Millisecond)
		<-tick.C
	}
	carried(t, c.b, nat, udptl(3, 3, 3))
}

// A machine that receives a page says nothing for long: what it is sent shows that the fax goes on. When both are silent the call is dead.
func TestFaxSilence(t *testing.T) {
	e := engineFor(t, Config{Shards: 1})
	c := &call{a: newPhone(t), b: newPhone(t), bridge: e.Bridge()}
	short := media.Profile{Quiet: 300 * time.Millisecond}
	c.la, c.lb = newLeg(t, e, short), newLeg(t, e, short)
	plain := want(media.SecurityForbidden)
	c.a.calls(c.la, plain, plain)
	c.b.called(c.lb, plain)
	c.join(t)
	c.exchange(t, 2)
	c.switchToFax(t)
	tick := time.NewTicker(30 * time.Millisecond)
	defer tick.Stop()
	for i := range 30 {
		carried(t, c.a, c.b, udptl(byte(i), 1, 2, 3))
		<-tick.C
	}
	for _, l := range []testLeg{c.la, c.lb} {
		for len(l.events) > 0 {
			if ev, ok := (<-l.events).(media.Timeout); ok {
				t.Errorf("during a page: %+v", ev)
			}
		}
	}
	event[media.Timeout](t, c.la)
	event[media.Timeout](t, c.lb)
}

func TestFaxRefusedLeavesTheVoice(t *testing.T) {
	e := engineFor(t, Config{Shards: 1})
	c := newCall(t, e, media.SecurityForbidden, media.SecurityRequired)
	c.exchange(t, 3)
	if _, err := c.lb.Offer(faxOffer); !errors.Is(err, media.ErrPolicy) {
		t.Errorf("UDPTL in place of SRTP: %v", err)
	}
	if _, err := c.la.Offer(faxOffer); err != nil {
		t.Fatal(err)
	}
	c.la.Rollback()
	c.exchange(t, 3)
}

func TestFaxAllocatesNothing(t *testing.T) {
	p := newPath(t, media.SecurityForbidden, "", true)
	if err := p.faxed(); err != nil {
		t.Fatal(err)
	}
	packets := make([][]byte, 210)
	for i := range packets {
		packets[i] = udptl(byte(i), 1, 2, 3)
	}
	var buf [2048]byte
	relayed := 0
	one := func() {
		p.load(t, packets[:1])
		packets = packets[1:]
		p.shard.read(p.leg, channelRTP, p.engine.Now())
		relayed += p.empty(buf[:])
	}
	one() // pins the address
	if n := testing.AllocsPerRun(200, one); n != 0 {
		t.Errorf("%v allocations a datagram", n)
	}
	if relayed != 202 {
		t.Errorf("relayed %d", relayed)
	}
}

// faxed puts both legs of an idle path into T.38.
func (p *path) faxed() error {
	for _, side := range []struct {
		ph *phone
		l  testLeg
	}{{p.a, p.la}, {p.b, p.lb}} {
		offer, err := side.ph.neg.Offer(faxOffer)
		if err != nil {
			return err
		}
		answer, err := side.l.Answer(offer, faxOffer)
		if err != nil {
			return err
		}
		if side.ph.agreed, err = side.ph.neg.Accept(answer); err != nil {
			return err
		}
	}
	p.shard.obey(p.engine.Now())
	return nil
}

// FuzzUDPTL: whatever comes, nothing but the shape of a datagram of a fax passes, as it is.
func FuzzUDPTL(f *testing.F) {
	f.Add(udptl(1, 1, 2, 3))
	f.Add([]byte{0, 1, 0x81, 0, 1})
	f.Add([]byte{0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9})
	p := newPath(f, media.SecurityForbidden, "", true)
	if err := p.faxed(); err != nil {
		f.Fatal(err)
	}
	var buf [2048]byte
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) == 0 || len(b) > maxDatagram {
			return
		}
		s, now := p.shard, p.engine.Now()
		s.from = addressOf(p.a.addr())
		s.fax(p.leg, p.leg.current(now), channelRTP, s.buf[:copy(s.buf[:], b)], now)
		var from address
		n, errno := receive(p.sink, buf[:], &from)
		if passed := errno == 0; passed != isUDPTL(b) || passed && !bytes.Equal(buf[:n], b) {
			t.Errorf("passed: %v, % x of % x", passed, buf[:max(n, 0)], b)
		}
	})
}
