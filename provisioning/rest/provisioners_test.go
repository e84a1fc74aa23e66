package rest

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"naisen/provisioning"
)

// TestProvisioners: the secret of a SCIM client is shown once, kept as a proof alone, and renewed.
func TestProvisioners(t *testing.T) {
	r := newRig(t)
	secretOf := func(p reply) string {
		t.Helper()
		var b struct{ Secret string }
		if err := json.Unmarshal([]byte(p.body), &b); err != nil {
			t.Fatalf("%s: %v", p.body, err)
		}
		return b.Secret
	}
	kept := func(plain string) bool {
		var b []byte
		_ = r.store.View(t.Context(), func(rd provisioning.Reader) (err error) {
			b, err = provisioning.Secret(rd, here, provisioning.SecretProvisioner, "entra")
			return err
		})
		return string(b) == string(provisioning.ProvisionerProof(plain)) && !strings.Contains(string(b), plain)
	}
	made := r.do(t, admin, "PUT", base+"/provisioners/entra", `{"title":"Entra ID"}`)
	first := secretOf(made)
	if made.status != http.StatusCreated || len(first) < 20 || !kept(first) {
		t.Fatalf("made: %d %s", made.status, made.body)
	}
	for _, p := range []reply{r.do(t, admin, "PUT", base+"/provisioners/entra", `{"title":"x"}`), r.do(t, admin, "GET", base+"/provisioners/entra", ""), r.do(t, admin, "GET", base+"/provisioners", "")} {
		if p.status != http.StatusOK || strings.Contains(p.body, first) || strings.Contains(p.body, "secret") {
			t.Errorf("shown again: %d %s", p.status, p.body)
		}
	}
	renewed := r.do(t, admin, "POST", base+"/provisioners/entra/secret", "")
	if second := secretOf(renewed); renewed.status != http.StatusOK || second == first || !kept(second) {
		t.Errorf("renewed: %d %s", renewed.status, renewed.body)
	}
	if p := r.do(t, admin, "DELETE", base+"/provisioners/entra", ""); p.status != http.StatusNoContent || kept(secretOf(renewed)) {
		t.Errorf("deleted: %d", p.status)
	}
}

// TestLifecycleRules: what shows people recordings or lets them decide waits for somebody else; the rest counts at once.
func TestLifecycleRules(t *testing.T) {
	w := wishes{newRig(t), t}
	w.put(admin, "/users/kacho", `{"roles":["recording-manager"]}`, http.StatusCreated)
	if p := w.do(t, admin, "GET", base+"/lifecycle-rules", ""); p.status != http.StatusOK || !strings.Contains(p.body, `"rules":[]`) {
		t.Errorf("unwritten: %d %s", p.status, p.body)
	}
	w.put(admin, "/lifecycle-rules", `{"rules":[{"name":"all","roles":["staff"],"numbers":{"from":"3000","to":"3999"}}]}`, http.StatusOK)
	w.put(admin, "/lifecycle-rules", `{"rules":[{"name":"all","roles":["staff","recording-listener"]}]}`, http.StatusAccepted)
	if p := w.do(t, admin, "GET", base+"/lifecycle-rules", ""); strings.Contains(p.body, "listener") {
		t.Errorf("in force without a second person: %s", p.body)
	}
	w.agree(manager, "lifecycle-rules:rules", http.StatusOK)
	if p := w.do(t, admin, "GET", base+"/lifecycle-rules", ""); !strings.Contains(p.body, "listener") {
		t.Errorf("agreed to, and not in force: %s", p.body)
	}
	for body, field := range map[string]string{
		`{"rules":[{"name":"a"},{"name":"a"}]}`:                                                "rules[1]",
		`{"rules":[{"name":"a","numbers":{"from":"300","to":"3999"}}]}`:                        "rules[0].numbers.to",
		`{"rules":[{"name":"a","numbers":{"from":"00000","to":"99999"}}]}`:                     "rules[0].numbers.to",
		`{"rules":[{"name":"a","numbers":{"from":"3000","to":"3999","attribute":"shoe"}}]}`:    "rules[0].numbers.attribute",
		`{"rules":[{"name":"a","roles":["king"]}]}`:                                            "rules[0].roles[0]",
		`{"rules":[{"name":"a","recording_scope":{"numbers":["x"],"groups":[],"labels":[]}}]}`: "rules[0].recording_scope.numbers[0]",
		`{"rules":[{"name":"a","device":{"model":"<x>"}}]}`:                                    "rules[0].device.model",
		`{"rules":[{"name":"a","device":{"site":"Hall 1"}}]}`:                                  "rules[0].device.site",
		`{"rules":[{"name":"a","device":{"site":"nowhere"}}]}`:                                 "rules[0].device.site",
		`{"rules":[{"name":"a","hunt_groups":["9999"]}]}`:                                      "rules[0].hunt_groups[0]",
		`{"quarantine_days":-1,"rules":[]}`:                                                    "quarantine_days",
	} {
		if p := w.do(t, admin, "PUT", base+"/lifecycle-rules", body); p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, field) {
			t.Errorf("%s: %d %s, want %s", body, p.status, p.body, field)
		}
	}
}

// TestContractOverREST: it is shown and checked; who had no sponsor to begin with is refused, who lost theirs is not.
func TestContractOverREST(t *testing.T) {
	r := newRig(t)
	const guest = `{"display":"g","contract":{"sponsor":"SPONSOR","ends":"2027-03-31T15:00:00Z","calls":["21*"]ROLES`
	with := func(sponsor, more string) string {
		return strings.NewReplacer("SPONSOR", sponsor, "ROLES", more).Replace(guest) + "}"
	}
	for sponsor, more := range map[string]string{"nobody": "}", "guest": "}"} {
		if p := r.do(t, admin, "PUT", base+"/users/guest", with(sponsor, more)); p.status != http.StatusUnprocessableEntity || !strings.Contains(p.body, "contract.sponsor") {
			t.Errorf("%s answers for them: %d %s", sponsor, p.status, p.body)
		}
	}
	if p := r.do(t, admin, "PUT", base+"/users/guest", with("alice", `},"roles":["admin"]`)); p.status != http.StatusUnprocessableEntity {
		t.Errorf("an administrator from outside: %d", p.status)
	}
	if p := r.do(t, admin, "PUT", base+"/users/boss", `{"display":"b"}`); p.status != http.StatusCreated {
		t.Fatalf("%d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "PUT", base+"/users/guest", with("boss", "}")); p.status != http.StatusCreated || !strings.Contains(p.body, `"ends":"2027-03-31T15:00:00Z"`) {
		t.Errorf("made: %d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "DELETE", base+"/users/boss", ""); p.status != http.StatusNoContent {
		t.Errorf("a sponsor leaves: %d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "PUT", base+"/users/guest", with("boss", `},"disabled":true`)); p.status != http.StatusOK {
		t.Errorf("without the sponsor nothing can be written: %d %s", p.status, p.body)
	}
}
