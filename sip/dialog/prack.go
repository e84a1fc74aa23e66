package dialog

import (
	"strconv"
	"strings"
	"time"

	"naisen/sip"
	"naisen/sip/stack"
)

// provisional is one 18x of ours.
type provisional struct {
	status int
	sdp    []byte
}

// heldAnswer is an Answer that waits for a PRACK; a type of its own since the description may be nil.
type heldAnswer struct{ sdp []byte }

// reliable is what we owe the caller by RFC 3262: one reliable provisional at a time, repeated until its PRACK.
type reliable struct {
	can, must bool // the caller supports, requires 100rel
	last      provisional
	rseq      uint32 // of the last one; 0: none yet
	acked     uint32 // RSeq of the last PRACK that matched
	waiting   *provisional
	offers    bool // waiting carries our offer: PRACK brings the answer
	next      *provisional
	answer    *heldAnswer
	resp      *stack.Response
	interval  time.Duration
	again     timer
	deadline  timer
}

func (r *reliable) init(u *UA, req *stack.Request) {
	if has(u.cfg.Supported, "100rel") {
		r.must = has(req.Require(), "100rel")
		r.can = r.must || has(req.Supported(), "100rel")
	}
}

func (r *reliable) clear() {
	r.again.clear()
	r.deadline.clear()
	r.waiting, r.next, r.answer, r.resp = nil, nil, nil, nil
}

func (s *Session) held() *heldAnswer { return s.rel.answer }

// ringWith sends p now, or after the PRACK of the one before.
func (s *Session) ringWith(p provisional) {
	if s.dlg.agreed || s.oa.ours { // said reliably already
		p.sdp = nil
	}
	if len(p.sdp) > 0 && len(s.dlg.sdp) == 0 && !s.rel.can { // no offer fits into an unreliable response (RFC 3261 section 13.2.1)
		p = provisional{status: 180}
	}
	if s.rel.waiting != nil && s.reliably(p) {
		if s.rel.next != nil && len(p.sdp) == 0 && len(s.rel.next.sdp) > 0 {
			return
		}
		s.rel.next = &p
		return
	}
	s.provisional(p)
}

// reliably: with a description whenever the caller can, without one only when it insists.
func (s *Session) reliably(p provisional) bool { return s.rel.must || s.rel.can && len(p.sdp) > 0 }

func (s *Session) provisional(p provisional) {
	if p.status == 0 {
		return
	}
	rel := s.reliably(p)
	s.rel.last = p
	resp := s.reply(s.in, p.status, func(r *stack.Response) {
		s.dialogHeaders(r)
		if rel {
			s.rel.rseq = s.rel.rseqAfter()
			r.Set("Require", "100rel")
			r.Set("RSeq", strconv.FormatUint(uint64(s.rel.rseq), 10))
			r.Set("Allow", s.ua.allow)
		}
		if len(p.sdp) > 0 {
			r.SetBody(typeSDP, p.sdp)
			if s.gated {
				r.Set("P-Early-Media", "sendrecv")
			}
		}
	})
	if len(p.sdp) > 0 {
		s.sdp = p.sdp
	}
	if !rel {
		return
	}
	s.rel.waiting, s.rel.resp, s.rel.interval = &p, resp, t1
	if len(p.sdp) > 0 {
		s.rel.offers = len(s.dlg.sdp) == 0
		s.oa.ours, s.dlg.agreed = s.rel.offers, !s.rel.offers
		s.rel.last.sdp = nil
	}
	s.rel.again.set(s, t1, s.repeatReliable)
	s.rel.deadline.set(s, t64, func() { // RFC 3262 section 3
		s.reject(sip.StatusCause(504).WithText("No PRACK"))
	})
}

// rseqAfter starts at random between 1 and 2^31-1, small enough never to wrap (RFC 3262 section 3).
func (r *reliable) rseqAfter() uint32 {
	if r.rseq == 0 {
		return uint32(1 + roll(1<<30))
	}
	return r.rseq + 1
}

func (s *Session) repeatReliable() {
	if s.in == nil || s.rel.resp == nil {
		return
	}
	respond(s.ua.log, s.in, s.rel.resp)
	s.rel.interval *= 2
	s.rel.again.set(s, s.rel.interval, s.repeatReliable)
}

// peerPrack takes the caller's PRACK (RFC 3262 section 3).
func (s *Session) peerPrack(d *dialogState, tx *stack.ServerTx) {
	req := tx.Request()
	rseq, ok := s.matchRAck(req)
	sdp, known := description(&req.Headers, req.Body)
	switch {
	case !ok:
		s.reply(tx, 481, nil)
		return
	case !known:
		s.reply(tx, 415, unsupportedBody(typeSDP))
		return
	case s.rel.waiting != nil && s.rel.offers && len(sdp) == 0:
		s.reply(tx, 400, nil)
		return
	}
	answered := s.rel.waiting != nil && s.rel.offers
	s.rel.acked = rseq
	s.rel.again.clear()
	s.rel.deadline.clear()
	s.rel.waiting, s.rel.resp, s.rel.offers = nil, nil, false
	switch {
	case answered:
		s.oa.ours = false
		d.sdp, d.agreed = sdp, true
		s.reply(tx, 200, nil)
		s.on(Agreed{SDP: sdp})
	case len(sdp) > 0 && s.oa.theirs == nil && !s.oa.ours && d.agreed: // a further offer (RFC 3262 section 5)
		s.oa.theirs, s.oa.bare, s.oa.heard = tx, false, sdp
		s.on(Offered{SDP: sdp})
		return
	case len(sdp) > 0:
		s.reply(tx, 500, retryAfter)
	default:
		s.reply(tx, 200, nil)
	}
	s.afterPrack()
}

// matchRAck compares RAck with the reliable provisional that is out, or was last and had no PRACK when the final response went.
func (s *Session) matchRAck(req *stack.Request) (uint32, bool) {
	f := strings.Fields(req.Get("RAck"))
	if len(f) != 3 || f[2] != "INVITE" || !s.inbound || s.rel.rseq == 0 {
		return 0, false
	}
	rseq, err1 := strconv.ParseUint(f[0], 10, 32)
	seq, err2 := strconv.ParseUint(f[1], 10, 32)
	return uint32(rseq), err1 == nil && err2 == nil && uint32(rseq) == s.rel.rseq && s.rel.acked != s.rel.rseq && uint32(seq) == s.inviteKey.cseq
}

// afterPrack sends what has waited: the answer before any further ringing.
func (s *Session) afterPrack() {
	if s.phase != phaseInvite || s.in == nil || s.rel.waiting != nil {
		return
	}
	if h := s.rel.answer; h != nil && s.oa.theirs == nil {
		s.rel.answer = nil
		s.accept(h.sdp)
		return
	}
	if p := s.rel.next; p != nil {
		s.rel.next = nil
		s.ringWith(*p)
	}
	s.flushOffer()
}

// acknowledge sends PRACK for a reliable provisional of the callee. False: a repetition or out of order, not to be looked at
// (RFC 3262 section 4).
func (s *Session) acknowledge(d *dialogState, resp *stack.Response, seq uint32) bool {
	rseq, err := strconv.ParseUint(resp.Get("RSeq"), 10, 31)
	if err != nil || rseq == 0 || d.rseq != 0 && uint32(rseq) != d.rseq+1 {
		return false
	}
	d.rseq = uint32(rseq)
	rack := resp.Get("RSeq") + " " + strconv.FormatUint(uint64(seq), 10) + " INVITE"
	s.send(d, "PRACK", func(r *stack.Request) { r.Set("RAck", rack) }, func(*stack.ClientTx, *stack.Response, error) {})
	return true
}
