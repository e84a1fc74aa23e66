// Package relay owns the packets: sockets, ports, the read loops and the compiled plan that they execute.
// It never sees a SIP message or a call's state, and it holds no lock that signalling holds while a packet passes.
//
// How it works. Each of a few shards is one goroutine with one epoll set. An endpoint (a leg: two sockets, keys, statistics, pacing)
// belongs to one shard, and all its packet state is touched by that goroutine alone, sending included: the members of a bridge
// are brought to one shard when they join, so that forwarding a packet needs no lock at all, the taps of a bridge are called by one
// goroutine, and an SRTP context has one user. What signalling decides reaches the shard as an immutable value behind a pointer
// (session: what was negotiated; route: who hears whom) or as a command in a lock-free inbox.
//
// Linux only.
package relay

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"naisen/media"
	"naisen/media/secure"
)

// Sentinel errors beside those of package media; callers use errors.Is.
var (
	ErrBusy   = errors.New("relay: endpoint is in another bridge")
	ErrFull   = errors.New("relay: no room in the bridge")
	ErrConfig = errors.New("relay: bad configuration")
)

// Config of the engine. The zero value works.
type Config struct {
	PortMin, PortMax int              // inclusive; each endpoint takes an even RTP port and the odd RTCP port above; 0: 16384 to 32767
	Shards           int              // read loops; 0: one for each processor
	MaxEndpoints     int              // 0: as many as there are ports
	PortRest         time.Duration    // a released port is not used again for so long; 0: 5 s
	LearnWindow      time.Duration    // how long after (re)negotiation a plain leg may learn an address; 0: 5 s
	PacketRate       int              // packets a second that one endpoint may receive; 0: 2000
	BrowserPort      int              // UDP port of all browsers on each local address; 0: one of the range
	ReportInterval   time.Duration    // mean time between RTCP reports (RFC 3550 section 6.2); 0: 5 s
	Clock            func() time.Time // wall time, for RTCP only; nil: time.Now

	// Panicked is told of a panic over what a socket brought, the first and then ever more rarely: what it was, and the stack. It must not block. Nil: nobody.
	Panicked func(reason any, stack []byte)
}

// Validate says what is wrong; errors.Is ErrConfig.
func (c Config) Validate() error {
	c = c.withDefaults()
	switch {
	case c.PortMin < 1024 || c.PortMax > 65535 || c.PortMax-c.PortMin < 1:
		return fmt.Errorf("%w: ports %d to %d", ErrConfig, c.PortMin, c.PortMax)
	case c.BrowserPort < 0 || c.BrowserPort > 65535:
		return fmt.Errorf("%w: browsers' port %d", ErrConfig, c.BrowserPort)
	case c.Shards < 1 || c.Shards > 256:
		return fmt.Errorf("%w: %d shards", ErrConfig, c.Shards)
	case c.PacketRate < 100:
		return fmt.Errorf("%w: %d packets a second", ErrConfig, c.PacketRate)
	case c.MaxEndpoints < 0 || c.PortRest < 0 || c.LearnWindow < 0 || c.ReportInterval < 0:
		return fmt.Errorf("%w: negative limit", ErrConfig)
	}
	return nil
}

func (c Config) withDefaults() Config {
	if c.PortMin == 0 && c.PortMax == 0 {
		c.PortMin, c.PortMax = 16384, 32767
	}
	if c.Shards == 0 {
		c.Shards = min(runtime.GOMAXPROCS(0), 256)
	}
	if c.PortRest == 0 {
		c.PortRest = 5 * time.Second
	}
	if c.LearnWindow == 0 {
		c.LearnWindow = 5 * time.Second
	}
	if c.ReportInterval == 0 {
		c.ReportInterval = 5 * time.Second
	}
	if c.PacketRate == 0 {
		c.PacketRate = 2000
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	return c
}

// Engine makes endpoints and bridges and runs the shards.
type Engine struct {
	cfg    Config
	epoch  time.Time // of the monotonic clock
	ports  *ports
	shards []*shard
	done   sync.WaitGroup // the shards
	serial atomic.Uint64  // numbers endpoints

	certificate *secure.Certificate // ours in DTLS handshakes, of this process
	lapsed      atomic.Uint64       // times that a browser's consent to be sent to ended
	panics      atomic.Uint64

	mu     sync.Mutex // signalling only: making and closing endpoints
	live   map[*endpoint]struct{}
	fronts map[netip.Addr]*front
	closed bool
	past   tally // totals of closed endpoints
}

// New starts the shards. The caller must Close the engine.
func New(c Config) (*Engine, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c = c.withDefaults()
	e := &Engine{cfg: c, epoch: time.Now(), live: map[*endpoint]struct{}{}, fronts: map[netip.Addr]*front{}}
	var err error
	if e.certificate, err = secure.NewCertificate(); err != nil {
		return nil, fmt.Errorf("relay: certificate: %w", err)
	}
	e.ports = newPorts(c.PortMin, c.PortMax, c.PortRest)
	for range c.Shards {
		s, err := newShard(e)
		if err != nil {
			for _, s := range e.shards {
				s.poll.close()
			}
			return nil, err
		}
		e.shards = append(e.shards, s)
	}
	for _, s := range e.shards {
		e.done.Go(s.run)
	}
	return e, nil
}

// Now is the monotonic clock of Frame.Arrived and PlayEnded: nanoseconds since Epoch.
func (e *Engine) Now() int64 { return int64(time.Since(e.epoch)) }

// Epoch is the moment at which Now was 0.
func (e *Engine) Epoch() time.Time { return e.epoch }

// Endpoint binds a pair of ports. The function receives the endpoint's events on a shard: it must not block and must not call the
// endpoint's Close. ErrNoPorts, ErrClosed, ErrConfig (no local address).
func (e *Engine) Endpoint(p media.Profile, post func(media.Event)) (media.Endpoint, error) {
	if !p.Local.IsValid() {
		return nil, fmt.Errorf("%w: no local address", ErrConfig)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return nil, media.ErrClosed
	}
	if e.cfg.MaxEndpoints > 0 && len(e.live) >= e.cfg.MaxEndpoints {
		return nil, media.ErrNoPorts
	}
	socks, behind, err := e.socketsOf(p, marking(p.DSCP, p.Class))
	if err != nil {
		return nil, err
	}
	ep := newEndpoint(e, p, post, socks)
	ep.web.front = behind
	e.live[ep] = struct{}{}
	home := e.shards[0]
	for _, s := range e.shards[1:] {
		if s.load.Load() < home.load.Load() {
			home = s
		}
	}
	ep.settle(home)
	return ep, nil
}

// socketsOf gives a leg its ports; a browser's has none of its own before it is known where the browser is. Engine.mu is held.
func (e *Engine) socketsOf(p media.Profile, dscp int) (pair, *front, error) {
	if !p.Browser {
		socks, err := e.ports.open(p.Local.Unmap(), dscp, e.Now())
		return socks, nil, err
	}
	f, err := e.frontOn(p.Local.Unmap())
	if err != nil {
		return pair{}, nil, err
	}
	return pair{index: -1, rtp: -1, rtcp: -1, port: int(f.at.Port())}, f, nil
}

// Bridge makes an empty bridge.
func (e *Engine) Bridge() media.Bridge { return &bridge{} }

// forget removes a closed endpoint and keeps its totals.
func (e *Engine) forget(ep *endpoint) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.live, ep)
	e.past.add(ep.count.read())
}

// Close closes every endpoint, stops the shards and returns when they have ended.
func (e *Engine) Close() error {
	e.mu.Lock()
	already := e.closed
	e.closed = true
	rest := make([]*endpoint, 0, len(e.live))
	for ep := range e.live {
		rest = append(rest, ep)
	}
	e.mu.Unlock()
	for _, ep := range rest {
		_ = ep.Close()
	}
	e.closeFronts()
	if !already {
		for _, s := range e.shards {
			s.stop()
		}
	}
	e.done.Wait()
	return nil
}

// random returns n random octets as a number.
func random32() uint32 {
	var b [4]byte
	_, _ = rand.Read(b[:]) // crypto/rand never fails since Go 1.24
	return binary.BigEndian.Uint32(b[:])
}

func randomID() string {
	var b [8]byte
	_, _ = rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
