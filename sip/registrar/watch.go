package registrar

import (
	"slices"
	"sync/atomic"
)

// Event is what happened to a binding, in the words of RFC 3680 section 3.2 and its XML.
type Event string

// The events. The last five end the binding.
const (
	EventRegistered   Event = "registered"   // by a REGISTER
	EventCreated      Event = "created"      // loaded after a restart
	EventRefreshed    Event = "refreshed"    // by another REGISTER, maybe over a new flow
	EventExpired      Event = "expired"      // nobody refreshed it
	EventUnregistered Event = "unregistered" // by its user
	EventDeactivated  Event = "deactivated"  // by us: the device may register again at once (its flow ended, its password was changed)
	EventProbation    Event = "probation"    // by us: the device may register again later (a newer contact took its place)
	EventRejected     Event = "rejected"     // by us: the right to register is gone
)

// Over tells whether the binding ended with it.
func (e Event) Over() bool {
	return e != EventRegistered && e != EventCreated && e != EventRefreshed
}

// Change is one event of one binding.
type Change struct {
	Event   Event
	Binding Binding // as it is after the event, or was at its end
}

// Watch gets every Change from when it was made, in the order in which they happened, until it is closed.
type Watch struct {
	r    *Registrar
	c    chan Change
	lost atomic.Uint64
}

// maxWatches bounds who may watch: each costs its queue, and a moment under the registrar's lock per change.
const maxWatches = 8

// Watch makes a watcher with room for size changes; nil when there are too many of them. REGISTERs never wait for it: what finds no
// room is dropped and counted, and the watcher reads Bindings again when Lost has grown.
func (r *Registrar) Watch(size int) *Watch {
	w := &Watch{r: r, c: make(chan Change, max(size, 1))}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.watches) >= maxWatches {
		return nil
	}
	r.watches = append(r.watches, w)
	return w
}

// C gives the changes. It is never closed: the reader ends with its own context.
func (w *Watch) C() <-chan Change { return w.c }

// Lost counts the changes that found no room.
func (w *Watch) Lost() uint64 { return w.lost.Load() }

// Close ends the watch; what is in the channel may still be read.
func (w *Watch) Close() {
	w.r.mu.Lock()
	defer w.r.mu.Unlock()
	w.r.watches = slices.DeleteFunc(w.r.watches, func(o *Watch) bool { return o == w })
}

// tell hands a change to the watchers. Registrar.mu is held, which is what keeps the order; nothing here waits.
func (r *Registrar) tell(e Event, h *held) {
	if len(r.watches) == 0 {
		return
	}
	change := Change{e, h.binding()}
	for _, w := range r.watches {
		select {
		case w.c <- change:
		default:
			w.lost.Add(1)
		}
	}
}

// Bindings are all bindings of an AOR, reachable or not, the one registered first in front: the full state of RFC 3680 section 5.
func (r *Registrar) Bindings(aor string) []Binding {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]Binding, len(r.aors[aor]))
	for i, h := range r.aors[aor] {
		out[i] = h.binding()
	}
	return out
}
