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
	checkTimes(c, "mobile", m.Delay, m.Hours, f)
}

func checkTimes(c *check, field string, delay int, hours []Hours, f Forwarding) {
	longest := longestRing
	if f.NoAnswer != nil {
		longest = f.RingSeconds()
	}
	c.must(delay >= 0 && delay < longest, field+".delay_seconds", "must be 0 to "+strconv.Itoa(longest-1)+": then the call goes on")
	c.list(field+".hours", len(hours), 0, maxRingDevices)
	for i, h := range hours {
		if c.err != nil {
			return
		}
		h.check(c, field+".hours["+strconv.Itoa(i)+"]")
	}
}

// FMCTimes say when a mobile rings that a carrier brings into the office. It may call at all times.
type FMCTimes struct {
	Delay    int     `json:"delay_seconds,omitempty" doc:"It rings so much later than the other telephones; at once where there are none. Of those that ring in order it is the last"`
	Hours    []Hours `json:"hours,omitempty" doc:"When it rings, by the clock of Japan; left out: always"`
	Holidays bool    `json:"no_holidays,omitempty" doc:"It does not ring on Japan's public holidays"`
}

// Rings tells whether it rings at a moment.
func (m *FMCTimes) Rings(now time.Time) bool {
	return m == nil || Calendar{Hours: m.Hours, Holidays: m.Holidays}.Mode(now) == ModeDay
}

// Wait is the delay in seconds.
func (m *FMCTimes) Wait() int {
	if m == nil {
		return 0
	}
	return m.Delay
}

func (m *FMCTimes) check(c *check, f Forwarding) {
	if m != nil {
		checkTimes(c, "fmc", m.Delay, m.Hours, f)
	}
}
