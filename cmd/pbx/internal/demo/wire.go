package demo

import (
	"slices"
	"sync"

	"naisen/sip/ladder"
	"naisen/sip/stack"
)

const maxTraced = 10_000

// wire keeps what the switch sent and received.
type wire struct {
	mu       sync.Mutex
	messages []stack.Traced
}

// trace is for stack.Config. Past the bound the rest is not drawn.
func (w *wire) trace(m stack.Traced) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.messages) < maxTraced {
		w.messages = append(w.messages, m.Kept())
	}
}

func (w *wire) clear() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.messages = nil
}

// all is what was seen, in order of time.
func (w *wire) all() []stack.Traced {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := slices.Clone(w.messages)
	slices.SortStableFunc(out, func(a, b stack.Traced) int { return a.At.Compare(b.At) })
	return out
}

// count tells how often a message passed; status 0 is the request.
func (w *wire) count(method string, status int) (n int) {
	for _, m := range w.all() {
		if m.Method == method && m.Status == status {
			n++
		}
	}
	return n
}

// ladder draws what passed between the switch and the phones since the first message.
func (w *wire) ladder() string {
	lanes := []string{"carrier", "pbx", "desk"}
	var rungs []ladder.Rung
	all := w.all()
	for _, m := range all {
		peer := 2
		if m.Flow.Remote().Addr().String() == carrierHost {
			peer = 0
		}
		r := ladder.Rung{At: m.At.Sub(all[0].At), From: peer, To: 1, Label: m.Label}
		if m.Sent {
			r.From, r.To = 1, peer
		}
		rungs = append(rungs, r)
	}
	return ladder.Draw(lanes, rungs)
}
