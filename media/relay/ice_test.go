package relay

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"naisen/media"
	"naisen/media/webrtc"
)

// icePhone is a telephone over TLS that offers ICE beside its keys.
type icePhone struct {
	*phone
	b     *browser // its checks
	first uint16   // the port of its description
}

// offers lets it describe itself, with fresh credentials or those before, and gives our answer.
func (p *icePhone) offers(l testLeg, ice bool) string {
	p.t.Helper()
	offer, err := p.neg.Offer(want(media.SecurityRequired))
	if err != nil {
		p.t.Fatal(err)
	}
	if ice {
		offer = append(offer, fmt.Sprintf("a=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=candidate:1 1 UDP 2130706431 127.0.0.1 %d typ host\r\na=candidate:1 2 UDP 2130706430 127.0.0.1 %d typ host\r\n",
			p.b.creds.Ufrag, p.b.creds.Password, p.first, p.first+1)...)
	}
	answer, err := l.Answer(offer, want(media.SecurityRequired))
	if err != nil {
		p.t.Fatal(err)
	}
	a, err := p.neg.Accept(answer)
	if err != nil {
		p.t.Fatal(err)
	}
	p.take(a)
	if ice {
		port, _ := strconv.Atoi(find(p.t, answer, `a=candidate:1 1 udp \d+ 127\.0\.0\.1 (\d+) typ host`))
		p.b.to = netip.AddrPortFrom(loopback, uint16(port))
		p.b.pbx = webrtc.Credentials{Ufrag: find(p.t, answer, `a=ice-ufrag:(\S+)`), Password: find(p.t, answer, `a=ice-pwd:(\S+)`)}
	}
	return string(answer)
}

func (p *icePhone) chooses(c *net.UDPConn) {
	p.t.Helper()
	if !p.b.check(c, p.b.pbx, true, patience) {
		p.t.Fatal("the choice is not answered")
	}
	p.rtp = c
}

// TestTelephoneWithICE: a telephone with keys in its description offers ICE: its checks are answered on the leg's ports, what it chooses is where its voice goes before it
// has said a word, and a restart in another network moves it with the same keys. Who has not the credentials changes nothing.
func TestTelephoneWithICE(t *testing.T) {
	t.Parallel()
	e := engineFor(t, Config{Shards: 1})
	c := &call{a: newPhone(t), b: newPhone(t), bridge: e.Bridge()}
	c.la, c.lb = newLeg(t, e, media.Profile{SecureSIP: true, ICE: true}), newLeg(t, e, media.Profile{SecureSIP: true})
	p := &icePhone{c.a, &browser{t: t, creds: webrtc.NewCredentials()}, c.a.addr().Port()}
	answer := p.offers(c.la, true)
	for _, line := range []string{"a=ice-lite\r\n", "a=candidate:1 2 udp ", "RTP/SAVP "} {
		if !strings.Contains(answer, line) {
			t.Errorf("no %q in\n%s", line, answer)
		}
	}
	c.b.called(c.lb, want(media.SecurityRequired))
	c.join(t)
	voiceAt := func(frames int) {
		t.Helper()
		c.b.say(frame('B', frames))
		if got := p.hear(); int(got.payload[3]) != frames {
			t.Errorf("heard frame %d, want %d", got.payload[3], frames)
		}
	}
	voiceAt(1) // at what its description says

	wifi, lte := netip.MustParseAddr("127.0.0.2"), netip.MustParseAddr("127.0.0.3")
	p.at(wifi)
	if !p.b.check(p.rtp, p.b.pbx, false, patience) {
		t.Fatal("a check is not answered")
	}
	if got := c.la.Stats().Remote; got.Addr() == wifi {
		t.Error("a path was taken that nobody chose")
	}
	p.chooses(p.rtp)
	voiceAt(2)
	ctl := p.b.to
	p.b.to = netip.AddrPortFrom(ctl.Addr(), ctl.Port()+1)
	if !p.b.check(p.rtcp, p.b.pbx, true, patience) {
		t.Error("a check of RTCP's component is not answered")
	}
	p.b.to = ctl

	wrong := webrtc.Credentials{Ufrag: p.b.pbx.Ufrag, Password: webrtc.NewCredentials().Password}
	if x := p.b.socket(); p.b.check(x, wrong, true, 100*time.Millisecond) {
		t.Error("a stranger's check is answered")
	}
	voiceAt(3)

	before, local := p.b.pbx, p.agreed.Local
	old := p.rtp
	p.b.creds = webrtc.NewCredentials()
	if p.offers(c.la, true); p.b.pbx == before || !p.agreed.Local.Equal(local) {
		t.Error("a restart goes on with the old credentials, or with other keys")
	}
	voiceAt(4) // on the old path until the new one is chosen
	p.at(lte)
	p.chooses(p.rtp)
	voiceAt(5)
	if got := c.la.Stats().Remote; got != p.addr() {
		t.Errorf("the endpoint sends to %v", got)
	}
	p.say(frame('A', 6))
	if got := c.b.hear(); got.payload[3] != 6 {
		t.Errorf("heard frame %d", got.payload[3])
	}
	p.b.to = ctl
	if again := p.offers(c.la, true); find(t, media.SDP(again), `a=ice-ufrag:(\S+)`) != p.b.pbx.Ufrag {
		t.Error("the same credentials are a restart")
	}
	_ = old.Close()

	if again := p.offers(c.la, false); strings.Contains(again, "ice") || strings.Contains(again, "candidate") {
		t.Errorf("ICE is said where it is not offered:\n%s", again)
	}
	if p.b.check(p.rtp, p.b.pbx, true, 100*time.Millisecond) {
		t.Error("a check is answered that nothing was agreed for")
	}
	voiceAt(7)
}

// Checks are bounded as packets are, whoever makes them.
func TestChecksAreBounded(t *testing.T) {
	t.Parallel()
	e := engineFor(t, Config{Shards: 1, PacketRate: 100})
	p, l := newPhone(t), newLeg(t, e, media.Profile{SecureSIP: true, ICE: true})
	ice := &icePhone{p, &browser{t: t, creds: webrtc.NewCredentials()}, p.addr().Port()}
	ice.offers(l, true)
	check := webrtc.AppendCheck(nil, [12]byte{1}, ice.b.creds, ice.b.pbx, false)
	eventually(t, "a check too many", func() bool {
		for range 50 {
			if _, err := p.rtp.WriteToUDPAddrPort(check, ice.b.to); err != nil {
				t.Fatal(err)
			}
		}
		return l.Endpoint.(*endpoint).count.excess.Load() > 0
	})
}
