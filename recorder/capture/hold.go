package capture

import (
	"errors"
	"time"

	"naisen/recorder"
	"naisen/recorder/journal"
)

// ErrNoRing says that as many calls are held in memory as may be at once, or that none may.
var ErrNoRing = errors.New("capture: no room in memory for the last stretch of one more call")

// MaxWindow is the longest stretch that is held.
const MaxWindow = 120 * time.Second

// A held recording is one without a journal. What the tap takes goes the same way, through the same queues, but the drain goroutine seals it into a
// ring of memory, within a tenth of a second. Keep gives it a journal: first what the ring holds, then what comes. Marks wait until then; their times
// and those of frames count from when the holding began, and are moved to where the journal begins.

var _ recorder.Holder = (*Recorder)(nil)

// Hold implements recorder.Holder.
func (r *Recorder) Hold(c recorder.Case, window time.Duration) (recorder.Held, error) {
	if err := check(&c); err != nil {
		r.count.refused.Add(1)
		return nil, err
	}
	rec := newRecording(r, c)
	window = max(min(window, MaxWindow), 0)
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.admit(c.ID, len(r.live) < r.cfg.Max+r.cfg.Rings) // each may have to become a journal
	if err == nil {
		rec.ring, err = r.rings.take(window)
	}
	if err == nil && rec.ring == nil {
		err = ErrNoRing
	}
	if err != nil {
		r.count.notHeld.Add(1)
		return nil, err
	}
	r.live[c.ID] = rec
	r.holding++
	r.count.held.Add(1)
	return rec, nil
}

// Keep implements recorder.Held.
func (c *recording) Keep(k recorder.Case) {
	tidyCase(&k)
	now := c.elapsed(c.of.cfg.Now())
	c.mu.Lock()
	late := c.ending != nil || c.wanted != nil
	if !late {
		c.wanted, c.wantedAt, c.kept, c.label = &k, now, k.RetentionDays, k.Label
	}
	c.mu.Unlock()
	if late {
		return
	}
	c.of.count.kept.Add(1)
	if c.of.full.Load() {
		c.fail(recorder.ErrDiskFull)
	}
}

// remember moves what waits into the ring; over: the call ended, and nothing of it is left. kept: it is a recording from now on.
func (c *recording) remember(scratch *[maxPayload]byte) (kept, over bool) {
	c.mu.Lock()
	wanted, ending := c.wanted, c.ending
	c.mu.Unlock()
	if wanted != nil {
		c.become(*wanted)
		return true, false
	}
	if ending != nil {
		c.forgetHeld()
		return false, true
	}
	at := c.elapsed(c.of.cfg.Now())
	var f journal.Frame
	for _, q := range *c.queues.Load() {
		for q.peek(&f, scratch) {
			c.ring.add(&f)
			q.drop()
		}
		if n := q.dropped.Swap(0); n > 0 { // before the stretch that may be kept, or a hole in it that its sequence numbers tell
			c.of.count.dropped.Add(n)
		}
	}
	c.ring.seal()
	c.ring.age(at - c.ring.window)
	c.last = at
	return false, false
}

// become turns a held recording into one with a journal that begins with the oldest frame that is held.
func (c *recording) become(k recorder.Case) {
	c.ring.age(c.wantedAt - c.ring.window)
	c.shift = c.wantedAt
	if c.ring.used > 0 {
		c.shift = max(min(c.ring.start(), c.wantedAt), 0)
	}
	k.ID, k.Domain, k.Call, k.Direction, k.Started = c.c.ID, c.c.Domain, c.c.Call, c.c.Direction, c.c.Started.Add(c.shift)
	if k.Asked != nil {
		a := *k.Asked
		a.BeforeMS = (c.wantedAt - c.shift).Milliseconds()
		k.Asked = &a
	}
	c.mu.Lock()
	c.marks = append([]mark{{journal.KindCase, k}}, current(c.marks[1:], c.shift)...)
	c.mu.Unlock()
	c.c, c.last = k, max(c.last, c.shift)
	c.of.mu.Lock()
	c.of.holding--
	c.of.mu.Unlock()
	c.replaying = true
}

// replay writes what was held into the journal; then the ring is destroyed.
func (c *recording) replay() error {
	if !c.replaying {
		return nil
	}
	err := c.ring.replay(func(f *journal.Frame) error {
		moved := *f
		moved.At = max(f.At-c.shift, 0)
		return c.w.Frame(&moved)
	})
	if err != nil {
		return err
	}
	if n := c.ring.damaged; n > 0 {
		c.of.cfg.Log.Error("capture: what was held in memory was altered", "recording", c.id, "chunks", n)
	}
	c.replaying = false
	c.freeRing()
	return nil
}

// forgetHeld destroys what nobody asked for.
func (c *recording) forgetHeld() {
	c.of.mu.Lock()
	c.of.holding--
	c.of.mu.Unlock()
	c.freeRing()
	c.of.count.forgotten.Add(1)
}

// freeRing destroys what is held, and its key.
func (c *recording) freeRing() {
	if c.ring == nil {
		return
	}
	c.ring.destroy()
	c.of.mu.Lock()
	c.of.rings.free = append(c.of.rings.free, c.ring.number)
	c.of.mu.Unlock()
	c.ring = nil
}

// moved is what a mark says with its times as the journal counts them.
func (c *recording) moved(v any) any {
	if c.shift == 0 {
		return v
	}
	to := func(at time.Duration) time.Duration { return max(at-c.shift, 0) }
	switch m := v.(type) {
	case journal.Party:
		m.At = to(m.At)
		return m
	case journal.Left:
		m.At = to(m.At)
		return m
	case journal.Mask:
		m.At = to(m.At)
		return m
	case journal.Pause:
		m.At = to(m.At)
		return m
	case journal.Listener:
		m.At = to(m.At)
		return m
	case journal.Drops:
		m.From, m.To = to(m.From), to(m.To)
		return m
	case recorder.Link:
		m.AtMS = max(m.AtMS-c.shift.Milliseconds(), 0)
		return m
	case *journal.Stop:
		s := *m
		s.At = to(s.At)
		return &s
	}
	return v
}

// current leaves of the marks those that say something of what comes after a moment: who had left by then was not there, what was masked is kept again.
func current(marks []mark, from time.Duration) []mark {
	over := make([]bool, len(marks))
	for i, m := range marks {
		var same func(v any) bool // an earlier mark that this one makes void
		switch m := m.v.(type) {
		case journal.Left:
			same = func(v any) bool { p, ok := v.(journal.Party); return ok && p.Index == m.Index }
			over[i] = m.At <= from
		case journal.Mask:
			same = func(v any) bool { _, ok := v.(journal.Mask); return ok }
			over[i] = !m.On && m.At <= from
		case journal.Pause:
			same = func(v any) bool { _, ok := v.(journal.Pause); return ok }
			over[i] = !m.On && m.At <= from
		case journal.Listener:
			same = func(v any) bool { l, ok := v.(journal.Listener); return ok && l.Key == m.Key }
			over[i] = m.Mode == "" && m.At <= from
		}
		if over[i] {
			for j := range i {
				over[j] = over[j] || same(marks[j].v)
			}
		}
	}
	var out []mark
	for i, m := range marks {
		if !over[i] {
			out = append(out, m)
		}
	}
	return out
}
