// Package event owns event subscriptions: the notifier of RFC 6665 with the packages dialog (RFC 4235), message-summary (RFC 3842), reg
// (RFC 3680) and presence (RFC 3856), and the publications of RFC 3903. It never decides who somebody is (the request is authenticated
// by the caller), keeps no state of calls, registrations or mailboxes of its own, and remembers nothing over a restart: subscribers are
// told "deactivated" and come back.
//
// A document is never patched together from events. A change only marks the subscriptions concerned; when their next NOTIFY goes out,
// its document is made of the state at that moment. So the last state always gets out, and a lamp cannot stick because a message was lost.
//
// Concurrency: a subscription belongs to the stack's shard of its Call-ID, as its messages and timers do, and has no goroutine. At most one
// NOTIFY of a subscription is on its way and at most one mark of it is queued: a subscriber that reads slowly, or not at all, costs that.
package event

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"naisen/sip"
	"naisen/sip/stack"
)

// Transport is what a Notifier needs of the stack. *stack.Stack implements it.
type Transport interface {
	Do(callID string, f func())
	After(callID string, d time.Duration, f func()) (stop func())
	Send(req *stack.Request, to stack.Target, on func(*stack.ClientTx, stack.Result)) *stack.ClientTx
	Contact(user string, to stack.Target) sip.URI
}

// AOR names an address-of-record: who watches, or what is watched.
type AOR struct{ User, Domain string }

// String is "2001@pbx.example.jp", as the registrar names it.
func (a AOR) String() string { return a.User + "@" + a.Domain }

// URI is "sip:2001@pbx.example.jp".
func (a AOR) URI() string { return sip.URI{Scheme: "sip", User: a.User, Host: a.Domain}.String() }

// Watcher is who subscribes or publishes, as the caller of Subscribe and Publish has proven him.
type Watcher struct {
	AOR
	Proof string    // kept with the subscription, for Revoke
	Until time.Time // wall time: no subscription outlives what proved it (RFC 8898 section 5); zero: no end
}

// left cuts a wish in seconds at the end of the proof. False: it has ended.
func (w Watcher) left(seconds int, now time.Time) (int, bool) {
	if w.Until.IsZero() {
		return seconds, true
	}
	end := int(w.Until.Sub(now) / time.Second)
	return min(seconds, end), end > 0
}

// Package is one event package (RFC 6665 section 5.4). Its methods are called from any goroutine.
type Package interface {
	Name() string           // as in the Event header
	Type() string           // of its documents
	View(resource AOR) View // for one subscription
}

// View is what one subscription was shown and what it is to be shown next. It is used by one goroutine at a time.
type View interface {
	// Document is the state now. all: it is due whatever was sent before, as after a SUBSCRIBE.
	Document(all bool) Document
}

// Document is the body of a NOTIFY. Same: nothing has changed since the last one, so none is due. Again: it holds something that is told
// only once, as the end of a dialog, and another one without it is to follow.
type Document struct {
	Body        []byte
	Same, Again bool
}

// Config of a Notifier. The zero value works, and serves no package to nobody.
type Config struct {
	Packages []Package
	// Judge tells with 200 that a watcher may see a resource, or the status to refuse with. It is asked for each SUBSCRIBE and again for
	// each NOTIFY, so that nobody learns anything after losing the right. nil: 403 for all. It must not block.
	Judge func(watcher, resource AOR, pkg string) int
	// Reroute tells where a subscriber is now that has left old, as in package dialog. It is asked for each NOTIFY; nil: nobody moves.
	Reroute func(contact sip.URI, old *stack.Flow) (stack.Target, bool)

	MinExpires int           // seconds; a shorter wish gets 423; 0: 60
	MaxExpires int           // seconds; a longer wish is cut; also when the subscriber does not say; 0: 3600
	Interval   time.Duration // at least that between two NOTIFYs of a subscription which no SUBSCRIBE asked for; 0: 1 s
	PerWatcher int           // subscriptions of one watcher; 0: 250
	PerDomain  int           // 0: 20000
	Total      int           // 0: 50000
	RetryAfter int           // seconds, told when the switch goes down; 0: 10

	Clock func() time.Time // wall time, to compare with Watcher.Until; nil: time.Now
}

func (c Config) withDefaults() Config {
	set := func(p *int, v int) {
		if *p <= 0 {
			*p = v
		}
	}
	set(&c.MinExpires, 60)
	set(&c.MaxExpires, 3600)
	set(&c.PerWatcher, 250)
	set(&c.PerDomain, 20000)
	set(&c.Total, 50000)
	set(&c.RetryAfter, 10)
	c.MaxExpires = max(c.MaxExpires, c.MinExpires)
	if c.Interval <= 0 {
		c.Interval = time.Second
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Judge == nil {
		c.Judge = func(AOR, AOR, string) int { return 403 }
	}
	return c
}

// Notifier holds the subscriptions of one stack. It is safe for concurrent use.
type Notifier struct {
	st     Transport
	cfg    Config
	log    *slog.Logger
	byName map[string]Package
	allow  string // Allow-Events

	sent, failed, coalesced, refused atomic.Uint64

	mu        sync.Mutex // guards the rest; nothing is called under it
	subs      map[subKey]*subscription
	watching  map[topic][]*subscription
	flows     map[*stack.Flow]map[*subscription]bool // TCP and TLS
	perAOR    map[AOR]int                            // of the watcher
	perDomain map[string]int
	closing   bool
	idle      chan struct{} // closed once closing and empty
}

// subKey finds a subscription by what its subscriber sends: our tag is unique.
type subKey struct{ callID, tag string }

// topic is what a change is about.
type topic struct {
	pkg      string
	resource AOR
}

// New returns a Notifier on st.
func New(st Transport, cfg Config, log *slog.Logger) *Notifier {
	n := &Notifier{
		st: st, cfg: cfg.withDefaults(), log: log, byName: map[string]Package{},
		subs: map[subKey]*subscription{}, watching: map[topic][]*subscription{}, flows: map[*stack.Flow]map[*subscription]bool{},
		perAOR: map[AOR]int{}, perDomain: map[string]int{}, idle: make(chan struct{}),
	}
	var names []string
	for _, p := range cfg.Packages {
		n.byName[p.Name()] = p
		names = append(names, p.Name())
	}
	n.allow = strings.Join(names, ", ")
	return n
}

// AllowEvents is the value of that header: the packages served.
func (n *Notifier) AllowEvents() string { return n.allow }

// Changed tells that the state of a resource has changed: whoever watches it gets a NOTIFY. Any goroutine may call it, after the state
// can be seen; it returns at once and costs a map look-up when nobody watches.
func (n *Notifier) Changed(pkg string, resource AOR) {
	n.mu.Lock()
	list := slices.Clone(n.watching[topic{pkg, resource}])
	n.mu.Unlock()
	n.mark(list)
}

// ChangedAll tells that anything of a package may have changed: who lost count of the changes says so.
func (n *Notifier) ChangedAll(pkg string) {
	n.mu.Lock()
	var list []*subscription
	for t, subs := range n.watching {
		if t.pkg == pkg {
			list = append(list, subs...)
		}
	}
	n.mu.Unlock()
	n.mark(list)
}

func (n *Notifier) mark(list []*subscription) {
	for _, s := range list {
		if !s.marked.CompareAndSwap(false, true) {
			n.coalesced.Add(1) // one mark is queued already, and will see this change too
			continue
		}
		n.st.Do(s.key.callID, s.changed)
	}
}

// Watchers lists everybody who has a subscription, in no order.
func (n *Notifier) Watchers() []AOR {
	n.mu.Lock()
	defer n.mu.Unlock()
	out := make([]AOR, 0, len(n.perAOR))
	for a := range n.perAOR {
		out = append(out, a)
	}
	return out
}

// Revoke ends the subscriptions of a watcher whose proof is worth nothing any more, as when its password was changed. It tells how many.
func (n *Notifier) Revoke(watcher AOR, lost func(proof string) bool) int {
	n.mu.Lock()
	var hit []*subscription
	for _, s := range n.subs {
		if s.watcher.AOR == watcher {
			hit = append(hit, s)
		}
	}
	n.mu.Unlock()
	hit = slices.DeleteFunc(hit, func(s *subscription) bool { return !lost(s.watcher.Proof) })
	for _, s := range hit {
		n.st.Do(s.key.callID, func() { s.end(reasonRejected) })
	}
	return len(hit)
}

// FlowClosed tells that a connection is gone. Its subscribers have a moment to come back on another one. Any goroutine may call it.
func (n *Notifier) FlowClosed(f *stack.Flow) {
	n.mu.Lock()
	var hit []*subscription
	for s := range n.flows[f] {
		hit = append(hit, s)
	}
	n.mu.Unlock()
	for _, s := range hit {
		n.st.Do(s.key.callID, s.orphaned)
	}
}

// Close refuses new subscriptions, ends those that are left, and waits until their last NOTIFYs are answered or ctx ends.
func (n *Notifier) Close(ctx context.Context) error {
	n.mu.Lock()
	if !n.closing {
		n.closing = true
		if len(n.subs) == 0 {
			close(n.idle)
		}
	}
	left := make([]*subscription, 0, len(n.subs))
	for _, s := range n.subs {
		left = append(left, s)
	}
	n.mu.Unlock()
	for _, s := range left {
		n.st.Do(s.key.callID, func() { s.end(fmt.Sprintf("%s;retry-after=%d", reasonDeactivated, n.cfg.RetryAfter)) })
	}
	select {
	case <-n.idle:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("event: close: %d subscriptions left: %w", n.Len(), ctx.Err())
	}
}

// Stats of a Notifier. The counters only grow.
type Stats struct {
	Subscriptions map[string]int // by package
	Sent          uint64         // NOTIFYs
	Failed        uint64         // subscriptions that ended since nobody took their NOTIFY
	Coalesced     uint64         // changes that needed no NOTIFY of their own
	Refused       uint64         // SUBSCRIBEs above a limit
}

// Stats is a snapshot.
func (n *Notifier) Stats() Stats {
	s := Stats{Subscriptions: map[string]int{}, Sent: n.sent.Load(), Failed: n.failed.Load(), Coalesced: n.coalesced.Load(), Refused: n.refused.Load()}
	for name := range n.byName {
		s.Subscriptions[name] = 0
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for t, list := range n.watching {
		s.Subscriptions[t.pkg] += len(list)
	}
	return s
}

// Len is the number of subscriptions.
func (n *Notifier) Len() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.subs)
}
