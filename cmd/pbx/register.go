package main

import (
	"slices"
	"strings"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/policy"
	"naisen/sip"
	"naisen/sip/registrar"
	"naisen/sip/stack"
	"naisen/sip/trunk"
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
		t, known := snap.Account(domain, who.number)
		found = known && t.Register == trunk.RegisterAccept
		right.Bulk = found
	}
	if who.number != aor.User || !found { // B6: own credentials, another's address-of-record
		s.audit.failedSignIn(domain, who.number, req.Flow.Remote().Addr(), "other address-of-record")
		s.refuse(tx, sip.CauseForbidden)
		return
	}
	if !right.Bulk && !s.mayRegister(tx, domain, who.number) {
		return
	}
	if s.draining.Load() && s.between.another() && binds(req) {
		s.refuse(tx, sip.CauseOverload)
		return
	}
	req.Flow.EndAt(who.until)
	s.registrar.Register(tx, right)
}

// binds says that a REGISTER asks for a binding: neither for an end of one nor for what there is.
func binds(req *stack.Request) bool {
	list, err := req.Contacts()
	if err != nil {
		return false // the registrar says what is wrong with it
	}
	expires := req.Get("Expires")
	return slices.ContainsFunc(list, func(c sip.Address) bool {
		own, has := c.Params.Get("expires")
		return has && own != "0" || !has && expires != "0"
	})
}

// mayRegister asks the domain's policies. Who may not be reached there now is told so, and can still call, for help above all.
func (s *signalling) mayRegister(tx *stack.ServerTx, domain, number string) bool {
	req, snap := tx.Request(), s.directory.Snapshot()
	from := req.Flow.Remote().Addr()
	device, now := policyDevice(req), time.Now()
	d := snap.MayRegister(domain, number, from, device, now)
	if d.Allowed {
		return true
	}
	who := snap.Telephone(domain, number)
	who.Address, who.Device = from, device
	s.audit.registerDenied(domain, number, policy.Facts(snap, now, d.Rule, who, provisioning.Object{Domain: domain, Kind: provisioning.KindExtension, Key: number}))
	s.refuse(tx, sip.CauseForbidden)
	return false
}

// policyDevice is the +sip.instance that a request's only Contact says (RFC 5626 section 4.1), as policies know it; empty: none.
func policyDevice(req *stack.Request) string {
	list, err := req.Contacts()
	if err != nil || len(list) != 1 {
		return ""
	}
	instance, _ := list[0].Params.Get("+sip.instance")
	if len(instance) > maxInstance {
		return ""
	}
	return strings.Trim(instance, "<>")
}

// maxInstance bounds an instance that a policy is asked about, in bytes.
const maxInstance = 128
