package call

import (
	"strings"
	"time"
)

const (
	maxKeys       = 32
	firstPatience = 7 * time.Second
	nextPatience  = 3 * time.Second
	// onePath: a phone that signals each key twice, in RTP and by INFO, is believed by the way that it used first until it was quiet for so long.
	onePath = 2 * time.Second
)

// path is how a key came.
type path int

const (
	byRTP path = iota
	byInfo
)

// keypad remembers how a party's keys come.
type keypad struct {
	path  path
	last  time.Time
	typed string // while it talks: the keys that may be the beginning of a code
}

// hears says that a key is a new one, and not the echo of one that came the other way.
func (k *keypad) hears(p path, now time.Time) bool {
	if !k.last.IsZero() && p != k.path && now.Sub(k.last) < onePath {
		return false
	}
	k.path, k.last = p, now
	return true
}

// collector gathers keys for a script.
type collector struct {
	order    Gather
	keys     []rune
	patience clock
}

// add takes a key; end: it was the last one.
func (g *collector) add(key rune) (end bool, why GatherEnd) {
	if key == g.order.End {
		return true, GatherDone
	}
	g.keys = append(g.keys, key)
	return len(g.keys) >= g.order.Max, GatherFull
}

func (g *collector) result(why GatherEnd) Gathered {
	return Gathered{Keys{string(g.keys), g.order.Secret}, why}
}

// pressed takes a key of the party.
func (c *Call) pressed(p *party, key rune, how path) {
	a := c.act
	if a == nil || p != c.caller || !isKey(key) || !p.keypad.hears(how, time.Now()) {
		return
	}
	g := a.gather
	if g == nil {
		if len(a.ahead) < maxKeys {
			a.ahead = append(a.ahead, key)
		}
		return
	}
	c.interrupt(a, g)
	if end, why := g.add(key); end {
		c.gathered(why)
		return
	}
	if a.on == nil || !g.order.Whole {
		c.set(&g.patience, g.order.Next, nil)
	}
}

// isKey knows the sixteen keys (RFC 4733 section 3.2); what else a phone signals is no key.
func isKey(r rune) bool { return strings.ContainsRune("0123456789*#ABCD", r) }

// collect begins to gather. What was pressed before counts, and is told as if it were pressed now.
func (c *Call) collect(a *act, o Gather) {
	c.stopGathering(a)
	g := &collector{order: o.complete()}
	a.gather = g
	if o.Secret {
		c.mask(true)
	}
	ahead := a.ahead
	a.ahead = nil
	if o.Fresh || len(ahead) == 0 {
		c.awaitKeys(a)
		return
	}
	c.interrupt(a, g)
	for i, key := range ahead {
		if end, why := g.add(key); end {
			a.ahead = ahead[i+1:]
			c.stopGathering(a)
			c.later(a, g.result(why))
			return
		}
	}
	if a.on == nil {
		c.set(&g.patience, g.order.Next, nil)
	}
}

// complete fills in what was left out.
func (o Gather) complete() Gather {
	if o.Max <= 0 || o.Max > maxKeys {
		o.Max = maxKeys
	}
	if o.First <= 0 {
		o.First = firstPatience
	}
	if o.Next <= 0 {
		o.Next = nextPatience
	}
	if o.End == 0 {
		o.End = '#'
	}
	return o
}

// interrupt stops what is played once a key was pressed.
func (c *Call) interrupt(a *act, g *collector) {
	if a.on != nil && !g.order.Whole {
		c.air(a, nil)
	}
}

// awaitKeys begins to be impatient, unless something is still being played.
func (c *Call) awaitKeys(a *act) {
	g := a.gather
	switch {
	case g == nil || a.on != nil:
	case len(g.keys) == 0:
		c.set(&g.patience, g.order.First, nil)
	default:
		c.set(&g.patience, g.order.Next, nil)
	}
}

// gathered ends the collection and tells the script.
func (c *Call) gathered(why GatherEnd) {
	a := c.act
	g := a.gather
	c.stopGathering(a)
	c.cue(g.result(why))
}

func (c *Call) stopGathering(a *act) {
	g := a.gather
	if g == nil {
		return
	}
	g.patience.stop()
	a.gather = nil
	if g.order.Secret {
		c.mask(false)
	}
}
