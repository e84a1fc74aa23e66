package registrar

import (
	"container/heap"
	"context"
	"log/slog"
	"net/netip"
	"time"

	"naisen/sip"
	"naisen/sip/stack"
)

// dueHeap orders bindings by when they need something.
type dueHeap []*held

func (d dueHeap) Len() int           { return len(d) }
func (d dueHeap) Less(i, j int) bool { return d[i].nextAt() < d[j].nextAt() }
func (d dueHeap) Swap(i, j int) {
	d[i], d[j] = d[j], d[i]
	d[i].index, d[j].index = int32(i), int32(j)
}

// Push is for package heap.
func (d *dueHeap) Push(x any) {
	h := x.(*held)
	h.index = int32(len(*d))
	*d = append(*d, h)
}

// Pop is for package heap.
func (d *dueHeap) Pop() any {
	last := len(*d) - 1
	h := (*d)[last]
	(*d)[last] = nil
	*d, h.index = (*d)[:last], -1
	return h
}

func (d *dueHeap) add(h *held) { heap.Push(d, h) }

// fix puts a binding in its place whose time has changed.
func (d *dueHeap) fix(h *held) { heap.Fix(d, int(h.index)) }

func (d *dueHeap) remove(h *held) {
	if h.index >= 0 {
		heap.Remove(d, int(h.index))
	}
}

// pingSlots spread the keep-alives over their interval, so that thousands of phones are not pinged in one burst.
const pingSlots = 25

// run ends bindings when they are due and keeps NAT bindings open, one goroutine for all. Registrar.running waits for it.
func (r *Registrar) run(ctx context.Context, network Network) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	var tick <-chan time.Time
	if r.cfg.Keepalive > 0 && network != nil {
		t := time.NewTicker(max(r.cfg.Keepalive/pingSlots, time.Millisecond))
		defer t.Stop()
		tick = t.C
	}
	for slot := 0; ; {
		if d, ok := r.expire(); ok {
			timer.Reset(d)
		}
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
		case <-timer.C:
		case <-tick:
			r.ping(network, slot)
			slot = (slot + 1) % pingSlots
		}
	}
}

// expire ends what is due, has those woken that would end soon, and tells how long until the next is.
func (r *Registrar) expire() (next time.Duration, ok bool) {
	now := time.Since(r.began)
	var gone []string
	var nudges []nudge
	r.mu.Lock()
	for len(r.due) > 0 && now >= r.due[0].nextAt() {
		if now < r.due[0].deadline {
			nudges = append(nudges, r.nudged(r.due[0]))
			continue
		}
		gone = append(gone, r.due[0].AOR)
		r.drop(r.due[0], EventExpired)
		r.stats.Expired++
	}
	if len(r.due) > 0 {
		next, ok = r.due[0].nextAt()-now, true
	}
	r.mu.Unlock()
	r.nudge(nudges)
	for _, aor := range gone {
		r.log.Info("binding expired", slog.String("aor", aor))
		r.changed(aor)
	}
	return next, ok
}

// ping sends the keep-alives of one slot. A failure says nothing about the phone: the next REGISTER or INVITE will.
func (r *Registrar) ping(network Network, slot int) {
	r.mu.Lock()
	flows := make([]*stack.Flow, 0, len(r.pings[slot]))
	for h := range r.pings[slot] {
		flows = append(flows, h.Flow)
	}
	r.stats.Pings += uint64(len(flows))
	r.mu.Unlock()
	for _, f := range flows {
		_ = network.Keepalive(f)
	}
}

func (r *Registrar) emptiestSlot() int {
	best := 0
	for i := range r.pings {
		if len(r.pings[i]) < len(r.pings[best]) {
			best = i
		}
	}
	return best
}

// behindNAT: the address that the phone believes it has is not the one that we see.
func behindNAT(contact sip.URI, received netip.AddrPort) bool {
	port := contact.Port
	if port == 0 {
		port = 5060
	}
	a, err := netip.ParseAddr(contact.Host)
	return err != nil || a.Unmap() != received.Addr().Unmap() || port != int(received.Port())
}
