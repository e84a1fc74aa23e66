package main

import (
	"cmp"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
	"naisen/provisioning/directory"
	"naisen/sip"
	"naisen/sip/trunk"
)

// acquaint lets a leg tell its peer whom it talks with (RFC 4916): a phone of ours by what the office knows, a carrier as far as its profile
// says, and by no number that is only ours.
func acquaint(l *leg, d *directory.Directory, domain, extension string, p *trunk.Profile) {
	if p == nil {
		l.named = func(w route.Shown) (sip.Address, bool) {
			snap := d.Snapshot()
			return shownAs(d, domain, named(snap, domain, w, snap.ReaderAt(domain, extension))), true
		}
		return
	}
	l.named = func(w route.Shown) (sip.Address, bool) {
		n := w.Number
		snap := d.Snapshot()
		if e, ok := snap.Extension(domain, n); ok && !p.Internal {
			n = route.DefaultNumber(snap, domain, e)
		}
		return p.ConnectedTo(n, w.Display, w.Withheld)
	}
	l.believed = func(ids []sip.Address, private bool) (route.Shown, bool) {
		c, ok := p.Asserted(ids, private)
		return route.Shown{Number: c.Number, Display: c.Display, Withheld: c.Withheld != trunk.NotWithheld, Reason: string(c.Withheld)}, ok
	}
}

// acquaintCaller is acquaint for the leg of whoever calls.
func (s *signalling) acquaintCaller(l *leg, in call.Incoming) {
	p, ok := s.callerProfile(in)
	if !ok && cmp.Or(in.Request.Trunk, in.Carrier) != "" { // removed a moment ago: it is told nothing
		return
	}
	acquaint(l, s.directory, in.Request.Domain, in.Request.Extension, p)
	if !ok {
		s.carriedBy(l, in.Request.Domain, cmp.Or(in.Request.Desk, in.Request.Extension))
	}
}

// shownAs is what a phone of ours displays; of one that is withheld, why.
func shownAs(d *directory.Directory, domain string, w route.Shown) sip.Address {
	if w.Withheld {
		of, _ := d.Snapshot().Domain(domain)
		return sip.Address{Display: trunk.Withheld(w.Reason).Display(of.Language), URI: sip.URI{Scheme: "sip", User: "anonymous", Host: "anonymous.invalid"}}
	}
	return sip.Address{Display: w.Display, URI: sip.URI{Scheme: "sip", User: w.Number, Host: domain}}
}
