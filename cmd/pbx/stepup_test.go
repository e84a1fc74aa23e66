package main

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/identity"
	"naisen/provisioning/policy"
	"naisen/recorder"
)

// TestIdentityConfig: the issuer as the configuration says it: paths of claims, scopes, and the classes of step-up with what they inherit.
func TestIdentityConfig(t *testing.T) {
	t.Setenv("NAISEN_TEST_OIDC", "hush")
	c, err := readConfig(strings.NewReader(`
identity:
  issuer: https://id.example.jp
  user_claim: employee
  domain_claim: [ward, domain]
  roles_claim: [realm_access, roles]
  roles: {officers: recording-listener}
  attributes: {compliant: [device, compliant], id: deviceid}
  clients: [cli]
  require_at_jwt: true
  introspection: {client_id: rs, client_secret: "env:NAISEN_TEST_OIDC", always: true, ttl: 5s}
  step_up:
    acr: [phr]
    classes:
      listening: {max_age: 30m}
      keys: {acr: [phrh], amr: [hwk]}
      approvals: {off: true}
`))
	if err != nil {
		t.Fatal(err)
	}
	c.setDefaults()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	i := c.issuer()
	m := i.Mapping
	if !slices.Equal(m.User, []string{"employee"}) || !slices.Equal(m.Domain, []string{"ward", "domain"}) || m.FixedDomain != "" || !slices.Equal(m.Roles, []string{"realm_access", "roles"}) ||
		!slices.Equal(m.Values["officers"], []provisioning.Role{provisioning.RoleListener}) || !slices.Equal(m.Attributes["compliant"], []string{"device", "compliant"}) || !slices.Equal(m.Attributes["id"], []string{"deviceid"}) {
		t.Errorf("%+v", m)
	}
	if !i.RequireATJWT || i.Scope != "naisen" || i.SIPScope != "sip" || !slices.Equal(i.Clients, []string{"cli"}) {
		t.Errorf("%+v", i)
	}
	if n := i.Introspection; n == nil || !n.Always || n.TTL != 5*time.Second || n.ClientID != "rs" {
		t.Errorf("%+v", n)
	} else if secret, err := n.Secret(); err != nil || secret != "hush" {
		t.Error("the secret is another one")
	}
	want := map[policy.Class]identity.Requirement{
		policy.ClassListening: {ACR: []string{"phr"}, MaxAge: 30 * time.Minute}, policy.ClassPolicy: {ACR: []string{"phr"}, MaxAge: time.Hour},
		policy.ClassKeys: {ACR: []string{"phrh"}, AMR: []string{"hwk"}, MaxAge: 15 * time.Minute}, policy.ClassBreakGlass: {ACR: []string{"phr"}, MaxAge: 15 * time.Minute},
	}
	got := c.Identity.StepUp.classes()
	same := func(a, b identity.Requirement) bool {
		return slices.Equal(a.ACR, b.ACR) && slices.Equal(a.AMR, b.AMR) && a.MaxAge == b.MaxAge
	}
	if !maps.EqualFunc(got, want, same) {
		t.Errorf("%+v", got)
	}
	for text, on := range map[string]bool{"": false, "identity: {issuer: \"https://id.example.jp\"}": false, "identity: {step_up: {}}": true} {
		c, err := readConfig(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if n := len(c.Identity.StepUp.classes()); n != 0 != on {
			t.Errorf("%q: %d classes", text, n)
		}
	}
}

// TestHearingAfterSigningIn: who may hear a recording must have signed in for it; who may not learns nothing by it, and what began goes on.
func TestHearingAfterSigningIn(t *testing.T) {
	d := newDoor(t)
	asked := identity.Requirement{ACR: []string{"phr"}, MaxAge: time.Hour}
	d.gate.stepUp = stepUp{map[policy.Class]identity.Requirement{policy.ClassListening: asked}, d.gate.clock}
	if _, err := d.knock(recorder.Listen, heardItem); !errors.Is(err, recorder.ErrNoApproval) {
		t.Errorf("without an approval: %v", err)
	}
	d.ask(t, "a", func(q *provisioning.ListeningRequest) { q.Plays = 9 })
	_, err := d.knock(recorder.Listen, heardItem)
	var u *recorder.Unauthenticated
	if !errors.As(err, &u) || u.Scope || u.Challenge != `Bearer realm="naisen", error="insufficient_user_authentication", acr_values="phr", max_age="3600"` {
		t.Fatalf("%v %+v", err, u)
	}
	if _, err := d.knock(recorder.List, heardItem); err != nil {
		t.Errorf("what is known of it: %v", err)
	}
	fresh := asker{d.store, "phr", d.now.Add(-time.Minute)}
	d.gate.verifier = fresh
	p, err := d.knock(recorder.Listen, heardItem)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Begin(t.Context(), map[string]any{}); err != nil {
		t.Fatal(err)
	}
	d.now = d.now.Add(2 * time.Hour)
	if err := p.Still(t.Context()); err != nil {
		t.Errorf("cut off: %v", err)
	}
	if _, err := d.knock(recorder.Listen, heardItem); !errors.As(err, &u) {
		t.Errorf("too old: %v", err)
	}
}
