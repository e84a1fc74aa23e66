package identity

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestSigningKeys(t *testing.T) {
	dir := t.TempDir()
	one, err := loadSigningKeys(dir)
	if err != nil {
		t.Fatal(err)
	}
	again, err := loadSigningKeys(dir)
	if err != nil || again.current().id != one.current().id {
		t.Fatalf("the key changed over a restart (%v)", err)
	}
	first := filepath.Join(dir, "identity-0001.pem")
	if info, err := os.Stat(first); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v %v, want 0600", info.Mode(), err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("%d files left, want 1", len(left))
	}
	if err := writeSigningKey(filepath.Join(dir, "identity-0002.pem")); err != nil {
		t.Fatal(err)
	}
	two, err := loadSigningKeys(dir)
	if err != nil || two.current().id == one.current().id || len(two.keys) != 2 {
		t.Fatalf("a second key does not take over (%v)", err)
	}
	if _, bad := two.find(t.Context(), one.current().id, signingAlgorithm); bad != nil {
		t.Error("tokens of the first key are refused")
	}
	if s := fmt.Sprintf("%v %+v %#v", one.current(), one.current(), one.current()); strings.Contains(s, "priv") || strings.Contains(s, "D:") {
		t.Errorf("a key prints: %.80s", s)
	}
	if err := os.Chmod(first, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := loadSigningKeys(dir); err == nil {
		t.Error("a key that others can read was taken")
	}
}

func TestBounds(t *testing.T) {
	clock := newClock()
	q := newRequests(clock.now)
	var first authRequest
	for i := range maxRequests + 10 {
		a := q.add(authRequest{client: "x"})
		if i == 0 {
			first = a
		}
		clock.add(time.Millisecond)
	}
	if len(q.open) > maxRequests {
		t.Errorf("%d sign-ins under way, bound %d", len(q.open), maxRequests)
	}
	if _, err := q.get(first.id); err == nil {
		t.Error("the oldest did not make room")
	}
	th := newThrottle(clock.now)
	for i := range maxBuckets + 100 {
		th.take(fmt.Sprint(i), sourceRate())
	}
	if len(th.buckets) > maxBuckets {
		t.Errorf("%d buckets, bound %d", len(th.buckets), maxBuckets)
	}
	ss := newSessions(clock.now)
	for range maxSessions + 100 {
		ss.add(session{expires: clock.now().Add(time.Hour)})
	}
	if len(ss.byID) > maxSessions {
		t.Errorf("%d sessions, bound %d", len(ss.byID), maxSessions)
	}
	var c recent[cachedToken]
	for i := range 3 * recentHalf {
		c.put([32]byte{byte(i), byte(i >> 8), byte(i >> 16)}, cachedToken{})
	}
	if n := len(c.young) + len(c.old); n > 2*recentHalf {
		t.Errorf("%d tokens kept, bound %d", n, 2*recentHalf)
	}
}

func TestThrottleRefill(t *testing.T) {
	clock := newClock()
	th := newThrottle(clock.now)
	for range 5 {
		if th.take("k", accountRate()) != 0 {
			t.Fatal("burst is smaller than five")
		}
	}
	if wait := th.take("k", accountRate()); wait <= 0 || wait > 30*time.Second {
		t.Errorf("wait %v", wait)
	}
	th.giveBack("k")
	if th.take("k", accountRate()) != 0 {
		t.Error("a token given back is not there")
	}
	clock.add(time.Hour)
	for range 5 {
		if th.take("k", accountRate()) != 0 {
			t.Fatal("not full after an hour")
		}
	}
	if th.take("k", accountRate()) == 0 {
		t.Error("more than the burst after an hour")
	}
}

func TestSourceOf(t *testing.T) {
	for addr, want := range map[string]string{"192.0.2.1:5": "192.0.2.1", "[2001:db8::1:2]:5": "2001:db8::/64", "[::ffff:192.0.2.1]:5": "192.0.2.1", "pipe": "pipe"} {
		if got := sourceOf(&http.Request{RemoteAddr: addr}); got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
}

func TestPasswordRules(t *testing.T) {
	for password, ok := range map[string]bool{
		"short": false, "elevenchars": false, "twelve chars": true, "十二文字のパスワードです。": true, "alicealicealice": false, "xxxxxxxxxxxxxxxx": false,
		"old password 1": false, strings.Repeat("ab", 600): false, "bad\xffutf8 password": false,
	} {
		if err := checkNewPassword("alice", "old password 1", password); (err == nil) != ok {
			t.Errorf("%.20q: %v", password, err)
		}
	}
	v := newVerifier("correct horse", false)
	if !v.matches("correct horse") || v.matches("correct horsf") || v.matches("") {
		t.Error("verifier")
	}
	v.Memory = 1 << 30
	if v.matches("correct horse") {
		t.Error("a terabyte of memory was asked for")
	}
	if s := fmt.Sprintf("%v %+v %#v", v, v, v); s != "[redacted] [redacted] [redacted]" {
		t.Error("a verifier prints")
	}
	seen := map[string]bool{}
	for range 100 {
		seen[oneTimePassword()] = true
	}
	if len(seen) != 100 {
		t.Error("one-time passwords repeat")
	}
}

func FuzzRefreshToken(f *testing.F) {
	f.Add("nrt1.YUBi.x.y")
	f.Add("nrt1....")
	f.Fuzz(func(t *testing.T, s string) {
		if r, ok := parseRefresh(s); ok {
			if again, ok := parseRefresh(r.encode()); !ok || again != r {
				t.Fatalf("%q does not come back", s)
			}
		}
	})
}
