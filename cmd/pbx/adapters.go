package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/cmd/pbx/internal/route"
	"naisen/media"
	"naisen/media/tone"
	"naisen/provisioning"
	"naisen/provisioning/directory"
	"naisen/recorder"
	"naisen/sip"
	"naisen/sip/auth"
	"naisen/sip/registrar"
)

// credentials answers digest questions from the directory.
type credentials struct{ directory *directory.Directory }

// Lookup implements auth.Verifier. An extension that is disabled, or whose owner is out, is told so if it knows its password: else it looks like one that
// does not exist.
func (c credentials) Lookup(realm, user string) (auth.Credential, bool) {
	snap := c.directory.Snapshot()
	if number, mac, generation, ok := provisioning.ReadDeviceLogin(user); ok {
		return c.device(snap, realm, user, number, mac, generation)
	}
	e, known := snap.Extension(realm, user)
	cred, ok := snap.Password(realm, user)
	if !known {
		if extension, key, app := snap.Softphone(realm, user); app {
			return auth.Credential{HA1SHA256: key.HA1SHA256, Disabled: !snap.Active(realm, extension)}, true
		}
		return c.account(snap, realm, user)
	}
	if !ok {
		return auth.Credential{}, false
	}
	return auth.Credential{HA1MD5: cred.HA1MD5, HA1SHA256: cred.HA1SHA256, AllowMD5: e.AllowMD5, Disabled: !snap.Active(realm, user)}, true
}

// device is a telephone of the inventory, with a password of its own. One that is out of service is told so as above.
func (c credentials) device(snap *directory.Snapshot, realm, user, number, mac, generation string) (auth.Credential, bool) {
	password, _, inService, ok := snap.DevicePassword(realm, number, mac, generation, time.Now())
	if !ok {
		return auth.Credential{}, false
	}
	e, _ := snap.Extension(realm, number)
	return auth.Credential{HA1MD5: auth.HA1(auth.MD5, user, realm, password.Reveal()), HA1SHA256: auth.HA1(auth.SHA256, user, realm, password.Reveal()),
		AllowMD5: e.AllowMD5, Disabled: !inService || !snap.Active(realm, number)}, true
}

// account is that of a telephone system which registers with us: the password stands with its trunk.
func (c credentials) account(snap *directory.Snapshot, realm, user string) (auth.Credential, bool) {
	t, ok := snap.Account(realm, user)
	if !ok {
		return auth.Credential{}, false
	}
	password, ok := snap.TrunkPassword(realm, t.Name)
	if !ok {
		return auth.Credential{}, false
	}
	return auth.Credential{HA1MD5: auth.HA1(auth.MD5, user, realm, password.Reveal()), HA1SHA256: auth.HA1(auth.SHA256, user, realm, password.Reveal()),
		AllowMD5: true}, true
}

// bindings keeps registrations in the store.
type bindings struct{ table provisioning.BindingTable }

// Load implements registrar.Table.
func (b bindings) Load(ctx context.Context) ([]registrar.Record, error) {
	rows, err := b.table.Bindings(ctx)
	out := make([]registrar.Record, len(rows))
	for i, r := range rows {
		out[i] = registrar.Record(r)
	}
	return out, err
}

// Save implements registrar.Table.
func (b bindings) Save(ctx context.Context, batch []registrar.Record) error {
	rows := make([]provisioning.BindingRow, len(batch))
	for i, r := range batch {
		rows[i] = provisioning.BindingRow(r)
	}
	return b.table.SaveBindings(ctx, rows)
}

// liveCalls is what REST may do to calls: it posts, the call decides.
type liveCalls struct {
	calls     *call.Switch
	directory *directory.Directory
	origins   *origins
}

// List implements provisioning.Calls.
func (l liveCalls) List(_ context.Context, domain string) []provisioning.CallInfo {
	var out []provisioning.CallInfo
	for _, s := range l.calls.Snapshots(domain) {
		out = append(out, callInfo(l.directory, s))
	}
	return out
}

func callInfo(d *directory.Directory, s *call.Snapshot) provisioning.CallInfo {
	info := provisioning.CallInfo{ID: s.ID, Domain: s.Domain, From: s.From, To: s.To, Phase: s.Phase.String(), Started: s.Started,
		Recording: s.Recording, Paused: s.Paused, Media: s.Bridge, FromName: nameOf(d, s.Domain, s.From), ToName: nameOf(d, s.Domain, s.To)}
	for _, party := range s.Parties {
		if n := party.Extension; n != "" && !slices.Contains(info.Extensions, n) {
			info.Extensions = append(info.Extensions, n)
		}
		if party.Measured != nil {
			m := party.Measured()
			m.Site = siteOfMedia(d, s.Domain, m.Stats.Remote)
			info.Legs = append(info.Legs, legQuality(m))
		}
	}
	return info
}

// Hangup implements provisioning.Calls.
func (l liveCalls) Hangup(ctx context.Context, domain, id string) error {
	done := make(chan error, 1)
	return l.ask(ctx, domain, id, call.Hangup{Cause: sip.CauseNormal, Done: done}, done)
}

// Move implements provisioning.Calls.
func (l liveCalls) Move(ctx context.Context, domain, id, extension string) error {
	s, ok := l.calls.Snapshot(id)
	if !ok || s.Domain != domain {
		return provisioning.ErrNotFound
	}
	for _, p := range s.Parties {
		if p.Extension == extension && (p.Phase == call.PartyUp || p.Phase == call.PartyHeld) {
			done := make(chan error, 1)
			return l.ask(ctx, domain, id, call.MoveAway{Leg: p.Leg, Done: done}, done)
		}
	}
	return provisioning.ErrNotFound
}

// Order implements provisioning.Calls.
func (l liveCalls) Order(ctx context.Context, domain, id string, o provisioning.RecordingOrder) error {
	done := make(chan error, 1)
	by := recorder.Order{By: o.By, How: recorder.ByREST, Reason: o.Reason}
	var e call.Event
	switch o.Does {
	case provisioning.RecordingOn, provisioning.RecordingKeep:
		e = call.Record{On: true, Demand: o.Does == provisioning.RecordingKeep, By: by, Done: done}
	case provisioning.RecordingOff:
		e = call.Record{By: by, Done: done}
	case provisioning.RecordingPaused, provisioning.RecordingResume:
		e = call.Pause{On: o.Does == provisioning.RecordingPaused, By: by, Done: done}
	default:
		return provisioning.ErrNotFound
	}
	return l.ask(ctx, domain, id, e, done)
}

func (l liveCalls) ask(ctx context.Context, domain, id string, e call.Event, done <-chan error) error {
	err := l.calls.Post(domain, id, e)
	if err == nil {
		select {
		case err = <-done:
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	switch {
	case errors.Is(err, call.ErrGone):
		return provisioning.ErrNotFound
	case errors.Is(err, call.ErrState), errors.Is(err, call.ErrMandatory):
		return provisioning.ErrInUse
	case errors.Is(err, call.ErrForbidden):
		return &provisioning.Denied{Rule: provisioning.RuleNeverRecorded}
	case errors.Is(err, call.ErrNotOnDemand):
		return &provisioning.Denied{Rule: provisioning.RuleNotOnDemand}
	}
	return err
}

// party is the recording policy of somebody who takes part in a call.
func (p *pbx) party(domain string, who route.Party) route.Record {
	return route.Taking(route.At(p.directory.Snapshot(), time.Now()), domain, who)
}

// ringtone is Japan's ringing tone, until domains choose a country.
func ringtone(c media.Codec) (media.Source, error) { return tone.Source("jp", tone.Ringback, c) }
