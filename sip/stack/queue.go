package stack

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	shardQueue   = 2048                   // messages of each class waiting per shard; beyond it datagrams are dropped
	commandAlarm = 1 << 16                // commands waiting that are worth an error line: they are never dropped, so their makers must be throttled
	newPerRound  = 4                      // new requests taken each time that what exists already has been served
	delayWindow  = 100 * time.Millisecond // over which the queueing delay is smoothed
	delayStale   = time.Second            // a shard that took nothing for so long waits for nothing
)

// item is a message or a command.
type item struct {
	req  *Request
	resp *Response
	f    func()
	at   time.Time // when a message was read
}

// queue is what waits for a shard, in two classes. Commands, and messages of what exists already (responses, ACK, CANCEL, requests within
// a dialog) or must not wait (Config.Urgent), come first; requests that would make something new wait behind them, so that a flood of calls
// or registrations does not delay the calls that stand. Messages of one Call-ID never change their order: whatever follows a waiting new
// request waits with it (a CANCEL must not overtake its INVITE).
type queue struct {
	mu      sync.Mutex
	first   []item         // guarded by mu
	inbound int            // guarded by mu: messages in first
	later   []item         // guarded by mu; those before head are gone
	head    int            // guarded by mu
	waiting map[string]int // guarded by mu: messages in later, by Call-ID
	alarmed bool           // guarded by mu
	wake    chan struct{}
	space   chan struct{}
	delay   delay
	fresh   atomic.Int64 // messages in later, for who must not wait for mu
}

func newQueue() queue {
	return queue{waiting: make(map[string]int), wake: make(chan struct{}, 1), space: make(chan struct{}, 1)}
}

// queued says what became of a message.
type queued uint8

const (
	queuedYes queued = iota
	queuedFull
	queuedWait // full, and worth waiting for: q.space tells when
)

// put queues a message. fresh: it would make something new.
func (q *queue) put(it item, callID string, fresh bool) queued {
	q.mu.Lock()
	defer q.mu.Unlock()
	if n := len(q.later) - q.head; n > 0 && q.waiting[callID] > 0 || fresh {
		if n >= shardQueue {
			return queuedFull
		}
		q.later = append(q.later, it)
		q.waiting[callID]++
		q.fresh.Store(int64(len(q.later) - q.head))
		signal(q.wake)
		return queuedYes
	}
	if q.inbound >= shardQueue {
		return queuedWait
	}
	q.inbound++
	q.first = append(q.first, it)
	if signal(q.wake); q.inbound < shardQueue {
		signal(q.space) // another reader may be waiting too
	}
	return queuedYes
}

// command queues f. It tells how many wait when that is worth an alarm.
func (q *queue) command(f func()) (alarm int) {
	q.mu.Lock()
	q.first = append(q.first, item{f: f})
	n := len(q.first) - q.inbound
	if n > commandAlarm && !q.alarmed {
		q.alarmed, alarm = true, n
	}
	q.mu.Unlock()
	signal(q.wake)
	return alarm
}

// take moves what is to be served next into batch, which comes back empty when nothing waits.
func (q *queue) take(batch []item) []item {
	q.mu.Lock()
	defer q.mu.Unlock()
	batch, q.first = q.first, batch[:0]
	if q.inbound >= shardQueue {
		signal(q.space)
	}
	q.inbound, q.alarmed = 0, false
	for n := 0; n < newPerRound && q.head < len(q.later); n++ {
		it := q.later[q.head]
		q.later[q.head] = item{}
		q.head++
		id := it.callID()
		if q.waiting[id]--; q.waiting[id] <= 0 {
			delete(q.waiting, id)
		}
		batch = append(batch, it)
	}
	switch {
	case q.head == len(q.later):
		q.later, q.head = q.later[:0], 0
	case q.head >= shardQueue:
		n := copy(q.later, q.later[q.head:])
		clear(q.later[n:])
		q.later, q.head = q.later[:n], 0
	}
	q.fresh.Store(int64(len(q.later) - q.head))
	return batch
}

func (it item) callID() string {
	if it.req != nil {
		return it.req.CallID()
	}
	return it.resp.CallID()
}

func (q *queue) drop() {
	q.mu.Lock()
	q.first, q.later, q.head, q.inbound = nil, nil, 0, 0
	clear(q.waiting)
	q.fresh.Store(0)
	q.mu.Unlock()
}

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.first) + len(q.later) - q.head
}

// waits is the queueing delay now: the smoothed one, or the age of the oldest that still waits if that is more.
func (q *queue) waits(now time.Time) time.Duration {
	d := q.delay.smoothed(now)
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.head < len(q.later) {
		d = max(d, now.Sub(q.later[q.head].at))
	}
	return d
}

// delay measures how long messages wait between the socket and their handler. One goroutine writes it.
type delay struct {
	start   time.Time
	value   atomic.Int64 // ns, smoothed
	sampled atomic.Int64 // ns after start; 0: never
	current atomic.Int64 // ns after start when the message being served was read; 0: none
}

// begin notes that a message read at that time is served now.
func (d *delay) begin(read, now time.Time) {
	d.current.Store(int64(read.Sub(d.start)) | 1)
	at := int64(now.Sub(d.start)) | 1
	passed := time.Duration(at - d.sampled.Swap(at))
	old := d.value.Load()
	if passed > delayWindow {
		passed = delayWindow
	}
	d.value.Store(old + (int64(now.Sub(read))-old)*int64(passed)/int64(delayWindow))
}

func (d *delay) end() { d.current.Store(0) }

func (d *delay) smoothed(now time.Time) time.Duration {
	at, v := int64(now.Sub(d.start)), time.Duration(0)
	if s := d.sampled.Load(); s != 0 && at-s < int64(delayStale) {
		v = time.Duration(d.value.Load())
	}
	if c := d.current.Load(); c != 0 {
		v = max(v, time.Duration(at-c)) // a handler that hangs
	}
	return v
}

// QueueDelay is how long messages wait on the slowest shard between the socket and their handler, smoothed over 100 ms: what a new request
// has to expect. It may be called anywhere.
func (s *Stack) QueueDelay() time.Duration {
	now, worst := time.Now(), time.Duration(0)
	for _, sh := range s.shards {
		worst = max(worst, sh.queue.waits(now))
	}
	return worst
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
