package rs

import (
	"slices"
	"time"

	"naisen/recorder"
	"naisen/sip"
	"naisen/sip/siprec"
)

// story is what of a call's metadata never changes.
type story struct {
	group, session siprec.ID
	began          time.Time
}

func newStory(of recorder.Case) story {
	return story{group: siprec.NewID(), session: siprec.NewID(), began: of.Started}
}

// person is a participant: there, or it was.
type person struct {
	id           siprec.ID
	party        recorder.Party
	stream       *stream // nil: it left
	held         bool
	came, parted time.Time
}

// maxPeople bounds the participants of one call, within what a document may hold; who comes later is heard and not named.
const maxPeople = 60

func (s *copying) personAt(endpoint string) *person {
	if st := s.streamAt(endpoint); st != nil {
		return s.speaker(st)
	}
	return nil
}

func (s *copying) speaker(st *stream) *person {
	for _, p := range s.people {
		if p.stream == st {
			return p
		}
	}
	return nil
}

// enter puts a party into a stream: in place of whoever is there, as whoever it was before, or as somebody new.
func (s *copying) enter(party recorder.Party, st *stream) {
	before := s.dirty
	s.dirty = true
	who := func(p recorder.Party) string { return p.Role + "\n" + p.Number + "\n" + p.Name }
	now := s.client.cfg.Clock()
	if p := s.speaker(st); p != nil {
		if who(p.party) == who(party) {
			s.dirty = before
			return
		}
		s.part(st)
	}
	for _, p := range s.people {
		if p.stream == nil && who(p.party) == who(party) {
			p.stream, p.held, p.came, p.parted = st, false, now, time.Time{}
			return
		}
	}
	if len(s.people) < maxPeople {
		s.people = append(s.people, &person{id: siprec.NewID(), party: party, stream: st, came: now})
	}
}

// part notes that a stream's speaker has left.
func (s *copying) part(st *stream) {
	if p := s.speaker(st); p != nil {
		p.stream, p.held, p.parted = nil, false, s.client.cfg.Clock()
	}
}

// metadata is everything, as it is now.
func (s *copying) metadata() siprec.Metadata {
	m := siprec.Metadata{
		Groups:   []siprec.Group{{ID: s.story.group, Associated: s.story.began}},
		Sessions: []siprec.Session{{ID: s.story.session, Group: s.story.group, Started: s.story.began}},
	}
	for _, st := range s.streams {
		m.Streams = append(m.Streams, siprec.Stream{ID: st.id, Session: s.story.session, Label: st.label})
	}
	for _, p := range s.people {
		m.Participants = append(m.Participants, siprec.Participant{ID: p.id, AOR: aor(p.party.Number, s.of.Domain), Name: p.party.Name})
		m.Memberships = append(m.Memberships, siprec.Membership{Participant: p.id, Session: s.story.session, Associated: p.came, Parted: p.parted})
		f := siprec.Flow{Participant: p.id, Associated: p.came, Parted: p.parted}
		if p.stream != nil && !p.held {
			f.Send = []siprec.ID{p.stream.id}
			for _, other := range s.people {
				if other.stream != nil && other != p {
					f.Receive = append(f.Receive, other.stream.id)
				}
			}
			slices.Sort(f.Receive)
		}
		m.Flows = append(m.Flows, f)
	}
	return m
}

// aor of somebody who is known by a number alone; who withholds it is anonymous (RFC 3323 section 4.1).
func aor(number, domain string) string {
	if number == "" {
		return "sip:anonymous@anonymous.invalid"
	}
	return sip.URI{Scheme: "sip", User: number, Host: domain}.String()
}
