package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"naisen/provisioning"
	"naisen/recorder/objstore"
	"naisen/recorder/rewrap"
	"naisen/recorder/seal"
)

// keysEvery is how often the keys are looked at: rotations that are due or were made, recordings that wait for the newest key, a safe that does not answer.
const keysEvery = time.Minute

// keyWatch brings recordings to the newest keys, and says how keys stand.
type keyWatch struct {
	vault  *vault
	rotate time.Duration // 0: nobody but people
	log    *slog.Logger
	book   keyBook
	cancel context.CancelFunc
	worker sync.WaitGroup
	wake   chan struct{} // one slot: somebody rotated

	seen    map[string]keysEntered // the worker's: what the audit log has of each domain's keys
	old     atomic.Int64           // recordings and messages that an older key opens
	done    atomic.Int64           // brought to a newer key since the start
	failed  atomic.Int64           // that the last round could not bring there
	away    atomic.Bool            // the safe does not answer
	refused atomic.Bool            // it refuses the key
}

func (v *vault) watchKeys(ctx context.Context, rotate time.Duration, book keyBook, log *slog.Logger) *keyWatch {
	w := &keyWatch{vault: v, rotate: rotate, log: log, book: book, wake: make(chan struct{}, 1)}
	ctx, w.cancel = context.WithCancel(context.WithoutCancel(ctx))
	w.worker.Go(func() { w.run(ctx) })
	return w
}

// startKeyWatch begins it for this switch.
func (p *pbx) startKeyWatch(ctx context.Context) {
	p.keyWatch = p.vault.watchKeys(ctx, time.Duration(p.config.Keys.Rotate), keyEntries{p.store}, p.log)
	p.closing("keys of recordings", func(context.Context) error { p.keyWatch.close(); return nil })
}

func (w *keyWatch) close() {
	w.cancel()
	w.worker.Wait()
}

func (w *keyWatch) poke() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func (w *keyWatch) run(ctx context.Context) {
	tick := time.NewTicker(keysEvery)
	defer tick.Stop()
	for {
		if err := w.round(ctx, time.Now()); err != nil && ctx.Err() == nil {
			w.log.Error("pbx: keys of recordings", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-w.wake:
		}
	}
}

// round looks once.
func (w *keyWatch) round(ctx context.Context, now time.Time) error {
	err := w.vault.ask(ctx)
	w.away.Store(errors.Is(err, seal.ErrUnavailable))
	w.refused.Store(errors.Is(err, seal.ErrRefused))
	if err := w.rotations(ctx, now); err != nil {
		return err
	}
	old, err := w.count(ctx)
	if err != nil || old == 0 {
		return err
	}
	var sum rewrap.Report
	for _, one := range w.vault.rewraps(w.log) {
		r, err := rewrap.Run(ctx, one)
		sum.Done, sum.Failed = sum.Done+r.Done, sum.Failed+r.Failed
		w.done.Add(r.Done)
		if errors.Is(err, seal.ErrNoKey) { // this machine has public keys only: what waits is counted above, and nothing has failed
			w.failed.Store(0)
			return nil
		}
		if err != nil {
			return err
		}
	}
	w.failed.Store(sum.Failed)
	w.log.Info("pbx: recordings brought to the newest keys", "done", sum.Done, "failed", sum.Failed)
	_, err = w.count(ctx)
	return err
}

// count says how many wait.
func (w *keyWatch) count(ctx context.Context) (int64, error) {
	all, err := w.vault.keyStates(ctx)
	if err != nil {
		return 0, err
	}
	old := int64(0)
	for _, k := range all {
		if !k.Current {
			old += k.Needed
		}
	}
	w.old.Store(old)
	return old, nil
}

// rewraps are recordings and messages, each with its catalogue and its part of the store.
func (v *vault) rewraps(log *slog.Logger) []rewrap.Config {
	recordings := rewrap.Config{Catalogue: v.catalogue, Store: v.store, Keys: v.sealer, Log: log}
	messages := recordings
	messages.Catalogue, messages.Store = v.messages, objstore.Under(v.store, messagesPart)
	return []rewrap.Config{recordings, messages}
}

func (p *pbx) keyAlarms() {
	w := p.keyWatch
	p.alarms.watch("vault-key-away", w.away.Load)
	p.alarms.watch("vault-key-refused", w.refused.Load)
	p.alarms.watch("vault-key-unprotected", p.vault.files.Unprotected)
	p.alarms.watch("rewrap-failing", func() bool { return w.failed.Load() > 0 })
}

func (p *pbx) keyMetrics(c *collector) {
	w := p.keyWatch
	c.add("naisen_recordings_on_old_keys", "Recordings and messages that only an older key than the newest opens.", prometheus.GaugeValue, func() float64 { return float64(w.old.Load()) })
	c.add("naisen_rewrap_failing", "Of them, those that the last round could not bring to the newest key.", prometheus.GaugeValue, func() float64 { return float64(w.failed.Load()) })
	c.add("naisen_rewrapped_total", "Recordings and messages brought to a newer key.", prometheus.CounterValue, func() float64 { return float64(w.done.Load()) })
	c.add("naisen_vault_key_away", "1: the keeper of the vault's key does not answer.", prometheus.GaugeValue, func() float64 { return flag(w.away.Load()) })
}

// recordingKeys is what REST may see and do about keys.
type recordingKeys struct{ watch *keyWatch }

var _ provisioning.RecordingKeys = recordingKeys{}

// RecordingKeys implements provisioning.RecordingKeys.
func (r recordingKeys) RecordingKeys(ctx context.Context, domain string) ([]provisioning.RecordingKey, error) {
	all, err := r.watch.vault.keyStates(ctx)
	var out []provisioning.RecordingKey
	for _, k := range all {
		if k.Domain == domain {
			out = append(out, provisioning.RecordingKey{Epoch: k.Epoch, Created: k.Created, Needed: k.Needed, Current: k.Current, Retired: k.Retired})
		}
	}
	return out, err
}

// Rotate implements provisioning.RecordingKeys.
func (r recordingKeys) Rotate(_ context.Context, domain string) (int, error) {
	epoch, err := r.watch.vault.files.Rotate(domain)
	if err == nil {
		r.watch.poke()
	}
	return epoch, err
}
