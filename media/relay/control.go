package relay

import (
	"math/rand/v2"
	"net/netip"
	"time"

	"naisen/media"
	"naisen/media/rtp"
)

// cname says nothing about the machine (RFC 7022 section 4.2: per session would be better still, but a phone shows it to nobody).
const cname = "naisen"

// randomInterval spreads reports over 0.5 to 1.5 of the mean (RFC 3550 section 6.3.1).
func randomInterval(mean time.Duration) time.Duration {
	return mean/2 + time.Duration(rand.Int64N(int64(mean)+1))
}

// control takes one RTCP packet from the peer. It changes nothing but the statistics and the proof of life; a BYE ends nothing,
// that is signalling's business.
func (s *shard) control(e *endpoint, sess *session, pkt []byte, now int64) {
	c, l := &e.count, &e.leg
	if !rtp.IsRTCP(pkt) {
		c.malformed.Add(1)
		return
	}
	src := s.from.addrPort()
	if sess.secure {
		plain, err := sess.in.Work(s.scratch).UnprotectRTCP(pkt[:0], pkt)
		if err != nil {
			c.refuse(err)
			return
		}
		pkt = plain
	} else if !l.trustsControl(sess, src) {
		c.stranger.Add(1)
		return
	}
	r, err := rtp.ParseRTCP(pkt)
	if err != nil {
		c.malformed.Add(1)
		return
	}
	if !sess.agreed.RTCPMux && src != l.ctlFrom {
		if !sess.secure && src != sess.remoteCtl && (!l.stream.started || r.SSRC != l.stream.ssrc) {
			c.stranger.Add(1) // behind NAT the port is not known: the SSRC must be that of the voice
			return
		}
		l.ctlFrom, l.toCtl = src, addressOf(src)
	}
	c.reportsIn.Add(1)
	e.hears(now)
	l.heardCtl = true
	if r.Sender != nil {
		l.receiver.SenderReport(r.Sender.NTP, now)
	}
	for _, b := range r.Reception {
		if b.SSRC != e.ssrc {
			continue
		}
		s.reported(e, sess, b)
	}
	if r.Metrics != nil {
		s.extended(e, sess, r.Metrics)
	}
}

// trustsControl says whether plain RTCP may come from a source: the negotiated address, what was learned, or, until something was
// learned, the host that the voice comes from.
func (l *leg) trustsControl(sess *session, src netip.AddrPort) bool {
	switch {
	case sess.agreed.RTCPMux:
		return src == l.learn.target()
	case l.ctlFrom.IsValid():
		return src == l.ctlFrom
	case src == sess.remoteCtl:
		return true
	}
	return l.learn.current.IsValid() && l.learn.current != sess.remote && src.Addr() == l.learn.current.Addr()
}

// tend does an endpoint's housekeeping.
func (s *shard) tend(e *endpoint, now int64) {
	sess := e.current(now)
	if sess == nil {
		return
	}
	c, l := &e.count, &e.leg
	e.web.consents(e, now)
	l.quota = e.engine.cfg.PacketRate / int(time.Second/housekeeping)
	s.pressed(e, l.events.Expire(now))
	c.lost.Store(l.receiver.Lost())
	c.jitter.Store(int64(l.receiver.Jitter()))
	// A peer that may not speak and never sent RTCP cannot show that it lives: it is not held against it.
	if quiet := now - l.heard; !sess.receives && !l.heardCtl {
		l.heard = now
	} else if quiet >= int64(e.traits.quiet) && (l.told == 0 || now-l.told >= int64(e.traits.quiet)) {
		l.told = now
		e.post(media.Timeout{Silent: time.Duration(quiet)})
	}
	e.lulls(sess, now)
	s.judge(e, sess, now)
	if now >= e.gauge.reportAt {
		s.report(e, sess, false, now)
		e.gauge.reportAt = now + int64(randomInterval(e.engine.cfg.ReportInterval))
	}
}

// lulls tells that nothing comes any more from a peer that should speak, and has. A page of a fax is silent for long.
func (e *endpoint) lulls(sess *session, now int64) {
	g := e.gauge
	quiet := now - e.leg.heard
	if g.lull <= 0 || quiet < int64(g.lull) || now-g.lulled < int64(g.lull) || sess.audio == kindFax || e.count.received.Load() == 0 {
		return
	}
	g.lulled = now
	e.post(media.Lull{Silent: time.Duration(quiet)})
}

// hears notes that something trusted came.
func (e *endpoint) hears(now int64) {
	e.leg.heard, e.leg.told = now, 0
	if e.gauge.lulled != 0 {
		e.gauge.lulled = 0
		e.post(media.Heard{})
	}
}

// goodbye tells the peer that the stream ends (RFC 3550 section 6.6).
func (s *shard) goodbye(e *endpoint, now int64) {
	if sess := e.current(now); sess != nil && e.leg.sent > 0 {
		s.report(e, sess, true, now)
	}
	e.count.lost.Store(e.leg.receiver.Lost())
	e.count.jitter.Store(int64(e.leg.receiver.Jitter()))
}

// report sends a compound RTCP packet: SR if RTP was sent lately, else RR.
func (s *shard) report(e *endpoint, sess *session, bye bool, now int64) {
	l := &e.leg
	to, fd := &l.toCtl, e.socks.rtcp
	if sess.agreed.RTCPMux {
		to, fd = &l.to, e.socks.rtp
	}
	if to.len == 0 || sess.pending || fd < 0 || sess.audio == kindFax {
		return
	}
	var sender *rtp.Sender
	if l.sent > 0 && now-l.sentAt < 2*int64(e.engine.cfg.ReportInterval) {
		_, ts := l.stamp.Last()
		ts += uint32((now - l.sentAt) / 1000 * int64(sess.clock) / 1_000_000)
		sender = &rtp.Sender{NTP: rtp.NTP(e.engine.cfg.Clock()), Timestamp: ts, Packets: l.sent, Octets: l.sentBytes}
	}
	var block *rtp.Reception
	if b, ok := l.receiver.Report(now); ok {
		block = &b
	}
	pkt, err := rtp.AppendReport(s.out[:0], e.ssrc, sender, block, cname, bye)
	if err == nil && !bye {
		pkt, err = e.metrics(pkt)
	}
	if err == nil && sess.secure {
		pkt, err = sess.out.Work(s.scratch).ProtectRTCP(pkt[:0], pkt)
	}
	if err != nil {
		e.count.sendErrors.Add(1)
		return
	}
	if send(fd, pkt, to) != 0 {
		e.count.sendErrors.Add(1)
		return
	}
	e.count.reportsOut.Add(1)
}
