package main

import (
	"naisen/cmd/pbx/internal/call"
	"naisen/sip"
	"naisen/sip/dialog"
	"naisen/sip/stack"
)

// replace hands an INVITE with Replaces (RFC 3891) to the call that owns the dialog it names; the caller is proven. Whether it may is
// that call's to say: this only finds it.
func (s *signalling) replace(tx *stack.ServerTx, in call.Incoming) {
	req := tx.Request()
	r, ok := dialog.ReadReplaces(req)
	if !ok {
		s.refuse(tx, sip.StatusCause(400))
		return
	}
	if slot, ok := slotNamed(r.CallID); ok {
		at, ok := s.parkedIn(in.Request.Domain, slot)
		if !ok || in.Request.Extension == "" {
			s.refuse(tx, sip.StatusCause(481))
			return
		}
		s.substitute(tx, in, at)
		return
	}
	at, ok := dialogs{s.ua, &s.legs}.Find(r.CallID, r.To, r.From)
	if !ok {
		s.refuse(tx, sip.StatusCause(481))
		return
	}
	s.substitute(tx, in, call.Stead{Leg: at.Leg, Early: r.Early, Post: at.Post})
}

// substitute lets the caller take the place of a leg, or talk with one that is parked.
func (s *signalling) substitute(tx *stack.ServerTx, in call.Incoming, at call.Stead) {
	l := newLeg(call.LegID(in.ID+"-r"), nil, &s.legs, func() { s.lost.Add(1) })
	s.acquaintCaller(l, in)
	s.legs.take(in.Request.Extension+"@"+in.Request.Domain, l.id, false)
	session, err := s.ua.AcceptAs(tx, string(l.id), s.manner(in), l.on)
	if err != nil {
		s.legs.remove(l.id)
		s.log.Info("signalling: INVITE refused", "err", err)
		return
	}
	l.begin(session)
	at.Post(call.Replace{Leg: at.Leg, Early: at.Early, Join: at.Join, By: l, In: in})
}

// number is what a URI means when somebody in a domain dials it; false: its host is not ours, and strangers are not relayed to.
func (s *signalling) number(domain string, u sip.URI) (call.Dialled, bool) {
	if u.Scheme != "tel" {
		if at, known := s.domainOf(u.Host); !known || at != domain && !s.own[ownHost(u.Host)] {
			return call.Dialled{}, false
		}
	}
	if g, ok := s.called(u, domain); ok { // else a GRUU that means nothing any more: nobody has such a number
		return call.Dialled{Number: g.User, E164: e164(g.User), Device: g.Instance}, g.User != ""
	}
	return call.Dialled{Number: dialled(u)}, true
}
