package main

import (
	"context"
	"hash/fnv"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"naisen/recorder/objstore"
	"naisen/recorder/pipeline"
	"naisen/recorder/reconcile"
	"naisen/recorder/remarks"
	"naisen/recorder/retention"

	"github.com/prometheus/client_golang/prometheus"
)

// How often what is stored is looked at. Names and sizes of everything each day; contents, locks and manifests of one in deepDays, so that in as many
// days each was read once.
const (
	guardEvery     = 10 * time.Minute
	reconcileFirst = 10 * time.Minute // after the start
	reconcileEvery = 24 * time.Hour
	reconcileRetry = time.Hour // after a store that did not answer
	tidyEvery      = time.Minute
	deepDays       = 30
)

// archive watches over what is stored: that the bucket locks it, that catalogue and store agree, that what is over goes, and that searches stay quick.
type archive struct {
	vault  *vault
	keeper *retention.Keeper

	decisions *remarks.Keeper
	following *following // nil: there are no other nodes

	reviews *reviews
	log     *slog.Logger
	cancel  context.CancelFunc
	worker  sync.WaitGroup

	buckets bucketWatch
	last    atomic.Pointer[[]reconcile.Report] // of recordings and of messages; nil: none yet
	failed  atomic.Uint64                      // comparisons that could not be done
}

func (p *pbx) startArchive(ctx context.Context) error {
	a := &archive{vault: p.vault, log: p.log, buckets: bucketWatch{log: p.log, unlocked: map[string]bool{}}}
	var err error
	a.keeper, err = retention.New(retention.Config{Catalogue: p.vault.catalogue, Store: p.vault.store, Certify: certify(p.store), Log: p.log, Zone: zone(),
		Journals: pipeline.AsideOf(p.config.recorderPath())})
	if err != nil {
		return err
	}
	if a.reviews, err = openReviews(ctx, p.store, p.alarms); err != nil {
		return err
	}
	if a.decisions, err = p.deciding(); err != nil {
		return err
	}
	p.archive = a
	a.keeper.Start(ctx)
	a.decisions.Start(ctx)
	ctx, a.cancel = context.WithCancel(context.WithoutCancel(ctx))
	a.worker.Go(func() { a.buckets.run(ctx, a.vault.store) })
	a.worker.Go(func() { a.reconcile(ctx) })
	a.worker.Go(func() { a.tidy(ctx) })
	if p.nodes != nil {
		a.worker.Go(func() { a.reviews.follow(ctx, a.log) })
	}
	p.closing("archive", func(context.Context) error { a.close(); return nil })
	return p.startFollowing(ctx, func(ctx context.Context) { a.compare(ctx) })
}

func (a *archive) close() {
	a.cancel()
	a.worker.Wait()
	a.decisions.Close()
	a.keeper.Close()
}

// reconcile compares catalogue and store from day to day.
func (a *archive) reconcile(ctx context.Context) {
	timer := time.NewTimer(reconcileFirst)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		timer.Reset(a.compare(ctx))
	}
}

// compare does it once, and says when to do it again.
func (a *archive) compare(ctx context.Context) time.Duration {
	today := time.Now().Unix() / (24 * 60 * 60)
	deep := func(object string) bool { return shareOf(object) == today%deepDays }
	var all []reconcile.Report
	for _, c := range a.vault.comparisons(true, deep, a.log) {
		r, err := reconcile.Run(ctx, c.cfg)
		if ctx.Err() != nil {
			return reconcileRetry
		}
		if err != nil {
			a.failed.Add(1)
			a.log.Error("pbx: what is stored was not compared", "what", c.what, "err", err)
			return reconcileRetry
		}
		a.log.Info("pbx: what is stored was compared", "what", c.what, "recordings", r.Recordings, "objects", r.Objects, "read", r.Read, "bad", r.Bad(), "took", r.Took)
		all = append(all, r)
	}
	a.last.Store(&all)
	return reconcileEvery
}

// tidy keeps what is searched quick to search, from minute to minute: what came since has a few small segments, and is merged at once.
func (a *archive) tidy(ctx context.Context) {
	tick := time.NewTicker(tidyEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, c := range a.vault.comparisons(false, nil, nil) {
			if _, err := c.cfg.Catalogue.Tidy(ctx); err != nil && ctx.Err() == nil {
				a.log.Error("pbx: the index of what is searched was not merged", "what", c.what, "err", err)
			}
		}
	}
}

// shareOf spreads objects evenly over deepDays.
func shareOf(object string) int64 {
	h := fnv.New32a()
	h.Write([]byte(object))
	return int64(h.Sum32() % deepDays)
}

// comparison is one catalogue against its part of the store.
type comparison struct {
	what string
	cfg  reconcile.Config
}

// comparisons are those of recordings and of voice messages, which have a catalogue and a part of the store of their own.
func (v *vault) comparisons(mend bool, deep func(string) bool, log *slog.Logger) []comparison {
	recordings := reconcile.Config{Catalogue: v.catalogue, Store: v.store, Keys: v.sealer, Remarks: v.decided, Ignore: []string{messagesPart + "/", checkpointPart + "/", reportPart + "/", backupPart + "/"}, Deep: deep, Mend: mend, Log: log}
	messages := recordings
	messages.Catalogue, messages.Store, messages.Ignore, messages.Remarks = v.messages, objstore.Under(v.store, messagesPart), nil, nil
	return []comparison{{"recordings", recordings}, {"messages", messages}}
}

// found counts what the last comparison found of some kinds.
func (a *archive) found(kinds ...reconcile.Kind) (n int) {
	if all := a.last.Load(); all != nil {
		for _, r := range *all {
			for _, k := range kinds {
				n += r.Counts[k]
			}
		}
	}
	return n
}

// bad counts what it found and could not mend.
func (a *archive) bad() int { return a.found(reconcile.Missing, reconcile.Altered, reconcile.Orphan) }

// oldUpload is how long a recording may wait for the store before that is an alarm of its own; largeShare is which part of the disk what waits may take.
const (
	oldUpload  = 15 * time.Minute
	largeShare = 10
)

func (p *pbx) archiveAlarms() {
	a, keeper, rec := p.alarms, p.archive.keeper.Stats, p.vault.pipeline.Stats
	a.watchEach("review-waiting", p.archive.reviews.waiting)
	a.watchEach("store-unlocked", p.archive.buckets.troubled)
	a.watch("disposal-waiting", func() bool { return keeper().Waiting > 0 })
	a.watch("destruction-stuck", func() bool { return keeper().Stuck > 0 })
	a.watch("remarks-late", func() bool { return p.archive.decisions.Stats().Failing > decidedLate })
	a.watch("clock-stepped", func() bool { return keeper().Stepped })
	a.watch("recordings-differ", func() bool { return p.archive.bad() > 0 })
	post := p.vault.post.Stats
	a.watch("journals-damaged", func() bool { return rec().Aside+post().Aside > 0 })
	a.watch("spool-old", func() bool { s := rec(); return s.OldestUpload > oldUpload || s.OldestRender > oldUpload })
	a.watch("spool-large", func() bool {
		s := rec()
		return s.Capture.DiskTotal > 0 && s.WaitingBytes > s.Capture.DiskTotal/largeShare
	})
}

func (p *pbx) archiveMetrics(c *collector) {
	p.decidedMetrics(c)
	p.followingMetrics(c)
	keeper := p.archive.keeper.Stats
	gauge := func(name, help string, v func() float64) { c.add(name, help, prometheus.GaugeValue, v) }
	gauge("naisen_store_unlocked", "Buckets that were made without Object Lock.", func() float64 { return float64(len(p.archive.buckets.troubled())) })
	gauge("naisen_disposals_waiting", "Recordings overdue by a day whose destruction nobody approved.", func() float64 { return float64(keeper().Waiting) })
	gauge("naisen_destructions_stuck", "Recordings whose destruction was approved and cannot be done.", func() float64 { return float64(keeper().Stuck) })
	gauge("naisen_reconcile_bad", "What the last comparison of catalogue and store found and could not mend.", func() float64 { return float64(p.archive.bad()) })
	for _, k := range reconcile.Kinds() {
		c.metrics = append(c.metrics, metric{prometheus.NewDesc("naisen_reconcile_found", "Findings of the last comparison by kind.", nil, prometheus.Labels{"kind": string(k)}),
			prometheus.GaugeValue, func() float64 { return float64(p.archive.found(k)) }})
	}
	c.add("naisen_recordings_destroyed_total", "Recordings destroyed and certified.", prometheus.CounterValue, func() float64 { return float64(keeper().Destroyed) })
	c.add("naisen_destructions_refused_total", "Attempts that a lock in the store refused.", prometheus.CounterValue, func() float64 { return float64(keeper().Refused) })
	c.add("naisen_reconcile_failed_total", "Comparisons that could not be done.", prometheus.CounterValue, func() float64 { return float64(p.archive.failed.Load()) })
}
