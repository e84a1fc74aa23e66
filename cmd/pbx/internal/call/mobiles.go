package call

import "sync"

// Mobiles are the numbers that ring as mobiles now. One that sends all its calls to the office would be rung by the call that its own ringing brought, again
// and again, and its network need not say that it does (RFC 5806): so a mobile rings for one call at a time, until somebody has pressed the key there. The
// zero value holds none; a nil one lets everything ring.
type Mobiles struct {
	mu    sync.Mutex // guards the rest
	rings map[string]LegID
	of    map[LegID]string
}

// take lets a number be rung by a leg; false: it rings for another one.
func (m *Mobiles) take(domain, number string, leg LegID) bool {
	if m == nil {
		return true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.rings == nil {
		m.rings, m.of = map[string]LegID{}, map[LegID]string{}
	}
	key := number + "@" + domain
	if _, ringing := m.rings[key]; ringing {
		return false
	}
	m.rings[key], m.of[leg] = leg, key
	return true
}

// free: the leg rings no more.
func (m *Mobiles) free(leg LegID) {
	if m == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.rings, m.of[leg])
	delete(m.of, leg)
}
