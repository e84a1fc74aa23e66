package dialog

import (
	"time"

	"naisen/sip"
	"naisen/sip/stack"
)

// finalResponse is a 2xx of ours to an INVITE. The transaction does not repeat it, we do, until the ACK (RFC 3261 section 13.3.1.4).
type finalResponse struct {
	tx       *stack.ServerTx
	resp     *stack.Response
	seq      uint32
	offers   bool // it carries our offer: the ACK brings the answer
	first    bool // it answers the first INVITE, not a re-INVITE
	interval time.Duration
	again    timer
	deadline timer
}

func (f *finalResponse) clear() {
	if f != nil {
		f.again.clear()
		f.deadline.clear()
	}
}

// Ring sends 180, or 183 with a description. Once a description went out reliably a later one is not sent again.
func (s *Session) Ring(sdp []byte) {
	s.do(func() {
		if s.phase != phaseInvite || s.in == nil || s.held() != nil {
			return
		}
		p := provisional{status: 180}
		if len(sdp) > 0 {
			p = provisional{status: 183, sdp: sdp}
		}
		s.ringWith(p)
		if !s.ring.running() {
			s.keepRinging()
		}
	})
}

// Answer accepts the INVITE: 200. On an INVITE without offer sdp is our offer and the ACK brings the answer. It waits for the PRACK of
// a description that is on its way (RFC 3262 section 3).
func (s *Session) Answer(sdp []byte) {
	s.do(func() {
		if s.phase != phaseInvite || s.in == nil || s.held() != nil {
			return
		}
		if s.rel.waiting != nil && len(s.rel.waiting.sdp) > 0 || s.oa.theirs != nil {
			s.rel.answer = &heldAnswer{sdp}
			return
		}
		s.accept(sdp)
	})
}

func (s *Session) accept(sdp []byte) {
	offers := false
	switch {
	case s.dlg.agreed: // the exchange is complete, 2xx carries none (RFC 6337 section 2.2)
		sdp = nil
	case len(sdp) == 0 && len(s.sdp) > 0: // what an unreliable 183 has shown
		sdp = s.sdp
	}
	if !s.dlg.agreed {
		if len(sdp) == 0 {
			s.reject(sip.CauseServerError.WithText("Answered without a session description"))
			return
		}
		offers = len(s.dlg.sdp) == 0
		s.sdp, s.dlg.agreed = sdp, !offers
		s.oa.ours = offers
	}
	tx := s.in
	s.in = nil
	s.rel.clear()
	s.ring.clear()
	s.to(phaseAccepted)
	s.sendFinal(tx, sdp, offers, true)
}

// sendFinal sends our 2xx to an INVITE and repeats it until the ACK.
func (s *Session) sendFinal(tx *stack.ServerTx, sdp []byte, offers, first bool) {
	seq, _ := tx.Request().CSeq()
	f := &finalResponse{tx: tx, seq: seq, offers: offers, first: first, interval: t1}
	ask := s.se.ask
	if !first {
		ask = readSessionExpires(&tx.Request().Headers)
	}
	f.resp = s.reply(tx, 200, func(r *stack.Response) {
		s.dialogHeaders(r)
		s.capabilities(r)
		s.se.answer(s, r, ask)
		if len(sdp) > 0 {
			r.SetBody(typeSDP, sdp)
		}
	})
	s.final = f
	f.again.set(s, f.interval, func() { s.repeat(f) })
	f.deadline.set(s, t64, func() { s.unacknowledged(f) })
	s.publish()
}

func (s *Session) dialogHeaders(r *stack.Response) {
	for _, v := range s.routeSelf {
		r.Add("Record-Route", v)
	}
	r.Set("Contact", s.contact)
	s.identify(r.Set)
}

func (s *Session) repeat(f *finalResponse) {
	respond(s.ua.log, f.tx, f.resp)
	f.interval = min(2*f.interval, t2)
	f.again.set(s, f.interval, func() { s.repeat(f) })
}

// unacknowledged: no ACK for 64*T1. The peer may never have seen the answer, so the call is over (RFC 3261 section 13.3.1.4).
func (s *Session) unacknowledged(f *finalResponse) {
	f.clear()
	s.final = nil
	if s.phase == phaseBye { // ended meanwhile: the BYE was waiting for this
		s.sendBye(s.end)
		return
	}
	s.bye(sip.CauseTimeout.WithText("No ACK"), false)
}

// Ack takes an ACK that belongs to no transaction.
func (u *UA) Ack(req *stack.Request) {
	s := u.find(req.CallID(), req.To().Tag())
	if s == nil || s.final == nil || s.dlg.tag != req.From().Tag() || s.Secure() && !req.Flow.Secure() {
		return
	}
	if seq, _ := req.CSeq(); seq == s.final.seq {
		s.acked(req)
	}
}

func (s *Session) acked(req *stack.Request) {
	f := s.final
	f.clear()
	s.final = nil
	if s.phase == phaseBye {
		s.sendBye(s.end)
		return
	}
	if f.first {
		s.to(phaseUp)
	}
	if f.offers {
		sdp, ok := description(&req.Headers, req.Body)
		s.oa.ours = false
		switch {
		case ok && len(sdp) > 0:
			s.dlg.sdp, s.dlg.agreed = sdp, true
			s.on(Agreed{SDP: sdp})
		case f.first: // there is nothing to talk with (threats.md C18)
			s.bye(sip.CauseNotAcceptable.WithText("No answer in ACK"), false)
			return
		default:
			s.on(Disagreed{sip.CauseNotAcceptable.WithText("No answer in ACK")})
		}
	}
	s.publish()
	s.flushOffer()
}
