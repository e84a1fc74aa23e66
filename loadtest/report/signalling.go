package main

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"naisen/loadtest/bulk"
	"naisen/loadtest/callgen/process"
)

const setupMethod = "20 calls/s for 30 s between UDP phones, open loop; each is challenged and answers. Counted: from the INVITE with credentials until the callee's kernel " +
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
	caller, callee, answers, err := s.pair(ctx)
	if err != nil {
		return err
	}
	defer caller.Close()
	defer callee.Close()
	direct, err := bulk.Open(outside, callee.Local(), s.Domain)
	if err != nil {
		return err
	}
	defer direct.Close()
	n := scale(s.lab, 600, 60)
	for range s.lab.runs {
		r := bulk.Paced(ctx, n, rate, s.callJob(caller, answers, 500*time.Millisecond))
		t.percentiles(name, target, r)
		if r.Failed > 0 {
			t.add(name+", failed calls", "", "0", float64(r.Failed)).note = fmt.Sprint(r.First)
		}
	}
	t.percentiles(name+", direct", "", bulk.Paced(ctx, n/4, rate, s.callJob(direct, answers, 500*time.Millisecond)))
	return s.idle(ctx)
}

// percentiles adds those of the set-up time; the target is of the 99th.
func (t *table) percentiles(name, target string, r bulk.Result) {
	t.add(name+", p50", "ms", "", millis(bulk.Quantile(r.Setup, .5)))
	t.add(name+", p95", "ms", "", millis(bulk.Quantile(r.Setup, .95)))
	t.add(name+", p99", "ms", target, millis(bulk.Quantile(r.Setup, .99)))
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// callJob is one call of the i-th caller, in turn.
func (s *site) callJob(line *bulk.Line, answers *bulk.Callee, hold time.Duration) func(context.Context, int) (time.Duration, time.Duration, error) {
	return func(ctx context.Context, i int) (time.Duration, time.Duration, error) {
		c, err := line.Call(ctx, s.callers[i%len(s.callers)], "2002", answers, netip.AddrPortFrom(outside, 40000), hold)
		return c.Setup, c.Total, err
	}
}

func (s *site) registerJob(line *bulk.Line) func(context.Context, int) (time.Duration, time.Duration, error) {
	return func(ctx context.Context, i int) (time.Duration, time.Duration, error) {
		d, err := line.Register(ctx, s.callers[i%len(s.callers)], time.Hour)
		return d, 0, err
	}
}

const signallingMethod = "Registrations at 100/s: REGISTER, 401, REGISTER with SHA-256 digest, 200; the binding is written to the store. Calls at 20/s held 500 ms: INVITE, 401, INVITE, " +
	"180, 200, ACK, BYE on both legs, media endpoints, call record and audit entry. Nothing is subtracted."

func measureSignalling(ctx context.Context, l *lab) (*table, error) {
	t := &table{}
	s, err := l.start(ctx)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	if err := s.provision(ctx, 40); err != nil {
		return nil, err
	}
	caller, callee, answers, err := s.pair(ctx)
	if err != nil {
		return nil, err
	}
	defer caller.Close()
	defer callee.Close()
	for range l.runs {
		for _, k := range []struct {
			name string
			n    int
			rate float64
			job  func(context.Context, int) (time.Duration, time.Duration, error)
		}{
			{"registration", scale(l, 2000, 200), 100, s.registerJob(caller)},
			{"call", scale(l, 600, 60), 20, s.callJob(caller, answers, 500*time.Millisecond)},
		} {
			cost, r, err := s.costOf(func() bulk.Result { return bulk.Paced(ctx, k.n, k.rate, k.job) })
			if err != nil {
				return t, err
			}
			t.add("processor time of a "+k.name, "ms", "", cost/float64(max(r.Done, 1))).note = fmt.Sprintf("%d failed", r.Failed)
		}
	}
	return t, s.idle(ctx)
}

// costOf gives the processor time in ms that the switch used while f ran.
func (s *site) costOf(f func() bulk.Result) (float64, bulk.Result, error) {
	u1, s1, err := process.CPU(s.PID())
	if err != nil {
		return 0, bulk.Result{}, err
	}
	r := f()
	u2, s2, err := process.CPU(s.PID())
	return millis(u2 - u1 + s2 - s1), r, err
}

const ratesMethod = "Calls: open loop, each step 10 s, held 200 ms, the rate rises by a quarter until 0.1 % fail (no answer in 8 s, or any refusal; the generator retransmits nothing, " +
	"so a datagram lost is a call failed). Registrations: closed loop, 32 at once for 10,000. The generator shares the machine and is the limit when its own processor is full."

func measureRates(ctx context.Context, l *lab) (*table, error) {
	t := &table{}
	for range l.runs {
		if err := ratesOnce(ctx, l, t); err != nil {
			return t, err
		}
	}
	return t, nil
}

func ratesOnce(ctx context.Context, l *lab, t *table) error {
	s, err := l.start(ctx)
	if err != nil {
		return err
	}
	defer s.stop()
	if err := s.provision(ctx, 90); err != nil {
		return err
	}
	caller, callee, answers, err := s.pair(ctx)
	if err != nil {
		return err
	}
	defer caller.Close()
	defer callee.Close()
	n := scale(l, 10000, 1000)
	cost, r, err := s.costOf(func() bulk.Result { return bulk.Window(ctx, n, 32, s.registerJob(caller)) })
	if err != nil {
		return err
	}
	t.add("registrations", "/s", "", float64(r.Done)/r.Took.Seconds())
	t.add("registrations, failed", "%", "< 0.1 %", 100*float64(r.Failed)/float64(n)).note = errText(r.First)
	t.add("registrations, 99th percentile", "ms", "", millis(bulk.Quantile(r.Setup, .99)))
	t.add("registrations, switch busy", "%", "", cost/r.Took.Seconds()/10)
	if err := s.idle(ctx); err != nil {
		return err
	}
	return s.climb(ctx, t, caller, answers)
}

// climb raises the call rate until calls fail.
func (s *site) climb(ctx context.Context, t *table, caller *bulk.Line, answers *bulk.Callee) error {
	length := scale(s.lab, 10.0, 3.0)
	best, busy, p99, why := 0.0, 0.0, 0.0, ""
	for rate := scale(s.lab, 40.0, 20.0); rate < scale(s.lab, 2000.0, 60.0) && ctx.Err() == nil; rate *= 1.25 {
		n := int(rate * length)
		cost, r, err := s.costOf(func() bulk.Result { return bulk.Paced(ctx, n, rate, s.callJob(caller, answers, 200*time.Millisecond)) })
		if err != nil {
			return err
		}
		if float64(r.Failed) >= 0.001*float64(n) {
			why = fmt.Sprintf("at %.0f/s %d of %d failed: %v", rate, r.Failed, n, r.First)
			break
		}
		best, busy, p99 = rate, cost/r.Took.Seconds()/10, millis(bulk.Quantile(r.Total, .99))
	}
	t.add("calls", "/s", "", best).note = why
	t.add("calls at that rate, switch busy", "%", "", busy)
	t.add("calls at that rate, 99th percentile of first INVITE to 200", "ms", "", p99)
	return nil
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
