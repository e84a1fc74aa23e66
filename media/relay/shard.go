package relay

import (
	"math"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"naisen/media"
	"naisen/media/secure"
)

const (
	maxDatagram  = 1500 // octets; anything longer is no RTP of ours (threats E5)
	bufferSize   = maxDatagram + 64
	eventBatch   = 256
	housekeeping = 100 * time.Millisecond
)

// shard is one read loop: a goroutine, an epoll set, and all packet state of the endpoints that live here.
type shard struct {
	engine                *Engine
	poll                  *poller
	inbox                 atomic.Pointer[command] // what signalling asks, newest first
	load                  atomic.Int64            // endpoints at home here
	transcoded, concealed atomic.Uint64           // packets made, and pieces of them made up for what was lost or late
	life                  sync.RWMutex            // post against stop; never taken by the loop itself while packets pass
	dead                  bool                    // guarded by life: the poller is closed

	// Owned by the loop.
	slots    []*endpoint // by the number that epoll returns
	free     []int32
	paced    []*endpoint // those who play or send digits
	mixes    []*mixing   // conversations that are mixed here
	nextPace int64       // when the first of them is due
	labours  []*endpoint // those for whom something is transcoded
	nextWork int64       // when the next of that is due
	nextKeep int64       // when housekeeping is due; never while nobody lives here
	buf      [bufferSize]byte
	out      [bufferSize]byte  // packets that we make ourselves
	frame    media.Frame       // what the taps are shown
	shown    [maxDatagram]byte // a played frame for the taps, while out is encrypted
	from     address
	pcm      [maxDatagram]int16
	scratch  *secure.Scratch // of all the contexts that are used here
	events   [eventBatch]unix.EpollEvent
	napper   napper
	stopping bool
}

// command is one thing that signalling asks of an endpoint's shard.
type command struct {
	next *command
	ep   *endpoint
	do   func(*shard, *endpoint, int64)
}

func newShard(e *Engine) (*shard, error) {
	p, err := newPoller()
	if err != nil {
		return nil, err
	}
	return &shard{engine: e, poll: p, scratch: secure.NewScratch(), nextPace: math.MaxInt64, nextWork: math.MaxInt64, nextKeep: math.MaxInt64}, nil
}

// post hands a command to the loop without waiting. Commands of one poster keep their order.
// The inbox needs no bound of its own: the loop empties it every few milliseconds, and what an outsider can repeat
// (digits) is bounded where it is executed.
func (s *shard) post(c *command) {
	for {
		old := s.inbox.Load()
		c.next = old
		if s.inbox.CompareAndSwap(old, c) {
			if old == nil {
				s.wake()
			}
			return
		}
	}
}

// wake must not write to a descriptor that was closed and may be someone else's by now.
func (s *shard) wake() {
	s.life.RLock()
	defer s.life.RUnlock()
	if !s.dead {
		s.poll.signal()
	}
}

// stop ends the loop; all endpoints are closed before.
func (s *shard) stop() {
	s.post(&command{do: func(s *shard, _ *endpoint, _ int64) { s.stopping = true }})
}

// run is the loop. It is not locked to a thread: measured, that makes each wake-up dearer when another goroutine has taken the processor.
func (s *shard) run() {
	defer func() {
		s.life.Lock()
		defer s.life.Unlock()
		s.dead = true
		s.poll.close()
	}()
	now := s.engine.Now()
	for {
		s.obey(now)
		if s.stopping {
			return
		}
		n := s.poll.poll(s.events[:])
		switch {
		case n > 0 || s.due(now): // a flooded socket is read once in each round, and work is done where nothing has to be waited for
		case s.napper.on:
			s.poll.rest(s.napper.rest(s.engine.Now()))
			n = s.poll.poll(s.events[:])
		default:
			n = s.poll.wait(s.events[:], s.patience())
		}
		now = s.engine.Now()
		got := 0
		for i := range s.events[:n] {
			ev := &s.events[i]
			if ev.Fd == wakeToken {
				s.poll.drain()
				continue
			}
			if ep := s.slots[ev.Fd]; ep != nil {
				s.hear(ep, ev.Pad, now)
				now = s.engine.Now()
				got++
			}
		}
		s.napper.saw(got, now)
		if now >= s.nextPace {
			s.pace(now)
		}
		if now >= s.nextKeep {
			s.keep(now)
		}
		if now >= s.nextWork { // one frame; then whoever sent a packet meanwhile comes first
			s.labour(now)
			now = s.engine.Now()
		}
	}
}

// hear reads a socket. What a stranger makes of a packet that nobody thought of ends nobody else's call.
func (s *shard) hear(e *endpoint, channel int32, now int64) {
	defer s.engine.contain()
	s.read(e, channel, now)
}

// contain is deferred where a panic must not end the process. It tells of the first, the second, the fourth and so on: packets come by the thousand.
func (e *Engine) contain() {
	reason := recover()
	if reason == nil {
		return
	}
	if n := e.panics.Add(1); n&(n-1) == 0 && e.cfg.Panicked != nil {
		e.cfg.Panicked(reason, debug.Stack())
	}
}

// due says that there is something to do though no packet came.
func (s *shard) due(now int64) bool {
	return s.inbox.Load() != nil || now >= min(s.nextPace, s.nextKeep, s.nextWork)
}

// patience is until when the poller may wait. Who posts something from now on wakes it.
func (s *shard) patience() time.Time {
	next := min(s.nextPace, s.nextKeep, s.nextWork)
	if next == math.MaxInt64 {
		return time.Time{} // until somebody comes: a switch without calls sleeps
	}
	return s.engine.epoch.Add(time.Duration(next))
}

// obey executes what signalling asked, oldest first.
func (s *shard) obey(now int64) {
	newest := s.inbox.Swap(nil)
	var oldest *command
	for newest != nil {
		newest.next, oldest, newest = oldest, newest, newest.next
	}
	for c := oldest; c != nil; {
		next := c.next
		if c.ep == nil {
			c.do(s, nil, now)
		} else if owner := c.ep.shard.Load(); owner != s {
			owner.post(c) // it moved meanwhile
		} else {
			c.do(s, c.ep, now)
		}
		c = next
	}
}

// The sockets of an endpoint, as they are told apart in epoll's answers.
const (
	channelRTP int32 = iota
	channelRTCP
)

// take starts to serve an endpoint.
func (s *shard) take(ep *endpoint) {
	if ep.leg.gone || ep.leg.slot >= 0 {
		return
	}
	slot := int32(len(s.slots))
	if n := len(s.free); n > 0 {
		slot, s.free = s.free[n-1], s.free[:n-1]
		s.slots[slot] = ep
	} else {
		s.slots = append(s.slots, ep)
	}
	ep.leg.slot = slot
	if s.nextKeep == math.MaxInt64 {
		s.nextKeep = s.engine.Now() + int64(housekeeping)
	}
	// An endpoint that epoll refuses (out of memory) hears nothing and its call ends by Timeout.
	for channel, fd := range []int{channelRTP: ep.socks.rtp, channelRTCP: ep.socks.rtcp} {
		if fd >= 0 && s.poll.add(fd, slot, int32(channel)) != nil {
			ep.count.sendErrors.Add(1)
		}
	}
	s.repace(ep)
	if ep.leg.trans != nil {
		s.enlist(ep)
	}
}

// drop stops to serve an endpoint; its sockets stay open. Called between batches only, so that no event of it is left.
func (s *shard) drop(ep *endpoint) {
	if ep.leg.slot < 0 {
		return
	}
	s.poll.remove(ep.socks.rtp)
	s.poll.remove(ep.socks.rtcp)
	s.slots[ep.leg.slot] = nil
	s.free = append(s.free, ep.leg.slot)
	ep.leg.slot = -1
	s.paced = slices.DeleteFunc(s.paced, func(o *endpoint) bool { return o == ep })
	s.labours = slices.DeleteFunc(s.labours, func(o *endpoint) bool { return o == ep })
}

// move hands an endpoint to another shard. From the store on, the other one owns its state.
func (s *shard) move(ep *endpoint, to *shard) {
	if to == s {
		return
	}
	s.drop(ep)
	ep.shard.Store(to)
	to.post(&command{ep: ep, do: func(s *shard, ep *endpoint, _ int64) { s.take(ep) }})
}

// pace serves everyone whose next packet is due.
func (s *shard) pace(now int64) {
	s.nextPace = math.MaxInt64
	for i := 0; i < len(s.paced); {
		ep := s.paced[i]
		due := s.perform(ep, now)
		if due == 0 { // nothing left to play
			last := len(s.paced) - 1
			s.paced[i], s.paced[last] = s.paced[last], nil
			s.paced = s.paced[:last]
			continue
		}
		s.nextPace = min(s.nextPace, due)
		i++
	}
	for _, m := range s.mixes {
		s.nextPace = min(s.nextPace, s.mixNow(m, now))
	}
}

// repace lets an endpoint be served by pace as soon as possible, if there is something to send.
func (s *shard) repace(ep *endpoint) {
	if ep.leg.slot < 0 || !ep.leg.busy() {
		return
	}
	if !slices.Contains(s.paced, ep) {
		s.paced = append(s.paced, ep)
	}
	s.nextPace = 0
}

// keep does what has time: reports, silence, digits whose end was lost.
func (s *shard) keep(now int64) {
	if s.nextKeep = now + int64(housekeeping); len(s.free) == len(s.slots) {
		s.nextKeep = math.MaxInt64
	}
	for _, ep := range s.slots {
		if ep != nil {
			s.tend(ep, now)
		}
	}
}
