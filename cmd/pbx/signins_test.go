package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
)

// TestDisabledAndEnabled: what somebody was signed in with ends when they are disabled, and does not come back with them; nor does it after all of their
// sessions were ended.
func TestDisabledAndEnabled(t *testing.T) {
	t.Parallel()
	l := newLab(t, nil)
	const password = "correct horse battery"
	users := "/v1/domains/" + l.p.config.Domain + "/users"
	v, page := l.signIn("admin", l.p.first.Admin.Reveal())
	end := v.fill(page, map[string]string{"password": password, "again": password})
	access := v.token(l.p.identity.Path(), end)
	if got := l.rest(access, users); got != http.StatusOK {
		t.Fatalf("signed in: %d", got)
	}
	admin := provisioning.User{Name: "admin", Roles: []provisioning.Role{provisioning.RoleAdmin}}
	out := admin
	out.Disabled = true
	l.put(out)
	l.revoked(t, time.Time{})
	l.put(admin)
	if got := l.rest(access, users); got != http.StatusUnauthorized {
		t.Errorf("the access token of before: %d", got)
	}
	if list, err := l.p.identity.Sessions(t.Context(), l.p.config.Domain, "admin"); err != nil || len(list) != 0 {
		t.Errorf("%+v %v", list, err)
	}
	if page := v.send(http.MethodGet, l.p.identity.Path()+"/account", nil); !strings.Contains(page.Body.String(), `name="password"`) {
		t.Errorf("the browser goes on: %d", page.Code)
	}
}

// revoked waits until the administrator's access of before a time is.
func (l *lab) revoked(t *testing.T, issued time.Time) {
	t.Helper()
	for {
		snap := l.p.directory.Snapshot()
		if snap.Revoked(provisioning.Subject{Domain: l.p.config.Domain, User: "admin", Issued: issued}) != "" {
			return
		}
		if err := l.p.directory.WaitVersion(t.Context(), snap.Version()+1); err != nil {
			t.Fatal(err)
		}
	}
}
