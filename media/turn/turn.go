// Package turn owns the embedded TURN relay (RFC 8656), which lets a browser behind a firewall reach the switch's own media and nothing else.
// It knows no users: whoever may have credentials is judged elsewhere, and it never relays to any address but those that it is told are ours.
package turn

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/logging"
	"github.com/pion/turn/v5"
)

// ErrConfig: the configuration cannot be used.
var ErrConfig = errors.New("turn: configuration")

const (
	lifetime = 10 * time.Minute // of credentials, to begin with them
	grace    = 24 * time.Hour   // what was begun goes on: a call outlives its credentials
	maxUser  = 200              // octets of a user's name in credentials
)

// Config of a Server.
type Config struct {
	UDP   netip.AddrPort // invalid: none
	TLS   netip.AddrPort // invalid: none
	Certs *tls.Config    // for TLS
	Realm string
	// Inside is where the switch's media is bound and where relayed packets leave from; Public is where descriptions say it is, if that differs.
	Inside, Public netip.Addr
	Ports          func(uint16) bool // of Inside: which are media
	PerUser, Most  int               // allocations of one user, and of all
	Clock          func() time.Time
	Log            *slog.Logger // for errors of the listener; it names nobody
}

// Credentials are what a browser's iceServers entry needs.
type Credentials struct {
	Username, Password string
	Until              time.Time // no allocation begins later
}

// Server relays until Close.
type Server struct {
	cfg    Config
	secret [32]byte // of this run: credentials do not outlive it, nor do allocations
	server *turn.Server
	udp    net.PacketConn
	tcp    *bounded

	mu    sync.Mutex
	held  map[string]int // allocations by user
	total int

	count struct{ allocations, refused, dropped atomic.Uint64 }
}

// Stats of the relay. Held is a gauge, the rest only grows.
type Stats struct {
	Held        int
	Allocations uint64
	Refused     uint64 // over a quota, or a peer that is not ours
	Dropped     uint64 // packets to or from a port that is no media of ours
	Turned      uint64 // TLS connections above a bound
	Failed      uint64 // errors of the TLS listener, which goes on
}

// New listens. ErrConfig, or what the sockets say.
func New(cfg Config) (*Server, error) {
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	cfg.Inside, cfg.Public = cfg.Inside.Unmap(), cfg.Public.Unmap()
	switch {
	case !cfg.UDP.IsValid() && !cfg.TLS.IsValid(), cfg.TLS.IsValid() && cfg.Certs == nil:
		return nil, fmt.Errorf("%w: no listener", ErrConfig)
	case !cfg.Inside.IsValid() || cfg.Inside.IsUnspecified() || cfg.Ports == nil:
		return nil, fmt.Errorf("%w: no media address", ErrConfig)
	case cfg.PerUser < 1 || cfg.Most < cfg.PerUser:
		return nil, fmt.Errorf("%w: %d allocations a user, %d in all", ErrConfig, cfg.PerUser, cfg.Most)
	}
	s := &Server{cfg: cfg, held: map[string]int{}}
	rand.Read(s.secret[:])
	if err := s.listen(); err != nil {
		return nil, errors.Join(err, s.shut())
	}
	return s, nil
}

func (s *Server) listen() (err error) {
	if s.cfg.UDP.IsValid() {
		if s.udp, err = net.ListenUDP("udp", net.UDPAddrFromAddrPort(s.cfg.UDP)); err != nil {
			return fmt.Errorf("turn: %w", err)
		}
	}
	if s.cfg.TLS.IsValid() {
		l, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(s.cfg.TLS))
		if err != nil {
			return fmt.Errorf("turn: %w", err)
		}
		s.tcp = newBounded(tls.NewListener(l, s.cfg.Certs), 2*s.cfg.Most, s.cfg.Log)
	}
	return s.serve()
}

// serve relays what comes by the listeners.
func (s *Server) serve() (err error) {
	quiet := logging.NewDefaultLoggerFactory()
	quiet.Writer = io.Discard // it would name addresses and users
	c := turn.ServerConfig{Realm: s.cfg.Realm, AuthHandler: s.authenticate, QuotaHandler: s.hasRoom, LoggerFactory: quiet}
	if s.udp != nil {
		c.PacketConnConfigs = []turn.PacketConnConfig{{PacketConn: s.udp, RelayAddressGenerator: generator{s}, PermissionHandler: s.permits}}
	}
	if s.tcp != nil {
		c.EventHandler = turn.EventHandler{
			OnAllocationCreated: func(from, _ net.Addr, _, _, _ string, _ net.Addr, _ int) { s.tcp.holds(from, true) },
			OnAllocationDeleted: func(from, _ net.Addr, _, _, _ string) { s.tcp.holds(from, false) },
		}
		c.ListenerConfigs = []turn.ListenerConfig{{Listener: s.tcp, RelayAddressGenerator: generator{s}, PermissionHandler: s.permits}}
	}
	if s.server, err = turn.NewServer(c); err != nil {
		return fmt.Errorf("turn: %w", err)
	}
	return nil
}

// Addrs is where it listens; invalid: not there.
func (s *Server) Addrs() (udp, tlsAt netip.AddrPort) {
	if s.udp != nil {
		udp = s.udp.LocalAddr().(*net.UDPAddr).AddrPort()
	}
	if s.tcp != nil {
		tlsAt = s.tcp.Addr().(*net.TCPAddr).AddrPort()
	}
	return udp, tlsAt
}

// Close ends all allocations.
func (s *Server) Close() error { return s.shut() }

func (s *Server) shut() error {
	if s.server != nil {
		return s.server.Close()
	}
	var err error
	if s.udp != nil {
		err = s.udp.Close()
	}
	if s.tcp != nil {
		err = errors.Join(err, s.tcp.Close())
	}
	return err
}

// Grant makes credentials for a user. They say when they end, as an HMAC of ours proves: nothing is kept of them.
func (s *Server) Grant(user string) Credentials {
	until := s.cfg.Clock().Add(lifetime)
	name := strconv.FormatInt(until.Unix(), 10) + ":" + user
	return Credentials{Username: name, Password: s.password(name), Until: until}
}

func (s *Server) password(name string) string {
	h := hmac.New(sha256.New, s.secret[:])
	h.Write([]byte(name))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// authenticate gives the key that a message must be signed with. A message that only keeps up what was begun may come later than the credentials' end.
func (s *Server) authenticate(r *turn.RequestAttributes) (user string, key []byte, ok bool) {
	text, user, found := strings.Cut(r.Username, ":")
	end, err := strconv.ParseInt(text, 10, 64)
	if !found || err != nil || user == "" || len(user) > maxUser || r.Realm != s.cfg.Realm {
		return "", nil, false
	}
	until := time.Unix(end, 0)
	if r.Method.String() != "Allocate" {
		until = until.Add(grace)
	}
	if s.cfg.Clock().After(until) {
		return "", nil, false
	}
	return user, turn.GenerateAuthKey(r.Username, r.Realm, s.password(r.Username)), true
}

// permits says whether packets may go to an address: our own media's, and no other (threats F6).
func (s *Server) permits(_ net.Addr, peer net.IP) bool {
	a, ok := netip.AddrFromSlice(peer)
	if ok && s.ours(a.Unmap()) {
		return true
	}
	s.count.refused.Add(1)
	return false
}

func (s *Server) ours(a netip.Addr) bool {
	return a == s.cfg.Inside || a == s.cfg.Public && a.IsValid()
}

// Stats tells what it does.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	held := s.total
	s.mu.Unlock()
	now := Stats{Held: held, Allocations: s.count.allocations.Load(), Refused: s.count.refused.Load(), Dropped: s.count.dropped.Load()}
	if s.tcp != nil {
		now.Turned, now.Failed = s.tcp.refused.Load(), s.tcp.failed.Load()
	}
	return now
}
