package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"naisen/provisioning"
	"naisen/provisioning/identity"
	"naisen/provisioning/signals"
	"naisen/provisioning/store"
)

// defaultEffects say, by the kind of an event, what becomes of somebody's calls and telephones; their tokens, and what goes on with them, end each time. A
// session that was revoked may be a thief's; a sign-out is everybody's evening. The configuration may say otherwise, kind by kind.
var defaultEffects = map[string]effect{
	whyLeaver:                {provisioning.FateNotice, true},
	whyRightsLost:            {provisioning.FateNotice, false},
	whyDeviceStopped:         {provisioning.FateEnd, true},
	signals.SessionRevoked:   {provisioning.FateEnd, true},
	signals.SessionsRevoked:  {provisioning.FateEnd, true},
	signals.CredentialChange: {provisioning.FateContinue, true},
	signals.DeviceCompliance: {provisioning.FateNotice, true},
	signals.ClaimsChange:     {provisioning.FateContinue, false},
	signals.AssuranceChange:  {provisioning.FateContinue, false},
	signals.AccountDisabled:  {provisioning.FateNotice, true},
	signals.AccountPurged:    {provisioning.FateNotice, true},
	signals.AccountEnabled:   {provisioning.FateContinue, false},
	signals.SignedOut:        {provisioning.FateContinue, false},
}

// sessionsKept is how long it is remembered that a session or token was revoked: longer than any access token lives, whoever issued it. Who holds one that
// lives longer has an issuer that cannot be helped.
const sessionsKept = 48 * time.Hour

// maxRevocations bounds what is remembered of a domain. Past that a session is ended as its person is.
const maxRevocations = 50_000

// signalled turns what others tell into endings.
type signalled struct {
	endings *endings
	alarms  *alarms
	known   bool // users are those of the store: nobody else has tokens here
}

// take implements signals.Sink.
func (s signalled) take(ctx context.Context, e signals.Event) error {
	detail := map[string]any{"kind": e.Kind, "issuer": e.Issuer, "jti": provisioning.Fingerprint(e.ID)}
	for k, v := range map[string]string{"transmitter": e.Transmitter, "reason": e.Reason, "status": e.Status} {
		if v != "" {
			detail[k] = v
		}
	}
	switch e.Kind {
	case signals.Verification:
		return nil
	case signals.StreamUpdated:
		s.alarms.set("signals-silent", "", e.Transmitter, e.Status, e.Status != "enabled")
		return nil
	}
	x, ok := s.ending(e)
	if !ok {
		return signals.ErrUnknownSubject
	}
	_, err := s.endings.End(ctx, provisioning.Subject{Domain: e.Domain, System: true}, e.Domain, x, detail)
	if errors.Is(err, provisioning.ErrNotFound) { // the domain is gone
		return signals.ErrUnknownSubject
	}
	return err
}

// ending is what of ours an event ends. False: nothing.
func (s signalled) ending(e signals.Event) (x provisioning.Ending, ok bool) {
	snap := s.endings.directory.Snapshot()
	x = provisioning.Ending{Why: e.Kind, At: e.Happened}
	if _, there := snap.User(e.Domain, e.User); !there && s.known {
		e.User = ""
	}
	full := snap.Revocations(e.Domain) >= maxRevocations
	switch {
	case e.Kind == signals.DeviceCompliance:
		x.Of, x.Name, x.Bar, x.Admit = provisioning.RevokedDevice, provisioning.DeviceName(e.Device), e.Status != "compliant", e.Status == "compliant"
	case e.Kind == signals.AccountDisabled, e.Kind == signals.AccountPurged, e.Kind == signals.AccountEnabled:
		x.Of, x.Name, x.Bar, x.Admit = provisioning.RevokedUser, e.User, e.Kind != signals.AccountEnabled, e.Kind == signals.AccountEnabled
	case e.Session != "" && (e.OneSession || e.User == "") && !(full && e.User != ""):
		x.Of, x.Name, x.Until = provisioning.RevokedSession, provisioning.IssuedName(e.Of, e.Session), s.endings.clock().Add(sessionsKept)
	case e.Token != "" && !(full && e.User != ""):
		x.Of, x.Name, x.Until = provisioning.RevokedToken, provisioning.IssuedName(e.Of, e.Token), s.endings.clock().Add(sessionsKept)
	case e.Device != "" && e.Session == "" && e.Kind != signals.SessionsRevoked:
		x.Of, x.Name = provisioning.RevokedDevice, provisioning.DeviceName(e.Device)
	default:
		x.Of, x.Name = provisioning.RevokedUser, e.User
	}
	return x, x.Name != ""
}

// heard is the store as the receiver's memory.
type heard struct{ *store.Store }

// Hear implements signals.Memory.
func (h heard) Hear(ctx context.Context, issuer, id string, until time.Time) error {
	err := h.Store.Hear(ctx, issuer, id, until)
	if errors.Is(err, store.ErrHeardFull) {
		return fmt.Errorf("%w: %w", signals.ErrFull, err)
	}
	return err
}

// startSignals takes events from those whom the configuration names. Without any there are no paths.
func (p *pbx) startSignals(ctx context.Context) (http.Handler, error) {
	c := p.config.Signals
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}, MaxResponseHeaderBytes: 16 << 10, TLSHandshakeTimeout: 10 * time.Second}}
	cfg := signals.Config{Sink: signalled{p.endings, p.alarms, p.config.embedded()}.take, Memory: heard{p.store}, Window: time.Duration(c.Window), HTTP: client, Log: p.log}
	for _, t := range c.Transmitters {
		keys, err := identity.NewSigned(t.signed(p))
		if err != nil {
			return nil, err
		}
		p.closing("keys of "+t.Name, func(context.Context) error { keys.Close(); return nil })
		one := signals.Transmitter{Name: t.Name, Issuer: t.Issuer, Audience: t.Audience, Keys: keys, Token: t.Token.value,
			Rules: signals.Rules{Domain: t.Domain, Issuer: t.Subjects, Users: t.Users, Hosts: t.Hosts, Sessions: t.Sessions}}
		if one.Rules.Issuer == "" {
			one.Rules.Issuer = p.issuer
		}
		if t.Poll.URL != "" {
			one.Poll = &signals.Poll{URL: t.Poll.URL, Token: t.Poll.Token.value, Every: time.Duration(t.Poll.Every)}
		}
		cfg.Transmitters = append(cfg.Transmitters, one)
	}
	if keys, ok := p.verifier.Signed(p.issuer); ok && len(c.Logout.Audience) > 0 {
		cfg.Logouts = append(cfg.Logouts, signals.Logout{Issuer: p.issuer, Audience: c.Logout.Audience, Keys: keys,
			Rules: signals.Rules{Domain: p.config.Domain, Issuer: p.issuer, Users: c.Logout.Users, Hosts: c.Logout.Hosts, Sessions: c.Logout.Sessions}})
	}
	if len(cfg.Transmitters)+len(cfg.Logouts) == 0 {
		return nil, nil
	}
	r, err := signals.New(cfg)
	if err != nil {
		return nil, err
	}
	p.signals = r
	r.Start(ctx)
	p.closing("signals", func(context.Context) error { r.Close(); client.CloseIdleConnections(); return nil })
	return r.Handler(), nil
}

func (t TransmitterConfig) signed(p *pbx) identity.SignedConfig {
	cfg := identity.SignedConfig{Issuer: t.Issuer, KeySet: t.JWKS, Log: p.log}
	if t.JWKS == "" {
		cfg.Discovery = identity.SSFConfiguration(t.Issuer)
	}
	return cfg
}

func (c SignalsConfig) effects() map[string]effect {
	out := map[string]effect{}
	for kind, e := range c.Effects {
		out[kind] = effect{provisioning.Fate(e.Calls), e.Phones}
	}
	return out
}

func (p *pbx) signalMetrics(c *collector) {
	if p.signals == nil {
		return
	}
	stats := p.signals.Stats
	counter := func(name, help string, v func() uint64) {
		c.add(name, help, prometheus.CounterValue, func() float64 { return float64(v()) })
	}
	counter("naisen_signals_taken_total", "Security event and logout tokens that were believed and new.", func() uint64 { return stats().Taken })
	counter("naisen_signals_again_total", "Tokens that had been taken before; they did nothing.", func() uint64 { return stats().Again })
	counter("naisen_signals_refused_total", "Tokens that were forged, stale, malformed or for somebody else.", func() uint64 { return stats().Refused })
	counter("naisen_signals_denied_total", "Requests without the credential of a stream, or too many of them.", func() uint64 { return stats().Denied })
	counter("naisen_signals_unknown_total", "Events of kinds that mean nothing here; acknowledged.", func() uint64 { return stats().Unknown })
	counter("naisen_signals_nobody_total", "Events about nobody of ours; acknowledged.", func() uint64 { return stats().Nobody })
	counter("naisen_signals_failed_total", "Tokens whose effect could not be stored; they have to come again.", func() uint64 { return stats().Failed })
	counter("naisen_signals_poll_failed_total", "Polls of a transmitter that gave nothing.", func() uint64 { return stats().PollFailed })
	for _, kind := range signals.Kinds() {
		c.metrics = append(c.metrics, metric{prometheus.NewDesc("naisen_signals_events_total", "Events taken, by kind.", nil, prometheus.Labels{"kind": kind}),
			prometheus.CounterValue, func() float64 { return float64(stats().Kinds[kind]) }})
	}
}
