package dialog

import (
	"time"

	"naisen/sip"
	"naisen/sip/stack"
)

// follow makes f the flow of the dialog's later requests, and tells the owner when the peer is at another host by now.
func (s *Session) follow(d *dialogState, f *stack.Flow) {
	old := d.to.Flow
	d.to.Flow = f
	if d == &s.dlg && old != nil && old.Remote().Addr() != f.Remote().Addr() && s.alive() {
		s.on(Roamed{From: f.Remote().Addr()})
	}
}

// elsewhere tells whether a request comes by another way than the dialog's own flow. The same host is no proof: behind one translation whole offices are the
// same host, and whoever is in one of them may watch its lamps. Only a BYE is taken from there: a telephone that has
// got another port and does not answer the challenge would never be rid of its call.
func (s *Session) elsewhere(r *stack.Request) bool {
	now, f := s.flow.Load(), r.Flow
	switch {
	case now == nil, now.Remote() == f.Remote() && now.Transport() == f.Transport():
		return false
	case now.Remote().Addr() == f.Remote().Addr():
		return r.Method != "BYE"
	}
	return true
}

// under notes the way that a re-INVITE or UPDATE of ours takes, and gives the number by which its answer is known.
func (s *Session) under(refresh bool) int {
	s.oa.turn++
	s.oa.over, s.oa.refresh = s.next(&s.dlg).Flow, refresh
	return s.oa.turn
}

// moved tells whether the peer is reached otherwise now than when our request that is open went out.
func (s *Session) moved() bool {
	to, old := s.next(&s.dlg), s.oa.over
	if old == nil || to.Flow == nil {
		return old != nil && to.Addr.IsValid() && to.Addr != old.Remote()
	}
	return to.Flow.ID() != old.ID()
}

// yield gives up what of ours is open when the peer begins an exchange from elsewhere. This is no glare (RFC 3261 section 14.1): nobody begins one with ours
// before its eyes, so ours went to a network that the peer has left, and with 491 it would be kept out until ours has timed out. The same is true of a
// 2xx whose ACK does not come.
func (s *Session) yield(f *stack.Flow) {
	if s.phase != phaseUp {
		return
	}
	if t := s.final; t != nil && t.tx.Request().Flow != nil && t.tx.Request().Flow.ID() != f.ID() {
		t.clear()
		s.final = nil
		if t.offers {
			s.oa.ours = false
			s.on(Disagreed{sip.StatusCause(491).WithText("The peer is elsewhere")})
		}
	}
	if !s.oa.busy || s.oa.over == nil || s.oa.over.ID() == f.ID() {
		return
	}
	if s.oa.limit.running() {
		s.oa.limit.clear()
		s.oa.tx.Cancel("")
	}
	offered := s.oa.ours && !s.oa.refresh
	s.oa.turn++
	s.oa.ours, s.oa.busy, s.oa.tries = false, false, 0
	if offered {
		s.on(Disagreed{sip.StatusCause(491).WithText("The peer is elsewhere")})
	}
}

// probe is a question whether the peer is there.
type probe struct {
	turn  int
	limit timer
}

// Probe asks whether the peer is there, by OPTIONS within the dialog (RFC 3261 section 11): Probed{false} comes when it has not answered for so long, Probed{true}
// with its answer, also a late one. A later Probe takes the place of an earlier. It ends nothing: who has forgotten the dialog may come back to it by
// Replaces, as a page that was loaded anew does.
func (s *Session) Probe(patience time.Duration) {
	s.do(func() {
		if s.phase != phaseUp {
			return
		}
		s.probe.turn++
		turn := s.probe.turn
		s.probe.limit.set(s, patience, func() { s.on(Probed{}) })
		s.send(&s.dlg, "OPTIONS", func(r *stack.Request) { r.Set("Accept", s.accepts()) }, func(_ *stack.ClientTx, resp *stack.Response, _ error) {
			if resp != nil && resp.Status < 200 || turn != s.probe.turn || !s.alive() {
				return
			}
			if resp == nil && !s.probe.limit.running() { // that it did not come was told
				return
			}
			s.probe.limit.clear()
			s.on(Probed{Reached: resp != nil && resp.Status != 481})
		})
	})
}
