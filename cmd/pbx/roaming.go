package main

import (
	"net/netip"
	"strings"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/sip/dialog"
	"naisen/sip/stack"
)

const (
	lull          = 3 * time.Second // a telephone that sends nothing for so long is asked whether it is there
	presentWithin = 2 * time.Second // and is taken to be away when it has not answered
)

// carriedBy says whose telephone a leg is: the extension that proved itself, or is rung there. Only what it does from another network is looked at; a carrier
// sends from where it likes.
func (s *signalling) carriedBy(l *leg, domain, extension string) {
	l.device = extension + "@" + domain
	l.place = func(a netip.Addr) string {
		site, _ := s.directory.Snapshot().SiteFrom(domain, a)
		return site.Name
	}
}

// admit takes a request within a dialog that comes from elsewhere than before, if its telephone has registered from there or proves itself now. The
// dialog's tags prove nothing: they are on every lamp. Another node has seen its own mark, which is on none.
func (s *signalling) admit(id string, tx *stack.ServerTx) bool {
	l := s.legs.get(call.LegID(id))
	if l == nil || l.device == "" || s.registrar.Carries(tx.Request().Flow, l.device) || s.ofNode(tx.Request().Flow) {
		return true
	}
	_, domain, _ := strings.Cut(l.device, "@")
	who, ok := s.proof(tx, domain)
	if !ok {
		return false // challenged
	}
	if who.number+"@"+domain == l.device {
		return true
	}
	s.audit.failedSignIn(domain, who.number, tx.Request().Flow.Remote().Addr(), "another's call")
	s.decline(tx, stack.NewResponse(tx.Request(), 403, ""))
	return false
}

// ofNode says that another node has passed a request on.
func (s *signalling) ofNode(f *stack.Flow) bool {
	if s.between == nil {
		return false
	}
	_, ok := s.between.Who(f)
	return ok
}

// Probe implements call.Leg.
func (l *leg) Probe() { l.do(func() { l.session.Probe(presentWithin) }) }

// whereabouts hands on what the session says of its peer's being there, and where.
func (l *leg) whereabouts(e dialog.Event) {
	switch e := e.(type) {
	case dialog.Probed:
		l.post(call.Probed{Leg: l.id, Reached: e.Reached})
	case dialog.Roamed:
		if l.place != nil {
			l.post(call.Roamed{Leg: l.id, From: e.From, Site: l.place(e.From)})
		}
	}
}
