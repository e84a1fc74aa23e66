package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"time"

	"naisen/loadtest/bulk"
	"naisen/loadtest/callgen/process"
	"naisen/loadtest/peer"
)

const registrationsMethod = "All accounts exist before; the switch is started afresh for each run; then first a fifth, then all of them register once over UDP. Counted: the difference of memory between the " +
	"two, for each of the later ones, when no transaction is left. Then all register again at once while 20 calls/s are made. Memory is what is resident but for the collector's " +
	"reserve of garbage (bounded, and as large with one call as with many); the operator sees the resident memory, in the notes."

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
	if err := s.storm(ctx, t, line); err != nil {
		return err
	}
	gone := bulk.Window(ctx, n, 16, func(ctx context.Context, i int) (time.Duration, time.Duration, error) { // the next run begins with none
		_, err := line.Register(ctx, s.callers[i], 0)
		return 0, 0, err
	})
	at[1].slope(t, at[0], n-few, "registration", "≤ 2 KiB")
	return gone.First
}

const callsMethod = "A fresh switch for each run holds some calls, talking; then as many again are added of each kind, and all are held on. Counted: the difference of memory that those added " +
	"make, for each call, both legs, when their transactions are forgotten; without the collector's reserve, as of registrations. RTP is between two UDP phones, SRTP (AES-CM) over TLS; recorded calls are journalled to disk."

// heldKinds are added one after the other.
var heldKinds = []mediaKind{
	{"held call", "rtp", "udp", false, "≤ 60 KiB"},
	{"held SRTP call over TLS", "cm", "tls", false, "≤ 60 KiB"},
	{"held recorded SRTP call over TLS", "cm", "tls", true, "≤ 100 KiB"},
}

func measureCalls(ctx context.Context, l *lab) (*table, error) {
	t := &table{}
	for range l.runs {
		if err := callsOnce(ctx, l, t); err != nil {
			return t, err
		}
	}
	return t, nil
}

func callsOnce(ctx context.Context, l *lab, t *table) error {
	s, err := l.start(ctx)
	if err != nil {
		return err
	}
	defer s.stop()
	if err := s.provision(ctx, 2*(1+len(heldKinds))); err != nil { // a pair for each generator: a second device of one number would ring too
		return err
	}
	few, more := scale(l, 30, 5), scale(l, 100, 20)
	before, gen, err := s.hold(ctx, heldKinds[0], s.callers, few, few)
	if err != nil {
		return err
	}
	defer end(gen)
	for i, k := range heldKinds {
		pair := s.callers[2*(i+1):]
		if k.record {
			if err := s.recordCallsOf(ctx, pair[0].User); err != nil {
				return err
			}
		}
		now, gen, err := s.hold(ctx, k, pair, more, few+(i+1)*more)
		if err != nil {
			return err
		}
		defer end(gen)
		now.slope(t, before, more, k.name, k.target)
		before = now
	}
	return nil
}

// hold adds calls between the first two accounts and weighs the switch when it holds so many in all.
func (s *site) hold(ctx context.Context, k mediaKind, pair []bulk.Account, calls, all int) (m memory, gen *peer.Process, err error) {
	args := append(s.callgenArgs(k, calls, 20*time.Minute), "-caller", pair[0].User, "-callee", pair[1].User,
		"-caller-password", pair[0].Password, "-callee-password", pair[1].Password)
	if gen, err = peer.Start(s.Dir, s.lab.callgen, args...); err != nil {
		return m, nil, err
	}
	// 32 s after the last call was set up its transactions are forgotten.
	err = s.until(ctx, 2*time.Minute, map[string]float64{"naisen_calls": float64(all), "naisen_sip_transactions": 0})
	if err == nil {
		m, err = s.settled(ctx)
	}
	if err != nil {
		err = errors.Join(err, errors.New(gen.Output()))
		end(gen)
	}
	return m, gen, err
}

func end(gen *peer.Process) {
	_ = gen.Signal(os.Interrupt)
	gen.Stop()
}

// memory of the switch, in KiB. Held is what is resident but for the collector's reserve: garbage and free spans that are not given back yet.
type memory struct{ resident, held, live, stacks, goroutines float64 }

// slope adds what each further one costs.
func (m memory) slope(t *table, before memory, n int, what, target string) {
	per := func(a, b float64) float64 { return (a - b) / float64(n) }
	t.add("memory of a "+what, "KiB", target, per(m.held, before.held)).note = fmt.Sprintf("%.1f to %.1f MiB; resident %.1f to %.1f MiB",
		before.held/1024, m.held/1024, before.resident/1024, m.resident/1024)
	t.add("live heap of a "+what, "KiB", "", per(m.live, before.live))
	t.add("stacks of a "+what, "KiB", "", per(m.stacks, before.stacks))
	t.add("goroutines of a "+what, "", "", per(m.goroutines, before.goroutines))
}

// settled lets the switch collect its garbage and give memory back, then reads it. Being asked for metrics makes enough garbage of
// its own that collections come; the live heap is what the last of them found.
func (s *site) settled(ctx context.Context) (m memory, err error) {
	begin, err := s.Metric(ctx, "go_gc_duration_seconds_count")
	if err != nil {
		return m, err
	}
	for range 20_000 {
		n, err := s.Metric(ctx, "go_gc_duration_seconds_count")
		if err != nil {
			return m, err
		}
		if n >= begin+4 {
			break
		}
	}
	if m.resident, err = s.resident(ctx); err != nil {
		return m, err
	}
	var heap, released float64
	for name, to := range map[string]*float64{"go_gc_heap_live_bytes": &m.live, "go_memstats_stack_sys_bytes": &m.stacks,
		"go_memstats_heap_sys_bytes": &heap, "go_memstats_heap_released_bytes": &released} {
		if *to, err = s.Metric(ctx, name); err != nil {
			return m, err
		}
		*to /= 1024
	}
	m.held = m.resident - (heap - released - m.live)
	m.goroutines, err = s.Metric(ctx, "go_goroutines")
	return m, err
}

// resident waits until the resident memory has stopped falling: what the collector freed is given back in the background, slowly on a
// machine that has other work.
func (s *site) resident(ctx context.Context) (kib float64, err error) {
	const step, enough, most = 4 * time.Second, 128.0, 8
	last := math.MaxFloat64
	for range most {
		if err := pause(ctx, step); err != nil {
			return 0, err
		}
		rss, err := process.RSS(s.PID())
		if err != nil {
			return 0, err
		}
		if kib = float64(rss) / 1024; last-kib < enough {
			break
		}
		last = kib
	}
	return kib, nil
}
