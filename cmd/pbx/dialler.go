package main

import (
	"cmp"
	"log/slog"
	"naisen/provisioning"
	"net/netip"
	"slices"
	"sync"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
	"naisen/provisioning/directory"
	"naisen/sip"
	"naisen/sip/dialog"
	"naisen/sip/number"
	"naisen/sip/registrar"
	"naisen/sip/resolve"
)

// dialler finds the places where a target can be reached and calls them.
type dialler struct {
	signalling *signalling
	registrar  *registrar.Registrar
	directory  *directory.Directory
	resolver   *resolve.Resolver
	ua         *dialog.UA
	trunks     *trunks
	addrs      []netip.Addr // ours, on which SIP listens
	lookups    sync.WaitGroup
	sleepers   *sleepers // nil: nobody is woken
	log        *slog.Logger
}

var _ call.Dialler = (*dialler)(nil)

// Find implements call.Dialler, from memory.
func (d *dialler) Find(domain string, t route.Target) []call.Destination {
	snap := d.directory.Snapshot()
	if t.Kind == route.ToTrunk {
		return d.findCarrier(domain, t)
	}
	e, ok := snap.Extension(domain, t.Number)
	if !ok || !snap.Active(domain, t.Number) { // disabled, or its owner is, though its phone is still registered
		return nil
	}
	var out []call.Destination
	devices := d.devices(snap, domain, e)
	if t.Alone {
		devices, t.Ours = nil, nil
	}
	if t.Device != "" {
		devices = slices.DeleteFunc(devices, func(v device) bool { return !registrar.SameInstance(v.flows[0].Instance, t.Device) })
	}
	if t.AutoAnswer { // a loudspeaker is for who hears it now: nobody is woken for a page
		devices = slices.DeleteFunc(devices, func(v device) bool { _, asleep := awake(v.flows); return asleep })
	}
	mobiles := d.mobiles(domain, t)
	starts := route.Starts(t.Ringing, append(traits(devices), mobiles.traits...), t.Within)
	for i, device := range devices {
		flows, asleep := awake(device.flows)
		b := flows[0]
		site, _ := snap.SiteFrom(domain, b.Received.Addr())
		out = append(out, call.Destination{Number: t.Number, Name: e.Display, Extension: t.Number, Idle: t.Idle, Answers: t.AutoAnswer, Security: security(device.owner.Media), Via: flows, Asleep: asleep,
			Site: site.Name, Remote: remoteOf(snap, domain, b.Received.Addr(), handset{b.Transport, b.UserAgent, b.Contact}), Desk: device.desk, Instance: cmp.Or(b.Instance, b.Contact.String()), Start: starts[i], Proof: from(b.Proof, b.Instance),
			Profile: d.signalling.phoneProfile(d.local(b), b.Received.Addr(), b.Transport, device.owner.Suites)})
	}
	for i, m := range mobiles.places {
		m.Name, m.Start = e.Display, starts[len(devices)+i]
		out = append(out, m)
	}
	return out
}

// device is a telephone that rings for an extension, and how its media may be encrypted.
type device struct {
	flows registrar.Device
	owner provisioning.Extension
	desk  string // whose telephone it is, where the person is signed in; empty: the extension's own
}

// local is the address of ours at which a telephone's media goes: that of its listener, or, where the listener is another node's, one that can reach it.
func (d *dialler) local(b registrar.Binding) netip.Addr {
	far := b.Received.Addr()
	if b.Node != "" {
		if a, ok := near(d.addrs, far); ok {
			return a
		}
	}
	return b.Local.Addr()
}

// traits are what routing may know of telephones.
func traits(devices []device) []route.Device {
	out := make([]route.Device, len(devices))
	for i, v := range devices {
		b := v.flows[0]
		out[i] = route.Device{Instance: b.Instance, UserAgent: b.UserAgent, Q: b.Q}
	}
	return out
}

// devices are the telephones of an extension, and those at which its person is signed in.
func (d *dialler) devices(snap *directory.Snapshot, domain string, e provisioning.Extension) (out []device) {
	for _, f := range d.registrar.Devices(e.Number + "@" + domain) {
		out = append(out, device{f, e, ""})
	}
	for _, desk := range snap.DesksOf(domain, e.Number, time.Now()) {
		at, _ := snap.Extension(domain, desk)
		for _, f := range d.registrar.Devices(desk + "@" + domain) {
			out = append(out, device{f, at, desk})
		}
	}
	return out
}

// Dial implements call.Dialler.
func (d *dialler) Dial(dest call.Destination, out call.Outgoing, m *call.Mailbox) call.Leg {
	l := newLeg(out.Leg, m, &d.signalling.legs, func() { d.signalling.lost.Add(1) })
	switch via := dest.Via.(type) {
	case registrar.Device:
		if dest.Asleep {
			return d.sleepers.hold(dest, out, l)
		}
		if !d.signalling.legs.take(dest.Extension+"@"+out.Domain, out.Leg, dest.Idle) { // a call came first since the plan was made
			l.fail(sip.CauseBusy)
			return l
		}
		acquaint(l, d.directory, out.Domain, dest.Extension, nil)
		d.signalling.carriedBy(l, out.Domain, cmp.Or(dest.Desk, dest.Extension))
		out.From = d.named(dest.Extension, out)
		l.begin(d.ua.Invite(d.toDevice(via, dest.Answers, out), l.on))
	case carrier:
		if dest.Mobile != nil && !d.signalling.legs.take(dest.Extension+"@"+out.Domain, out.Leg, dest.Idle) {
			l.fail(sip.CauseBusy)
			return l
		}
		acquaint(l, d.directory, out.Domain, "", via.profile)
		d.lookups.Go(func() { d.toCarrier(via, dest.Profile.Local, out, l) })
	}
	return l
}

// toDevice calls one registered device, on the flow that it registered over; on the next one when that has failed (RFC 5626 section 7).
func (d *dialler) toDevice(flows registrar.Device, answers bool, out call.Outgoing) dialog.Invite {
	inv := dialog.Invite{ID: string(out.Leg), URI: flows[0].Contact, From: d.shown(out), Body: out.Offer,
		To: sip.Address{URI: sip.URI{Scheme: "sip", User: out.To, Host: out.Domain}}, MaxForwards: out.MaxForwards, Headers: d.remarks(out)}
	if answers {
		inv.Headers = append(inv.Headers, autoAnswer(out.Domain)...)
	}
	for _, b := range flows {
		to, by, ok := d.signalling.way(b)
		switch {
		case !ok: // its node died since: the next flow, if there is one
			continue
		case len(inv.Targets) == 0:
			inv.URI, inv.Routes = b.Contact, by
		default:
			inv.Others = append(inv.Others, dialog.Place{URI: b.Contact, Routes: by})
		}
		inv.Targets = append(inv.Targets, to)
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

// shown is what a phone of ours displays: the identity that the caller proved, never what it claimed, with the name that it has here; of one
// that is withheld, why.
func (d *dialler) shown(out call.Outgoing) sip.Address {
	return shownAs(d.directory, out.Domain, out.From)
}

// withheldAs is the wish that hides a caller who is hidden already.
func withheldAs(s route.Shown) number.Presentation {
	if s.Withheld {
		return number.PresentWithheld
	}
	return number.PresentDefault
}

// Close waits for look-ups under way; each is bounded by lookupPatience.
func (d *dialler) Close() { d.lookups.Wait() }
