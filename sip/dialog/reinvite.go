package dialog

import (
	"errors"
	"time"

	"naisen/sip"
	"naisen/sip/multipart"
	"naisen/sip/stack"
)

const (
	maxGlare      = 8                // 491s in a row before an offer is given up
	reinviteLimit = 60 * time.Second // a re-INVITE that got a provisional and nothing more is cancelled
)

// idle tells whether a new offer/answer exchange may be begun (RFC 3264 section 4, RFC 3261 section 14.1).
func (s *Session) idle() bool {
	return !s.oa.ours && s.oa.theirs == nil && !s.oa.busy && s.final == nil && !s.oa.glare.running()
}

// Offer sends a new offer: a re-INVITE, or before the answer an UPDATE where that is possible. While another exchange is open it
// waits, and a later Offer replaces one that waits. Exactly one Agreed or Disagreed comes of the last one, unless the session ends.
func (s *Session) Offer(sdp []byte) { s.OfferWith(sdp) }

// OfferWith is Offer with more than a description in its body.
func (s *Session) OfferWith(sdp []byte, with ...multipart.Part) {
	s.do(func() {
		if !s.alive() || len(sdp) == 0 {
			return
		}
		s.oa.wanted, s.oa.with, s.oa.tries = sdp, with, 0
		s.flushOffer()
	})
}

// flushOffer sends the offer that waits, or else the identity that does, if its time has come.
func (s *Session) flushOffer() {
	if !s.alive() || !s.idle() {
		return
	}
	sdp := s.oa.wanted
	switch {
	case sdp == nil:
		s.introduce()
	case s.phase == phaseUp:
		s.oa.wanted = nil
		s.reinvite(sdp, false)
	case s.phase == phaseInvite && s.earlyUpdate() != nil:
		s.oa.wanted = nil
		s.update(sdp)
	}
}

// reinvite sends an offer in a re-INVITE; refresh means that nothing changes and nobody waits for the answer.
func (s *Session) reinvite(sdp []byte, refresh bool) {
	s.oa.ours, s.oa.busy = true, true
	s.dlg.rseq = 0 // RSeq counts per transaction
	with, turn := s.along(refresh), s.under(refresh)
	s.send(&s.dlg, "INVITE", func(r *stack.Request) {
		s.ownTimer(r)
		if len(s.takes) > 0 {
			r.Set("Accept", s.accepts())
		}
		setBody(r, sdp, with)
	}, func(tx *stack.ClientTx, resp *stack.Response, err error) {
		switch {
		case resp != nil && resp.Status < 200:
			if turn == s.oa.turn {
				s.reinviteProgress(tx, resp)
			}
			return
		case !s.alive() || !s.oa.busy || turn != s.oa.turn: // the call is over, or the 2xx comes again, or too late
			s.lateReinvite(resp)
			return
		}
		s.oa.limit.clear()
		s.oa.ours, s.oa.busy = false, false
		s.reinvited(resp, err, sdp, refresh)
	})
	s.publish()
}

// along takes what shall go with the offer that is sent now; nothing goes with a refresh.
func (s *Session) along(refresh bool) []multipart.Part {
	if refresh {
		s.oa.sent = nil
		return nil
	}
	s.oa.sent, s.oa.with = s.oa.with, nil
	return s.oa.sent
}

// reinviteProgress bounds the waiting from the first provisional on, and acknowledges a reliable one.
func (s *Session) reinviteProgress(tx *stack.ClientTx, resp *stack.Response) {
	if !s.alive() {
		tx.Cancel("")
		return
	}
	if !s.oa.limit.running() {
		s.oa.tx = tx
		s.oa.limit.set(s, reinviteLimit, func() { tx.Cancel("") })
	}
	if seq, _ := resp.CSeq(); resp.Status > 100 && has(resp.Require(), "100rel") {
		s.acknowledge(&s.dlg, resp, seq)
	}
}

// lateReinvite acknowledges a 2xx that comes again or when nobody waits any more.
func (s *Session) lateReinvite(resp *stack.Response) {
	if resp != nil && resp.Status/100 == 2 {
		seq, _ := resp.CSeq()
		s.sendAck(&s.dlg, seq)
	}
}

// reinvited takes the final answer to our re-INVITE.
func (s *Session) reinvited(resp *stack.Response, err error, sdp []byte, refresh bool) {
	if resp != nil && resp.Status/100 == 2 {
		seq, _ := resp.CSeq()
		s.refreshed(&s.dlg, &resp.Headers, resp.Flow)
		s.sendAck(&s.dlg, seq)
		s.se.take(s, &resp.Headers)
	}
	s.offered("INVITE", resp, err, sdp, refresh)
}

// offered is what comes of an offer of ours, whichever request carried it.
func (s *Session) offered(method string, resp *stack.Response, err error, sdp []byte, refresh bool) {
	switch {
	case errors.Is(err, stack.ErrFlowGone): // media may well go on; the peer may come back before the session expires
		s.disagreed(sip.CauseTransport, refresh)
	case errors.Is(err, stack.ErrTimeout) && s.moved(): // it went to where the peer was
		s.again(sdp, refresh)
	case errors.Is(err, stack.ErrTimeout):
		s.bye(sip.CauseTimeout.WithText("No response"), false)
		return
	case err != nil:
		s.bye(sip.CauseTransport, false)
		return
	case resp.Status/100 == 2:
		answer, ok := description(&resp.Headers, resp.Body)
		s.oa.tries = 0
		if !ok || len(answer) == 0 {
			s.disagreed(sip.StatusCause(502).WithText("No answer in 2xx"), refresh)
			break
		}
		changed := string(answer) != string(s.dlg.sdp)
		s.sdp, s.dlg.sdp, s.dlg.agreed = sdp, answer, true
		if !refresh || changed {
			s.on(Agreed{SDP: answer, Refresh: refresh})
		}
	case resp.Status == 491 && s.oa.tries < maxGlare:
		s.oa.tries++
		s.backOff(sdp, refresh)
	case fails(method, resp.Status):
		s.bye(readCause(resp.Status, false, resp.Lines("Reason")), true)
		return
	default:
		s.disagreed(readCause(resp.Status, false, resp.Lines("Reason")), refresh)
	}
	s.publish()
	s.flushOffer()
}

// again sends an offer or a refresh once more, for one that was lost on the way.
func (s *Session) again(sdp []byte, refresh bool) {
	if refresh {
		s.refreshSession()
		return
	}
	if s.oa.wanted == nil {
		s.oa.wanted, s.oa.with = sdp, s.oa.sent
	}
}

func (s *Session) disagreed(c sip.Cause, refresh bool) {
	if !refresh {
		s.on(Disagreed{c})
		return
	}
	if s.se.alone && c != sip.CauseTransport { // it refuses what it never promised; but it is there
		s.se.start(s, s.se.interval, true)
		s.se.alone = true
		return
	}
	s.se.refresh.set(s, max(s.se.interval/8, t2), s.refreshSession) // until the expiry timer has had enough
}

// backOff waits after a 491: longer for the owner of the Call-ID (RFC 3261 section 14.1).
func (s *Session) backOff(sdp []byte, refresh bool) {
	d := between(0, 2*time.Second)
	if !s.inbound {
		d = between(2100*time.Millisecond, 4*time.Second)
	}
	if s.oa.wanted == nil && !refresh {
		s.oa.wanted, s.oa.with = sdp, s.oa.sent
	}
	s.oa.glare.set(s, d, func() {
		if refresh && s.oa.wanted == nil {
			s.refreshSession()
			return
		}
		s.flushOffer()
	})
}

// peerReinvite takes the peer's re-INVITE.
func (s *Session) peerReinvite(d *dialogState, tx *stack.ServerTx) {
	req := tx.Request()
	sdp, with, known := content(&req.Headers, req.Body, s.takes)
	ask := readSessionExpires(&req.Headers)
	s.yield(req.Flow)
	switch {
	case s.oa.theirs != nil, s.phase == phaseInvite && s.inbound: // RFC 3261 section 14.2
		s.reply(tx, 500, retryAfter)
		return
	case s.oa.ours || s.oa.busy || s.final != nil || s.phase != phaseUp: // glare, or the ACK that must come first
		s.reply(tx, 491, nil)
		return
	case !known:
		s.reply(tx, 415, unsupportedBody(s.accepts()))
		return
	case ask.interval > 0 && ask.interval < s.ua.cfg.MinSE:
		s.reply(tx, 422, s.ua.minSE)
		return
	}
	s.reply(tx, 100, nil)
	s.refreshed(d, &req.Headers, req.Flow)
	s.introduced(&req.Headers)
	s.oa.theirs, s.oa.bare, s.oa.heard = tx, len(sdp) == 0, sdp
	s.on(Offered{SDP: sdp, With: with})
}

// Reply answers the peer's offer with 200, or an offerless re-INVITE with our offer, whose answer comes as Agreed.
func (s *Session) Reply(sdp []byte) {
	s.do(func() {
		tx := s.oa.theirs
		if tx == nil || !s.alive() || len(sdp) == 0 {
			return
		}
		req := tx.Request()
		s.oa.theirs = nil
		s.sdp = sdp
		if !s.oa.bare {
			s.dlg.sdp, s.dlg.agreed = s.oa.heard, true
		}
		switch req.Method {
		case "INVITE":
			s.oa.ours = s.oa.bare
			s.sendFinal(tx, sdp, s.oa.bare, false)
			return
		case "UPDATE":
			s.updated(tx, sdp)
		default:
			s.reply(tx, 200, func(r *stack.Response) { r.SetBody(typeSDP, sdp) })
		}
		s.publish()
		s.afterPrack()
		s.flushOffer()
	})
}

// Refuse refuses what the peer asked last: its offer (default 488), or its REFER (default 603).
func (s *Session) Refuse(c sip.Cause) {
	s.do(func() {
		switch {
		case s.oa.theirs != nil:
			tx := s.oa.theirs
			s.oa.theirs = nil
			s.refuseTx(tx, c, 488)
			s.afterPrack()
			s.flushOffer()
		case s.refer != nil && s.refer.tx != nil:
			tx := s.refer.tx
			s.refer = nil
			s.refuseTx(tx, c, 603)
		}
	})
}

func (s *Session) refuseTx(tx *stack.ServerTx, c sip.Cause, status int) {
	if c.Status >= 400 && c.Status < 700 {
		status = c.Status
	}
	s.reply(tx, status, func(r *stack.Response) {
		if v := responseReason(c); v != "" {
			r.Set("Reason", v)
		}
	})
}
