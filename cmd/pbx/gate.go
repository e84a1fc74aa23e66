package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"naisen/provisioning"
	"naisen/provisioning/book"
	"naisen/provisioning/identity"
	"naisen/provisioning/policy"
	"naisen/recorder"
)

// gate answers the recorder's question who may list and hear recordings: the same token, the same policy, the same audit log as REST. Who may hear hears
// under a listening request only.
type gate struct {
	verifier interface {
		Request(*http.Request) (provisioning.Subject, error)
		Current(provisioning.Subject) (provisioning.Subject, error)
	}
	policy   provisioning.Policy
	stepUp   stepUp
	store    provisioning.Store
	realm    string
	refusals *rate.Limiter // how many of them are written to the audit log: a token is no licence to fill it
	clock    func() time.Time
	log      *slog.Logger
}

var _ recorder.Gate = gate{}

// gateActions are the recorder's actions in the policy's words.
var gateActions = map[recorder.Action]provisioning.Action{
	recorder.List: policy.RecordingList, recorder.Listen: policy.RecordingListen, recorder.Look: policy.RecordingListen, recorder.Download: policy.RecordingDownload, recorder.Export: policy.RecordingExport,
}

// gateWays are how a listening request must let it be heard.
var gateWays = map[recorder.Action]provisioning.HeardAs{
	recorder.Listen: provisioning.HeardAsStream, recorder.Look: provisioning.HeardAsStream, recorder.Download: provisioning.HeardAsFile, recorder.Export: provisioning.HeardAsPack,
}

// Rules that refuse who may hear recordings, but not this one.
const (
	ruleScope    = "outside-scope"
	ruleApprover = "outside-approvers-scope"
)

// subject is who asks.
func (g gate) subject(r *http.Request) (provisioning.Subject, error) {
	subject, err := g.verifier.Request(r)
	if at, bad := netip.ParseAddrPort(r.RemoteAddr); bad == nil {
		subject.Source = at.Addr().Unmap().String()
	}
	if from, bad := netip.ParseAddrPort(r.RemoteAddr); bad == nil {
		subject.Address = from.Addr().Unmap()
	}
	if err == nil || errors.Is(err, identity.ErrUnavailable) {
		return subject, err
	}
	return subject, g.challenge(err)
}

// challenge is what the recorder answers with to whoever must bring another token.
func (g gate) challenge(err error) error {
	var failed *identity.Error
	if errors.As(err, &failed) {
		return &recorder.Unauthenticated{Challenge: failed.Challenge(g.realm), Scope: errors.Is(err, identity.ErrScope)}
	}
	return err
}

// Scope implements recorder.Gate.
func (g gate) Scope(r *http.Request, domain string) (recorder.Scope, recorder.Permit, error) {
	subject, err := g.subject(r)
	if err != nil {
		return recorder.Scope{}, nil, err
	}
	if !g.policy.Decide(subject, policy.RecordingList, provisioning.Object{Domain: domain, Kind: policy.KindRecording}).Allowed {
		return recorder.Scope{}, nil, recorder.ErrNotFound
	}
	var scope recorder.Scope
	err = g.store.View(r.Context(), func(rd provisioning.Reader) (err error) {
		scope, err = scopeOf(rd, domain, subject.User)
		return err
	})
	return scope, g.permit(subject, policy.RecordingList, recorder.List, recorder.Item{Domain: domain}), err
}

// scopeOf is what of a domain's recordings a person may know of, if a role lets know of any.
func scopeOf(r provisioning.Reader, domain, user string) (recorder.Scope, error) {
	s, _, err := provisioning.Get[provisioning.RecordingScope](r, domain, user)
	if errors.Is(err, provisioning.ErrNotFound) {
		return recorder.Scope{All: true}, nil
	}
	scope := recorder.Scope{Numbers: s.Numbers, Groups: s.Groups}
	for _, l := range s.Labels {
		scope.Labels = append(scope.Labels, recorder.Label(l))
	}
	return scope, err
}

// Permit implements recorder.Gate. Who may not hear a recording is told that there is none, and the refusal is in the audit log.
func (g gate) Permit(r *http.Request, action recorder.Action, i recorder.Item) (recorder.Permit, error) {
	subject, err := g.subject(r)
	if err != nil {
		return nil, err
	}
	p := g.permit(subject, gateActions[action], action, i)
	decision := g.policy.Decide(subject, gateActions[action], heardObject(i))
	p.rule = decision.Rule
	if i.Domain == subject.Domain { // what is known of another domain's recording is for its own log
		p.inputs = g.policy.Inputs(subject, heardObject(i))
	}
	if !decision.Allowed {
		p.refused(r.Context(), decision.Rule)
		return nil, recorder.ErrNotFound
	}
	why := ""
	err = g.store.View(r.Context(), func(rd provisioning.Reader) (err error) {
		p.request, why, err = p.approval(rd, "")
		return err
	})
	if err != nil {
		if why != "" {
			p.refused(r.Context(), why)
		}
		return nil, err
	}
	if err := g.stepUp.check(subject, gateActions[action]); err != nil { // last: it is no way to learn what there is
		return nil, g.challenge(err)
	}
	return p, nil
}

// heardObject is a recording as policies see it.
func heardObject(i recorder.Item) provisioning.Object {
	return provisioning.Object{Domain: i.Domain, Kind: policy.KindRecording, Key: i.ID, Label: string(i.Label.Or()), Number: i.Number}
}

func (g gate) permit(s provisioning.Subject, act provisioning.Action, action recorder.Action, i recorder.Item) *permit {
	return &permit{gate: g, subject: s, action: action, item: i,
		entry: provisioning.AuditEntry{Domain: i.Domain, Subject: name(s), Action: string(act), Object: i.ID}}
}

// permit is one allowed act. Nothing is served before Begin has written it down.
type permit struct {
	gate    gate
	subject provisioning.Subject
	entry   provisioning.AuditEntry
	action  recorder.Action
	item    recorder.Item
	request provisioning.ListeningRequest // under which it is heard
	began   time.Time

	rule   string         // of the policy that let it
	inputs map[string]any // by which
}

// Terms implements recorder.Permit.
func (p *permit) Terms() recorder.Terms {
	return recorder.Terms{Listener: name(p.subject), Request: p.request.ID, Purpose: p.request.Purpose, Whole: p.action == recorder.Download}
}

// approval is the listening request that lets the subject hear the recording now, of which they may know: one by its ID, or the newest that does. What is
// known of a recording needs none. Why: the audit log's word for none.
func (p *permit) approval(r provisioning.Reader, id string) (q provisioning.ListeningRequest, why string, err error) {
	now := p.gate.clock()
	scope, err := scopeOf(r, p.item.Domain, p.subject.User)
	switch {
	case err != nil:
		return q, "", err
	case !scope.Covers(p.item):
		return q, ruleScope, recorder.ErrNotFound
	case p.action == recorder.List:
		return q, "", nil
	}
	rules, err := rulesOf(r, p.item.Domain)
	if err != nil {
		return q, "", err
	}
	all, err := provisioning.ListeningOf(r, p.item.Domain, p.subject.User, now)
	if err != nil {
		return q, "", err
	}
	heard := heardOf(p.item)
	why, err = provisioning.NoListening, recorder.ErrNoApproval
	for _, q := range all {
		if id != "" && q.ID != id {
			continue
		}
		if !q.Lets(rules, heard, gateWays[p.action], now, sameNumber) {
			if q.Lets(rules, heard, provisioning.HeardAsStream, now, sameNumber) {
				err = recorder.ErrStreamOnly
			}
			continue
		}
		if known, err := p.approverKnows(r, q); err != nil {
			return q, "", err
		} else if !known {
			why = ruleApprover
			continue
		}
		if _, _, ok := q.Open(p.item.ID, now); ok || p.action == recorder.Look || !p.began.IsZero() { // a play that began goes on
			return q, "", nil
		}
		why = provisioning.ListeningUsedUp
	}
	return provisioning.ListeningRequest{}, why, err
}

// approverKnows says that who approved a request may know of the recording: nobody lets others hear what is nothing to them.
func (p *permit) approverKnows(r provisioning.Reader, q provisioning.ListeningRequest) (bool, error) {
	approver, ours := strings.CutSuffix(q.DecidedBy, "@"+p.item.Domain)
	if !ours { // a purpose alone, or need
		return q.DecidedBy == "", nil
	}
	scope, err := scopeOf(r, p.item.Domain, approver)
	return err == nil && scope.Covers(p.item), err
}

// Begin implements recorder.Permit: the entry and the count of plays are one transaction, so that no play is without either.
func (p *permit) Begin(ctx context.Context, detail map[string]any) error {
	if p.request.ID == "" {
		return p.write(ctx, "allowed", detail)
	}
	return p.gate.store.Update(ctx, p.subject, func(w provisioning.Writer) error {
		q, _, err := p.approval(w, p.request.ID)
		if err != nil {
			return err
		}
		if p.action != recorder.Look {
			next, began, _ := q.Open(p.item.ID, p.gate.clock())
			if p.began = began; len(next.Opened) != len(q.Opened) {
				if _, err := w.Put(p.item.Domain, next, ""); err != nil {
					return err
				}
			}
		}
		entry := p.entry
		entry.Outcome, entry.Detail = "allowed", p.detailed(detail)
		return w.AddAudit(entry)
	})
}

// detailed adds under which request it is heard.
func (p *permit) detailed(detail map[string]any) map[string]any {
	if p.request.ID == "" {
		return detail
	}
	detail["request"], detail["purpose"] = p.request.ID, p.request.Purpose
	if p.rule != "" {
		detail["rule"], detail["inputs"] = p.rule, p.inputs
	}
	if !p.began.IsZero() {
		detail["began"] = p.began
	}
	switch {
	case p.request.BreakGlass:
		detail["break_glass"] = true
	case p.request.DecidedBy != "":
		detail["approved_by"] = p.request.DecidedBy
	}
	return detail
}

// Still implements recorder.Permit: whose request was withdrawn, or who was disabled or deleted, or may hear no recordings or not know of this one any
// more, hears no more.
func (p *permit) Still(ctx context.Context) error {
	if p.request.ID == "" {
		return nil
	}
	now, err := p.gate.verifier.Current(p.subject)
	if err == nil {
		now.Address = p.subject.Address
		err = p.gate.policy.Can(now, gateActions[p.action], heardObject(p.item))
	}
	if err != nil {
		return err
	}
	return p.gate.store.View(ctx, func(r provisioning.Reader) error {
		_, _, err := p.approval(r, p.request.ID)
		return err
	})
}

// servedSuffix ends the audit log's word for what was served of an action.
const servedSuffix = ".served"

// Done implements recorder.Permit: how much was served, and of sound which stretch.
func (p *permit) Done(s recorder.Served, err error) {
	detail := p.detailed(map[string]any{"bytes": s.Bytes})
	if s.ToMS > 0 {
		detail["from_ms"], detail["to_ms"] = s.FromMS, s.ToMS
	}
	outcome := "ok"
	if err != nil {
		outcome = "failed"
	}
	e := *p
	e.entry.Action += servedSuffix
	if err := e.write(context.Background(), outcome, detail); err != nil {
		p.gate.log.Error("gate: audit of what was served is missing", "recording", p.entry.Object, "err", err)
	}
}

// refused enters that somebody wanted to hear what they may not. The attempt belongs to the log of who tried.
func (p *permit) refused(ctx context.Context, rule string) {
	if p.action == recorder.List || !p.gate.refusals.Allow() {
		return
	}
	e, detail := *p, map[string]any{"rule": rule}
	if p.inputs != nil {
		detail["inputs"] = p.inputs
	}
	if e.entry.Domain = p.subject.Domain; p.item.Domain == p.subject.Domain { // another domain's numbers are for its own log
		detail["number"] = p.item.Number
	}
	if err := e.write(context.WithoutCancel(ctx), "denied", detail); err != nil {
		p.gate.log.Error("gate: audit of a refusal is missing", "recording", p.item.ID, "err", err)
	}
}

func (p *permit) write(ctx context.Context, outcome string, detail map[string]any) error {
	entry := p.entry
	entry.Outcome, entry.Detail = outcome, detail
	return p.gate.store.Update(ctx, p.subject, func(w provisioning.Writer) error { return w.AddAudit(entry) })
}

// rulesOf a domain; the zero value, which denies, where nobody wrote any.
func rulesOf(r provisioning.Reader, domain string) (provisioning.ListeningRules, error) {
	rules, _, err := provisioning.Get[provisioning.ListeningRules](r, domain, provisioning.ListeningRules{}.Key())
	if errors.Is(err, provisioning.ErrNotFound) {
		return rules, nil
	}
	return rules, err
}

func heardOf(i recorder.Item) provisioning.Heard {
	h := provisioning.Heard{Recording: i.ID, Number: i.Number, Label: string(i.Label.Or()), Groups: i.Groups, Parties: i.Parties, Started: i.Started}
	for _, c := range i.Cases {
		by, _ := strings.CutSuffix(c.Author, "@"+i.Domain)
		h.Cases = append(h.Cases, provisioning.HeardCase{Name: c.Name, By: by, At: c.Entered})
	}
	return h
}

func sameNumber(a, b string) bool {
	n := book.Normal("", a)
	return n != "" && n == book.Normal("", b)
}

func name(s provisioning.Subject) string {
	if s.System {
		return "system"
	}
	return s.User + "@" + s.Domain
}
