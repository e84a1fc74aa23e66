package main

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"golang.org/x/time/rate"

	"naisen/prompts/speech"
	"naisen/provisioning/enrol"
	"naisen/provisioning/phonexml"
	"naisen/provisioning/rest"
	"naisen/provisioning/scim"
	"naisen/provisioning/signals"
)

// restConfig is what REST works on. A part that is missing has no operations.
func (p *pbx) restConfig(mounts map[string]http.Handler) rest.Config {
	cfg := rest.Config{Store: liveStore{p.store, p.directory, p.log}, Repeats: p.store, Audit: p.store, AuditMonths: p.months, Policy: p.policy, Verifier: p.verifier, Calls: liveCalls{p.calls, p.directory, p.origins}, Traces: p.traces, Prompts: promptAPI{p.prompts}, Speech: speechAPI{speech.New(speech.Config{})},
		SignIns: p.identity, EmergencyReviewed: p.archive.reviews.emergency, Alarms: p.alarms, Relay: p.relayAPI(), Limits: p.purse, Trunks: p.trunks, Devices: phones{p.dialler}, Fleet: p.fleet, Rollouts: p.rollouts, EnrolAt: p.enrolling, Live: p.live, Again: p.endings.again, Messages: counter{p.office}, Recalls: p.recalls,
		Queues: queueAPI{p.queues, time.Now}, Books: books{p.directory}, Vault: keeping{p.archive.keeper}, Remarks: annotations{p.vault.catalogue, p.store}, BrokenGlass: p.archive.reviews.brokenGlass,
		ManagerAlone: func(domain, manager, by string) { p.alarms.happened("manager-alone", domain, manager, "by "+by) },
		Refused:      p.auditor.refusedToken(p.config.Domain),
		Keys:         recordingKeys{p.keyWatch}, LoopbackWebhooks: p.config.Webhooks.Loopback,
		SetChanged: p.changes.changed, WhatIf: whatIf{p.store, p.directory, time.Now},
		StepUp: p.config.stepUp(time.Now).check, Rate: p.config.HTTP.Rate, Ready: p.ready, Mounts: mounts, Recordings: true, Log: p.log}
	if p.spans != nil {
		cfg.Served = p.spans.Request
	}
	if p.config.localSignIn() {
		cfg.Passwords = p.identity
	}
	return cfg
}

func (p *pbx) wireHTTP(ctx context.Context) error {
	packs, err := p.packs()
	if err == nil {
		err = p.startDevices(ctx)
	}
	if err != nil {
		return err
	}
	p.enrolling = newEnrolling(p)
	player, err := p.vault.serve(gate{p.verifier, p.policy, p.config.stepUp(time.Now), p.store, "naisen", rate.NewLimiter(5, 100), time.Now, p.log}, packs, p.endings.again.Listen, p.log)
	if err != nil {
		return err
	}
	phoneBooks := p.phoneBooks()
	mounts := map[string]http.Handler{"/v1/domains/{domain}/recordings": player, "/v1/domains/{domain}/recordings/": player, phonexml.Pattern: phoneBooks, phonexml.HistoryPattern: phoneBooks,
		enrol.Pattern: p.enrolling.handler()}
	if mounts[scim.Pattern], err = scim.New(scim.Config{Store: liveStore{p.store, p.directory, p.log}, Log: p.log}); err != nil {
		return err
	}
	told, err := p.startSignals(ctx)
	if err != nil {
		return err
	}
	if told != nil {
		mounts[signals.PushPath], mounts[signals.LogoutPath] = told, told
	}
	mounts[p.identity.Path()+"/"] = p.identity.Handler()
	handler, err := rest.New(p.restConfig(mounts))
	if err != nil {
		return err
	}
	handler = withSockets(handler, p.stack.WebSocket())
	if p.http, err = listenHTTP(ctx, p.config.HTTP.Listen, p.httpCertificates(), handler, p.log); err != nil {
		return err
	}
	p.closing("http", p.http.Close)
	p.startACME(ctx)
	if err := p.startLDAP(ctx); err != nil {
		return err
	}
	p.closing("live events", func(context.Context) error { p.live.Close(); return nil }) // first: they would keep the server open
	if p.config.HTTP.Metrics == "off" {
		return nil
	}
	if p.metrics, err = listenHTTP(ctx, p.config.HTTP.Metrics, nil, p.metricsHandler(), p.log); err != nil {
		return err
	}
	p.closing("metrics", p.metrics.Close)
	return nil
}

// ownNames are the hosts by which a phone may name the switch instead of its domain.
func ownNames(c Config, addrs []netip.Addr) map[string]bool {
	own := map[string]bool{"localhost": true}
	for _, a := range addrs {
		own[a.String()] = true
	}
	if c.SIP.Advertise != "" {
		own[c.SIP.Advertise] = true
	}
	return own
}
