// Package dialog owns INVITE sessions: dialog state, offer and answer in time (never in content), reliable provisional responses,
// forking, session timers and transfer requests (RFC 3261 sections 12 to 15, RFC 3262, 3311, 3326, 3515, 4028, 6026).
// Session is one type for both directions. It never looks into SDP, never bridges, and knows no user.
//
// Concurrency: the stack runs everything of one Call-ID on one shard goroutine, so a Session has no lock. Its commands come from any
// goroutine, are queued on the shard and return at once; what came of them arrives as an Event. A command never causes an event
// inside itself.
package dialog

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"naisen/sip"
	"naisen/sip/stack"
)

// RFC 3261 section 17.1.1.1 and table 4.
const (
	t1     = 500 * time.Millisecond
	t2     = 4 * time.Second
	t64    = 64 * t1
	maxTry = 2 // challenges answered for one request (threats.md B14)
)

// Transport is what a UA needs of the stack. *stack.Stack implements it.
type Transport interface {
	Do(callID string, f func())
	After(callID string, d time.Duration, f func()) (stop func())
	Send(req *stack.Request, to stack.Target, on func(*stack.ClientTx, stack.Result)) *stack.ClientTx
	SendAck(req *stack.Request, to stack.Target) error
	Contact(user string, to stack.Target) sip.URI
}

// Config of a UA. The zero value works.
type Config struct {
	Clock          func() time.Time   // wall time for Snapshot; nil: time.Now
	RingTimeout    time.Duration      // timer C: an outbound INVITE without a final response; 0: 180 s
	Failover       time.Duration      // how long a target may stay silent before the next one is tried; 0: 4 s
	Silent         func(stack.Target) // told of each target that did not answer in time or could not be reached; nil: nobody. It must not block
	SessionExpires time.Duration      // RFC 4028; 0: 1800 s; negative: we ask for no session timer
	MinSE          time.Duration      // smallest interval we accept; 0: 90 s, which is also the least possible
	Allow          []string           // methods announced; nil: all that the package handles
	Supported      []string           // option tags; nil: all that the package handles. Without 100rel nothing is sent or taken reliably
	ContactUser    string             // user part of our Contact unless Invite says otherwise; empty: "pbx"

	// Reroute tells where a peer is now that has left old, the flow of its dialog: the registrar's newest flow of that device, say. It is
	// asked on the shard for each request of ours and must not block. Nil, or false: it is reached over old, or not at all.
	Reroute func(contact sip.URI, old *stack.Flow) (stack.Target, bool)

	// Admit tells whether a request may be taken that comes from another host or port than the dialog's; false: it has answered it. A BYE of the same host is
	// taken without asking. Call-ID and tags are no secret: whoever watches a lamp sees them. The leg is named as its owner named it. It is asked on the shard and must not block. Nil: it may.
	Admit func(leg string, tx *stack.ServerTx) bool
}

func (c Config) withDefaults() Config {
	def := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	def(&c.RingTimeout, 180*time.Second)
	def(&c.Failover, 4*time.Second)
	def(&c.SessionExpires, 1800*time.Second)
	c.MinSE = max(c.MinSE, minMinSE)
	if c.SessionExpires > 0 {
		c.SessionExpires = max(c.SessionExpires, c.MinSE)
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Allow == nil {
		c.Allow = []string{"INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "PRACK", "UPDATE", "INFO", "REFER", "NOTIFY"}
	}
	if c.Supported == nil {
		c.Supported = []string{"100rel", "timer", "replaces", "norefersub", "from-change"}
	}
	if c.ContactUser == "" {
		c.ContactUser = "pbx"
	}
	return c
}

// ErrClosed: the UA takes no new session.
var ErrClosed = errors.New("dialog: closed")

// Refused is the error of Accept: the INVITE was answered with that cause already.
type Refused struct{ Cause sip.Cause }

func (r *Refused) Error() string {
	return fmt.Sprintf("dialog: INVITE refused: %d %s", r.Cause.Status, r.Cause.Text)
}

// UA holds the sessions of one stack.
type UA struct {
	st        Transport
	cfg       Config
	log       *slog.Logger
	allow     string // header values made once
	supported string

	mu       sync.Mutex             // guards the rest; nothing is called under it
	sessions map[dialogKey]*Session // every session that may still get a message
	invites  map[inviteKey]*Session // inbound ones, by their INVITE: merged requests (RFC 3261 section 8.2.2.2) and CANCEL
	closing  bool
	idle     chan struct{} // closed once closing and empty
}

// dialogKey finds a session by what the peer sends: our tag is unique, also where a call comes back to us under the same Call-ID.
type dialogKey struct{ callID, tag string }

type inviteKey struct {
	callID, fromTag string
	cseq            uint32
}

// New returns a UA on st.
func New(st Transport, cfg Config, log *slog.Logger) *UA {
	cfg = cfg.withDefaults()
	return &UA{
		st: st, cfg: cfg, log: log,
		allow: strings.Join(cfg.Allow, ", "), supported: strings.Join(cfg.Supported, ", "),
		sessions: map[dialogKey]*Session{}, invites: map[inviteKey]*Session{}, idle: make(chan struct{}),
	}
}

// Sessions counts the sessions that may still get a message; one that has ended stays until its BYE is answered.
func (u *UA) Sessions() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.sessions)
}

// Close refuses new sessions, ends what is left with BYE, CANCEL or 503 and waits until it is gone.
func (u *UA) Close(ctx context.Context) error {
	u.mu.Lock()
	if !u.closing {
		u.closing = true
		if len(u.sessions) == 0 {
			close(u.idle)
		}
	}
	left := make([]*Session, 0, len(u.sessions))
	for _, s := range u.sessions {
		left = append(left, s)
	}
	u.mu.Unlock()
	for _, s := range left {
		s.End(sip.StatusCause(503).WithText("Shutting down"))
	}
	select {
	case <-u.idle:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("dialog: close: %d sessions left: %w", u.Sessions(), ctx.Err())
	}
}

// FlowClosed tells the sessions that were made on a connection that it is gone. Any goroutine may call it.
func (u *UA) FlowClosed(f *stack.Flow) {
	u.mu.Lock()
	var hit []*Session
	for _, s := range u.sessions {
		if s.flow.Load() == f {
			hit = append(hit, s)
		}
	}
	u.mu.Unlock()
	for _, s := range hit {
		u.st.Do(s.callID, s.flowClosed)
	}
}

// add registers a session; false when the UA is closing or, inbound, the same INVITE is already there.
func (u *UA) add(s *Session, k inviteKey) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.closing {
		return ErrClosed
	}
	if s.inbound {
		if u.invites[k] != nil {
			return errMerged
		}
		u.invites[k] = s
		s.inviteKey = k
	}
	u.sessions[dialogKey{s.callID, s.localTag}] = s
	return nil
}

var errMerged = errors.New("dialog: merged request")

func (u *UA) remove(s *Session) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.sessions, dialogKey{s.callID, s.localTag})
	if s.inbound {
		delete(u.invites, s.inviteKey)
	}
	if u.closing && len(u.sessions) == 0 {
		select {
		case <-u.idle:
		default:
			close(u.idle)
		}
	}
}

func (u *UA) find(callID, ourTag string) *Session {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.sessions[dialogKey{callID, ourTag}]
}

// Uses tells whether a session that may still get a message has that Call-ID.
func (u *UA) Uses(callID string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	for k := range u.sessions {
		if k.callID == callID {
			return true
		}
	}
	return false
}

func (u *UA) findInvite(k inviteKey) *Session {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.invites[k]
}

// newTag gives 130 random bits: a tag is also what proves that a request belongs to the dialog (RFC 3261 section 19.3).
func newTag() string { return rand.Text() }
