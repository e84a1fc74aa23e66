package directory

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/policy"
)

const (
	maxIncrement = 1000 // changes; more are read as a whole
	retryAfter   = time.Second
)

// Directory follows a store.
type Directory struct {
	store provisioning.Store
	table *policy.Table
	log   *slog.Logger
	now   atomic.Pointer[Snapshot]
	stop  context.CancelFunc
	done  chan struct{}

	mu   sync.Mutex    // guards wake
	wake chan struct{} // closed and replaced at each new snapshot

	wholes, increments, failures atomic.Int64
}

// New reads the store and follows it until Close. ctx bounds the first reading only. The caller closes it before the store.
func New(ctx context.Context, store provisioning.Store, log *slog.Logger) (*Directory, error) {
	if log == nil {
		log = slog.Default()
	}
	d := &Directory{store: store, table: policy.New(), log: log, done: make(chan struct{}), wake: make(chan struct{})}
	d.now.Store(&Snapshot{table: d.table})
	if err := d.reload(ctx); err != nil {
		return nil, err
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	d.stop = stop
	go d.run(run)
	return d, nil
}

// Read is the state that a reader sees, which nobody follows: what would be, say.
func Read(r provisioning.Reader) (*Snapshot, error) { return whole(r, policy.New()) }

// Snapshot is the latest state: take it once per request.
func (d *Directory) Snapshot() *Snapshot { return d.now.Load() }

// WaitVersion waits until the snapshot shows at least version v.
func (d *Directory) WaitVersion(ctx context.Context, v provisioning.Version) error {
	for {
		d.mu.Lock()
		wake := d.wake
		d.mu.Unlock()
		if d.Snapshot().Version() >= v {
			return nil
		}
		select {
		case <-wake:
		case <-d.done:
			return fmt.Errorf("directory: %w", provisioning.ErrClosed)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Table is the policy by which the directory reads the policies of domains.
func (d *Directory) Table() *policy.Table { return d.table }

// Stats for the metrics.
type Stats struct {
	Version    provisioning.Version
	Wholes     int64 // snapshots read as a whole
	Increments int64 // snapshots made out of changes
	Failures   int64 // tries that failed; the old snapshot stays
}

// Stats counts what happened since New.
func (d *Directory) Stats() Stats {
	return Stats{Version: d.Snapshot().Version(), Wholes: d.wholes.Load(), Increments: d.increments.Load(), Failures: d.failures.Load()}
}

// Close stops following and waits. The last snapshot stays readable.
func (d *Directory) Close() error {
	d.stop()
	<-d.done
	return nil
}

func (d *Directory) run(ctx context.Context) {
	defer close(d.done)
	failing := false
	for {
		err := d.follow(ctx)
		if errors.Is(err, provisioning.ErrCompacted) {
			d.log.Warn("directory fell behind the change feed: reading everything")
			err = d.reload(ctx)
		}
		if ctx.Err() != nil || errors.Is(err, provisioning.ErrClosed) {
			return
		}
		if err == nil {
			failing = false
			continue
		}
		d.failures.Add(1)
		if !failing {
			failing = true
			d.log.Error("directory cannot be renewed, the last state stays", "version", d.Snapshot().Version(), "err", err)
		}
		if !pause(ctx, retryAfter) {
			return
		}
	}
}

func pause(ctx context.Context, how time.Duration) bool {
	t := time.NewTimer(how)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// follow renews the snapshot at the end of each transaction. It returns nil only to be called again.
func (d *Directory) follow(ctx context.Context) error {
	for c, err := range d.store.Changes(ctx, d.Snapshot().Version()) {
		if err != nil {
			return err
		}
		if c.More || c.Version <= d.Snapshot().Version() {
			continue
		}
		if err := d.refresh(ctx); err != nil {
			return err
		}
	}
	return nil
}

// refresh reads all changes up to one consistent state, so that a snapshot never shows half a transaction.
func (d *Directory) refresh(ctx context.Context) error {
	old := d.Snapshot()
	var next *Snapshot
	err := d.store.View(ctx, func(r provisioning.Reader) error {
		changes, err := r.Since(old.version, maxIncrement+1)
		if err != nil {
			return err
		}
		if len(changes) > maxIncrement {
			d.wholes.Add(1)
			next, err = whole(r, d.table)
			return err
		}
		d.increments.Add(1)
		next, err = old.apply(r, changes)
		return err
	})
	return d.publish(next, err)
}

func (d *Directory) reload(ctx context.Context) error {
	var next *Snapshot
	err := d.store.View(ctx, func(r provisioning.Reader) (err error) {
		d.wholes.Add(1)
		next, err = whole(r, d.table)
		return err
	})
	return d.publish(next, err)
}

func (d *Directory) publish(next *Snapshot, err error) error {
	if err != nil {
		return fmt.Errorf("directory: %w", err)
	}
	d.now.Store(next)
	d.mu.Lock()
	close(d.wake)
	d.wake = make(chan struct{})
	d.mu.Unlock()
	d.log.Debug("directory renewed", "version", next.version, "domains", len(next.domains))
	return nil
}

func notFound(err error) bool { return errors.Is(err, provisioning.ErrNotFound) }
