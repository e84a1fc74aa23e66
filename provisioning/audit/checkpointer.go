package audit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"naisen/provisioning/durable"
)

// Config of a Checkpointer.
type Config struct {
	Dir      string           // made if missing; each checkpoint is a file that is never overwritten
	Interval time.Duration    // 0: 15 minutes
	Key      *Key             // required
	Log      *slog.Logger     // nil: slog.Default
	Now      func() time.Time // nil: time.Now
}

const closeTimeout = 10 * time.Second

// Checkpointer signs the log's size and root at an interval and at Close, when entries have come. Before it signs it proves to itself
// that the log still begins with what it signed last; if not it signs no more and says so at error level.
type Checkpointer struct {
	cfg  Config
	src  Source
	stop context.CancelFunc
	done chan struct{}

	mu     sync.Mutex // one checkpoint at a time; guards the rest
	last   Checkpoint
	broken error // a checkpoint that was kept elsewhere does not fit: nothing is signed any more
}

// NewCheckpointer reads the directory's last checkpoint, checks that the log still holds it (ErrBroken: cut, rolled back or rewritten),
// and starts. The caller closes it before the store.
func NewCheckpointer(ctx context.Context, src Source, cfg Config) (*Checkpointer, error) {
	if cfg.Interval <= 0 {
		cfg.Interval = 15 * time.Minute
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Key == nil || cfg.Dir == "" {
		return nil, errors.New("audit: checkpoints need a key and a directory")
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("audit: checkpoints: %w", err)
	}
	past, err := LoadCheckpoints(cfg.Dir, cfg.Key.Public())
	if err != nil {
		return nil, err
	}
	c := &Checkpointer{cfg: cfg, src: src, done: make(chan struct{})}
	if len(past) > 0 {
		c.last = past[len(past)-1]
	}
	size, err := src.AuditSize(ctx)
	if err != nil {
		return nil, fmt.Errorf("audit: checkpoints: %w", err)
	}
	if err := c.consistent(ctx, size, c.last); err != nil {
		return nil, err
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	c.stop = stop
	go c.run(run)
	return c, nil
}

func (c *Checkpointer) run(ctx context.Context) {
	defer close(c.done)
	tick := time.NewTicker(c.cfg.Interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if _, err := c.Write(ctx); err != nil && ctx.Err() == nil {
				c.cfg.Log.Error("audit checkpoint not written", "err", err)
			}
		}
	}
}

// Write makes a checkpoint of the log as it is now, unless the last one says the same, and returns it.
func (c *Checkpointer) Write(ctx context.Context) (Checkpoint, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken != nil {
		return Checkpoint{}, c.broken
	}
	size, err := c.src.AuditSize(ctx)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("audit: checkpoint: %w", err)
	}
	if err := c.consistent(ctx, size, c.last); err != nil {
		return Checkpoint{}, err
	}
	if size == c.last.Size {
		return c.last, nil
	}
	root, err := rootAt(ctx, c.src, size)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("audit: checkpoint: %w", err)
	}
	next := Checkpoint{Size: size, Root: root, Time: c.cfg.Now()}
	signed, err := c.cfg.Key.Sign(next)
	if err != nil {
		return Checkpoint{}, err
	}
	if err := durable.Create(filepath.Join(c.cfg.Dir, fileName(size)), signed, 0o644); errors.Is(err, fs.ErrExist) {
		if err := c.same(next); err != nil {
			return Checkpoint{}, err
		}
	} else if err != nil {
		return Checkpoint{}, fmt.Errorf("audit: checkpoint: %w", err)
	}
	c.last = next
	c.cfg.Log.Debug("audit checkpoint written", "entries", size, "root", root.String())
	return next, nil
}

// same accepts a checkpoint that another process wrote for the same size, if it says the same.
func (c *Checkpointer) same(next Checkpoint) error {
	signed, err := os.ReadFile(filepath.Join(c.cfg.Dir, fileName(next.Size)))
	if err != nil {
		return fmt.Errorf("audit: checkpoint: %w", err)
	}
	there, err := OpenCheckpoint(signed, c.cfg.Key.Public())
	if err != nil {
		return err
	}
	if there.Root != next.Root {
		return fmt.Errorf("%w: two histories of %d entries", ErrBroken, next.Size)
	}
	return nil
}

// Hold holds the log against a checkpoint that was kept elsewhere: ErrBroken where the log was cut, rolled back or rewritten since, and from then on
// nothing is signed.
func (c *Checkpointer) Hold(ctx context.Context, kept Checkpoint) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	size, err := c.src.AuditSize(ctx)
	if err != nil {
		return fmt.Errorf("audit: checkpoint: %w", err)
	}
	err = c.consistent(ctx, size, kept)
	if errors.Is(err, ErrBroken) {
		c.broken = err
	}
	return err
}

// Distrust ends the signing, for a reason that somebody else found.
func (c *Checkpointer) Distrust(why error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.broken = why
}

// Signed makes a checkpoint of the log as it is now, unless the last one says the same, and gives it as it is signed; with a witness's signature
// where one came.
func (c *Checkpointer) Signed(ctx context.Context) (Checkpoint, []byte, error) {
	last, err := c.Write(ctx)
	if err != nil {
		return last, nil, err
	}
	if last.Size == 0 { // nothing is in a file yet
		signed, err := c.cfg.Key.Sign(last)
		return last, signed, err
	}
	path := filepath.Join(c.cfg.Dir, fileName(last.Size))
	signed, err := os.ReadFile(path + cosigned)
	if errors.Is(err, fs.ErrNotExist) {
		signed, err = os.ReadFile(path)
	}
	if err != nil {
		return last, nil, fmt.Errorf("audit: checkpoint: %w", err)
	}
	return last, signed, nil
}

// keepCosigned writes a checkpoint beside its first form with the signature of a witness.
func (c *Checkpointer) keepCosigned(size int64, signed []byte) error {
	err := durable.Create(filepath.Join(c.cfg.Dir, fileName(size))+cosigned, signed, 0o644)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("audit: checkpoint: %w", err)
	}
	return nil
}

// consistent proves that the log, which has size entries, still begins with a checkpoint. c.mu is held, or c is not shared yet.
func (c *Checkpointer) consistent(ctx context.Context, size int64, kept Checkpoint) error {
	if kept.Size == 0 {
		return nil
	}
	if size < kept.Size {
		return fmt.Errorf("%w: %d entries, but a checkpoint of %s says %d", ErrBroken, size, kept.Time.Format(time.RFC3339), kept.Size)
	}
	root, err := rootAt(ctx, c.src, kept.Size)
	if err != nil {
		return fmt.Errorf("audit: checkpoint: %w", err)
	}
	if root != kept.Root {
		return fmt.Errorf("%w: its first %d entries have root %s, but a checkpoint of %s says %s", ErrBroken, kept.Size, root,
			kept.Time.Format(time.RFC3339), kept.Root)
	}
	return c.sameTree(ctx, size, kept)
}

// sameTree proves that the tree of size grew out of that of a checkpoint (RFC 6962 section 2.1.2).
func (c *Checkpointer) sameTree(ctx context.Context, size int64, kept Checkpoint) error {
	if size == kept.Size {
		return nil
	}
	root, err := rootAt(ctx, c.src, size)
	if err != nil {
		return fmt.Errorf("audit: checkpoint: %w", err)
	}
	reader := hashReader(func(seqs []int64) (map[int64][]byte, error) { return c.src.AuditHashes(ctx, seqs) })
	proof, err := tlog.ProveTree(size, kept.Size, reader)
	if err == nil {
		err = tlog.CheckTree(proof, size, root, kept.Size, kept.Root)
	}
	if err != nil {
		return fmt.Errorf("%w: no proof that it grew out of the checkpoint of %d entries: %w", ErrBroken, kept.Size, err)
	}
	return nil
}

// Close writes the last checkpoint and waits for the work to end.
func (c *Checkpointer) Close() error {
	c.stop()
	<-c.done
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	_, err := c.Write(ctx)
	return err
}
