package main

import (
	"context"
	"sync"

	"naisen/provisioning"
)

// reviews are the listenings without an approval that nobody has looked at yet: each is an alarm until somebody else has.
type reviews struct {
	alarms *alarms

	mu   sync.Mutex
	open map[[2]string]string // domain and request: who and for what
}

// openReviews reads those of before.
func openReviews(ctx context.Context, s provisioning.Store, a *alarms) (*reviews, error) {
	v := &reviews{alarms: a, open: map[[2]string]string{}}
	err := s.View(ctx, func(r provisioning.Reader) error {
		domains, err := provisioning.Domains(r)
		if err != nil {
			return err
		}
		for _, d := range domains {
			all, err := provisioning.List[provisioning.ListeningRequest](r, d.Name, "", 0)
			if err != nil {
				return err
			}
			for _, q := range all {
				if q.Unreviewed() {
					v.open[[2]string{d.Name, q.ID}] = whose(q)
				}
			}
		}
		return nil
	})
	return v, err
}

// brokenGlass is told by REST when a listening begins without an approval, and when it was reviewed.
func (v *reviews) brokenGlass(domain string, q provisioning.ListeningRequest) {
	k := [2]string{domain, q.ID}
	v.mu.Lock()
	_, known := v.open[k]
	if q.Unreviewed() {
		v.open[k] = whose(q)
	} else {
		delete(v.open, k)
	}
	v.mu.Unlock()
	if q.Unreviewed() && !known {
		v.alarms.happened("break-glass", domain, q.ID, whose(q))
	}
}

// waiting are all of them.
func (v *reviews) waiting() map[[2]string]string {
	v.mu.Lock()
	defer v.mu.Unlock()
	out := make(map[[2]string]string, len(v.open))
	for k, detail := range v.open {
		out[k] = detail
	}
	return out
}

func whose(q provisioning.ListeningRequest) string { return q.By + ", " + q.Purpose }
