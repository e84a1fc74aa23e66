// Package client keeps our own registrations with carriers: REGISTER with digest, refresh before it runs out, back-off when it fails,
// bulk numbers (RFC 6140), and a farewell when it ends. It never decides which lines there are, never takes a call, and resolves no
// host: its Config does.
package client

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"naisen/sip"
	"naisen/sip/auth"
	"naisen/sip/stack"
)

// Line is one registration that is wanted. Two Lines that are equal are the same registration.
type Line struct {
	Key        string // unique: "domain/trunk"
	Host       string // of the registrar: its Request-URI, and where it is asked for
	Port       int    // 0: as Host resolves
	Transport  string // "udp", "tcp", "tls"
	User       string // of the address that is registered
	Domain     string // of that address; empty: Host
	Bulk       bool   // all numbers of the account at once (RFC 6140); else one Contact with a random user
	Expires    int    // seconds asked for; 0: 3600
	Credential auth.ClientCredential
}

// Phase of a registration.
type Phase string

// The phases.
const (
	Registering Phase = "registering" // the first attempt is under way
	Registered  Phase = "registered"
	Waiting     Phase = "waiting"  // failed; another attempt follows
	Rejected    Phase = "rejected" // the carrier says that the account is wrong; attempts are rare
)

// State is what is known of a line. No part of it is secret.
type State struct {
	Key      string
	Phase    Phase
	Since    time.Time // of the phase, wall time
	Expires  time.Time // of the registration; zero: none
	Next     time.Time // attempt or refresh
	Status   int       // of the last final response; 0: none came
	Reason   string    // what went wrong last, in our words; empty: nothing
	Contact  sip.URI   // what is registered
	Attempts uint64
	Failures uint64
}

// Network is the part of stack.Stack that the client uses.
type Network interface {
	Send(req *stack.Request, to stack.Target, on func(*stack.ClientTx, stack.Result)) *stack.ClientTx
	Contact(user string, to stack.Target) sip.URI
}

// Config of a Client.
type Config struct {
	Network Network
	// Resolve gives the places of a line's registrar in the order in which to try them. It may block as long as ctx allows.
	Resolve func(ctx context.Context, l Line) ([]stack.Target, error)
	Clock   func() time.Time // nil: time.Now
	Log     *slog.Logger
}

// maxLines bounds the goroutines. What is beyond is not registered, and said so.
const maxLines = 1024

// Client is safe for concurrent use. Each line is one goroutine, whose owner is the Client.
type Client struct {
	cfg Config

	mu      sync.Mutex
	lines   map[string]*line
	closed  bool
	running sync.WaitGroup
}

// New makes a Client without lines.
func New(cfg Config) *Client {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Client{cfg: cfg, lines: make(map[string]*line)}
}

// Set makes the wanted lines the only ones: new ones begin, changed ones begin again, the others say farewell. It does not wait.
func (c *Client) Set(ctx context.Context, wanted []Line) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	if len(wanted) > maxLines {
		c.cfg.Log.Error("too many lines to register", slog.Int("lines", len(wanted)), slog.Int("most", maxLines))
		wanted = wanted[:maxLines]
	}
	keep := make(map[string]bool, len(wanted))
	for _, w := range wanted {
		keep[w.Key] = true
		old := c.lines[w.Key]
		if old != nil && old.Line == w {
			continue
		}
		next := newLine(c, w)
		var before <-chan struct{}
		if old != nil { // its farewell must not overtake our registration at the carrier
			old.stop()
			before = old.done
		}
		c.lines[w.Key] = next
		run, stop := context.WithCancel(context.WithoutCancel(ctx))
		next.stop = stop
		c.running.Go(func() { next.run(run, before) })
	}
	for key, l := range c.lines {
		if !keep[key] {
			l.stop()
			delete(c.lines, key)
		}
	}
}

// FlowClosed has lines that registered over that connection register again. It does not block.
func (c *Client) FlowClosed(f *stack.Flow) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, l := range c.lines {
		if l.flow.Load() == f {
			l.poke()
		}
	}
}

// States of all lines by key.
func (c *Client) States() []State {
	c.mu.Lock()
	out := make([]State, 0, len(c.lines))
	for _, l := range c.lines {
		out = append(out, *l.state.Load())
	}
	c.mu.Unlock()
	slices.SortFunc(out, func(a, b State) int { return strings.Compare(a.Key, b.Key) })
	return out
}

// State of one line.
func (c *Client) State(key string) (State, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.lines[key]
	if l == nil {
		return State{}, false
	}
	return *l.state.Load(), true
}

// Close unregisters every line and returns when nothing runs, after farewellTime or little more.
func (c *Client) Close() {
	c.mu.Lock()
	c.closed = true
	for _, l := range c.lines {
		l.stop()
	}
	c.mu.Unlock()
	c.running.Wait()
}
