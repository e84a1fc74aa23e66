package registrar

import (
	"cmp"
	"log/slog"
	"maps"
	"slices"
	"time"

	"naisen/sip"
	"naisen/sip/stack"
)

// Lookup gives the bindings of an AOR that can be reached now: the best q first, among equals the one registered last. A TCP or TLS
// binding whose connection is gone, or that was loaded from the table after a restart, is not among them.
func (r *Registrar) Lookup(aor string) []Binding { return r.lookup(aor, false) }

// lookup gives those that can be reached, with sleepers those too that have to be woken first.
func (r *Registrar) lookup(aor string, sleepers bool) []Binding {
	now := time.Since(r.began)
	r.mu.Lock()
	defer r.mu.Unlock()
	live := make([]*held, 0, 8)
	for _, h := range r.aors[aor] {
		if (r.reachable(h) || sleepers && h.sleep != sleepsNever) && now < h.deadline {
			live = append(live, h)
		}
	}
	slices.SortFunc(live, func(a, b *held) int { return cmp.Or(cmp.Compare(b.Q, a.Q), cmp.Compare(b.turn, a.turn)) })
	out := make([]Binding, len(live))
	for i, h := range live {
		out[i] = r.bindingOf(h)
	}
	return out
}

// Reroute finds where the peer of a dialog is now that has left old, the flow of its dialog: the newest flow that the same AOR registered,
// with its password, for the same +sip.instance (RFC 5626 section 7). Without an instance, and only when a connection has ended, it
// is the newest reachable binding of the same contact from the same host. Another host is not believed there: whoever may register
// could write our phone's contact into a REGISTER of its own and get what belongs to that phone's call. That is a scan.
func (r *Registrar) Reroute(contact sip.URI, old *stack.Flow) (stack.Target, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p, ok := r.moves.find(contact, old); ok {
		return r.newest(p)
	}
	if old.Alive() {
		return stack.Target{}, false
	}
	key := uriKey(contact)
	var best *held
	for _, list := range r.aors {
		for _, h := range list {
			near := h.Received.Addr() == old.Remote().Addr() && (best == nil || h.turn > best.turn)
			if near && h.reachable() && uriKey(h.contact()) == key {
				best = h
			}
		}
	}
	if best == nil {
		return stack.Target{}, false
	}
	return best.binding().Target(), true
}

// newest flow of a device. Registrar.mu is held.
func (r *Registrar) newest(p passenger) (stack.Target, bool) {
	var best *held
	for _, h := range r.aors[p.aor] {
		if SameInstance(h.Instance, p.instance) && h.reachable() && (best == nil || h.turn > best.turn) {
			best = h
		}
	}
	if best == nil {
		return stack.Target{}, false
	}
	return best.binding().Target(), true
}

// Carries tells whether the AOR is registered over that very flow.
func (r *Registrar) Carries(f *stack.Flow, aor string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.aors[aor], func(h *held) bool { return h.Flow != nil && sameFlow(h.Flow, f) && time.Since(r.began) < h.deadline })
}

// AORs lists every address-of-record that has a binding, reachable or not, in no order.
func (r *Registrar) AORs() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Collect(maps.Keys(r.aors))
}

// Remove ends all bindings of an AOR: with EventRejected when the right to register is gone, EventDeactivated when it has to be proved again.
func (r *Registrar) Remove(aor string, why Event) {
	r.RemoveIf(aor, why, func(Binding) bool { return true })
}

// RemoveIf is Remove of those bindings for which gone says so. It is called under the registrar's lock, and must only look.
func (r *Registrar) RemoveIf(aor string, why Event, gone func(Binding) bool) {
	r.mu.Lock()
	n := 0
	for _, h := range slices.Clone(r.aors[aor]) {
		if !h.foreign() && gone(r.bindingOf(h)) { // the node that has it does the same
			r.drop(h, why)
			n++
		}
	}
	r.stats.Removed += uint64(n)
	r.mu.Unlock()
	if n > 0 {
		r.log.Info("bindings removed", slog.String("aor", aor), slog.Int("bindings", n))
		r.changed(aor)
	}
}

// FlowClosed ends the bindings that a TCP or TLS connection carried (RFC 5626 section 4.2.2).
func (r *Registrar) FlowClosed(f *stack.Flow) {
	r.mu.Lock()
	var gone []string
	for h := range r.flows[f] {
		if h.sleep != sleepsNever { // it has gone to sleep
			r.fallAsleep(h)
			continue
		}
		gone = append(gone, h.AOR)
		r.drop(h, EventDeactivated)
		r.stats.FlowsClosed++
	}
	r.mu.Unlock()
	for _, aor := range gone {
		r.log.Info("binding ended with its connection", slog.String("aor", aor), slog.String("flow", f.ID()))
		r.changed(aor)
	}
}

// add puts a new binding into every index. Registrar.mu is held.
func (r *Registrar) add(h *held) {
	h.index, h.slot = -1, -1
	r.lastID++
	h.ID = r.lastID
	r.aors[h.AOR] = append(r.aors[h.AOR], h)
	r.attach(h)
}

// drop takes a binding out of every index and of the table. Registrar.mu is held.
func (r *Registrar) drop(h *held, why Event) {
	if !h.foreign() || why != EventExpired { // whose it is knows whether it has expired
		r.saver.put(r.erased(h))
	}
	r.forget(h, why)
}

// erased is the record that deletes a binding. What a telephone ends here and has at another node it ends now; else it is deleted as it is known here, so
// that the table keeps what came to another node since.
func (r *Registrar) erased(h *held) Record {
	at := time.Unix(0, h.registered)
	if h.foreign() {
		at = r.cfg.Clock()
	}
	return Record{AOR: h.AOR, Key: h.key, Expires: h.until(), At: at}
}

// forget takes a binding out of every index. Registrar.mu is held.
func (r *Registrar) forget(h *held, why Event) {
	r.detach(h)
	r.moves.leave(h)
	rest := slices.DeleteFunc(r.aors[h.AOR], func(o *held) bool { return o == h })
	if r.aors[h.AOR] = rest; len(rest) == 0 {
		delete(r.aors, h.AOR)
	}
	r.tell(why, h)
}

// attach indexes what a REGISTER may change: expiry, flow, keep-alive.
func (r *Registrar) attach(h *held) {
	r.due.add(h)
	r.moves.enter(h)
	if h.Flow != nil && !h.udp() {
		if r.flows[h.Flow] == nil {
			r.flows[h.Flow] = make(map[*held]bool)
		}
		r.flows[h.Flow][h] = true
	}
	if h.Flow != nil && h.udp() && h.sleep == sleepsNever && r.cfg.Keepalive > 0 && behindNAT(h.contact(), h.Received) {
		h.slot = int32(r.emptiestSlot())
		r.pings[h.slot][h] = true
	}
	r.poke()
}

func (r *Registrar) detach(h *held) {
	r.due.remove(h)
	if set := r.flows[h.Flow]; set != nil {
		if delete(set, h); len(set) == 0 {
			delete(r.flows, h.Flow)
		}
	}
	if h.slot >= 0 {
		delete(r.pings[h.slot], h)
		h.slot = -1
	}
}

func (r *Registrar) poke() {
	select {
	case r.wake <- struct{}{}:
	default: // a wake-up is waiting already
	}
}

// changed tells the listeners. No lock is held.
func (r *Registrar) changed(aor string) {
	if len(r.onChange) == 0 {
		return
	}
	n := len(r.lookup(aor, true))
	for _, f := range r.onChange {
		f(aor, n)
	}
}
