package main

import (
	"naisen/sip/auth"
	"naisen/sip/stack"
)

// prove asks for digest; without it the challenge is sent and nothing is kept of the request.
func (s *signalling) prove(tx *stack.ServerTx, domain string) (user string, ok bool) {
	req := tx.Request()
	switch o := s.auth.Check(req, domain, 401).(type) {
	case auth.OK:
		return o.User, true
	case auth.Challenge:
		if o.Why == auth.Wrong || o.Why == auth.Throttled {
			s.audit.failedSignIn(domain, o.User, req.Flow.Remote().Addr(), string(o.Why))
		}
		if err := tx.Challenge(o.Response); err != nil {
			s.log.Debug("signalling: challenge not sent", "err", err)
		}
	case auth.Refused:
		s.audit.failedSignIn(domain, o.User, req.Flow.Remote().Addr(), "disabled")
		s.respond(tx, o.Response)
	}
	return "", false
}
