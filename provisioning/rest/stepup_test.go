package rest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"naisen/provisioning"
	"naisen/provisioning/identity"
	"naisen/provisioning/policy"
)

// TestStepUpAtREST: an action that wants another sign-in answers 401 with the challenge of RFC 9470, before anything is done and only to who may do it.
func TestStepUpAtREST(t *testing.T) {
	asked := identity.Requirement{ACR: []string{"phr"}, MaxAge: 15 * time.Minute}
	keys := &fakeKeys{epoch: 1}
	r := newRig(t, func(c *Config) {
		c.Keys = keys
		c.StepUp = func(s provisioning.Subject, a provisioning.Action) error {
			if policy.ClassOf(a) == "" {
				return nil
			}
			return asked.Check(s, time.Now())
		}
	})
	const challenge = `Bearer realm="naisen", error="insufficient_user_authentication", acr_values="phr", max_age="900"`
	for _, c := range []struct {
		who, method, path, body string
		status                  int
	}{
		{"root+admin", "PUT", base + "/recording-policies/p", `{"record":"always"}`, 401},
		{"root+admin", "PUT", base + "/users/x", `{"roles":["admin"]}`, 401},
		{"root+admin", "DELETE", base + "/users/alice", "", 401},
		{"root+admin", "POST", base + "/users/alice/password", "", 401},
		{"root+admin", "POST", base + "/recording-keys", "", 401},
		{"mina+recording-manager", "POST", base + "/listening-requests/" + askedBy + "/approve", `{}`, 401},
		{"root+admin", "PUT", base + "/recording-policies/p", `{"record":`, 401}, // before the body is looked at
		{"root+admin", "PUT", base + "/departments/bu", `{"numbers":[]}`, 201},
		{"root+admin", "PUT", base + "/departments/ka", `{"numbers":[],"parent":"bu"}`, 401}, // who administers the one above gets rights over it
		{"carol+telephony", "POST", base + "/recording-keys", "", 403},                       // may not anyway
		{"root+admin", "PUT", "/v1/domains/" + there + "/users/x", `{}`, 404},
		{"root+admin", "GET", base + "/users", "", 200},
		{"root+admin", "PUT", base + "/extensions/2009", `{}`, 201},
		{"bad", "POST", base + "/recording-keys", "", 401},
	} {
		p := r.do(t, c.who, c.method, c.path, c.body)
		got := p.header.Get("WWW-Authenticate")
		if p.status != c.status || (got == challenge) != (c.status == 401 && c.who != "bad") {
			t.Errorf("%s %s %s: %d %s %s", c.who, c.method, c.path, p.status, got, p.body)
		}
		if c.status == 401 && p.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %s", c.path, p.header.Get("Content-Type"))
		}
	}
	if keys.epoch != 1 {
		t.Error("a key was made")
	}
}

// TestStepUpInside: an action that an operation asks about later, when it knows whose the object is, answers likewise.
func TestStepUpInside(t *testing.T) {
	r := newRig(t, func(c *Config) {
		c.StepUp = func(s provisioning.Subject, _ provisioning.Action) error {
			return identity.Requirement{ACR: []string{"phr"}}.Check(s, time.Now())
		}
	})
	sue := provisioning.Subject{Domain: here, User: "sue", Roles: []provisioning.Role{provisioning.RoleSupervisor}}
	mine := provisioning.Object{Domain: here, Kind: policy.KindCall, Owner: "sue"}
	may := func(s provisioning.Subject, o provisioning.Object) error {
		ctx := context.WithValue(t.Context(), subjectKey{}, s)
		return r.api.problem(ctx, r.api.may(ctx, policy.CallMonitor, o))
	}
	err := may(sue, mine)
	var status huma.StatusError
	var headers huma.HeadersError
	if !errors.As(err, &status) || status.GetStatus() != 401 || !errors.As(err, &headers) ||
		headers.GetHeaders().Get("WWW-Authenticate") != `Bearer realm="naisen", error="insufficient_user_authentication", acr_values="phr"` {
		t.Errorf("%v: %v", err, headers)
	}
	if err := may(sue, provisioning.Object{Domain: here, Kind: policy.KindCall, Owner: "bob"}); !errors.As(err, &status) || status.GetStatus() != 404 {
		t.Errorf("somebody else's: %v", err)
	}
	sue.ACR = "phr"
	if err := may(sue, mine); err != nil {
		t.Errorf("signed in for it: %v", err)
	}
}
