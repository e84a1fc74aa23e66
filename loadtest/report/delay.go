package main

import (
	"context"
	"fmt"
	"time"

	"naisen/loadtest/bulk"
)

const delayMethod = "The rate that is demanded of one core is 400 calls/s; this is what a caller waits at half of it, 200 calls/s, open loop, held 200 ms, on one processor. " +
	"Counted as in the section setup: what the switch adds to INVITE and 200. kamailio does the same work beside it."

// measureDelay is the set-up time at half of the rate that one core must bear.
func measureDelay(ctx context.Context, l *lab) (*table, error) {
	return contest(ctx, l, func(g *generator, t *table) error { return g.delay(ctx, l, t) })
}

func (g *generator) delay(ctx context.Context, l *lab, t *table) error {
	const half = 200
	target := ""
	if g.name == "" {
		target = "≤ 10 ms"
	}
	cost, r, err := g.costOf(func() bulk.Result {
		return bulk.Paced(ctx, scale(l, 10, 3)*half, half, g.call(g.caller, 200*time.Millisecond))
	})
	if err != nil {
		return err
	}
	what := fmt.Sprintf("%d calls/s%s", half, g.name)
	t.percentiles(what, target, r)
	t.add(what+", failed", "", "0", float64(r.Failed)).note = errText(r.First)
	t.add(what+", processor time of one", "ms", "", cost/float64(max(r.Done, 1)))
	return nil
}
