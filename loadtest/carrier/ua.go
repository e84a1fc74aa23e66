package carrier

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// Errors of a UA.
var (
	ErrTimeout = errors.New("carrier: waited in vain")
	ErrRefused = errors.New("carrier: the other side refused")
)

// patience is how long a UA waits for what must come at once on a loopback network, however busy the machine.
const patience = 20 * time.Second

// lifetime is a context that ends with its UA.
type lifetime chan struct{}

func (l lifetime) Done() <-chan struct{}            { return l }
func (l lifetime) Deadline() (_ time.Time, ok bool) { return }
func (l lifetime) Value(any) any                    { return nil }

// Err implements context.Context.
func (l lifetime) Err() error {
	select {
	case <-l:
		return context.Canceled
	default:
		return nil
	}
}

// Options say where a UA is.
type Options struct {
	Local     netip.AddrPort // where it listens; port 0: any
	Remote    netip.AddrPort // where it sends to
	Transport string         // "udp" (default) or "tls"
	Host      string         // our name in URIs; empty: Local
	User      string         // of our Contact; empty: none
	ServerTLS *tls.Config
	ClientTLS *tls.Config
	Patience  time.Duration // for the PRACK and the ACK of what we answered; 0: 20 s
	Bulk      bool          // our Contact in REGISTER has ;bnc (RFC 6140)
	// Script says what happens to a call that comes in; nil: it rings and is answered.
	Script func(context.Context, *Call) error
	// Tamper changes a message of ours before it goes out, by its name ("INVITE", "200 INVITE"); nil: nothing does.
	Tamper func(name, text string) string
}

// Profile is a peer as data.
type Profile struct {
	Name        string
	Rules       []Rule
	Packets     []PacketRule
	Serve       map[string]func(*Seen) *Reply // what it does with a method; a nil Reply: the usual
	Supported   []string                      // option tags that it understands in Require
	Offers      []string                      // those that it writes into Supported
	Allow       []string                      // methods
	Audio       Audio
	Compact     bool // it writes compact header names
	TOS         int  // of what it sends
	MediaTOS    int  // of its RTP
	RecordRoute bool // it stays in the path
	Timer       int  // Session-Expires that it writes into its 2xx, seconds; 0: what was asked for
}

// Reply is an answer to a request.
type Reply struct {
	Status int
	Fields []Field
}

// UA is one endpoint: it conforms, and refuses what breaks its profile's rules.
type UA struct {
	opts    Options
	profile Profile
	rules   []Rule
	udp     *net.UDPConn
	tcp     net.Listener
	life    lifetime
	running sync.WaitGroup

	mu       sync.Mutex
	changed  chan struct{} // closed at each change, and made anew
	log      []*Message    // what arrived, in order
	refusals []Refusal
	calls    map[string]*Call
	asked    map[string]*clientTx // our requests, by branch and method
	served   map[string]*serverTx // theirs
	out      link                 // our own connection to them
	conns    []net.Conn
	errs     []error
	options  time.Time            // when the last OPTIONS came
	paused   map[string]time.Time // method and Request-URI -> until when it may not be repeated
}

// New opens the sockets of a UA. Close ends it.
func New(o Options, p Profile) (*UA, error) {
	u := &UA{life: make(lifetime), opts: o, profile: p, changed: make(chan struct{}), calls: map[string]*Call{}, asked: map[string]*clientTx{}, served: map[string]*serverTx{},
		paused: map[string]time.Time{}}
	if o.Patience == 0 {
		u.opts.Patience = patience
	}
	u.rules = append(coreRules(), p.Rules...)
	var err error
	if o.Transport == "tls" {
		if u.tcp, err = tls.Listen("tcp4", o.Local.String(), o.ServerTLS); err != nil {
			return nil, err
		}
		u.opts.Local = addrOf(u.tcp.Addr())
		u.running.Go(u.accept)
	} else {
		if u.udp, err = listenUDP(o.Local, p.TOS); err != nil {
			return nil, err
		}
		u.opts.Local = addrOf(u.udp.LocalAddr())
		u.running.Go(func() {
			readUDP(u.udp, func(b []byte, from netip.AddrPort, tos int) { u.receive(b, from, tos, datagrams{u.udp, from}) })
		})
	}
	if u.opts.Host == "" {
		u.opts.Host = u.opts.Local.String()
	}
	return u, nil
}

// Addr is where it listens.
func (u *UA) Addr() netip.AddrPort { return u.opts.Local }

// Close ends every call and socket without a word and waits until nothing runs.
func (u *UA) Close() {
	u.mu.Lock()
	close(u.life) // under the lock: nothing is opened from now on
	u.mu.Unlock()
	if u.udp != nil {
		_ = u.udp.Close()
	}
	if u.tcp != nil {
		_ = u.tcp.Close()
	}
	u.mu.Lock()
	for _, c := range u.conns {
		_ = c.Close()
	}
	for _, c := range u.calls {
		c.rtp.close()
	}
	u.mu.Unlock()
	u.running.Wait()
}

func (u *UA) accept() {
	for {
		conn, err := u.tcp.Accept()
		if err != nil {
			return
		}
		u.adopt(conn)
	}
}

// adopt reads from a connection, which ends with the UA. A handshake that fails is kept as an error.
func (u *UA) adopt(conn net.Conn) link {
	l := connection{conn, &sync.Mutex{}}
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.life.Err() != nil {
		_ = conn.Close()
		return l
	}
	u.conns = append(u.conns, conn)
	u.running.Go(func() {
		defer conn.Close()
		if t, ok := conn.(*tls.Conn); ok {
			if err := t.HandshakeContext(u.life); err != nil {
				u.fail(fmt.Errorf("carrier: TLS handshake: %w", err))
				return
			}
		}
		from := addrOf(conn.RemoteAddr())
		_ = readStream(conn, func() { _ = l.send([]byte("\r\n")) }, func(b []byte) { u.receive(b, from, -1, l) })
		u.mu.Lock()
		if u.out == link(l) {
			u.out = nil
		}
		u.mu.Unlock()
	})
	return l
}

// way is how our own requests go: by UDP, or by a connection that we make once.
func (u *UA) way(ctx context.Context) (link, error) {
	if u.udp != nil {
		return datagrams{u.udp, u.opts.Remote}, nil
	}
	u.mu.Lock()
	l := u.out
	u.mu.Unlock()
	if l != nil {
		return l, nil
	}
	d := tls.Dialer{Config: u.opts.ClientTLS, NetDialer: &net.Dialer{LocalAddr: &net.TCPAddr{IP: u.opts.Local.Addr().AsSlice()}, Timeout: patience}}
	conn, err := d.DialContext(ctx, "tcp4", u.opts.Remote.String())
	if err != nil {
		return nil, err
	}
	l = u.adopt(conn)
	u.mu.Lock()
	defer u.mu.Unlock()
	u.out = l
	return l, nil
}

// SetScript changes what happens to calls from now on.
func (u *UA) SetScript(f func(context.Context, *Call) error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.opts.Script = f
}

// fail keeps an error that nobody waits for.
func (u *UA) fail(err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.errs = append(u.errs, err)
	u.wake()
}

// Errors are what went wrong in scripts and connections.
func (u *UA) Errors() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	return errors.Join(u.errs...)
}

// Refusals are what was refused so far.
func (u *UA) Refusals() []Refusal {
	u.mu.Lock()
	defer u.mu.Unlock()
	return append([]Refusal(nil), u.refusals...)
}

// refuse keeps a refusal; the lock is held.
func (u *UA) refuse(r ...Refusal) {
	u.refusals = append(u.refusals, r...)
	u.wake()
}

// wake tells those who wait that something changed; the lock is held.
func (u *UA) wake() {
	close(u.changed)
	u.changed = make(chan struct{})
}

// until waits for a condition, which is asked under the lock.
func (u *UA) until(ctx context.Context, what string, f func() bool) error {
	return u.within(ctx, patience, what, f)
}

// within waits so long for a condition, which is asked under the lock.
func (u *UA) within(ctx context.Context, long time.Duration, what string, f func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, long)
	defer cancel()
	for {
		u.mu.Lock()
		ok, changed := f(), u.changed
		u.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("%w: %s: %s", ErrTimeout, u.profile.Name, what)
		case <-u.life.Done():
			return fmt.Errorf("%w: %s: %s: closed", ErrTimeout, u.profile.Name, what)
		}
	}
}

// Await waits for the first message, among all that arrived, that is so.
func (u *UA) Await(ctx context.Context, what string, is func(*Message) bool) (found *Message, err error) {
	err = u.until(ctx, what, func() bool {
		for _, m := range u.log {
			if is(m) {
				found = m
				return true
			}
		}
		return false
	})
	return found, err
}

// Seen are the messages that arrived, in order.
func (u *UA) Seen() []*Message {
	u.mu.Lock()
	defer u.mu.Unlock()
	return append([]*Message(nil), u.log...)
}

// Trace is what arrived, for a test's failure.
func (u *UA) Trace() string {
	var b strings.Builder
	for _, m := range u.Seen() {
		fmt.Fprintf(&b, "--- %s from %s\n%s\n", u.profile.Name, m.Source, m.Raw)
	}
	return b.String()
}
