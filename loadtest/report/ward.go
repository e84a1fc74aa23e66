package main

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"naisen/loadtest/bulk"
	"naisen/loadtest/callgen/process"
)

const wardMethod = "A slice of a ward office's busy hour in real time: 20 calls/s, open loop, held 2 s, by 180 telephones in turn, to what people dial: " +
	"extensions (4 in 10), an extension that sends every call on (1), groups that ring together and one after the other (2), a queue with ten agents (2), " +
	"an own outside number with a menu (1). Everything is configured by REST and SQLite, call records, queue rows and audit are written. " +
	"Post-dial delay is from the caller's first INVITE, challenge included, until it knows that it rings or hears somebody; the called telephones answer at once."

const (
	wardRate   = 20
	wardHold   = 2 * time.Second
	wardAgents = 10
	wardQueue  = "7001"
)

// wardCall is what one call of ten is for.
type wardCall struct{ kind, number string }

// wardDay is the mixture.
var wardDay = []wardCall{{"extensions", "2002"}, {"groups", "6000"}, {"queue", wardQueue}, {"extensions", "5190"}, {"forwarded", "5180"},
	{"extensions", "2002"}, {"groups", "6001"}, {"queue", wardQueue}, {"extensions", "5191"}, {"menu", "0398760001"}}

// measureWard plays the slice, on one core.
func measureWard(ctx context.Context, l *lab) (*table, error) {
	t := &table{}
	s, err := l.start(ctx)
	if err != nil {
		return t, err
	}
	defer s.stop()
	if err := s.provision(ctx, callers); err != nil {
		return t, err
	}
	if err := s.wardOffice(ctx); err != nil {
		return t, err
	}
	g, err := s.generator(ctx)
	if err != nil {
		return t, err
	}
	defer g.close()
	for _, a := range append(s.callers[180:182:182], s.callers[190:]...) { // agents and members are at the line that answers
		if _, err := g.callee.Register(ctx, a, time.Hour); err != nil {
			return t, fmt.Errorf("report: %s: %w", a.User, err)
		}
	}
	for range l.runs {
		if err := s.slice(ctx, t, g); err != nil {
			return t, err
		}
	}
	return t, nil
}

// wardOffice sets up what is dialled: agents and members are the last of the extensions.
func (s *site) wardOffice(ctx context.Context) error {
	members := []string{"5190", "5191", "5192"}
	var agents []map[string]any
	for i := range wardAgents {
		agents = append(agents, map[string]any{"agent": fmt.Sprint(5190 + i)})
	}
	for _, p := range []struct {
		path string
		body map[string]any
	}{
		{"groups/6000", map[string]any{"members": members, "ring_busy": true}},
		{"groups/6001", map[string]any{"members": members, "strategy": "sequential", "ring_busy": true}},
		{"settings/5180", map[string]any{"forward": map[string]any{"always": map[string]any{"extension": "2002"}}}},
		{"queues/" + wardQueue, map[string]any{"members": agents}},
		{"menus/office", map[string]any{"owner": "2002", "start": "top", "nodes": []map[string]any{{"name": "top", "prompt": "greeting/open",
			"keys": []map[string]any{{"key": "1", "to": map[string]any{"dial": "2002"}}}, "then": map[string]any{"hangup": true}}}}},
		{"dids/+81398760001", map[string]any{"menu": "office"}},
	} {
		if _, err := s.put(ctx, p.path, p.body); err != nil {
			return err
		}
	}
	for i := range wardAgents {
		if _, err := s.put(ctx, fmt.Sprintf("agents/%d/state", 5190+i), map[string]any{"signed_in": true}); err != nil {
			return err
		}
	}
	status, answer, err := s.Do(ctx, "POST", "menus/office/activate", nil)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("report: menu: %d %s", status, answer)
	}
	return err
}

// slice is one run.
func (s *site) slice(ctx context.Context, t *table, g *generator) error {
	n := scale(s.lab, 60, 5) * wardRate
	var mu sync.Mutex
	delays, failed := map[string][]time.Duration{}, 0
	u1, k1, err := process.CPU(s.PID())
	if err != nil {
		return err
	}
	r := bulk.Paced(ctx, n, wardRate, func(ctx context.Context, i int) (time.Duration, time.Duration, error) {
		c := wardDay[i%len(wardDay)]
		delay, total, err := g.caller.Dial(ctx, s.callers[i%180], c.number, netip.AddrPortFrom(outside, 40000), wardHold)
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			failed++
		} else {
			delays[c.kind] = append(delays[c.kind], delay)
		}
		return delay, total, err
	})
	u2, k2, err := process.CPU(s.PID())
	if err != nil {
		return err
	}
	what := fmt.Sprintf("%d calls/s, post-dial delay", wardRate)
	t.percentiles(what, "≤ 50 ms", r)
	for _, kind := range []string{"extensions", "forwarded", "groups", "queue", "menu"} {
		slices.Sort(delays[kind])
		t.add(what+", "+kind+", p99", "ms", "", millis(bulk.Quantile(delays[kind], .99)))
	}
	t.add("calls that failed", "", "0", float64(failed)).note = errText(r.First)
	t.add("processor time of a call", "ms", "", millis(u2-u1+k2-k1)/float64(max(r.Done, 1)))
	return s.until(ctx, time.Minute, map[string]float64{"naisen_calls": 0})
}
