package capture

import (
	"sync"
	"sync/atomic"
	"time"

	"naisen/media"
	"naisen/recorder"
	"naisen/recorder/journal"
)

// recording is one capture. The packet path sees queues, epoch and stopped; the call uses mu's fields; the rest is the drain goroutine's.
type recording struct {
	of   *Recorder
	id   string
	base time.Time     // on capture's clock, when lead had passed since the case's start
	lead time.Duration // from Case.Started to base

	queues  atomic.Pointer[[]*queue] // immutable; replaced when a party joins
	epoch   atomic.Int64             // add it to Frame.Arrived to get the time since the start; noEpoch before the first frame
	stopped atomic.Bool
	broken  atomic.Bool // fsync failed
	masked  atomic.Bool // what is said and pressed is not kept
	paused  atomic.Bool // so too, since somebody asked for that
	closing bool        // guarded by syncer.mu: its file is or will be closed

	mu       sync.Mutex
	parties  int
	again    int // marks of parties that were known
	marks    []mark
	maskings int
	pauses   int            // marks of pauses
	heard    int            // marks of listeners
	noted    int            // marks of the chain
	kept     int            // days, by the longest rule so far
	label    recorder.Label // the highest so far
	failure  error          // the first one
	failed   func(error)
	ending   *journal.Stop
	wanted   *recorder.Case // of a held one: what it becomes
	wantedAt time.Duration

	// The drain goroutine's own.
	c          recorder.Case
	w          *journal.Writer
	slot       int // where w has its buffer
	f          journal.File
	oldest     time.Time // when the oldest record that no slot holds was taken; zero: none
	retry      time.Time // not before, after an error
	delay      time.Duration
	failing    bool
	stopMarked bool
	over       bool          // handed to the syncer, which takes it off the live ones
	last       time.Duration // of the last drain, for the span of drops
	ring       *ring         // what is held in memory; nil: nothing
	replaying  bool          // it goes into the journal
	shift      time.Duration // from when the holding began to where the journal begins
}

type mark struct {
	kind journal.Kind
	v    any
}

const noEpoch = -1 << 63

func newRecording(r *Recorder, c recorder.Case) *recording {
	now := r.cfg.Now()
	lead := now.Sub(c.Started)
	if c.Started.IsZero() {
		c.Started, lead = now, 0
	}
	if lead < 0 || lead > time.Minute { // the caller's clock is data; a wrong one must not shift the audio
		lead = 0
	}
	rec := &recording{of: r, id: c.ID, base: now, lead: lead, c: c, kept: c.RetentionDays, label: c.Label}
	rec.epoch.Store(noEpoch)
	rec.marks = append(rec.marks, mark{journal.KindCase, c})
	rec.queues.Store(&[]*queue{})
	for _, p := range c.Parties {
		rec.Party(p)
	}
	return rec
}

// elapsed is the time since the recording's start.
func (c *recording) elapsed(t time.Time) time.Duration { return t.Sub(c.base) + c.lead }

// Tap implements recorder.Recording.
func (c *recording) Tap() media.Tap { return (*tap)(c) }

// Party implements recorder.Recording. A party is known by its endpoint: the same endpoint again only changes what is said about it.
func (c *recording) Party(p recorder.Party) {
	tidy(&p)
	at := c.elapsed(c.of.cfg.Now())
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending != nil {
		return
	}
	old := *c.queues.Load()
	for _, q := range old {
		if q.endpoint == p.Endpoint {
			if c.again < maxChain {
				c.again++
				c.marks = append(c.marks, mark{journal.KindParty, journal.Party{Index: int(q.index), At: at, Party: p}})
			}
			return
		}
	}
	if c.parties == maxParties {
		c.of.count.strangers.Add(1)
		return
	}
	index := c.parties
	c.parties++
	c.marks = append(c.marks, mark{journal.KindParty, journal.Party{Index: index, At: at, Party: p}})
	fresh := append(append(make([]*queue, 0, len(old)+1), old...), &queue{endpoint: p.Endpoint, index: uint8(index), pool: c.of.pool})
	c.queues.Store(&fresh)
}

// Stop implements recorder.Recording.
func (c *recording) Stop(ended time.Time, why string) {
	if ended.IsZero() {
		ended = c.of.cfg.Now()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending != nil {
		return
	}
	c.ending = &journal.Stop{Ended: ended, At: max(c.elapsed(ended), 0), Why: cut(why)}
	c.stopped.Store(true)
}

// ended is what is known of a recording whose journal is whole, before it is rendered. The drain goroutine has given it away.
func (c *recording) ended() recorder.Manifest {
	c.mu.Lock()
	defer c.mu.Unlock()
	return recorder.Manifest{Case: c.c, Ended: c.ending.Ended, Why: c.ending.Why}
}

// maxMaskMarks bounds how often a recording can be masked: what comes later stays masked.
const maxMaskMarks = 512

// Mask keeps what is said, played and pressed from now on out of the recording, in both directions and whichever way digits come, until it is
// switched off. Time goes on: silence stands in its place. by stands in the manifest.
func (c *recording) Mask(on bool, by string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending != nil || c.masked.Load() == on || c.maskings >= maxMaskMarks && !on {
		return
	}
	c.maskings++
	c.masked.Store(on)
	c.marks = append(c.marks, mark{journal.KindMask, journal.Mask{On: on, At: c.elapsed(c.of.cfg.Now()), By: cut(by)}})
}

// Drained says whether the journal's writer has taken everything that the tap has seen so far.
func (c *recording) Drained() bool {
	for _, q := range *c.queues.Load() {
		if q.waiting.Load() != 0 {
			return false
		}
	}
	return true
}

// release gives the memory of the recording, which is over, back: of its journal's buffer, and of what still waits.
func (c *recording) release() {
	for _, q := range *c.queues.Load() {
		q.close()
	}
	c.freeRing()
	if c.w != nil {
		c.w = nil
		c.of.slots.put(c.slot)
	}
}

// OnFailure implements recorder.Recording.
func (c *recording) OnFailure(f func(error)) {
	c.mu.Lock()
	err := c.failure
	c.failed = f
	c.mu.Unlock()
	if err != nil {
		f(err)
	}
}

// fail tells the first failure, here or when somebody begins to listen.
func (c *recording) fail(err error) {
	c.mu.Lock()
	first, f := c.failure == nil, c.failed
	if first {
		c.failure = err
	}
	c.mu.Unlock()
	if !first {
		return
	}
	c.of.count.failures.Add(1)
	if f != nil {
		f(err)
	}
}

// tap is the packet path's view.
type tap recording

// Tap implements media.Tap: no lock, no allocation, no wait.
func (t *tap) Tap(f *media.Frame) {
	c := (*recording)(t)
	if c.stopped.Load() {
		return
	}
	for _, q := range *c.queues.Load() {
		if q.endpoint != f.From {
			continue
		}
		if f.Event || c.silent() || q.deaf.Load() { // which keys were pressed is in no file: a recording is what is heard
			b := blank(f)
			if q.push(&b, 0, c.when(f.Arrived)) {
				c.of.count.frames.Add(1)
			}
			return
		}
		codec := journal.CodecByte(f.Codec)
		if codec == 0 || len(f.Payload) > maxPayload {
			c.of.count.unusable.Add(1)
			q.dropped.Add(1)
			return
		}
		if q.push(f, codec, c.when(f.Arrived)) {
			c.of.count.frames.Add(1)
		}
		return
	}
	c.of.count.strangers.Add(1)
}

// when turns the packet path's clock into time since the start. The two clocks are compared once, at the first frame.
func (c *recording) when(arrived int64) time.Duration {
	epoch := c.epoch.Load()
	if epoch == noEpoch {
		fresh := int64(c.elapsed(c.of.cfg.Now())) - arrived
		if !c.epoch.CompareAndSwap(noEpoch, fresh) {
			fresh = c.epoch.Load()
		}
		epoch = fresh
	}
	return time.Duration(arrived + epoch)
}
