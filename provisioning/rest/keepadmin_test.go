package rest

import (
	"strings"
	"testing"

	"naisen/provisioning"
)

// TestLastAdministrator: nobody can take away the last enabled administrator by accident, not even that administrator.
func TestLastAdministrator(t *testing.T) {
	r := newRig(t)
	must(t, r.store.Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		_, err := w.Put(here, provisioning.User{Name: "root", Roles: []provisioning.Role{provisioning.RoleAdmin, provisioning.RoleAuditor}}, "")
		return err
	}))
	step := func(what string, want int, method, path, body string) {
		t.Helper()
		p := r.do(t, admin, method, base+"/users/"+path, body)
		if p.status != want {
			t.Errorf("%s: %d, want %d: %s", what, p.status, want, p.body)
		}
		if want == 409 && !strings.Contains(p.body, "administrator") {
			t.Errorf("%s: the problem does not say why: %s", what, p.body)
		}
	}
	step("change without loss", 200, "PUT", "root", `{"display":"Root","roles":["admin"]}`)
	step("disable the last", 409, "PUT", "root", `{"roles":["admin"],"disabled":true}`)
	step("take the role of the last", 409, "PUT", "root", `{"roles":["telephony"]}`)
	step("delete the last", 409, "DELETE", "root", "")
	step("a disabled administrator is none", 201, "PUT", "spare", `{"roles":["admin"],"disabled":true}`)
	step("still the last", 409, "DELETE", "root", "")
	step("delete another", 204, "DELETE", "spare", "")
	step("a second one", 201, "PUT", "second", `{"roles":["admin"]}`)
	file := func(what string, want int, text string) {
		t.Helper()
		if p := r.do(t, admin, "POST", base+"/imports/users?dry_run=true", text, csvType); p.status != want {
			t.Errorf("%s: %d, want %d: %s", what, p.status, want, p.body)
		}
	}
	file("a file that disables both", 409, "name,disabled\nroot,true\nsecond,true\n")
	file("a file in whose middle there is none", 200, "name,roles\nroot,\nsecond,\nthird,admin\n")
	step("now the first may go", 200, "PUT", "root", `{"roles":["admin"],"disabled":true}`)
	step("but not the second", 409, "PUT", "second", `{}`)
	if n := len(r.audit(t, here, "user.delete")); n != 1 {
		t.Errorf("%d deletions in the audit log, want 1: a refused one changed something", n)
	}
	// Where the roles come from an outside provider and no user of the store is an administrator, nothing stands in the way.
	must(t, r.store.Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		_, err := w.Put(here, provisioning.User{Name: "second"}, "")
		return err
	}))
	step("no administrator here", 204, "DELETE", "second", "")
}
