package dialog

import (
	"slices"
	"strings"

	"naisen/sip"
	"naisen/sip/stack"
)

// cancel gives up an outbound INVITE. Ended comes with its final response, since a 2xx may cross (RFC 3261 section 9.1).
func (s *Session) cancel(c sip.Cause, byPeer bool) {
	if s.phase != phaseInvite {
		return
	}
	s.ring.clear()
	s.to(phaseCancel)
	s.end, s.byPeer = c, byPeer
	a := s.out.now
	if a == nil || a.tx == nil { // nothing was sent
		s.cancelled(false)
		return
	}
	a.next.clear()
	a.tx.Cancel(c.ReasonHeader()) // which reports an error when no final response comes (RFC 3261 section 9.1, last paragraph)
}

func (s *Session) cancelled(crossed bool) {
	if s.phase != phaseCancel {
		return
	}
	s.ended(Ended{Cause: s.end, ByPeer: s.byPeer, Crossed: crossed})
	s.over()
}

// Cancel takes the cancellation of an INVITE or re-INVITE; the CANCEL itself was answered.
func (u *UA) Cancel(tx *stack.ServerTx) {
	req := tx.Request()
	seq, _ := req.CSeq()
	if tag := req.To().Tag(); tag != "" {
		if s := u.find(req.CallID(), tag); s != nil && s.oa.theirs != nil && s.dlg.tag == req.From().Tag() {
			s.cancelledReinvite(seq)
			return
		}
	} else if s := u.findInvite(inviteKey{req.CallID(), req.From().Tag(), seq}); s != nil {
		c := readCause(487, true, tx.CancelReason())
		if elsewhere(c, tx.CancelReason()) {
			c.Q850 = sip.CauseCompletedElsewhere.Q850
		}
		s.peerCancel(c)
		return
	}
	respond(u.log, tx, stack.NewResponse(req, 487, ""))
}

// elsewhere says that the call was answered by somebody else and is no missed one: SIP;cause=200 in a CANCEL (RFC 3326 section 2). A
// normal clearing in Q.850 has the same status and is a caller who gave up.
func elsewhere(c sip.Cause, reasons []string) bool {
	return c.Status == sip.CauseCompletedElsewhere.Status && slices.ContainsFunc(reasons, func(v string) bool {
		return len(v) <= maxReason && slices.ContainsFunc(sip.SplitList(v), func(one string) bool {
			protocol, _, _ := strings.Cut(one, ";")
			return strings.EqualFold(strings.TrimSpace(protocol), "SIP")
		})
	})
}

// peerCancel: the caller gave up. Too late once our 2xx is out: it will send BYE (RFC 3261 section 9.2).
func (s *Session) peerCancel(c sip.Cause) {
	if s.phase != phaseInvite || s.in == nil {
		return
	}
	s.refuseWith(sip.CauseCancelled.WithText(""))
	s.ended(Ended{Cause: c, ByPeer: true})
	s.over()
}

// cancelledReinvite takes back the peer's offer that was not answered yet.
func (s *Session) cancelledReinvite(seq uint32) {
	tx := s.oa.theirs
	if n, m := tx.Request().CSeq(); n != seq || m != "INVITE" {
		return
	}
	s.oa.theirs = nil
	s.reply(tx, 487, nil)
	s.on(Disagreed{sip.CauseCancelled})
	s.flushOffer()
}
