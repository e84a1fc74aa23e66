package main

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"naisen/cmd/pbx/internal/health"
	"naisen/provisioning"
	"naisen/provisioning/directory"
	"naisen/sip"
	"naisen/sip/registrar/client"
	"naisen/sip/resolve"
	"naisen/sip/stack"
	"naisen/sip/trunk"
)

const (
	probePatience = 5 * time.Second // for the answer to an OPTIONS
	maxHosts      = 1000            // addresses of carriers whose style is remembered
)

// trunks joins the book of trunks to the world: it probes them, knows their addresses, and orders the ways out.
type trunks struct {
	book         *health.Book
	directory    *directory.Directory
	resolver     *resolve.Resolver
	certificates *certificates
	stack        *stack.Stack   // set before start
	lines        *client.Client // our registrations; set before anybody looks, nil: none
	log          *slog.Logger

	styles atomic.Pointer[styles]
	mu     sync.Mutex // of who renews styles

	stop   context.CancelFunc
	done   chan struct{}
	probes sync.WaitGroup
}

func newTrunks(d *directory.Directory, r *resolve.Resolver, c *certificates, log *slog.Logger) *trunks {
	return &trunks{book: health.New(time.Now, rand.IntN, log), directory: d, resolver: r, certificates: c, log: log, done: make(chan struct{})}
}

// startTrunks makes what is known of trunks and begins to ask after them.
func (p *pbx) startTrunks(ctx context.Context) {
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	p.trunks.stack, p.trunks.stop = p.stack, stop
	go p.trunks.run(run)
	p.closing("trunks", func(context.Context) error { p.trunks.Close(); return nil })
}

// Close ends the probing.
func (t *trunks) Close() {
	t.stop()
	<-t.done
	t.probes.Wait()
}

// run probes each trunk at its interval, and sees changes of the configuration at once.
func (t *trunks) run(ctx context.Context) {
	defer close(t.done)
	due := map[health.Key]time.Time{}
	watched := provisioning.Version(-1)
	for {
		snap, now := t.directory.Snapshot(), time.Now()
		if snap.Version() != watched {
			watched = snap.Version()
			t.watchPorts(snap)
		}
		next := t.probeDue(ctx, snap, due, now)
		wait, cancel := context.WithDeadline(ctx, next)
		err := t.directory.WaitVersion(wait, snap.Version()+1)
		expired := wait.Err() != nil
		cancel()
		if ctx.Err() != nil || err != nil && !expired { // Close, or the directory is closed
			return
		}
	}
}

// watchPorts says of which carriers the packets will be dropped, because no listener has the port that they must leave from.
func (t *trunks) watchPorts(snap *directory.Snapshot) {
	ports := map[int]bool{}
	for _, l := range t.stack.LocalAddrs() {
		if l.Transport == "udp" {
			ports[int(l.Addr.Port())] = true
		}
	}
	for _, at := range snap.AllTrunks() {
		p, err := trunkProfile(at.Domain, at.Trunk)
		if err == nil && p.Transport == "udp" && p.SourcePort != 0 && !ports[p.SourcePort] {
			t.log.Warn("trunk: no UDP listener has the port that the carrier insists on", "domain", at.Domain, "trunk", at.Trunk.Name, "port", p.SourcePort)
		}
	}
}

// probeDue starts the probes whose time has come and says when to look again.
func (t *trunks) probeDue(ctx context.Context, snap *directory.Snapshot, due map[health.Key]time.Time, now time.Time) time.Time {
	next, live := now.Add(time.Hour), map[health.Key]bool{}
	for _, at := range snap.AllTrunks() {
		k := health.Key{Domain: at.Domain, Trunk: at.Trunk.Name}
		p, err := trunkProfile(at.Domain, at.Trunk)
		if err != nil {
			continue
		}
		live[k] = true
		if p.Options <= 0 {
			t.book.Unprobed(k)
			delete(due, k)
			continue
		}
		if when, known := due[k]; !known || !now.Before(when) {
			due[k] = now.Add(p.Options)
			t.probes.Go(func() { t.probe(ctx, k, p) })
		}
		if due[k].Before(next) {
			next = due[k]
		}
	}
	for k := range due {
		if !live[k] {
			delete(due, k)
		}
	}
	t.book.Keep(func(k health.Key) bool { return live[k] })
	return next
}

// probe asks every point of a trunk whether it is there. One that answers, whatever it says, is: but 503 and 408 say that it takes no calls.
func (t *trunks) probe(ctx context.Context, k health.Key, p *trunk.Profile) {
	ctx, cancel := context.WithTimeout(ctx, probePatience)
	defer cancel()
	started := time.Now()
	points, err := t.points(ctx, p, netip.Addr{})
	if err != nil {
		t.book.Probe(k, false, 0, "address not found")
		return
	}
	answers := make(chan int, len(points))
	for _, at := range points {
		t.stack.Send(t.options(p, at), at.target, func(_ *stack.ClientTx, r stack.Result) {
			status := 0
			if r.Response != nil {
				status = r.Response.Status
			}
			if status == 0 || status >= 200 {
				answers <- status
			}
		})
	}
	for range points {
		select {
		case status := <-answers:
			if status != 0 && status != 503 && status != 408 {
				t.book.Probe(k, true, time.Since(started), "OPTIONS answered")
				return
			}
		case <-ctx.Done():
			if context.Cause(ctx) == context.DeadlineExceeded {
				t.book.Probe(k, false, 0, "OPTIONS unanswered")
			}
			return
		}
	}
	t.book.Probe(k, false, 0, "OPTIONS refused")
}

// options is a health check (RFC 3261 section 11.1). Teams wants a Contact in it that its certificate check can use.
func (t *trunks) options(p *trunk.Profile, at point) *stack.Request {
	host := sip.URI{Scheme: "sip", Host: at.point.Host, Port: at.point.Port}
	req := stack.NewRequest("OPTIONS", host)
	req.SetFrom(sip.Address{URI: sip.URI{Scheme: "sip", Host: p.FromHost}}.WithTag(stack.NewTag()))
	host.Port = 0
	req.SetTo(sip.Address{URI: host})
	req.Set("Call-ID", stack.NewCallID())
	req.Set("CSeq", "1 OPTIONS")
	req.SetContact(sip.Address{URI: t.stack.Contact("", at.target)})
	req.Set("Allow", allowed)
	req.Set("Accept", "application/sdp")
	return req
}

// point is one place of a carrier.
type point struct {
	point  trunk.Point
	target stack.Target
	routes []sip.Address // a Path
}

// errOwnAddress: a carrier's host leads to this switch, by mistake or by a DNS that lies.
var errOwnAddress = errors.New("the carrier's address is our own")

// points finds the addresses of a carrier, of its first point first. local is ours to leave by; zero: the stack chooses. An error when none of
// its points has an address.
func (t *trunks) points(ctx context.Context, p *trunk.Profile, local netip.Addr) (out []point, err error) {
	secure, err := t.tls(p)
	if err != nil {
		return nil, err
	}
	for _, at := range p.Points {
		q := resolve.Query{Host: at.Host, Port: at.Port, Transport: p.Transport, IPv6: local.Is6()}
		targets, failed := t.resolver.Resolve(ctx, q)
		if failed != nil {
			err = failed
			continue
		}
		for _, target := range targets {
			if t.stack != nil && t.stack.Own(target.Addr) { // a call to ourselves would come back, again and again (RFC 5393)
				err = errOwnAddress
				continue
			}
			target.Advertise = p.ContactHost
			if local.IsValid() && target.Addr.Addr().Is4() == local.Is4() && target.Addr.Addr().IsLoopback() == local.IsLoopback() {
				target.Local = local
			}
			if target.Transport == "tls" {
				c := *secure
				c.ServerName = cmp.Or(p.TLSName, at.Host)
				target.TLS = &c
			}
			t.remember(target.Addr.Addr(), p)
			out = append(out, point{point: at, target: target})
		}
	}
	if len(out) == 0 {
		return nil, cmp.Or(err, error(resolve.ErrUnresolved))
	}
	return out, nil
}

// tls is what every connection to a carrier shares; nil when it has none.
func (t *trunks) tls(p *trunk.Profile) (*stack.ClientTLS, error) {
	if p.Transport != "tls" {
		return nil, nil
	}
	c := &stack.ClientTLS{}
	trust, err := trustOf(p)
	if err != nil {
		return nil, err
	}
	c.Trust = trust
	if p.TLSClient {
		pair, err := t.certificates.get(nil)
		if err != nil {
			return nil, err
		}
		c.Identity = stack.IdentityOf(*pair)
	}
	return c, nil
}

// trustOf is who may have signed the carrier's certificate; nil: the system's.
func trustOf(p *trunk.Profile) (*stack.Trust, error) {
	if p.TLSTrust == "" {
		return nil, nil
	}
	return stack.NewTrust([]byte(p.TLSTrust))
}

// ordered is the directory with its trunks in the order in which a call should try them now.
type ordered struct {
	*directory.Snapshot
	book *health.Book
}

// TrunksFor implements route.Directory.
func (o ordered) TrunksFor(domain, dialled string) ([]provisioning.Trunk, string) {
	ways, prefix := o.Snapshot.TrunksFor(domain, dialled)
	return o.book.Order(domain, ways), prefix
}

// Trunks implements route.Directory.
func (o ordered) Trunks(domain string) []provisioning.Trunk {
	return o.book.Order(domain, o.Snapshot.Trunks(domain))
}
