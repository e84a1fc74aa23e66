package traffic

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Generator sends 50 packets a second on each leg and measures what arrives. One goroutine does both, so that nothing is shared.
type Generator struct {
	legs  []*Leg // in the order in which they are due
	all   []*Leg // by the number that epoll returns
	ids   map[uint32]*Leg
	turn  int // the next of legs
	waits chan change
	epoll int
	clock func() time.Time

	spins   bool // it never sleeps
	inbox   inbox
	out     [2048]byte
	Delay   Histogram // one way: from before the sender's system call until the receiver's kernel had it
	Jitter  Histogram // difference between the delays of successive packets
	Late    Histogram // how late the generator itself sent: large values mean that it, not the switch, was short of time
	count   bool
	errors  uint64
	started time.Time
}

// change is a leg that comes or goes.
type change struct {
	leg   *Leg
	leave bool
}

// maxLegs is how many legs a generator takes.
const maxLegs = 10_000

// NewGenerator without legs. The caller closes the legs.
func NewGenerator(clock func() time.Time) (*Generator, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("traffic: epoll: %w", err)
	}
	return &Generator{epoll: ep, clock: clock, ids: map[uint32]*Leg{}, waits: make(chan change, maxLegs)}, nil
}

// Spin lets the generator never sleep while it runs, which takes a processor of its own. One that sleeps is late by what its own waking takes, and on the
// same machine it is the server's sends that have to wake it, at the server's cost: no network does that to a switch.
func (g *Generator) Spin() { g.spins = true }

// Add lets a negotiated leg talk from now on: whom it hears it finds out by itself. Safe while Run runs. ErrNotNegotiated.
func (g *Generator) Add(l *Leg) error {
	if l.deal.Load() == nil {
		return ErrNotNegotiated
	}
	select {
	case g.waits <- change{leg: l}:
		return nil
	default:
		return fmt.Errorf("traffic: more than %d legs", maxLegs)
	}
}

// Drop has a leg that was added fall silent for ever and closes it, while Run runs or when it begins. What it counted does not count any more.
func (g *Generator) Drop(l *Leg) { g.waits <- change{l, true} }

// dismiss takes a leg out of the round, and its socket out of the epoll set, which closing it does.
func (g *Generator) dismiss(l *Leg) {
	if i := slices.Index(g.legs, l); i >= 0 {
		g.legs = slices.Delete(g.legs, i, i+1)
		if i < g.turn {
			g.turn--
		}
		g.turn %= max(len(g.legs), 1)
	}
	delete(g.ids, l.id)
	if i := slices.Index(g.all, l); i >= 0 {
		g.all[i] = nil // the numbers of the others stay
	}
	l.Close()
}

// admit takes what was added and lets go what was dropped. A new leg is due now, before all others, and the order of the round stays.
func (g *Generator) admit(now int64) error {
	for {
		select {
		case c := <-g.waits:
			l := c.leg
			if c.leave {
				g.dismiss(l)
				continue
			}
			ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(len(g.all))}
			if err := unix.EpollCtl(g.epoll, unix.EPOLL_CTL_ADD, l.rtp, &ev); err != nil {
				return fmt.Errorf("traffic: epoll add: %w", err)
			}
			l.nextAt = now
			g.all = append(g.all, l)
			g.ids[l.id] = l
			g.legs = slices.Insert(g.legs, g.turn, l)
		default:
			return nil
		}
	}
}

// Close releases the generator, not its legs.
func (g *Generator) Close() { _ = unix.Close(g.epoll) }

// Run sends for the given time, then listens a little longer for what is on its way. measure says whether delays are counted: a
// warm-up is not.
func (g *Generator) Run(ctx context.Context, length time.Duration, measure bool) error {
	g.count = measure
	g.started = g.clock()
	start := g.started.UnixNano()
	if err := g.admit(start); err != nil {
		return err
	}
	g.turn = 0
	for i, l := range g.legs { // spread over one frame time
		l.nextAt = start + int64(frameTime)*int64(i)/int64(max(len(g.legs), 1))
	}
	if err := g.loop(ctx, start+int64(length), true); err != nil {
		return err
	}
	return g.loop(ctx, g.clock().UnixNano()+int64(drain), false)
}

const (
	drain     = 300 * time.Millisecond
	batchSize = 512
)

func (g *Generator) loop(ctx context.Context, until int64, sending bool) error {
	events := make([]unix.EpollEvent, batchSize)
	poll := []unix.PollFd{{Fd: int32(g.epoll), Events: unix.POLLIN}}
	for {
		now := g.clock().UnixNano()
		if now >= until || ctx.Err() != nil {
			return ctx.Err()
		}
		if err := g.admit(now); err != nil {
			return err
		}
		wake := min(until, now+int64(time.Millisecond))
		if sending {
			for n := 0; n < len(g.legs); n++ {
				l := g.legs[g.turn]
				if l.nextAt > now {
					wake = min(wake, l.nextAt)
					break
				}
				if err := g.send(l); err != nil {
					return err
				}
				g.turn = (g.turn + 1) % len(g.legs)
			}
		}
		n, _ := unix.EpollWait(g.epoll, events, 0)
		for i := range max(n, 0) {
			if l := g.all[events[i].Fd]; l != nil {
				g.receive(l)
			}
		}
		if wait := wake - g.clock().UnixNano(); !g.spins && n <= 0 && wait > 0 {
			t := unix.NsecToTimespec(min(wait, int64(time.Millisecond)))
			_, _ = unix.Ppoll(poll, &t, nil)
		}
	}
}

// send sends the packet that is due.
func (g *Generator) send(l *Leg) error {
	now := g.clock().UnixNano()
	if g.count {
		g.Late.Add(now - l.nextAt)
	}
	l.nextAt += int64(frameTime)
	d := l.deal.Load()
	pkt, err := l.packet(d, g.out[:], now)
	if err != nil {
		return fmt.Errorf("traffic: protect: %w", err)
	}
	if errno := sendTo(l.rtp, pkt, &d.remote); errno != 0 {
		g.errors++ // the far side's port is closed, or no buffer: it counts as lost
	}
	return nil
}

func (g *Generator) receive(l *Leg) {
	n, arrived, errno := g.inbox.receive(l.rtp)
	if errno != 0 {
		return
	}
	if arrived == 0 {
		arrived = g.clock().UnixNano()
	}
	r := l.take(g.inbox.data[:n], arrived, g.ids)
	if !r.measured || !g.count {
		return
	}
	g.Delay.Add(r.delay)
	if r.jitter >= 0 {
		g.Jitter.Add(r.jitter)
	}
}

// Counts are the sums over all legs since they were made or Reset.
type Counts struct {
	Sent, Received        uint64
	Lost                  int64
	Duplicates, Reordered uint64
	Corrupt, Refused      uint64 // not our payload; not authentic
	SendErrors            uint64
	Silent                int           // legs that received nothing
	LongestGap            time.Duration // between two packets of one leg
}

// Counts sums up.
func (g *Generator) Counts() Counts {
	c := Counts{SendErrors: g.errors}
	for _, l := range g.legs {
		c.Sent += uint64(l.sent)
		c.Received += l.received
		c.Duplicates += l.duplicates
		c.Reordered += l.reordered
		c.Corrupt += l.corrupt
		c.Refused += l.refused
		c.LongestGap = max(c.LongestGap, time.Duration(l.gap))
		if l.received == 0 {
			c.Silent++
		}
	}
	c.Lost = int64(c.Sent) - int64(c.Received)
	if len(g.legs) > 0 && g.legs[0].voice != nil { // what a jitter buffer held when counting began is counted, and was not sent
		c.Lost = max(c.Lost, 0)
	}
	return c
}

// Reset forgets what was counted, after a warm-up.
func (g *Generator) Reset() {
	g.errors = 0
	for _, l := range g.legs {
		l.sent, l.received, l.duplicates, l.reordered, l.corrupt, l.refused = 0, 0, 0, 0, 0, 0
		l.gap, l.lastAt, l.transit = 0, 0, 0
		l.round++
	}
}
