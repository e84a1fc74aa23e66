package push

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"
)

// Config of a Service. The zero value works, and wakes nobody.
type Config struct {
	Providers []Provider    // at most one of a name
	Queue     int           // messages that may wait for each service; 0: 2048
	Workers   int           // messages under way to each service at a time; 0: 64
	Patience  time.Duration // for one answer of a service; 0: 5 s
	Failures  int           // in a row, after which a host of a service counts as down; 0: 5
	Pause     time.Duration // between two trials of one that is down; 0: 10 s
}

func (c Config) withDefaults() Config {
	set := func(p *int, v int) {
		if *p <= 0 {
			*p = v
		}
	}
	set(&c.Queue, 2048)
	set(&c.Workers, 64)
	set(&c.Failures, 5)
	if c.Patience <= 0 {
		c.Patience = 5 * time.Second
	}
	if c.Pause <= 0 {
		c.Pause = 10 * time.Second
	}
	return c
}

// Service hands messages to the providers. Safe for concurrent use.
type Service struct {
	cfg    Config
	log    *slog.Logger
	lanes  map[string]*lane
	order  []string
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu     sync.RWMutex // Push holds it to read: after Close nothing enters a lane
	closed bool
}

// lane is the way to one service.
type lane struct {
	provider Provider
	queue    chan order

	mu    sync.Mutex
	ill   map[string]*illness // peers that failed the last time
	stats Stats
}

// illness is of one peer, whose devices are all that suffer from it: somebody may register a host that does not exist.
type illness struct {
	failed  int       // in a row
	trialAt time.Time // of a peer that is down, when the next message may try
}

// maxIll bounds the peers of one service that are known to fail; one that is forgotten is tried anew.
const maxIll = 64

type order struct {
	m    Message
	done func(error)
}

// Stats of one service; Waiting and Down (one of its hosts at least) are as now, the others only grow.
type Stats struct {
	Provider                                            string
	Waiting                                             int
	Down                                                bool
	Sent, Gone, Rejected, Busy, Unavailable, Full, Late uint64
}

// New starts a Service, which runs until Close.
func New(cfg Config, log *slog.Logger) *Service {
	cfg = cfg.withDefaults()
	ctx, cancel := context.WithCancel(context.Background())
	s := &Service{cfg: cfg, log: log, lanes: make(map[string]*lane), cancel: cancel}
	for _, p := range cfg.Providers {
		if s.lanes[p.Name()] != nil {
			continue
		}
		l := &lane{provider: p, queue: make(chan order, cfg.Queue), ill: map[string]*illness{}}
		s.lanes[p.Name()], s.order = l, append(s.order, p.Name())
		for range cfg.Workers {
			s.done.Go(func() { s.work(ctx, l) })
		}
	}
	return s
}

// Close ends the messages under way and answers those that wait by ErrClosed.
func (s *Service) Close() {
	s.mu.Lock()
	again := s.closed
	s.closed = true
	s.mu.Unlock()
	if again {
		return
	}
	s.cancel()
	s.done.Wait()
	for _, l := range s.lanes {
		for len(l.queue) > 0 {
			o := <-l.queue
			o.done(ErrClosed)
		}
	}
}

// Features are the indicators of all services, for the Feature-Caps of a 2xx to a REGISTER that asks which there are, and of a 555.
func (s *Service) Features() []string {
	out := make([]string, len(s.order))
	for i, name := range s.order {
		out[i] = s.lanes[name].provider.Features()
	}
	return out
}

// Takes tells whether a device can be woken: its indicators, or ErrUnsupported or ErrDevice.
func (s *Service) Takes(d Device) (features string, err error) {
	l := s.lanes[d.Provider]
	if l == nil {
		return "", ErrUnsupported
	}
	if err := errors.Join(d.Check(), l.provider.Takes(d)); err != nil {
		return "", ErrDevice
	}
	return l.provider.Features(), nil
}

// Wakes tells whether a device may be woken for that.
func (s *Service) Wakes(d Device, why Occasion) bool {
	l := s.lanes[d.Provider]
	return l != nil && l.provider.Wakes(d, why)
}

// Push sends a message. It never blocks: done is called exactly once, from here when nothing can be sent now, else from a worker, and must
// not block either.
func (s *Service) Push(m Message, done func(error)) {
	if err := s.enter(m, done); err != nil {
		done(err)
	}
}

func (s *Service) enter(m Message, done func(error)) error {
	l := s.lanes[m.Device.Provider]
	if l == nil {
		return ErrUnsupported
	}
	if !l.provider.Wakes(m.Device, m.Why) {
		return ErrOccasion
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return ErrClosed
	}
	if !l.open(l.provider.Peer(m.Device), time.Now(), s.cfg) {
		return ErrUnavailable
	}
	select {
	case l.queue <- order{m, done}:
		return nil
	default:
		l.count(ErrFull)
		return ErrFull
	}
}

// open tells whether a message may try a peer. Of one that is down, a single message does in each pause.
func (l *lane) open(peer string, now time.Time, cfg Config) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := l.ill[peer]
	if i == nil || i.failed < cfg.Failures {
		return true
	}
	if now.Before(i.trialAt) {
		l.stats.Unavailable++
		return false
	}
	i.trialAt = now.Add(cfg.Pause)
	return true
}

func (s *Service) work(ctx context.Context, l *lane) {
	for {
		select {
		case <-ctx.Done():
			return
		case o := <-l.queue:
			o.done(s.send(ctx, l, o.m))
		}
	}
}

// send gives one message to its service, whose failure is no reason to try again here: a call that waits rings elsewhere meanwhile, and a
// message that arrives twice would ring twice.
func (s *Service) send(ctx context.Context, l *lane, m Message) error {
	err := ErrLate
	if time.Now().Before(m.Until) {
		within, cancel := context.WithTimeout(ctx, s.cfg.Patience)
		err = l.provider.Send(within, m)
		cancel()
	}
	if ctx.Err() != nil && err != nil {
		return ErrClosed
	}
	if was, is := l.judge(l.provider.Peer(m.Device), err, s.cfg); was != is {
		s.log.Warn("push: service changed", slog.String("provider", l.provider.Name()), slog.Bool("down", is))
	}
	l.count(err)
	if errors.Is(err, ErrRejected) {
		s.log.Error("push: message refused", slog.String("provider", l.provider.Name()), slog.Any("err", err))
	}
	return err
}

// judge notes how a peer does, and tells whether it was and is down.
func (l *lane) judge(peer string, err error, cfg Config) (was, is bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := l.ill[peer]
	was = i != nil && i.failed >= cfg.Failures
	switch {
	case errors.Is(err, ErrLate): // nobody was asked
		return was, was
	case !errors.Is(err, ErrUnavailable):
		delete(l.ill, peer)
		return was, false
	case i == nil:
		for other := range l.ill {
			if len(l.ill) < maxIll {
				break
			}
			delete(l.ill, other)
		}
		i = &illness{}
		l.ill[peer] = i
	}
	if i.failed++; i.failed == cfg.Failures {
		i.trialAt = time.Now().Add(cfg.Pause)
	}
	return was, i.failed >= cfg.Failures
}

// down: at least one peer is. l.mu is held.
func (l *lane) down(cfg Config) bool {
	for _, i := range l.ill {
		if i.failed >= cfg.Failures {
			return true
		}
	}
	return false
}

func (l *lane) count(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := &l.stats.Rejected
	switch {
	case err == nil:
		n = &l.stats.Sent
	case errors.Is(err, ErrGone):
		n = &l.stats.Gone
	case errors.Is(err, ErrBusy):
		n = &l.stats.Busy
	case errors.Is(err, ErrUnavailable):
		n = &l.stats.Unavailable
	case errors.Is(err, ErrFull):
		n = &l.stats.Full
	case errors.Is(err, ErrLate):
		n = &l.stats.Late
	}
	*n++
}

// Stats reads the counters of each service, in the order of the configuration.
func (s *Service) Stats() []Stats {
	out := make([]Stats, 0, len(s.order))
	for _, name := range s.order {
		l := s.lanes[name]
		l.mu.Lock()
		st := l.stats
		st.Provider, st.Waiting, st.Down = name, len(l.queue), l.down(s.cfg)
		l.mu.Unlock()
		out = append(out, st)
	}
	return out
}
