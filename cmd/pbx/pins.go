package main

import (
	"context"
	"errors"
	"time"

	"naisen/cmd/pbx/internal/app"
	"naisen/cmd/pbx/internal/limit"
	"naisen/provisioning"
)

// Wrong personal PINs: so many in a row, then one more after each while. Of 10,000 PINs of four digits a guesser tries some 300 a day, and the
// alarm is raised after the first few.
const (
	wrongPINs     = 5
	wrongPINEvery = 5 * time.Minute
	maxProving    = 20_000 // extensions that are remembered

	// From outside anybody may try, as any of ours whose mobile they know, and a PIN opens calls that cost: so many wrong ones a day for a person, and for all
	// of a domain together. They close this way only: a stranger takes nobody's tries at the desk.
	outsideADay    = 10
	outsideAllADay = 100
)

var errWrongPIN = errors.New("pins: wrong PIN")

// pins proves people by their personal PIN. Tries are counted for the person, whatever telephone they come from, and for the telephone, whoever
// it names; all that is outside counts as one telephone. No PIN leaves it.
type pins struct {
	store      provisioning.Store
	tries      *limit.Rates[string]
	outside    *limit.Rates[string] // by person, from outside
	outsideAll *limit.Rates[string] // by domain, from outside
	wrongs     *limit.Rates[string] // until the alarm
	audit      *auditor
	alarms     *alarms
}

func newPINs(store provisioning.Store, a *auditor, al *alarms, clock func() time.Time) *pins {
	daily := func(most float64) *limit.Rates[string] {
		return limit.NewRates[string](most/(24*time.Hour).Seconds(), most, maxProving, clock)
	}
	return &pins{store, limit.NewRates[string](1/wrongPINEvery.Seconds(), wrongPINs, maxProving, clock), daily(outsideADay), daily(outsideAllADay),
		limit.NewRates[string](wrongsRate, wrongsADay-1, maxProving, clock), a, al}
}

// guess is a PIN that is to be looked at, and what its being wrong costs.
type guess struct {
	domain, extension, at string
	person, telephone     try
}

// try is one of a bucket, and whom its alarm names.
type try struct {
	rates   *limit.Rates[string]
	key, of string
}

func (t try) take() bool { return t.rates.Allow(t.key) }
func (t try) back()      { t.rates.Give(t.key) }

func (p *pins) guess(domain, extension, at string) guess {
	g := guess{domain, extension, at, try{p.tries, "person/" + domain + "/" + extension, extension}, try{p.tries, "telephone/" + domain + "/" + at, at}}
	if at == app.Outside {
		g.person, g.telephone = try{p.outside, domain + "/" + extension, extension}, try{p.outsideAll, domain, at}
	}
	return g
}

// prove tells whether a PIN is the extension's: nil. at is the extension of the telephone, or app.Outside. Errors: app.ErrNoTries, errWrongPIN also where there
// is no PIN or no such extension, and what the store says.
func (p *pins) prove(ctx context.Context, domain, extension, at, pin string) error {
	g := p.guess(domain, extension, at)
	if !g.telephone.take() {
		return p.refused(domain, g.telephone)
	}
	var kept provisioning.PINHash
	err := p.store.View(ctx, func(r provisioning.Reader) (err error) {
		kept, err = provisioning.PINOf(r, domain, extension)
		return err
	})
	switch {
	case errors.Is(err, provisioning.ErrNotFound): // nobody's PIN costs the telephone its try, and no memory
		p.wrong(g)
		return errWrongPIN
	case err != nil:
		g.telephone.back()
		return err
	case !g.person.take():
		return p.refused(domain, g.person)
	case !kept.Matches(pin):
		if !p.wrongs.Allow("person/" + domain + "/" + extension) {
			p.alarms.happened("pin-guessing", domain, extension, "many wrong PINs today")
		}
		p.wrong(g)
		return errWrongPIN
	}
	g.person.back()
	g.telephone.back()
	p.enter(g, "ok")
	return nil
}

func (p *pins) refused(domain string, t try) error {
	p.alarms.happened("pin-guessing", domain, t.of, "too many wrong PINs; none is looked at for a while")
	return app.ErrNoTries
}

// wrong notes a guess, and tells of the telephone from which many came in a day, however slowly. There are no more of them than tries.
func (p *pins) wrong(g guess) {
	if g.at != app.Outside && !p.wrongs.Allow(g.telephone.key) {
		p.alarms.happened("pin-guessing", g.domain, g.at, "many wrong PINs today")
	}
	p.enter(g, "denied")
}

// enter writes a guess down. Of who calls from outside nothing is known but whom it claims to be.
func (p *pins) enter(g guess, outcome string) {
	e := provisioning.AuditEntry{Time: time.Now(), Domain: g.domain, Subject: "extension " + g.at + "@" + g.domain, Action: "pin.proved", Object: g.extension, Outcome: outcome}
	if g.at == app.Outside {
		e.Subject, e.Detail = "extension "+g.extension+"@"+g.domain, map[string]any{"from": g.at}
	}
	p.audit.enter(e)
}

// Prove implements app.Desk.
func (d selfService) Prove(ctx context.Context, domain, extension, at, pin string) error {
	return d.pins.prove(ctx, domain, extension, at, pin)
}
