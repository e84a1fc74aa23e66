package capture

import (
	"naisen/media"
	"naisen/recorder"
	"naisen/recorder/journal"
)

// maxPauseMarks bounds how often a recording can be paused. Beyond it the recording goes on: what nobody could see in the manifest is not left out.
const maxPauseMarks = 512

// Pause keeps what is said, played and pressed from now on out of the recording, in both directions and whichever way digits come, until Resume. What
// comes meanwhile is written nowhere, not even encrypted; its time and its sequence numbers go on. Who paused stands in the manifest. False: it could not be.
func (c *recording) Pause(o recorder.Order) bool { return c.pause(true, o) }

// Resume keeps again what comes.
func (c *recording) Resume(o recorder.Order) { c.pause(false, o) }

func (c *recording) pause(on bool, o recorder.Order) bool {
	tidyOrder(&o)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.ending != nil || c.paused.Load() == on:
		return false
	case on && c.pauses >= maxPauseMarks:
		return false
	}
	c.pauses++
	c.paused.Store(on)
	c.marks = append(c.marks, mark{journal.KindPause, journal.Pause{On: on, At: c.elapsed(c.of.cfg.Now()), Order: o}})
	return true
}

// silent says that nothing is kept of what anybody says now.
func (c *recording) silent() bool { return c.masked.Load() || c.paused.Load() }

// blank is what the journal gets of a frame that is not to be kept: that it came, so that its number does not count as lost, and nothing of what it
// held. Its timestamp goes too: it stands still while a key is pressed, and would tell how many were.
func blank(f *media.Frame) media.Frame {
	return media.Frame{Played: f.Played, Event: true, Sequence: f.Sequence, SSRC: f.SSRC, Arrived: f.Arrived}
}

func tidyOrder(o *recorder.Order) {
	for _, s := range []*string{&o.By, &o.How, &o.Reason} {
		*s = cut(*s)
	}
}
