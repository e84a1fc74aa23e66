package main

import (
	"naisen/sip"
	"naisen/sip/stack"
)

func (s *signalling) register(tx *stack.ServerTx) {
	req := tx.Request()
	aor := req.To().URI
	domain, ok := s.domainOf(aor.Host)
	if !ok {
		s.refuse(tx, sip.CauseNotFound)
		return
	}
	user, ok := s.prove(tx, domain)
	if !ok {
		return
	}
	e, found := s.directory.Snapshot().Extension(domain, user)
	if user != aor.User || !found { // B6: own credentials, another's address-of-record
		s.audit.failedSignIn(domain, user, req.Flow.Remote().Addr(), "other address-of-record")
		s.refuse(tx, sip.CauseForbidden)
		return
	}
	s.registrar.Register(tx, user+"@"+domain, domain, e.MaxContacts)
}
