package rest

import (
	"context"
	"strings"
	"sync"
	"testing"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

// fakeKeys counts.
type fakeKeys struct {
	mu    sync.Mutex
	epoch int
}

func (f *fakeKeys) RecordingKeys(_ context.Context, domain string) ([]provisioning.RecordingKey, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []provisioning.RecordingKey
	for i := range f.epoch {
		if domain == here {
			out = append(out, provisioning.RecordingKey{Epoch: i + 1, Needed: 7, Current: i+1 == f.epoch})
		}
	}
	return out, nil
}

func (f *fakeKeys) Rotate(context.Context, string) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.epoch++
	return f.epoch, nil
}

// A rotation is in the audit log before and after it was done; who may not, changes nothing.
func TestRotateRecordingKeys(t *testing.T) {
	r := newRig(t)
	const at = base + "/recording-keys"
	if p := r.do(t, "ears+recording-listener", "POST", at, ""); p.status != 403 {
		t.Errorf("a listener rotates: %d", p.status)
	}
	if p := r.do(t, manager, "GET", at, ""); p.status != 200 || strings.Count(p.body, `"epoch"`) != 1 {
		t.Errorf("%d %s", p.status, p.body)
	}
	if p := r.do(t, manager, "POST", at, ""); p.status != 200 || strings.Count(p.body, `"epoch"`) != 2 || !strings.Contains(p.body, `"current":true`) {
		t.Errorf("%d %s", p.status, p.body)
	}
	entries := r.audit(t, here, string(policy.RecordingKeyRotate))
	var did []string
	for _, e := range entries {
		did = append(did, e.Outcome)
	}
	if got := strings.Join(did, " "); !strings.Contains(got, "allowed") || !strings.Contains(got, "ok") {
		t.Errorf("%q %+v", got, entries)
	}
}
