// Package ldap owns a small LDAP v3 server (RFC 4511) through which telephones read the shared directory: simple bind, search, StartTLS.
// It never changes anything, never lets anybody read who has not proved an account, and never takes a secret over an open connection from
// another machine. What a stranger may send is bounded in size, depth, time, rate and number of connections.
package ldap

import (
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"naisen/provisioning/book"
)

// Bounds of the whole server.
const (
	maxConnections = 512
	maxPerAddress  = 16   // of those that have not bound
	maxBehindOne   = 256  // of all: telephones behind one NAT keep theirs
	maxEntries     = 1000 // of one search
	maxSearch      = 5 * time.Second
	idle           = 5 * time.Minute  // a bound telephone may keep its connection so long
	stranger       = 30 * time.Second // one that has not bound
	patience       = 10 * time.Second // for the rest of a message, a handshake, and an answer that is not read
)

// Directory is what the server reads. Both look into memory.
type Directory interface {
	// BookLogin is how an account reads its domain's directory; false: no such account, or another secret.
	BookLogin(domain, account string, secret []byte) (book.Viewer, bool)
	// Book of a domain.
	Book(domain string) *book.Book
}

// Config of a Server.
type Config struct {
	Directory func() Directory // as it is now
	// TLS serves StartTLS and the listeners for LDAPS; nil: neither.
	TLS     *tls.Config
	Guesses *book.Guesses // shared with other ways to the directory; nil: its own
	Log     *slog.Logger
}

// Server answers telephones until Close.
type Server struct {
	cfg   Config
	done  chan struct{} // closed by Close: nobody waits any more
	group sync.WaitGroup

	mu    sync.Mutex // guards the rest; nothing is called under it
	conns map[net.Conn]caller
	ends  []net.Listener
	over  bool

	stats counters
}

// caller is who has a connection.
type caller struct {
	from  netip.Addr
	bound bool // it has proved an account
}

type counters struct{ taken, refused, binds, failures, searches, broken atomic.Uint64 }

// Stats for the metrics.
type Stats struct {
	Open     int    // connections
	Taken    uint64 // connections since the start
	Refused  uint64 // connections beyond the bounds
	Binds    uint64
	Failures uint64 // binds that were refused
	Searches uint64
	Broken   uint64 // connections ended for what they sent
}

// New makes a server without listeners.
func New(cfg Config) *Server {
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Guesses == nil {
		cfg.Guesses = &book.Guesses{}
	}
	return &Server{cfg: cfg, done: make(chan struct{}), conns: map[net.Conn]caller{}}
}

// Serve takes connections from l until Close. secure: each begins with a TLS handshake.
func (s *Server) Serve(l net.Listener, secure bool) {
	s.mu.Lock()
	s.ends = append(s.ends, l)
	over := s.over
	s.mu.Unlock()
	if over {
		_ = l.Close()
		return
	}
	s.group.Go(func() {
		for {
			c, err := l.Accept()
			switch {
			case err == nil:
				s.take(c, secure)
			case errors.Is(err, net.ErrClosed), !s.pause(time.Second):
				return
			default:
				s.cfg.Log.Error("ldap: accept", "err", err)
			}
		}
	})
}

// pause waits; false: the server closes.
func (s *Server) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-s.done:
		return false
	case <-timer.C:
		return true
	}
}

func (s *Server) take(c net.Conn, secure bool) {
	from := addressOf(c)
	s.mu.Lock()
	same, strangers := 0, 0
	for _, a := range s.conns {
		if a.from == from {
			same++
			if !a.bound {
				strangers++
			}
		}
	}
	full := s.over || len(s.conns) >= maxConnections || same >= maxBehindOne || strangers >= maxPerAddress
	if !full {
		s.conns[c] = caller{from: from}
	}
	s.mu.Unlock()
	if full {
		s.stats.refused.Add(1)
		_ = c.Close()
		return
	}
	s.stats.taken.Add(1)
	s.group.Go(func() {
		defer func() {
			_ = c.Close()
			s.mu.Lock()
			delete(s.conns, c)
			s.mu.Unlock()
		}()
		(&session{server: s, raw: c, conn: c, from: from, pace: rate.NewLimiter(20, 40)}).serve(secure)
	})
}

// bound notes whether who has a connection has proved an account.
func (s *Server) bound(c net.Conn, is bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if who, ok := s.conns[c]; ok {
		who.bound = is
		s.conns[c] = who
	}
}

func addressOf(c net.Conn) netip.Addr {
	a, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil {
		return netip.Addr{}
	}
	return a.Addr().Unmap()
}

// Stats counts what happened since New.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	open := len(s.conns)
	s.mu.Unlock()
	return Stats{Open: open, Taken: s.stats.taken.Load(), Refused: s.stats.refused.Load(), Binds: s.stats.binds.Load(), Failures: s.stats.failures.Load(),
		Searches: s.stats.searches.Load(), Broken: s.stats.broken.Load()}
}

// Close ends every connection and returns when nothing runs.
func (s *Server) Close() error {
	s.mu.Lock()
	if !s.over {
		close(s.done)
	}
	s.over = true
	ends := s.ends
	open := make([]net.Conn, 0, len(s.conns))
	for c := range s.conns {
		open = append(open, c)
	}
	s.mu.Unlock()
	var err error
	for _, l := range ends {
		if e := l.Close(); e != nil && !errors.Is(e, net.ErrClosed) {
			err = e
		}
	}
	for _, c := range open {
		_ = c.Close()
	}
	s.group.Wait()
	return err
}
