package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/approval"
	"naisen/provisioning/secret"
	"naisen/provisioning/store"
)

const (
	approvalsEvery = 5 * time.Minute // how often every row is looked at that somebody must agree to
	approvalsBound = 1000            // rows that are remembered
)

// approvals watches for rows that somebody changed past the program. What it finds is an alarm as long as it stands, and in the audit log once.
type approvals struct {
	keeper *approval.Keeper
	log    *slog.Logger
	store  *store.Store

	mu      sync.Mutex               // guards the rest
	found   map[store.Tampering]bool // true: it is in the audit log
	dropped int                      // for want of room

	wake chan struct{} // room for one
	stop context.CancelFunc
	done chan struct{}
}

func openApprovals(dir string, log *slog.Logger) (*approvals, error) {
	k, err := approval.Open(dir)
	return &approvals{keeper: k, log: log, found: map[store.Tampering]bool{}, wake: make(chan struct{}, 1), done: make(chan struct{})}, err
}

// openStore opens the database, and what watches over it.
func (p *pbx) openStore(ctx context.Context) (err error) {
	if p.approvals, err = openApprovals(p.config.path("keys"), p.log); err != nil {
		return err
	}
	p.store, err = openDatabase(ctx, p.config, store.Config{Node: p.config.Node, Moved: p.follower.moved, Index: p.config.path("audit-index.db"), Sealer: p.keys, Approver: p.approvals.keeper, Tampered: p.approvals.tampered, Log: p.log})
	if err != nil {
		return err
	}
	p.closing("store", func(context.Context) error { return p.store.Close() })
	p.joinNodes(ctx)
	p.approvals.start(ctx, p.store)
	p.closing("approvals", func(context.Context) error { p.approvals.Close(); return nil })
	return nil
}

// databaseBeside opens the database for a command that writes, beside a switch that may be running: what it writes is vouched for like the switch's own.
func databaseBeside(ctx context.Context, c Config) (*store.Store, *approval.Keeper, error) {
	if err := databaseThere(c); err != nil {
		return nil, nil, err
	}
	keys, err := secret.OpenKeyring(c.path("keys", "secrets.key"))
	if err != nil {
		return nil, nil, err
	}
	k, err := approval.Open(c.path("keys"))
	if err != nil {
		return nil, nil, err
	}
	s, err := openDatabase(ctx, c, store.Config{Sealer: keys, Approver: k})
	return s, k, err
}

// tampered is told by the store of a row that it read. It does not block.
func (a *approvals) tampered(t store.Tampering) {
	a.mu.Lock()
	_, known := a.found[t]
	switch {
	case known:
	case len(a.found) >= approvalsBound:
		a.dropped++
	default:
		a.found[t] = false
	}
	a.mu.Unlock()
	if known {
		return
	}
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

func (a *approvals) start(ctx context.Context, s *store.Store) {
	a.store = s
	ctx, a.stop = context.WithCancel(context.WithoutCancel(ctx))
	go a.run(ctx)
}

func (a *approvals) run(ctx context.Context) {
	defer close(a.done)
	tick := time.NewTicker(approvalsEvery)
	defer tick.Stop()
	a.sweep(ctx)
	for {
		a.enter(ctx)
		select {
		case <-ctx.Done():
			return
		case <-a.wake:
		case <-tick.C:
			a.sweep(ctx)
		}
	}
}

// sweep looks at every row; what is well again is forgotten.
func (a *approvals) sweep(ctx context.Context) {
	now, err := a.store.Tampered(ctx)
	if err != nil {
		if ctx.Err() == nil {
			a.log.Error("pbx: approvals could not be checked", "err", err)
		}
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	before := a.found
	a.found, a.dropped = map[store.Tampering]bool{}, 0
	for _, t := range now {
		if len(a.found) >= approvalsBound {
			a.dropped++
			continue
		}
		a.found[t] = before[t]
	}
}

// enter writes what is new into the audit log.
func (a *approvals) enter(ctx context.Context) {
	var fresh []store.Tampering
	a.mu.Lock()
	for t, entered := range a.found {
		if !entered {
			fresh = append(fresh, t)
		}
	}
	a.mu.Unlock()
	for _, t := range fresh {
		a.log.Error("pbx: A ROW WAS CHANGED PAST THE PROGRAM", "domain", t.Domain, "kind", t.Kind, "key", t.Key, "why", t.Why)
		err := a.store.Update(ctx, provisioning.Subject{System: true}, func(w provisioning.Writer) error {
			return w.AddAudit(provisioning.AuditEntry{Domain: t.Domain, Action: "approval.tampered", Object: t.Kind + "/" + t.Key, Outcome: "denied", Detail: map[string]any{"reason": t.Why}})
		})
		if err != nil {
			a.log.Error("pbx: audit of a tampered row", "err", err)
			return // at the next one, or the next sweep
		}
		a.mu.Lock()
		if _, still := a.found[t]; still {
			a.found[t] = true
		}
		a.mu.Unlock()
	}
}

// troubled are the rows, by domain and name, and why.
func (a *approvals) troubled() map[[2]string]string {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := make(map[[2]string]string, len(a.found))
	for t := range a.found {
		out[[2]string{t.Domain, t.Kind + " " + t.Key}] = t.Why
	}
	if a.dropped > 0 {
		out[[2]string{"", "more"}] = fmt.Sprintf("%d more", a.dropped)
	}
	return out
}

// Close ends it, and waits.
func (a *approvals) Close() {
	a.stop()
	<-a.done
}

// errTampered ends `pbx check`.
var errTampered = errors.New("rows of the database were changed past the program")

// checkApprovals names every row that is not what was approved. Where there is no database yet, or no key, there is nothing to check.
func checkApprovals(ctx context.Context, c Config, out io.Writer) error {
	if err := databaseThere(c); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if _, err := os.Stat(c.path("keys", "approval.key")); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	k, err := approval.Open(c.path("keys"))
	if err != nil {
		return err
	}
	log, err := openAuditLog(ctx, c)
	if err != nil {
		return err
	}
	found, err := log.Tampered(ctx, k)
	if err := errors.Join(err, log.Close()); err != nil {
		return err
	}
	for _, t := range found {
		fmt.Fprintln(out, "changed past the program:", t)
	}
	if len(found) > 0 {
		return errTampered
	}
	return nil
}
