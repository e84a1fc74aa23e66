package bulk

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Result is what a load brought. Times are sorted.
type Result struct {
	Done   int
	Failed int
	First  error // of the failures
	Took   time.Duration
	Setup  []time.Duration // of calls: see Call; of registrations: REGISTER to 200, the challenge included
	Total  []time.Duration
}

// Quantile of sorted times; 0 of none.
func Quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

type collector struct {
	mu sync.Mutex
	r  Result
}

func (c *collector) add(setup, total time.Duration, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.r.Failed++
		if c.r.First == nil {
			c.r.First = err
		}
		return
	}
	c.r.Done++
	c.r.Setup = append(c.r.Setup, setup)
	if total > 0 {
		c.r.Total = append(c.r.Total, total)
	}
}

func (c *collector) finish(began time.Time) Result {
	c.r.Took = time.Since(began)
	slices.Sort(c.r.Setup)
	slices.Sort(c.r.Total)
	return c.r
}

// Paced starts n jobs at a rate per second, whatever becomes of the earlier ones (an open loop: a slow switch gets no mercy), and waits
// for all. job gives the set-up and total time.
func Paced(ctx context.Context, n int, rate float64, job func(ctx context.Context, i int) (setup, total time.Duration, err error)) Result {
	var c collector
	var wg sync.WaitGroup
	began := time.Now()
	t := time.NewTimer(0)
	defer t.Stop()
	for i := 0; i < n && ctx.Err() == nil; i++ {
		if wait := time.Until(began.Add(time.Duration(float64(i) / rate * float64(time.Second)))); wait > 0 {
			t.Reset(wait)
			select {
			case <-t.C:
			case <-ctx.Done():
			}
		}
		wg.Go(func() { c.add(job(ctx, i)) })
	}
	wg.Wait()
	return c.finish(began)
}

// Window runs jobs 0 to n-1 with so many at once (a closed loop: as fast as the switch answers).
func Window(ctx context.Context, n, window int, job func(ctx context.Context, i int) (setup, total time.Duration, err error)) Result {
	var c collector
	var wg sync.WaitGroup
	began := time.Now()
	next := make(chan int)
	for range window {
		wg.Go(func() {
			for i := range next {
				c.add(job(ctx, i))
			}
		})
	}
	for i := 0; i < n && ctx.Err() == nil; i++ {
		next <- i
	}
	close(next)
	wg.Wait()
	return c.finish(began)
}
