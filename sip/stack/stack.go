// Package stack owns SIP messages, transports, transactions, retransmission and flows (RFC 3261 sections 7, 17, 18; RFC 6026, RFC 3581).
// It is the only importer of sipgo. It never knows users, domains or bodies.
//
// Concurrency: everything that belongs to one Call-ID (handler calls, transaction callbacks and timers, functions given to Do)
// runs on one shard goroutine, in order. State keyed by Call-ID therefore needs no lock. Nothing on a shard may block.
package stack

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"net/netip"
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

// Flow is one way to reach a peer: a remote address on one of our UDP sockets, or one TCP/TLS connection.
type Flow struct{ _ int }

// ID is unique among live flows; equal for the same UDP pair.
func (f *Flow) ID() string                            { return "" }
func (f *Flow) Transport() string                     { return "" } // "udp", "tcp", "tls"
func (f *Flow) Local() netip.AddrPort                 { return netip.AddrPort{} }
func (f *Flow) Remote() netip.AddrPort                { return netip.AddrPort{} }
func (f *Flow) Secure() bool                          { return false } // TLS
func (f *Flow) PeerCertificates() []*x509.Certificate { return nil }
func (f *Flow) Alive() bool                           { return false } // a UDP flow always is

// Target says where a request goes. With Flow set it goes there and nowhere else.
type Target struct {
	Flow      *Flow
	Transport string // "udp", "tcp", "tls"
	Addr      netip.AddrPort
	Local     netip.Addr  // send from the listener with this address; zero: the stack chooses
	TLS       *tls.Config // for a new TLS connection; nil: the stack's client default
}

// Handler is the transaction user. Its methods run on the shard of the message's Call-ID and must not block.
type Handler interface {
	Request(*ServerTx)       // a new request other than ACK and CANCEL
	Ack(*Request)            // an ACK that belongs to no transaction: that of a 2xx
	Cancel(*ServerTx)        // the INVITE transaction was cancelled; 200 to the CANCEL is already sent; the TU answers 487
	StrayResponse(*Response) // a 2xx to INVITE whose transaction is gone (RFC 6026 lets the TU ACK and BYE it)
	FlowClosed(*Flow)        // a TCP or TLS connection ended; any goroutine
}

// ServerTx is a server transaction.
type ServerTx struct{}

func (t *ServerTx) Request() *Request { return nil }

// Respond sends a provisional or final response. Retransmission of non-2xx finals, and their ACK, are the transaction's;
// retransmission of a 2xx is the TU's, which calls Respond again (RFC 6026). After a final non-2xx it returns ErrTerminated.
func (t *ServerTx) Respond(*Response) error { return nil }

// ClientTx is a client transaction.
type ClientTx struct{}

func (t *ClientTx) Request() *Request { return nil }

// Cancel sends CANCEL once a provisional response has arrived (RFC 3261 section 9.1), with the given Reason header if not empty.
func (t *ClientTx) Cancel(reason string) {}

// Result is what a client transaction reports. Exactly one of Response and Err is set.
type Result struct {
	Response *Response
	Err      error // ErrTimeout, ErrTransport, ErrFlowGone: final
}

// Listen is one listening address.
type Listen struct {
	Transport string // "udp", "tcp", "tls"
	Addr      netip.AddrPort
	Advertise string // host or host:port written into Via and Contact; empty: Addr
}

// Limits bound what a stranger can cost.
type Limits struct {
	MessageBytes  int     // 0: 16384
	Connections   int     // TCP+TLS in all; 0: 10000
	PerAddress    int     // connections from one address; 0: 100
	RatePerSource float64 // out-of-dialog requests per second and source address; 0: 50; burst is twice that
	Rate          float64 // out-of-dialog requests per second in all; 0: 2000
	Transactions  int     // server transactions alive; 0: 50000
}

// Config of a Stack. The zero value of each field works except Listen.
type Config struct {
	Listen    []Listen
	TLS       func() (*tls.Config, error) // server side; needed when a Listen is tls
	ClientTLS *tls.Config
	Limits    Limits
	UserAgent string // Server and User-Agent header; empty: "Naisen"
	Shards    int    // 0: twice GOMAXPROCS
	// ListenPacket and friends let tests run on an in-memory network; nil: package net.
	ListenPacket func(netip.AddrPort) (net.PacketConn, error)
	ListenStream func(netip.AddrPort) (net.Listener, error)
	DialStream   func(ctx context.Context, local netip.Addr, remote netip.AddrPort) (net.Conn, error)
	Trusted      func(netip.Addr) bool // sources that the per-source rate does not apply to: our trunks
}

// Stack is one SIP element.
type Stack struct{}

// New opens the listeners. Serve must be called for anything to be read.
func New(cfg Config, h Handler, log *slog.Logger) (*Stack, error) { return nil, nil }

// Serve reads until ctx ends or Close; it returns when no goroutine of the stack runs.
func (s *Stack) Serve(ctx context.Context) error { return nil }
func (s *Stack) Close() error                    { return nil }

// Do runs f on the shard of callID, after what is queued there. It never blocks.
func (s *Stack) Do(callID string, f func()) {}

// After runs f on the shard of callID once d has passed, unless stopped. It never blocks.
func (s *Stack) After(callID string, d time.Duration, f func()) (stop func()) { return nil }

// Send starts a client transaction; results arrive on the request's Call-ID shard. Via, Max-Forwards (70 unless set) and Content-Length are added here.
func (s *Stack) Send(req *Request, to Target, on func(*ClientTx, Result)) *ClientTx { return nil }

// SendAck sends an ACK for a 2xx outside any transaction.
func (s *Stack) SendAck(req *Request, to Target) error { return nil }

// Contact is the URI by which a peer on this flow or target reaches us.
func (s *Stack) Contact(user string, to Target) sip.URI { return sip.URI{} }

// Challenge answers with resp (a 401, 407 or other refusal) and keeps no state at all: nothing is retransmitted, a retransmitted
// request comes to the handler again, and the ACK of a refused INVITE is recognised by its To tag and absorbed. For a request within a
// dialog it is the same as Respond.
func (t *ServerTx) Challenge(resp *Response) error { return nil }

// Flow makes the UDP flow from one of our listeners to remote, so that a registrar can rebuild it after a restart. Nil unless
// transport is "udp" and local is one of our UDP listeners; the zero AddrPort takes the first that can reach remote.
func (s *Stack) Flow(transport string, local, remote netip.AddrPort) *Flow { return nil }

// LocalAddrs are the listeners with their actual ports.
func (s *Stack) LocalAddrs() []Listen { return nil }

// Keepalive sends a CRLF CRLF ping on the flow (RFC 5626 section 3.5.1). ErrFlowGone when it is dead.
func (s *Stack) Keepalive(f *Flow) error { return nil }

// Stats counters only grow.
type Stats struct {
	Received, Sent, Malformed, Shed, Retransmitted, Duplicates uint64
	Transactions, Connections, Queued                          int
}

func (s *Stack) Stats() Stats { return Stats{} }
