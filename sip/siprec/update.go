package siprec

import (
	"fmt"
	"reflect"
	"slices"
)

// Apply takes a later document over: a complete one replaces everything, a partial one what it names (RFC 7865 section 6.1). An error, and nothing
// changed, when the whole would grow beyond the bounds.
func (m *Metadata) Apply(update Metadata) error {
	if !update.Partial {
		*m = update
		return nil
	}
	next := Metadata{
		Groups:       merge(m.Groups, update.Groups, func(a, b Group) bool { return a.ID == b.ID }, Group.over),
		Sessions:     merge(m.Sessions, update.Sessions, func(a, b Session) bool { return a.ID == b.ID }, Session.over),
		Participants: merge(m.Participants, update.Participants, func(a, b Participant) bool { return a.ID == b.ID }, Participant.over),
		Streams:      merge(m.Streams, update.Streams, func(a, b Stream) bool { return a.ID == b.ID }, Stream.over),
		Memberships: merge(m.Memberships, update.Memberships, func(a, b Membership) bool {
			return a.Participant == b.Participant && a.Session == b.Session
		}, Membership.over),
		Flows: merge(m.Flows, update.Flows, func(a, b Flow) bool { return a.Participant == b.Participant }, Flow.over),
	}
	if most := next.largest(); most > maxObjects {
		return fmt.Errorf("%w: %d objects of one kind", ErrMetadata, most)
	}
	*m = next
	return nil
}

// Knows says whether all that a partial document builds on was told before.
func (m *Metadata) Knows(update Metadata) bool {
	known := map[ID]bool{}
	for _, of := range []*Metadata{m, &update} {
		for _, p := range of.Participants {
			known[p.ID] = true
		}
		for _, s := range of.Streams {
			known[s.ID] = true
		}
	}
	for _, f := range update.Flows {
		if !known[f.Participant] {
			return false
		}
		for _, s := range append(append([]ID(nil), f.Send...), f.Receive...) {
			if !known[s] {
				return false
			}
		}
	}
	return true
}

// Since gives the partial document that brings somebody who knows told up to date. What is over stays in a document, with its time; nothing is ever
// taken out of one.
func (m Metadata) Since(told Metadata) Metadata {
	return Metadata{Partial: true, Groups: fresh(m.Groups, told.Groups), Sessions: fresh(m.Sessions, told.Sessions),
		Participants: fresh(m.Participants, told.Participants), Streams: fresh(m.Streams, told.Streams),
		Memberships: fresh(m.Memberships, told.Memberships), Flows: fresh(m.Flows, told.Flows)}
}

// Empty says that the document says nothing.
func (m Metadata) Empty() bool { return m.largest() == 0 }

// fresh are those that were not told just so.
func fresh[T any](now, told []T) (out []T) {
	for _, n := range now {
		if !slices.ContainsFunc(told, func(o T) bool { return reflect.DeepEqual(n, o) }) {
			out = append(out, n)
		}
	}
	return out
}

func (m *Metadata) largest() int {
	return max(len(m.Groups), len(m.Sessions), len(m.Participants), len(m.Streams), len(m.Memberships), len(m.Flows))
}

// merge gives old with what new says of the same things, and new things behind.
func merge[T any](old, new []T, same func(a, b T) bool, over func(next, before T) T) []T {
	out := append([]T(nil), old...)
	for _, n := range new {
		found := false
		for i := range out {
			if same(out[i], n) {
				out[i], found = over(n, out[i]), true
				break
			}
		}
		if !found {
			out = append(out, n)
		}
	}
	return out
}

// What a partial document leaves unsaid of a thing stays as it was, but for a flow's streams: those are all of them.

func (g Group) over(before Group) Group {
	if g.Associated.IsZero() {
		g.Associated = before.Associated
	}
	return g
}

func (s Session) over(before Session) Session {
	if s.Group == "" {
		s.Group = before.Group
	}
	if s.SIPSessions == nil {
		s.SIPSessions = before.SIPSessions
	}
	if s.Reason == "" {
		s.Reason = before.Reason
	}
	if s.Started.IsZero() {
		s.Started = before.Started
	}
	if s.Over.IsZero() {
		s.Over = before.Over
	}
	return s
}

func (p Participant) over(before Participant) Participant {
	if p.AOR == "" {
		p.AOR, p.Name = before.AOR, before.Name
	}
	return p
}

func (s Stream) over(before Stream) Stream {
	if s.Session == "" {
		s.Session = before.Session
	}
	if s.Label == "" {
		s.Label = before.Label
	}
	return s
}

func (m Membership) over(before Membership) Membership {
	if m.Associated.IsZero() && !m.Parted.IsZero() { // only that it left; said to be there again, it is
		m.Associated = before.Associated
	}
	return m
}

func (f Flow) over(before Flow) Flow {
	if f.Associated.IsZero() && !f.Parted.IsZero() {
		f.Associated = before.Associated
	}
	return f
}
