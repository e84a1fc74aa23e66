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
)

var errWrongPIN = errors.New("pins: wrong PIN")

// pins proves people by their personal PIN. Tries are counted for the person, whatever telephone they come from, and for the telephone, whoever
// it names. No PIN leaves it.
type pins struct {
	store  provisioning.Store
	tries  *limit.Rates[string]
	wrongs *limit.Rates[string] // until the alarm
	audit  *auditor
	alarms *alarms
}

func newPINs(store provisioning.Store, a *auditor, al *alarms, clock func() time.Time) *pins {
	return &pins{store, limit.NewRates[string](1/wrongPINEvery.Seconds(), wrongPINs, maxProving, clock),
		limit.NewRates[string](wrongsRate, wrongsADay-1, maxProving, clock), a, al}
}

// prove tells whether a PIN is the extension's: nil. at is the extension of the telephone. Errors: app.ErrNoTries, errWrongPIN also where there
// is no PIN or no such extension, and what the store says.
func (p *pins) prove(ctx context.Context, domain, extension, at, pin string) error {
	person, telephone := "person/"+domain+"/"+extension, "telephone/"+domain+"/"+at
	if !p.tries.Allow(telephone) {
		return p.refused(domain, at)
	}
	var kept provisioning.PINHash
	err := p.store.View(ctx, func(r provisioning.Reader) (err error) {
		kept, err = provisioning.PINOf(r, domain, extension)
		return err
	})
	switch {
	case errors.Is(err, provisioning.ErrNotFound): // nobody's PIN costs the telephone its try, and no memory
		p.wrong(domain, extension, at)
		return errWrongPIN
	case err != nil:
		p.tries.Give(telephone)
		return err
	case !p.tries.Allow(person):
		return p.refused(domain, extension)
	case !kept.Matches(pin):
		if !p.wrongs.Allow(person) {
			p.alarms.happened("pin-guessing", domain, extension, "many wrong PINs today")
		}
		p.wrong(domain, extension, at)
		return errWrongPIN
	}
	p.tries.Give(person)
	p.tries.Give(telephone)
	p.audit.enter(provisioning.AuditEntry{Time: time.Now(), Domain: domain, Subject: "extension " + at + "@" + domain, Action: "pin.proved", Object: extension, Outcome: "ok"})
	return nil
}

func (p *pins) refused(domain, of string) error {
	p.alarms.happened("pin-guessing", domain, of, "too many wrong PINs; none is looked at for a while")
	return app.ErrNoTries
}

// wrong notes a guess, and tells of the telephone from which many came in a day, however slowly. There are no more of them than tries.
func (p *pins) wrong(domain, extension, at string) {
	if !p.wrongs.Allow("telephone/" + domain + "/" + at) {
		p.alarms.happened("pin-guessing", domain, at, "many wrong PINs today")
	}
	p.audit.enter(provisioning.AuditEntry{Time: time.Now(), Domain: domain, Subject: "extension " + at + "@" + domain, Action: "pin.proved", Object: extension, Outcome: "denied"})
}

// Prove implements app.Desk.
func (d selfService) Prove(ctx context.Context, domain, extension, at, pin string) error {
	return d.pins.prove(ctx, domain, extension, at, pin)
}
