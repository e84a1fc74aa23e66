package relay

import (
	"golang.org/x/sys/unix"

	"naisen/media/rtp"
)

// forward sends a member's packet to the one who hears it: payload untouched or translated by table, header anew. Both live on this shard.
func (s *shard) forward(from, to *endpoint, k kind, h rtp.Header, pkt []byte, now int64) {
	sess := to.current(now)
	switch {
	case sess == nil || !sess.sends || to.leg.busy(): // what we play or press replaces what the bridge brings
		from.count.gated.Add(1)
		return
	case k == kindEvent:
		source := from.session.Load()
		if sess.agreed.EventSendPT == 0 || source == nil || source.agreed.EventClock == 0 {
			from.count.unrelayed.Add(1)
			return
		}
		if regenerates(source, sess) {
			s.regenerate(from, to, source, sess, h, pkt[h.Start:h.End], now)
			return
		}
		h.PayloadType = sess.agreed.EventSendPT // the time stamp moves with the audio's
	case k == sess.audio:
		h.PayloadType = sess.agreed.SendPT
	case k == kindNoise && to.leg.hearsRelayed(from):
		if !sess.agreed.Noise { // gaps are normal
			from.count.unrelayed.Add(1)
			return
		}
		h.PayloadType = noiseType
	default:
		translate := translation(k, sess.audio)
		switch {
		case translate != nil:
		case transcodes(k, sess.audio), k == kindNoise:
			s.transcode(from, to, sess, k, h, pkt[h.Start:h.End], now)
			return
		default:
			from.count.unrelayed.Add(1)
			return
		}
		h.PayloadType = sess.agreed.SendPT
		translate(pkt[h.Start:h.End])
	}
	s.emit(to, sess, rtp.Source{Owner: from.serial, SSRC: h.SSRC}, h, pkt, now)
}

// emit puts a packet into the stream towards a peer and sends it. The payload is pkt[h.Start:h.End]; the header is written in front of
// it, over what was there. It returns the header as sent; false if nothing was sent.
func (s *shard) emit(to *endpoint, sess *session, from rtp.Source, h rtp.Header, pkt []byte, now int64) (rtp.Header, bool) {
	l, c := &to.leg, &to.count
	if l.to.len == 0 {
		c.gated.Add(1)
		return h, false
	}
	out, ok := l.stamp.Stamp(from, h, now)
	if !ok {
		return out, false // sent before, or older than the change of source
	}
	size := h.End - h.Start
	pkt = pkt[h.Start-rtp.HeaderSize : h.End]
	out.Put(pkt)
	if sess.secure {
		var err error
		if pkt, err = sess.out.Work(s.scratch).ProtectRTP(pkt[:0], pkt); err != nil {
			c.sendErrors.Add(1)
			return out, false
		}
	}
	if errno := send(to.socks.rtp, pkt, &l.to); errno != 0 {
		c.sendErrors.Add(1)
		if errno != unix.ECONNREFUSED { // an ICMP of an earlier packet; this one is gone too, and the next may pass
			return out, false
		}
	}
	c.sent.Add(1)
	c.sentBytes.Add(uint64(size))
	l.sent++
	l.sentBytes += uint32(size)
	l.sentAt = now
	return out, true
}

// hearsRelayed says that a speaker's audio comes to this listener as it is.
func (l *leg) hearsRelayed(from *endpoint) bool {
	source := from.session.Load()
	return source != nil && l.session != nil && relays(source.audio, l.session.audio)
}
