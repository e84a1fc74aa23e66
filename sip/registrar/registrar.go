// Package registrar owns which contact answers for an address-of-record (AOR) now: REGISTER (RFC 3261 section 10, Path of RFC 3327,
// the replace rule and flow-pinned delivery of RFC 5626), expiry, and NAT keep-alive. It never decides who may register (the request
// is authenticated and the AOR is chosen by the caller), never routes a call, and keeps its table behind an interface.
//
// A binding is reached where its REGISTER came from: on TCP and TLS by that very connection and by nothing else, so that the binding
// ends with the connection; on UDP by the source address and port, so that a new NAT port moves it with the next REGISTER.
//
// Choices that the RFCs leave open: one contact too many puts out the one registered longest ago (a phone that invents a new Contact at each
// start would lock itself out with 403); a +sip.instance without reg-id counts as reg-id 0, for the same reason; the same instance
// twice in one request is told apart by its URIs; a Path is kept, used and given back whether or not the phone says that it knows it.
package registrar

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"naisen/sip"
	"naisen/sip/stack"
)

// ErrStarted: Start was called twice.
var ErrStarted = errors.New("registrar: started already")

// Binding is one contact of an AOR. It is a value: what Lookup gave does not change.
type Binding struct {
	ID        uint64 // unique in this process, the same as long as the binding lives
	AOR       string // "2001@pbx.example.jp", as the caller of Register gave it
	Key       string // names it inside its AOR, also in the table
	Domain    string
	Contact   sip.URI // for the Request-URI; its parameters (pn-*, ob, transport) are as sent
	Text      string  // Contact with its header parameters as sent, without expires and q
	Instance  string  // +sip.instance, "" if none (RFC 5626 section 4.1)
	RegID     int     // reg-id, 0 if none
	CallID    string
	CSeq      uint32
	Q         float64   // 0 to 1; 1 if not given
	Expires   time.Time // wall time, as data: the timer that ends a binding is monotonic
	Path      []string  // Route set towards it, topmost first (RFC 3327 section 5.4)
	Transport string    // "udp", "tcp", "tls", "ws", "wss"
	Received  netip.AddrPort
	Local     netip.AddrPort // our listener
	UserAgent string
	Proof     string // of the Right by which it was registered
	Flow      *stack.Flow
	Sleeps    bool   // its device can be woken (RFC 8599); see Device
	Asleep    bool   // and has to be, before anything is sent to it
	Node      string // of several on one table: the other one that reaches it; empty: this one does

	Registered time.Time // last REGISTER, wall time
}

// String names the binding without the token by which its device can be woken.
func (b Binding) String() string { return b.AOR + " " + Public(b.Contact).String() }

// GoString is String.
func (b Binding) GoString() string { return b.String() }

// LogValue implements slog.LogValuer.
func (b Binding) LogValue() slog.Value { return slog.StringValue(b.String()) }

// Target says where a request for this binding goes.
func (b Binding) Target() stack.Target {
	if b.Flow != nil {
		return stack.Target{Flow: b.Flow, Transport: b.Transport, Addr: b.Received}
	}
	return stack.Target{Transport: b.Transport, Addr: b.Received, Local: b.Local.Addr()}
}

// Network is the part of stack.Stack that the registrar uses.
type Network interface {
	Flow(transport string, local, remote netip.AddrPort) *stack.Flow
	Keepalive(*stack.Flow) error
}

// Config of a Registrar. The zero value works.
type Config struct {
	MinExpires  int              // seconds; a shorter wish gets 423; 0: 60
	MaxExpires  int              // seconds; a longer wish is cut; 0: 3600
	Default     int              // seconds when the phone does not say; 0: 300
	MaxContacts int              // per AOR, when Register is called with 0; 0: 5
	Total       int              // bindings in all; a new one above it gets 503; 0: 50000
	Keepalive   time.Duration    // between two pings to a UDP phone behind NAT; 0: 25 s; negative: none
	FlowTimer   time.Duration    // in which a phone with outbound has to show that it lives (RFC 5626 section 4.4); 0: 120 s; negative: not said
	GRUUKey     []byte           // 32 bytes that outlive the process; nil: random, and temporary GRUUs end with it
	Clock       func() time.Time // nil: time.Now
	Push        Push
	Node        string                 // of several that share the table: this one; empty: it has the table to itself
	Alive       func(node string) bool // whether another one can be asked; must not block
}

func (c Config) withDefaults() Config {
	set := func(p *int, v int) {
		if *p <= 0 {
			*p = v
		}
	}
	set(&c.MinExpires, 60)
	set(&c.MaxExpires, 3600)
	set(&c.Default, 300)
	set(&c.MaxContacts, 5)
	set(&c.Total, 50000)
	c.MaxExpires = max(c.MaxExpires, c.MinExpires)
	c.Default = min(max(c.Default, c.MinExpires), c.MaxExpires)
	if c.Keepalive == 0 {
		c.Keepalive = 25 * time.Second
	}
	if c.FlowTimer == 0 {
		c.FlowTimer = 120 * time.Second
	}
	c.Push = c.Push.withDefaults()
	if c.Clock == nil {
		c.Clock = time.Now
	}
	return c
}

// Registrar is safe for concurrent use.
type Registrar struct {
	cfg   Config
	log   *slog.Logger
	saver *saver
	gruus gruus

	mu       sync.Mutex
	aors     map[string][]*held
	flows    map[*stack.Flow]map[*held]bool // TCP and TLS
	due      dueHeap
	turn     uint64
	began    time.Time                 // deadlines count from here
	pings    [pingSlots]map[*held]bool // UDP behind NAT
	onChange []func(aor string, bindings int)
	watches  []*Watch
	moves    moves
	waits    map[string][]*wait // by AOR: requests for devices that sleep
	waiting  int
	lastID   uint64
	stats    Stats

	wake    chan struct{} // the earliest expiry may have changed
	started bool
	cancel  context.CancelFunc // ends the goroutines; set by Start
	running sync.WaitGroup
}

// New makes an empty Registrar. table may be nil: then nothing survives a restart.
func New(cfg Config, table Table, log *slog.Logger) *Registrar {
	r := &Registrar{
		cfg: cfg.withDefaults(), log: log, began: time.Now(), saver: newSaver(table, log),
		aors: make(map[string][]*held), flows: make(map[*stack.Flow]map[*held]bool), wake: make(chan struct{}, 1),
	}
	r.saver.limit, r.saver.node = 4*r.cfg.Total, r.cfg.Node
	r.gruus = newGRUUs(r.cfg.GRUUKey)
	r.cfg.GRUUKey = nil
	for i := range r.pings {
		r.pings[i] = make(map[*held]bool)
	}
	return r
}

// OnChange has f called after the bindings of an AOR have changed, with how many can be reached now. f must not block. Two changes at
// the same moment may be told in either order: who needs the state calls Lookup. Only before Start.
func (r *Registrar) OnChange(f func(aor string, bindings int)) { r.onChange = append(r.onChange, f) }

// Start loads the table and starts expiry, keep-alive and write-behind, which run until Close. Call it before the stack serves.
func (r *Registrar) Start(ctx context.Context, network Network) error {
	r.mu.Lock()
	again := r.started
	r.started = true
	r.mu.Unlock()
	if again {
		return ErrStarted
	}
	if err := r.load(ctx, network); err != nil {
		return err
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	r.cancel = cancel
	r.running.Go(func() { r.run(run, network) })
	r.running.Go(func() { r.saver.run(run) })
	return nil
}

// Close stops the goroutines and writes what is not yet in the table, as long as ctx allows.
func (r *Registrar) Close(ctx context.Context) error {
	if r.cancel != nil {
		r.cancel()
	}
	r.running.Wait()
	return r.saver.flush(ctx)
}

// Stats of a Registrar; all but the first four only grow.
type Stats struct {
	AORs, Bindings, Unsaved                                int
	Held                                                   int // requests that wait for a device that sleeps
	Registered, Refreshed, Removed, Expired, Refused       uint64
	FlowsClosed, Evicted, Pings, SaveFailures, SaveDropped uint64
	Nudged, NotHeld                                        uint64 // devices woken for their refresh; requests that could not wait
}

// Stats reads the counters.
func (r *Registrar) Stats() Stats {
	r.mu.Lock()
	s := r.stats
	s.AORs, s.Bindings, s.Held = len(r.aors), len(r.due), r.waiting
	r.mu.Unlock()
	s.Unsaved, s.SaveFailures, s.SaveDropped = r.saver.stats()
	return s
}

// Count is the number of bindings.
func (r *Registrar) Count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.due)
}
