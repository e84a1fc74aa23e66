package identity

import (
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	jose "github.com/go-jose/go-jose/v4"

	"naisen/provisioning"
)

// TestContractOver: past the end of the contract, with the right password, nobody signs in or goes on, by the clock alone.
func TestContractOver(t *testing.T) {
	r, tok := signedIn(t)
	r.store.put(testDomain, provisioning.User{Name: "boss"})
	r.store.put(testDomain, provisioning.User{Name: "admin", Roles: []provisioning.Role{provisioning.RoleStaff},
		Contract: &provisioning.Contract{Sponsor: "boss", Ends: r.clock.now().Add(time.Hour)}})
	tok, err := r.login().Refresh(t.Context(), tok.Refresh)
	if err != nil {
		t.Fatalf("under way: %v", err)
	}
	r.clock.add(time.Hour)
	if _, err := r.login().Refresh(t.Context(), tok.Refresh); !errors.Is(err, ErrLogin) {
		t.Errorf("goes on: %v", err)
	}
	if _, err := r.login().Password(t.Context(), "admin", newSecret, nil); !errors.Is(err, ErrWrongPassword) {
		t.Errorf("signs in: %v", err)
	}
}

// TestTokenOfContract: a token that was accepted before is refused from the end on, whoever gave it.
func TestTokenOfContract(t *testing.T) {
	k, clock := ecJWK(t, "k1"), newClock()
	o := newOutside(t, k)
	var user atomic.Pointer[provisioning.User]
	user.Store(&provisioning.User{Name: "alice", Contract: &provisioning.Contract{Sponsor: "boss", Ends: clock.now().Add(time.Minute)}})
	v := newTestVerifier(t, clock, UsersFunc(func(string, string) (provisioning.User, bool) { return *user.Load(), true }), o.issuer())
	raw := sign(t, k, jose.ES256, atJWT, o.claims(clock.now()))
	if _, err := v.Verify(t.Context(), raw); err != nil {
		t.Fatalf("under way: %v", err)
	}
	clock.add(time.Minute)
	_, err := v.Verify(t.Context(), raw)
	wantStatus(t, err, http.StatusUnauthorized, "user disabled")
}
