package relay

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"naisen/media/rtp"
)

// fax takes one UDPTL datagram (ITU-T T.38 section 9) and sends it on as it is: its sequence numbers and its redundancy are the two machines' own.
// Who may send it is found out as with RTP. No tap sees it: there is no sound in it.
func (s *shard) fax(e *endpoint, sess *session, channel int32, pkt []byte, now int64) {
	c, l := &e.count, &e.leg
	src := s.from.addrPort()
	switch {
	case channel == channelRTCP, l.leftover(pkt): // of the voice before
		c.unnegotiated.Add(1)
		return
	case !isUDPTL(pkt):
		c.malformed.Add(1)
		return
	case src != l.learn.current:
		switch l.learn.admit(src, 0, now) {
		case stranger:
			c.stranger.Add(1)
			return
		case early:
			c.early.Add(1)
			return
		}
		e.aim()
	}
	if l.quota--; l.quota < 0 {
		c.excess.Add(1)
		return
	}
	e.hears(now)
	c.received.Add(1)
	c.receivedBytes.Add(uint64(len(pkt)))
	r := e.route.Load()
	if !sess.receives || r == nil || r.hears == nil {
		c.gated.Add(1)
		return
	}
	if owner := r.hears.shard.Load(); owner != s { // for the moment between Join and the move to one shard
		held := append([]byte(nil), pkt...)
		owner.post(&command{ep: r.hears, do: func(s *shard, to *endpoint, now int64) { s.faxOut(e, to, held, now) }})
		return
	}
	s.faxOut(e, r.hears, pkt, now)
}

// faxOut sends a datagram of one fax machine to the other. A machine sends nothing while it receives, for a page and longer: what it is sent shows
// that the fax goes on.
func (s *shard) faxOut(from, to *endpoint, pkt []byte, now int64) {
	sess := to.current(now)
	if sess == nil || sess.audio != kindFax {
		from.count.unrelayed.Add(1)
		return
	}
	if !sess.sends || to.leg.to.len == 0 {
		from.count.gated.Add(1)
		return
	}
	to.leg.heard, to.leg.told = now, 0
	if errno := send(to.socks.rtp, pkt, &to.leg.to); errno != 0 {
		to.count.sendErrors.Add(1)
		if errno != unix.ECONNREFUSED {
			return
		}
	}
	to.count.sent.Add(1)
	to.count.sentBytes.Add(uint64(len(pkt)))
}

// leftover says that a datagram is RTP of the voice before the fax.
func (l *leg) leftover(pkt []byte) bool {
	return l.stream.started && len(pkt) >= rtp.HeaderSize && pkt[0]>>6 == 2 && binary.BigEndian.Uint32(pkt[8:]) == l.stream.ssrc
}

// isUDPTL looks at the shape alone: a sequence number, a primary packet of a length that fits (X.691 section 10.9), and what follows for error
// recovery.
func isUDPTL(pkt []byte) bool {
	if len(pkt) < 4 {
		return false
	}
	n, head := int(pkt[2]), 3
	switch {
	case n&0xc0 == 0x80:
		n, head = n&0x3f<<8|int(pkt[3]), 4
	case n&0x80 != 0: // fragments of 16 K: no datagram holds one
		return false
	}
	return n > 0 && len(pkt) > head+n
}
