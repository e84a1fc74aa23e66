package spans

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/trace"
)

const (
	waiting = 2048 // spans that may wait; more are dropped
	batch   = 512  // of one delivery
)

// queue gathers spans and delivers them. Unlike the SDK's own it counts what it drops.
type queue struct {
	out   sdk.SpanExporter
	wait  time.Duration
	log   *slog.Logger
	spans chan sdk.ReadOnlySpan
	stop  context.CancelFunc // of deliveries
	done  chan struct{}      // closed: send what waits, and end
	once  sync.Once
	wg    sync.WaitGroup

	sent, dropped, failed atomic.Uint64
}

var _ sdk.SpanProcessor = (*queue)(nil)

// Stats are counted since the start.
type Stats struct {
	Sent    uint64
	Dropped uint64 // there was no room
	Failed  uint64 // the collector did not take them
}

func newQueue(out sdk.SpanExporter, wait time.Duration, log *slog.Logger) *queue {
	q := &queue{out: out, wait: wait, log: log, spans: make(chan sdk.ReadOnlySpan, waiting), done: make(chan struct{})}
	ctx, stop := context.WithCancel(context.Background())
	q.stop = stop
	q.wg.Go(func() { q.run(ctx) })
	return q
}

// OnStart implements sdk.SpanProcessor.
func (q *queue) OnStart(context.Context, sdk.ReadWriteSpan) {}

// OnEnd implements sdk.SpanProcessor. It never waits.
func (q *queue) OnEnd(s sdk.ReadOnlySpan) {
	select {
	case q.spans <- s:
	default:
		q.dropped.Add(1)
	}
}

// ForceFlush implements sdk.SpanProcessor: there is nothing to hurry for.
func (q *queue) ForceFlush(context.Context) error { return nil }

// Shutdown implements sdk.SpanProcessor.
func (q *queue) Shutdown(ctx context.Context) error {
	q.once.Do(func() { close(q.done) })
	stop := context.AfterFunc(ctx, q.stop)
	defer stop()
	q.wg.Wait()
	q.stop()
	return q.out.Shutdown(ctx)
}

func (q *queue) stats() Stats {
	return Stats{Sent: q.sent.Load(), Dropped: q.dropped.Load(), Failed: q.failed.Load()}
}

// run delivers a batch when it is full, or a while after its first span.
func (q *queue) run(ctx context.Context) {
	away := false
	for ended := false; !ended; {
		var some []sdk.ReadOnlySpan
		if some, ended = q.gather(); ended {
			some = q.rest(some)
		}
		if len(some) == 0 {
			continue
		}
		err := q.out.ExportSpans(ctx, some)
		if err != nil {
			q.failed.Add(uint64(len(some)))
		} else {
			q.sent.Add(uint64(len(some)))
		}
		if away != (err != nil) {
			away = err != nil
			q.log.Warn("spans: the collector", "away", away, "err", err)
		}
	}
}

// rest adds what waits still.
func (q *queue) rest(some []sdk.ReadOnlySpan) []sdk.ReadOnlySpan {
	for {
		select {
		case s := <-q.spans:
			some = append(some, s)
		default:
			return some
		}
	}
}

// gather waits for a batch; ended: it is the last one.
func (q *queue) gather() (some []sdk.ReadOnlySpan, ended bool) {
	var late <-chan time.Time
	for len(some) < batch {
		select {
		case s := <-q.spans:
			if some = append(some, s); late == nil {
				t := time.NewTimer(q.wait)
				defer t.Stop()
				late = t.C
			}
		case <-late:
			return some, false
		case <-q.done:
			return some, true
		}
	}
	return some, false
}
