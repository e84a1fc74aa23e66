package app

import (
	"time"

	"naisen/cmd/pbx/internal/call"
)

// pressed takes a waiting caller's wish to be called back: first the key of the offer, then the number. The place in the line is kept from
// then on, and goes on being the caller's own as long as nothing is stored.
func (q *queueing) pressed(f call.Facts, keys string) []call.Order {
	asked := q.asking
	q.asking = false
	switch {
	case q.waits == waitsGoodbye:
		return nil
	case q.keeping || q.number == "":
		return []call.Order{q.music(f)} // the key has stopped it
	case !asked && keys == keepKey:
		return q.confirm(f)
	case !asked || keys == "": // no wish, or one that was thought better of: the offer comes back
		return []call.Order{q.music(f)}
	case keys == keepKey:
		return q.keep(f, q.number)
	}
	other, ok := q.from.Queues.Reach(f.Domain, f.Run.Name, keys)
	if !ok {
		return append([]call.Order{q.say(f, Say("ivr/invalid"), Say("queue/callback-confirm"))}, q.askNumber())
	}
	return q.keep(f, other)
}

// confirm says where the caller will be called, which the caller may change.
func (q *queueing) confirm(f call.Facts) []call.Order {
	return []call.Order{q.say(f, Say("queue/callback-number"), Spell(national(q.number)), Say("queue/callback-confirm")), q.askNumber()}
}

// askNumber collects 1, or another number.
func (q *queueing) askNumber() call.Order {
	q.asking = true
	return call.Gather{Max: 15, First: 10 * time.Second, Next: 3 * time.Second, Fresh: true}
}

func (q *queueing) keep(f call.Facts, number string) []call.Order {
	q.keeping = true
	q.from.Queues.WantKept(f.Call, number)
	return []call.Order{q.music(f)}
}
