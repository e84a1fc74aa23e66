package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Archive keeps checkpoints where whoever owns this machine cannot take them back: objects under a lock. A name sorts by the size of the log.
type Archive interface {
	// Put keeps a checkpoint; one that is there already under that name stays, and is no error.
	Put(ctx context.Context, name string, signed []byte) error
	// Last is the greatest name below before (empty: of all) and what is kept under it; an empty name: there is none.
	Last(ctx context.Context, before string) (name string, signed []byte, err error)
}

// PublisherConfig of a Publisher.
type PublisherConfig struct {
	Checkpoints *Checkpointer
	Key         *Key
	Source      Source
	Archive     Archive
	Witness     *Witness      // nil: none
	Interval    time.Duration // 0: 5 minutes
	Mine        func() bool   // of several processes on one log this one publishes; nil: it is alone
	Broken      func(error)   // told once, when archive or witness knows another history. It must not block
	Log         *slog.Logger
}

// Publisher takes checkpoints off this machine: to a witness, and to the archive. With the first contact it holds the log against the last one that the
// archive has, so that a database that was rolled back together with its own checkpoints is found out.
type Publisher struct {
	cfg  PublisherConfig
	stop context.CancelFunc
	done chan struct{}

	mu       sync.Mutex // one publication at a time; guards the rest
	compared bool       // with what the archive had
	archived int64      // size of the last checkpoint that the archive took
	witness  bool       // whether the witness has signed that one
	broken   bool

	proven  atomic.Int64 // archived, and 0 where the log is not to be trusted
	failing atomic.Bool
	behind  atomic.Int64 // Unix seconds since when nothing was published that should be; 0: all is
}

const (
	publishPatience = 20 * time.Second
	comparePatience = 5 * time.Minute // the archive's names are listed
	maxForeign      = 100
)

// NewPublisher starts at once. The caller closes it before the Checkpointer.
func NewPublisher(ctx context.Context, cfg PublisherConfig) *Publisher {
	if cfg.Interval <= 0 {
		cfg.Interval = 5 * time.Minute
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	p := &Publisher{cfg: cfg, done: make(chan struct{})}
	ctx, p.stop = context.WithCancel(context.WithoutCancel(ctx))
	go p.run(ctx)
	return p
}

func (p *Publisher) run(ctx context.Context) {
	defer close(p.done)
	tick := time.NewTicker(p.cfg.Interval)
	defer tick.Stop()
	for {
		p.tell(p.Publish(ctx), ctx.Err() != nil)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// tell logs a failure when it begins, not each time.
func (p *Publisher) tell(err error, ending bool) {
	switch {
	case err == nil:
		p.behind.Store(0)
		p.failing.Store(false)
	case errors.Is(err, ErrBroken) || ending: // Broken was told
	default:
		p.behind.CompareAndSwap(0, time.Now().Unix())
		if !p.failing.Swap(true) {
			p.cfg.Log.Error("audit: checkpoint is only on this machine", "err", err)
		}
	}
}

// Proven is how many entries stand under a checkpoint that the archive has, as far as this process knows; 0 where the log was found altered.
func (p *Publisher) Proven() int64 { return p.proven.Load() }

// Behind says since when checkpoints do not reach archive or witness; zero: they do.
func (p *Publisher) Behind() time.Time {
	if at := p.behind.Load(); at != 0 {
		return time.Unix(at, 0)
	}
	return time.Time{}
}

// Publish makes a checkpoint of the log as it is and takes it to witness and archive, unless both have it. A witness that is away keeps nothing from the
// archive.
func (p *Publisher) Publish(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cfg.Mine != nil && !p.cfg.Mine() {
		p.compared = false // when it is this one's turn again the archive has more
		return nil
	}
	err := p.publish(ctx)
	p.proven.Store(p.archived)
	if errors.Is(err, ErrBroken) || p.broken {
		p.proven.Store(0)
	}
	if errors.Is(err, ErrBroken) && !p.broken {
		p.broken = true
		p.cfg.Checkpoints.Distrust(err)
		p.cfg.Broken(err)
	}
	return err
}

func (p *Publisher) publish(ctx context.Context) error {
	if !p.compared {
		if err := p.compare(ctx); err != nil {
			return err
		}
		p.compared = true
	}
	ctx, cancel := context.WithTimeout(ctx, publishPatience)
	defer cancel()
	c, signed, err := p.cfg.Checkpoints.Signed(ctx)
	if err != nil || c.Size == p.archived && (p.witness || p.cfg.Witness == nil) || c.Size == 0 {
		return err
	}
	var away error
	p.witness = false
	if p.cfg.Witness != nil {
		both, err := p.cfg.Witness.Cosign(ctx, p.cfg.Source, c, signed)
		switch {
		case err == nil:
			p.witness = true
			if err := p.cfg.Checkpoints.keepCosigned(c.Size, both); err != nil {
				return err
			}
			signed = both
		case errors.Is(err, ErrWitness):
			away = err
		default:
			return err
		}
	}
	if c.Size != p.archived {
		if err := p.cfg.Archive.Put(ctx, fileName(c.Size), signed); err != nil {
			return errors.Join(fmt.Errorf("audit: archive: %w", err), away)
		}
		p.archived = c.Size
	}
	return away
}

// compare holds the log against the last checkpoint of the archive. What lies there and is none of ours is no reason to distrust the log: somebody else
// can have put it there, to hide the one below it, so that one is looked for.
func (p *Publisher) compare(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, comparePatience)
	defer cancel()
	before := ""
	for range maxForeign {
		name, signed, err := p.cfg.Archive.Last(ctx, before)
		if err != nil {
			return fmt.Errorf("audit: archive: %w", err)
		}
		if name == "" {
			return nil
		}
		kept, err := OpenCheckpoint(signed, p.cfg.Key.Public())
		if err != nil || fileName(kept.Size) != name {
			p.cfg.Log.Error("audit: a checkpoint in the archive is not ours", "name", name)
			before = name
			continue
		}
		if err := p.cfg.Checkpoints.Hold(ctx, kept); err != nil {
			return err
		}
		p.archived = kept.Size
		return nil
	}
	return fmt.Errorf("audit: archive: the last %d checkpoints are not ours", maxForeign)
}

// Close publishes what is there now, and waits for the work to end.
func (p *Publisher) Close(ctx context.Context) error {
	p.stop()
	<-p.done
	err := p.Publish(ctx)
	if errors.Is(err, ErrBroken) { // it was told
		return nil
	}
	return err
}
