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
	"naisen/sip/resolve"
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
	resolver   *resolve.Resolver
	ua         *dialog.UA
	addrs      []netip.Addr // ours, on which SIP listens
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
		local := leaveBy(d.addrs, d.known(tr))
		return []call.Destination{{Number: t.Number, Name: tr.Name, Security: security(tr.Media), Via: carrier{domain, tr},
			Profile: d.signalling.profile(local, netip.Addr{}, tr.Transport == "tls", tr.EvenPorts)}}
	}
	e, ok := snap.Extension(domain, t.Number)
	if !ok || !snap.Active(domain, t.Number) { // disabled, or its owner is, though its phone is still registered
		return nil
	}
	var out []call.Destination
	for _, device := range d.registrar.Devices(t.Number + "@" + domain) {
		b := device[0]
		if t.Device != "" && !registrar.SameInstance(b.Instance, t.Device) {
			continue
		}
		out = append(out, call.Destination{Number: t.Number, Name: e.Display, Extension: t.Number, Security: security(e.Media), Via: device,
			Profile: d.signalling.profile(b.Local.Addr(), b.Received.Addr(), b.Transport == "tls", false)})
	}
	return out
}

// known is the address of a carrier as far as it is known without waiting: its media leaves by ours of the same family.
func (d *dialler) known(t provisioning.Trunk) netip.Addr {
	host, port, err := sip.ParseHostPort(t.Host)
	if err != nil {
		return netip.Addr{}
	}
	now, cancel := context.WithCancel(context.Background())
	cancel() // what is not remembered is not waited for
	targets, err := d.resolver.Resolve(now, resolve.Query{Host: host, Port: port, Transport: t.Transport})
	if err != nil || len(targets) == 0 {
		return netip.Addr{}
	}
	return targets[0].Addr.Addr()
}

// Dial implements call.Dialler.
func (d *dialler) Dial(dest call.Destination, out call.Outgoing, m *call.Mailbox) call.Leg {
	l := newLeg(out.Leg, m, &d.signalling.legs, func() { d.signalling.lost.Add(1) })
	switch via := dest.Via.(type) {
	case registrar.Device:
		l.begin(d.ua.Invite(d.toDevice(via, out), l.on))
	case carrier:
		d.lookups.Go(func() { d.toCarrier(via, dest.Profile.Local, out, l) })
	}
	return l
}

// toDevice calls one registered device, on the flow that it registered over; on the next one when that has failed (RFC 5626 section 7).
func (d *dialler) toDevice(flows registrar.Device, out call.Outgoing) dialog.Invite {
	inv := dialog.Invite{ID: string(out.Leg), URI: flows[0].Contact, Routes: routes(flows[0]), From: shown(out), Body: out.Offer,
		To: sip.Address{URI: sip.URI{Scheme: "sip", User: out.To, Host: out.Domain}}, MaxForwards: out.MaxForwards}
	for i, b := range flows {
		inv.Targets = append(inv.Targets, b.Target())
		if i > 0 {
			inv.Others = append(inv.Others, dialog.Place{URI: b.Contact, Routes: routes(b)})
		}
	}
	return inv
}

// routes are the Path of a binding as the route set towards it (RFC 3327 section 5.4).
func routes(b registrar.Binding) (out []sip.Address) {
	for _, p := range b.Path {
		if a, err := sip.ParseAddress(p); err == nil {
			out = append(out, a)
		}
	}
	return out
}

// toCarrier looks the carrier's address up, which may take a while, and calls it unless the call gave up meanwhile.
func (d *dialler) toCarrier(c carrier, local netip.Addr, out call.Outgoing, l *leg) {
	ctx, cancel := context.WithTimeout(context.Background(), lookupPatience)
	defer cancel()
	p, err := trunkProfile(c.domain, c.trunk)
	if err != nil {
		d.log.Error("dialler: trunk is unusable", "trunk", c.trunk.Name, "err", err)
		l.fail(sip.CauseServerError)
		return
	}
	targets, err := d.resolver.Resolve(ctx, resolve.Query{Host: p.Host, Port: p.Port, Transport: p.Transport, IPv6: local.Is6()})
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
