// Package resolve owns the way from a SIP host to the places that serve it: NAPTR, SRV, A and AAAA records (RFC 3263, RFC 2782, RFC 3403), with
// a cache that outlives a DNS that is dead, slow or lying. It is the only importer of the DNS library. It never sends SIP, and never decides
// what is called: who fails over, when, is the caller's.
package resolve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"naisen/sip/stack"
)

// Errors of Resolve; the other two wrap ErrUnresolved.
var (
	ErrUnresolved  = errors.New("resolve: host not resolved")
	ErrNotFound    = fmt.Errorf("%w: no such host or service", ErrUnresolved)
	ErrUnreachable = fmt.Errorf("%w: no answer from DNS", ErrUnresolved) // and no earlier answer is remembered
	ErrInsecure    = errors.New("resolve: a sips URI needs TLS")         // it is never downgraded (threats.md F13)
)

const (
	maxTargets  = 16                     // of one Resolve
	maxHosts    = 8                      // SRV targets looked at
	maxSilent   = 256                    // places remembered as silent
	silentFor   = time.Minute            // how long one comes last
	otherFamily = 300 * time.Millisecond // how long addresses of one family wait for those of the other
)

// Query is what to reach, as it stands in a URI or a trunk.
type Query struct {
	Host      string
	Port      int    // 0: not given, so that SRV decides
	Transport string // "udp", "tcp", "tls"; empty: NAPTR and SRV decide, then UDP
	Secure    bool   // a sips URI: TLS and nothing else
	IPv6      bool   // prefer IPv6 addresses of one host over its IPv4 ones
	TLS       *stack.ClientTLS
}

// Config of a Resolver. The zero value asks as the system does.
type Config struct {
	Servers    []netip.AddrPort // name servers in order; none: those of ResolvConf, read again when it changes
	ResolvConf string           // "/etc/resolv.conf"
	Hosts      string           // "/etc/hosts"
	Transports []string         // what we can speak, for hosts that leave the choice to us; none: tls, tcp, udp, which is the order of preference
	Clock      func() time.Time // nil: time.Now
	Log        *slog.Logger     // nil: none
}

// Resolver answers from its cache and asks DNS for the rest. Its methods may be called from any goroutine; Close ends it.
type Resolver struct {
	cfg    Config
	now    func() time.Time
	log    *slog.Logger
	system system
	good   atomic.Uint32 // index of the name server that answered last

	wg sync.WaitGroup // flights

	mu      sync.Mutex
	closed  bool                         // guarded by mu
	cache   map[key]*entry               // guarded by mu; at most maxCached
	flights map[key]*flight              // guarded by mu; at most maxFlights
	silent  map[netip.AddrPort]time.Time // guarded by mu; at most maxSilent: when each place may come first again
	stats   Stats                        // guarded by mu
}

// Stats counters only grow, but Cached.
type Stats struct {
	Asked    uint64 // questions sent on behalf of the cache, repetitions not counted
	Failed   uint64 // of them: no usable answer from any server
	Stale    uint64 // answers given although they were out of date, because DNS gave none
	Denied   uint64 // names that were there and suddenly were not
	Rejected uint64 // answers that were not to our question
	Cached   int
}

// New makes a Resolver that runs nothing until it is asked.
func New(cfg Config) *Resolver {
	r := &Resolver{cfg: cfg, now: cfg.Clock, log: cfg.Log, cache: make(map[key]*entry), flights: make(map[key]*flight),
		silent: make(map[netip.AddrPort]time.Time)}
	if r.now == nil {
		r.now = time.Now
	}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	if len(r.cfg.Transports) == 0 {
		r.cfg.Transports = []string{"tls", "tcp", "udp"}
	}
	r.system = newSystem(cfg, r.now)
	return r
}

// Close ends all questions and returns when nothing runs. Afterwards only what is remembered is answered.
func (r *Resolver) Close() {
	r.mu.Lock()
	r.closed = true
	for _, f := range r.flights {
		f.cancel()
	}
	r.mu.Unlock()
	r.wg.Wait()
}

// Stats is a snapshot.
func (r *Resolver) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.stats
	s.Cached = len(r.cache)
	return s
}

// Resolve gives the targets in the order in which they are to be tried (RFC 3263 section 4). It may block for DNS until ctx ends, so it is
// not for a shard; an IP address never blocks. Errors: ErrNotFound, ErrUnreachable, ErrInsecure.
func (r *Resolver) Resolve(ctx context.Context, q Query) ([]stack.Target, error) {
	out, err := r.resolve(ctx, q)
	return r.silentLast(out), err
}

// Silent notes that a target did not answer or could not be reached: for a minute it is tried after the others of its host, so that a dead
// server costs one caller its patience and not each.
func (r *Resolver) Silent(to stack.Target) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.silent[to.Addr]; !ok && len(r.silent) >= maxSilent {
		for a := range r.silent { // any: it only loses its place at the end
			delete(r.silent, a)
			break
		}
	}
	r.silent[to.Addr] = r.now().Add(silentFor)
}

func (r *Resolver) silentLast(in []stack.Target) []stack.Target {
	if len(in) < 2 {
		return in
	}
	now := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	var out, last []stack.Target
	for _, t := range in {
		if until, ok := r.silent[t.Addr]; ok && now.Before(until) {
			last = append(last, t)
			continue
		} else if ok {
			delete(r.silent, t.Addr)
		}
		out = append(out, t)
	}
	return append(out, last...)
}

func (r *Resolver) resolve(ctx context.Context, q Query) ([]stack.Target, error) {
	q.Host = strings.ToLower(strings.TrimSuffix(q.Host, "."))
	switch {
	case q.Port < 0 || q.Port > 65535 || len(q.Host) > 253 || q.Host == "":
		return nil, ErrNotFound
	case q.Secure && q.Transport != "" && q.Transport != "tls":
		return nil, ErrInsecure
	case q.Secure:
		q.Transport = "tls"
	}
	if a, err := netip.ParseAddr(strings.Trim(q.Host, "[]")); err == nil {
		return q.targets(nil, q.transport(), q.port(), []netip.Addr{a.Unmap().WithZone("")}), nil // RFC 3263 section 4.2: no look-up
	}
	if q.Port != 0 || len(r.system.hosts(q.Host)) > 0 { // no SRV where a port was named, nor where this machine knows the host itself
		addrs, err := r.addresses(ctx, q.Host, q.IPv6)
		return q.targets(nil, q.transport(), q.port(), addrs), err
	}
	services, err := r.services(ctx, q)
	if err != nil {
		return nil, err
	}
	return r.follow(ctx, q, services)
}

// service is one SRV name and the transport behind it.
type service struct{ name, transport string }

// services are the SRV names to ask, in order (RFC 3263 section 4.1).
func (r *Resolver) services(ctx context.Context, q Query) ([]service, error) {
	if q.Transport != "" {
		return []service{{srvName(q.Host, q.Transport), q.Transport}}, nil
	}
	e, err := r.lookup(ctx, q.Host, typeNAPTR)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return nil, err
	}
	var out []service
	for _, n := range sortNAPTR(e.naptrs) {
		if t := n.transport(); t != "" && r.speaks(t) {
			out = append(out, service{n.replacement, t})
		}
	}
	if len(out) > 0 {
		return out, nil
	}
	for _, t := range r.cfg.Transports {
		out = append(out, service{srvName(q.Host, t), t})
	}
	return out, nil
}

func (r *Resolver) speaks(transport string) bool {
	for _, t := range r.cfg.Transports {
		if t == transport {
			return true
		}
	}
	return false
}

func srvName(host, transport string) string {
	switch transport {
	case "tls":
		return "_sips._tcp." + host
	case "tcp":
		return "_sip._tcp." + host
	}
	return "_sip._udp." + host
}

// follow asks the SRV records of each service and the addresses behind them; where no service has any, the host's own addresses.
func (r *Resolver) follow(ctx context.Context, q Query, services []service) ([]stack.Target, error) {
	var out []stack.Target
	var last error
	found, hosts := false, 0
	for _, s := range services {
		e, err := r.lookup(ctx, s.name, typeSRV)
		if err != nil {
			if !errors.Is(err, ErrNotFound) {
				last = err
			}
			continue
		}
		found = true
		for _, srv := range orderSRV(e.srvs) {
			if srv.target == "" { // RFC 2782: decidedly not available here
				continue
			}
			if hosts++; hosts > maxHosts {
				break
			}
			addrs, err := r.addresses(ctx, srv.target, q.IPv6)
			if err != nil {
				last = err
				continue
			}
			out = q.targets(out, s.transport, int(srv.port), addrs)
		}
	}
	switch {
	case len(out) > 0:
		return out, nil
	case found && last == nil:
		return nil, ErrNotFound
	case found:
		return nil, last
	}
	addrs, err := r.addresses(ctx, q.Host, q.IPv6) // RFC 3263 section 4.2: no SRV, so the default port
	return q.targets(nil, q.transport(), q.port(), addrs), err
}

// addresses of one host, those of the preferred family first. What one family's failure leaves of the other is used.
func (r *Resolver) addresses(ctx context.Context, host string, six bool) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a.Unmap().WithZone("")}, nil
	}
	if addrs := r.system.hosts(host); len(addrs) > 0 {
		return family(addrs, six), nil
	}
	var last error
	for _, name := range r.system.names(host) {
		addrs, err := r.both(ctx, name)
		if err == nil {
			return family(addrs, six), nil
		}
		if last = err; !errors.Is(err, ErrNotFound) {
			break
		}
	}
	return nil, last
}

// both asks A and AAAA at the same time.
func (r *Resolver) both(ctx context.Context, name string) ([]netip.Addr, error) {
	r.prefetch(name, typeAAAA)
	four, err4 := r.lookup(ctx, name, typeA)
	if err4 == nil {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, otherFamily)
		defer cancel()
	}
	six, err6 := r.lookup(ctx, name, typeAAAA)
	addrs := append(append([]netip.Addr(nil), four.addrs...), six.addrs...)
	switch {
	case len(addrs) > 0:
		return addrs, nil
	case err4 != nil && !errors.Is(err4, ErrNotFound):
		return nil, err4
	case err6 != nil && !errors.Is(err6, ErrNotFound):
		return nil, err6
	}
	return nil, ErrNotFound
}

// family puts the addresses of one family first.
func family(addrs []netip.Addr, six bool) []netip.Addr {
	out := make([]netip.Addr, 0, len(addrs))
	for _, first := range []bool{true, false} {
		for _, a := range addrs {
			if (a.Is6() == six) == first {
				out = append(out, a)
			}
		}
	}
	return out
}

// transport when neither the URI nor DNS says one (RFC 3263 section 4.1).
func (q Query) transport() string {
	if q.Transport != "" {
		return q.Transport
	}
	return "udp"
}

func (q Query) port() int {
	switch {
	case q.Port != 0:
		return q.Port
	case q.Transport == "tls":
		return 5061
	}
	return 5060
}

// targets appends one target for each address. What a TLS peer must prove is the name that was asked for, not the one DNS led to (RFC 5922
// section 7.3).
func (q Query) targets(out []stack.Target, transport string, port int, addrs []netip.Addr) []stack.Target {
	var config *stack.ClientTLS
	if transport == "tls" {
		config = &stack.ClientTLS{}
		if q.TLS != nil {
			*config = *q.TLS
		}
		if config.ServerName == "" {
			config.ServerName = q.Host
		}
	}
	for _, a := range addrs {
		if len(out) < maxTargets {
			out = append(out, stack.Target{Transport: transport, Addr: netip.AddrPortFrom(a, uint16(port)), TLS: config, OrTCP: transport == "udp"})
		}
	}
	return out
}
