package main

import (
	"naisen/sip"
	"naisen/sip/registrar"
	"naisen/sip/stack"
)

// register hands a REGISTER to the registrar once its sender has proven to be the extension that it wants to be reached as.
func (s *signalling) register(tx *stack.ServerTx) {
	req := tx.Request()
	aor := req.To().URI
	domain, ok := s.domainOf(aor.Host)
	if !ok {
		s.decline(tx, stack.NewResponse(req, 404, ""))
		return
	}
	who, ok := s.proof(tx, domain)
	if !ok {
		return
	}
	snap := s.directory.Snapshot()
	e, found := snap.Extension(domain, who.number)
	right := registrar.Right{AOR: who.number + "@" + domain, Domain: domain, MaxContacts: e.MaxContacts, Proof: who.proof, Until: who.until}
	if !found {
		_, found = snap.Account(domain, who.number)
		right.Bulk = found
	}
	if who.number != aor.User || !found { // B6: own credentials, another's address-of-record
		s.audit.failedSignIn(domain, who.number, req.Flow.Remote().Addr(), "other address-of-record")
		s.refuse(tx, sip.CauseForbidden)
		return
	}
	req.Flow.EndAt(who.until)
	s.registrar.Register(tx, right)
}
