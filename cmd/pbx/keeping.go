package main

import (
	"context"
	"errors"
	"time"

	"naisen/provisioning"
	"naisen/recorder"
	"naisen/recorder/catalogue"
	"naisen/recorder/retention"
)

// keeping is what REST may do about how long recordings are kept: the recorder's words in those of provisioning.
type keeping struct{ keeper *retention.Keeper }

var _ provisioning.Vault = keeping{}

// Keeping implements provisioning.Vault.
func (k keeping) Keeping(ctx context.Context, domain, recording string) (provisioning.RecordingKeeping, error) {
	row, err := k.keeper.Row(ctx, domain, recording)
	return keepingOf(row), kept(err)
}

// Hold implements provisioning.Vault.
func (k keeping) Hold(ctx context.Context, domain, recording, by, reason string) error {
	return kept(k.keeper.Hold(ctx, domain, recording, by, reason))
}

// Release implements provisioning.Vault.
func (k keeping) Release(ctx context.Context, domain, recording string) error {
	return kept(k.keeper.Release(ctx, domain, recording))
}

// Extend implements provisioning.Vault.
func (k keeping) Extend(ctx context.Context, domain, recording string, until time.Time) error {
	return kept(k.keeper.Extend(ctx, domain, recording, until))
}

// Date implements provisioning.Vault.
func (k keeping) Date(ctx context.Context, domain, recording string, until time.Time) error {
	return kept(k.keeper.Date(ctx, domain, recording, until))
}

// Relabel implements provisioning.Vault.
func (k keeping) Relabel(ctx context.Context, domain, recording string, from, to provisioning.Label) error {
	return kept(k.keeper.Relabel(ctx, domain, recording, recorder.Label(from), recorder.Label(to)))
}

// Disposals implements provisioning.Vault.
func (k keeping) Disposals(ctx context.Context, domain string) ([]provisioning.Disposal, error) {
	list, err := k.keeper.Disposals(ctx, domain)
	var out []provisioning.Disposal
	for _, d := range list {
		out = append(out, disposalOf(d))
	}
	return out, kept(err)
}

// Disposal implements provisioning.Vault.
func (k keeping) Disposal(ctx context.Context, domain, month, after string, limit int) (provisioning.Disposal, []provisioning.RecordingKeeping, error) {
	d, err := k.keeper.Disposal(ctx, domain, month)
	if err != nil {
		return provisioning.Disposal{}, nil, kept(err)
	}
	rows, err := k.keeper.Items(ctx, domain, month, after, limit)
	var items []provisioning.RecordingKeeping
	for _, r := range rows {
		items = append(items, keepingOf(r))
	}
	return disposalOf(d), items, kept(err)
}

// Approve implements provisioning.Vault.
func (k keeping) Approve(ctx context.Context, domain, month, digest, by string) (provisioning.Disposal, error) {
	d, err := k.keeper.Approve(ctx, domain, month, digest, by)
	return disposalOf(d), kept(err)
}

func disposalOf(d retention.Disposal) provisioning.Disposal {
	return provisioning.Disposal{Month: d.Month, Due: d.Due, Held: d.Held, Approved: d.Approved, Digest: d.Digest}
}

func keepingOf(r catalogue.Row) provisioning.RecordingKeeping {
	k := provisioning.RecordingKeeping{Recording: r.ID, Number: r.Number, Policy: r.Policy, Started: r.Started, State: string(r.State), Label: provisioning.Label(r.Label),
		RetainUntil: r.RetainUntil, Approved: r.Approved, ApprovedBy: r.ApprovedBy}
	if !r.Held.IsZero() {
		k.Hold = &provisioning.RecordingHold{Since: r.Held, By: r.HoldBy, Reason: r.HoldReason}
	}
	return k
}

// kept is an error in the words of REST.
func kept(err error) error {
	var held *catalogue.HeldError
	switch {
	case errors.As(err, &held):
		return &provisioning.Held{By: held.By, Reason: held.Reason}
	case errors.Is(err, recorder.ErrNotFound), errors.Is(err, retention.ErrMonth):
		return provisioning.ErrNotFound
	case errors.Is(err, catalogue.ErrChanged):
		return provisioning.ErrStale
	case errors.Is(err, catalogue.ErrEarlier):
		return &provisioning.Invalid{Field: "until", Reason: "is earlier than it is kept now; nobody keeps a recording for a shorter time"}
	}
	return err
}

// destroyedAction is the audit log's word for a certificate of destruction.
const destroyedAction = "recording.destroyed"

// certify enters a certificate into the audit log, once for each recording: a crash may have left the switch between the entry and what follows it.
func certify(s provisioning.Store) func(context.Context, retention.Certificate) error {
	return func(ctx context.Context, c retention.Certificate) error {
		object := "recording/" + c.Recording
		return s.Update(ctx, provisioning.Subject{System: true}, func(w provisioning.Writer) error {
			before, err := w.Audit(c.Domain, provisioning.AuditQuery{Action: destroyedAction, Object: object, Limit: 1})
			if err != nil || len(before) > 0 {
				return err
			}
			return w.AddAudit(provisioning.AuditEntry{Domain: c.Domain, Action: destroyedAction, Object: object, Outcome: "ok", Detail: certificateFacts(c)})
		})
	}
}

func certificateFacts(c retention.Certificate) map[string]any {
	objects := make([]any, len(c.Objects))
	for i, o := range c.Objects {
		objects[i] = map[string]any{"name": o.Name, "bytes": o.Bytes, "sha256": o.SHA256, "missing": o.Missing, "journal": o.Journal}
	}
	return map[string]any{"call": c.Call, "number": c.Number, "policy": c.Policy, "started": c.Started, "ended": c.Ended, "retain_until": c.RetainUntil,
		"approved_by": c.ApprovedBy, "approved": c.Approved, "destroyed": c.Destroyed, "altered": c.Altered, "objects": objects}
}
