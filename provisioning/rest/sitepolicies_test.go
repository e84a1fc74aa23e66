package rest

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/directory"
	"naisen/provisioning/policy"
)

// ruledRig is the API with the policies of domains in force.
type ruledRig struct {
	wishes
	directory *directory.Directory
}

func newRuledRig(t *testing.T) ruledRig {
	t.Helper()
	var dir *directory.Directory
	rig := newRig(t, func(c *Config) {
		var err error
		dir, err = directory.New(t.Context(), c.Store, slog.New(slog.DiscardHandler))
		must(t, err)
		c.Policy = policy.NewEngine(dir.Table(), func() policy.World { return dir.Snapshot() }, time.Now)
	})
	t.Cleanup(func() { _ = dir.Close() })
	return ruledRig{wishes{rig, t}, dir}
}

// seen waits until what was written is in force.
func (r ruledRig) seen() {
	r.t.Helper()
	var v provisioning.Version
	must(r.t, r.store.View(r.t.Context(), func(rd provisioning.Reader) error { v = rd.Version(); return nil }))
	must(r.t, r.directory.WaitVersion(r.t.Context(), v))
}

func policyBody(forbid, permit []string) string {
	b, _ := json.Marshal(map[string]any{"forbid": forbid, "permit": permit})
	return string(b)
}

const (
	noTrunks  = `@id("no-trunks") forbid (principal, action == Action::"trunk.put", resource) unless { principal.name == "chief" };`
	noOffice  = `@id("mayor") forbid (principal, action, resource in Department::"秘書課") unless { principal in Role::"auditor" };`
	seeReport = `@id("reports") permit (principal in Department::"税務課", action == Action::"alarm.read", resource);`
)

// One more statement that forbids counts at once; one that goes, and one that permits, wait for somebody else.
func TestSitePolicyWaits(t *testing.T) {
	r := newRuledRig(t)
	const at, id = "/site-policies/house", "site-policy:house"
	r.put(admin, at, policyBody([]string{noTrunks}, nil), http.StatusCreated)
	r.none(id)
	r.seen()
	if p := r.do(t, admin, "PUT", base+"/trunks/carrier", `{"host":"sip.example.net"}`); p.status != 403 || p.json(t)["detail"] != "rule: site: house/no-trunks" || strings.Contains(p.body, "chief") {
		t.Errorf("%d %s", p.status, p.body)
	}
	r.put(admin, at, policyBody([]string{noTrunks, noOffice}, nil), http.StatusOK)
	r.put(admin, at, policyBody([]string{noOffice}, []string{seeReport}), http.StatusAccepted)
	if p, _ := r.waits(id); !strings.Contains(strings.Join(texts(p["loosens"]), ";"), "forbid: without no-trunks;permit: adds reports") {
		t.Errorf("%v", p["loosens"])
	}
	r.seen()
	if p := r.do(t, admin, "PUT", base+"/trunks/carrier", `{"host":"sip.example.net"}`); p.status != 403 {
		t.Errorf("what waits counts already: %d", p.status)
	}
	r.agree(both, id, http.StatusForbidden) // root's own wish
	r.agree(manager, id, http.StatusOK)
	r.seen()
	if p := r.do(t, admin, "PUT", base+"/trunks/carrier", `{"host":"sip.example.net"}`); p.status != 200 {
		t.Errorf("%d %s", p.status, p.body)
	}
	if got := r.field(at, "permit"); len(texts(got)) != 1 {
		t.Errorf("%v", got)
	}
	r.put(admin, at, policyBody([]string{noOffice}, nil), http.StatusOK) // who permits no more asks nobody
	if p := r.do(t, admin, "DELETE", base+at, ""); p.status != http.StatusAccepted {
		t.Errorf("a policy that forbids went alone: %d %s", p.status, p.body)
	}
	if p := r.do(t, "tess+telephony", "PUT", base+at, policyBody(nil, nil)); p.status != 403 {
		t.Errorf("telephony changes policies: %d", p.status)
	}
}

func texts(v any) (out []string) {
	list, _ := v.([]any)
	for _, x := range list {
		s, _ := x.(string)
		out = append(out, s)
	}
	return out
}

// A fault is told with its place, and nothing is stored.
func TestSitePolicyFaults(t *testing.T) {
	r := newRig(t)
	for body, want := range map[string][2]string{
		policyBody([]string{noTrunks, "forbid (principal, action, resource)\nwhen { context.minute > };"}, nil): {"body.forbid[1]", "line 2, column 25: "},
		policyBody([]string{"forbid (principal, action, resource) when { context.mood == 1 };"}, nil):           {"body.forbid[0]", "line 1, column 53: "},
		policyBody(nil, []string{"forbid (principal, action, resource);"}):                                      {"body.permit[0]", "must be a statement that begins with permit"},
	} {
		p := r.do(t, admin, "PUT", base+"/site-policies/x", body)
		if p.status != 422 || p.location(t) != want[0] || !strings.Contains(p.body, want[1]) {
			t.Errorf("%s: %d %s", body, p.status, p.body)
		}
	}
	if p := r.do(t, admin, "GET", base+"/site-policies/x", ""); p.status != 404 {
		t.Errorf("stored: %s", p.body)
	}
	if p := r.do(t, "u+auditor", "GET", base+"/site-policy-schema", ""); p.status != 200 || !strings.Contains(p.body, `action "call.dial" appliesTo`) {
		t.Errorf("%d %s", p.status, p.body)
	}
}

// What is forbidden for what an object is answers as if it were not there; the audit log has the rule and what it was judged by.
func TestForbiddenObjectIsHidden(t *testing.T) {
	r := newRuledRig(t)
	r.put(admin, "/extensions/2001", `{"user":"alice","department":"秘書課"}`, http.StatusOK)
	r.put(admin, "/site-policies/house", policyBody([]string{noOffice}, nil), http.StatusCreated)
	r.seen()
	none := r.do(t, admin, "GET", base+"/extensions/9999", "")
	for _, c := range []struct{ method, path, body string }{
		{"GET", "/extensions/2001", ""}, {"PUT", "/extensions/2001", `{"user":"alice"}`}, {"DELETE", "/extensions/2001", ""}, {"POST", "/extensions/2001/secret", ""},
		{"PUT", "/extensions/2001/pin", `{"pin":"4711"}`}, {"GET", "/extensions/2001/limits", ""}, {"GET", "/extensions/2001/history", ""}, {"POST", "/extensions/2001/relay", ""},
		{"GET", "/extensions/2001/devices", ""}, {"GET", "/extensions/2001/short-numbers", ""}, {"GET", "/extensions/2001/caller-numbers", ""},
	} {
		if p := r.do(t, admin, c.method, base+c.path, c.body); p.status != 404 || p.body != none.body {
			t.Errorf("%s %s: %d %s", c.method, c.path, p.status, p.body)
		}
	}
	if p := r.do(t, admin, "PUT", base+"/extensions/2002", `{"user":"bob","department":"秘書課"}`); p.status != 404 {
		t.Errorf("moved into the office: %d %s", p.status, p.body)
	}
	if p := r.do(t, admin, "GET", base+"/extensions", ""); strings.Contains(p.body, `"2001"`) || !strings.Contains(p.body, `"2002"`) {
		t.Errorf("%s", p.body)
	}
	found := false
	for _, e := range r.audit(t, here, "extension.read") {
		in, _ := e.Detail["inputs"].(map[string]any)
		found = found || e.Outcome == "denied" && e.Rule == "site: house/mayor" && in["object_department"] == "秘書課" && in["address"] == "127.0.0.1"
	}
	if !found {
		t.Error("no entry with the rule and its inputs")
	}
}

// TestForbiddenMatrix: where a policy forbids everything, every operation is refused but those that mend it; where it forbids by the department of an
// object, every operation on such an object is.
func TestForbiddenMatrix(t *testing.T) {
	r := newRuledRig(t)
	r.put(admin, "/site-policies/house", policyBody([]string{`@id("all") forbid (principal, action, resource);`}, nil), http.StatusCreated)
	r.seen()
	token := "zoe"
	for _, role := range provisioning.Roles() {
		token += "+" + string(role)
	}
	for name, op := range operations(r.api) {
		rule := op.Metadata[metaRule].(rule)
		p := r.asked(t, token, name, here, op)
		switch mends := rule.kind == provisioning.KindSitePolicy; {
		case mends && p.status == 403:
			t.Errorf("%s: %d %s", name, p.status, p.body)
		case !mends && (p.status != 403 || !strings.Contains(p.body, "rule: ")):
			t.Errorf("%s: %d %s", name, p.status, p.body)
		}
	}
}
