package relay

import (
	"net"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"naisen/media"
)

// tosOf reads one packet and the traffic class that it came with.
func (p *phone) tosOf() int {
	p.t.Helper()
	_ = p.rtp.SetReadDeadline(time.Now().Add(patience))
	oob := make([]byte, 128)
	_, n, _, _, err := p.rtp.ReadMsgUDPAddrPort(p.buf[:], oob)
	if err != nil {
		p.t.Fatal(err)
	}
	msgs, err := unix.ParseSocketControlMessage(oob[:n])
	if err != nil || len(msgs) != 1 {
		p.t.Fatalf("%d control messages, %v", len(msgs), err)
	}
	return int(msgs[0].Data[0])
}

// on gives the phone a socket of that family which tells the traffic class.
func (p *phone) on(addr string) {
	p.t.Helper()
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(addr), 0)))
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = c.Close() })
	p.rtp = c
	level, option := unix.IPPROTO_IP, unix.IP_RECVTOS
	if netip.MustParseAddr(addr).Is6() {
		level, option = unix.IPPROTO_IPV6, unix.IPV6_RECVTCLASS
	}
	if err := unix.SetsockoptInt(rawOf(p.t, p), level, option, 1); err != nil {
		p.t.Fatal(err)
	}
}

// The trunk's DSCP stands whatever the class of numbers is, the class's stands where the trunk has none, and a call that comes to another class takes
// that one's; both families.
func TestDSCP(t *testing.T) {
	for _, addr := range []string{"127.0.0.1", "::1"} {
		for _, c := range []struct{ trunk, class, then, want, after int }{{0, 0, 0, 46, 46}, {32, 44, 10, 32, 32}, {0, 44, 44, 44, 44}, {0, 44, 10, 44, 10}, {0, 10, 0, 10, 46}} {
			e := engineFor(t, Config{Shards: 1})
			p := newPhone(t)
			p.on(addr)
			local := netip.MustParseAddr(addr)
			ep, err := e.Endpoint(media.Profile{Local: local, DSCP: c.trunk, Class: c.class}, func(media.Event) {})
			if err != nil {
				t.Fatal(err)
			}
			at := p.rtp.LocalAddr().(*net.UDPAddr).AddrPort()
			family := "IP4 "
			if local.Is6() {
				family = "IP6 "
			}
			offer := "v=0\r\no=- 1 1 IN " + family + addr + "\r\ns=-\r\nc=IN " + family + addr + "\r\nt=0 0\r\nm=audio " + strconv.Itoa(int(at.Port())) + " RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"
			if _, err := ep.Answer(media.SDP(offer), media.Want{}); err != nil {
				t.Fatal(err)
			}
			ep.SendDigit('1')
			if got := p.tosOf(); got != c.want<<2 {
				t.Errorf("%s %+v: %d", addr, c, got>>2)
			}
			ep.(media.Marker).Mark(c.then)
			deadline := time.Now().Add(patience)
			for p.tosOf() != c.after<<2 { // some more packets of the digit may be on their way
				if time.Now().After(deadline) {
					t.Fatalf("%s %+v: never %d", addr, c, c.after)
				}
				ep.SendDigit('2')
			}
			_ = ep.Close()
		}
	}
}
