package relay

import (
	"testing"
	"time"

	"naisen/media"
	"naisen/media/rtp"
)

// report makes the phone's RTCP packet.
func (p *phone) report(s *rtp.Sender, r *rtp.Reception, bye bool) []byte {
	p.t.Helper()
	b, err := rtp.AppendReport(nil, p.ssrc, s, r, "phone", bye)
	if err == nil && p.out != nil {
		b, err = p.out.ProtectRTCP(nil, b)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	return b
}

func (p *phone) sendReport(b []byte) {
	p.t.Helper()
	if _, err := p.rtcp.WriteToUDPAddrPort(b, p.agreed.RemoteRTCP); err != nil {
		p.t.Fatal(err)
	}
}

// hearReport waits for RTCP from the relay.
func (p *phone) hearReport() rtp.Control {
	p.t.Helper()
	_ = p.rtcp.SetReadDeadline(time.Now().Add(patience))
	n, err := p.rtcp.Read(p.buf[:])
	if err != nil {
		p.t.Fatal("no report:", err)
	}
	b := p.buf[:n]
	if p.in != nil {
		if b, err = p.in.UnprotectRTCP(nil, b); err != nil {
			p.t.Fatal(err)
		}
	}
	c, err := rtp.ParseRTCP(b)
	if err != nil {
		p.t.Fatal(err)
	}
	return c
}

func TestReports(t *testing.T) {
	eachSecurity(t, func(t *testing.T, s media.Security) {
		e := engineFor(t, Config{Shards: 1, ReportInterval: 200 * time.Millisecond})
		c := newCall(t, e, s, s)
		c.exchange(t, 10)
		c.a.seq += 2 // two are lost
		c.exchange(t, 1)
		var sr rtp.Control
		for sr.Sender == nil || len(sr.Reception) == 0 || sr.Reception[0].Lost == 0 {
			sr = c.a.hearReport()
		}
		if sr.Sender.Packets != 11 || sr.Sender.Octets != 11*160 {
			t.Errorf("sender report %+v", sr.Sender)
		}
		if r := sr.Reception[0]; r.SSRC != c.a.ssrc || r.Lost != 2 {
			t.Errorf("reception %+v", r)
		}
		tick := time.NewTimer(20 * time.Millisecond)
		<-tick.C
		c.a.sendReport(c.a.report(nil, &rtp.Reception{SSRC: sr.SSRC, Lost: 3, LastSR: uint32(sr.Sender.NTP >> 16)}, false))
		eventually(t, "round trip", func() bool { return c.la.Stats().RoundTrip > 0 })
		if st := c.la.Stats(); st.RoundTrip < 15*time.Millisecond || st.RoundTrip > 5*time.Second || st.RemoteLost != 3 || st.Lost != 2 {
			t.Errorf("stats %+v", st)
		}
		_ = c.la.Close()
		for range 20 {
			if c.a.hearReport().Bye {
				return
			}
		}
		t.Error("no BYE at the end")
	})
}

func TestStrangerReports(t *testing.T) { // threats E6
	eachSecurity(t, func(t *testing.T, s media.Security) {
		e := engineFor(t, Config{Shards: 1})
		c := newCall(t, e, s, s)
		c.exchange(t, 2)
		x := newAttacker(t)
		bad, err := rtp.AppendReport(nil, c.a.ssrc, &rtp.Sender{Packets: 1 << 31}, &rtp.Reception{SSRC: 1, Lost: 1 << 22, Jitter: 1 << 31}, "x", true)
		if err != nil {
			t.Fatal(err)
		}
		for range 5 {
			_, _ = x.conn.WriteToUDPAddrPort(bad, c.a.agreed.RemoteRTCP)
		}
		eventually(t, "refused", func() bool { n := e.Totals(); return n.Stranger+n.Unauthentic == 5 })
		if n := e.Totals(); n.ReportsIn != 0 {
			t.Errorf("%+v", n)
		}
		c.a.sendReport(c.a.report(nil, nil, true)) // even the peer's own BYE ends nothing here: signalling does
		eventually(t, "read", func() bool { return e.Totals().ReportsIn == 1 })
		c.exchange(t, 3)
		c.a.sendReport([]byte{0x80, 200, 0, 99, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 9, 9, 9, 9, 9})
		eventually(t, "malformed", func() bool { n := e.Totals(); return n.Malformed+n.Unauthentic >= 1 })
		c.exchange(t, 1)
	})
}

func TestTimeoutPerSilence(t *testing.T) { // threats E16
	e := engineFor(t, Config{Shards: 1})
	p, l := newPhone(t), newLeg(t, e, media.Profile{Quiet: 300 * time.Millisecond})
	plain := want(media.SecurityForbidden)
	start := time.Now()
	p.calls(l, plain, plain)
	for i := range 10 {
		p.say(frame('A', i))
	}
	out := event[media.Timeout](t, l)
	if d := time.Since(start); d < 300*time.Millisecond || out.Silent < 300*time.Millisecond || out.Silent > 2*time.Second {
		t.Errorf("after %v: %+v", d, out)
	}
	if again := event[media.Timeout](t, l); again.Silent < 600*time.Millisecond { // once for each time that passes
		t.Errorf("told again too soon: %+v", again)
	}
	p.say(frame('A', 11)) // it lives again, and falls silent again
	event[media.Timeout](t, l)
	p.say(frame('A', 12)) // RTCP alone is proof of life
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for range 14 {
		<-tick.C
		p.sendReport(p.report(nil, nil, false))
	}
	for len(l.events) > 0 {
		if ev, ok := (<-l.events).(media.Timeout); ok {
			t.Errorf("though RTCP came: %+v", ev)
		}
	}
}

func TestNoTimeoutWhileHeld(t *testing.T) {
	e := engineFor(t, Config{Shards: 1})
	p, l := newPhone(t), newLeg(t, e, media.Profile{Quiet: 200 * time.Millisecond})
	plain := want(media.SecurityForbidden)
	p.calls(l, media.Want{Security: media.SecurityForbidden, Direction: media.Inactive}, plain)
	wait := time.NewTimer(600 * time.Millisecond)
	<-wait.C
	if len(l.events) != 0 {
		t.Errorf("a held peer without RTCP: %+v", <-l.events)
	}
}
