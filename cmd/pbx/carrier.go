package main

import (
	"cmp"
	"context"
	"errors"
	"net/netip"
	"strings"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/health"
	"naisen/cmd/pbx/internal/route"
	"naisen/provisioning"
	"naisen/sip"
	"naisen/sip/auth"
	"naisen/sip/dialog"
	"naisen/sip/resolve"
	"naisen/sip/stack"
	"naisen/sip/trunk"
)

// carrier is a trunk as a Destination carries it.
type carrier struct {
	domain  string
	trunk   provisioning.Trunk
	profile *trunk.Profile
	target  route.Target
}

func (c carrier) key() health.Key { return health.Key{Domain: c.domain, Trunk: c.trunk.Name} }

// findCarrier is the way out by a trunk, from memory.
func (d *dialler) findCarrier(domain string, t route.Target) []call.Destination {
	tr, ok := d.directory.Snapshot().Trunk(domain, t.Trunk)
	if !ok || tr.Disabled || !tr.Carries() {
		return nil
	}
	return d.byTrunk(domain, tr, t)
}

// byTrunk is the way by a trunk, whatever it is for.
func (d *dialler) byTrunk(domain string, tr provisioning.Trunk, t route.Target) []call.Destination {
	p, err := trunkProfile(domain, tr)
	if err != nil { // the store checks the same fields
		d.log.Error("dialler: trunk is unusable", "trunk", tr.Name, "err", err)
		return nil
	}
	media := d.signalling.profile(leaveTo(d.addrs, d.known(p)), netip.Addr{}, p.Transport == "tls", p.EvenPorts)
	media.Codecs, media.Suites, media.DSCP = codecsOf(p), p.Suites, p.DSCPRTP
	return []call.Destination{{Number: t.Number, Name: tr.Name, Trunk: tr.Name, Security: security(p.Media), Profile: media,
		Via: carrier{domain, tr, p, t}}}
}

// known is the address of a carrier as far as it is known without waiting: its media leaves by ours of the same family.
func (d *dialler) known(p *trunk.Profile) netip.Addr {
	now, cancel := context.WithCancel(context.Background())
	cancel() // what is not remembered is not waited for
	targets, err := d.resolver.Resolve(now, resolve.Query{Host: p.Host, Port: p.Port, Transport: p.Transport})
	if err != nil || len(targets) == 0 {
		return netip.Addr{}
	}
	return targets[0].Addr.Addr()
}

// toCarrier looks the carrier's address up, which may take a while, and calls it unless the call gave up meanwhile.
func (d *dialler) toCarrier(c carrier, local netip.Addr, out call.Outgoing, l *leg) {
	p, t := c.profile, c.target
	w := trunk.Call{Called: t.Number, Caller: t.Caller, Display: out.From.Display, Wish: t.Wish, Emergency: t.Emergency}
	if p.Internal && !t.Emergency { // a colleague's telephone shows what ours would
		w.Caller, w.Display = out.From.Number, out.From.Display
		w.Wish = withheldAs(out.From)
	}
	w = carried(w, out)
	inv := p.Write(w)
	attempt, err := d.trunks.book.Start(c.key(), health.Limits{Calls: c.trunk.MaxCalls, PerSecond: d.signalling.afar.share(c.trunk.CallsPerSecond)}, inv.URI.String(), t.Emergency)
	if err != nil {
		d.log.Warn("dialler: trunk takes no call now", "trunk", c.trunk.Name, "err", err)
		l.fail(sip.CauseTrunkBusy)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookupPatience)
	defer cancel()
	points, err := d.points(ctx, c, local)
	if err != nil {
		d.log.Error("dialler: carrier not found", "trunk", c.trunk.Name, "err", err)
		attempt.Ended(sip.CauseTransport, false, 0)
		l.fail(sip.CauseTransport)
		return
	}
	if l.gone() {
		attempt.Ended(sip.CauseCancelled, true, 0)
		return
	}
	if t.URI != "" {
		points = d.placeIn(points, t, &inv)
	}
	i := dialog.Invite{ID: string(out.Leg), To: inv.To, From: inv.From, Headers: inv.Headers, Body: out.Offer, MaxForwards: out.MaxForwards,
		SessionTimer: p.SessionExpires, Silence: t.Silence, Style: styleOf(p), Authorize: d.authorize(c)}
	for n, at := range points {
		i.Targets = append(i.Targets, at.target)
		uri := p.WriteTo(at.point, w).URI
		if t.URI != "" {
			uri = inv.URI
		}
		if n == 0 {
			i.URI, i.Routes = uri, at.routes
			continue
		}
		i.Others = append(i.Others, dialog.Place{URI: uri, Routes: at.routes})
	}
	l.begin(d.ua.Invite(i, watched(attempt, l.on)))
}

// points are the places of a carrier: by DNS, or of a system that registers with us where its REGISTER came from. There the number stands
// before the host of its Contact (RFC 6140 section 5.3), also where it registered one Contact for all its numbers without saying bnc.
func (d *dialler) points(ctx context.Context, c carrier, local netip.Addr) (out []point, err error) {
	if c.profile.Register != trunk.RegisterAccept {
		return d.trunks.points(ctx, c.profile, local)
	}
	for _, b := range d.registrar.Lookup(c.trunk.Username + "@" + c.domain) {
		if to, by, ok := d.signalling.way(b); ok {
			out = append(out, point{point: trunk.Point{Host: b.Contact.Host, Port: b.Contact.Port}, target: to, routes: by})
		}
	}
	if len(out) == 0 {
		return nil, errNotRegistered
	}
	return out, nil
}

var errNotRegistered = errors.New("the system is not registered")

// placeIn names a place in the carrier's network as its REFER did: the Refer-To's parameters become the Request-URI's and Referred-By stays,
// since only they say who is meant (Microsoft, "Direct Routing SIP protocol", transfers).
func (d *dialler) placeIn(points []point, t route.Target, w *trunk.Wire) []point {
	uri, err := sip.ParseURI(t.URI)
	if err != nil {
		return points
	}
	w.URI, w.To = uri, sip.Address{URI: sip.URI{Scheme: uri.Scheme, User: uri.User, Host: uri.Host}}
	if t.By != "" {
		w.Headers = append(w.Headers, stack.Header{Name: "Referred-By", Value: t.By})
	}
	var named []point
	for _, at := range points {
		if strings.EqualFold(at.point.Host, uri.Host) {
			named = append(named, at)
		}
	}
	return named
}

// beyond implements call.Deps.Beyond: only a trunk whose profile takes REFER, and only to its own points.
func (d *dialler) beyond(domain, name string, to sip.URI, by string) (route.Plan, bool) {
	t, ok := d.directory.Snapshot().Trunk(domain, name)
	if !ok || t.Disabled {
		return route.Plan{}, false
	}
	p, err := trunkProfile(domain, t)
	if err != nil || !p.Refer || to.Scheme != "sip" {
		return route.Plan{}, false
	}
	for _, at := range p.Points {
		if strings.EqualFold(at.Host, to.Host) {
			return route.Beyond(name, to.String(), by), true
		}
	}
	return route.Plan{}, false
}

// watched tells the book of trunks what comes of a call.
func watched(a *health.Attempt, on func(dialog.Event)) func(dialog.Event) {
	return func(e dialog.Event) {
		switch e := e.(type) {
		case dialog.Progress:
			a.Progress()
		case dialog.Answered:
			a.Answered()
		case dialog.Ended:
			ours := !e.ByPeer && e.Cause != sip.CauseTransport && e.Cause != sip.CauseTimeout
			a.Ended(e.Cause, ours, e.RetryAfter)
		}
		on(e)
	}
}

// authorize answers the carrier's challenge in its realm only; nil: none is answered.
func (d *dialler) authorize(c carrier) func(*stack.Request, *stack.Response) error {
	secret, ok := d.directory.Snapshot().TrunkPassword(c.domain, c.trunk.Name)
	if !ok || c.trunk.Username == "" {
		return nil
	}
	return func(req *stack.Request, challenge *stack.Response) error {
		return auth.Authorize(req, challenge, auth.ClientCredential{User: c.trunk.Username, Secret: secret.Reveal(), Realm: cmp.Or(c.trunk.Realm, c.profile.Host)}, nil)
	}
}

// lookupPatience bounds the search for a carrier's address; the caller hears nothing meanwhile.
const lookupPatience = 4 * time.Second
