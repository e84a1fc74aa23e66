package auth

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// B8: 150 guesses from one host are slowed to a handful that are looked at, a right guess among them gains nothing while the wait
// lasts, and the owner elsewhere is in at once.
func TestGuessesAreSlowedButTheOwnerIsNot(t *testing.T) {
	b := newBench(t)
	villain := Peer{Remote: netip.MustParseAddrPort("203.0.113.66:5060"), UserAgent: "friendly-scanner"}
	seen := map[string]int{}
	for i := range 150 {
		seen[verdict(b.check(b.answer("1001", fmt.Sprint("guess", i), b.challenge("1001", villain)), villain))]++
		b.now = b.now.Add(20 * time.Millisecond)
	}
	if seen["wrong"] > 9 || seen["throttled"] < 140 {
		t.Errorf("of 150 guesses in 3 s: %v", seen)
	}
	b.expect(b.answer("1001", "secret", b.challenge("1001", villain)), villain, "throttled")
	b.expect(b.answer("1001", "secret", b.challenge("1001", home)), home, "ok 1001 SHA-256")
	b.now = b.now.Add(longestWait)
	b.expect(b.answer("1001", "secret", b.challenge("1001", villain)), villain, "ok 1001 SHA-256")
}

// One source that tries many accounts is stopped as a source; a phone behind the same NAT that has authenticated before is not.
func TestSourceIsSlowedButItsGoodPhonesAreNot(t *testing.T) {
	b := newBench(t)
	b.expect(b.answer("1001", "secret", b.challenge("1001", home)), home, "ok 1001 SHA-256")
	for i := range 60 {
		user := fmt.Sprint("5", i)
		b.check(b.answer(user, "guess", b.challenge(user, home)), home)
	}
	b.expect(b.answer("599", "guess", b.challenge("599", home)), home, "throttled")
	b.expect(b.answer("1002", "secret", b.challenge("1002", home)), home, "throttled")
	b.expect(b.answer("1001", "secret", b.challenge("1001", home)), home, "ok 1001 SHA-256")
	b.now = b.now.Add(longestWait)
	b.expect(b.answer("1002", "secret", b.challenge("1002", home)), home, "ok 1002 SHA-256")
}

func TestBackOffDoublesUpToAMinuteAndIsForgiven(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	var a attempts
	var waits []time.Duration
	for range pairFree + 9 {
		a.wrong(now, pairFree, pairDecay)
		if until := time.Unix(0, a.until); until.After(now) {
			waits = append(waits, until.Sub(now))
			now = until
		}
	}
	want := []time.Duration{1, 2, 4, 8, 16, 32, 60, 60}
	for i, w := range want {
		if waits[i] != w*time.Second {
			t.Fatalf("waits %v, want seconds %v", waits, want)
		}
	}
	now = now.Add(time.Hour)
	if a.wrong(now, pairFree, pairDecay); a.until > now.UnixNano() {
		t.Error("an hour later the first wrong answer waits")
	}
}

func TestThrottleIsBounded(t *testing.T) {
	th := newThrottle()
	now := time.Unix(1_800_000_000, 0)
	for i := range 3 * maxPairs {
		src := netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		th.failed(now, src, realm, fmt.Sprint(i))
	}
	if len(th.pairs.at) != maxPairs || len(th.pairs.entries) != maxPairs || len(th.sources.at) != maxSources {
		t.Errorf("%d pairs, %d sources", len(th.pairs.at), len(th.sources.at))
	}
}

func TestSourceKey(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "2001:db8::1": "2001:db8::", "2001:db8::ffff:1": "2001:db8::", "fe80::1%eth0": "fe80::",
	} {
		if got := sourceKey(netip.MustParseAddr(in)); got != netip.MustParseAddr(want) {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
	if got := sourceKey(netip.Addr{}); got.IsValid() {
		t.Errorf("no address: %s", got)
	}
}
