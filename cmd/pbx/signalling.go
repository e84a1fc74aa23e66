package main

import (
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/health"
	"naisen/cmd/pbx/internal/queue"
	"naisen/cmd/pbx/internal/route"
	"naisen/cmd/pbx/internal/rs"
	"naisen/media"
	"naisen/provisioning/directory"
	"naisen/provisioning/est"
	"naisen/provisioning/live"
	"naisen/sip"
	"naisen/sip/auth"
	"naisen/sip/dialog"
	"naisen/sip/edge"
	"naisen/sip/number"
	"naisen/sip/registrar"
	"naisen/sip/registrar/client"
	"naisen/sip/stack"
)

// allowed is what the switch takes outside a dialog; in-dialog methods are the dialog layer's.
const allowed = "INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, PRACK, UPDATE, INFO, REFER, NOTIFY, SUBSCRIBE, PUBLISH"

// signalling is the stack's transaction user: it proves who asks, and hands on to registrar, dialogs and calls.
// Everything here runs on the shard of the message's Call-ID and decides from memory.
type signalling struct {
	stack     *stack.Stack
	ua        *dialog.UA
	auth      *auth.Authenticator
	registrar *registrar.Registrar
	directory *directory.Directory
	calls     *call.Switch
	events    *events
	lines     *client.Client // nil: no trunk is registered
	callbacks *callbacks
	book      *health.Book   // of trunks; nil: nobody counts
	issuer    *est.Authority // of certificates of telephones; nil: there are none
	audit     *auditor
	overload  *overload // nil: nothing is shed
	domain    string    // of requests that name an address of ours instead of a domain
	own       map[string]bool
	advertise netip.Addr    // in SDP; zero: the leg's own
	silence   time.Duration // after which a party's media is missed; 0: the endpoint's own
	draining  atomic.Bool
	legs      legs
	parks     *parks
	between   *between    // nil: there is no other node
	edge      *edge.Edge  // likewise
	afar      *neighbours // likewise
	srs       *rs.Server  // of recordings that other systems send; nil: none is taken
	mobiles   fmcRefused
	lost      atomic.Uint64               // events of detached legs that found no room
	live      *live.Hub                   // nil: nobody looks
	agents    func(queue.Key) queue.State // nil: there are none
	log       *slog.Logger
}

var _ stack.Handler = (*signalling)(nil)

// Request implements stack.Handler.
func (s *signalling) Request(tx *stack.ServerTx) {
	req := tx.Request()
	if s.edge != nil && s.edge.Request(tx) {
		return
	}
	if req.To().Tag() != "" {
		if req.Method == "SUBSCRIBE" && s.events.notifier.Refresh(tx) {
			return
		}
		if !s.ua.Request(tx) {
			s.decline(tx, stack.NewResponse(req, 481, ""))
		}
		return
	}
	if s.afar.take(tx) || s.sheds(tx) {
		return
	}
	switch req.Method {
	case "INVITE":
		s.invite(tx)
	case "REGISTER":
		s.register(tx)
	case "OPTIONS":
		s.options(tx)
	case "SUBSCRIBE":
		s.subscribe(tx)
	case "PUBLISH":
		s.publish(tx)
	case "BYE", "CANCEL", "PRACK", "UPDATE", "INFO", "NOTIFY":
		s.decline(tx, stack.NewResponse(req, 481, "")) // they need a dialog
	default:
		s.unknown(tx)
	}
}

// Ack implements stack.Handler.
func (s *signalling) Ack(r *stack.Request) {
	if s.edge == nil || !s.edge.Ack(r) {
		s.ua.Ack(r)
	}
}

// Cancel implements stack.Handler.
func (s *signalling) Cancel(tx *stack.ServerTx) {
	if s.edge == nil || !s.edge.Cancel(tx) {
		s.ua.Cancel(tx)
	}
}

// StrayResponse implements stack.Handler.
func (s *signalling) StrayResponse(r *stack.Response) { s.ua.StrayResponse(r) }

// FlowClosed implements stack.Handler.
func (s *signalling) FlowClosed(f *stack.Flow) {
	s.registrar.FlowClosed(f)
	s.ua.FlowClosed(f)
	s.events.notifier.FlowClosed(f)
	if s.lines != nil {
		s.lines.FlowClosed(f)
	}
}

// invite starts a call for a caller who proved an identity: a trunk by its address, an extension by digest.
func (s *signalling) invite(tx *stack.ServerTx) {
	req := tx.Request()
	if s.recordingSession(tx) {
		return
	}
	in, ok := s.admitted(tx)
	if !ok {
		return
	}
	in.ID = newID()
	if sdp, _ := dialog.Content(req); len(sdp) > 0 {
		in.Offer = media.SDP(sdp)
	}
	in.MaxForwards = req.MaxForwards()
	if req.Has("Replaces") {
		s.replace(tx, in)
		return
	}
	if at, ok := s.stead(in.Request.Domain, in.Request.Extension, in.Request.Dialled); ok {
		if at.Post == nil {
			s.refuse(tx, sip.CauseUnavailable)
			return
		}
		s.substitute(tx, in, at)
		return
	}
	in.Request.Held = s.parkHeld(in.Request)
	err := s.calls.Start(in, func(id call.LegID, m *call.Mailbox) (call.Leg, bool) {
		l := newLeg(id, m, &s.legs, func() { s.lost.Add(1) })
		s.acquaintCaller(l, in)
		s.legs.take(in.Request.Extension+"@"+in.Request.Domain, id, false)
		on, leave := s.arrived(in, l.on)
		session, err := s.ua.AcceptAs(tx, string(id), s.manner(in), on)
		if err != nil {
			s.legs.remove(id)
			leave() // answered already: loop, unsupported extension, broken request
			s.log.Info("signalling: INVITE refused", "err", err)
			return nil, false
		}
		l.begin(session)
		return l, true
	})
	if errors.Is(err, call.ErrFull) || errors.Is(err, call.ErrDraining) {
		s.log.Warn("signalling: new call refused", "err", err)
		s.refuse(tx, sip.CauseOverload)
	}
}

// admitted is who calls: somebody whom another node has proved, a carrier's mobile, a trunk by its address, an extension by digest. False: the INVITE was answered, or went on to
// the node where it belongs.
func (s *signalling) admitted(tx *stack.ServerTx) (in call.Incoming, ok bool) {
	req := tx.Request()
	in, ok, answered := s.entered(tx)
	if ok || answered {
		return in, ok
	}
	candidates := s.trunksOf(s.directory.Snapshot(), req.Flow)
	if in, mine, ok := s.fromFMC(tx, candidates); mine {
		in.Way = wayOf(&req.Headers)
		return in, ok
	}
	if in, ok = s.fromTrunk(req, candidates); ok {
		in.Way = wayOf(&req.Headers)
		return in, true
	}
	if in, ok = s.fromExtension(tx); !ok {
		return in, false
	}
	in.Private = private(&req.Headers)
	return in, !s.enter(tx, in, s.elsewhere(req, in.Request))
}

// fromExtension challenges; what the caller writes into From is shown to nobody, what it proved is.
func (s *signalling) fromExtension(tx *stack.ServerTx) (call.Incoming, bool) {
	req := tx.Request()
	domain, ok := s.domainOf(req.From().URI.Host)
	if !ok || !s.serves(req.URI.Host) {
		s.decline(tx, stack.NewResponse(req, 403, "")) // not relayed for strangers (threats D3)
		return call.Incoming{}, false
	}
	who, ok := s.proof(tx, domain)
	if !ok {
		return call.Incoming{}, false
	}
	number := who.number
	snap := s.directory.Snapshot()
	e, ok := snap.Extension(domain, number)
	if !ok {
		s.refuse(tx, sip.CauseForbidden)
		return call.Incoming{}, false
	}
	if _, another := snap.Domain(strings.ToLower(req.URI.Host)); another && !strings.EqualFold(req.URI.Host, domain) {
		s.refuse(tx, sip.CauseNotFound) // 2001 of that domain is not ours of the same number
		return call.Incoming{}, false
	}
	called, ok := s.called(req.URI, domain)
	if !ok {
		s.refuse(tx, sip.CauseNotFound)
		return call.Incoming{}, false
	}
	site, _ := snap.SiteFrom(domain, req.Flow.Remote().Addr())
	desk := ""
	if person, ok := snap.PersonAt(domain, number, time.Now()); ok { // the telephone is the desk's, who calls is the person
		p, _ := snap.Extension(domain, person)
		desk, number, e.Display = number, person, p.Display
	}
	return call.Incoming{
		Request: route.Request{Domain: domain, Extension: number, Number: number, Display: e.Display, Dialled: called.User, Device: called.Instance,
			E164: e164(called.User), Site: site.Name, Remote: remoteOf(snap, domain, req.Flow.Remote().Addr(), handsetOf(req)), Desk: desk, Own: true, From: req.Flow.Remote().Addr(), Instance: policyDevice(req)},
		Proof:    from(who.proof, s.deviceOf(req, who, domain)),
		Profile:  s.phoneProfile(req.Flow.Local().Addr(), req.Flow.Remote().Addr(), req.Flow.Transport(), e.Suites),
		Security: security(e.Media),
	}, true
}

// options answers alike for every user, so that nobody learns who exists; 503 while draining tells a load balancer to go elsewhere.
func (s *signalling) options(tx *stack.ServerTx) {
	if unknown := tx.Request().Require(); len(unknown) > 0 { // OPTIONS needs no extension (RFC 3261 section 8.2.2.3)
		r := stack.NewResponse(tx.Request(), 420, "")
		r.Add("Unsupported", strings.Join(unknown, ", "))
		s.decline(tx, r)
		return
	}
	status := 200
	if s.draining.Load() {
		status = 503
	}
	r := stack.NewResponse(tx.Request(), status, "")
	r.Add("Allow", allowed)
	r.Add("Allow-Events", s.events.notifier.AllowEvents())
	r.Add("Accept", "application/sdp")
	r.Add("Supported", "100rel, timer, path")
	s.decline(tx, r)
}

// unknown refuses what the switch does not do, but tells only those who proved who they are.
func (s *signalling) unknown(tx *stack.ServerTx) {
	req := tx.Request()
	domain, ok := s.domainOf(req.From().URI.Host)
	if !ok {
		s.decline(tx, stack.NewResponse(req, 403, ""))
		return
	}
	if _, ok := s.prove(tx, domain); !ok {
		return
	}
	r := stack.NewResponse(req, 405, "")
	r.Add("Allow", allowed)
	s.respond(tx, r)
}

func (s *signalling) refuse(tx *stack.ServerTx, c sip.Cause) {
	r := stack.NewResponse(tx.Request(), c.Status, "")
	if c.Status == 503 {
		r.Add("Retry-After", strconv.Itoa(5+rand.IntN(11))) // spread: who is refused together must not come back together
	}
	s.respond(tx, r)
}

// decline answers somebody who has proved nothing: once, briefly, and keeping nothing.
func (s *signalling) decline(tx *stack.ServerTx, r *stack.Response) {
	if err := tx.Decline(r); err != nil {
		s.log.Debug("signalling: response not sent", "status", r.Status, "err", err)
	}
}

func (s *signalling) respond(tx *stack.ServerTx, r *stack.Response) {
	if err := tx.Respond(r); err != nil {
		s.log.Debug("signalling: response not sent", "status", r.Status, "err", err)
	}
}

// domainOf maps the host of a URI to a domain: its name, or the default one for our own addresses.
func (s *signalling) domainOf(host string) (string, bool) {
	host = strings.ToLower(host)
	if _, ok := s.directory.Snapshot().Domain(host); ok {
		return host, true
	}
	if s.own[ownHost(host)] {
		return s.domain, true
	}
	return "", false
}

func (s *signalling) serves(host string) bool {
	_, ok := s.domainOf(host)
	return ok
}

// profile is what a leg's media is made of. It leaves by the address that its signalling uses.
func (s *signalling) profile(local, peer netip.Addr, secure, even bool) media.Profile {
	return media.Profile{Local: local, Advertise: s.advertise, SecureSIP: secure, EvenPorts: even, Peer: peer, Quiet: s.silence}
}

// phoneProfile is that of an extension's leg: whoever registers or calls over a WebSocket is a browser.
func (s *signalling) phoneProfile(local, peer netip.Addr, transport string, suites []string) media.Profile {
	p := s.profile(local, peer, secure(transport), false)
	p.Browser, p.ICE, p.Suites, p.Lull = transport == "ws" || transport == "wss", true, suites, lull
	return p
}

// secure tells of a binding's transport that nobody can read along.
func secure(transport string) bool { return transport == "tls" || transport == "wss" }

// security maps the words of the REST API.
func security(word string) media.Security {
	switch word {
	case "srtp-required":
		return media.SecurityRequired
	case "dtls-required":
		return media.SecurityDTLS
	case "srtp-forbidden":
		return media.SecurityForbidden
	}
	return media.SecurityPreferred
}

// called is what a Request-URI asks for: a number, or by a GRUU one device of an extension. False: a GRUU that is none, or not any more.
func (s *signalling) called(u sip.URI, domain string) (registrar.GRUU, bool) {
	if registrar.IsGRUU(u) {
		return s.registrar.GRUU(u, domain)
	}
	return registrar.GRUU{User: dialled(u)}, true
}

// dialled is the number in a Request-URI without the visual separators that some phones keep (RFC 3966 section 5.1.1).
func dialled(u sip.URI) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune("-.() ", r) {
			return -1
		}
		return r
	}, u.User)
}

// e164 is the international form of a number that has one.
func e164(dialled string) string {
	if n, ok := number.Japan.E164(dialled); ok {
		return n
	}
	return ""
}
