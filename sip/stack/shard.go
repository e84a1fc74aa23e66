package stack

import (
	"hash/maphash"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"
)

// shard runs everything of its Call-IDs in order on one goroutine, which owns the maps below.
type shard struct {
	s *Stack

	servers table[serverKey, *serverTx]
	merged  table[mergeKey, *serverTx]
	clients table[clientKey, *ClientTx]

	queue queue
}

func newShard(s *Stack) *shard {
	sh := &shard{
		s: s, servers: newTable[serverKey, *serverTx](), merged: newTable[mergeKey, *serverTx](), clients: newTable[clientKey, *ClientTx](), queue: newQueue(),
	}
	sh.queue.delay.start = time.Now()
	return sh
}

func (s *Stack) shard(callID string) *shard {
	return s.shards[maphash.String(s.seed, callID)%uint64(len(s.shards))]
}

// message queues an inbound message; fresh: it would make something new. A datagram that finds its queue full is refused, and so is
// everything fresh; what belongs to a call and came on a stream waits, which stops the reading.
func (sh *shard) message(it item, callID string, fresh, stream bool) bool {
	for {
		switch sh.queue.put(it, callID, fresh) {
		case queuedYes:
			return true
		case queuedWait:
			if stream {
				select {
				case <-sh.queue.space:
					continue
				case <-sh.s.done:
				}
			}
		case queuedFull:
		}
		sh.s.stats.queueFull.Add(1)
		sh.s.stats.shed.Add(1)
		return false
	}
}

// do queues a command; it never blocks and never drops.
func (sh *shard) do(f func()) {
	if sh.s.closing() {
		return
	}
	if n := sh.queue.command(f); n > 0 {
		sh.s.log.Error("sip shard is overrun with commands", "waiting", n)
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
		case <-sh.queue.wake:
		}
		for {
			if batch = sh.queue.take(batch); len(batch) == 0 || sh.s.closing() {
				break
			}
			for i := range batch {
				sh.handle(batch[i])
				batch[i] = item{}
			}
			sh.queue.delay.end()
			if cap(batch) > 4*shardQueue {
				batch = nil
			}
		}
	}
}

func (sh *shard) handle(it item) {
	if it.f != nil {
		sh.guard(it.f)
		return
	}
	sh.queue.delay.begin(it.at, time.Now())
	if it.req != nil {
		sh.guard(func() { sh.request(it.req) })
		return
	}
	sh.guard(func() { sh.response(it.resp) })
}

func (sh *shard) guard(f func()) (ok bool) { return sh.s.guard(f) }

// guard keeps a panic, of a handler or over what a stranger sent, from ending the process (threats.md I12).
func (s *Stack) guard(f func()) (ok bool) {
	defer func() {
		if r := recover(); r != nil {
			s.panics.Add(1)
			s.log.Error("sip handler panicked", "panic", r, slog.String("stack", string(debug.Stack())))
		}
	}()
	f()
	return true
}

// stop ends the timers of everything that lives here.
func (sh *shard) stop() {
	for _, t := range sh.servers.m {
		t.end()
	}
	for _, t := range sh.clients.m {
		t.stopAlarms()
	}
	sh.queue.drop()
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
