// Package retention destroys recordings whose time is over, and keeps those that somebody holds. It destroys nothing that no person agreed to, nothing
// that is held, and nothing before its time by the store's clock; and of all that it destroys it leaves a certificate. It never decides who may agree
// or hold: whoever calls it has asked.
//
// A destruction is one of these steps, each of which can be taken again after a crash with the same result:
//
//  1. everything that is stored of the recording is read, and what its certificate will say is written into its row, which is then in no list
//  2. the objects are deleted, the manifest last
//  3. that none is left is looked at
//  4. the certificate is entered into the audit log, once
//  5. the row goes
package retention

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"naisen/recorder"
	"naisen/recorder/catalogue"
	"naisen/recorder/objstore"
)

// Config of a Keeper. Catalogue, Store and Certify are required.
type Config struct {
	Catalogue *catalogue.Catalogue
	Store     objstore.Store
	// Certify enters a certificate into a log that lasts. The one of a recording that has one already is no second one, and no error.
	Certify func(context.Context, Certificate) error
	// Journals are those of recordings that failed; nil: there are none.
	Journals Journals
	Log      *slog.Logger
	Now      func() time.Time // the wall clock; nil: time.Now
	Every    time.Duration    // between two passes; default 10 min
	Zone     *time.Location   // of months; default UTC
}

// Keeper holds and destroys. Safe for concurrent use.
type Keeper struct {
	cfg    Config
	began  time.Time     // with the monotonic clock
	offset time.Duration // of the wall clock from it, at the start
	count  counters
	pass   sync.Mutex // one pass at a time
	wake   chan struct{}
	cancel context.CancelFunc
	worker sync.WaitGroup
}

type counters struct {
	destroyed, refused, failed atomic.Int64
	waiting, stuck             atomic.Int64
	stepped                    atomic.Bool
}

// Stats of a Keeper. The first three are of the last pass, the others only grow.
type Stats struct {
	Waiting int64 // recordings that are overdue by a day and that nobody agreed to: alarm
	Stuck   int64 // whose destruction was agreed to and cannot be done: alarm
	Stepped bool  // the clock was set by a lot: nothing is destroyed: alarm

	Destroyed int64
	Refused   int64 // attempts that a lock in the store refused
	Failed    int64 // passes that an error ended
}

// New makes a Keeper that does nothing by itself before Start.
func New(cfg Config) (*Keeper, error) {
	if cfg.Catalogue == nil || cfg.Store == nil || cfg.Certify == nil {
		return nil, errors.New("retention: Catalogue, Store and Certify are required")
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Every <= 0 {
		cfg.Every = 10 * time.Minute
	}
	if cfg.Zone == nil {
		cfg.Zone = time.UTC
	}
	k := &Keeper{cfg: cfg, began: time.Now(), wake: make(chan struct{}, 1)}
	k.offset = cfg.Now().Round(0).Sub(k.began.Round(0)) // Round(0) leaves the wall clock alone
	return k, nil
}

// Start begins to pass, until Close.
func (k *Keeper) Start(ctx context.Context) {
	ctx, k.cancel = context.WithCancel(context.WithoutCancel(ctx))
	k.worker.Go(func() {
		tick := time.NewTicker(k.cfg.Every)
		defer tick.Stop()
		for {
			if err := k.Pass(ctx); err != nil && ctx.Err() == nil {
				k.cfg.Log.Error("retention: pass", "err", err)
			}
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			case <-k.wake:
			}
		}
	})
}

// Close ends it; what is half done is done by the next start.
func (k *Keeper) Close() {
	if k.cancel != nil {
		k.cancel()
		k.worker.Wait()
	}
}

// soon asks for a pass: somebody agreed to something.
func (k *Keeper) soon() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// Stats returns the numbers of this moment.
func (k *Keeper) Stats() Stats {
	n := &k.count
	return Stats{Waiting: n.waiting.Load(), Stuck: n.stuck.Load(), Stepped: n.stepped.Load(), Destroyed: n.destroyed.Load(), Refused: n.refused.Load(),
		Failed: n.failed.Load()}
}

// margin is how long after its time a recording goes at the earliest: a store's locks end with a whole second of its own clock.
const margin = time.Minute

// overdue is how long the destruction of a recording may wait for somebody's word before that is told.
const overdue = 24 * time.Hour

// Pass ends what was begun, and destroys all that is to be destroyed now. One error does not keep the others.
func (k *Keeper) Pass(ctx context.Context) (err error) {
	k.pass.Lock()
	defer k.pass.Unlock()
	defer func() {
		if err != nil && ctx.Err() == nil {
			k.count.failed.Add(1)
		}
	}()
	stuck := 0
	err = k.each(ctx, k.cfg.Catalogue.Destroying, func(r catalogue.Row) error { return k.finish(ctx, r) }, &stuck)
	now := k.cfg.Now()
	if k.stepped(now) {
		return errors.Join(err, errStepped)
	}
	due := func(ctx context.Context, after string) ([]catalogue.Row, error) {
		return k.cfg.Catalogue.ToDestroy(ctx, now.Add(-margin), after)
	}
	err = errors.Join(err, k.each(ctx, due, func(r catalogue.Row) error { return k.destroy(ctx, r, now) }, &stuck))
	k.count.stuck.Store(int64(stuck))
	waiting, counted := k.cfg.Catalogue.Overdue(ctx, now.Add(-overdue))
	if counted == nil {
		k.count.waiting.Store(int64(waiting))
	}
	return errors.Join(err, counted)
}

// each does something to all rows of a list, page by page, and counts those that could not be helped. Only the first error is kept.
func (k *Keeper) each(ctx context.Context, list func(context.Context, string) ([]catalogue.Row, error), do func(catalogue.Row) error, stuck *int) error {
	var first error
	last := ""
	for {
		rows, err := list(ctx, last)
		if err != nil {
			return errors.Join(first, err)
		}
		for _, r := range rows {
			last = r.ID
			err := do(r)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				*stuck++
				if first == nil {
					first = fmt.Errorf("retention: %s: %w", r.ID, err)
				}
			}
		}
		if len(rows) < catalogue.MaxLimit {
			return first
		}
	}
}

// step is by how much the wall clock may leave the monotonic one before nobody believes it: time servers slew, and a leap second is one.
const step = 5 * time.Minute

var errStepped = errors.New("retention: the clock was set; nothing is destroyed before it is right again or the switch was restarted")

// stepped says that the wall clock was set since the start (threats H10): what it says is over may not be.
func (k *Keeper) stepped(now time.Time) bool {
	apart := now.Round(0).Sub(k.began.Round(0).Add(time.Since(k.began))) - k.offset
	k.count.stepped.Store(apart.Abs() > step)
	return apart.Abs() > step
}

// gone says that an error is only that there is nothing.
func gone(err error) bool {
	return errors.Is(err, objstore.ErrNotFound) || errors.Is(err, recorder.ErrNotFound)
}
