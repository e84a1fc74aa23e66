package relay

import (
	"encoding/binary"
	"errors"
	"net/netip"

	"golang.org/x/sys/unix"

	"naisen/media"
	"naisen/media/codec/g711"
	"naisen/media/dtmf"
	"naisen/media/rtp"
	"naisen/media/secure"
)

// read takes one datagram of one socket.
func (s *shard) read(e *endpoint, channel int32, now int64) {
	fd := e.socks.rtp
	if channel == channelRTCP {
		fd = e.socks.rtcp
	}
	n, errno := receive(fd, s.buf[:maxDatagram], &s.from)
	if errno != 0 {
		if errno != unix.EAGAIN && errno != unix.EINTR && errno != unix.ECONNREFUSED {
			e.count.sendErrors.Add(1) // nothing ends here: an ICMP or a lack of memory passes
		}
		return
	}
	if n > maxDatagram || n == 0 {
		e.count.malformed.Add(1)
		return
	}
	pkt := s.buf[:n]
	sess := e.current(now)
	if (e.web.front != nil || sess != nil && sess.agreed.DTLS.On) && s.intercept(e, channel, pkt, now) {
		return
	}
	if isSTUN(pkt) { // phones probe with it, whether we agreed to ICE or not
		s.checkedBeside(e, channel, pkt)
		return
	}
	switch {
	case sess == nil || sess.pending:
		e.count.early.Add(1) // no learning before the negotiation is complete
	case sess.audio == kindFax:
		s.fax(e, sess, channel, pkt, now)
	case channel == channelRTCP || sess.agreed.RTCPMux && rtp.IsRTCP(pkt):
		s.control(e, sess, pkt, now)
	default:
		s.packet(e, sess, pkt, now)
	}
}

// isSTUN: the first two bits are 0 and the magic cookie is there (RFC 8489 section 5); the twenty octets that linphone sends have it.
func isSTUN(p []byte) bool {
	return len(p) >= 20 && p[0] < 64 && binary.BigEndian.Uint32(p[4:]) == 0x2112A442
}

// packet takes one RTP packet: find out who sent it, authenticate and decrypt, show it to the taps, forward it.
// Nothing is learned before it is trusted.
func (s *shard) packet(e *endpoint, sess *session, pkt []byte, now int64) {
	c, l := &e.count, &e.leg
	h, err := rtp.ParseProtected(pkt)
	if err != nil {
		c.malformed.Add(1)
		return
	}
	k := sess.received[h.PayloadType]
	src := s.from.addrPort()
	if !sess.secure && src != l.learn.current && !e.introduced(src, k, h, pkt, now) {
		return
	}
	if k == kindNone {
		c.unnegotiated.Add(1)
		return
	}
	if pkt, h, err = s.open(sess, pkt, h); err != nil {
		c.refuse(err)
		return
	}
	if l.quota--; l.quota < 0 { // a peer gone mad, or media sent in a circle through calls of ours
		c.excess.Add(1)
		return
	}
	e.hears(now)
	ok, newest := l.stream.take(h.SSRC, h.Sequence, now)
	if !ok {
		c.unnegotiated.Add(1)
		return
	}
	if sess.secure && newest && src != l.learn.current && l.learn.authentic(src) {
		e.aim()
	}
	c.received.Add(1)
	c.receivedBytes.Add(uint64(h.End - h.Start))
	l.receiver.Packet(h, now, k != kindEvent)
	if !l.heardAny {
		l.heardAny = true
		e.post(media.FirstPacket{})
	}
	if !sess.receives { // held: not to be heard, not to be recorded
		c.gated.Add(1)
		return
	}
	if k == kindEvent {
		s.pressed(e, l.events.Packet(h, pkt[h.Start:h.End], now))
	} else if sess.tones {
		s.overhear(e, k, pkt[h.Start:h.End])
	}
	s.deliver(e, sess, k, h, pkt, now)
}

// introduced says whether a plain packet from a source that is not the learned one may teach us a new one. The payload type and the shape come
// first: what was not agreed earns no trust.
func (e *endpoint) introduced(src netip.AddrPort, k kind, h rtp.Header, pkt []byte, now int64) bool {
	if k == kindNone {
		e.count.stranger.Add(1)
		return false
	}
	if _, err := rtp.Parse(pkt); err != nil {
		e.count.malformed.Add(1)
		return false
	}
	switch e.leg.learn.admit(src, h.SSRC, now) {
	case stranger:
		if e.rebound(src, h, now) {
			break
		}
		e.count.stranger.Add(1)
		return false
	case early:
		e.count.early.Add(1)
		return false
	}
	e.aim()
	return true
}

// rebound says whether a plain packet goes on with the stream that has ceased to come from the learned address, from another port of the same host: a
// translation that has forgotten its mapping. Who never saw the stream does not know its SSRC and where it stands.
func (e *endpoint) rebound(src netip.AddrPort, h rtp.Header, now int64) bool {
	l := &e.leg
	if !l.learn.current.IsValid() || src.Addr() != l.learn.current.Addr() || !l.stream.goesOn(h.SSRC, h.Sequence, now) {
		return false
	}
	l.learn.current = src
	l.ctlFrom, l.toCtl = netip.AddrPort{}, address{} // as after a negotiation: its reports come from elsewhere too
	return true
}

// open authenticates and decrypts in place.
func (s *shard) open(sess *session, pkt []byte, h rtp.Header) ([]byte, rtp.Header, error) {
	if sess.secure {
		plain, err := sess.in.Work(s.scratch).UnprotectRTP(pkt[:0], pkt)
		if err != nil {
			return nil, h, err
		}
		pkt = plain
	}
	if !sess.secure && pkt[0]&0x20 == 0 {
		return pkt, h, nil // no padding: the first parse was complete
	}
	h, err := rtp.Parse(pkt)
	return pkt, h, err
}

// refuse counts why a packet was dropped.
func (c *counters) refuse(err error) {
	switch {
	case errors.Is(err, secure.ErrReplay):
		c.replayed.Add(1)
	case errors.Is(err, secure.ErrAuth), errors.Is(err, secure.ErrExhausted):
		c.unauthentic.Add(1)
	default:
		c.malformed.Add(1)
	}
}

// overhear looks for keys in the audio of a peer that has no other way to send them. Lost and swapped packets only shorten or split a press.
func (s *shard) overhear(e *endpoint, k kind, payload []byte) {
	g := e.gauge
	if g.tones == nil {
		g.tones = dtmf.New()
	}
	pcm := s.pcm[:0]
	switch k {
	case kindPCMU:
		pcm = g711.DecodeU(pcm, payload)
	case kindPCMA:
		pcm = g711.DecodeA(pcm, payload)
	}
	if p, ok := g.tones.Hear(pcm); ok {
		e.post(media.Digit{Rune: p.Rune, Duration: p.Length})
	}
}

// pressed posts recognised key presses.
func (s *shard) pressed(e *endpoint, presses []rtp.Press) {
	for _, p := range presses {
		e.post(media.Digit{Rune: p.Rune, Duration: p.Duration})
	}
}

// deliver shows a packet to the taps and forwards it as the plan says.
func (s *shard) deliver(e *endpoint, sess *session, k kind, h rtp.Header, pkt []byte, now int64) {
	r := e.route.Load()
	if r == nil {
		e.count.gated.Add(1)
		return
	}
	if to := e.web.copied.Load(); to != nil {
		s.duplicate(e, to, k, h, pkt, now)
	}
	if len(r.taps) > 0 && k != kindNoise { // a gap in a recording is silence
		s.show(r, media.Frame{
			From: e.id, Event: k == kindEvent, Codec: sess.agreed.Codec, Payload: pkt[h.Start:h.End],
			Sequence: h.Sequence, Timestamp: h.Timestamp, SSRC: h.SSRC, Marker: h.Marker, Arrived: now,
		})
	}
	if r.seat != nil {
		s.bring(r, e, sess, k, h, pkt, now)
		return
	}
	if r.hears == nil {
		e.count.gated.Add(1)
		return
	}
	if owner := r.hears.shard.Load(); owner != s {
		s.handOver(owner, e, r.hears, k, h, pkt)
		return
	}
	s.forward(e, r.hears, k, h, pkt, now)
}

// show calls the taps. The Frame is the shard's own, so that it does not escape to the heap with each packet.
func (s *shard) show(r *route, f media.Frame) {
	s.frame = f
	for _, t := range r.taps {
		t.Tap(&s.frame)
	}
	s.frame.Payload = nil
}

// handOver forwards by way of the shard where the listener still lives: for the moment between Join and the move to one shard.
func (s *shard) handOver(owner *shard, from, to *endpoint, k kind, h rtp.Header, pkt []byte) {
	held := append([]byte(nil), pkt[:h.End]...)
	owner.post(&command{ep: to, do: func(s *shard, to *endpoint, now int64) {
		if n := copy(s.out[:], held); n == len(held) {
			s.forward(from, to, k, h, s.out[:n], now)
		}
	}})
}
