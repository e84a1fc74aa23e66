package call

import (
	"context"
	"errors"
	"sync"
	"time"

	"naisen/cmd/pbx/internal/route"
	"naisen/sip"
)

// ErrFull and ErrDraining refuse a new call; both are answered 503.
var (
	ErrFull     = errors.New("call: the switch is at its limit of calls")
	ErrDraining = errors.New("call: the switch is shutting down")
)

// Switch owns the live calls: it starts them, finds them, drains them. It holds its lock for map work only.
type Switch struct {
	deps   Deps
	max    int
	ctx    context.Context // the calls' own: ended by Drain when patience is over
	cancel context.CancelFunc

	mu       sync.Mutex
	calls    map[string]*Call
	draining bool
	running  sync.WaitGroup
}

// NewSwitch makes a switch for at most limit calls at once; 0 means 2,000.
func NewSwitch(deps Deps, limit int) *Switch {
	if limit <= 0 {
		limit = 2000
	}
	ctx, cancel := context.WithCancel(context.Background())
	s := &Switch{deps: deps, max: limit, ctx: ctx, cancel: cancel, calls: map[string]*Call{}}
	s.deps.start = s.Start
	return s
}

// Start begins a call. connect makes the caller's leg on the call's mailbox; its false means the leg is already answered and nothing starts.
func (s *Switch) Start(in Incoming, connect func(LegID, *Mailbox) (Leg, bool)) error {
	c := newCall(s.deps, in)
	s.mu.Lock()
	switch {
	case s.draining:
		s.mu.Unlock()
		return ErrDraining
	case len(s.calls) >= s.max && !in.urgent():
		s.mu.Unlock()
		return ErrFull
	}
	s.calls[in.ID] = c
	s.running.Add(1)
	s.mu.Unlock()
	running := false
	defer func() {
		if !running { // also when connect panics: nobody would forget it
			s.forget(c)
		}
	}()
	leg, ok := connect(c.newLegID(), c.mailbox)
	if !ok {
		return nil
	}
	running = true
	go func() {
		defer s.forget(c)
		c.run(s.ctx, leg)
	}()
	return nil
}

// urgent: an authenticated extension calls for help. No limit of ours stands in its way.
func (in Incoming) urgent() bool {
	return in.Request.Extension != "" && route.IsEmergency(in.Request.Dialled)
}

func (s *Switch) forget(c *Call) {
	s.mu.Lock()
	delete(s.calls, c.in.ID)
	s.mu.Unlock()
	s.running.Done()
}

// Post hands e to a live call of the domain; ErrGone if there is none.
func (s *Switch) Post(domain, id string, e Event) error {
	s.mu.Lock()
	c := s.calls[id]
	s.mu.Unlock()
	if c == nil || c.in.Request.Domain != domain {
		return ErrGone
	}
	c.mailbox.Post(e)
	return nil
}

// Snapshot of one live call.
func (s *Switch) Snapshot(id string) (*Snapshot, bool) {
	s.mu.Lock()
	c := s.calls[id]
	s.mu.Unlock()
	if c == nil {
		return nil, false
	}
	return c.Snapshot(), true
}

// Snapshots of all live calls of a domain; of all domains if it is empty.
func (s *Switch) Snapshots(domain string) []*Snapshot {
	s.mu.Lock()
	calls := make([]*Call, 0, len(s.calls))
	for _, c := range s.calls {
		if domain == "" || c.in.Request.Domain == domain {
			calls = append(calls, c)
		}
	}
	s.mu.Unlock()
	out := make([]*Snapshot, len(calls))
	for i, c := range calls {
		out[i] = c.Snapshot()
	}
	return out
}

// Len is the number of live calls.
func (s *Switch) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.calls)
}

// Refuse makes every later Start fail: the first step of a drain.
func (s *Switch) Refuse() {
	s.mu.Lock()
	s.draining = true
	s.mu.Unlock()
}

// Drain refuses new calls, waits for the running ones until ctx ends, then hangs up what is left and waits for that too.
func (s *Switch) Drain(ctx context.Context) {
	s.Refuse()
	done := make(chan struct{})
	go func() {
		s.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		s.cancel()
		return
	case <-ctx.Done():
	}
	s.mu.Lock()
	for _, c := range s.calls {
		c.mailbox.Post(Hangup{Cause: sip.CauseNormal})
	}
	s.mu.Unlock()
	select {
	case <-done:
	case <-time.After(guard + time.Second): // the guard ends each call by itself
		s.cancel()
		<-done
	}
	s.cancel()
}
