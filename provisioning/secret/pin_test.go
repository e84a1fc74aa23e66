package secret

import (
	"bytes"
	"errors"
	"testing"
)

func TestPIN(t *testing.T) {
	for _, bad := range []string{"", "123", "1111", "12345678901234", "12 4", "abcd", "１２３４"} {
		if _, err := NewPIN(bad); !errors.Is(err, ErrPIN) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	kept, err := NewPIN("4711")
	again, _ := NewPIN("4711")
	if err != nil || bytes.Contains(kept, []byte("4711")) || bytes.Equal(kept, again) {
		t.Errorf("%s %v", kept, err)
	}
	for pin, want := range map[string]bool{"4711": true, "4712": false, "": false, "47110": false} {
		if MatchPIN(kept, pin) != want {
			t.Errorf("%q: %v", pin, !want)
		}
	}
	for _, broken := range [][]byte{nil, []byte("x"), kept[:20], bytes.Repeat([]byte("A"), len(kept))} {
		if MatchPIN(broken, "4711") || MatchPIN(broken, "") {
			t.Errorf("%q is a PIN", broken)
		}
	}
}
