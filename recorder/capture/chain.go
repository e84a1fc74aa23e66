package capture

import (
	"naisen/recorder"
	"naisen/recorder/journal"
)

// maxChain bounds what a journal says of who left, of notices and of other calls.
const maxChain = 512

// Left notes that a party is not in the call any more. Told of again it is back.
func (c *recording) Left(endpoint string) {
	for _, q := range *c.queues.Load() {
		if q.endpoint == endpoint {
			at := c.elapsed(c.of.cfg.Now())
			c.note(journal.KindLeft, journal.Left{Index: int(q.index), At: at})
			return
		}
	}
}

// Informed keeps the receipt of a notice that somebody heard beside the one that the recording waited for.
func (c *recording) Informed(n recorder.Notice) {
	tidyNotice(&n)
	c.note(journal.KindNotice, n)
}

// Linked notes another call of the same conversation.
func (c *recording) Linked(l recorder.Link) {
	l.Call, l.How = cut(l.Call), cut(l.How)
	l.AtMS = max(c.elapsed(c.of.cfg.Now()).Milliseconds(), 0)
	c.note(journal.KindLink, l)
}

// Kept notes that a rule which keeps the recording for so many days (0: without end) and calls it so confidential holds besides. Only a longer or
// higher one is news, so there are never many of these marks, and the bound of the others does not hold for them.
func (c *recording) Kept(days int, label recorder.Label) {
	c.mu.Lock()
	defer c.mu.Unlock()
	longest, highest := recorder.LongerDays(c.kept, days), recorder.HigherLabel(c.label, label)
	if c.ending == nil && (longest != c.kept || highest != c.label) {
		c.kept, c.label = longest, highest
		c.marks = append(c.marks, mark{journal.KindKept, journal.Kept{Days: longest, Label: highest}})
	}
}

func (c *recording) note(kind journal.Kind, v any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ending != nil || c.noted >= maxChain {
		return
	}
	c.noted++
	c.marks = append(c.marks, mark{kind, v})
}
