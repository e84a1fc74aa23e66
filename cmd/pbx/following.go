package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/audit"
	"naisen/provisioning/durable"
	"naisen/provisioning/policy"
	"naisen/recorder"
	"naisen/recorder/catalogue"
	"naisen/recorder/evidence"
	"naisen/recorder/objstore"
	"naisen/recorder/reconcile"
	"naisen/recorder/seal"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	followEvery = time.Second
	followBatch = 200
	followTries = 60 // of an entry that the store does not let through; then it is left to the daily comparison
)

// following is about what other nodes record, and what people do there with recordings. Each node has a catalogue of its own, and all of them one store and one
// audit log: that says in its order what was stored, held, kept longer, labelled, annotated and destroyed, and the store has the manifest.
type following struct {
	log    audit.Log
	cfg    reconcile.Config
	cursor durable.Cursor
	logger *slog.Logger

	at    int64
	tries int

	followed, skipped atomic.Uint64
	cancel            context.CancelFunc
	worker            sync.WaitGroup
}

// startFollowing follows the other nodes, where there may be any. A node that never has begins with the end of the log: what was before is found by the
// first comparison, which is made at once.
func (p *pbx) startFollowing(ctx context.Context, compare func(context.Context)) error {
	if p.nodes == nil {
		return nil
	}
	e := &following{log: p.store, cfg: p.vault.comparisons(true, nil, p.log)[0].cfg, cursor: durable.Cursor(p.config.path("following.cursor")), logger: p.log}
	var err error
	if e.at, err = e.cursor.Load(ctx); err != nil {
		return err
	}
	size, err := p.store.AuditSize(ctx)
	if err != nil {
		return err
	}
	fresh := e.at == 0 || e.at > size
	if fresh {
		e.at = size
		if err := e.cursor.Save(ctx, size); err != nil {
			return err
		}
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	e.cancel = cancel
	e.worker.Go(func() {
		if fresh && size > 0 {
			compare(run)
		}
		e.run(run)
	})
	p.archive.following = e
	p.closing("recordings of other nodes", func(context.Context) error { e.cancel(); e.worker.Wait(); return nil })
	return nil
}

func (p *pbx) followingMetrics(c *collector) {
	if e := p.archive.following; e != nil {
		c.add("naisen_recordings_followed_total", "Changes of recordings at other nodes that were taken over.", prometheus.CounterValue, func() float64 { return float64(e.followed.Load()) })
		c.add("naisen_recordings_unfollowed_total", "Changes of recordings at other nodes that are left to the daily comparison.", prometheus.CounterValue, func() float64 { return float64(e.skipped.Load()) })
	}
}

func (e *following) run(ctx context.Context) {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	failing := false
	for {
		more, err := e.turn(ctx)
		if ctx.Err() != nil {
			return
		}
		if (err != nil) != failing {
			if failing = err != nil; failing {
				e.logger.Warn("pbx: recordings of other nodes are not followed", "err", err)
			} else {
				e.logger.Info("pbx: recordings of other nodes are followed again")
			}
		}
		if more && err == nil {
			continue
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// turn reads on from where it is. more: there is more to be read.
func (e *following) turn(ctx context.Context) (more bool, err error) {
	records, err := e.log.AuditRecords(ctx, e.at, followBatch)
	if err != nil || len(records) == 0 {
		return false, err
	}
	before := e.at
	for _, r := range records {
		if err = e.entry(ctx, r); err != nil && ctx.Err() == nil {
			if e.tries++; e.tries < followTries {
				break
			}
			e.skipped.Add(1)
			e.logger.Error("pbx: a recording of another node is left to the daily comparison", "entry", r.Seq, "err", err)
			err = nil
		}
		if ctx.Err() != nil {
			break
		}
		e.at, e.tries = r.Seq, 0
	}
	if e.at != before {
		if failed := e.cursor.Save(ctx, e.at); failed != nil {
			return false, failed
		}
	}
	return len(records) == followBatch, err
}

// entry does what one entry says, unless this node has done it itself: each of it can be done twice.
func (e *following) entry(ctx context.Context, r audit.Record) error {
	var a provisioning.AuditEntry
	if json.Unmarshal(r.Leaf, &a) != nil || !strings.HasPrefix(a.Action, "recording.") || a.Outcome != "ok" {
		return nil
	}
	id, ok := strings.CutPrefix(a.Object, policy.KindRecording+"/")
	if !ok {
		return nil
	}
	err := e.follow(ctx, a, id)
	var held *catalogue.HeldError
	switch {
	case err == nil:
		e.followed.Add(1)
	case errors.Is(err, errNothing), errors.Is(err, recorder.ErrNotFound), errors.Is(err, objstore.ErrNotFound), errors.Is(err, catalogue.ErrChanged),
		errors.Is(err, catalogue.ErrEarlier), errors.As(err, &held):
	case errors.Is(err, recorder.ErrIntegrity), errors.Is(err, seal.ErrNoKey):
		e.skipped.Add(1)
		e.logger.Error("pbx: a recording of another node is not what it says", "recording", id, "err", err)
	default:
		return fmt.Errorf("entry %d: %w", r.Seq, err)
	}
	return nil
}

// errNothing: the row says it already.
var errNothing = errors.New("nothing to do")

func (e *following) follow(ctx context.Context, a provisioning.AuditEntry, id string) error {
	c := e.cfg.Catalogue
	row, err := c.Get(ctx, a.Domain, id)
	if a.Action == evidence.StoredAction {
		if err == nil && row.State == recorder.Stored {
			return errNothing
		}
		return e.stored(ctx, a, id)
	}
	if err != nil {
		return err
	}
	switch a.Action {
	case destroyedAction:
		if row.Certificate != "" { // this node destroys it
			return errNothing
		}
		return c.Forget(ctx, a.Domain, id)
	case decidedAction:
		if n, _ := a.Detail["number"].(float64); int(n) <= row.Remarks {
			return errNothing
		}
		return reconcile.Recall(ctx, e.cfg, a.Domain, id, row.Object)
	case string(policy.RecordingHold):
		return c.Hold(ctx, a.Domain, id, a.Subject, a.Reason)
	case string(policy.RecordingRelease):
		if row.Held.IsZero() {
			return errNothing
		}
		return c.Release(ctx, row)
	case string(policy.RecordingRetain):
		return e.retained(ctx, a, row)
	}
	return errNothing
}

// stored enters what another node has stored. Where its object lies says the time at which it began.
func (e *following) stored(ctx context.Context, a provisioning.AuditEntry, id string) error {
	started, err := time.Parse(time.RFC3339Nano, text(a, "started"))
	if err != nil {
		return errNothing
	}
	object := catalogue.ObjectName(recorder.Case{Domain: a.Domain, ID: id, Started: started})
	return reconcile.Follow(ctx, e.cfg, a.Domain, id, object)
}

func (e *following) retained(ctx context.Context, a provisioning.AuditEntry, row catalogue.Row) error {
	until, err := time.Parse(time.RFC3339Nano, text(a, "until"))
	if err != nil {
		return errNothing
	}
	if row.RetainUntil.IsZero() {
		return e.cfg.Catalogue.Date(ctx, a.Domain, row.ID, until)
	}
	return e.cfg.Catalogue.Extend(ctx, a.Domain, row.ID, until)
}

func text(a provisioning.AuditEntry, field string) string {
	s, _ := a.Detail[field].(string)
	return s
}
