package provisioning

import (
	"strconv"
	"time"
)

// Mobile is a telephone beyond a trunk, most often a smartphone's own number, that rings as one of an extension's telephones. Whoever answers it has
// to press 1 before the call is theirs: a voicemail cannot. Calls to it are paid and answered for by the extension, and its number is shown to nobody
// whose call it takes.
type Mobile struct {
	Number   string  `json:"number" doc:"As the extension would dial it: its rights and limits count"`
	Delay    int     `json:"delay_seconds,omitempty" doc:"It rings so much later than the other telephones; at once where there are none. Of those that ring in order it is the last"`
	Hours    []Hours `json:"hours,omitempty" doc:"When it rings, by the clock of Japan; left out: always"`
	Holidays bool    `json:"no_holidays,omitempty" doc:"It does not ring on Japan's public holidays"`
}

// Rings tells whether it rings at a moment.
func (m *Mobile) Rings(now time.Time) bool {
	return m != nil && Calendar{Hours: m.Hours, Holidays: m.Holidays}.Mode(now) == ModeDay
}

// check: a telephone that would ring only after the call has gone on never rings.
func (m *Mobile) check(c *check, f Forwarding) {
	if m == nil {
		return
	}
	outsideNumber(c, "mobile.number", m.Number)
	longest := longestRing
	if f.NoAnswer != nil {
		longest = f.RingSeconds()
	}
	c.must(m.Delay >= 0 && m.Delay < longest, "mobile.delay_seconds", "must be 0 to "+strconv.Itoa(longest-1)+": then the call goes on")
	c.list("mobile.hours", len(m.Hours), 0, maxRingDevices)
	for i, h := range m.Hours {
		if c.err != nil {
			return
		}
		h.check(c, "mobile.hours["+strconv.Itoa(i)+"]")
	}
}
