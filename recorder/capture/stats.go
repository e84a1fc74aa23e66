package capture

import (
	"sync/atomic"
	"time"
)

type counters struct {
	started, finished, refused           atomic.Int64
	frames, dropped, strangers, unusable atomic.Int64
	failures, failing, syncErrors, bytes atomic.Int64
	syncTook, diskFree, diskTotal        atomic.Int64
	held, notHeld, kept, forgotten       atomic.Int64
}

// Stats of capture. Live, Holding, Failing, SyncTook, DiskFree and DiskTotal go up and down, the rest only grows.
type Stats struct {
	Live       int           // recordings under way
	Failing    int64         // of them, those whose journal the disk refuses now: the alarm
	DiskFull   bool          // the journal disk has no room: the alarm
	DiskHigh   bool          // more than 90 % of it is used: the warning before
	DiskFree   int64         // bytes
	DiskTotal  int64         // bytes
	SyncTook   time.Duration // the last round of fsync
	Started    int64
	Finished   int64 // journals complete on disk
	Refused    int64 // Start said no
	Frames     int64 // taken from the packet path
	Dropped    int64 // refused by a full queue, or not storable
	Strangers  int64 // frames of an endpoint that no party has
	Unusable   int64 // frames of an unknown codec or size; they are in Dropped too
	Failures   int64 // recordings that met a disk error
	SyncErrors int64
	Bytes      int64 // written to journals

	Holding   int   // calls whose last stretch is in memory
	Held      int64 // calls that it was begun for
	NotHeld   int64 // calls for which there was no room
	Kept      int64 // somebody asked for it
	Forgotten int64 // nobody did, and it was destroyed
	Unlocked  bool  // the system does not let the keys of what is held be locked in memory
}

// Stats returns the numbers of this moment.
func (r *Recorder) Stats() Stats {
	r.mu.Lock()
	holding := r.holding
	live := len(r.live) - holding
	r.mu.Unlock()
	n := &r.count
	s := Stats{Live: live, Failing: n.failing.Load(), DiskFull: r.full.Load(), DiskFree: n.diskFree.Load(), DiskTotal: n.diskTotal.Load(),
		SyncTook: time.Duration(n.syncTook.Load()), Started: n.started.Load(), Finished: n.finished.Load(), Refused: n.refused.Load(),
		Frames: n.frames.Load(), Dropped: n.dropped.Load(), Strangers: n.strangers.Load(), Unusable: n.unusable.Load(),
		Failures: n.failures.Load(), SyncErrors: n.syncErrors.Load(), Bytes: n.bytes.Load(),
		Holding: holding, Held: n.held.Load(), NotHeld: n.notHeld.Load(), Kept: n.kept.Load(), Forgotten: n.forgotten.Load(),
		Unlocked: r.cfg.Rings > 0 && !r.rings.locked}
	s.DiskHigh = s.DiskTotal > 0 && s.DiskFree < s.DiskTotal/10
	return s
}

// look reads how much room the journal disk has; once a second.
func (r *Recorder) look() {
	free, total, ok := diskSpace(r.cfg.Dir)
	if !ok {
		return
	}
	r.count.diskFree.Store(free)
	r.count.diskTotal.Store(total)
	was, is := r.full.Load(), free < r.cfg.MinFree || r.count.failing.Load() > 0 && r.full.Load()
	r.full.Store(is)
	if was != is {
		r.cfg.Log.Warn("capture: journal disk", "full", is, "free_bytes", free)
	}
}
