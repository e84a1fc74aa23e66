package main

import (
	"context"
	"fmt"
	"time"

	"naisen/loadtest/bulk"
)

// storm lets all accounts register again at once, as after a power cut, while calls are made.
func (s *site) storm(ctx context.Context, t *table, line *bulk.Line) error {
	g, err := s.generator(ctx)
	if err != nil {
		return err
	}
	defer g.close()
	const rate = 20
	calls := make(chan bulk.Result, 1)
	go func() {
		calls <- bulk.Paced(ctx, scale(s.lab, 20, 5)*rate, rate, g.call(g.caller, 500*time.Millisecond))
	}()
	r := bulk.Window(ctx, len(s.callers), 64, registering(line, s.callers))
	c := <-calls
	what := fmt.Sprintf("%d phones register again, 64 at once", len(s.callers))
	t.add(what, "s", "≤ 60 s", r.Took.Seconds()).note = errText(r.First)
	t.add(what+": failed", "", "0", float64(r.Failed))
	t.add(what+": calls meanwhile that failed", "", "0", float64(c.Failed)).note = errText(c.First)
	t.add(what+": 99th percentile of those calls' set-up", "ms", "", millis(bulk.Quantile(c.Setup, .99)))
	return s.until(ctx, time.Minute, map[string]float64{"naisen_calls": 0, "naisen_sip_transactions": 0})
}
