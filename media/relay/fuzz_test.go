package relay

import (
	"errors"
	"net"
	"net/netip"
	"testing"

	"naisen/media"
	"naisen/media/rtp"
	"naisen/media/webrtc"
)

// FuzzDatagram gives one datagram of a stranger or a hostile peer to a leg, plain or secure, RTP or RTCP. Nothing may panic or allocate
// without bound, and on a secure leg nothing may get through.
func FuzzDatagram(f *testing.F) {
	h := rtp.Header{Sequence: 1, SSRC: 9}
	f.Add(false, false, h.Append(nil, frame('A', 1)))
	f.Add(true, false, h.Append(nil, frame('A', 1)))
	f.Add(false, true, []byte{0x80, 200, 0, 6, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add(true, true, []byte{0x81, 201, 0, 7, 0, 0, 0, 9, 0, 0, 0, 1})
	f.Add(false, false, []byte{0x90, 101, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xbe, 0xde, 0, 1, 1, 2, 3, 4, 5, 0x8a, 3, 0x20})
	f.Add(false, false, []byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	plain, secret := newPath(f, media.SecurityForbidden, "", true), newPath(f, media.SecurityRequired, "", true)
	var buf [2048]byte
	f.Fuzz(func(t *testing.T, isSecure, control bool, b []byte) {
		if len(b) > maxDatagram {
			return
		}
		p := plain
		if isSecure {
			p = secret
		}
		s, now := p.shard, p.engine.Now()
		s.from = addressOf(p.a.addr())
		pkt := s.buf[:copy(s.buf[:], b)]
		sess := p.leg.current(now)
		if control {
			s.control(p.leg, sess, pkt, now)
		} else {
			s.packet(p.leg, sess, pkt, now)
		}
		if n := p.empty(buf[:]); isSecure && n > 0 {
			t.Error("a packet without the key got through")
		}
	})
}

// FuzzDemultiplexer gives one datagram to a browser's leg in the middle of a call, from the browser's address and from a stranger's, and to the port of all
// browsers (RFC 5764 section 5.1.2, RFC 7983). Nothing may panic, and without the key nothing gets through.
func FuzzDemultiplexer(f *testing.F) {
	e := engineFor(f, Config{Shards: 1, PacketRate: 1 << 40})
	web, desk := newLeg(f, e, media.Profile{Browser: true}), newLeg(f, e, media.Profile{})
	p, b, br := newPhone(f, media.PCMU), newBrowser(f), e.Bridge()
	p.calls(desk, want(media.SecurityForbidden), media.Want{})
	if err := errors.Join(br.Join(web.Endpoint), br.Join(desk.Endpoint)); err != nil {
		f.Fatal(err)
	}
	b.calls(web)
	leg, front, own := web.Endpoint.(*endpoint), e.fronts[loopback], b.conn.LocalAddr().(*net.UDPAddr).AddrPort()
	h := rtp.Header{Sequence: 1, SSRC: 9}
	f.Add(true, h.Append(nil, frame('A', 1)))
	f.Add(true, []byte{0x80, 200, 0, 6, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add(true, []byte{22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 50, 1, 0, 0, 38, 0, 0, 0, 0, 0, 0, 0, 38})
	f.Add(true, []byte{21, 254, 253, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 2, 40})
	f.Add(false, webrtc.AppendCheck(nil, [12]byte{}, b.creds, webrtc.Credentials{Ufrag: b.pbx.Ufrag, Password: "wrong password of 22 octets"}, true))
	f.Add(false, []byte{0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add(false, []byte{64, 0, 0, 4, 1, 2, 3, 4}) // a TURN channel
	f.Fuzz(func(t *testing.T, mine bool, data []byte) {
		if len(data) > maxDatagram || len(data) == 0 {
			return
		}
		from := own
		if !mine {
			from = netip.AddrPortFrom(loopback, 9)
		}
		done := make(chan struct{})
		leg.command(func(s *shard, e *endpoint, now int64) {
			defer close(done)
			s.from = addressOf(from)
			pkt := s.buf[:copy(s.buf[:], data)]
			sess := e.current(now)
			switch {
			case s.intercept(e, channelRTP, pkt, now):
			case rtp.IsRTCP(pkt):
				s.control(e, sess, pkt, now)
			default:
				s.packet(e, sess, pkt, now)
			}
		})
		<-done
		front.handle(data, from)
		if n := desk.Stats().Sent; n != 0 {
			t.Errorf("%d packets without the key got through", n)
		}
	})
}
