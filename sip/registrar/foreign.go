package registrar

import (
	"slices"
	"time"
	"unique"
)

// Several nodes may share one table. Each has the bindings whose telephones registered with it, and knows those of the others from the table: foreign ones. A
// call to such a telephone goes by the node that has it, since that has its connection, or the hole in its NAT. Of two nodes that know the same binding the one
// has it at which the telephone was last.

// unsure is how long after a REGISTER its absence from the table says nothing: what was read may be older.
const unsure = 10 * time.Second

// Learn takes over what stands in the table for some AORs, with nil for all of them.
func (r *Registrar) Learn(aors []string, rows []Record) {
	of := byAOR(rows)
	if aors == nil {
		aors = r.AORs()
		for aor := range of {
			aors = append(aors, aor)
		}
	}
	slices.Sort(aors)
	for _, aor := range slices.Compact(aors) {
		r.mu.Lock()
		changed := r.learn(aor, of[aor])
		r.mu.Unlock()
		if changed {
			r.changed(aor)
			r.woken(aor) // a device that is called here may have woken there
		}
	}
}

func byAOR(rows []Record) map[string][]Record {
	of := map[string][]Record{}
	for _, rec := range rows {
		of[rec.AOR] = append(of[rec.AOR], rec)
	}
	return of
}

// learnAll is Learn at the start. Registrar.mu is held.
func (r *Registrar) learnAll(rows []Record) {
	for aor, of := range byAOR(rows) {
		r.learn(aor, of)
	}
}

// mine: this node has it.
func (r *Registrar) mine(rec Record) bool {
	return rec.Node == r.cfg.Node || rec.Node == "" || r.cfg.Node == ""
}

// learn takes over what stands in the table for one AOR. Registrar.mu is held.
func (r *Registrar) learn(aor string, rows []Record) (changed bool) {
	for _, h := range slices.Clone(r.aors[aor]) {
		i := slices.IndexFunc(rows, func(rec Record) bool { return rec.Key == h.key })
		var over bool
		switch {
		case h.foreign():
			over = i < 0 || r.mine(rows[i])
		case i < 0: // it was ended at another node
			over = r.settled(h)
		default: // it came to another node
			over = !r.mine(rows[i]) && rows[i].At.UnixNano() > h.registered
		}
		if over {
			r.forget(h, EventDeactivated)
			changed = true
		}
	}
	for _, rec := range rows {
		changed = !r.mine(rec) && r.learnOne(rec) || changed
	}
	return changed
}

// settled: what this node has of the binding is in the table, or was.
func (r *Registrar) settled(h *held) bool {
	return r.cfg.Node != "" && r.cfg.Clock().UnixNano()-h.registered > int64(unsure) && !r.saver.holds(h.AOR, h.key)
}

func (r *Registrar) learnOne(rec Record) (changed bool) {
	h, err := r.restore(rec)
	left := min(rec.Expires.Sub(r.cfg.Clock()), time.Duration(r.cfg.MaxExpires)*time.Second)
	if err != nil || left <= 0 {
		return false
	}
	here := h.via.Value()
	here.node = rec.Node
	if h.sleep != sleepsNever {
		h.sleep = sleepsThere
		h.woke = time.Since(r.began) - max(0, r.cfg.Clock().Sub(time.Unix(0, h.registered)))
	}
	h.via = unique.Make(here)
	if i := slices.IndexFunc(r.aors[rec.AOR], func(o *held) bool { return o.key == rec.Key }); i >= 0 {
		known := r.aors[rec.AOR][i]
		if !known.foreign() || known.registered == h.registered && known.expires == h.expires && known.via == h.via {
			return false
		}
		r.forget(known, EventDeactivated)
	} else if len(r.due) >= r.cfg.Total {
		return false
	}
	h.deadline = time.Since(r.began) + left
	r.turn++
	h.turn = r.turn
	r.add(h)
	r.tell(EventCreated, h)
	return true
}

// reachable from here, or by the node that has it. Registrar.mu is held.
func (r *Registrar) reachable(h *held) bool {
	if !h.foreign() {
		return h.reachable()
	}
	return r.cfg.Alive != nil && r.cfg.Alive(h.via.Value().node)
}

// Here finds the binding of an AOR that this node has and reaches, by its key.
func (r *Registrar) Here(aor, key string) (Binding, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, h := range r.aors[aor] {
		if h.key == key && h.reachable() && time.Since(r.began) < h.deadline {
			return h.binding(), true
		}
	}
	return Binding{}, false
}

// holds: a record of the binding waits to be saved, or is being saved.
func (s *saver) holds(aor, key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, waits := s.dirty[recordKey{aor, key}]
	return waits || slices.ContainsFunc(s.flying, func(r Record) bool { return r.AOR == aor && r.Key == key })
}
