package auth

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// The throttle slows guesses without handing anybody the power to lock somebody else out: what is counted belongs to the source, or
// to the pair of account and source, never to the account alone (threats B8). IPv6 sources count by /64.
const (
	pairFree    = 5               // wrong answers of one account from one source before any wait
	pairDecay   = time.Minute     // forgives one
	sourceFree  = 50              // wrong answers of one source over all accounts: an office behind one NAT has some stale phones
	sourceDecay = 5 * time.Second // forgives one
	firstWait   = time.Second     // doubles with each further wrong answer that was looked at
	longestWait = time.Minute     // an honest phone with a corrected password is in again after at most this
	trustFor    = 24 * time.Hour  // a pair that authenticated is not held up by its neighbours behind the same address
	maxPairs    = 16384           // LRU
	maxSources  = 8192            // LRU
)

// attempts has its times as Unix nanoseconds: there is one for each phone. 0: never.
type attempts struct {
	n       int   // wrong answers, decayed
	last    int64 // one of them
	until   int64 // not looked at before
	trusted int64 // last right answer
}

func (a *attempts) wrong(now time.Time, free int, decay time.Duration) {
	if forgiven := int((now.UnixNano() - a.last) / int64(decay)); forgiven > 0 {
		a.n = max(0, a.n-forgiven)
	}
	a.n++
	a.last = now.UnixNano()
	if over := a.n - free; over > 0 {
		wait := longestWait
		if over <= 6 { // 2^6 s is past longestWait
			wait = min(wait, firstWait<<(over-1))
		}
		a.until = now.Add(wait).UnixNano()
	}
}

type throttle struct {
	seed    maphash.Seed
	mu      sync.Mutex
	pairs   lru[uint64, attempts] // by hash: the size of a key must not be the guesser's choice
	sources lru[netip.Addr, attempts]
}

func newThrottle() *throttle {
	return &throttle{
		seed:  maphash.MakeSeed(),
		pairs: newLRU[uint64, attempts](maxPairs), sources: newLRU[netip.Addr, attempts](maxSources),
	}
}

func (t *throttle) keys(src netip.Addr, realm, user string) (uint64, netip.Addr) {
	s := sourceKey(src)
	a := s.As16()
	return mix(t.seed, string(a[:]), realm, user), s
}

func sourceKey(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}

// allow tells whether credentials from there may be looked at now.
func (t *throttle) allow(now time.Time, src netip.Addr, realm, user string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	pair, source := t.keys(src, realm, user)
	p := t.pairs.get(pair)
	if p != nil && now.UnixNano() < p.until {
		return false
	}
	if p != nil && p.trusted != 0 && now.UnixNano()-p.trusted < int64(trustFor) {
		return true
	}
	s := t.sources.get(source)
	return s == nil || now.UnixNano() >= s.until
}

func (t *throttle) failed(now time.Time, src netip.Addr, realm, user string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	pair, source := t.keys(src, realm, user)
	t.pairs.put(pair).wrong(now, pairFree, pairDecay)
	t.sources.put(source).wrong(now, sourceFree, sourceDecay)
}

// passed forgets the wrong answers of the pair, not those of the source: one good account must not reset a guesser's count.
func (t *throttle) passed(now time.Time, src netip.Addr, realm, user string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	pair, _ := t.keys(src, realm, user)
	*t.pairs.put(pair) = attempts{trusted: now.UnixNano()}
}
