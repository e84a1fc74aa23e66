package main

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/health"
	"naisen/cmd/pbx/internal/limit"
	"naisen/cmd/pbx/internal/route"
	"naisen/provisioning"
	"naisen/provisioning/directory"
	"naisen/sip"
)

const (
	originBurst  = 5                // calls that an extension may have begun for it at once
	originRate   = 0.2              // and per second in the long run
	originMost   = 20_000           // extensions remembered
	originRing   = 30 * time.Second // that who comes first is rung
	originDigits = 40
)

// origins begins calls that nobody dialled, for whatever wants one: REST, a call-back, a queue. It judges whether it makes sense to ring
// anybody; the call itself asks for rights, money and room again when the first party has answered.
type origins struct {
	signalling *signalling
	calls      *call.Switch
	directory  *directory.Directory
	book       *health.Book
	rates      *limit.Rates[string]
	log        *slog.Logger
}

// newOrigins needs the parts that begin calls.
func (p *pbx) newOrigins() *origins {
	return &origins{signalling: p.signalling, calls: p.calls, directory: p.directory, book: p.trunks.book,
		rates: limit.NewRates[string](originRate, originBurst, originMost, time.Now), log: p.log}
}

// wish is a call that somebody wants.
type wish struct {
	domain string
	first  string       // extension that is rung first
	payer  string       // whose rights and limits judge the call; empty: the first one's
	to     string       // what it would dial
	called []string     // numbers of ours that it is for, besides
	queue  string       // that calls back
	after  string       // the earlier call that this one answers
	record route.Record // where its own plan records nothing
	shown  route.Shown  // what its phone displays meanwhile; zero: what it would dial
	ring   time.Duration
	idle   bool // it rings only while the extension has no other call
	done   func(call.Originated)
}

// errShed: the switch has more to do than it can.
var errShed = errors.New("origins: the switch is busy")

// begin starts the call that is wished for. *provisioning.Invalid: it cannot be; errShed, call.ErrFull and call.ErrDraining: not now.
func (o *origins) begin(w wish) (id string, err error) {
	if !o.room() {
		return "", errShed
	}
	in, err := o.incoming(w)
	if err != nil {
		return "", err
	}
	return in.ID, o.calls.Originate(in)
}

// room asks whether the switch may begin a call now; one that it may not is counted.
func (o *origins) room() bool {
	l := o.signalling.overload
	if l == nil {
		return true
	}
	_, ok := l.shedder.Ask(limit.New, l.delay())
	if !ok {
		l.calls.Add(1)
	}
	return ok
}

// firstOf rings whom a call is for.
func firstOf(domain string, e provisioning.Extension) route.Request {
	return route.Request{Domain: domain, Extension: e.Number, Number: e.Number, Display: e.Display, Dialled: e.Number, Direct: true}
}

// rings says that somebody can be rung: at another system, at a telephone that is registered, or at a mobile.
func (o *origins) rings(snap *directory.Snapshot, domain string, e provisioning.Extension) bool {
	if e.Remote != "" || o.signalling.present().Registered(domain, e.Number) {
		return true
	}
	plan := route.Route(ordered{snap, o.book}, firstOf(domain, e), time.Now())
	return len(plan.Steps) > 0 && plan.Steps[0].Targets[0].Beyond()
}

// incoming is the call as the switch begins it, or the reason why nobody is rung for it.
func (o *origins) incoming(w wish) (call.Incoming, error) {
	snap := o.directory.Snapshot()
	e, ok := snap.Extension(w.domain, w.first)
	switch {
	case !ok || !snap.Active(w.domain, w.first):
		return call.Incoming{}, &provisioning.Invalid{Field: "from", Reason: "is no extension that may call"}
	case !o.rings(snap, w.domain, e):
		return call.Incoming{}, &provisioning.Invalid{Field: "from", Reason: "has no telephone that can ring now"}
	}
	to := dialled(sip.URI{User: w.to})
	if to == "" || len(to) > originDigits || strings.Trim(to, "0123456789*#+") != "" {
		return call.Incoming{}, &provisioning.Invalid{Field: "to", Reason: "must be what a telephone dials: digits, * # +"}
	}
	payer := e
	if w.payer != "" {
		if payer, ok = snap.Extension(w.domain, w.payer); !ok {
			return call.Incoming{}, &provisioning.Invalid{Field: "payer", Reason: "is no extension"}
		}
	}
	ask := route.Request{Domain: w.domain, Extension: payer.Number, Number: e.Number, Display: e.Display, Dialled: to, E164: e164(to), Site: payer.Site,
		Standing: payer.Number != e.Number, // who pays does not dial: that its telephone is locked does not matter
		Away:     payer.Number != e.Number || w.queue != ""}
	judged := ask
	judged.Live = o.signalling.present()
	plan := route.Route(ordered{snap, o.book}, judged, time.Now()) // only looked at
	switch {
	case route.IsEmergency(to), plan.Emergency:
		return call.Incoming{}, &provisioning.Invalid{Field: "to", Reason: "is an emergency number: it is called from the telephone itself"}
	case plan.Charge.Denied, plan.Refuse.Status == sip.CauseForbidden.Status:
		return call.Incoming{}, &provisioning.Invalid{Field: "to", Reason: "is not open to this extension: " + plan.Why}
	case plan.Refuse.Status == 404:
		return call.Incoming{}, &provisioning.Invalid{Field: "to", Reason: "leads nowhere: " + plan.Why}
	}
	first := firstOf(w.domain, e)
	if w.shown.Number == "" {
		w.shown = route.Shown{Number: to}
		if called, ok := snap.Extension(w.domain, to); ok {
			w.shown.Display = called.Display
		}
	}
	if w.ring == 0 {
		w.ring = originRing
	}
	return call.Incoming{ID: newID(), Request: ask, MaxForwards: 70,
		Origin: &call.Origin{Request: first, Shown: w.shown, Ring: w.ring, Idle: w.idle, Media: cmp.Or(plan.Record.Media, w.record.Media), Record: w.record, Called: w.called, Queue: w.queue, After: w.after, Done: w.done}}, nil
}

// Start implements provisioning.Calls.
func (l liveCalls) Start(_ context.Context, domain string, c provisioning.StartCall) (string, error) {
	if !l.origins.rates.Allow(c.From + "@" + domain) {
		return "", &provisioning.NotNow{After: time.Duration(float64(time.Second) / originRate)}
	}
	id, err := l.origins.begin(wish{domain: domain, first: c.From, to: c.To})
	if errors.Is(err, errShed) || errors.Is(err, call.ErrFull) || errors.Is(err, call.ErrDraining) {
		return "", &provisioning.NotNow{After: 10 * time.Second}
	}
	return id, err
}
