package rest

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"naisen/provisioning"
)

func outcomes(entries []provisioning.AuditEntry) string {
	var out []string
	for _, e := range entries {
		out = append(out, e.Outcome)
	}
	return strings.Join(out, " ")
}

// fullStore has no room for another entry.
type fullStore struct {
	provisioning.Store
	full atomic.Bool
}

func (f *fullStore) Update(ctx context.Context, s provisioning.Subject, fn func(provisioning.Writer) error) error {
	if f.full.Load() {
		return errors.New("disk full")
	}
	return f.Store.Update(ctx, s, fn)
}

// TestNothingHappensUnaudited: what the store does not do itself is done only after its entry was written.
func TestNothingHappensUnaudited(t *testing.T) {
	var full *fullStore
	r := newRig(t, func(c *Config) { full = &fullStore{Store: c.Store}; c.Store = full })
	const at = base + "/prompts/ja/greeting/open"
	if p := r.do(t, admin, "PUT", at, "RIFFgood", "Content-Type: audio/wav"); p.status != 200 {
		t.Fatalf("upload: %d", p.status)
	}
	full.full.Store(true)
	for _, c := range []struct{ method, path, body, kind string }{
		{"POST", base + "/calls/c1/hangup", "", ""}, {"PUT", base + "/calls/c1/recording", `{"on":false}`, "Content-Type: application/json"},
		{"PUT", at, "RIFFevil", "Content-Type: audio/wav"}, {"DELETE", at, "", ""},
	} {
		headers := []string{}
		if c.kind != "" {
			headers = append(headers, c.kind)
		}
		if p := r.do(t, admin, c.method, c.path, c.body, headers...); p.status != 500 {
			t.Errorf("%s %s: %d, want 500", c.method, c.path, p.status)
		}
	}
	if len(r.calls.did) > 0 {
		t.Errorf("the switch did %v", r.calls.did)
	}
	if p := r.do(t, admin, "GET", at, ""); p.body != "RIFFgood" {
		t.Errorf("the prompt is %q now", p.body)
	}
}

// TestRefusalIsAuditedWithoutTheAsker: hanging up at once does not keep an attempt out of the log.
func TestRefusalIsAuditedWithoutTheAsker(t *testing.T) {
	r := newRig(t)
	ctx, gone := context.WithCancel(t.Context())
	gone()
	req := httptest.NewRequestWithContext(ctx, http.MethodGet, "/v1/domains/"+there+"/extensions/2001", nil)
	req.Header.Set("Authorization", "Bearer "+admin)
	r.api.handler().ServeHTTP(httptest.NewRecorder(), req)
	if got := outcomes(r.audit(t, here, "extension.read")); got != "denied" {
		t.Errorf("audit: %q", got)
	}
}
