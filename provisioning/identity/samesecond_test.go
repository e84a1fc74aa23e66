package identity

import (
	"testing"
	"time"

	"naisen/provisioning"
)

// TestSignedInWithinTheSecond: who gets a new password and signs in with it at once has a token that counts, and the one of a moment before does not.
func TestSignedInWithinTheSecond(t *testing.T) {
	r, before := signedIn(t)
	revoked := provisioning.Revocation{Before: r.clock.now().Add(time.Millisecond)}
	r.clock.add(2 * time.Millisecond)
	after, err := r.login().Refresh(t.Context(), before.Refresh)
	if err != nil {
		t.Fatal(err)
	}
	v, err := NewVerifier(VerifierConfig{Issuers: []Issuer{r.Issuer()}, Clock: r.clock.now, Log: quiet(), Users: storeUsers(t.Context(), r.store),
		Revoked: func(s provisioning.Subject) string {
			if revoked.Covers(s.Issued) {
				return "credential-change"
			}
			return ""
		}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.Close() })
	if _, err := v.Verify(t.Context(), after.Access); err != nil {
		t.Errorf("a token of two milliseconds later: %v", err)
	}
	if _, err := v.Verify(t.Context(), before.Access); err == nil {
		t.Error("the token of before is believed")
	}
}
