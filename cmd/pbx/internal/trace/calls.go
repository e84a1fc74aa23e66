package trace

import (
	"slices"

	"naisen/provisioning"
)

// Party is who takes part in a call by a dialog.
type Party struct{ CallID, Number string }

// Claim says that a dialog is a call's, as soon as that is known: what was seen of it until then is the call's too.
func (b *Book) Claim(call, callID string) {
	if callID == "" {
		return
	}
	b.mu.Lock()
	var rings []chan struct{}
	if r := b.record(call); r != nil {
		b.claim(r, callID)
		rings = r.rings
	}
	b.mu.Unlock()
	ring(rings)
}

// CallOf is the call that a dialog is of; "": not known.
func (b *Book) CallOf(callID string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if at, ok := b.dialogs[callID]; ok {
		return at.record.id
	}
	return ""
}

// Show tells what a call is now. A dialog that came from another call is this one's from now on. Over: it was the last word.
func (b *Book) Show(call, domain string, parties []Party, over bool) {
	b.mu.Lock()
	rings := b.show(call, domain, parties, over)
	b.mu.Unlock()
	ring(rings)
}

// show does what Show says, and returns who follows. b.mu is held.
func (b *Book) show(call, domain string, parties []Party, over bool) []chan struct{} {
	b.purge()
	r := b.record(call)
	if r == nil {
		return nil
	}
	r.domain = domain
	for _, p := range parties {
		if p.CallID == "" {
			continue
		}
		b.claim(r, p.CallID)
		if at := b.dialogs[p.CallID]; at.record == r && p.Number != "" {
			r.legs[at.leg].Number = p.Number
		}
	}
	if over && r.ended.IsZero() {
		r.ended = b.cfg.Clock()
		b.over = append(b.over, r)
	}
	return r.rings
}

// record finds or makes a call's; nil: there is no room for another one. b.mu is held.
func (b *Book) record(call string) *record {
	r := b.calls[call]
	if r != nil {
		return r
	}
	if len(b.calls) >= maxCalls {
		if len(b.over) == 0 {
			return nil
		}
		b.evict()
		b.stats.Evicted++
	}
	r = &record{id: call}
	b.calls[call] = r
	return r
}

// claim gives a dialog to a call. b.mu is held.
func (b *Book) claim(r *record, callID string) {
	at, known := b.dialogs[callID]
	if known && at.record == r {
		return
	}
	i := slices.IndexFunc(r.legs, func(l provisioning.TraceLeg) bool { return l.CallID == callID }) // it was here before
	if i < 0 {
		if len(r.legs) >= callLegs {
			r.dropped++
			b.stats.Dropped++
			return
		}
		leg := provisioning.TraceLeg{CallID: callID}
		if known {
			leg = at.record.legs[at.leg]
		}
		i = len(r.legs)
		r.legs = append(r.legs, leg)
	}
	b.dialogs[callID] = place{r, i}
	p := b.pending[callID]
	if p == nil {
		return
	}
	delete(b.pending, callID)
	b.bytes -= p.bytes
	r.legs[i] = p.leg
	for _, x := range p.messages {
		x.Leg = i
		b.add(r, x)
	}
}

// Trace implements provisioning.Traces.
func (b *Book) Trace(domain, id string, after int64) (provisioning.CallTrace, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.purge()
	r := b.calls[id]
	if r == nil || r.domain == "" || r.domain != domain {
		return provisioning.CallTrace{}, provisioning.ErrNotFound
	}
	t := provisioning.CallTrace{ID: id, Over: !r.ended.IsZero(), Dropped: r.dropped, Legs: append([]provisioning.TraceLeg{}, r.legs...), Messages: []provisioning.TraceMessage{}}
	for _, x := range r.messages {
		if x.N > after {
			t.Messages = append(t.Messages, x)
		}
	}
	return t, nil
}

// Follow implements provisioning.Traces.
func (b *Book) Follow(domain, id string) (<-chan struct{}, func(), error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := b.calls[id]
	switch {
	case r == nil || r.domain == "" || r.domain != domain:
		return nil, nil, provisioning.ErrNotFound
	case b.followers >= maxFollowers:
		return nil, nil, provisioning.ErrInUse
	}
	b.followers++
	c := make(chan struct{}, 1)
	r.rings = append(slices.Clip(r.rings), c) // a new array: ring reads the old one without the lock
	stopped := false
	return c, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if !stopped {
			stopped = true
			b.followers--
			r.rings = slices.DeleteFunc(slices.Clone(r.rings), func(x chan struct{}) bool { return x == c })
		}
	}, nil
}

// ring wakes who follows; who is awake already is not waited for.
func ring(followers []chan struct{}) {
	for _, c := range followers {
		select {
		case c <- struct{}{}:
		default:
		}
	}
}
