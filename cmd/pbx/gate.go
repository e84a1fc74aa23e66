package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"golang.org/x/time/rate"

	"naisen/provisioning"
	"naisen/provisioning/identity"
	"naisen/provisioning/policy"
	"naisen/recorder"
)

// gate answers the recorder's question who may list and hear recordings: the same token, the same policy, the same audit log as REST.
type gate struct {
	verifier *identity.Verifier
	policy   provisioning.Policy
	store    provisioning.Store
	realm    string
	refusals *rate.Limiter // how many of them are written to the audit log: a token is no licence to fill it
	log      *slog.Logger
}

var _ recorder.Gate = gate{}

// Permit implements recorder.Gate. Who may not hear a recording is told that there is none, and the refusal is in the audit log.
func (g gate) Permit(r *http.Request, action recorder.Action, domain, number, recording string) (recorder.Permit, error) {
	subject, err := g.verifier.Request(r)
	if err != nil {
		if errors.Is(err, identity.ErrUnavailable) {
			return nil, err
		}
		var failed *identity.Error
		if errors.As(err, &failed) {
			return nil, &recorder.Unauthenticated{Challenge: failed.Challenge(g.realm)}
		}
		return nil, err
	}
	act := policy.RecordingListen
	switch action {
	case recorder.List:
		act = policy.RecordingList
	case recorder.Export:
		act = policy.RecordingExport
	}
	p := &permit{gate: g, entry: provisioning.AuditEntry{Domain: domain, Subject: name(subject), Action: string(act), Object: recording}, subject: subject}
	if err := g.policy.Can(subject, act, provisioning.Object{Domain: domain, Kind: policy.KindRecording, Key: recording}); err != nil {
		if action != recorder.List && g.refusals.Allow() {
			p.entry.Domain = subject.Domain // the attempt belongs to the log of who tried
			if err := p.write(context.WithoutCancel(r.Context()), "denied", map[string]any{"rule": err.Error(), "number": number}); err != nil {
				g.log.Error("gate: audit of a refusal is missing", "recording", recording, "err", err)
			}
		}
		return nil, recorder.ErrNotFound
	}
	return p, nil
}

// permit is one allowed act. Nothing is served before Begin has written it down.
type permit struct {
	gate    gate
	subject provisioning.Subject
	entry   provisioning.AuditEntry
}

// Terms implements recorder.Permit.
func (p *permit) Terms() recorder.Terms { return recorder.Terms{Listener: p.entry.Subject} }

// Begin implements recorder.Permit.
func (p *permit) Begin(ctx context.Context, detail map[string]any) error {
	return p.write(ctx, "allowed", detail)
}

// Done implements recorder.Permit: how much was served.
func (p *permit) Done(bytes int64, err error) {
	detail := map[string]any{"bytes": bytes}
	outcome := "ok"
	if err != nil {
		outcome = "failed"
	}
	e := *p
	e.entry.Action += ".served"
	if err := e.write(context.Background(), outcome, detail); err != nil {
		p.gate.log.Error("gate: audit of what was served is missing", "recording", p.entry.Object, "err", err)
	}
}

func (p *permit) write(ctx context.Context, outcome string, detail map[string]any) error {
	entry := p.entry
	entry.Outcome, entry.Detail = outcome, detail
	return p.gate.store.Update(ctx, p.subject, func(w provisioning.Writer) error { return w.AddAudit(entry) })
}

func name(s provisioning.Subject) string {
	if s.System {
		return "system"
	}
	return s.User + "@" + s.Domain
}
