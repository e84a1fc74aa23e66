package rest

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

type reasonInput struct {
	ItemPath
	Body struct {
		Reason string `json:"reason" required:"true" maxLength:"500" doc:"Why; it stands in the audit log"`
	}
}

type retainInput struct {
	ItemPath
	Body struct {
		Until  time.Time `json:"until" required:"true" doc:"Later than it is kept now"`
		Reason string    `json:"reason" required:"true" maxLength:"500"`
	}
}

type labelInput struct {
	ItemPath
	Body struct {
		Label  string `json:"label" required:"true" enum:"restricted,internal,public" doc:"機密性3, 機密性2 or 機密性1"`
		Reason string `json:"reason" required:"true" maxLength:"500"`
	}
}

type disposalInput struct {
	ItemPath
	After string `query:"after" maxLength:"256" doc:"next of the page before"`
	Limit int    `query:"limit" minimum:"1" maximum:"200" default:"100"`
}

type approveInput struct {
	ItemPath
	IfMatch string `header:"If-Match" maxLength:"256" doc:"Entity tag of the list as it was read"`
}

// disposalPage is a list and a part of what stands in it.
type disposalPage struct {
	provisioning.Disposal
	Items []provisioning.RecordingKeeping `json:"items" nullable:"false"`
	Next  string                          `json:"next,omitempty" doc:"Give it as after to read on; absent on the last page"`
}

// registerVault: how long recordings are kept. Nothing here makes that shorter, and nothing destroys by itself: what was approved goes when it is due.
func (a *api) registerVault() {
	const recording, list = "/v1/domains/{domain}/recordings/{key}", "/v1/domains/{domain}/disposals"
	of := func(action provisioning.Action, kind string) rule {
		return rule{action: action, kind: kind, key: "key", domain: "domain"}
	}
	huma.Register(a.huma, operation(http.MethodGet, recording+"/keeping", "get-recording-keeping", "How long a recording is kept, and what keeps it",
		of(policy.RecordingKeeping, policy.KindRecording), 503), a.getKeeping)
	huma.Register(a.huma, operation(http.MethodPut, recording+"/hold", "hold-recording", "Keep a recording from being destroyed until it is released",
		of(policy.RecordingHold, policy.KindRecording), 409, 413, 415, 422, 503), a.holdRecording)
	huma.Register(a.huma, operation(http.MethodPost, recording+"/release", "release-recording",
		"End a hold; what fell due meanwhile is destroyed when that is approved anew",
		of(policy.RecordingRelease, policy.KindRecording), 412, 413, 415, 422, 503), a.releaseRecording)
	huma.Register(a.huma, mayWait(operation(http.MethodPut, recording+"/retention", "retain-recording",
		"Keep a recording longer; nobody keeps it for a shorter time. An end for one that has none waits for another person",
		of(policy.RecordingRetain, policy.KindRecording), 413, 415, 422, 503)), a.retainRecording)
	huma.Register(a.huma, mayWait(operation(http.MethodPut, recording+"/label", "label-recording", "Label a recording; a lower label waits for another person",
		of(policy.RecordingLabel, policy.KindRecording), 412, 413, 415, 422, 503)), a.labelRecording)
	huma.Register(a.huma, operation(http.MethodGet, list, "list-disposals", "The months in which recordings fall due, up to the next one",
		rule{action: policy.DisposalRead, kind: policy.KindDisposal, domain: "domain"}), a.listDisposals)
	huma.Register(a.huma, operation(http.MethodGet, list+"/{key}", "get-disposal", "What falls due in a month (2026-12)",
		of(policy.DisposalRead, policy.KindDisposal)), a.getDisposal)
	huma.Register(a.huma, operation(http.MethodPost, list+"/{key}/approve", "approve-disposal",
		"Agree that everything on the list that nobody holds is destroyed when it is due",
		of(policy.DisposalApprove, policy.KindDisposal), 412, 428), a.approveDisposal)
}

// known refuses what is about a recording that the asker may not know of. Where nothing says what they may know of, that is every one.
func (a *api) known(ctx context.Context, at ItemPath) error {
	if a.Remarks == nil {
		return provisioning.ErrNotFound
	}
	_, err := a.Remarks.Remarks(ctx, subjectOf(ctx), at.Domain, at.Key)
	return err
}

// keeping is how a recording is kept that the asker may know of.
func (a *api) keeping(ctx context.Context, at ItemPath) (k provisioning.RecordingKeeping, err error) {
	if err = a.known(ctx, at); err == nil {
		k, err = a.Vault.Keeping(ctx, at.Domain, at.Key)
	}
	return k, err
}

func (a *api) getKeeping(ctx context.Context, in *ItemPath) (*itemOutput[provisioning.RecordingKeeping], error) {
	k, err := a.keeping(ctx, *in)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &itemOutput[provisioning.RecordingKeeping]{Status: http.StatusOK, Body: k}, nil
}

func (a *api) holdRecording(ctx context.Context, in *reasonInput) (*itemOutput[provisioning.RecordingKeeping], error) {
	s := subjectOf(ctx)
	return a.keep(ctx, in.ItemPath, policy.RecordingHold, in.Body.Reason, nil, func() error {
		return a.Vault.Hold(ctx, in.Domain, in.Key, s.User+"@"+s.Domain, in.Body.Reason)
	})
}

func (a *api) releaseRecording(ctx context.Context, in *reasonInput) (*itemOutput[provisioning.RecordingKeeping], error) {
	return a.keep(ctx, in.ItemPath, policy.RecordingRelease, in.Body.Reason, nil, func() error { return a.Vault.Release(ctx, in.Domain, in.Key) })
}

func (a *api) retainRecording(ctx context.Context, in *retainInput) (*itemOutput[provisioning.RecordingKeeping], error) {
	if !in.Body.Until.After(a.Clock()) { // one that is kept without end would fall due at once
		return nil, invalidAt(http.StatusUnprocessableEntity, "body.until", "must be in the future")
	}
	k, err := a.keeping(ctx, in.ItemPath)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	if k.RetainUntil.IsZero() {
		return a.waits(ctx, in.ItemPath, fieldUntil, in.Body.Reason, nil, in.Body.Until.UTC(), endless(in.Body.Until))
	}
	return a.keep(ctx, in.ItemPath, policy.RecordingRetain, in.Body.Reason, map[string]any{"until": in.Body.Until},
		func() error { return a.Vault.Extend(ctx, in.Domain, in.Key, in.Body.Until) })
}

// Fields of a recording to whose change others must agree.
const (
	fieldUntil = "retain_until"
	fieldLabel = "label"
)

// labelRecording raises a label at once, and lets a lower one wait.
func (a *api) labelRecording(ctx context.Context, in *labelInput) (*itemOutput[provisioning.RecordingKeeping], error) {
	k, err := a.keeping(ctx, in.ItemPath)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	from, to := k.Label, provisioning.Label(in.Body.Label)
	if to.Below(from) {
		return a.waits(ctx, in.ItemPath, fieldLabel, in.Body.Reason, from, to, provisioning.Loosening(fieldLabel, string(from), string(to)))
	}
	if err := a.mayLabel(ctx, in.ItemPath, to); err != nil {
		return nil, a.problem(ctx, err)
	}
	return a.keep(ctx, in.ItemPath, policy.RecordingLabel, in.Body.Reason, map[string]any{"from": string(from), "to": string(to)},
		func() error { return a.Vault.Relabel(ctx, in.Domain, in.Key, from, to) })
}

// mayLabel refuses who may come to hear or take away a recording by the label that they give it: a request of their own stands that speaks of that label,
// or of files, which labels allow.
func (a *api) mayLabel(ctx context.Context, at ItemPath, to provisioning.Label) error {
	s, now := subjectOf(ctx), a.Clock()
	err := a.Store.View(ctx, func(r provisioning.Reader) error {
		all, err := provisioning.ListeningOf(r, at.Domain, s.User, now)
		for _, q := range all {
			if q.Stands(now) && (q.Download || q.Filter != nil && q.Filter.Label == string(to)) {
				return &provisioning.Denied{Rule: provisioning.RuleTwoPeople}
			}
		}
		return err
	})
	a.auditDenied(ctx, s, policy.RecordingLabel, provisioning.Object{Domain: at.Domain, Kind: policy.KindRecording, Key: at.Key}, err)
	return err
}

// waits answers with how the recording is kept, and where the change waits.
func (a *api) waits(ctx context.Context, at ItemPath, field, reason string, from, to any,
	loosens []provisioning.Weakening) (*itemOutput[provisioning.RecordingKeeping], error) {
	if strings.TrimSpace(reason) == "" {
		return nil, invalidAt(http.StatusUnprocessableEntity, "body.reason", "is missing")
	}
	p, err := a.propose(ctx, at, field, reason, from, to, loosens)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	out, err := a.getKeeping(ctx, &at)
	if err == nil {
		out.Status, out.Link = http.StatusAccepted, waiting(at.Domain, &p)
	}
	return out, err
}

// keep changes what keeps a recording, with the reason in the audit log before it is done and what came of it afterwards.
func (a *api) keep(ctx context.Context, at ItemPath, action provisioning.Action, reason string, detail map[string]any,
	do func() error) (*itemOutput[provisioning.RecordingKeeping], error) {
	if strings.TrimSpace(reason) == "" {
		return nil, invalidAt(http.StatusUnprocessableEntity, "body.reason", "is missing")
	}
	if detail == nil {
		detail = map[string]any{}
	}
	detail["reason"] = reason
	before, err := a.keeping(ctx, at)
	if err == nil {
		if before.Hold != nil { // whose hold is replaced or ended
			detail["held_by"], detail["held_reason"] = before.Hold.By, before.Hold.Reason
		}
		if !before.RetainUntil.IsZero() {
			detail["retain_until"] = before.RetainUntil
		}
		err = a.act(ctx, at.Domain, action, policy.KindRecording+"/"+clip(at.Key), detail, func() (map[string]any, error) { return nil, do() })
	}
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return a.getKeeping(ctx, &at)
}

// knowsPart says that somebody may know of a part of a domain's recordings only.
func knowsPart(r provisioning.Reader, domain, user string) (bool, error) {
	_, _, err := provisioning.Get[provisioning.RecordingScope](r, domain, user)
	if errors.Is(err, provisioning.ErrNotFound) {
		return false, nil
	}
	return true, err
}

// knowsAll is ErrNotFound where the asker may know of a part of the domain's recordings only: a month's list is one of all.
func (a *api) knowsAll(ctx context.Context, domain string) error {
	return a.Store.View(ctx, func(r provisioning.Reader) error {
		part, err := knowsPart(r, domain, subjectOf(ctx).User)
		if err == nil && part {
			err = provisioning.ErrNotFound
		}
		return err
	})
}

func (a *api) listDisposals(ctx context.Context, in *DomainPath) (*pageOutput[provisioning.Disposal], error) {
	var list []provisioning.Disposal
	err := a.knowsAll(ctx, in.Domain)
	if err == nil {
		list, err = a.Vault.Disposals(ctx, in.Domain)
	} else if errors.Is(err, provisioning.ErrNotFound) {
		err = nil
	}
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &pageOutput[provisioning.Disposal]{Body: page[provisioning.Disposal]{Items: append([]provisioning.Disposal{}, list...)}}, nil
}

func (a *api) getDisposal(ctx context.Context, in *disposalInput) (*itemOutput[disposalPage], error) {
	if err := a.knowsAll(ctx, in.Domain); err != nil {
		return nil, a.problem(ctx, err)
	}
	d, items, err := a.Vault.Disposal(ctx, in.Domain, in.Key, in.After, in.Limit+1)
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	out := disposalPage{Disposal: d, Items: append([]provisioning.RecordingKeeping{}, items...)}
	if len(items) > in.Limit {
		out.Items = out.Items[:in.Limit]
		out.Next = out.Items[in.Limit-1].Recording
	}
	return &itemOutput[disposalPage]{Status: http.StatusOK, ETag: etag(d.Digest), Body: out}, nil
}

// approveDisposal wants the entity tag of the list: who approves what was not read approves nothing.
func (a *api) approveDisposal(ctx context.Context, in *approveInput) (*itemOutput[provisioning.Disposal], error) {
	digest, err := condition(in.IfMatch, "")
	if err != nil {
		return nil, err
	}
	if digest == "" || digest == "*" {
		return nil, invalidAt(http.StatusPreconditionRequired, "header.If-Match", "must be the entity tag of the list")
	}
	if err := a.knowsAll(ctx, in.Domain); err != nil {
		return nil, a.problem(ctx, err)
	}
	var d provisioning.Disposal
	s := subjectOf(ctx)
	err = a.act(ctx, in.Domain, policy.DisposalApprove, policy.KindDisposal+"/"+clip(in.Key), map[string]any{"digest": digest}, func() (map[string]any, error) {
		var err error
		d, err = a.Vault.Approve(ctx, in.Domain, in.Key, digest, s.User+"@"+s.Domain)
		return map[string]any{"due": d.Due, "held": d.Held, "approved": d.Approved}, err
	})
	if err != nil {
		return nil, a.problem(ctx, err)
	}
	return &itemOutput[provisioning.Disposal]{Status: http.StatusOK, ETag: etag(d.Digest), Body: d}, nil
}
