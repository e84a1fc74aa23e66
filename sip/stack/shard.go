package stack

import (
	"hash/maphash"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

const (
	shardQueue   = 2048    // inbound messages waiting per shard; beyond it datagrams are dropped and streams are not read
	commandAlarm = 1 << 16 // commands waiting that are worth an error line: they are never dropped, so their makers must be throttled
)

// item is a message or a command.
type item struct {
	req  *Request
	resp *Response
	f    func()
}

// shard runs everything of its Call-IDs in order on one goroutine, which owns the maps below.
type shard struct {
	s *Stack

	servers map[serverKey]*serverTx
	merged  map[mergeKey]*serverTx
	clients map[clientKey]*ClientTx

	mu      sync.Mutex
	queue   []item // guarded by mu
	inbound int    // guarded by mu: messages among them
	alarmed bool   // guarded by mu
	wake    chan struct{}
	space   chan struct{}
}

func newShard(s *Stack) *shard {
	return &shard{
		s: s, servers: make(map[serverKey]*serverTx), merged: make(map[mergeKey]*serverTx), clients: make(map[clientKey]*ClientTx),
		wake: make(chan struct{}, 1), space: make(chan struct{}, 1),
	}
}

func (s *Stack) shard(callID string) *shard {
	return s.shards[maphash.String(s.seed, callID)%uint64(len(s.shards))]
}

// message queues an inbound message. A datagram is refused when the queue is full; for a stream it waits, which stops the reading.
func (sh *shard) message(it item, wait bool) bool {
	for {
		sh.mu.Lock()
		if sh.inbound < shardQueue {
			sh.inbound++
			sh.queue = append(sh.queue, it)
			more := sh.inbound < shardQueue
			sh.mu.Unlock()
			signal(sh.wake)
			if wait && more {
				signal(sh.space) // another reader may be waiting too
			}
			return true
		}
		sh.mu.Unlock()
		if !wait {
			return false
		}
		select {
		case <-sh.space:
		case <-sh.s.done:
			return false
		}
	}
}

// do queues a command; it never blocks and never drops.
func (sh *shard) do(f func()) {
	if sh.s.closing() {
		return
	}
	sh.mu.Lock()
	sh.queue = append(sh.queue, item{f: f})
	n := len(sh.queue) - sh.inbound
	alarm := n > commandAlarm && !sh.alarmed
	sh.alarmed = sh.alarmed || alarm
	sh.mu.Unlock()
	signal(sh.wake)
	if alarm {
		sh.s.log.Error("sip shard is overrun with commands", "waiting", n)
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// run is the shard's goroutine.
func (sh *shard) run() {
	var batch []item
	for {
		select {
		case <-sh.s.done:
			sh.stop()
			return
		case <-sh.wake:
		}
		sh.mu.Lock()
		batch, sh.queue = sh.queue, batch[:0]
		full := sh.inbound >= shardQueue
		sh.inbound = 0
		sh.alarmed = false
		sh.mu.Unlock()
		if full {
			signal(sh.space)
		}
		for i := range batch {
			sh.handle(batch[i])
			batch[i] = item{}
		}
		if cap(batch) > 4*shardQueue {
			batch = nil
		}
	}
}

func (sh *shard) handle(it item) {
	switch {
	case it.f != nil:
		sh.guard(it.f)
	case it.req != nil:
		sh.guard(func() { sh.request(it.req) })
	default:
		sh.guard(func() { sh.response(it.resp) })
	}
}

// guard keeps a panic of a handler from ending the process (threats.md I12).
func (sh *shard) guard(f func()) (ok bool) {
	defer func() {
		if r := recover(); r != nil {
			sh.s.panics.Add(1)
			sh.s.log.Error("sip handler panicked", "panic", r, slog.String("stack", string(debug.Stack())))
		}
	}()
	f()
	return true
}

// stop ends the timers of everything that lives here.
func (sh *shard) stop() {
	for _, t := range sh.servers {
		t.end()
	}
	for _, t := range sh.clients {
		t.stopAlarms()
	}
	sh.mu.Lock()
	sh.queue = nil
	sh.mu.Unlock()
}

// alarm is a timer whose function runs on the shard. Its fields but t belong to the shard's goroutine.
type alarm struct {
	t   *time.Timer
	off bool
}

// after arms an alarm. To be called on the shard.
func (sh *shard) after(d time.Duration, f func()) *alarm {
	a := &alarm{}
	a.t = time.AfterFunc(d, func() {
		sh.do(func() {
			if !a.off {
				a.off = true
				f()
			}
		})
	})
	return a
}

// stop is final: an alarm already waiting in the queue does nothing either. A nil alarm may be stopped.
func (a *alarm) stop() {
	if a != nil && !a.off {
		a.off = true
		a.t.Stop()
	}
}

// Do runs f on the shard of callID, after what is queued there. It never blocks. After Close f never runs.
func (s *Stack) Do(callID string, f func()) { s.shard(callID).do(f) }

// After runs f on the shard of callID once d has passed, unless stopped. Neither After nor stop blocks; called on the same shard, stop
// is final, called elsewhere it may come too late.
func (s *Stack) After(callID string, d time.Duration, f func()) (stop func()) {
	sh := s.shard(callID)
	var over atomic.Bool
	t := time.AfterFunc(d, func() {
		sh.do(func() {
			if over.CompareAndSwap(false, true) {
				f()
			}
		})
	})
	return func() {
		over.Store(true)
		t.Stop()
	}
}
