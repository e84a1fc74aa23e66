package provisioning

import (
	"strconv"
	"strings"
)

// Ringing says how the telephones of an extension ring: all at once, some later than others, or one after the other. The zero value: all at once.
type Ringing struct {
	Mode    string       `json:"mode,omitempty" doc:"together (default), or in-order: one device after the other, until one answers"`
	Seconds int          `json:"seconds,omitempty" doc:"In order: how long a device rings before the next one; 0: 15. Less where the call would end before all had their turn"`
	Devices []RingDevice `json:"devices,omitempty" doc:"Together: those that ring later than the others. In order: those that ring first, in this order; what is not named follows by its q (RFC 3261 section 10.2.1.2), the highest first, equal ones together"`
}

// RingDevice names telephones, and says when they ring. GET .../extensions/NUMBER/devices shows what is registered.
type RingDevice struct {
	Instance  string `json:"instance,omitempty" doc:"+sip.instance of one device, such as urn:uuid:..."`
	UserAgent string `json:"user_agent,omitempty" doc:"In place of instance: how the name begins that devices give themselves, such as Yealink"`
	Delay     int    `json:"delay_seconds,omitempty" doc:"Together: so much later than the others"`
}

// How the telephones of an extension ring.
const (
	RingTogether = "together"
	RingInOrder  = "in-order"
)

const (
	defaultRingTurn = 15 // seconds that a device rings in its turn
	maxRingDevices  = 16
	longestRing     = 60 // seconds that a telephone rings whose owner sends nobody on
	maxInstance     = 256
)

// Together tells whether all devices ring at once.
func (r Ringing) Together() bool { return r.Mode != RingInOrder && len(r.Devices) == 0 }

// Turn is how long a device rings before the next one, in seconds.
func (r Ringing) Turn() int {
	if r.Seconds == 0 {
		return defaultRingTurn
	}
	return r.Seconds
}

// Place is the first entry that names a device; -1: none does.
func (r Ringing) Place(instance, userAgent string) int {
	for i, d := range r.Devices {
		if d.Instance != "" && strings.EqualFold(bareInstance(d.Instance), bareInstance(instance)) ||
			d.UserAgent != "" && len(userAgent) >= len(d.UserAgent) && strings.EqualFold(userAgent[:len(d.UserAgent)], d.UserAgent) {
			return i
		}
	}
	return -1
}

// bareInstance is a +sip.instance without the brackets in which a Contact carries it.
func bareInstance(s string) string { return strings.TrimSuffix(strings.TrimPrefix(s, "<"), ">") }

// check: a device that would ring only after the call has gone on never rings.
func (r Ringing) check(c *check, f Forwarding) {
	c.oneOf("ring.mode", r.Mode, "", RingTogether, RingInOrder)
	inOrder := r.Mode == RingInOrder
	c.must(r.Seconds == 0 || inOrder, "ring.seconds", "belongs to in-order")
	c.must(r.Seconds == 0 || r.Seconds >= 5 && r.Seconds <= 120, "ring.seconds", "must be 5 to 120, or 0")
	c.list("ring.devices", len(r.Devices), 0, maxRingDevices)
	rings := longestRing
	if f.NoAnswer != nil {
		rings = f.RingSeconds()
	}
	for i, d := range r.Devices {
		if c.err != nil {
			return
		}
		at := "ring.devices[" + strconv.Itoa(i) + "]"
		c.must((d.Instance == "") != (d.UserAgent == ""), at, "must have exactly one of instance, user_agent")
		c.text(at+".user_agent", d.UserAgent)
		c.must(len(d.Instance) <= maxInstance && !strings.ContainsAny(d.Instance, " \t\r\n\""), at+".instance", "must be a URN such as urn:uuid:00000000-0000-1000-8000-000A95A0E128")
		c.must(Ringing{Devices: r.Devices[:i]}.Place(d.Instance, d.UserAgent) < 0, at, "is named by an entry before")
		if inOrder {
			c.must(d.Delay == 0, at+".delay_seconds", "belongs to together")
		} else {
			c.must(d.Delay >= 1 && d.Delay < rings, at+".delay_seconds", "must be 1 to "+strconv.Itoa(rings-1)+": then the call goes on")
		}
	}
}
