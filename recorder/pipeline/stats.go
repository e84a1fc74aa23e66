package pipeline

import (
	"sync/atomic"
	"time"

	"naisen/recorder/capture"
)

type counters struct {
	rendered, interrupted, stored, failed, empty      atomic.Int64
	dropped                                           atomic.Int64
	renderErrors, uploadErrors, mismatches, unwritten atomic.Int64
	unlocked                                          atomic.Int64
}

// Stats of the pipeline. What stands before Rendered goes up and down, the rest only grows.
type Stats struct {
	Capture      capture.Stats
	StoreDown    bool // the store refused the last upload of some domain: the alarm
	Rendering    int  // journals waiting for or in their render
	Uploading    int  // sealed recordings waiting for or on their way to the store
	OldestRender time.Duration
	OldestUpload time.Duration
	Aside        int64 // journals that could not be rendered, and lie here until their time is over: alarm
	WaitingBytes int64 // of journals and sealed files on this machine, at the last sweep

	Rendered     int64
	Interrupted  int64 // of them, finished after a crash
	Stored       int64
	Failed       int64 // journals put aside
	Empty        int64 // journals and rows with nothing captured
	NotKept      int64 // rendered, and not worth keeping
	RenderErrors int64
	UploadErrors int64
	Mismatches   int64 // the store gave back something else than was put: alarm
	Unlocked     int64 // stored without the lock that their rule asks for, since the store keeps none: alarm
	Unwritten    int64 // catalogue rows that a later stage had to write
}

// Stats returns the numbers of this moment.
func (p *Pipeline) Stats() Stats {
	n := &p.count
	return Stats{Capture: p.capture.Stats(), StoreDown: p.down.any(), Aside: p.aside.Load(), Rendering: p.renders.len(), Uploading: p.uploads.len(),
		OldestRender: p.renders.oldest(), OldestUpload: p.uploads.oldest(), WaitingBytes: p.waiting.Load(), Rendered: n.rendered.Load(), Interrupted: n.interrupted.Load(),
		Stored: n.stored.Load(), Failed: n.failed.Load(), Empty: n.empty.Load(), NotKept: n.dropped.Load(), RenderErrors: n.renderErrors.Load(),
		UploadErrors: n.uploadErrors.Load(), Mismatches: n.mismatches.Load(), Unwritten: n.unwritten.Load(), Unlocked: n.unlocked.Load()}
}
