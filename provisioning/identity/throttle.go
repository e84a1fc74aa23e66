package identity

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// throttle slows guesses down: a token bucket per key, bounded in number. A success gives its token back, so that only failures count.
// It never locks an account: its keys hold the source, so a guesser elsewhere does not touch the owner.
type throttle struct {
	mu      sync.Mutex
	buckets map[string]bucket
	clock   func() time.Time
}

type bucket struct {
	level float64 // tokens at that time
	at    time.Time
}

// rateOf is how many tokens a bucket holds and how long one takes to come back.
type rateOf struct {
	burst float64
	every time.Duration
}

// Guesses: five at once for one account from one source, then one in half a minute; twenty from one source, then one in five seconds.
func accountRate() rateOf { return rateOf{5, 30 * time.Second} }
func sourceRate() rateOf  { return rateOf{20, 5 * time.Second} }

// startRate bounds sign-ins begun by one source, which cost memory; tokenRate its token requests, which cost a store write. An
// office of thousands behind one address stays below both.
func startRate() rateOf { return rateOf{120, 200 * time.Millisecond} }
func tokenRate() rateOf { return rateOf{200, 50 * time.Millisecond} }

const maxBuckets = 32 << 10

func newThrottle(clock func() time.Time) *throttle {
	return &throttle{buckets: make(map[string]bucket), clock: clock}
}

// take removes a token and says how long to wait if there is none.
func (t *throttle) take(key string, r rateOf) (wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.clock()
	b, ok := t.buckets[key]
	if !ok {
		if len(t.buckets) >= maxBuckets {
			t.sweep(now)
		}
		b = bucket{level: r.burst, at: now}
	}
	b.level = min(r.burst, b.level+float64(now.Sub(b.at))/float64(r.every))
	b.at = now
	if b.level < 1 {
		t.buckets[key] = b
		return max(time.Duration((1-b.level)*float64(r.every)), 1) // a refusal is never 0, however little is missing
	}
	b.level--
	t.buckets[key] = b
	return 0
}

func (t *throttle) giveBack(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if b, ok := t.buckets[key]; ok {
		b.level++ // take cuts it to the burst
		t.buckets[key] = b
	}
}

// sweep makes room: buckets that nobody touched for ten minutes are full again; if there are none, an eighth goes at random, which
// frees the guesser as well as others, but a guesser with thousands of sources is not held by a source's bucket anyway.
func (t *throttle) sweep(now time.Time) {
	for k, b := range t.buckets {
		if now.Sub(b.at) > 10*time.Minute {
			delete(t.buckets, k)
		}
	}
	for k := range t.buckets {
		if len(t.buckets) <= maxBuckets*7/8 {
			break
		}
		delete(t.buckets, k)
	}
}

// sourceOf is the peer's address; of IPv6 the /64, because that is what one customer has.
func sourceOf(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	a, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	a = a.Unmap().WithZone("")
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}
