// Package stack owns SIP messages, transports, transactions, retransmission and flows (RFC 3261 sections 7, 17, 18; RFC 6026, RFC 3581).
// It is the only importer of sipgo. It never knows users, domains or bodies.
//
// Concurrency: everything that belongs to one Call-ID (handler calls, transaction callbacks and timers, functions given to Do)
// runs on one shard goroutine, in order. State keyed by Call-ID therefore needs no lock. Nothing on a shard may block.
package stack

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"naisen/sip"
)

// Errors of a Result, of Respond, SendAck and Keepalive.
var (
	ErrTerminated = errors.New("stack: transaction terminated")
	ErrTimeout    = errors.New("stack: no response in time")       // Timer B or F (RFC 3261 section 17.1)
	ErrTransport  = errors.New("stack: transport failed")          // could not connect or send
	ErrFlowGone   = errors.New("stack: flow is gone")              // the connection that the request or dialog was pinned to has ended
	ErrTooLarge   = errors.New("stack: message too large")         // above Limits.MessageBytes
	ErrInjection  = errors.New("stack: CR, LF or NUL in a header") // a value that would forge a header line; nothing was sent
	ErrClosed     = errors.New("stack: closed")
)

// Target says where a request goes. With Flow set it goes there and nowhere else, but for OrTCP.
type Target struct {
	Flow      *Flow
	Transport string // "udp", "tcp", "tls"
	Addr      netip.AddrPort
	// OrTCP lets a request that is too large for UDP go to the same address over TCP, where the peer takes it (RFC 3261 section 18.1.1).
	// Not for phones: there is no way to connect to one behind a NAT, and trying costs time.
	OrTCP     bool
	Local     netip.Addr // send from the listener with this address; zero: the stack chooses
	TLS       *ClientTLS // for a new TLS connection; nil: the stack's client default
	Advertise string     // host or host:port in Via and Contact instead of the listener's: a trunk that knows us by another name
}

// Handler is the transaction user. Its methods run on the shard of the message's Call-ID and must not block.
type Handler interface {
	Request(*ServerTx)       // a new request other than ACK and CANCEL
	Ack(*Request)            // an ACK that belongs to no transaction: that of a 2xx
	Cancel(*ServerTx)        // the INVITE transaction was cancelled; 200 to the CANCEL is already sent; the TU answers 487; ServerTx.CancelReason says why
	StrayResponse(*Response) // a 2xx to INVITE whose transaction is gone (RFC 6026 lets the TU ACK and BYE it)
	FlowClosed(*Flow)        // a TCP, TLS or WebSocket connection ended; any goroutine
}

// Result is what a client transaction reports. Exactly one of Response and Err is set.
type Result struct {
	Response *Response
	Err      error // ErrTimeout, ErrTransport, ErrFlowGone: final
}

// Listen is one listening address.
type Listen struct {
	Transport string // "udp", "tcp", "tls", "wss"
	Addr      netip.AddrPort
	Advertise string // host or host:port written into Via and Contact; empty: Addr
}

// PeerStyle is what a carrier insists on below the meaning of a message.
type PeerStyle struct {
	DSCP    int  // of UDP packets to it, 0 to 63; 0: the system's. Streams are not marked: their socket is often the peer's own
	Compact bool // short header names in requests (RFC 3261 section 7.3.3)
}

// Limits bound what a stranger can cost.
type Limits struct {
	MessageBytes  int     // 0: 16384
	Connections   int     // TCP, TLS and WebSocket in all; 0: 10000
	PerAddress    int     // connections from one address; 0: 100
	RatePerSource float64 // out-of-dialog requests per second and source address; 0: 50; burst is twice that
	Rate          float64 // out-of-dialog requests per second in all; 0: 2000
	Transactions  int     // server transactions alive; 0: 50000
}

// Config of a Stack. The zero value of each field works except Listen.
type Config struct {
	Listen    []Listen
	TLS       func() (*tls.Config, error) // server side; needed when a Listen is tls or wss. ClientAuth: at most RequestClientCert, see Flow.VerifyPeer
	ClientTLS *ClientTLS                  // for targets without their own; nil: the system's trust, no certificate of ours
	// ClientTrust vouches for client certificates (Flow.Peer); nil, or a nil Trust: nobody is vouched for. Asked once per connection.
	ClientTrust func() *Trust
	// Origins are the web pages that may open a WebSocket here, as browsers write them: "https://portal.example.jp". Who names none is no
	// browser, and is taken: it has no user's session to misuse, and SIP proves who asks.
	Origins   []string
	Limits    Limits
	UserAgent string // Server and User-Agent header; empty: "Naisen"
	Shards    int    // 0: twice GOMAXPROCS
	// ListenPacket and friends let tests run on an in-memory network; nil: package net.
	ListenPacket func(netip.AddrPort) (net.PacketConn, error)
	ListenStream func(netip.AddrPort) (net.Listener, error)
	DialStream   func(ctx context.Context, local netip.Addr, remote netip.AddrPort) (net.Conn, error)
	Trusted      func(netip.Addr) bool // sources that the per-source rate does not apply to: our trunks
	// Urgent tells of a request outside a dialog that it must not wait behind others, nor fall to their rate: an emergency call. It has a
	// share of its own, since anybody can claim one. It may look at method and URI alone, the rest may not be parsed yet; it is called from
	// any goroutine and must not block. Nil: none.
	Urgent func(*Request) bool
	// Peer tells how a peer wants its packets; nil: all alike. It is asked for each message sent, from any goroutine, and must not block.
	Peer func(netip.Addr) PeerStyle
	// Trace sees each message that was sent or received, repetitions too; nil: nobody. It is called from any goroutine and must not block.
	Trace func(Traced)
}

// Stack is one SIP element.
type Stack struct {
	cfg    Config
	limits Limits
	h      Handler
	log    *slog.Logger

	places  []*place
	packets []*packetListener
	streams []*streamListener
	sockets []*socketListener
	shards  []*shard
	pool    pool
	admit   *admission
	sampler sampler

	marks        *sip.Marks // keyed anew by each start
	seed         maphash.Seed
	flowID       atomic.Uint64
	transactions atomic.Int64
	panics       atomic.Uint64
	stats        counters

	life    sync.Mutex // guards started and the moment of closing against wg
	started bool
	ended   bool
	done    chan struct{}
	wg      sync.WaitGroup
}

// New opens the listeners. Serve must be called for anything to be read. Addresses must be concrete: a Via or Contact made for a
// wildcard would be a guess. An error names the listener.
func New(cfg Config, h Handler, log *slog.Logger) (*Stack, error) {
	s := &Stack{cfg: cfg, limits: cfg.Limits.withDefaults(), h: h, log: log, pool: newPool(), seed: maphash.MakeSeed(), done: make(chan struct{})}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if h == nil || len(cfg.Listen) == 0 {
		return nil, errors.New("stack: a handler and at least one listener are needed")
	}
	var secret [32]byte
	if _, err := rand.Read(secret[:]); err != nil {
		return nil, fmt.Errorf("stack: secret: %w", err)
	}
	s.marks = sip.NewMarks(secret[:])
	s.cfg.fill()
	s.admit = newAdmission(s.limits, s.trusted)
	n := cfg.Shards
	if n <= 0 {
		n = 2 * runtime.GOMAXPROCS(0)
	}
	for range n {
		s.shards = append(s.shards, newShard(s))
	}
	for _, l := range cfg.Listen {
		if err := s.listen(l); err != nil {
			s.closeListeners()
			return nil, fmt.Errorf("stack: listen %s %s: %w", l.Transport, l.Addr, err)
		}
	}
	return s, nil
}

// fill puts the net package behind what was not given.
func (c *Config) fill() {
	if c.UserAgent == "" {
		c.UserAgent = "Naisen"
	}
	if c.ListenPacket == nil {
		c.ListenPacket = func(a netip.AddrPort) (net.PacketConn, error) {
			u, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(a))
			if err != nil {
				return nil, err
			}
			widen(u, udpReadBuffer)
			return u, nil
		}
	}
	if c.ListenStream == nil {
		c.ListenStream = func(a netip.AddrPort) (net.Listener, error) { return net.ListenTCP("tcp", net.TCPAddrFromAddrPort(a)) }
	}
	if c.DialStream == nil {
		c.DialStream = func(ctx context.Context, local netip.Addr, remote netip.AddrPort) (net.Conn, error) {
			var d net.Dialer
			if local.IsValid() {
				d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(local, 0))
			}
			return d.DialContext(ctx, "tcp", remote.String())
		}
	}
}

func (l Limits) withDefaults() Limits {
	def := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	def(&l.MessageBytes, defaultMessageBytes)
	l.MessageBytes = min(l.MessageBytes, 60000)
	def(&l.Connections, 10000)
	def(&l.PerAddress, 100)
	def(&l.Transactions, 50000)
	if l.RatePerSource <= 0 {
		l.RatePerSource = 50
	}
	if l.Rate <= 0 {
		l.Rate = 2000
	}
	return l
}

func (s *Stack) listen(l Listen) error {
	a := netip.AddrPortFrom(l.Addr.Addr().Unmap(), l.Addr.Port())
	if !a.IsValid() || a.Addr().IsUnspecified() || a.Addr().IsMulticast() {
		return errors.New("a concrete address is needed, not a wildcard: name each address, and what to advertise if it differs")
	}
	var actual netip.AddrPort
	var packet *packetListener
	switch l.Transport {
	case "udp":
		pc, err := s.cfg.ListenPacket(a)
		if err != nil {
			return err
		}
		packet = &packetListener{s: s, pc: pc, addr: addrPort(pc.LocalAddr())}
		s.packets, actual = append(s.packets, packet), packet.addr
	case "tcp", "tls", "wss":
		if l.Transport != "tcp" && s.cfg.TLS == nil {
			return errors.New("Config.TLS is missing")
		}
		ln, err := s.cfg.ListenStream(a)
		if err != nil {
			return err
		}
		actual = addrPort(ln.Addr())
		if l.Transport == "wss" {
			s.sockets = append(s.sockets, s.newSocketListener(ln))
		} else {
			s.streams = append(s.streams, &streamListener{s: s, ln: ln, transport: l.Transport, addr: actual})
		}
	default:
		return errors.New("transport is none of udp, tcp, tls, wss")
	}
	p, err := newPlace(l, actual)
	if err != nil {
		return err
	}
	p.packet = packet
	s.places = append(s.places, p)
	return nil
}

// Serve reads until ctx ends or Close; it returns nil when no goroutine of the stack runs. It is called once.
func (s *Stack) Serve(ctx context.Context) error {
	s.life.Lock()
	if s.started || s.ended {
		s.life.Unlock()
		return ErrClosed
	}
	s.started = true
	s.wg.Add(len(s.shards) + len(s.packets) + len(s.streams) + len(s.sockets))
	s.life.Unlock()
	run := func(f func()) { defer s.wg.Done(); f() }
	for _, sh := range s.shards {
		go run(sh.run)
	}
	for _, l := range s.packets {
		go run(l.serve)
	}
	for _, l := range s.streams {
		go run(l.serve)
	}
	for _, l := range s.sockets {
		go run(l.serve)
	}
	select {
	case <-ctx.Done():
	case <-s.done:
	}
	return s.Close()
}

// Close ends everything at once and returns when no goroutine of the stack runs. It must not be called on a shard.
func (s *Stack) Close() error {
	s.life.Lock()
	if !s.ended {
		s.ended = true
		close(s.done)
	}
	s.life.Unlock()
	s.closeListeners()
	s.pool.mu.Lock()
	conns := make([]*conn, 0, len(s.pool.conns))
	for c := range s.pool.conns {
		conns = append(conns, c)
	}
	s.pool.mu.Unlock()
	for _, c := range conns {
		c.close()
	}
	s.wg.Wait()
	return nil
}

func (s *Stack) closeListeners() {
	for _, l := range s.packets {
		_ = l.pc.Close()
	}
	for _, l := range s.streams {
		_ = l.ln.Close()
	}
	for _, l := range s.sockets {
		l.close()
	}
}

// spawn starts a goroutine that Close waits for; false once closing.
func (s *Stack) spawn(f func()) bool {
	s.life.Lock()
	defer s.life.Unlock()
	if s.ended {
		return false
	}
	s.wg.Add(1)
	go func() { defer s.wg.Done(); f() }()
	return true
}

func (s *Stack) closing() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// pause waits; false when the stack closes meanwhile.
func (s *Stack) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.done:
		return false
	}
}

// flowClosed tells the TU that a connection has ended.
func (s *Stack) flowClosed(f *Flow) { s.shards[0].guard(func() { s.h.FlowClosed(f) }) }
