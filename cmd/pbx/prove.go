package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/provisioning"
	"naisen/provisioning/directory"
	"naisen/provisioning/est"
	"naisen/provisioning/identity"
	"naisen/sip"
	"naisen/sip/auth"
	"naisen/sip/stack"
)

// proven is the extension that sent a request, and how that is known.
type proven struct {
	number   string
	proof    string    // kept with a registration, so that it ends with the right to it: see revoker
	until    time.Time // zero: no end
	instance string    // +sip.instance of the device, as far as its Contact tells
}

// prove says who sent a request, by client certificate, access token or digest. False: it was answered, and nothing of it is kept.
func (s *signalling) prove(tx *stack.ServerTx, domain string) (number string, ok bool) {
	p, ok := s.proof(tx, domain)
	return p.number, ok
}

// proof says how, too. A device of which nothing is accepted proves nothing.
func (s *signalling) proof(tx *stack.ServerTx, domain string) (proven, bool) {
	p, ok := s.shownBy(tx, domain)
	if !ok {
		return p, false
	}
	req := tx.Request()
	p.instance = instanceOf(req)
	barred := s.directory.Snapshot().Revocation(domain, provisioning.RevokedDevice, provisioning.DeviceName(p.instance)).Barred != ""
	if barred && !(req.Method == "INVITE" && route.IsEmergency(dialled(req.URI))) { // help is called from anywhere
		s.audit.failedSignIn(domain, p.number, req.Flow.Remote().Addr(), "device barred")
		s.refuse(tx, sip.CauseForbidden)
		return proven{}, false
	}
	return p, true
}

// deviceOf is the +sip.instance of who calls: as its Contact says, or as it registered from there.
func (s *signalling) deviceOf(req *stack.Request, who proven, domain string) string {
	if who.instance != "" {
		return who.instance
	}
	for _, b := range s.registrar.Lookup(who.number + "@" + domain) {
		if b.Received == req.Flow.Remote() && b.Transport == req.Flow.Transport() {
			return b.Instance
		}
	}
	return ""
}

// instanceOf the device that sent a request; empty: it does not say.
func instanceOf(req *stack.Request) string {
	contacts, err := req.Contacts()
	if err != nil || len(contacts) == 0 {
		return ""
	}
	instance, _ := contacts[0].Params.Get("+sip.instance")
	return instance
}

func (s *signalling) shownBy(tx *stack.ServerTx, domain string) (proven, bool) {
	req := tx.Request()
	switch named, why := s.certified(req, domain); {
	case why != "":
		s.audit.wrongCertificate(domain, claimant(req), req.Flow.Remote().Addr(), why)
		s.decline(tx, stack.NewResponse(req, 403, ""))
		return proven{}, false
	case named:
		return proven{number: claimant(req), proof: proofCertificate}, true
	}
	switch o := s.auth.Check(req, domain, 401).(type) {
	case auth.OK:
		if extension, _, app := s.directory.Snapshot().Softphone(domain, o.User); app {
			return proven{number: extension, proof: proofSoftphone + o.User}, true
		}
		if why := s.uncertified(req, domain, o.User); why != "" {
			s.audit.wrongCertificate(domain, claimant(req), req.Flow.Remote().Addr(), why)
			s.decline(tx, stack.NewResponse(req, 403, ""))
			return proven{}, false
		}
		if o.Owner == "" {
			return s.digested(domain, o.User), true
		}
		if p, ok := s.owned(domain, o, claimant(req)); ok {
			return p, true
		}
		s.audit.failedSignIn(domain, o.Owner, req.Flow.Remote().Addr(), "not the owner")
		s.refuse(tx, sip.CauseForbidden)
	case auth.Challenge:
		if o.Why == auth.Wrong || o.Why == auth.Throttled {
			s.audit.failedSignIn(domain, o.User, req.Flow.Remote().Addr(), string(o.Why))
		}
		if err := tx.Challenge(o.Response); err != nil {
			s.log.Debug("signalling: challenge not sent", "err", err)
		}
	case auth.Refused:
		if o.Why != auth.Unavailable {
			s.audit.failedSignIn(domain, o.User, req.Flow.Remote().Addr(), string(o.Why))
		}
		s.decline(tx, o.Response)
	}
	return proven{}, false
}

// digested is who knows a password: an extension, or a telephone of the inventory for one of its extensions, as long as that password counts.
func (s *signalling) digested(domain, user string) proven {
	number, mac, generation, ok := provisioning.ReadDeviceLogin(user)
	if !ok {
		return proven{number: user, proof: proofDigest}
	}
	_, until, _, _ := s.directory.Snapshot().DevicePassword(domain, number, mac, generation, time.Now())
	return proven{number: number, proof: deviceProof(mac, generation), until: until}
}

// uncertified says why a telephone of the inventory is not let in by its password: it must have a certificate of ours (EST) and shows none, or shows one that is
// another's or is over. It is looked at with each registration and each call.
func (s *signalling) uncertified(req *stack.Request, domain, user string) (why string) {
	_, mac, _, ok := provisioning.ReadDeviceLogin(user)
	if !ok {
		return ""
	}
	snap, certs, now := s.directory.Snapshot(), req.Flow.PeerCertificates(), time.Now()
	d, _ := snap.Device(domain, mac)
	if s.issuer == nil || len(certs) == 0 || !s.issuer.Ours(certs[0]) {
		if d.Certificate == provisioning.CertificateRequired {
			return "no certificate of the switch"
		}
		return ""
	}
	of, named, good := s.issuer.Device(certs[0], now)
	switch {
	case !good || of != domain || named != mac:
		return "certificate of another device"
	case !snap.DeviceStatus(domain, mac).Certified(d, est.Serial(certs[0]), now):
		return "certificate is over"
	}
	return ""
}

// claimant is the extension that a request says it speaks for: a token's owner may have several, and a certificate name several.
func claimant(req *stack.Request) string {
	if req.Method == "REGISTER" {
		return req.To().URI.User
	}
	return req.From().URI.User
}

// owned: the token's person owns that extension now. Whose it is otherwise, and whether it exists, look the same.
func (s *signalling) owned(domain string, o auth.OK, number string) (proven, bool) {
	snap := s.directory.Snapshot()
	e, ok := snap.Extension(domain, number)
	if !ok || e.User == "" || e.User != o.Owner || !snap.Active(domain, number) {
		return proven{}, false
	}
	return proven{number: number, proof: o.Proof, until: o.Expires}, true
}

// maxNames bounds what is read of one certificate.
const maxNames = 16

// certified looks at the client certificate of a TLS connection. named: it is vouched for by the switch's CA for phones (sip.client_ca)
// and is the claimed extension's. why: it names extensions of the domain and is not to be believed, or names others; such a phone is
// refused, not asked for a password. One that names none, as a carrier's or a maker's, means nothing here.
func (s *signalling) certified(req *stack.Request, domain string) (named bool, why string) {
	certs := req.Flow.PeerCertificates()
	if len(certs) == 0 {
		return false, ""
	}
	snap, number := s.directory.Snapshot(), claimant(req)
	var names []string
	for _, u := range certs[0].URIs[:min(len(certs[0].URIs), maxNames)] {
		uri, err := sip.ParseURI(u.String())
		if err != nil || uri.User == "" {
			continue
		}
		if d, ok := s.domainOf(uri.Host); ok && d == domain {
			names = append(names, uri.User)
		}
	}
	e, known := snap.Extension(domain, number)
	hosts := certs[0].DNSNames[:min(len(certs[0].DNSNames), maxNames)]
	if known && e.Certificate != "" && slices.ContainsFunc(hosts, func(h string) bool { return strings.EqualFold(h, e.Certificate) }) {
		names = append(names, number)
	}
	switch {
	case len(names) == 0:
		return false, ""
	case req.Flow.Peer() == nil:
		return false, "certificate of an unknown CA"
	case !slices.Contains(names, number) || !snap.Active(domain, number):
		return false, "certificate of another extension"
	}
	return true, ""
}

// tokens lets SIP take the access tokens that REST takes.
type tokens struct {
	verifier  *identity.Verifier
	directory *directory.Directory
}

// Token implements auth.TokenVerifier. With a context that has ended the verifier waits for nothing: keys that are not here are fetched
// in the background, and the phone asks again.
func (t tokens) Token(realm, raw string) (auth.Token, error) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	who, err := t.verifier.Verify(ctx, raw)
	switch {
	case errors.Is(err, identity.ErrUnavailable):
		return auth.Token{}, auth.ErrTokenUnknown
	case err != nil:
		return auth.Token{}, auth.ErrToken
	case who.Domain != realm || !t.exists(who):
		return auth.Token{}, auth.ErrToken
	}
	return auth.Token{Owner: who.User, Scopes: who.Scopes, Expires: who.Expires, Proof: tokenProof(who)}, nil
}

// exists: whoever was deleted may hold a token for minutes yet.
func (t tokens) exists(who provisioning.Subject) bool {
	u, ok := t.directory.Snapshot().User(who.Domain, who.User)
	return ok && !u.Out(time.Now())
}

// offerBearer: the domain decides (RFC 8898).
func (p *pbx) offerBearer(realm string, _ auth.Peer) auth.BearerOffer {
	d, ok := p.directory.Snapshot().Domain(realm)
	if !ok || !d.AllowBearer {
		return auth.BearerOffer{}
	}
	return auth.BearerOffer{Server: p.issuer, Scope: p.config.Identity.SIPScope}
}
