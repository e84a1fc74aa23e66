package capture

import (
	"naisen/recorder"
	"naisen/recorder/journal"
)

// maxListenerMarks bounds what a journal says of listeners. What comes later is not kept of their voices.
const maxListenerMarks = 512

// Listener notes how somebody beside the parties hears the call from now on; without a mode: no more. Of a listener's voice only what all
// parties hear is kept (barge), as that of a party; a whisper, and what a listener's telephone sends meanwhile, is not.
func (c *recording) Listener(endpoint string, l recorder.Listener) {
	voice := recorder.Party{Endpoint: endpoint, Role: "supervisor", Number: l.Number, Name: l.Name}
	tidy(&voice)
	at := c.elapsed(c.of.cfg.Now())
	c.mu.Lock()
	bound := c.ending != nil || c.heard >= maxListenerMarks
	if !bound {
		c.heard++
		c.marks = append(c.marks, mark{journal.KindListener, journal.Listener{At: at, Key: endpoint, Number: voice.Number, Name: voice.Name, Mode: cut(l.Mode)}})
	}
	c.mu.Unlock()
	known := c.hush(endpoint, bound || l.Mode != recorder.Barges)
	switch {
	case !bound && l.Mode == recorder.Barges:
		c.Party(voice)
	case known:
		c.Left(endpoint)
	}
}

// hush says whether an endpoint's voice is kept; false: it is none that the recording knows.
func (c *recording) hush(endpoint string, deaf bool) bool {
	for _, q := range *c.queues.Load() {
		if q.endpoint == endpoint {
			q.deaf.Store(deaf)
			return true
		}
	}
	return false
}
