package health

import (
	"cmp"
	"slices"

	"naisen/provisioning"
)

// Order sorts the ways to one destination: what is usable first, then by priority, then drawn by weight and quality. Those that are down
// stay at the end: a call may prove them wrong.
func (b *Book) Order(domain string, ways []provisioning.Trunk) []provisioning.Trunk {
	if len(ways) < 2 {
		return ways
	}
	type way struct {
		trunk provisioning.Trunk
		down  int
		draw  int
	}
	others := b.elsewheres(domain, ways)
	b.mu.Lock()
	now := b.now()
	list := make([]way, len(ways))
	for i, t := range ways {
		list[i] = way{trunk: t}
		weight := max(1, t.Weight)
		if s, ok := b.trunks[Key{domain, t.Name}]; ok {
			if !s.usable(now) || t.MaxCalls > 0 && s.Calls+others[i] >= t.MaxCalls {
				list[i].down = 1
			}
			weight = max(1, int(float64(100*weight)*s.quality()))
		} else {
			weight *= 100
		}
		list[i].draw = weight
	}
	b.mu.Unlock()
	slices.SortStableFunc(list, func(a, c way) int {
		return cmp.Or(a.down-c.down, a.trunk.Priority-c.trunk.Priority)
	})
	for from := 0; from < len(list); {
		to := from + 1
		for to < len(list) && list[to].down == list[from].down && list[to].trunk.Priority == list[from].trunk.Priority {
			to++
		}
		for i := from; i < to-1; i++ { // draw without putting back (RFC 2782 does the same with SRV weights)
			total := 0
			for j := i; j < to; j++ {
				total += list[j].draw
			}
			at := b.pick(total)
			for j := i; j < to; j++ {
				if at -= list[j].draw; at < 0 {
					chosen := list[j]
					copy(list[i+1:j+1], list[i:j])
					list[i] = chosen
					break
				}
			}
		}
		from = to
	}
	out := make([]provisioning.Trunk, len(list))
	for i := range list {
		out[i] = list[i].trunk
	}
	return out
}

// quality is the share of its weight that a trunk keeps: calls that fail, and slow ones, count against it. A twentieth always stays, so
// that it can prove itself again; the lock is held.
func (s *state) quality() float64 {
	q := (1 - s.FailureRate) * (1 - s.FailureRate)
	if slow := s.PDD.Seconds() - 4; slow > 0 { // a good carrier rings within 4 s
		q /= 1 + slow/4
	}
	return max(q, 0.05)
}
