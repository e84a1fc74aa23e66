package dialog

import (
	"log/slog"
	"slices"
	"strconv"

	"naisen/sip"
	"naisen/sip/stack"
)

// dialogOf makes the dialog that a response to our INVITE stands for: route set reversed, target from Contact, and the flow that the
// response came on for everything later (RFC 3261 section 12.1.2).
func (a *attempt) dialogOf(resp *stack.Response) *dialogState {
	d := &dialogState{tag: resp.To().Tag(), remote: resp.Get("To"), target: a.s.dlg.target, to: a.to}
	a.s.refreshed(d, &resp.Headers, resp.Flow)
	if routes, err := resp.RecordRoutes(); err == nil && len(routes) > 0 {
		slices.Reverse(routes)
		d.routes = routes
	}
	return d
}

// answered takes a 2xx: the first one wins, the others are acknowledged and ended (RFC 3261 section 13.2.2.4).
func (a *attempt) answered(resp *stack.Response) {
	s := a.s
	tag := resp.To().Tag()
	switch {
	case a.stale() && tag != s.dlg.tag:
		a.kill(resp)
	case a.stale(): // repeated: the ACK was lost
		s.sendAck(&s.dlg, a.seq)
	case s.phase == phaseCancel:
		a.kill(resp)
		s.cancelled(true)
	default:
		a.confirm(resp)
	}
}

// confirm makes the dialog of the 2xx the session's.
func (a *attempt) confirm(resp *stack.Response) {
	s := a.s
	a.next.clear()
	cs, err := resp.Contacts()
	sdp, known := description(&resp.Headers, resp.Body)
	d := a.dialogOf(resp)
	if i := slices.IndexFunc(a.forks, func(f *dialogState) bool { return f.tag == d.tag }); i >= 0 {
		f := a.forks[i]
		d.seq, d.rseq, d.agreed = f.seq, f.rseq, f.agreed
		if f.agreed || len(sdp) == 0 { // the answer came before, any later one is void (RFC 3261 section 13.2.1)
			sdp, known = f.sdp, true
		}
		if !resp.Has("Allow") {
			d.update = f.update
		}
	}
	if d.tag == "" || err != nil || len(cs) != 1 || cs[0].Wildcard() || !known || len(sdp) == 0 { // threats.md C16
		s.ua.log.Warn("broken 2xx", slog.String("leg", s.id), slog.Bool("tag", d.tag != ""), slog.Int("contacts", len(cs)), slog.Bool("sdp", len(sdp) > 0))
		a.kill(resp)
		s.ended(Ended{Cause: sip.StatusCause(502).WithText("Broken answer")})
		s.over()
		return
	}
	d.sdp, d.agreed = sdp, true
	s.dlg = *d
	s.ring.clear()
	s.out = nil
	s.oa.ours = false
	s.to(phaseUp)
	s.sendAck(&s.dlg, a.seq)
	s.se.take(s, &resp.Headers)
	s.publish()
	s.introduced(&resp.Headers)
	s.on(Answered{SDP: sdp, Fork: d.tag})
	s.flushOffer()
}

// kill acknowledges a 2xx that is not wanted, each time it comes, and ends its dialog once.
func (a *attempt) kill(resp *stack.Response) {
	s := a.s
	d := a.dialogOf(resp)
	known := slices.Contains(a.killed, d.tag)
	if !known && len(a.killed) >= maxForks {
		return
	}
	s.sendAck(d, a.seq)
	if known {
		return
	}
	a.killed = append(a.killed, d.tag)
	c := s.end
	if c.Status == 0 {
		c = sip.CauseCompletedElsewhere
	}
	s.send(d, "BYE", func(r *stack.Request) { r.Set("Reason", c.ReasonHeader()) }, func(*stack.ClientTx, *stack.Response, error) {})
}

// sendAck acknowledges a 2xx, outside any transaction (RFC 3261 section 13.2.2.4).
func (s *Session) sendAck(d *dialogState, seq uint32) {
	req := s.newRequest(d, "ACK", seq)
	for _, h := range s.creds {
		req.Add(h.Name, h.Value)
	}
	if err := s.ua.st.SendAck(req, s.next(d)); err != nil {
		s.ua.log.Warn("ACK not sent", slog.String("leg", s.id), slog.Any("error", err))
	}
}

// StrayResponse takes a 2xx to an INVITE whose transaction is gone. One of a session that lives is acknowledged, or ended if it is of
// another fork; a stranger's is dropped, for answering it would make us a reflector.
func (u *UA) StrayResponse(resp *stack.Response) {
	seq, method := resp.CSeq()
	s := u.find(resp.CallID(), resp.From().Tag())
	if s == nil || s.inbound || method != "INVITE" || resp.Status/100 != 2 || seq > s.localSeq {
		return
	}
	if tag := resp.To().Tag(); tag == s.dlg.tag && tag != "" {
		s.sendAck(&s.dlg, seq)
		return
	}
	s.ua.log.Info("late fork", slog.String("leg", s.id), slog.String("cseq", strconv.FormatUint(uint64(seq), 10)))
	a := &attempt{s: s, seq: seq, to: stack.Target{Flow: resp.Flow}}
	a.kill(resp)
}
