package capture

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"naisen/recorder"
	"naisen/recorder/journal"
)

// drain is the one goroutine that writes journals. The file system's cache takes its writes; waiting for the disk is the syncer's part.
func (r *Recorder) drain() {
	defer r.done.Done()
	defer close(r.sync.ended)
	tick := time.NewTicker(r.cfg.Drain)
	defer tick.Stop()
	var scratch [maxPayload]byte
	var work []*recording
	for {
		closing := false
		select {
		case <-tick.C:
		case <-r.stop:
			closing = true
		}
		work = r.snapshot(work[:0])
		for _, rec := range work {
			if rec.over { // the syncer's now
				continue
			}
			if closing {
				rec.Stop(r.cfg.Now(), "shutdown")
			}
			if rec.over = rec.step(&scratch, closing); rec.over {
				rec.release()
				if rec.f == nil {
					r.forget(rec) // it never got as far as a file
				}
			}
		}
		clear(work)
		clear(scratch[:]) // somebody's voice
		if closing {
			return
		}
	}
}

// forget ends the time in which the journal is nobody else's.
func (r *Recorder) forget(c *recording) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.live, c.id)
}

func (r *Recorder) snapshot(work []*recording) []*recording {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rec := range r.live {
		work = append(work, rec)
	}
	return work
}

// step moves what waits into the journal; true when the recording is over and its file handed to the syncer.
func (c *recording) step(scratch *[maxPayload]byte, closing bool) bool {
	now := time.Now()
	if c.failing && now.Before(c.retry) && !closing {
		return false
	}
	if c.ring != nil && !c.replaying {
		if kept, over := c.remember(scratch); !kept {
			return over
		}
	}
	err := c.write(scratch, now)
	if err == nil && c.broken.Swap(false) {
		err = errors.New("capture: sync failed")
	}
	c.state(err, now)
	over := err == nil && c.w.Done()
	if !over && !closing {
		return false
	}
	// On closing, what the disk did not take is left: the next start finishes the journal as interrupted.
	if c.f != nil {
		c.of.sync.finish(c, over)
	}
	return true
}

func (c *recording) write(scratch *[maxPayload]byte, now time.Time) error {
	if c.w == nil {
		if err := c.create(); err != nil {
			return err
		}
	}
	before := c.w.Written()
	defer func() {
		if n := c.w.Written() - before; n > 0 {
			c.of.count.bytes.Add(n)
			c.of.sync.touch(c)
		}
	}()
	if c.w.Done() {
		return nil
	}
	fresh, ending, err := c.takeMarks()
	if err != nil {
		return err
	}
	if err := c.replay(); err != nil {
		return err
	}
	// The stop was read before the queues: what the tap put in before it is drained now, what comes after it is after the end.
	if err := c.takeFrames(scratch); err != nil {
		return err
	}
	if ending != nil {
		return c.finish(ending)
	}
	if !c.w.Pending() {
		c.oldest = time.Time{}
		return nil
	}
	if c.oldest.IsZero() {
		c.oldest = now
	}
	if fresh || now.Sub(c.oldest) >= c.of.cfg.Flush {
		if err := c.w.Flush(); err != nil {
			return err
		}
		c.oldest = time.Time{}
	}
	return nil
}

// finish ends the journal. The stop mark goes in once, however often the disk refuses what follows.
func (c *recording) finish(ending *journal.Stop) error {
	if !c.stopMarked {
		if err := c.w.Mark(journal.KindStop, c.moved(ending)); err != nil {
			return err
		}
		c.stopMarked = true
	}
	return c.w.Finish()
}

func (c *recording) create() error {
	f, err := c.of.cfg.Open(Path(c.of.cfg.Dir, c.id))
	if err != nil {
		return fmt.Errorf("capture: journal: %w", err)
	}
	slot, buf := c.of.slots.take()
	w, err := journal.NewWriter(context.Background(), f, c.of.cfg.Keeper, c.id, buf)
	if err != nil {
		c.of.slots.put(slot)
		f.Close()
		return err
	}
	c.f, c.w, c.slot = f, w, slot
	c.of.sync.madeFile()
	c.of.cfg.Began(c.c)
	return nil
}

// takeMarks writes the marks that wait; a mark leaves the list only when the journal has it.
func (c *recording) takeMarks() (fresh bool, ending *journal.Stop, err error) {
	for {
		c.mu.Lock()
		if len(c.marks) == 0 {
			ending = c.ending
			c.mu.Unlock()
			return fresh, ending, nil
		}
		m := c.marks[0]
		c.mu.Unlock()
		if err := c.w.Mark(m.kind, c.moved(m.v)); err != nil && !errors.Is(err, journal.ErrTooLarge) {
			return fresh, nil, err
		}
		fresh = true
		c.mu.Lock()
		c.marks = c.marks[1:]
		c.mu.Unlock()
	}
}

func (c *recording) takeFrames(scratch *[maxPayload]byte) error {
	at := c.elapsed(c.of.cfg.Now())
	var f journal.Frame
	for _, q := range *c.queues.Load() {
		for q.peek(&f, scratch) {
			f.At = max(f.At-c.shift, 0)
			if err := c.w.Frame(&f); err != nil {
				return err
			}
			q.drop()
		}
		if n := q.dropped.Swap(0); n > 0 {
			c.of.count.dropped.Add(n)
			if err := c.w.Mark(journal.KindDrops, c.moved(journal.Drops{Index: int(q.index), From: c.last, To: at, N: n})); err != nil {
				q.dropped.Add(n)
				c.of.count.dropped.Add(-n)
				return err
			}
		}
	}
	c.last = at
	return nil
}

// state tells the call, the log and the counters once for each change, and slows the tries down while the disk refuses.
func (c *recording) state(err error, now time.Time) {
	log := c.of.cfg.Log
	switch {
	case err != nil:
		full := errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG) || errors.Is(err, recorder.ErrDiskFull)
		if full {
			c.of.full.Store(true)
			err = fmt.Errorf("%w: %w", recorder.ErrDiskFull, err)
		}
		c.delay = min(max(2*c.delay, c.of.cfg.Drain), time.Second)
		c.retry = now.Add(c.delay)
		if !c.failing {
			c.failing = true
			c.of.count.failing.Add(1)
			log.Error("capture: journal refused", "recording", c.id, "domain", c.c.Domain, "call", c.c.Call, "err", err)
		}
		c.fail(err)
	case c.failing:
		c.failing, c.delay = false, 0
		c.of.count.failing.Add(-1)
		c.of.full.Store(false)
		log.Info("capture: journal written again", "recording", c.id, "domain", c.c.Domain, "call", c.c.Call)
	}
}
