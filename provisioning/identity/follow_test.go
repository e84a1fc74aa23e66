package identity

import (
	"context"
	"errors"
	"testing"

	"naisen/provisioning"
)

// TestDisabledAndEnabled: what somebody was signed in with ends when they are disabled, and does not come back with them.
func TestDisabledAndEnabled(t *testing.T) {
	r, tok := signedIn(t)
	other, err := r.login().Password(t.Context(), "admin", newSecret, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); r.Follow(ctx) }()
	defer func() { cancel(); <-done }()
	r.store.put(testDomain, provisioning.User{Name: "admin", Disabled: true})
	waitFor(t, r, 1)
	r.store.put(testDomain, provisioning.User{Name: "admin"})
	for name, token := range map[string]string{"the one": tok.Refresh, "the other": other.Refresh} {
		if _, err := r.login().Refresh(t.Context(), token); !errors.Is(err, ErrLogin) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(r.list(t)); n != 0 {
		t.Errorf("%d sessions", n)
	}
	if _, err := r.login().Password(t.Context(), "admin", newSecret, nil); err != nil {
		t.Fatal(err)
	}
	cancel()
	<-done
	r.store.put(testDomain, provisioning.User{Name: "admin", Disabled: true}) // while nobody follows
	if n := len(r.list(t)); n != 2 {
		t.Fatalf("%d sessions", n)
	}
	if _, err := r.endOut(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(r.list(t)); n != 0 {
		t.Errorf("%d sessions of before the start", n)
	}
}

// waitFor the n-th end of somebody's sessions: the test's own deadline bounds it.
func waitFor(t *testing.T, r *rig, n int) {
	t.Helper()
	for _, err := range r.store.Changes(t.Context(), 0) { // the end of refresh tokens is one
		if err != nil {
			t.Fatal(err)
		}
		if len(r.store.entries("session.end-all")) >= n {
			return
		}
	}
}
