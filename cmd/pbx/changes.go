package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"naisen/provisioning"
)

// changes carries out sets of changes at their time, ends those to which nobody agreed, and tells of emergencies. What is due while the switch is down is
// done, or expires, at the start.
type changes struct {
	store  provisioning.Store
	policy provisioning.Policy
	alarms *alarms
	clock  func() time.Time
	log    *slog.Logger

	mu         sync.Mutex              // guards the rest
	due        map[[2]string]time.Time // by domain and set
	unreviewed map[[2]string]string
	noted      int  // counts what was noted
	others     bool // other nodes have sets of theirs in the same store: it is read each minute. Set before run

	wake chan struct{} // room for one
	stop context.CancelFunc
	done chan struct{}
}

// longest is how long the clock is not looked at, since it may be set.
const longestNap = time.Minute

// startChanges reads what waits, and begins.
func startChanges(ctx context.Context, store provisioning.Store, others bool, p provisioning.Policy, a *alarms, clock func() time.Time, log *slog.Logger) (*changes, error) {
	c := &changes{store: store, others: others, policy: p, alarms: a, clock: clock, log: log, due: map[[2]string]time.Time{}, unreviewed: map[[2]string]string{},
		wake: make(chan struct{}, 1), done: make(chan struct{})}
	if err := c.read(ctx); err != nil {
		return nil, err
	}
	ctx, c.stop = context.WithCancel(context.WithoutCancel(ctx))
	go c.run(ctx)
	return c, nil
}

// read takes over what stands in the store, unless something was noted meanwhile: then the next time does.
func (c *changes) read(ctx context.Context) error {
	c.mu.Lock()
	before := c.noted
	c.mu.Unlock()
	due, unreviewed := map[[2]string]time.Time{}, map[[2]string]string{}
	err := c.store.View(ctx, func(r provisioning.Reader) error {
		domains, err := provisioning.Domains(r)
		if err != nil {
			return err
		}
		for _, d := range domains {
			all, err := provisioning.List[provisioning.ChangeSet](r, d.Name, "", 0)
			if err != nil {
				return err
			}
			for _, s := range all {
				k := [2]string{d.Name, s.ID}
				if at := s.Due(); !at.IsZero() {
					due[k] = at
				}
				if s.Unreviewed {
					unreviewed[k] = s.Waiting()
				}
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.noted == before {
		c.due, c.unreviewed = due, unreviewed
	}
	return nil
}

// startChanges begins to carry out what is due.
func (p *pbx) startChanges(ctx context.Context) (err error) {
	if p.changes, err = startChanges(ctx, p.store, p.nodes != nil, p.policy, p.alarms, time.Now, p.log); err == nil {
		p.closing("changes", func(context.Context) error { p.changes.Close(); return nil })
	}
	return err
}

// changed is told of each step of a set.
func (c *changes) changed(domain string, s provisioning.ChangeSet) {
	if fresh := c.note(domain, s); fresh {
		c.alarms.happened("emergency-change", domain, s.ID, s.Waiting())
	}
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// note keeps what is to be done with a set; fresh: it is an emergency that was carried out just now.
func (c *changes) note(domain string, s provisioning.ChangeSet) (fresh bool) {
	k := [2]string{domain, s.ID}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.noted++
	delete(c.due, k)
	if at := s.Due(); !at.IsZero() {
		c.due[k] = at
	}
	_, known := c.unreviewed[k]
	delete(c.unreviewed, k)
	if s.Unreviewed {
		c.unreviewed[k] = s.Waiting()
	}
	return s.Unreviewed && !known
}

// waiting are the emergencies that nobody has reviewed.
func (c *changes) waiting() map[[2]string]string {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make(map[[2]string]string, len(c.unreviewed))
	for k, v := range c.unreviewed {
		out[k] = v
	}
	return out
}

func (c *changes) run(ctx context.Context) {
	defer close(c.done)
	for {
		t := time.NewTimer(c.pass(ctx))
		select {
		case <-ctx.Done():
			t.Stop()
			return
		case <-c.wake:
			t.Stop()
		case <-t.C:
		}
	}
}

// pass does what is due, and says how long there is nothing to do.
func (c *changes) pass(ctx context.Context) time.Duration {
	now := c.clock()
	if c.others {
		if err := c.read(ctx); err != nil && ctx.Err() == nil {
			c.log.Warn("pbx: sets of changes of other nodes are not read", "err", err)
		}
	}
	nap := longestNap
	var due [][2]string
	c.mu.Lock()
	for k, at := range c.due {
		if at.After(now) {
			nap = min(nap, at.Sub(now))
		} else {
			due = append(due, k)
		}
	}
	c.mu.Unlock()
	for _, k := range due {
		if !c.carry(ctx, k, now) {
			nap = min(nap, time.Second) // the store failed: once more
		}
	}
	return nap
}

func (c *changes) carry(ctx context.Context, k [2]string, now time.Time) bool {
	s, err := provisioning.CarryDue(ctx, c.store, k[0], k[1], now, func(s provisioning.ChangeSet) error { return c.may(ctx, k[0], s) })
	if err != nil {
		c.log.Warn("pbx: a set of changes was not carried out", "domain", k[0], "set", k[1], "err", err)
	}
	if s.ID == "" || err != nil && !s.Over() { // gone, or nobody knows
		gone := s.ID == "" && err != nil && ctx.Err() == nil && isGone(err)
		if gone {
			c.mu.Lock()
			delete(c.due, k)
			c.mu.Unlock()
		}
		return gone
	}
	c.log.Info("pbx: a set of changes was due", "domain", k[0], "set", s.ID, "state", s.State)
	if s.State == provisioning.ChangeRefused {
		c.alarms.happened("change-failed", k[0], s.ID, s.History[len(s.History)-1].Reason)
	}
	if c.note(k[0], s) {
		c.alarms.happened("emergency-change", k[0], s.ID, s.Waiting())
	}
	return true
}

// may says that who proposed a set may still make its changes. People whom an outside provider names are not known here.
func (c *changes) may(ctx context.Context, domain string, s provisioning.ChangeSet) error {
	name := nameIn(s.By, domain)
	var u provisioning.User
	err := c.store.View(ctx, func(r provisioning.Reader) (err error) {
		u, _, err = provisioning.Get[provisioning.User](r, domain, name)
		return err
	})
	if isGone(err) {
		return nil // see ChangeSet.Person: who was here is not gone
	}
	if err != nil {
		return err
	}
	return s.Allowed(c.policy, provisioning.Subject{Domain: domain, User: u.Name, Roles: u.Roles}, domain)
}

// Close ends it, and waits.
func (c *changes) Close() {
	c.stop()
	<-c.done
}

func isGone(err error) bool { return errors.Is(err, provisioning.ErrNotFound) }

// nameIn is the name of "name@domain".
func nameIn(who, domain string) string { return strings.TrimSuffix(who, "@"+domain) }
