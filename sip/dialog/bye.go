package dialog

import (
	"naisen/sip"
	"naisen/sip/stack"
)

// bye ends an answered session. It is over for its owner at once (RFC 3261 section 15.1.1); what remains is to have it acknowledged.
func (s *Session) bye(c sip.Cause, byPeer bool) {
	s.quiet()
	s.to(phaseBye)
	s.end = c
	if f := s.final; f == nil || !f.first { // a callee sends no BYE before the ACK (RFC 3261 section 15)
		f.clear()
		s.final = nil
		s.sendBye(c)
	}
	s.ended(Ended{Cause: c, ByPeer: byPeer})
}

func (s *Session) sendBye(c sip.Cause) {
	s.send(&s.dlg, "BYE", func(r *stack.Request) {
		if v := c.ReasonHeader(); v != "" {
			r.Set("Reason", v)
		}
	}, func(_ *stack.ClientTx, resp *stack.Response, _ error) {
		if resp == nil || resp.Status >= 200 { // whatever it is, there is no call on the other side any more
			s.over()
		}
	})
}

// peerBye answers the peer's BYE in any phase, also one that crosses our own (threats.md C3).
func (s *Session) peerBye(d *dialogState, tx *stack.ServerTx) {
	c := readCause(200, true, tx.Request().Lines("Reason"))
	s.reply(tx, 200, nil)
	switch {
	case s.phase == phaseBye && s.final != nil: // ours was still owed: no need any more
		s.over()
	case s.phase == phaseBye: // ours is on its way and will be answered
	case s.out != nil: // the callee answered and hung up, and its 2xx is lost or late: finish the INVITE
		s.cancel(c, true)
	case s.phase == phaseInvite:
		s.refuseWith(sip.CauseCancelled.WithText(""))
		s.ended(Ended{Cause: c, ByPeer: true})
		s.over()
	case s.alive():
		s.ended(Ended{Cause: c, ByPeer: true})
		s.over()
	}
}
