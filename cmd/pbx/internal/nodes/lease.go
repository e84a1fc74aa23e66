package nodes

import (
	"context"
	"maps"
	"slices"

	"naisen/provisioning"
)

// Jobs is the lease of who does what is done once for all nodes: reports, reviews, exports. Every node wants it.
const Jobs = "jobs"

// Want makes this node take a lease whenever nobody who lives has it.
func (m *Members) Want(names ...string) {
	if m == nil {
		return
	}
	m.mu.Lock()
	for _, name := range names {
		m.wants[name] = true
	}
	m.mu.Unlock()
	m.beatNow()
}

// Drop gives leases up, and wants them no more. What they stand for has ended before.
func (m *Members) Drop(ctx context.Context, names ...string) error {
	if m == nil {
		return nil
	}
	m.mu.Lock()
	for _, name := range names {
		delete(m.wants, name)
		if l, ok := m.leases[name]; ok && l.Node == m.cfg.Name {
			l.Node = ""
			m.leases[name] = l
		}
	}
	m.mu.Unlock()
	return m.cfg.Table.Drop(ctx, m.cfg.Name, names...)
}

// Holds says whether this node has a lease now, and its turn, which is higher than that of everybody who had it before. It stops to have it before
// another one can take it: half a second earlier than the others think that it is dead. A switch that is alone has every lease.
func (m *Members) Holds(name string) (turn int64, ok bool) {
	if m == nil {
		return 0, true
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.leases[name]
	return l.Turn, l.Node == m.cfg.Name && !m.beaten.IsZero() && m.cfg.Clock().Sub(m.beaten) < resigned
}

// Mark is how far the node has come that has a lease, as of the last beat.
func (m *Members) Mark(name string) int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.leases[name].Mark
}

// SetMark writes how far this node has come with a lease. provisioning.ErrNotHeld: it is another's by now.
func (m *Members) SetMark(ctx context.Context, name string, turn, mark int64) error {
	l := provisioning.Lease{Name: name, Node: m.cfg.Name, Turn: turn, Mark: mark}
	if err := m.cfg.Table.Mark(ctx, l); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if now := m.leases[name]; now.Node == l.Node && now.Turn == turn {
		m.leases[name] = l
	}
	return nil
}

// Mine says whether this node does now what one node does.
func (m *Members) Mine() bool {
	_, ok := m.Holds(Jobs)
	return ok
}

// Holder is the node that has a lease, as far as is known here: this one or one that lives. Empty: nobody, or it is not known who.
func (m *Members) Holder(name string) string {
	if m == nil {
		return ""
	}
	if _, ok := m.Holds(name); ok {
		return m.cfg.Name
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	node := m.leases[name].Node
	if s := m.seen[node]; s == nil || !s.alive {
		return ""
	}
	return node
}

// Elsewhere says that another node has a lease, and lives.
func (m *Members) Elsewhere(name string) bool {
	return m != nil && m.Holder(name) != "" && m.Holder(name) != m.cfg.Name
}

// learn takes over what was read of leases. m.mu is held.
func (m *Members) learn(leases []provisioning.Lease) (changed bool) {
	now := make(map[string]provisioning.Lease, len(leases))
	for _, l := range leases {
		now[l.Name] = l
	}
	changed = !maps.Equal(now, m.leases)
	m.leases = now
	return changed
}

// take takes what this node wants and nobody has who lives.
func (m *Members) take(ctx context.Context) (taken bool, err error) {
	m.mu.Lock()
	var over, names []string
	for name := range m.wants {
		switch node := m.leases[name].Node; {
		case node == m.cfg.Name:
		case node == "":
			names = append(names, name)
		case m.over(node):
			over, names = append(over, node), append(names, name)
		}
	}
	m.mu.Unlock()
	for part := range slices.Chunk(names, takeAtOnce) {
		leases, err := m.cfg.Table.Take(ctx, m.cfg.Name, over, part...)
		if err != nil {
			return taken, err
		}
		m.mu.Lock()
		for _, l := range leases {
			taken = taken || m.leases[l.Name] != l
			m.leases[l.Name] = l
		}
		m.mu.Unlock()
	}
	return taken, nil
}

// Inherit takes a lease that nobody has, or that a node has which is known to be dead. It is not wanted after it is dropped. ok: this node has it.
func (m *Members) Inherit(ctx context.Context, name string) (ok bool, err error) {
	m.mu.Lock()
	var over []string
	node := m.leases[name].Node
	s := m.seen[node]
	switch {
	case node == "":
	case s != nil && m.over(node): // of who was never seen it is not known whether it has just come
		over = []string{node}
	default:
		m.mu.Unlock()
		return node == m.cfg.Name, nil
	}
	m.mu.Unlock()
	leases, err := m.cfg.Table.Take(ctx, m.cfg.Name, over, name)
	return err == nil && len(leases) == 1 && leases[0].Node == m.cfg.Name, err
}

// takeAtOnce bounds the leases that are taken in one transaction.
const takeAtOnce = 100

// over says that a node is known to be dead, or was never one. m.mu is held.
func (m *Members) over(node string) bool {
	s := m.seen[node]
	return s == nil || s.says.Start == "" || !s.alive && m.cfg.Clock().Sub(s.moved) >= dead
}
