package main

import (
	"strings"

	"naisen/sip"
	"naisen/sip/event"
	"naisen/sip/stack"
)

// subscribe hands a SUBSCRIBE outside a dialog to the notifier, once its sender has proven to be an extension.
func (s *signalling) subscribe(tx *stack.ServerTx) {
	if watcher, resource, ok := s.asks(tx); ok {
		s.events.notifier.Subscribe(tx, watcher, s.ownLamp(watcher.AOR, resource))
	}
}

// publish takes what an extension says of itself, and of nobody else (RFC 3903 section 6).
func (s *signalling) publish(tx *stack.ServerTx) {
	who, about, ok := s.asks(tx)
	switch {
	case !ok:
	case who.AOR != about:
		s.refuse(tx, sip.CauseForbidden)
	default:
		s.events.published.Publish(tx, who)
	}
}

// asks tells who sent a request and whom it is about. False: it was answered with a challenge or a refusal, the same whether or not
// anybody of that name exists (threats B1, B7).
func (s *signalling) asks(tx *stack.ServerTx) (who event.Watcher, about event.AOR, ok bool) {
	req := tx.Request()
	domain, ok := s.domainOf(req.From().URI.Host)
	if !ok || !s.serves(req.URI.Host) {
		s.decline(tx, stack.NewResponse(req, 403, ""))
		return who, about, false
	}
	p, ok := s.proof(tx, domain)
	if !ok {
		return who, about, false
	}
	who = event.Watcher{AOR: event.AOR{User: p.number, Domain: domain}, Proof: from(p.proof, p.instance), Until: p.until}
	about = event.AOR{User: req.URI.User, Domain: domain}
	if _, named := s.directory.Snapshot().Domain(strings.ToLower(req.URI.Host)); named {
		about.Domain = strings.ToLower(req.URI.Host)
	}
	return who, about, true
}

// maySee implements event.Config.Judge: extensions see each other's lamps and presence inside their domain, and mailbox and registrations
// of themselves. Nobody else sees anything.
func (s *signalling) maySee(watcher, resource event.AOR, pkg string) int {
	snap := s.directory.Snapshot()
	if !snap.Active(watcher.Domain, watcher.User) || watcher.Domain != resource.Domain {
		return 403
	}
	if (pkg == "message-summary" || pkg == "reg") && watcher != resource {
		return 403
	}
	if _, ok := snap.CalendarAt(resource.Domain, resource.User); ok && pkg == "dialog" {
		return 200
	}
	if _, ok := snap.LotOf(resource.Domain, resource.User); ok && pkg == "dialog" {
		return 200
	}
	if extension, ok := s.lampOfAgent(resource); ok && pkg == "dialog" {
		resource.User = extension
	}
	if _, ok := snap.Extension(resource.Domain, resource.User); !ok {
		return 404
	}
	return 200
}
