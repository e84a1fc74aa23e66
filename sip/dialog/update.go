package dialog

import (
	"naisen/sip"
	"naisen/sip/stack"
)

// earlyUpdate is the early dialog in which we may send an offer: there is only one, its first exchange is complete, and the peer
// takes UPDATE (RFC 3311 section 5.1).
func (s *Session) earlyUpdate() *dialogState {
	d := &s.dlg
	if !s.inbound {
		if s.out == nil || s.out.now == nil || len(s.out.now.forks) != 1 {
			return nil
		}
		d = s.out.now.forks[0]
	} else if s.rel.waiting != nil || s.rel.rseq == 0 || s.rel.answer != nil {
		return nil
	}
	if !d.agreed || !d.update {
		return nil
	}
	return d
}

// update sends an UPDATE, with an offer or, as a refresh, without (RFC 3311 section 5.1, RFC 4028 section 7.4).
func (s *Session) update(sdp []byte) {
	d := &s.dlg
	if s.phase == phaseInvite {
		d = s.earlyUpdate()
	}
	early := s.phase == phaseInvite
	s.oa.ours, s.oa.busy = len(sdp) > 0, true
	with, turn := s.along(len(sdp) == 0), s.under(len(sdp) == 0)
	s.send(d, "UPDATE", func(r *stack.Request) {
		if !early {
			s.ownTimer(r)
		}
		if len(sdp) > 0 {
			setBody(r, sdp, with)
		}
	}, func(_ *stack.ClientTx, resp *stack.Response, err error) {
		if resp != nil && resp.Status < 200 || !s.oa.busy || turn != s.oa.turn {
			return
		}
		s.oa.ours, s.oa.busy = false, false
		if !s.alive() {
			return
		}
		s.updateDone(d, resp, err, sdp, early)
	})
	s.publish()
}

func (s *Session) updateDone(d *dialogState, resp *stack.Response, err error, sdp []byte, early bool) {
	if resp != nil && resp.Status/100 == 2 {
		if !s.inbound && s.out == nil && d.tag == s.dlg.tag { // answered while the UPDATE was on its way
			d = &s.dlg
		}
		s.refreshed(d, &resp.Headers, resp.Flow)
		if !early {
			s.se.take(s, &resp.Headers)
		}
	}
	switch {
	case len(sdp) > 0 && early:
		s.earlyOffered(d, resp, err, sdp)
	case len(sdp) > 0:
		s.offered("UPDATE", resp, err, sdp, false)
	default:
		s.refreshDone(resp, err)
	}
}

// refreshDone is what comes of an UPDATE without offer.
func (s *Session) refreshDone(resp *stack.Response, err error) {
	switch {
	case err != nil:
		s.offered("UPDATE", nil, err, nil, true)
		return
	case resp.Status/100 == 2:
	case resp.Status == 405 || resp.Status == 501: // it only said that it could
		s.se.noUpdate = true
		s.refreshSession()
		return
	case resp.Status == 491:
		s.backOff(nil, true)
	case resp.Status == 422:
		if low, ok := readMinSE(resp); ok {
			s.se.interval = max(s.se.interval, low)
		}
		s.disagreed(readCause(422, false, nil), true)
	case fails("UPDATE", resp.Status):
		s.bye(readCause(resp.Status, false, resp.Lines("Reason")), true)
		return
	default:
		s.disagreed(readCause(resp.Status, false, nil), true)
	}
	s.flushOffer()
}

// peerUpdate takes the peer's UPDATE (RFC 3311 section 5.2).
func (s *Session) peerUpdate(d *dialogState, tx *stack.ServerTx) {
	req := tx.Request()
	sdp, with, known := content(&req.Headers, req.Body, s.takes)
	ask := readSessionExpires(&req.Headers)
	if len(sdp) > 0 {
		s.yield(req.Flow)
	}
	switch {
	case !known:
		s.reply(tx, 415, unsupportedBody(s.accepts()))
		return
	case ask.interval > 0 && ask.interval < s.ua.cfg.MinSE:
		s.reply(tx, 422, s.ua.minSE)
		return
	case len(sdp) == 0:
		s.refreshed(d, &req.Headers, req.Flow)
		s.introduced(&req.Headers)
		s.updated(tx, nil)
		if len(with) > 0 {
			s.on(Told{With: with})
		}
		return
	case s.oa.ours, s.phase == phaseInvite && !s.inbound && !d.agreed: // ours is still open
		s.reply(tx, 491, nil)
		return
	case s.oa.theirs != nil, s.phase == phaseInvite && !d.agreed: // one of its own is still open
		s.reply(tx, 500, retryAfter)
		return
	}
	s.refreshed(d, &req.Headers, req.Flow)
	s.introduced(&req.Headers)
	s.oa.theirs, s.oa.bare, s.oa.heard = tx, false, sdp
	s.on(Offered{SDP: sdp, With: with})
}

// earlyOffered is what comes of an offer in an early UPDATE. A failure ends nothing: the INVITE is still open.
func (s *Session) earlyOffered(d *dialogState, resp *stack.Response, err error, sdp []byte) {
	switch {
	case err != nil:
		s.on(Disagreed{sip.CauseTimeout})
	case resp.Status/100 == 2:
		answer, ok := description(&resp.Headers, resp.Body)
		if !ok || len(answer) == 0 {
			s.on(Disagreed{sip.StatusCause(502).WithText("No answer in 2xx")})
			break
		}
		s.sdp, d.sdp = sdp, answer
		s.on(Agreed{SDP: answer})
	case resp.Status == 491 && s.oa.tries < maxGlare:
		s.oa.tries++
		s.backOff(sdp, false)
	default:
		s.on(Disagreed{readCause(resp.Status, false, resp.Lines("Reason"))})
	}
	s.publish()
	s.flushOffer()
}

// updated answers an UPDATE.
func (s *Session) updated(tx *stack.ServerTx, sdp []byte) {
	s.reply(tx, 200, func(r *stack.Response) {
		r.Set("Contact", s.contact)
		s.identify(r.Set)
		s.capabilities(r)
		if s.phase == phaseUp {
			s.se.answer(s, r, readSessionExpires(&tx.Request().Headers))
		}
		if len(sdp) > 0 {
			r.SetBody(typeSDP, sdp)
		}
	})
}
