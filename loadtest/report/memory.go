package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"naisen/loadtest/bulk"
	"naisen/loadtest/callgen/process"
	"naisen/loadtest/peer"
)

const registrationsMethod = "All accounts exist before; the switch is started afresh; then first a fifth, then all of them register once over UDP. Counted: the difference of memory between the two, " +
	"for each of the later ones, when no transaction is left. Resident memory is what the operator sees, with the collector's reserve in it; the live heap is what the switch really holds."

func measureRegistrations(ctx context.Context, l *lab) (*table, error) {
	t := &table{}
	s, err := l.start(ctx)
	if err != nil {
		return nil, err
	}
	defer s.stop()
	n := scale(l, 5000, 250)
	if err := s.provision(ctx, n); err != nil {
		return nil, err
	}
	for range l.runs {
		if err := registrationsOnce(ctx, s, t, n); err != nil {
			return t, err
		}
	}
	return t, nil
}

func registrationsOnce(ctx context.Context, s *site, t *table, n int) error {
	if err := s.again(ctx); err != nil {
		return err
	}
	line, err := bulk.Open(outside, s.udp(), s.Domain)
	if err != nil {
		return err
	}
	defer line.Close()
	job := registering(line, s.callers)
	var at [2]memory
	few := n / 5
	for i, from := range []int{0, few} {
		to := []int{few, n}[i]
		r := bulk.Paced(ctx, to-from, 250, func(ctx context.Context, i int) (time.Duration, time.Duration, error) { return job(ctx, from+i) })
		if r.Failed > 0 {
			return fmt.Errorf("report: %d registrations failed: %w", r.Failed, r.First)
		}
		if err := s.until(ctx, time.Minute, map[string]float64{"naisen_registrations": float64(to), "naisen_sip_transactions": 0}); err != nil {
			return err
		}
		if at[i], err = s.settled(ctx); err != nil {
			return err
		}
	}
	for i := range n { // the next run begins with none
		if err := s.unregister(ctx, line, i); err != nil {
			return err
		}
	}
	at[1].slope(t, at[0], n-few, "registration", "≤ 8 KiB")
	return nil
}

func (s *site) unregister(ctx context.Context, line *bulk.Line, i int) error {
	_, err := line.Register(ctx, s.callers[i], 0)
	return err
}

const callsMethod = "RTP calls between two UDP phones, talking; each size on a fresh switch. Counted: the difference of memory between the two sizes for each further call, both legs, while they are held. " +
	"Recorded calls: the same with SRTP and recording."

func measureCalls(ctx context.Context, l *lab) (*table, error) {
	t := &table{}
	few, many := scale(l, 50, 10), scale(l, 250, 30)
	for range l.runs {
		for _, k := range []mediaKind{{"held call", "rtp", "udp", false, "≤ 100 KiB"}, {"held recorded SRTP call", "cm", "tls", true, ""}} {
			a, err := heldMemory(ctx, l, k, few)
			if err != nil {
				return t, err
			}
			b, err := heldMemory(ctx, l, k, many)
			if err != nil {
				return t, err
			}
			b.slope(t, a, many-few, k.name, k.target)
		}
	}
	return t, nil
}

// heldMemory is the switch's memory while it holds calls.
func heldMemory(ctx context.Context, l *lab, k mediaKind, calls int) (m memory, err error) {
	s, err := l.start(ctx)
	if err != nil {
		return m, err
	}
	defer s.stop()
	if k.record {
		if err := s.recordCallsOf(ctx, "2001"); err != nil {
			return m, err
		}
	}
	args := append(s.callgenArgs(k, calls, 10*time.Minute), "-caller-password", s.Passwords["2001"], "-callee-password", s.Passwords["2002"])
	gen, err := peer.Start(s.Dir, l.callgen, args...)
	if err != nil {
		return m, err
	}
	defer func() {
		_ = gen.Signal(os.Interrupt)
		gen.Stop()
	}()
	// 32 s after the last call was set up its transactions are forgotten.
	if err := s.until(ctx, 2*time.Minute, map[string]float64{"naisen_calls": float64(calls), "naisen_sip_transactions": 0}); err != nil {
		return m, errors.Join(err, errors.New(gen.Output()))
	}
	return s.settled(ctx)
}

// memory of the switch, in KiB.
type memory struct{ resident, live, stacks, goroutines float64 }

// slope adds what each further one costs.
func (m memory) slope(t *table, before memory, n int, what, target string) {
	per := func(a, b float64) float64 { return (a - b) / float64(n) }
	t.add("resident memory of a "+what, "KiB", target, per(m.resident, before.resident)).note = fmt.Sprintf("%.1f to %.1f MiB", before.resident/1024, m.resident/1024)
	t.add("live heap of a "+what, "KiB", "", per(m.live, before.live))
	t.add("stacks of a "+what, "KiB", "", per(m.stacks, before.stacks))
	t.add("goroutines of a "+what, "", "", per(m.goroutines, before.goroutines))
}

// settled lets the switch collect its garbage and give memory back, then reads it. Being asked for metrics makes enough garbage of
// its own that collections come; the live heap is the least that was seen after them.
func (s *site) settled(ctx context.Context) (m memory, err error) {
	begin, err := s.Metric(ctx, "go_gc_duration_seconds_count")
	if err != nil {
		return m, err
	}
	var heaps []float64
	for range 4000 {
		n, err := s.Metric(ctx, "go_gc_duration_seconds_count")
		if err != nil {
			return m, err
		}
		heap, err := s.Metric(ctx, "go_memstats_heap_alloc_bytes")
		if err != nil {
			return m, err
		}
		heaps = append(heaps, heap)
		if n >= begin+4 {
			break
		}
	}
	if err := pause(ctx, 5*time.Second); err != nil { // the scavenger works in the background
		return m, err
	}
	m.live = slices.Min(heaps) / 1024
	stacks, err := s.Metric(ctx, "go_memstats_stack_sys_bytes")
	if err != nil {
		return m, err
	}
	m.stacks = stacks / 1024
	if m.goroutines, err = s.Metric(ctx, "go_goroutines"); err != nil {
		return m, err
	}
	rss, err := process.RSS(s.PID())
	m.resident = float64(rss) / 1024
	return m, err
}
