package main

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
	"naisen/provisioning"
	"naisen/provisioning/directory"
	"naisen/sip"
	"naisen/sip/auth"
	"naisen/sip/dialog"
	"naisen/sip/registrar"
	"naisen/sip/stack"
	"naisen/sip/trunk"
)

// lookupPatience bounds the search for a carrier's address; the caller hears nothing meanwhile.
const lookupPatience = 4 * time.Second

// dialler finds the places where a target can be reached and calls them.
type dialler struct {
	signalling *signalling
	registrar  *registrar.Registrar
	directory  *directory.Directory
	resolver   *trunk.Resolver
	ua         *dialog.UA
	outside    netip.Addr // our address towards other machines
	inside     netip.Addr // our loopback address
	lookups    sync.WaitGroup
	log        *slog.Logger
}

var _ call.Dialler = (*dialler)(nil)

// carrier is a trunk as a Destination carries it.
type carrier struct {
	domain string
	trunk  provisioning.Trunk
}

// Find implements call.Dialler, from memory.
func (d *dialler) Find(domain string, t route.Target) []call.Destination {
	snap := d.directory.Snapshot()
	if t.Kind == route.ToTrunk {
		tr, ok := snap.Trunk(domain, t.Trunk)
		if !ok || tr.Disabled {
			return nil
		}
		local := d.outside
		if a, err := netip.ParseAddrPort(tr.Host); err == nil && a.Addr().IsLoopback() {
			local = d.inside
		}
		return []call.Destination{{Number: t.Number, Name: tr.Name, Security: security(tr.Media), Via: carrier{domain, tr},
			Profile: d.signalling.profile(local, netip.Addr{}, tr.Transport == "tls", tr.EvenPorts)}}
	}
	e, ok := snap.Extension(domain, t.Number)
	if _, may := snap.Credential(domain, t.Number); !ok || !may { // disabled, or its owner is, though its phone is still registered
		return nil
	}
	var out []call.Destination
	for _, b := range d.registrar.Lookup(t.Number + "@" + domain) {
		out = append(out, call.Destination{Number: t.Number, Name: e.Display, Extension: t.Number, Security: security(e.Media), Via: b,
			Profile: d.signalling.profile(b.Local.Addr(), b.Received.Addr(), b.Transport == "tls", false)})
	}
	return out
}

// Dial implements call.Dialler.
func (d *dialler) Dial(dest call.Destination, out call.Outgoing, m *call.Mailbox) call.Leg {
	l := newLeg(out.Leg, m, func() { d.signalling.lost.Add(1) })
	switch via := dest.Via.(type) {
	case registrar.Binding:
		l.begin(d.ua.Invite(d.toBinding(via, out), l.on))
	case carrier:
		d.lookups.Go(func() { d.toCarrier(via, out, l) })
	}
	return l
}

// toBinding calls one registered contact, on the flow that it registered over.
func (d *dialler) toBinding(b registrar.Binding, out call.Outgoing) dialog.Invite {
	from := shown(out)
	inv := dialog.Invite{ID: string(out.Leg), URI: b.Contact, To: sip.Address{URI: sip.URI{Scheme: "sip", User: out.To, Host: out.Domain}},
		From: from, Targets: []stack.Target{b.Target()}, Body: out.Offer, MaxForwards: out.MaxForwards}
	for _, p := range b.Path {
		if a, err := sip.ParseAddress(p); err == nil {
			inv.Routes = append(inv.Routes, a)
		}
	}
	return inv
}

// toCarrier looks the carrier's address up, which may take a while, and calls it unless the call gave up meanwhile.
func (d *dialler) toCarrier(c carrier, out call.Outgoing, l *leg) {
	ctx, cancel := context.WithTimeout(context.Background(), lookupPatience)
	defer cancel()
	p, err := trunkProfile(c.domain, c.trunk)
	if err != nil {
		d.log.Error("dialler: trunk is unusable", "trunk", c.trunk.Name, "err", err)
		l.fail(sip.CauseServerError)
		return
	}
	targets, err := d.resolver.Resolve(ctx, p.Host, p.Port, p.Transport)
	if err != nil || len(targets) == 0 {
		d.log.Error("dialler: carrier not found", "trunk", c.trunk.Name, "err", err)
		l.fail(sip.CauseTransport)
		return
	}
	if l.gone() {
		return
	}
	o := p.Write(trunk.Call{Called: out.To, Caller: out.From.Number, Display: out.From.Display})
	inv := dialog.Invite{ID: string(out.Leg), URI: o.URI, To: o.To, From: o.From, Headers: o.Headers, Targets: targets, Body: out.Offer,
		MaxForwards: out.MaxForwards}
	if secret, ok := d.directory.Snapshot().TrunkPassword(c.domain, c.trunk.Name); ok && c.trunk.Username != "" {
		realm := c.trunk.Realm
		if realm == "" {
			realm = p.Host
		}
		inv.Authorize = func(req *stack.Request, challenge *stack.Response) error {
			return auth.Authorize(req, challenge, auth.ClientCredential{User: c.trunk.Username, Secret: secret.Reveal(), Realm: realm}, nil)
		}
	}
	l.begin(d.ua.Invite(inv, l.on))
}

// shown is what a phone of ours displays: the identity that the caller proved, never what it claimed.
func shown(out call.Outgoing) sip.Address {
	if out.From.Withheld {
		return sip.Address{Display: "Anonymous", URI: sip.URI{Scheme: "sip", User: "anonymous", Host: "anonymous.invalid"}}
	}
	return sip.Address{Display: out.From.Display, URI: sip.URI{Scheme: "sip", User: out.From.Number, Host: out.Domain}}
}

// Close waits for look-ups under way; each is bounded by lookupPatience.
func (d *dialler) Close() { d.lookups.Wait() }
