package book

import (
	"net/netip"
	"testing"
)

// TestGuesses: an address is slowed, and so are all who try one account from everywhere; neither takes another's tries, and memory is bounded.
func TestGuesses(t *testing.T) {
	var g Guesses
	one := netip.MustParseAddr("192.0.2.1")
	for i := range WrongSecrets + 1 {
		if slow := g.Wrong(one, "d", string(rune('a'+i))); slow != (i == WrongSecrets) {
			t.Errorf("address, %d: %v", i, slow)
		}
	}
	at := netip.MustParseAddr("198.51.100.1")
	for i := range WrongSecrets + 1 {
		if slow := g.Wrong(at, "d", "desk"); slow != (i == WrongSecrets) {
			t.Errorf("account, %d: %v", i, slow)
		}
		at = at.Next()
	}
	if g.Wrong(at, "other", "desk") {
		t.Error("another domain's account is slowed")
	}
	for range 3 * maxGuessers {
		at = at.Next()
		g.Wrong(at, "d", at.String())
	}
	if n := len(g.wrong); n > maxGuessers {
		t.Errorf("%d are remembered", n)
	}
}
