package rs

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"naisen/cmd/pbx/internal/call"
	"naisen/media"
	"naisen/recorder"
	"naisen/sip/dialog"
	"naisen/sip/multipart"
)

// Recorder is a recorder outside that a policy names.
type Recorder struct {
	Name     string
	Profile  media.Profile
	Security media.Security
	Metadata string // media type of the documents that it gets
}

// Invitation is a recording session that we begin.
type Invitation struct {
	ID       string // of the session, for logs
	Domain   string
	Recorder string
	Offer    media.SDP
	With     []multipart.Part
}

// ClientConfig is what a Client is made of; all but Log is required.
type ClientConfig struct {
	Engine    media.Engine
	Recorders func(domain, policy string) []Recorder // in the order in which they are tried; none: nobody outside is to have it. It must not block
	// Dial begins a session. It may look for the recorder's address for some seconds.
	Dial  func(Invitation, func(dialog.Event)) (Session, error)
	Alarm func(domain, recorder, detail string) // a recorder refused a call or ended its session; it must not block
	Clock func() time.Time
	Log   *slog.Logger
}

// Client copies recorded calls to recorders outside. It implements call.Outside.
type Client struct {
	cfg ClientConfig

	mu     sync.Mutex // guards the rest; nothing is called under it
	live   map[*copying]struct{}
	closed bool
	work   sync.WaitGroup

	sessions, refused, lost, abandoned, unheard atomic.Uint64
}

var _ call.Outside = (*Client)(nil)

// ClientStats are counters, but for Live.
type ClientStats struct {
	Live     int    // calls that are copied, or wait for a recorder
	Sessions uint64 // that a recorder took
	Refused  uint64 // sessions that a recorder refused, or ended before the call did
	Lost     uint64 // calls that no recorder took at some time

	Abandoned uint64 // calls for which no recorder is asked any more, since each took it and ended the session, or refused, too often
	Unheard   uint64 // voices that found no stream
}

// NewClient makes one without any session.
func NewClient(cfg ClientConfig) *Client {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Client{cfg: cfg, live: map[*copying]struct{}{}}
}

// Begin implements call.Outside.
func (c *Client) Begin(policy string, of recorder.Case, failed func(error)) call.Copies {
	list := c.cfg.Recorders(of.Domain, policy)
	if len(list) == 0 {
		return nil
	}
	s := newCopying(c, of, list, failed)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	c.live[s] = struct{}{}
	c.work.Go(s.run)
	return s
}

func (c *Client) forget(s *copying) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.live, s)
}

// Stats of the client.
func (c *Client) Stats() ClientStats {
	c.mu.Lock()
	n := len(c.live)
	c.mu.Unlock()
	return ClientStats{Live: n, Sessions: c.sessions.Load(), Refused: c.refused.Load(), Lost: c.lost.Load(), Abandoned: c.abandoned.Load(), Unheard: c.unheard.Load()}
}

// Close ends all sessions and returns when nothing runs, or with the context's error.
func (c *Client) Close(ctx context.Context) error {
	c.mu.Lock()
	c.closed = true
	for s := range c.live {
		s.Stop()
	}
	c.mu.Unlock()
	return waitFor(ctx, &c.work)
}

func waitFor(ctx context.Context, work *sync.WaitGroup) error {
	done := make(chan struct{})
	go func() { work.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
