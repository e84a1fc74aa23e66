package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"naisen/provisioning"
)

// accessReviews opens the review of each quarter, closes it when it is due, and says what waits for an answer.
type accessReviews struct {
	store  provisioning.Store
	mine   func() bool // of several nodes this one does it
	alarms *alarms
	log    *slog.Logger

	cancel context.CancelFunc
	worker sync.WaitGroup

	mu   sync.Mutex
	open map[[2]string]string // by domain and review: how many rights wait, and until when
}

// startAccessReviews looks each minute.
func (p *pbx) startAccessReviews(ctx context.Context) {
	v := &accessReviews{store: p.store, mine: p.nodes.Mine, alarms: p.alarms, log: p.log}
	ctx, v.cancel = context.WithCancel(context.WithoutCancel(ctx))
	p.alarms.watchEach("access-review", v.waiting)
	v.worker.Go(func() {
		tick := time.NewTicker(time.Minute)
		defer tick.Stop()
		for {
			if err := v.turn(ctx); err != nil && ctx.Err() == nil {
				v.log.Error("pbx: access reviews", "err", err)
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	})
	p.closing("access reviews", func(context.Context) error { v.cancel(); v.worker.Wait(); return nil })
}

// waiting is for alarms.watchEach.
func (v *accessReviews) waiting() map[[2]string]string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.open
}

// turn is a round where it is this node's duty.
func (v *accessReviews) turn(ctx context.Context) error {
	if v.mine() {
		return v.round(ctx, time.Now())
	}
	v.mu.Lock()
	v.open = nil // the other one says what waits
	v.mu.Unlock()
	return nil
}

// round does what is due in each domain. It writes only then.
func (v *accessReviews) round(ctx context.Context, now time.Time) error {
	var domains []provisioning.Domain
	err := v.store.View(ctx, func(r provisioning.Reader) (err error) {
		domains, err = provisioning.Domains(r)
		return err
	})
	open := map[[2]string]string{}
	for _, d := range domains {
		if err == nil {
			err = v.review(ctx, d.Name, now, open)
		}
	}
	if err != nil {
		return err
	}
	v.mu.Lock()
	v.open = open
	v.mu.Unlock()
	return nil
}

func (v *accessReviews) review(ctx context.Context, domain string, now time.Time, open map[[2]string]string) error {
	var closed *provisioning.AccessReview
	err := v.store.Update(ctx, provisioning.Subject{Domain: domain, System: true}, func(w provisioning.Writer) (err error) {
		if closed, err = provisioning.CloseAccessReview(w, domain, now); err != nil {
			return err
		}
		_, err = provisioning.OpenAccessReview(w, domain, now)
		return err
	})
	if err != nil {
		return err
	}
	if closed != nil {
		for _, r := range closed.Rights {
			if r.Ended {
				v.alarms.happened("access-ended", domain, r.User+"/"+string(r.Role), "nobody confirmed it in "+closed.ID)
			}
		}
	}
	return v.store.View(ctx, func(r provisioning.Reader) error {
		all, err := provisioning.List[provisioning.AccessReview](r, domain, "", 0)
		for _, one := range all {
			if n := one.Unanswered(); n > 0 {
				open[[2]string{domain, one.ID}] = fmt.Sprintf("%d rights, until %s", n, one.Due.Format(time.DateOnly))
			}
		}
		return err
	})
}
