package main

import (
	"time"

	"naisen/provisioning"
	"naisen/provisioning/directory"
)

// sponsors tells of each user with a contract for whom nobody answers any more. It looks when something changed, and each minute, since contracts end by
// the clock.
type sponsors struct {
	directory *directory.Directory
	seen      provisioning.Version
	looked    time.Time
	last      map[[2]string]string
}

// alone is by domain and user, for alarms.watchEach.
func (s *sponsors) alone() map[[2]string]string {
	snap, now := s.directory.Snapshot(), time.Now()
	if s.last != nil && snap.Version() == s.seen && now.Sub(s.looked) < time.Minute {
		return s.last
	}
	s.seen, s.looked, s.last = snap.Version(), now, map[[2]string]string{}
	for domain, users := range snap.Sponsorless(now) {
		for _, u := range users {
			s.last[[2]string{domain, u}] = ""
		}
	}
	return s.last
}
