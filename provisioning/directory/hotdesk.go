package directory

import (
	"slices"
	"time"
)

// PersonAt is whose telephone the one of an extension is at a moment: of who is signed in there. False: its own. Whoever is gone, disabled or
// signed out by the clock is signed in nowhere, whatever the rows say.
func (s *Snapshot) PersonAt(domainName, desk string, now time.Time) (person string, ok bool) {
	d := s.domains[domainName]
	if d == nil {
		return "", false
	}
	h, ok := d.desks[desk]
	if !ok || !now.Before(h.Until) || d.extensions[desk].HotDesk == nil || !s.Active(domainName, h.Person) {
		return "", false
	}
	return h.Person, true
}

// DesksOf are the extensions at whose telephones somebody is signed in.
func (s *Snapshot) DesksOf(domainName, person string, now time.Time) (out []string) {
	d := s.domains[domainName]
	if d == nil {
		return nil
	}
	for desk, h := range d.desks {
		if h.Person == person {
			if _, ok := s.PersonAt(domainName, desk, now); ok {
				out = append(out, desk)
			}
		}
	}
	slices.Sort(out)
	return out
}

// Seated is who is signed in where, by domain and desk. It looks at all of them.
func (s *Snapshot) Seated(now time.Time) map[[2]string]string {
	out := map[[2]string]string{}
	for name, d := range s.domains {
		for desk := range d.desks {
			if person, ok := s.PersonAt(name, desk, now); ok {
				out[[2]string{name, desk}] = person
			}
		}
	}
	return out
}

// Ended are those whom the clock has signed out, by domain and desk: rows that nobody needs.
func (s *Snapshot) Ended(now time.Time) (out [][2]string) {
	for name, d := range s.domains {
		for desk, h := range d.desks {
			if !now.Before(h.Until) {
				out = append(out, [2]string{name, desk})
			}
		}
	}
	return out
}
