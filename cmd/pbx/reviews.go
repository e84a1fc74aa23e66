package main

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"naisen/provisioning"
)

// reviews are the listenings without an approval, and the uses of the break-glass account, that nobody has looked at yet: each is an alarm until somebody
// else has.
type reviews struct {
	store  provisioning.Store
	alarms *alarms

	mu    sync.Mutex
	heard int                  // counts what was told
	open  map[[2]string]string // domain and request or use: who and for what
}

// openReviews reads those of before.
func openReviews(ctx context.Context, s provisioning.Store, a *alarms) (*reviews, error) {
	v := &reviews{store: s, alarms: a, open: map[[2]string]string{}}
	return v, v.read(ctx)
}

// follow reads each minute what other nodes were told, until ctx ends.
func (v *reviews) follow(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := v.read(ctx); err != nil && ctx.Err() == nil {
			log.Warn("pbx: reviews of other nodes are not read", "err", err)
		}
	}
}

// read takes over what stands in the store, unless something was told meanwhile: then the next time does.
func (v *reviews) read(ctx context.Context) error {
	v.mu.Lock()
	before := v.heard
	v.mu.Unlock()
	open := map[[2]string]string{}
	err := v.store.View(ctx, func(r provisioning.Reader) error {
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
					open[[2]string{d.Name, q.ID}] = whose(q)
				}
			}
			uses, err := provisioning.List[provisioning.EmergencySignIn](r, d.Name, "", 0)
			if err != nil {
				return err
			}
			for _, e := range uses {
				if e.Unreviewed() {
					open[[2]string{d.Name, e.ID}] = whence(e)
				}
			}
		}
		return nil
	})
	v.mu.Lock()
	defer v.mu.Unlock()
	if err == nil && v.heard == before {
		v.open = open
	}
	return err
}

// brokenGlass is told by REST when a listening begins without an approval, and when it was reviewed.
func (v *reviews) brokenGlass(domain string, q provisioning.ListeningRequest) {
	v.told("break-glass", domain, q.ID, whose(q), q.Unreviewed())
}

// emergency is told by the identity service when the break-glass account is used, and by REST when that was reviewed.
func (v *reviews) emergency(domain string, e provisioning.EmergencySignIn) {
	v.told("break-glass-account", domain, e.ID, whence(e), e.Unreviewed())
}

func (v *reviews) told(alarm, domain, id, detail string, unreviewed bool) {
	k := [2]string{domain, id}
	v.mu.Lock()
	v.heard++
	_, known := v.open[k]
	if unreviewed {
		v.open[k] = detail
	} else {
		delete(v.open, k)
	}
	v.mu.Unlock()
	if unreviewed && !known {
		v.alarms.happened(alarm, domain, id, detail)
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

func whence(e provisioning.EmergencySignIn) string { return e.User + ", " + e.Source }

func whose(q provisioning.ListeningRequest) string { return q.By + ", " + q.Purpose }
