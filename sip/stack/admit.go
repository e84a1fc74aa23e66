package stack

import (
	"net/netip"
	"sync"
	"time"
)

// urgentShare of Limits.Rate is on top of it, for urgent requests alone.
const urgentShare = 0.1

// maxSources bounds the memory that spoofed addresses can cost: about 100 bytes each.
const maxSources = 1 << 16

// bucket is a token bucket.
type bucket struct {
	tokens float64
	at     time.Time
}

// take refills for the time passed and takes one token if there is one.
func (b *bucket) take(now time.Time, rate, burst float64) bool {
	b.tokens = min(burst, b.tokens+rate*now.Sub(b.at).Seconds())
	b.at = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// admission decides what may cost state, per source address (IPv6: per /64, which is what one subscriber has) and in all.
type admission struct {
	rate, total float64
	trusted     func(netip.Addr) bool

	mu      sync.Mutex
	sources map[netip.Addr]*bucket // guarded by mu
	all     bucket                 // guarded by mu
	urgent  bucket                 // guarded by mu: what emergency calls have to themselves
}

func newAdmission(l Limits, trusted func(netip.Addr) bool) *admission {
	return &admission{rate: l.RatePerSource, total: l.Rate, trusted: trusted, sources: make(map[netip.Addr]*bucket),
		all: bucket{tokens: 2 * l.Rate, at: time.Now()}, urgent: bucket{tokens: l.Rate * urgentShare, at: time.Now()}}
}

func sourceKey(a netip.Addr) netip.Addr {
	if a.Is6() {
		p, _ := a.Prefix(64)
		return p.Addr()
	}
	return a
}

// allow takes a token of the source, then one of all: a flood from one address does not eat what the others share.
func (a *admission) allow(source netip.Addr) bool { return a.request(source, false) }

// request is allow; where all is used up, an urgent one takes from the share kept for it.
func (a *admission) request(source netip.Addr, urgent bool) bool {
	trusted := a.trusted(source)
	key, now := sourceKey(source), time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	if !trusted {
		b := a.sources[key]
		if b == nil {
			if len(a.sources) >= maxSources {
				a.evict(now)
			}
			b = &bucket{tokens: 2 * a.rate, at: now}
			a.sources[key] = b
		}
		if !b.take(now, a.rate, 2*a.rate) {
			return false
		}
	}
	if a.all.take(now, a.total, 2*a.total) {
		return true
	}
	return urgent && a.urgent.take(now, a.total*urgentShare, a.total*urgentShare)
}

// evict forgets, of a handful met at random (map order), those that are full again and in any case one. Forgetting a full bucket
// changes nothing for its source.
func (a *admission) evict(now time.Time) {
	met := 0
	var any netip.Addr
	freed := false
	for k, b := range a.sources {
		if any = k; b.tokens+a.rate*now.Sub(b.at).Seconds() >= 2*a.rate {
			delete(a.sources, k)
			freed = true
		}
		if met++; met == 16 {
			break
		}
	}
	if !freed {
		delete(a.sources, any)
	}
}
