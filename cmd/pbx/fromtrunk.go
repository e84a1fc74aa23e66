package main

import (
	"cmp"
	"crypto/x509"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/health"
	"naisen/cmd/pbx/internal/route"
	"naisen/provisioning/directory"
	"naisen/sip"
	"naisen/sip/dialog"
	"naisen/sip/stack"
	"naisen/sip/trunk"
)

// fromTrunk recognises a carrier by the address that its call comes from, and by its certificate where the trunk names one. Where domains
// share a carrier, the number called decides. candidates are trunksOf the request.
func (s *signalling) fromTrunk(req *stack.Request, candidates []directory.TrunkAt) (call.Incoming, bool) {
	var in call.Incoming
	snap, found, claims := s.directory.Snapshot(), false, s.namesExtension(req)
	for _, at := range candidates {
		p, ok := s.proved(at, req.Flow)
		if !ok || !at.Trunk.Carries() {
			continue
		}
		if in, ok := s.fromRemote(req, snap, at, p); ok {
			return in, true
		}
		if claims {
			continue
		}
		called, _ := p.Called(req) // none: no route, 404
		_, ours := snap.DID(at.Domain, called)
		back, returned := s.callbacks.find(at.Domain, called)
		if found && !ours && !returned {
			continue
		}
		found = true
		in = s.incoming(req, at, p)
		caller := p.Caller(&req.Headers)
		if caller.Withheld != trunk.NotWithheld {
			caller.Number = ""
		}
		in.Request = route.Request{Domain: at.Domain, Trunk: at.Trunk.Name, Number: caller.Number, Display: caller.Display, Dialled: called,
			Withheld: string(caller.Withheld), Internal: p.Internal, LateMedia: p.AfterAnswer, CallBack: back}
		if ours || returned {
			return in, true
		}
	}
	return in, found
}

// proved says whether a request on this flow comes from the trunk, as far as its certificate goes, and gives its profile.
func (s *signalling) proved(at directory.TrunkAt, f *stack.Flow) (*trunk.Profile, bool) {
	p, err := trunkProfile(at.Domain, at.Trunk)
	if err != nil { // the store checks the same fields
		s.log.Error("signalling: trunk is unusable", "trunk", at.Trunk.Name, "err", err)
		return nil, false
	}
	return p, s.vouched(p, f)
}

// incoming is a call from a trunk as far as its profile says.
func (s *signalling) incoming(req *stack.Request, at directory.TrunkAt, p *trunk.Profile) call.Incoming {
	media := s.profile(req.Flow.Local().Addr(), req.Flow.Remote().Addr(), req.Flow.Secure(), p.EvenPorts)
	media.Codecs, media.Suites, media.DSCP = codecsOf(p), p.Suites, p.DSCPRTP
	return call.Incoming{Profile: media, Security: security(p.Media)}
}

// fromRemote is a call of an extension that still lives on another telephone system: that system has proved it. It dials like any other
// extension, so that a move changes nothing for those who stay.
func (s *signalling) fromRemote(req *stack.Request, snap *directory.Snapshot, at directory.TrunkAt, p *trunk.Profile) (call.Incoming, bool) {
	if !p.Internal {
		return call.Incoming{}, false
	}
	e, ok := snap.Extension(at.Domain, p.Caller(&req.Headers).Number)
	if !ok || e.Remote != at.Trunk.Name {
		return call.Incoming{}, false
	}
	called, _ := p.Called(req)
	in := s.incoming(req, at, p)
	in.Carrier = at.Trunk.Name
	in.Request = route.Request{Domain: at.Domain, Extension: e.Number, Number: e.Number, Display: e.Display, Dialled: called, E164: e164(called), Site: e.Site}
	return in, true
}

// trunksOf are the trunks that a request may have come in by: those of its address, and on TLS those that a certificate names.
func (s *signalling) trunksOf(snap *directory.Snapshot, f *stack.Flow) []directory.TrunkAt {
	out := snap.TrunksFrom(f.Remote().Addr())
	for _, at := range snap.AllTrunks() { // one that registered over this flow, with its password
		if at.Trunk.Register == trunk.RegisterAccept && s.registrar.Carries(f, at.Trunk.Username+"@"+at.Domain) {
			out = append(out[:len(out):len(out)], at)
		}
	}
	if !f.Secure() || len(f.PeerCertificates()) == 0 {
		return out
	}
	for _, at := range snap.AllTrunks() {
		if len(at.Trunk.Sources) == 0 {
			if p, err := trunkProfile(at.Domain, at.Trunk); err == nil && len(p.TLSPeers) > 0 {
				out = append(out[:len(out):len(out)], at)
			}
		}
	}
	return out
}

// vouched: a trunk with TLSPeers is believed only on a TLS connection whose certificate has one of these names, from an issuer that the
// trunk trusts. Teams shows a certificate for servers only (its profile says so).
func (s *signalling) vouched(p *trunk.Profile, f *stack.Flow) bool {
	if len(p.TLSPeers) == 0 {
		return true
	}
	if !f.Secure() {
		return false
	}
	trust, err := trustOf(p)
	if err != nil {
		s.log.Error("signalling: trunk's trust is unusable", "trunk", p.Name, "err", err)
		return false
	}
	usages := []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	if p.TLSServerAuth {
		usages = append(usages, x509.ExtKeyUsageServerAuth)
	}
	for _, name := range p.TLSPeers {
		for _, u := range usages {
			if f.VerifyPeer(name, trust, u) == nil {
				return true
			}
		}
	}
	return false
}

// namesExtension: the request says that it comes from an extension, which may stand behind the same address as a carrier's gateway, or
// in a network that another domain calls its carrier's. It has to prove that like any other.
func (s *signalling) namesExtension(req *stack.Request) bool {
	from := req.From().URI
	domain, ok := s.domainOf(from.Host)
	if ok {
		_, ok = s.directory.Snapshot().Extension(domain, from.User)
	}
	return ok
}

// manner is how a carrier's call is led: by the trunk's profile, as one to it would be.
func (s *signalling) manner(in call.Incoming) dialog.Manner {
	p, ok := s.callerProfile(in)
	if !ok {
		return dialog.Manner{}
	}
	return dialog.Manner{Advertise: p.ContactHost, SessionTimer: p.SessionExpires, Style: styleOf(p), Trusted: p.Trusted}
}

// callerProfile is that of the trunk by which a call came, also of an extension that lives on another telephone system or calls from its mobile.
func (s *signalling) callerProfile(in call.Incoming) (*trunk.Profile, bool) {
	t, ok := s.directory.Snapshot().Trunk(in.Request.Domain, cmp.Or(in.Request.Trunk, in.Carrier))
	if !ok {
		return nil, false
	}
	p, err := trunkProfile(in.Request.Domain, t)
	return p, err == nil // the store checks the same fields
}

// arrived counts the channel that a carrier's call takes until its session ends; leave gives it back when there is none.
func (s *signalling) arrived(in call.Incoming, on func(dialog.Event)) (counted func(dialog.Event), leave func()) {
	by := cmp.Or(in.Request.Trunk, in.Carrier)
	if s.book == nil || by == "" {
		return on, func() {}
	}
	a := s.book.Arrived(health.Key{Domain: in.Request.Domain, Trunk: by})
	leave = func() { a.Ended(sip.CauseNormal, true, 0) }
	return func(e dialog.Event) {
		if _, over := e.(dialog.Ended); over {
			leave()
		}
		on(e)
	}, leave
}
