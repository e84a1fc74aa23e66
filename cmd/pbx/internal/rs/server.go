package rs

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"naisen/media"
	"naisen/recorder"
	"naisen/sip"
	"naisen/sip/dialog"
	"naisen/sip/siprec"
)

// Peer is a system that sends us what we shall record: a trunk that proved itself.
type Peer struct {
	Domain, Trunk string
	Profile       media.Profile
	Security      media.Security
}

// Rule is how what a peer sends is recorded.
type Rule struct {
	Policy    string
	Number    string // of ours whose policy it is; empty: the peer's own rule
	Retention int    // days; 0: without end
	Label     recorder.Label
	Refuse    bool   // rather no session than no recording
	Never     string // a number of ours in it that is never recorded: there is no session; empty: none
}

// Strictest is what holds where both do: the longest retention, the higher label. The recording stays that of the number which was first.
func (r Rule) Strictest(next Rule) Rule {
	r.Retention, r.Label = recorder.LongerDays(r.Retention, next.Retention), recorder.HigherLabel(r.Label, next.Label)
	r.Refuse = r.Refuse || next.Refuse
	return r
}

// Request is an INVITE of a recording session.
type Request struct {
	ID       string // of the recording, and of the session
	CallID   string
	Peer     Peer
	Offer    media.SDP
	Metadata *siprec.Metadata // nil: the INVITE had none
}

// ServerConfig is what a Server is made of; all but Log and Max is required.
type ServerConfig struct {
	Engine   media.Engine
	Recorder recorder.Recorder
	Rule     func(p Peer, numbers []string) Rule // numbers as the peer writes them; it must not block
	Failed   func(domain, trunk string)          // a recording failed; it must not block
	Clock    func() time.Time
	Log      *slog.Logger
	Max      int // sessions at once; 0: 500
}

// Server records what other systems send.
type Server struct {
	cfg ServerConfig

	mu     sync.Mutex // guards the rest; nothing is called under it
	live   map[*taking]struct{}
	closed bool
	work   sync.WaitGroup

	sessions, malformed, asked atomic.Uint64
}

// ServerStats are counters, but for Live.
type ServerStats struct {
	Live      int
	Sessions  uint64
	Malformed uint64 // documents that were refused
	Asked     uint64 // times that a peer was asked for all metadata anew
}

// NewServer makes one without any session.
func NewServer(cfg ServerConfig) *Server {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Max <= 0 {
		cfg.Max = 500
	}
	return &Server{cfg: cfg, live: map[*taking]struct{}{}}
}

// Begin takes a session. connect makes its dialog, which reports to the function; its error means that the INVITE is answered already, and is
// returned. ErrFull, ErrClosed: nothing was answered. It never blocks: the answer goes out later.
func (s *Server) Begin(r Request, connect func(func(dialog.Event)) (Session, error)) error {
	t := newTaking(s, r)
	s.mu.Lock()
	switch {
	case s.closed:
		s.mu.Unlock()
		return ErrClosed
	case len(s.live) >= s.cfg.Max:
		s.mu.Unlock()
		return ErrFull
	}
	s.live[t] = struct{}{}
	s.work.Add(1)
	s.mu.Unlock()
	session, err := connect(func(e dialog.Event) { t.inbox.post(e) })
	if err != nil {
		s.forget(t)
		s.work.Done()
		return err
	}
	t.session = session
	go func() {
		defer s.work.Done()
		t.run()
	}()
	return nil
}

// Malformed counts a document that was refused before there was a session.
func (s *Server) Malformed() { s.malformed.Add(1) }

func (s *Server) forget(t *taking) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.live, t)
}

// Stats of the server.
func (s *Server) Stats() ServerStats {
	s.mu.Lock()
	n := len(s.live)
	s.mu.Unlock()
	return ServerStats{Live: n, Sessions: s.sessions.Load(), Malformed: s.malformed.Load(), Asked: s.asked.Load()}
}

// Close ends all sessions and returns when nothing runs, or with the context's error.
func (s *Server) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	for t := range s.live {
		t.inbox.post(ending{sip.StatusCause(503).WithText("Shutting down")})
	}
	s.mu.Unlock()
	return waitFor(ctx, &s.work)
}

// ending is an event: the session is to end.
type ending struct{ cause sip.Cause }
