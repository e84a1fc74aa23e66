package rest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

// TestDelegatedMatrix: every operation for who has a role over a department in which there is nothing. What may be delegated is there for nobody else to see;
// everything else is refused with its rule. Whatever operation lets one in before its object was read must ask again.
func TestDelegatedMatrix(t *testing.T) {
	r := newRig(t)
	table := policy.New()
	let := 0
	for name, op := range operations(r.api) {
		rule := op.Metadata[metaRule].(rule)
		file := strings.HasPrefix(name, "POST") && strings.Contains(name, "/imports/") // of what is there: it is none of theirs
		for _, role := range provisioning.DelegatedRoles() {
			token := "zoe+" + string(role) + ":empty"
			p := r.asked(t, token, name, here, op)
			switch over := table.OverDepartment(role, rule.action); {
			case table.Decide(provisioning.Subject{Domain: here, User: "zoe"}, rule.action, provisioning.Object{Domain: here, Kind: rule.kind}).Allowed: // anybody's
			case !over && (p.status != http.StatusForbidden || !strings.Contains(p.body, policy.RuleNotGranted)):
				t.Errorf("%s with %s: %d %s, want 403", name, token, p.status, p.body)
			case over && (rule.key != "" || file) && p.status != http.StatusNotFound:
				t.Errorf("%s with %s: %d %s, want 404", name, token, p.status, p.body)
			case over && rule.key == "" && !file && (p.status != http.StatusOK || !strings.Contains(p.body, `"items":[]`) && p.body != "[]\n"):
				t.Errorf("%s with %s: %d %s, want an empty list", name, token, p.status, p.body)
			case over:
				let++
			}
			if p := r.asked(t, token, name, there, op); rule.domain != "" && p.status != http.StatusNotFound {
				t.Errorf("%s of another domain with %s: %d, want 404", name, token, p.status)
			}
		}
	}
	if let < 40 {
		t.Errorf("only %d pairs of an operation and a role can be delegated", let)
	}
}

// offices is a rig with 税務部 > 税務課 > 窓口, beside 福祉課, each with a chief, somebody, a telephone, a group and a number.
func offices(t *testing.T) ruledRig {
	r := newRuledRig(t)
	must(t, r.store.Update(t.Context(), provisioning.Subject{Domain: here, System: true}, func(w provisioning.Writer) error {
		for _, e := range []provisioning.Entity{
			provisioning.Department{Name: "bureau"}, provisioning.Department{Name: "tax", Parent: "bureau"}, provisioning.Department{Name: "desk", Parent: "tax"},
			provisioning.Department{Name: "care"}, provisioning.User{Name: "super", Roles: []provisioning.Role{provisioning.RoleAdmin}, Department: "tax"},
			provisioning.User{Name: "chief", Roles: []provisioning.Role{provisioning.RoleStaff}, Department: "tax", Delegated: []provisioning.Delegation{{Role: provisioning.RoleAdmin, Department: "tax"}}},
			provisioning.User{Name: "above", Department: "tax", Delegated: []provisioning.Delegation{{Role: provisioning.RoleAdmin, Department: "bureau"}}},
			provisioning.User{Name: "sato", Roles: []provisioning.Role{provisioning.RoleStaff}, Department: "tax"}, provisioning.User{Name: "mado", Department: "desk"},
			provisioning.User{Name: "fuku", Department: "care"},
			provisioning.Extension{Number: "3001", User: "sato", Department: "tax"}, provisioning.Extension{Number: "3002", Department: "desk"}, provisioning.Extension{Number: "3003", Department: "bureau"},
			provisioning.Extension{Number: "4001", Department: "care"}, provisioning.Extension{Number: "3005", User: "super", Department: "tax"}, provisioning.Extension{Number: "3006", User: "chief", Department: "tax"},
			provisioning.Group{Number: "6001", Members: []string{"3001"}, Department: "tax"}, provisioning.Group{Number: "6002", Members: []string{"4001"}, Department: "care"},
			provisioning.DID{Number: "+81333330001", To: []string{"3001"}, Department: "tax"}, provisioning.DID{Number: "+81333330002", To: []string{"4001"}, Department: "care"},
		} {
			if _, err := w.Put(here, e, ""); err != nil {
				return err
			}
		}
		return nil
	}))
	r.seen()
	return r
}

// delegatedCase is a request and the exact answer.
type delegatedCase struct {
	what, method, path, body string
	status                   int
	says                     string
}

func (r ruledRig) ask(t *testing.T, token string, cases []delegatedCase) {
	t.Helper()
	for _, c := range cases {
		if p := r.do(t, token, c.method, base+c.path, c.body); p.status != c.status || !strings.Contains(p.body, c.says) {
			t.Errorf("%s: %s %s: %d %s, want %d %s", c.what, c.method, c.path, p.status, p.body, c.status, c.says)
		}
	}
}

// TestDelegatedLists: lists show what is of the department and those below it, and nothing else; so do single reads, and what is elsewhere looks as if it
// were nowhere.
func TestDelegatedLists(t *testing.T) {
	r := offices(t)
	const chief = "chief+admin:tax"
	for path, want := range map[string][]string{
		"/users": {"above", "chief", "mado", "sato", "super"}, "/extensions": {"3001", "3002", "3005", "3006"}, "/groups": {"6001"}, "/dids": {"+81333330001"},
	} {
		p := r.do(t, chief, "GET", base+path, "")
		var got struct {
			Items []struct{ Name, Number string }
		}
		must(t, json.Unmarshal([]byte(p.body), &got))
		var keys []string
		for _, i := range got.Items {
			keys = append(keys, i.Name+i.Number)
		}
		if !slices.Equal(keys, want) {
			t.Errorf("%s: %v, want %v", path, keys, want)
		}
	}
	nowhere := r.do(t, chief, "GET", base+"/extensions/9999", "")
	for path, want := range map[string]int{
		"/users/mado": 200, "/users/fuku": 404, "/users/alice": 404, "/extensions/3002": 200, "/extensions/3003": 404, "/extensions/4001": 404, "/groups/6001": 200,
		"/groups/6002": 404, "/dids/+81333330001": 200, "/dids/+81333330002": 404, "/extensions/3001/devices": 200, "/extensions/4001/devices": 404,
		"/users/fuku/sessions": 404, "/trunks/carrier": 403, "/audit": 403, "/recording-policies/always": 403,
	} {
		p := r.do(t, chief, "GET", base+path, "")
		if p.status != want || want == 404 && p.body != nowhere.body {
			t.Errorf("%s: %d %s, want %d", path, p.status, p.body, want)
		}
	}
	if p := r.do(t, "kakari+telephony:tax", "GET", base+"/users", ""); p.status != http.StatusForbidden {
		t.Errorf("users are not the telephones': %d", p.status)
	}
	// Who has another department's word for it sees that one as well, and what stands above is above.
	if p := r.do(t, "b+admin:care+admin:desk", "GET", base+"/extensions", ""); !strings.Contains(p.body, "4001") || !strings.Contains(p.body, "3002") || strings.Contains(p.body, "3001") {
		t.Errorf("two departments: %s", p.body)
	}
}

// TestDelegatedWrites: what somebody may do within a department, and that nothing goes in or out without a right on both sides.
func TestDelegatedWrites(t *testing.T) {
	r := offices(t)
	const chief, beyond, missing = "chief+admin:tax", "rule: " + provisioning.RuleBeyondOwn, "which does not exist"
	r.ask(t, chief, []delegatedCase{
		{"somebody new", "PUT", "/users/shinjin", `{"display":"新人","roles":["staff"],"department":"desk"}`, 201, ""},
		{"of no department", "PUT", "/users/dareka", `{"display":"x","roles":[]}`, 404, ""},
		{"of another one", "PUT", "/users/dareka", `{"display":"x","roles":[],"department":"care"}`, 404, ""},
		{"somebody there is", "PUT", "/users/fuku", `{"display":"x","roles":[],"department":"tax"}`, 404, ""},
		{"moved in", "PUT", "/extensions/4001", `{"display":"x","department":"tax"}`, 404, ""},
		{"moved out", "PUT", "/extensions/3001", `{"display":"x","department":"care"}`, 403, beyond},
		{"moved up", "PUT", "/extensions/3001", `{"display":"x","department":"bureau"}`, 403, beyond},
		{"moved out of all", "PUT", "/extensions/3001", `{"display":"x"}`, 403, beyond},
		{"moved within", "PUT", "/extensions/3001", `{"display":"x","user":"sato","department":"desk"}`, 200, ""},
		{"a new telephone", "PUT", "/extensions/3009", `{"display":"x","user":"shinjin","department":"tax"}`, 201, ""},
		{"of somebody else's", "PUT", "/extensions/3009", `{"display":"x","user":"fuku","department":"tax"}`, 422, missing},
		{"of nobody's", "PUT", "/extensions/3009", `{"display":"x","user":"nobody9","department":"tax"}`, 422, missing},
		{"that may call more", "PUT", "/extensions/3009", `{"display":"x","user":"shinjin","department":"tax","rights":{"classes":["international"],"countries":["*"]}}`, 403, beyond},
		{"by another class", "PUT", "/extensions/3009", `{"display":"x","user":"shinjin","department":"tax","restriction":"inside"}`, 403, beyond},
		{"with another's number shown", "PUT", "/extensions/3009", `{"display":"x","user":"shinjin","department":"tax","caller_id":"+81333330002"}`, 403, beyond},
		{"that picks others' calls up", "PUT", "/extensions/3009", `{"display":"x","user":"shinjin","department":"tax","pickup":"care"}`, 403, beyond},
		{"a group", "PUT", "/groups/6009", `{"title":"x","members":["3009","3002"],"department":"tax"}`, 201, ""},
		{"of another's telephones", "PUT", "/groups/6009", `{"title":"x","members":["3009","4001"],"department":"tax"}`, 422, missing},
		{"that nobody has", "PUT", "/groups/6009", `{"title":"x","members":["3009","9999"],"department":"tax"}`, 422, missing},
		{"that sends calls out", "PUT", "/groups/6009", `{"title":"x","members":["3009"],"department":"tax","payer":"3009","overflow":{"number":"09011112222"}}`, 403, beyond},
		{"a number", "PUT", "/dids/+81333330001", `{"title":"x","group":"6009","to":[],"department":"tax"}`, 200, ""},
		{"to another's telephone", "PUT", "/dids/+81333330001", `{"title":"x","to":["4001"],"department":"tax"}`, 422, missing},
		{"unrecorded by a policy of theirs", "PUT", "/dids/+81333330001", `{"title":"x","group":"6009","to":[],"policy":"always","department":"tax"}`, 403, beyond},
		{"a new number", "PUT", "/dids/+81333339999", `{"title":"x","to":["3009"],"department":"tax"}`, 404, ""},
		{"a number away", "DELETE", "/dids/+81333330001", "", 403, policy.RuleNotGranted},
		{"settings", "PUT", "/settings/3009", `{"forward":{"always":{"extension":"4001"}}}`, 201, ""},
		{"another's settings", "PUT", "/settings/4001", `{}`, 404, ""},
		{"a password", "POST", "/extensions/3009/secret", "", 200, ""},
		{"another's password", "POST", "/extensions/4001/secret", "", 404, ""},
		{"another's PIN", "DELETE", "/extensions/4001/pin", "", 404, ""},
		{"away", "DELETE", "/groups/6009", "", 409, ""},
		{"another's away", "DELETE", "/groups/6002", "", 404, ""},
		{"a set of changes", "POST", "/changes", `{"reason":"x","changes":[{"kind":"extension","key":"3009","do":"merge","body":{"display":"y"}}]}`, 403, policy.RuleNotGranted},
	})
}

// TestDelegatedEscalation: nobody gives, takes or takes over what they have not, and nobody changes their own grant.
func TestDelegatedEscalation(t *testing.T) {
	r := offices(t)
	const chief, beyond, own = "chief+staff+admin:tax", "rule: " + provisioning.RuleBeyondOwn, "rule: " + provisioning.RuleOwnGrant
	const grant = `{"display":"x","roles":["staff"],"department":"tax","delegated":[{"role":"%","department":"#"}]}`
	gives := func(role, department string) string {
		return strings.NewReplacer("%", role, "#", department).Replace(grant)
	}
	r.ask(t, chief, []delegatedCase{
		{"an administrator", "PUT", "/users/sato", `{"display":"x","roles":["admin"],"department":"tax"}`, 403, beyond},
		{"who listens", "PUT", "/users/sato", `{"display":"x","roles":["recording-listener"],"department":"tax"}`, 403, beyond},
		{"a new one", "PUT", "/users/shin", `{"display":"x","roles":["telephony"],"department":"tax"}`, 403, beyond},
		{"over a part", "PUT", "/users/sato", gives("admin", "desk"), 200, ""},
		{"over the telephones of a part", "PUT", "/users/sato", gives("telephony", "tax"), 200, ""},
		{"over what is above", "PUT", "/users/sato", gives("admin", "bureau"), 403, beyond},
		{"over what is beside", "PUT", "/users/sato", gives("telephony", "care"), 403, beyond},
		{"over nothing", "PUT", "/users/sato", gives("admin", ""), 403, beyond},
		{"a role that is not given so", "PUT", "/users/sato", gives("auditor", "tax"), 422, "delegated[0].role"},
		{"taken from who has more", "PUT", "/users/above", `{"display":"x","roles":[],"department":"tax"}`, 403, beyond},
		{"an administrator's name", "PUT", "/users/super", `{"display":"x","roles":["admin"],"department":"tax"}`, 403, beyond},
		{"an administrator away", "DELETE", "/users/super", "", 403, beyond},
		{"an administrator's password", "POST", "/users/super/password", "", 403, beyond},
		{"the second factors of who has more", "DELETE", "/users/above/second-factors", "", 403, beyond},
		{"an administrator signed out", "DELETE", "/users/super/sessions", "", 403, beyond},
		{"the telephone of an administrator", "POST", "/extensions/3005/secret", "", 403, beyond},
		{"the PIN of an administrator", "DELETE", "/extensions/3005/pin", "", 403, beyond},
		{"an administrator's telephone for oneself", "PUT", "/extensions/3005", `{"display":"x","user":"chief","department":"tax"}`, 403, beyond},
		{"an administrator's calls", "PUT", "/settings/3005", `{"forward":{"always":{"extension":"3006"}}}`, 403, beyond},
		{"an administrator's telephone away", "DELETE", "/extensions/3005", "", 403, beyond},
		{"a name for it", "PUT", "/extensions/3005", `{"display":"y","user":"super","department":"tax"}`, 200, ""},
		{"the own telephone", "POST", "/extensions/3006/secret", "", 200, ""},
		{"staff's password", "POST", "/users/sato/password", "", 200, ""},
		{"the own grant widened", "PUT", "/users/chief", `{"display":"x","roles":["staff"],"department":"tax","delegated":[{"role":"admin","department":"bureau"}]}`, 403, own},
		{"the own grant given up", "PUT", "/users/chief", `{"display":"x","roles":["staff"],"department":"tax"}`, 403, own},
		{"the own department", "PUT", "/users/chief", `{"display":"x","roles":["staff"],"department":"desk","delegated":[{"role":"admin","department":"tax"}]}`, 403, own},
		{"oneself away", "DELETE", "/users/chief", "", 403, own},
		{"the own name", "PUT", "/users/chief", `{"display":"課長","roles":["staff"],"department":"tax","delegated":[{"role":"admin","department":"tax"}]}`, 200, ""},
		{"an end of a contract", "PUT", "/users/sato", `{"display":"x","roles":[],"department":"tax","contract":{"sponsor":"above","ends":"2030-01-01T00:00:00Z"}}`, 403, beyond},
	})
	r.ask(t, admin, []delegatedCase{{"over nothing", "PUT", "/users/sato", gives("admin", ""), 422, "delegated[0].department"},
		{"over what nobody wrote down", "PUT", "/users/mado", gives("admin", "somewhere"), 200, ""}})
	// Over telephones is over no people.
	r.ask(t, "kakari+telephony:tax", []delegatedCase{{"people", "PUT", "/users/sato", `{"display":"x","roles":[],"department":"tax"}`, 403, policy.RuleNotGranted},
		{"an owner", "PUT", "/extensions/3002", `{"display":"x","user":"sato","department":"tax"}`, 200, ""}})
	found := false
	for _, e := range r.audit(t, here, "user.put") {
		found = found || e.Outcome == "denied" && e.Object == "user/super" && e.Rule == provisioning.RuleBeyondOwn
	}
	if !found {
		t.Error("the audit log does not have the attempt on an administrator")
	}
}

// TestDepartmentTree: no ring, not too deep, no parent that is not there; and who keeps telephones does not say by the tree who administers whom.
func TestDepartmentTree(t *testing.T) {
	r := offices(t)
	r.ask(t, admin, []delegatedCase{
		{"below itself", "PUT", "/departments/tax", `{"numbers":[],"parent":"tax"}`, 422, "stands below it"},
		{"below a part of it", "PUT", "/departments/bureau", `{"numbers":[],"parent":"desk"}`, 422, "stands below it"},
		{"below nothing", "PUT", "/departments/tax", `{"numbers":[],"parent":"nowhere"}`, 422, "parent"},
		{"with parts", "DELETE", "/departments/tax", "", 409, ""},
	})
	last := "care"
	for i := range 9 {
		name := "d" + string(rune('a'+i))
		r.ask(t, admin, []delegatedCase{{"deeper", "PUT", "/departments/" + name, `{"numbers":[],"parent":"` + last + `"}`, 201, ""}})
		last = name
	}
	r.ask(t, admin, []delegatedCase{{"too deep", "PUT", "/departments/dz", `{"numbers":[],"parent":"` + last + `"}`, 422, "too deep"},
		{"too deep below", "PUT", "/departments/care", `{"numbers":[],"parent":"bureau"}`, 422, "too deep"}})
	const phones = "kakari+telephony+admin:tax"
	r.ask(t, phones, []delegatedCase{
		{"a department", "PUT", "/departments/other", `{"numbers":[]}`, 201, ""},
		{"put below one's own", "PUT", "/departments/care", `{"numbers":[],"parent":"tax"}`, 403, provisioning.RuleBeyondOwn},
		{"in a set", "POST", "/changes", `{"reason":"x","changes":[{"kind":"department","key":"care","do":"merge","body":{"parent":"tax"}}]}`, 403, provisioning.RuleBeyondOwn},
		{"in a set, in other letters", "POST", "/changes", `{"reason":"x","changes":[{"kind":"department","key":"care","do":"merge","body":{"PARENT":"tax"}}]}`, 403, provisioning.RuleBeyondOwn},
		{"a telephone in a set", "POST", "/changes", `{"reason":"x","changes":[{"kind":"user","key":"sato","do":"merge","body":{"display":"y"}}]}`, 403, provisioning.RuleBeyondOwn},
	})
	// A change of the tree counts at once.
	r.ask(t, admin, []delegatedCase{{"moved", "PUT", "/departments/care", `{"numbers":[]}`, 200, ""}, {"moved", "PUT", "/departments/desk", `{"numbers":[],"parent":"care"}`, 200, ""}})
	r.seen()
	r.ask(t, "chief+admin:tax", []delegatedCase{{"what was a part", "GET", "/extensions/3002", "", 404, ""}})
	r.ask(t, "fuku+admin:care", []delegatedCase{{"what is a part now", "GET", "/extensions/3002", "", 200, ""}})
}

// TestDelegatedBesideAPermit: a statement of the domain lets more than a role over a department, where it speaks; what comes into the department is held to the role.
func TestDelegatedBesideAPermit(t *testing.T) {
	r := offices(t)
	must(t, r.store.Update(t.Context(), provisioning.Subject{Domain: here, System: true}, func(w provisioning.Writer) error {
		_, err := w.Put(here, provisioning.SitePolicy{Name: "helps", Permit: []string{
			`permit (principal == User::"chief", action == Action::"extension.put", resource) when { resource has department && resource.department == "care" };`}}, "")
		return err
	}))
	r.seen()
	r.ask(t, "chief+admin:tax", []delegatedCase{
		{"where the statement lets", "PUT", "/extensions/4001", `{"display":"x","department":"care","pickup":"them"}`, 200, ""},
		{"with what is not theirs to give", "PUT", "/extensions/4001", `{"display":"x","department":"tax","pickup":"us"}`, 403, provisioning.RuleBeyondOwn},
		{"as it is", "PUT", "/extensions/4001", `{"display":"x","department":"tax","pickup":"them"}`, 200, ""},
	})
}
