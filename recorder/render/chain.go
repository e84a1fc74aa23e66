package render

import (
	"slices"

	"naisen/recorder"
	"naisen/recorder/journal"
)

// maxChain bounds each of the lists in the manifest.
const maxChain = 1024

// chain collects who was in the call when, what else they heard of being recorded, and with which calls it belongs together.
type chain struct {
	segments []recorder.Segment
	open     map[int]int // index of the segment of each party that is there
	notices  []recorder.Notice
	links    []recorder.Link
}

// take reads what is no party, nobody's voice and no end. Of all rules the longest decides how long the case is kept, and the highest label its own.
func (c *chain) take(rec *journal.Record, of *recorder.Case) {
	switch rec.Kind {
	case journal.KindLeft:
		c.leave(rec.Left.Index, rec.Left.At.Milliseconds())
	case journal.KindNotice:
		if len(c.notices) < maxChain {
			c.notices = append(c.notices, rec.Notice)
		}
	case journal.KindLink:
		if len(c.links) < maxChain {
			c.links = append(c.links, rec.Link)
		}
	case journal.KindKept:
		of.RetentionDays = recorder.LongerDays(of.RetentionDays, rec.Kept.Days)
		if rec.Kept.Label != "" {
			of.Label = recorder.HigherLabel(of.Label, rec.Kept.Label)
		}
	}
}

// join begins the segment of a party, or of who it is from now on. The same again is no news.
func (c *chain) join(m journal.Party) {
	at := max(m.At.Milliseconds(), 0)
	if i, ok := c.open[m.Index]; ok {
		if s := c.segments[i].Party; s.Role == m.Party.Role && s.Number == m.Party.Number && s.Name == m.Party.Name {
			return
		}
		c.leave(m.Index, at)
	}
	if len(c.segments) >= maxChain {
		return
	}
	if c.open == nil {
		c.open = map[int]int{}
	}
	c.open[m.Index] = len(c.segments)
	c.segments = append(c.segments, recorder.Segment{Party: m.Party, FromMS: at})
}

func (c *chain) leave(party int, at int64) {
	if i, ok := c.open[party]; ok {
		c.segments[i].ToMS = max(at, c.segments[i].FromMS)
		delete(c.open, party)
	}
}

// end closes what lasts until the end of the recording, in ms, and cuts what began after it.
func (c *chain) end(at int64) {
	for party := range c.open {
		c.leave(party, at)
	}
	for i := range c.segments {
		s := &c.segments[i]
		s.FromMS, s.ToMS = min(s.FromMS, at), min(s.ToMS, at)
	}
}

// describe notes what was said about a party; who only comes back is said once.
func (p *party) describe(who recorder.Party) {
	if !slices.Contains(p.says, who) {
		p.says = append(p.says, who)
	}
}
