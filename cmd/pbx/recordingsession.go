package main

import (
	"context"
	"errors"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"naisen/cmd/pbx/internal/health"
	"naisen/cmd/pbx/internal/rs"
	"naisen/media"
	"naisen/provisioning"
	"naisen/sip"
	"naisen/sip/dialog"
	"naisen/sip/siprec"
)

const (
	recorderPatience = 20 * time.Second // in which a recorder has to take a call
	recorderSilence  = 4 * time.Second  // in which its last address has to say something
)

// recordingSessions are those of both kinds (RFC 7866).
type recordingSessions struct {
	client *rs.Client // copies our calls to recorders outside
	server *rs.Server // records what other systems send

	heeded, ignored atomic.Uint64 // wishes of telephones that nothing be recorded
}

// wished counts that a telephone preferred no recording (a=recordpref).
func (r *recordingSessions) wished(heeded bool) {
	if heeded {
		r.heeded.Add(1)
		return
	}
	r.ignored.Add(1)
}

// wireRecordingSessions makes both; they end before dialogs and media do. Calls are given the client.
func (p *pbx) wireRecordingSessions(s *signalling) *rs.Client {
	p.siprec.client = rs.NewClient(rs.ClientConfig{Engine: p.media, Recorders: p.dialler.recorders, Dial: p.dialler.recorder, Clock: time.Now, Log: p.log,
		Alarm: func(domain, recorder, detail string) { p.alarms.happened("outside-recorder", domain, recorder, detail) }})
	p.siprec.server = rs.NewServer(rs.ServerConfig{Engine: p.media, Recorder: p.vault.pipeline, Rule: s.recordingRule, Clock: time.Now, Log: p.log,
		Failed: func(domain, trunk string) { p.alarms.happened("recording-failed", domain, trunk, "") }})
	s.srs = p.siprec.server
	for name, end := range map[string]func(context.Context) error{"recording client": p.siprec.client.Close, "recording server": p.siprec.server.Close} {
		p.closing(name, func(ctx context.Context) error {
			ctx, cancel := context.WithTimeout(ctx, byePatience)
			defer cancel()
			return end(ctx)
		})
	}
	return p.siprec.client
}

// recorders are those that a policy names: the healthy ones first, else in its order. One that cannot be used stays in the list, so that it is missed.
func (d *dialler) recorders(domain, policy string) []rs.Recorder {
	snap := d.directory.Snapshot()
	rule, ok := snap.Policy(domain, policy)
	if !ok {
		return nil
	}
	var well, ill []rs.Recorder
	for _, name := range rule.Outside {
		r := rs.Recorder{Name: name, Metadata: siprec.XML}
		if t, ok := snap.Trunk(domain, name); ok {
			r = d.recorderBy(domain, t)
		}
		if rule.Media == "srtp-required" {
			r.Security = media.SecurityRequired
		}
		if d.trunks.book.Status(health.Key{Domain: domain, Trunk: name}).Up {
			well = append(well, r)
		} else {
			ill = append(ill, r)
		}
	}
	return append(well, ill...)
}

// recorderBy is a recorder as its trunk says.
func (d *dialler) recorderBy(domain string, t provisioning.Trunk) rs.Recorder {
	r := rs.Recorder{Name: t.Name, Metadata: siprec.XML}
	if t.RecordMetadata != "" {
		r.Metadata = t.RecordMetadata
	}
	p, err := trunkProfile(domain, t)
	if err != nil { // the store checks the same fields
		d.log.Error("dialler: recorder is unusable", "trunk", t.Name, "err", err)
		return r
	}
	r.Security = security(p.Media)
	r.Profile = d.signalling.profile(leaveTo(d.addrs, d.known(p)), netip.Addr{}, p.Transport == "tls", p.EvenPorts)
	r.Profile.Codecs, r.Profile.Suites, r.Profile.DSCP = codecsOf(p), p.Suites, p.DSCPRTP
	return r
}

var errNoRecorder = errors.New("the trunk is no recorder, or is disabled")

// recorder begins a recording session with a recorder outside.
func (d *dialler) recorder(in rs.Invitation, on func(dialog.Event)) (rs.Session, error) {
	t, ok := d.directory.Snapshot().Trunk(in.Domain, in.Recorder)
	if !ok || t.Disabled || t.Role != provisioning.RoleSIPREC {
		return nil, errNoRecorder
	}
	p, err := trunkProfile(in.Domain, t)
	if err != nil {
		return nil, err
	}
	c := carrier{domain: in.Domain, trunk: t, profile: p}
	uri := sip.URI{Scheme: "sip", User: t.Account, Host: p.Host, Port: p.Port}
	attempt, err := d.trunks.book.Start(c.key(), health.Limits{Calls: t.MaxCalls, PerSecond: d.signalling.afar.share(t.CallsPerSecond)}, uri.String(), false)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookupPatience)
	defer cancel()
	points, err := d.points(ctx, c, leaveTo(d.addrs, d.known(p)))
	if err != nil {
		attempt.Ended(sip.CauseTransport, false, 0)
		return nil, err
	}
	style := styleOf(p)
	style.Require = append(style.Require, siprec.Option)
	i := dialog.Invite{ID: in.ID, URI: uri, To: sip.Address{URI: sip.URI{Scheme: "sip", User: t.Account, Host: p.Host}},
		From: sip.Address{URI: sip.URI{Scheme: "sip", User: "recording", Host: in.Domain}},
		Body: in.Offer, With: in.With, Takes: []string{siprec.Request}, Features: sip.Params{{Name: siprec.Client, Flag: true}},
		Timeout: recorderPatience, Silence: recorderSilence, SessionTimer: p.SessionExpires, Style: style, Authorize: d.authorize(c)}
	for n, at := range points {
		i.Targets = append(i.Targets, at.target)
		here := sip.URI{Scheme: "sip", User: t.Account, Host: at.point.Host, Port: at.point.Port}
		if n == 0 {
			i.URI, i.Routes = here, at.routes
			continue
		}
		i.Others = append(i.Others, dialog.Place{URI: here, Routes: at.routes})
	}
	return d.ua.Invite(i, watched(attempt, on)), nil
}

// metrics of both.
func (r *recordingSessions) metrics(c *collector) {
	client, server := r.client.Stats, r.server.Stats
	gauge := func(name, help string, v func() int) {
		c.add(name, help, prometheus.GaugeValue, func() float64 { return float64(v()) })
	}
	counter := func(name, help string, v func() uint64) {
		c.add(name, help, prometheus.CounterValue, func() float64 { return float64(v()) })
	}
	gauge("naisen_siprec_client_live", "Calls that are copied to a recorder outside, or wait for one.", func() int { return client().Live })
	counter("naisen_siprec_client_sessions_total", "Recording sessions that a recorder outside took.", func() uint64 { return client().Sessions })
	counter("naisen_siprec_client_refused_total", "Recording sessions that a recorder outside refused, or ended before the call did.", func() uint64 { return client().Refused })
	counter("naisen_siprec_client_lost_total", "Times that no recorder outside took a call.", func() uint64 { return client().Lost })
	counter("naisen_siprec_client_abandoned_total", "Calls for which recorders outside are asked no more: they refused it, or ended its session, too often.", func() uint64 { return client().Abandoned })
	counter("naisen_siprec_client_unheard_total", "Voices for which a recording session had no stream left.", func() uint64 { return client().Unheard })
	gauge("naisen_siprec_server_live", "Recording sessions of other systems.", func() int { return server().Live })
	counter("naisen_siprec_server_sessions_total", "Recording sessions taken from other systems.", func() uint64 { return server().Sessions })
	counter("naisen_siprec_server_malformed_total", "Metadata documents of other systems that were refused.", func() uint64 { return server().Malformed })
	counter("naisen_siprec_server_asked_total", "Times that another system was asked for all its metadata anew.", func() uint64 { return server().Asked })
	counter("naisen_recordpref_heeded_total", "Wishes of telephones that nothing be recorded (a=recordpref) that were followed.", r.heeded.Load)
	counter("naisen_recordpref_ignored_total", "Wishes of telephones that nothing be recorded that policy forbids to follow.", r.ignored.Load)
}
