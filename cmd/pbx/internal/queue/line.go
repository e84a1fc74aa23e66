package queue

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"naisen/provisioning"
)

// line is one queue and who waits in it.
type line struct {
	key     Key
	conf    provisioning.Queue
	members []*agent // by number
	waiting []*caller
	handle  time.Duration // what a call takes with its wrap-up, averaged over the latest
	today   Today
}

// caller is one who waits: in a call, or by a place that is kept.
type caller struct {
	line     *line
	call     string                 // empty: a kept place
	kept     *provisioning.CallBack // nil: a live call
	id       string                 // of the visit
	from     Caller
	priority int
	arrived  time.Time
	seq      uint64 // of those who arrived in one instant
	ringing  []*agent
	offers   int
	keeping  bool      // a call-back is being stored for it
	settling time.Time // a kept place: the store has until then to show what became of the last try; zero: it waits
	busy     bool      // a kept place: agent or customer is being called
}

// before is the order of service: priority, then arrival.
func before(a, b *caller) int {
	return cmp.Or(cmp.Compare(b.priority, a.priority), a.arrived.Compare(b.arrived), cmp.Compare(a.seq, b.seq), strings.Compare(a.id, b.id))
}

// add puts a caller in its place.
func (l *line) add(w *caller) {
	at, _ := slices.BinarySearchFunc(l.waiting, w, before)
	l.waiting = slices.Insert(l.waiting, at, w)
}

func (l *line) remove(w *caller) {
	l.waiting = slices.DeleteFunc(l.waiting, func(o *caller) bool { return o == w })
}

// live counts the callers in calls.
func (l *line) live() (n int) {
	for _, w := range l.waiting {
		if w.kept == nil {
			n++
		}
	}
	return n
}

// staffed tells whether anybody is signed in to it.
func (l *line) staffed() bool {
	return slices.ContainsFunc(l.members, func(a *agent) bool { return a.staffs(l) })
}

// level is the least level of the queue's skill that will do for a caller now. It sinks with the waiting, to no skill at all.
func (l *line) level(w *caller, now time.Time) int {
	level := or(l.conf.Level, 1)
	if l.conf.Relax > 0 {
		level -= int(now.Sub(w.arrived) / (time.Duration(l.conf.Relax) * time.Second))
	}
	return max(level, 0)
}

// serves tells whether an agent may be offered a caller of the line, as far as skills say.
func (l *line) serves(a *agent, w *caller, now time.Time) bool {
	return l.conf.Strategy != provisioning.BySkill || a.wish.Skills[l.conf.Skill] >= l.level(w, now)
}

// prefer is the order in which free agents are offered a caller of the line.
func (l *line) prefer(a, b *agent) int {
	by := 0
	switch l.conf.Strategy {
	case provisioning.BySkill:
		by = cmp.Compare(b.wish.Skills[l.conf.Skill], a.wish.Skills[l.conf.Skill])
	case provisioning.ByRank:
		by = cmp.Compare(a.member[l], b.member[l])
	}
	return cmp.Or(by, a.idle.Compare(b.idle), strings.Compare(a.key.Number, b.key.Number))
}

// estimate is how long the caller at a place will wait, from what calls took lately and who works; false: nobody does.
func (l *line) estimate(place int) (time.Duration, bool) {
	n := 0
	for _, a := range l.members {
		if a.staffs(l) && a.works() {
			n++
		}
	}
	if n == 0 {
		return 0, false
	}
	return l.handle * time.Duration(place) / time.Duration(n), true
}

// took learns what a call took.
func (l *line) took(d time.Duration) {
	const weight = 8
	l.handle += (d - l.handle) / weight
}

// sortedLines are the queues that an agent may serve, by number.
func sortedLines(a *agent) []*line {
	return slices.SortedFunc(maps.Keys(a.member), func(x, y *line) int { return strings.Compare(x.key.Number, y.key.Number) })
}
