package resolve

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"time"
)

const (
	maxCached   = 1024
	maxFlights  = 64
	staleWait   = 500 * time.Millisecond // how long a caller who could have the old answer waits for the new one
	maxStale    = 24 * time.Hour         // an old answer is better than none that long
	failedFor   = 5 * time.Second        // DNS that gave no answer is not asked the same again (RFC 2308 section 7)
	denialGrace = 10 * time.Minute       // a name that was there and suddenly is not is believed to be gone after that
	minTTL      = 5 * time.Second
	maxTTL      = time.Hour
	maxNegative = 5 * time.Minute // RFC 2308 section 5
	flightTime  = 6 * time.Second // one question over all servers
)

// key is one question; the name is in lower case and without the last dot.
type key struct {
	name string
	kind uint16
}

// entry is what is remembered of a question. It is replaced, never changed, once it is in the cache.
type entry struct {
	addrs  []netip.Addr
	srvs   []srv
	naptrs []naptr

	good   time.Time // when the records were given; zero: never any
	until  time.Time // not asked again before
	failed bool      // the last question had no answer: the records are the old ones
	denied time.Time // since when DNS says that there are none; zero: it does not
}

func (e *entry) empty() bool { return len(e.addrs)+len(e.srvs)+len(e.naptrs) == 0 }

// answer is what one question brought: records, or the authoritative word that there are none.
type answer struct {
	entry
	ttl time.Duration
}

// flight is one question under way.
type flight struct {
	done   chan struct{}
	e      *entry // valid once done
	cancel context.CancelFunc
}

// lookup gives the records of a name: from the cache, or by asking. An answer out of date is given when no newer one comes in time.
// Errors: ErrNotFound, ErrUnreachable.
func (r *Resolver) lookup(ctx context.Context, name string, kind uint16) (entry, error) {
	k := key{strings.ToLower(strings.TrimSuffix(name, ".")), kind}
	now := r.now()
	r.mu.Lock()
	known := r.cache[k]
	if known != nil && now.Before(known.until) {
		r.mu.Unlock()
		return r.verdict(known, now)
	}
	f := r.launch(k)
	r.mu.Unlock()
	var impatient <-chan time.Time
	if known != nil && (!known.empty() || !known.failed) {
		t := time.NewTimer(staleWait)
		defer t.Stop()
		impatient = t.C
	}
	if f != nil {
		select {
		case <-f.done:
			return r.verdict(f.e, r.now())
		case <-ctx.Done():
		case <-impatient:
		}
	}
	if known != nil {
		old := *known
		old.failed = old.failed || !old.empty()
		return r.verdict(&old, now)
	}
	return entry{}, ErrUnreachable
}

// verdict reads an entry.
func (r *Resolver) verdict(e *entry, now time.Time) (entry, error) {
	old := e.failed || !e.denied.IsZero()
	switch {
	case !e.empty() && !old:
		return *e, nil
	case !e.empty() && now.Sub(e.good) < maxStale && (e.denied.IsZero() || now.Sub(e.denied) < denialGrace):
		r.mu.Lock()
		r.stats.Stale++
		r.mu.Unlock()
		return *e, nil
	case e.failed:
		return entry{}, ErrUnreachable
	}
	return entry{}, ErrNotFound
}

// prefetch asks without waiting.
func (r *Resolver) prefetch(name string, kind uint16) {
	k := key{strings.ToLower(name), kind}
	r.mu.Lock()
	defer r.mu.Unlock()
	if known := r.cache[k]; known == nil || !r.now().Before(known.until) {
		r.launch(k)
	}
}

// launch starts a question unless it is under way; nil when nothing may be asked any more. Called with mu held.
func (r *Resolver) launch(k key) *flight {
	if f := r.flights[k]; f != nil {
		return f
	}
	if r.closed || len(r.flights) >= maxFlights {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), flightTime) // the callers' patience is shorter, and each has its own
	f := &flight{done: make(chan struct{}), cancel: cancel}
	r.flights[k] = f
	r.stats.Asked++
	r.wg.Go(func() {
		defer cancel()
		a, err := r.ask(ctx, k)
		r.land(k, f, a, err)
	})
	return f
}

// land puts what a question brought into the cache.
func (r *Resolver) land(k key, f *flight, a answer, err error) {
	now := r.now()
	e := a.entry
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.cache[k]
	switch {
	case err == nil && !e.empty():
		e.good, e.until = now, now.Add(min(max(a.ttl, minTTL), maxTTL))
	case old != nil && !old.empty() && now.Sub(old.good) < maxStale:
		e = *old
		if e.failed = err != nil; e.failed {
			r.stats.Failed++
		} else if e.denied.IsZero() { // DNS changed its mind: an operator's error more often than a carrier's end (threats.md I13)
			e.denied = now
			r.stats.Denied++
			r.log.Warn("resolve: DNS denies a name that it had given; the old answer is kept for a while", "name", k.name)
		} else if now.Sub(e.denied) >= denialGrace {
			e = entry{}
		}
		e.until = now.Add(min(max(a.ttl, failedFor), time.Minute))
	case err != nil:
		r.stats.Failed++ // that there were no records is as good an old answer as any
		e = entry{failed: old == nil || old.failed || !old.empty(), until: now.Add(failedFor)}
	default:
		e.until = now.Add(min(max(a.ttl, minTTL), maxNegative))
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		r.log.Warn("resolve: no answer", "name", k.name, "err", err, "old_answer", !e.empty())
	}
	if old == nil && len(r.cache) >= maxCached {
		r.evict()
	}
	r.cache[k] = &e
	f.e = &e
	delete(r.flights, k)
	close(f.done)
}

// evict forgets, of a handful met at random, the one whose time ended first. Called with mu held.
func (r *Resolver) evict() {
	met := 0
	var worst key
	for k, e := range r.cache {
		if met == 0 || e.until.Before(r.cache[worst].until) {
			worst = k
		}
		if met++; met == 16 {
			break
		}
	}
	delete(r.cache, worst)
}
