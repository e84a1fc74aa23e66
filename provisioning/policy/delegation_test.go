package policy_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

// wantOver is what roles may where they are given for a department, written a second time by hand, by the letters of want.
func wantOver() map[provisioning.Action]string {
	return map[provisioning.Action]string{
		policy.UserRead: "A", policy.UserPut: "A", policy.UserDelete: "A", policy.UserSecret: "A", policy.SessionRead: "A", policy.SessionEnd: "A",
		policy.ExtensionRead: "AT", policy.ExtensionPut: "AT", policy.ExtensionDelete: "AT", policy.ExtensionSecret: "AT", policy.ExtensionPIN: "AT", policy.SoftphoneRead: "AT", policy.SoftphoneClaim: "AT", policy.SoftphoneEnd: "AT", policy.LimitRead: "AT",
		policy.SettingsRead: "AT", policy.SettingsPut: "AT", policy.SettingsDelete: "AT",
		policy.GroupRead: "AT", policy.GroupPut: "AT", policy.GroupDelete: "AT", policy.DIDRead: "AT", policy.DIDPut: "AT",
	}
}

// TestDepartmentMatrix asks every role over a department for every action: for what is of that department, of one below, above and beside it, of none, of
// another domain, and before the object was read.
func TestDepartmentMatrix(t *testing.T) {
	table := policy.New()
	w, err := policy.NewFixed(table, nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	w.Tree = []provisioning.Department{{Name: "部"}, {Name: "課", Parent: "部"}, {Name: "係", Parent: "課"}, {Name: "班", Parent: "係"}, {Name: "隣", Parent: "部"}}
	for action := range want() {
		for role, letter := range letters() {
			s := provisioning.Subject{Domain: "a.example", User: "kacho", Delegated: []provisioning.Delegation{{Role: role, Department: "課"}}}
			over := slices.Contains(provisioning.DelegatedRoles(), role) && strings.Contains(wantOver()[action], letter)
			if table.OverDepartment(role, action) != over {
				t.Errorf("%s %s: over a department %t", role, action, !over)
			}
			anybody := strings.Contains(want()[action], "ATLUSVMB")
			for _, c := range []struct {
				domain, in string
				inside     bool
			}{
				{"a.example", "課", true}, {"a.example", "係", true}, {"a.example", "班", true}, {"a.example", "部", false}, {"a.example", "隣", false},
				{"a.example", "誰も書いていない課", false}, {"a.example", "", false}, {"b.example", "課", false},
			} {
				o := provisioning.Object{Domain: c.domain, Kind: table.ObjectKind(action), Key: "k"}
				if c.in != "" {
					o.Departments = []string{c.in}
				}
				d := table.Judge(w, time.Time{}, s, action, o)
				if allowed := over && c.inside || anybody && c.domain == s.Domain; d.Allowed != allowed {
					t.Errorf("%s over 課: %s of %s in %q: %+v, want %t", role, action, c.domain, c.in, d, allowed)
				}
				if over && c.inside != policy.OverDepartment(d.Rule) {
					t.Errorf("%s over 課: %s in %q by %q", role, action, c.in, d.Rule)
				}
				if over && !c.inside && c.domain == s.Domain && d.Rule != policy.RuleNotInDepartment {
					t.Errorf("%s over 課: %s in %q refused by %q", role, action, c.in, d.Rule)
				}
			}
			o := provisioning.Object{Domain: s.Domain, Kind: table.ObjectKind(action), Key: "k", Owner: s.User, Unread: true}
			if d := table.Judge(w, time.Time{}, s, action, o); d.Allowed != (over || anybody) {
				t.Errorf("%s over 課: %s before it was read: %+v", role, action, d)
			}
		}
	}
}

// TestDepartmentAndPolicies: what a domain forbids, it forbids to who administers a department; its statements may speak of whom that is.
func TestDepartmentAndPolicies(t *testing.T) {
	table := policy.New()
	w := ruled(t, table, forbids("x", `@id("frozen") forbid (principal, action == Action::"group.put", resource in Department::"課") unless { principal in Role::"admin" };`,
		`@id("chiefs") forbid (principal, action == Action::"extension.secret", resource) when { principal.admin_of.contains(Department::"課") };`))
	s := provisioning.Subject{Domain: d, User: "kacho", Delegated: []provisioning.Delegation{{Role: provisioning.RoleTelephony, Department: "係"}, {Role: provisioning.RoleAdmin, Department: "課"}}}
	for _, c := range []struct {
		a    provisioning.Action
		kind string
		rule string
	}{
		{policy.GroupPut, provisioning.KindGroup, "site: x/frozen"}, {policy.GroupRead, provisioning.KindGroup, "admin (department): group.read"},
		{policy.ExtensionSecret, provisioning.KindExtension, "site: x/chiefs"}, {policy.DIDPut, provisioning.KindDID, "admin (department): did.put"},
	} {
		if got := table.Judge(w, noon, s, c.a, provisioning.Object{Domain: d, Kind: c.kind, Key: "k", Departments: []string{"課"}}); got.Rule != c.rule {
			t.Errorf("%s: %+v, want %s", c.a, got, c.rule)
		}
	}
	facts, _ := policy.Facts(w, noon, "x", s, provisioning.Object{})["inputs"].(map[string]any)
	if list, _ := facts["delegated"].([]any); len(list) != 2 || list[1] != "admin of 課" {
		t.Errorf("the log does not say over what: %v", facts)
	}
}
