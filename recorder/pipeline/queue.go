package pipeline

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// queue holds the jobs of one stage by recording. A job is there once, however often it is added; it waits longer after each failure.
type queue struct {
	first, most time.Duration
	now         func() time.Time
	wake        chan struct{} // one slot: there may be something to take

	mu   sync.Mutex
	jobs map[string]*job
}

type job struct {
	since    time.Time // first added
	due      time.Time
	attempts int
	running  bool
	again    bool // added while running
}

// newQueue makes a queue. Its times are package time's, not the wall clock: a clock that is set must not hold back a job.
func newQueue(cfg Config) *queue {
	return &queue{first: cfg.RetryFirst, most: cfg.RetryMost, now: time.Now, wake: make(chan struct{}, 1), jobs: map[string]*job{}}
}

// add announces a job. A full queue forgets it: its files are on disk, and the sweep finds them.
func (q *queue) add(id string) {
	q.mu.Lock()
	if j := q.jobs[id]; j != nil {
		j.again = j.running
	} else if len(q.jobs) < maxQueue {
		now := q.now()
		q.jobs[id] = &job{since: now, due: now}
	}
	q.mu.Unlock()
	q.poke()
}

func (q *queue) poke() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// take waits for a job that is due and marks it as running.
func (q *queue) take(ctx context.Context) (string, bool) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		id, wait, more := q.next()
		if id != "" {
			if more {
				q.poke() // another worker may take the next one
			}
			return id, true
		}
		timer.Reset(wait)
		select {
		case <-ctx.Done():
			return "", false
		case <-q.wake:
		case <-timer.C:
		}
	}
}

// waiting takes a job that is due now, if there is one.
func (q *queue) waiting() (string, bool) {
	id, _, more := q.next()
	if more {
		q.poke()
	}
	return id, id != ""
}

func (q *queue) next() (id string, wait time.Duration, more bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	wait = time.Hour
	var oldest time.Time
	for name, j := range q.jobs {
		switch d := j.due.Sub(now); {
		case j.running:
		case d > 0:
			wait = min(wait, d)
		case id == "" || j.due.Before(oldest):
			more = id != ""
			id, oldest = name, j.due
		default:
			more = true
		}
	}
	if id != "" {
		q.jobs[id].running = true
	}
	return id, wait, more
}

// done ends a run: a job that failed waits, doubling with full jitter, so that many of them do not come back at once.
func (q *queue) done(id string, err error) {
	q.mu.Lock()
	j := q.jobs[id]
	j.running = false
	switch {
	case err != nil:
		j.attempts++
		most := min(q.first<<min(j.attempts-1, 20), q.most)
		j.due = q.now().Add(most/2 + rand.N(most/2+1))
	case j.again:
		j.again, j.attempts, j.due = false, 0, q.now()
	default:
		delete(q.jobs, id)
	}
	q.mu.Unlock()
	q.poke()
}

// hurry makes every waiting job due: what they waited for is back.
func (q *queue) hurry() {
	q.mu.Lock()
	now := q.now()
	for _, j := range q.jobs {
		if j.due.After(now) {
			j.due = now
		}
	}
	q.mu.Unlock()
	q.poke()
}

// idle says that every job there is waits after a failure.
func (q *queue) idle() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, j := range q.jobs {
		if j.running || j.attempts == 0 {
			return false
		}
	}
	return true
}

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.jobs)
}

// oldest is how long the job has waited that was added first.
func (q *queue) oldest() time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	var most time.Duration
	for _, j := range q.jobs {
		most = max(most, now.Sub(j.since))
	}
	return most
}
