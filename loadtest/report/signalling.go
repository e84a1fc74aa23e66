package main

import (
	"context"
	"fmt"
	"time"

	"naisen/loadtest/bulk"
)

const setupMethod = "20 calls/s for 15 s between UDP phones, open loop; each is challenged and answers. Counted: from the INVITE with credentials until the callee's kernel " +
	"has its INVITE, plus from the callee's 200 until the caller's kernel has its 200. The same two sockets calling each other directly show what the generator and loopback add."

func measureSetup(ctx context.Context, l *lab) (*table, error) {
	t := &table{}
	for _, k := range []struct {
		name, target string
		start        func(context.Context) (*site, error)
	}{{"all processors", "≤ 10 ms", l.startFree}, {"one core", "", l.start}} {
		s, err := k.start(ctx)
		if err != nil {
			return t, err
		}
		err = s.setup(ctx, t, k.name, k.target)
		s.stop()
		if err != nil {
			return t, err
		}
	}
	return t, nil
}

// setup measures one switch, and the direct way beside it.
func (s *site) setup(ctx context.Context, t *table, name, target string) error {
	const rate = 20
	if err := s.provision(ctx, 40); err != nil {
		return err
	}
	g, err := s.generator(ctx)
	if err != nil {
		return err
	}
	defer g.close()
	direct, err := bulk.Open(outside, g.callee.Local(), s.Domain)
	if err != nil {
		return err
	}
	defer direct.Close()
	n := scale(s.lab, 300, 60)
	for range s.lab.runs {
		r := bulk.Paced(ctx, n, rate, g.call(g.caller, 500*time.Millisecond))
		t.percentiles(name, target, r)
		if r.Failed > 0 {
			t.add(name+", failed calls", "", "0", float64(r.Failed)).note = fmt.Sprint(r.First)
		}
	}
	t.percentiles(name+", direct", "", bulk.Paced(ctx, n/4, rate, g.call(direct, 500*time.Millisecond)))
	return nil
}

// percentiles adds those of the set-up time; the target is of the 99th.
func (t *table) percentiles(name, target string, r bulk.Result) {
	t.add(name+", p50", "ms", "", millis(bulk.Quantile(r.Setup, .5)))
	t.add(name+", p95", "ms", "", millis(bulk.Quantile(r.Setup, .95)))
	t.add(name+", p99", "ms", target, millis(bulk.Quantile(r.Setup, .99)))
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

const signallingMethod = "Registrations at 200/s: REGISTER, 401, REGISTER with SHA-256 digest, 200; the switch writes the binding to its store, kamailio keeps it in memory. Calls at 40/s held " +
	"500 ms: INVITE, 401, INVITE, 180, 200, ACK, BYE; the switch has two dialogs, media endpoints, a call record and an audit entry for each, kamailio forwards with transaction state " +
	"and does not stay in the path of media. Both run with one worker on the same processor, one after the other in each run, the other one idle. Nothing is subtracted."

func measureSignalling(ctx context.Context, l *lab) (*table, error) {
	return contest(ctx, l, func(g *generator, t *table) error { return g.processorTime(ctx, l, t) })
}

// processorTime adds what a registration and a call cost.
func (g *generator) processorTime(ctx context.Context, l *lab, t *table) error {
	for _, k := range []struct {
		name, target string
		n            int
		rate         float64
		job          job
	}{
		{"registration", "≤ 0.15 ms", scale(l, 2000, 200), 200, g.register},
		{"call", "≤ 1.5 ms", scale(l, 400, 60), 40, g.call(g.caller, 500*time.Millisecond)},
	} {
		cost, r, err := g.costOf(func() bulk.Result { return bulk.Paced(ctx, k.n, k.rate, k.job) })
		if err != nil {
			return err
		}
		if g.name != "" {
			k.target = ""
		}
		t.add("processor time of a "+k.name+g.name, "ms", k.target, cost/float64(max(r.Done, 1))).note = fmt.Sprintf("%d failed", r.Failed)
	}
	return nil
}

const ratesMethod = "The switch, then kamailio with one worker, each on one processor while the other idles. Calls: open loop, each step 5 s, held 200 ms, the rate rises by a quarter until 0.1 % fail (no answer in 8 s, or any refusal; the generator retransmits nothing, " +
	"so a datagram lost is a call failed). Registrations: closed loop, 32 at once for 5,000. The generator shares the machine and is the limit when its own processor is full."

func measureRates(ctx context.Context, l *lab) (*table, error) {
	return contest(ctx, l, func(g *generator, t *table) error { return g.rates(ctx, l, t) })
}

// rates adds registrations and calls per second.
func (g *generator) rates(ctx context.Context, l *lab, t *table) error {
	n := scale(l, 5000, 1000)
	cost, r, err := g.costOf(func() bulk.Result { return bulk.Window(ctx, n, 32, g.register) })
	if err != nil {
		return err
	}
	t.add("registrations"+g.name, "/s", "", float64(r.Done)/r.Took.Seconds())
	t.add("registrations"+g.name+", processor time of one", "ms", "", cost/float64(max(r.Done, 1)))
	t.add("registrations"+g.name+", failed", "%", "< 0.1 %", 100*float64(r.Failed)/float64(n)).note = errText(r.First)
	t.add("registrations"+g.name+", 99th percentile", "ms", "", millis(bulk.Quantile(r.Setup, .99)))
	t.add("registrations"+g.name+", busy", "%", "", cost/r.Took.Seconds()/10)
	return g.climb(ctx, l, t)
}

// climb raises the call rate until calls fail.
func (g *generator) climb(ctx context.Context, l *lab, t *table) error {
	length := scale(l, 5.0, 3.0)
	best, busy, each, p99, why := 0.0, 0.0, 0.0, 0.0, ""
	for rate := scale(l, 100.0, 20.0); rate < scale(l, 2000.0, 60.0) && ctx.Err() == nil; rate *= 1.25 {
		n := int(rate * length)
		cost, r, err := g.costOf(func() bulk.Result { return bulk.Paced(ctx, n, rate, g.call(g.caller, 200*time.Millisecond)) })
		if err != nil {
			return err
		}
		if float64(r.Failed) >= 0.001*float64(n) {
			why = fmt.Sprintf("at %.0f/s %d of %d failed: %v", rate, r.Failed, n, r.First)
			break
		}
		best, busy, each, p99 = rate, cost/r.Took.Seconds()/10, cost/float64(max(r.Done, 1)), millis(bulk.Quantile(r.Total, .99))
	}
	target := ""
	if g.name == "" {
		target = "≥ 400 /s"
	}
	t.add("calls"+g.name, "/s", target, best).note = why
	t.add("calls"+g.name+" at that rate, processor time of one", "ms", "", each)
	t.add("calls"+g.name+" at that rate, busy", "%", "", busy)
	t.add("calls"+g.name+" at that rate, 99th percentile of first INVITE to 200", "ms", "", p99)
	return g.half(ctx, l, t, best/2)
}

// half adds the set-up time at half the rate that was reached, when the overload before has passed.
func (g *generator) half(ctx context.Context, l *lab, t *table, rate float64) error {
	if err := pause(ctx, 3*time.Second); err != nil || rate <= 0 {
		return err
	}
	r := bulk.Paced(ctx, int(rate*scale(l, 8.0, 3.0)), rate, g.call(g.caller, 200*time.Millisecond))
	target := ""
	if g.name == "" {
		target = "≤ 10 ms"
	}
	what := "calls" + g.name + " at half that rate, set-up time added, 99th percentile"
	t.add(what, "ms", target, millis(bulk.Quantile(r.Setup, .99))).note = fmt.Sprintf("median %.2f ms, %d of %d failed", millis(bulk.Quantile(r.Setup, .5)), r.Failed, r.Done+r.Failed)
	return nil
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
