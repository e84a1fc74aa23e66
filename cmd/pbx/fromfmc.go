package main

import (
	"net/netip"
	"strings"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
	"naisen/provisioning"
	"naisen/provisioning/directory"
	"naisen/sip"
	"naisen/sip/auth"
	"naisen/sip/number"
	"naisen/sip/stack"
	"naisen/sip/trunk"
)

// fmcRefused counts calls of mobiles that a carrier brought and that are nobody's here, by why.
type fmcRefused struct {
	unnamed, unknown, barred atomic.Uint64
	help                     func(domain, trunk string) // it brought a call for help; nil: nobody is told
}

// Why a carrier's mobile is refused, as the audit log has it. Whose number it is stands there not.
const (
	fmcUnnamed = "fmc: the carrier names no mobile"
	fmcUnknown = "fmc: no extension has that mobile"
	fmcBarred  = "fmc: the extension is out of use"
)

// fmcTrunk is an FMC trunk that a request may have come in by.
type fmcTrunk struct {
	directory.TrunkAt
	profile *trunk.Profile
	certain bool // its certificate has proved it; else a password has to
	e164    string
	of      provisioning.Extension
	known   bool // of has the mobile of number e164 by this trunk
}

// fromFMC is a call of a mobile that a carrier brings into the office: the carrier has to prove itself, by its certificate, or by its address and a password,
// and says then whose mobile it is. mine false: the request is no such call. ok false: it was answered.
func (s *signalling) fromFMC(tx *stack.ServerTx, candidates []directory.TrunkAt) (in call.Incoming, mine, ok bool) {
	req := tx.Request()
	at, mine := s.fmcTrunkOf(req, candidates)
	if !mine {
		return in, false, false
	}
	if !at.certain && !s.provesTrunk(tx, at) {
		return in, true, false
	}
	from := req.Flow.Remote().Addr()
	switch {
	case at.e164 == "":
		s.refuseMobile(tx, at, from, fmcUnnamed, &s.mobiles.unnamed)
		return in, true, false
	case !at.known:
		s.refuseMobile(tx, at, from, fmcUnknown, &s.mobiles.unknown)
		return in, true, false
	case !s.directory.Snapshot().Active(at.Domain, at.of.Number):
		s.refuseMobile(tx, at, from, fmcBarred, &s.mobiles.barred)
		return in, true, false
	}
	return s.ofMobile(req, at), true, true
}

// fmcTrunkOf is the FMC trunk that a request came in by, as far as its flow tells: where several are there, the one that has the mobile.
func (s *signalling) fmcTrunkOf(req *stack.Request, candidates []directory.TrunkAt) (best fmcTrunk, found bool) {
	snap := s.directory.Snapshot()
	others := false
	for _, at := range candidates {
		if !at.Trunk.FMC() {
			others = others || at.Trunk.Carries()
			continue
		}
		p, ok := s.proved(at, req.Flow)
		if !ok {
			continue
		}
		t := fmcTrunk{TrunkAt: at, profile: p, certain: len(p.TLSPeers) > 0}
		if t.e164, ok = p.Mobile(&req.Headers, at.Trunk.CallerIn()); ok {
			t.of, t.known = snap.MobileOn(at.Domain, at.Trunk.Name, t.e164)
		}
		if !found || t.known && !best.known || t.certain && !best.certain && t.known == best.known {
			best, found = t, true
		}
	}
	switch {
	case !found, best.certain, best.known:
		return best, found
	case others: // another domain's carrier has that address, and the mobile is a stranger's to it
		return best, false
	}
	return best, !s.namesExtension(req)
}

// provesTrunk asks for the trunk's password. False: the request was answered.
func (s *signalling) provesTrunk(tx *stack.ServerTx, at fmcTrunk) bool {
	req := tx.Request()
	from := req.Flow.Remote().Addr()
	switch o := s.auth.Check(req, at.Domain, 401).(type) {
	case auth.OK:
		if o.Owner == "" && o.User == at.Trunk.Username {
			return true
		}
		s.audit.failedSignIn(at.Domain, o.User, from, "not the trunk "+at.Trunk.Name)
		s.refuse(tx, sip.CauseForbidden)
	case auth.Challenge:
		if o.Why == auth.Wrong || o.Why == auth.Throttled {
			s.audit.failedSignIn(at.Domain, o.User, from, string(o.Why))
		}
		if err := tx.Challenge(o.Response); err != nil {
			s.log.Debug("signalling: challenge not sent", "err", err)
		}
	case auth.Refused:
		if o.Why != auth.Unavailable {
			s.audit.failedSignIn(at.Domain, o.User, from, string(o.Why))
		}
		s.decline(tx, o.Response)
	}
	return false
}

// refuseMobile says 403 to the carrier: its network tells the mobile that it may not call, and tries nothing else.
func (s *signalling) refuseMobile(tx *stack.ServerTx, at fmcTrunk, from netip.Addr, why string, count *atomic.Uint64) {
	count.Add(1)
	s.audit.failedSignIn(at.Domain, at.Trunk.Name, from, why)
	s.respond(tx, stack.NewResponse(tx.Request(), sip.CauseForbidden.Status, "Unknown Mobile"))
}

// ofMobile is the call as the extension's own. Nobody knows where a mobile is, so its help is its own network's, and it calls as remote work may.
func (s *signalling) ofMobile(req *stack.Request, at fmcTrunk) call.Incoming {
	e := at.of
	called, _ := at.profile.Dialled(req) // nothing: no route, 404
	if s.mobiles.help != nil && route.IsEmergency(called) {
		s.mobiles.help(at.Domain, at.Trunk.Name)
	}
	in := s.incoming(req, at.TrunkAt, at.profile)
	in.Carrier = at.Trunk.Name
	in.Private = private(&req.Headers)
	in.Request = route.Request{Domain: at.Domain, Extension: e.Number, Number: e.Number, Display: e.Display, Dialled: asAtDesk(s.directory.Snapshot(), at.Domain, called),
		E164: e164(called), LateMedia: at.profile.AfterAnswer, Own: true, Afar: true, From: req.Flow.Remote().Addr()}
	return in
}

// asAtDesk: a mobile's network may write every outside number with its country. Where no trunk takes such ones, it is what a desk would dial.
func asAtDesk(snap *directory.Snapshot, domain, called string) string {
	if !strings.HasPrefix(called, "+") {
		return called
	}
	if _, prefix := snap.TrunksFor(domain, called); prefix != "" {
		return called
	}
	return number.Japan.National(called)
}

// helpAstray: a carrier of mobiles sent a call for help here.
func (p *pbx) helpAstray(domain, trunk string) { p.alarms.happened("fmc-help", domain, trunk, "") }

// fmcMetrics shows mobiles that a carrier brought, and that were refused.
func (p *pbx) fmcMetrics(c *collector) {
	m := &p.signalling.mobiles
	c.add("naisen_fmc_unnamed_total", "Calls by an FMC trunk whose carrier named no mobile, or several.", prometheus.CounterValue, func() float64 { return float64(m.unnamed.Load()) })
	c.add("naisen_fmc_unknown_total", "Calls by an FMC trunk of a mobile that is no extension's.", prometheus.CounterValue, func() float64 { return float64(m.unknown.Load()) })
	c.add("naisen_fmc_barred_total", "Calls by an FMC trunk of a mobile whose extension is out of use.", prometheus.CounterValue, func() float64 { return float64(m.barred.Load()) })
}
