package rest

import (
	"net/http"
	"testing"

	"naisen/provisioning/policy"
)

// A class of retention gets shorter when two people want it: one who may write policies, and a recording manager who is somebody else.
func TestShorterClassWaits(t *testing.T) {
	r := newRig(t)
	const at, both = base + "/recording-policies/year", "root+admin+recording-manager"
	put := func(token, body string, status int) reply {
		t.Helper()
		p := r.do(t, token, "PUT", at, body)
		if p.status != status {
			t.Fatalf("%s: %d %s", body, p.status, p.body)
		}
		return p
	}
	agree := func(token, match string, status int) reply {
		t.Helper()
		var headers []string
		if match != "" {
			headers = append(headers, "If-Match: "+match)
		}
		p := r.do(t, token, "POST", at+"/agree", "", headers...)
		if p.status != status {
			t.Errorf("agree as %s with %s: %d %s, want %d", token, match, p.status, p.body, status)
		}
		return p
	}
	days := func(p reply) float64 { n, _ := p.json(t)["retention_days"].(float64); return n }
	first := put(admin, `{"record":true,"retention_days":365,"shortening":{"days":1,"by":"x","asked":"2026-01-01T00:00:00Z"}}`, http.StatusCreated)
	if first.json(t)["shortening"] != nil {
		t.Errorf("a wish from nowhere: %s", first.body)
	}
	agree(manager, first.header.Get("ETag"), http.StatusConflict)
	asked := put(both, `{"record":true,"retention_days":30}`, http.StatusOK)
	wish, _ := asked.json(t)["shortening"].(map[string]any)
	if days(asked) != 365 || wish["days"] != 30.0 || wish["by"] != "root@"+here {
		t.Fatalf("%s", asked.body)
	}
	tag := asked.header.Get("ETag")
	agree(admin, tag, http.StatusForbidden)
	agree(both, tag, http.StatusForbidden) // both rights, and an own wish
	agree(manager, "", http.StatusPreconditionRequired)
	agree(manager, `"old"`, http.StatusPreconditionFailed)
	if got := agree(manager, tag, http.StatusOK); days(got) != 30 || got.json(t)["shortening"] != nil {
		t.Errorf("%s", got.body)
	}
	if p := put(admin, `{"record":true,"retention_days":365}`, http.StatusOK); days(p) != 365 {
		t.Errorf("longer waits for nobody: %s", p.body)
	}
	denied := false
	for _, e := range r.audit(t, here, string(policy.PolicyAgree)) {
		denied = denied || e.Outcome == "denied" && e.Detail["rule"] == "two-people" && e.Subject == "root@"+here
	}
	if !denied {
		t.Error("an own wish left no trace")
	}
}
