package relay

import (
	"testing"

	"naisen/media"
	"naisen/media/rtp"
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
