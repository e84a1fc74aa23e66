package trunk

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"naisen/sip/stack"
)

// ErrUnresolved: the host has no address now, and none is remembered.
var ErrUnresolved = errors.New("trunk: host not resolved")

const (
	maxTargets = 8
	maxCached  = 256
	maxStale   = 24 * time.Hour // an old answer is better than none that long
)

// Resolver turns a host into targets by its A and AAAA records, with a small cache. The zero value works. (RFC 3263 section 4.2;
// NAPTR and SRV will come behind the same method.)
type Resolver struct {
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error) // nil: the system's resolver
	Clock  func() time.Time                                             // nil: time.Now
	TTL    time.Duration                                                // how long an answer is fresh; 0: 60 s
	TLS    func(host string) *stack.ClientTLS                           // for tls targets; nil: host as server name

	mu    sync.Mutex
	cache map[string]answer // at most maxCached, the oldest goes
}

type answer struct {
	addrs []netip.Addr
	at    time.Time
}

// Resolve gives the targets of host in order; port 0 takes the transport's default. It may block for the resolver, so not on a shard.
// When DNS fails the last answer is used for a day. Errors wrap ErrUnresolved.
func (r *Resolver) Resolve(ctx context.Context, host string, port int, transport string) ([]stack.Target, error) {
	if port == 0 {
		port = defaultPort(transport)
	}
	if port < 0 || port > 65535 {
		return nil, fmt.Errorf("%w: port %d", ErrUnresolved, port)
	}
	addrs, err := r.addresses(ctx, host)
	if err != nil {
		return nil, err
	}
	var config *stack.ClientTLS
	if transport == "tls" {
		config = &stack.ClientTLS{ServerName: host}
		if r.TLS != nil {
			config = r.TLS(host)
		}
	}
	out := make([]stack.Target, 0, len(addrs))
	for _, a := range addrs {
		out = append(out, stack.Target{Transport: transport, Addr: netip.AddrPortFrom(a, uint16(port)), TLS: config})
	}
	return out, nil
}

func (r *Resolver) addresses(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a.Unmap()}, nil
	}
	now := r.now()
	known, have := r.get(host)
	ttl := r.TTL
	if ttl == 0 {
		ttl = time.Minute
	}
	if have && now.Sub(known.at) < ttl {
		return known.addrs, nil
	}
	lookup := r.Lookup
	if lookup == nil {
		lookup = systemLookup
	}
	addrs, err := lookup(ctx, host)
	if err == nil && len(addrs) > 0 {
		addrs = unmapped(addrs[:min(len(addrs), maxTargets)])
		r.put(host, answer{addrs, now})
		return addrs, nil
	}
	if have && now.Sub(known.at) < maxStale {
		return known.addrs, nil
	}
	if err == nil {
		return nil, fmt.Errorf("%w: %s: no address", ErrUnresolved, host)
	}
	return nil, fmt.Errorf("%w: %s: %w", ErrUnresolved, host, err)
}

func systemLookup(ctx context.Context, host string) ([]netip.Addr, error) {
	return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
}

func unmapped(addrs []netip.Addr) []netip.Addr {
	out := make([]netip.Addr, len(addrs))
	for i, a := range addrs {
		out[i] = a.Unmap()
	}
	return out
}

func (r *Resolver) now() time.Time {
	if r.Clock != nil {
		return r.Clock()
	}
	return time.Now()
}

func (r *Resolver) get(host string) (answer, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a, ok := r.cache[host]
	return a, ok
}

func (r *Resolver) put(host string, a answer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cache == nil {
		r.cache = map[string]answer{}
	}
	if _, ok := r.cache[host]; !ok && len(r.cache) >= maxCached {
		oldest := ""
		for h, e := range r.cache {
			if oldest == "" || e.at.Before(r.cache[oldest].at) {
				oldest = h
			}
		}
		delete(r.cache, oldest)
	}
	r.cache[host] = a
}
