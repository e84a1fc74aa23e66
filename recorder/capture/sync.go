package capture

import (
	"os"
	"sync"
	"time"
)

// syncer waits for the disk, so that nobody else does: once a second it syncs the journals that were written, and each one that ended. Several
// are synced by one call: each alone costs the processor about 180 µs, which is 1.8 µs for each packet of a recorded call.
type syncer struct {
	r     *Recorder
	wake  chan struct{} // a journal ended; one slot is enough
	ended chan struct{} // the drain goroutine is gone: nothing more comes

	mu    sync.Mutex
	dirty map[*recording]struct{}
	over  []closing // to be synced, closed and reported
	busy  int       // of those, taken off the list and not reported yet
	made  bool      // a file was made: the directory needs a sync too
}

type closing struct {
	rec   *recording
	whole bool
}

// manyFiles is from how many on they are synced together.
const manyFiles = 3

func newSyncer(r *Recorder) *syncer {
	return &syncer{r: r, wake: make(chan struct{}, 1), ended: make(chan struct{}), dirty: map[*recording]struct{}{}}
}

func (s *syncer) touch(c *recording) {
	s.mu.Lock()
	s.dirty[c] = struct{}{}
	s.mu.Unlock()
}

func (s *syncer) madeFile() {
	s.mu.Lock()
	s.made = true
	s.mu.Unlock()
}

func (s *syncer) finish(c *recording, whole bool) {
	s.mu.Lock()
	delete(s.dirty, c)
	s.over = append(s.over, closing{c, whole})
	s.mu.Unlock()
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *syncer) run() {
	defer s.r.done.Done()
	tick := time.NewTicker(s.r.cfg.Sync)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.syncDir()
			s.syncDirty()
			s.r.look()
		case <-s.wake:
			s.syncDir()
		case <-s.ended:
			s.syncDir()
			s.closeEnded()
			return
		}
		s.closeEnded()
	}
}

func (s *syncer) syncDirty() {
	s.mu.Lock()
	work := make([]*recording, 0, len(s.dirty))
	for c := range s.dirty {
		work = append(work, c)
	}
	clear(s.dirty)
	s.mu.Unlock()
	began := time.Now()
	if len(work) >= manyFiles && s.r.cfg.SyncAll != nil {
		if s.r.cfg.SyncAll() == nil {
			s.r.count.syncTook.Store(int64(time.Since(began)))
			return
		}
		s.closeEnded() // which of them it is their own syncs tell
	}
	for i, c := range work {
		if i%16 == 15 { // one that ended must not wait behind all that go on
			s.closeEnded()
		}
		s.mu.Lock()
		gone := c.closing
		s.mu.Unlock()
		if gone {
			continue
		}
		if err := c.f.Sync(); err != nil {
			s.r.count.syncErrors.Add(1)
			c.broken.Store(true)
		}
	}
	s.r.count.syncTook.Store(int64(time.Since(began)))
}

func (s *syncer) closeEnded() {
	s.mu.Lock()
	work := s.over
	s.over = nil
	for _, e := range work {
		e.rec.closing = true
	}
	s.busy = len(work)
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.busy = 0
		s.mu.Unlock()
	}()
	for _, e := range work {
		err := e.rec.f.Sync()
		if err != nil {
			s.r.count.syncErrors.Add(1)
			e.rec.fail(err)
		}
		if err := e.rec.f.Close(); err != nil {
			s.r.count.syncErrors.Add(1)
		}
		s.r.forget(e.rec)
		if e.whole {
			s.r.count.finished.Add(1)
			s.r.cfg.Ended(e.rec.ended())
		}
	}
}

func (s *syncer) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.over)+s.busy == 0
}

func (s *syncer) syncDir() {
	s.mu.Lock()
	made := s.made
	s.made = false
	s.mu.Unlock()
	if !made {
		return
	}
	d, err := os.Open(s.r.cfg.Dir)
	if err == nil {
		err = d.Sync()
		d.Close()
	}
	if err != nil {
		s.r.count.syncErrors.Add(1)
	}
}
