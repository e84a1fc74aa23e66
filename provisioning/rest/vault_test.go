package rest

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

// fakeVault has one recording, which falls due in December 2026, and one list.
type fakeVault struct {
	mu       sync.Mutex
	keeping  provisioning.RecordingKeeping
	approved int
}

var vaultDue = time.Date(2026, 12, 24, 0, 0, 0, 0, time.UTC)

func newFakeVault() *fakeVault {
	return &fakeVault{keeping: provisioning.RecordingKeeping{Recording: "r1", Policy: "always", State: "stored", Label: provisioning.LabelInternal, RetainUntil: time.Now().AddDate(1, 0, 0)}}
}

func (f *fakeVault) on(domain, id string, do func() error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if domain != here || id != "r1" {
		return provisioning.ErrNotFound
	}
	return do()
}

func (f *fakeVault) Keeping(_ context.Context, domain, id string) (k provisioning.RecordingKeeping, err error) {
	err = f.on(domain, id, func() error { k = f.keeping; return nil })
	return k, err
}

func (f *fakeVault) Hold(_ context.Context, domain, id, by, reason string) error {
	return f.on(domain, id, func() error {
		if h := f.keeping.Hold; h != nil && (h.By != by || h.Reason != reason) {
			return &provisioning.Held{By: h.By, Reason: h.Reason}
		}
		f.keeping.Hold = &provisioning.RecordingHold{Since: vaultDue, By: by, Reason: reason}
		return nil
	})
}

func (f *fakeVault) Release(_ context.Context, domain, id string) error {
	return f.on(domain, id, func() error { f.keeping.Hold = nil; return nil })
}

func (f *fakeVault) Extend(_ context.Context, domain, id string, until time.Time) error {
	return f.on(domain, id, func() error {
		if f.keeping.RetainUntil.IsZero() || until.Before(f.keeping.RetainUntil) {
			return &provisioning.Invalid{Field: "until", Reason: "is earlier than it is kept now"}
		}
		f.keeping.RetainUntil = until
		return nil
	})
}

func (f *fakeVault) Date(_ context.Context, domain, id string, until time.Time) error {
	return f.on(domain, id, func() error {
		if !f.keeping.RetainUntil.IsZero() {
			return provisioning.ErrStale
		}
		f.keeping.RetainUntil = until
		return nil
	})
}

func (f *fakeVault) Relabel(_ context.Context, domain, id string, from, to provisioning.Label) error {
	return f.on(domain, id, func() error {
		if f.keeping.Label != from {
			return provisioning.ErrStale
		}
		f.keeping.Label = to
		return nil
	})
}

func (f *fakeVault) disposal() provisioning.Disposal {
	return provisioning.Disposal{Month: "2026-12", Due: 3, Approved: f.approved, Digest: "d1"}
}

func (f *fakeVault) Disposals(_ context.Context, domain string) ([]provisioning.Disposal, error) {
	if domain != here {
		return nil, nil
	}
	return []provisioning.Disposal{f.disposal()}, nil
}

func (f *fakeVault) Disposal(_ context.Context, domain, month, after string, limit int) (provisioning.Disposal, []provisioning.RecordingKeeping, error) {
	if domain != here || month != "2026-12" {
		return provisioning.Disposal{}, nil, provisioning.ErrNotFound
	}
	var items []provisioning.RecordingKeeping
	for _, id := range []string{"a", "b", "c"} {
		if id > after && len(items) < limit {
			items = append(items, provisioning.RecordingKeeping{Recording: id})
		}
	}
	return f.disposal(), items, nil
}

func (f *fakeVault) Approve(_ context.Context, domain, month, digest, _ string) (provisioning.Disposal, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case domain != here || month != "2026-12":
		return provisioning.Disposal{}, provisioning.ErrNotFound
	case digest != "d1":
		return provisioning.Disposal{}, provisioning.ErrStale
	}
	f.approved = 3
	return f.disposal(), nil
}

const manager = "kacho+recording-manager"

// Holds have a reason and leave who, why and what was before in the audit log, before they are done.
func TestHoldRecording(t *testing.T) {
	r := newRig(t)
	at := base + "/recordings/r1"
	tomorrow, later := time.Now().AddDate(0, 0, 1).Format(time.RFC3339), time.Now().AddDate(2, 0, 0).Format(time.RFC3339)
	for _, c := range []struct {
		token, method, path, body string
		status                    int
		location                  string
	}{
		{manager, "PUT", at + "/hold", `{"reason":"苦情の調査"}`, 200, ""},
		{manager, "PUT", at + "/hold", `{"reason":"苦情の調査"}`, 200, ""},
		{manager, "PUT", at + "/hold", `{"reason":"訴訟"}`, 409, ""},
		{manager, "PUT", at + "/hold", `{"reason":"  "}`, 422, "body.reason"},
		{manager, "PUT", at + "/hold", `{}`, 422, "body"},
		{manager, "PUT", base + "/recordings/none/hold", `{"reason":"x"}`, 404, ""},
		{manager, "PUT", at + "/retention", `{"until":"` + later + `","reason":"訴訟"}`, 200, ""},
		{manager, "PUT", at + "/retention", `{"until":"` + tomorrow + `","reason":"x"}`, 422, "body.until"},     // the vault refuses: shorter
		{manager, "PUT", at + "/retention", `{"until":"2026-01-01T00:00:00Z","reason":"x"}`, 422, "body.until"}, // nobody asks it: over
		{manager, "PUT", at + "/retention", `{"until":"soon","reason":"x"}`, 422, "body.until"},
		{admin, "POST", at + "/release", `{"reason":"x"}`, 403, ""},
		{admin, "GET", at + "/keeping", ``, 200, ""},
		{manager, "POST", at + "/release", `{"reason":"解決した"}`, 200, ""},
	} {
		p := r.do(t, c.token, c.method, c.path, c.body)
		if p.status != c.status || p.location(t) != c.location {
			t.Errorf("%s %s %s: %d %s, want %d %q", c.method, c.path, c.body, p.status, p.body, c.status, c.location)
		}
	}
	held := r.audit(t, here, string(policy.RecordingHold))
	if len(held) < 2 || held[0].Outcome != "allowed" || held[1].Outcome != "ok" || held[1].Reason != "苦情の調査" ||
		held[1].Subject != "kacho@"+here || held[1].Object != "recording/r1" {
		t.Errorf("%+v", held)
	}
	released := r.audit(t, here, string(policy.RecordingRelease))
	if last := released[len(released)-1]; last.Outcome != "ok" || last.Detail["held_by"] != "kacho@"+here || last.Detail["held_reason"] != "苦情の調査" {
		t.Errorf("%+v", released)
	}
}

// A list is approved by who has read it, as it was read.
func TestDisposals(t *testing.T) {
	r := newRig(t)
	p := r.do(t, manager, "GET", base+"/disposals/2026-12?limit=2", "")
	if p.status != 200 || p.header.Get("ETag") != `"d1"` || p.json(t)["next"] != "b" {
		t.Errorf("%d %v %s", p.status, p.header, p.body)
	}
	if p := r.do(t, manager, "GET", base+"/disposals/2026-12?limit=2&after=b", ""); p.json(t)["next"] != nil || !strings.Contains(p.body, `"recording":"c"`) {
		t.Errorf("%s", p.body)
	}
	at := base + "/disposals/2026-12/approve"
	for _, c := range []struct {
		token, path, match string
		status             int
	}{
		{manager, at, "", http.StatusPreconditionRequired}, {manager, at, `*`, http.StatusPreconditionRequired}, {manager, at, `"old"`, http.StatusPreconditionFailed},
		{manager, at, `d1`, http.StatusBadRequest}, {admin, at, `"d1"`, http.StatusForbidden}, {manager, base + "/disposals/2026-11/approve", `"d1"`, http.StatusNotFound},
		{manager, at, `"d1"`, http.StatusOK},
	} {
		var headers []string
		if c.match != "" {
			headers = append(headers, "If-Match: "+c.match)
		}
		if p := r.do(t, c.token, "POST", c.path, "", headers...); p.status != c.status {
			t.Errorf("%s If-Match %s: %d %s, want %d", c.path, c.match, p.status, p.body, c.status)
		}
	}
	entries := r.audit(t, here, string(policy.DisposalApprove))
	last := entries[len(entries)-1]
	if last.Outcome != "ok" || last.Object != "disposal/2026-12" || last.Detail["digest"] != "d1" || last.Detail["approved"] == nil {
		t.Errorf("%+v", last)
	}
}
