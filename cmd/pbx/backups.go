package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"naisen/provisioning"
	"naisen/recorder/objstore"
)

const (
	backupExt     = ".backup"
	backupStamp   = "20060102T150405Z"
	backupLeast   = 3                // copies that stay, however old they are
	backupAgain   = 10 * time.Minute // after a failure, unless the next one is due before
	backupLooks   = time.Minute      // how often it is asked whether one is due
	backupDraft   = ".backup-"       // begins the names of what is being written; such a file is nothing
	backupTimeout = 12 * time.Hour
)

// copyInfo is a copy that lies on the shelf.
type copyInfo struct {
	name string
	size int64
	made time.Time
}

// copiesOn are the backups on a shelf, the oldest first. What has another name is somebody else's.
func copiesOn(ctx context.Context, shelf objstore.Store) (all []copyInfo, err error) {
	err = shelf.List(ctx, "", func(i objstore.Info) error {
		at, err := time.Parse(backupStamp+backupExt, i.Name)
		if err == nil {
			all = append(all, copyInfo{i.Name, i.Size, at})
		}
		return nil
	})
	return all, err
}

// backups makes copies by the clock, and keeps some of them.
type backups struct {
	maker backupMaker
	shelf objstore.Store
	audit func(provisioning.AuditEntry)
	log   *slog.Logger

	turn   sync.Mutex   // one copy at a time
	newest atomic.Int64 // when the newest was made, in Unix seconds; 0: there is none
	began  time.Time
	mine   func() bool // of several nodes this one makes them by the clock

	made, failed, bytes, took atomic.Int64 // took in milliseconds
	failing                   atomic.Bool

	stop context.CancelFunc
	done chan struct{}
}

// startBackups begins them where the configuration says where to. What cannot work is told at the start, not in the night.
func (p *pbx) startBackups(ctx context.Context) error {
	if p.config.Backup.To == "" {
		return nil
	}
	key, err := evidenceKey(p.config.evidencePath())
	if err != nil {
		return err
	}
	to, err := p.config.recipients(p.config.Backup.Recipients)
	if err != nil {
		return fmt.Errorf("backup.recipients: %w", err)
	}
	shelf, err := p.config.Backup.shelf(p.vault.store, p.config.Domain)
	if err != nil {
		return err
	}
	b := &backups{maker: backupMaker{config: p.config, store: p.store, log: p.auditKey.Public(), key: key, to: to, now: time.Now}, shelf: shelf, audit: p.auditor.enter, log: p.log,
		mine: p.nodes.Mine, began: time.Now(), done: make(chan struct{})}
	if p.checkpoints != nil {
		b.maker.sign = func(ctx context.Context) {
			if _, err := p.checkpoints.Write(ctx); err != nil { // a log that was altered is copied as it is
				p.log.Warn("pbx: backup without a fresh checkpoint", "err", err)
			}
		}
	}
	removeDrafts(p.config)
	p.backups = b
	ctx, b.stop = context.WithCancel(context.WithoutCancel(ctx))
	go b.run(ctx)
	p.closing("backups", func(context.Context) error { b.stop(); <-b.done; return nil })
	p.alarms.watch("backup-failed", b.failing.Load)
	p.alarms.watch("backup-late", func() bool { return b.late(time.Now()) })
	return nil
}

// late says that the newest copy is older than it may be; before there is one, that the switch has run so long.
func (b *backups) late(now time.Time) bool {
	at := b.began
	if n := b.newest.Load(); n > 0 {
		at = time.Unix(n, 0)
	}
	return now.Sub(at) > time.Duration(b.maker.config.Backup.Late)
}

func (b *backups) run(ctx context.Context) {
	defer close(b.done)
	tick := time.NewTicker(backupLooks)
	defer tick.Stop()
	var failed time.Time
	for {
		now := b.maker.now()
		if failed.IsZero() || now.Sub(failed) >= min(backupAgain, time.Duration(b.maker.config.Backup.Every)) {
			failed = time.Time{}
			if err := b.due(ctx, now); err != nil && ctx.Err() == nil {
				failed = now
				b.tellFailure(err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// due makes a copy where the newest one, whoever made it, is old enough.
func (b *backups) due(ctx context.Context, now time.Time) error {
	b.turn.Lock()
	defer b.turn.Unlock()
	all, err := copiesOn(ctx, b.shelf)
	if err != nil {
		return err
	}
	if len(all) > 0 {
		b.newest.Store(all[len(all)-1].made.Unix())
		if now.Sub(all[len(all)-1].made) < time.Duration(b.maker.config.Backup.Every) {
			return nil
		}
	}
	if !b.mine() {
		return nil
	}
	var version provisioning.Version
	err = b.maker.store.View(ctx, func(r provisioning.Reader) error { version = r.Version(); return nil })
	if err != nil || version == 0 { // the first run has made nothing yet
		return err
	}
	_, _, err = b.make(ctx)
	return err
}

// Make makes a copy now, puts it on the shelf, reads it back, locks it, and removes what is older than copies are kept.
func (b *backups) Make(ctx context.Context) (name string, made backupMade, err error) {
	b.turn.Lock()
	defer b.turn.Unlock()
	return b.make(ctx)
}

func (b *backups) make(ctx context.Context) (name string, made backupMade, err error) {
	ctx, cancel := context.WithTimeout(ctx, backupTimeout)
	defer cancel()
	began := time.Now()
	name, made, err = b.shelve(ctx)
	if err != nil {
		return "", made, err
	}
	b.newest.Store(made.Manifest.Made.Unix())
	b.made.Add(1)
	b.bytes.Store(made.Bytes)
	b.took.Store(time.Since(began).Milliseconds())
	b.failing.Store(false)
	b.audit(backupEntry(b.maker.config.Domain, "backup.made", "ok", name, made))
	b.log.Info("pbx: backup made", "name", name, "bytes", made.Bytes, "entries", made.Manifest.Entries, "took", time.Since(began).Round(time.Millisecond))
	if err := b.tidy(ctx, made.Manifest.Made); err != nil {
		b.log.Warn("pbx: old backups could not be removed", "err", err)
	}
	return name, made, nil
}

// backupEntry says in the audit log what was copied, and until where.
func backupEntry(domain, action, outcome, name string, made backupMade) provisioning.AuditEntry {
	return provisioning.AuditEntry{Time: time.Now(), Domain: domain, Subject: "system", Action: action, Object: "backup/" + name, Outcome: outcome,
		Detail: map[string]any{"made": made.Manifest.Made, "entries": made.Manifest.Entries, "root": made.Manifest.Root, "version": made.Manifest.Version, "bytes": made.Bytes}}
}

// tellFailure says so once, in log and audit log; the alarm stands until a copy succeeds.
func (b *backups) tellFailure(err error) {
	b.failed.Add(1)
	b.log.Error("pbx: backup failed", "err", err)
	if !b.failing.Swap(true) {
		b.audit(provisioning.AuditEntry{Time: time.Now(), Domain: b.maker.config.Domain, Subject: "system", Action: "backup.failed", Object: "backup", Outcome: "failed"})
	}
}

// shelve writes a draft beside the data, sealed already, and puts that under its name: whole or not at all.
func (b *backups) shelve(ctx context.Context) (name string, made backupMade, err error) {
	draft, err := os.CreateTemp(b.maker.config.Data, backupDraft) // mode 0600
	if err != nil {
		return "", made, err
	}
	defer func() { err = errors.Join(err, draft.Close(), os.Remove(draft.Name())) }()
	sum := sha256.New()
	if made, err = b.maker.write(ctx, io.MultiWriter(draft, sum)); err != nil {
		return "", made, err
	}
	name = made.Manifest.Made.Format(backupStamp) + backupExt
	if err := b.shelf.Put(ctx, name, draft, made.Bytes, objstore.Lock{}); err != nil {
		return "", made, err
	}
	return name, made, b.confirm(ctx, name, [sha256.Size]byte(sum.Sum(nil)), made.Manifest.Made)
}

// confirm reads a copy back before it is locked: what a lying store keeps instead could not be taken away again. Where the store keeps no locks that is another
// alarm's.
func (b *backups) confirm(ctx context.Context, name string, want [sha256.Size]byte, made time.Time) error {
	back, err := b.shelf.Get(ctx, name, 0, -1)
	if err != nil {
		return err
	}
	sum := sha256.New()
	_, err = io.Copy(newPaced(ctx, sum, b.maker.config.Backup.Rate), back)
	if err = errors.Join(err, back.Close()); err != nil {
		return err
	}
	if [sha256.Size]byte(sum.Sum(nil)) != want {
		return errors.Join(errors.New("the store gave another copy back than it was given"), b.shelf.Delete(ctx, name))
	}
	err = b.shelf.Retain(ctx, name, made.Add(time.Duration(b.maker.config.Backup.Keep)))
	if errors.Is(err, objstore.ErrNoLocks) {
		return nil
	}
	return err
}

// tidy removes copies that are older than they are kept, but never the newest three.
func (b *backups) tidy(ctx context.Context, now time.Time) error {
	all, err := copiesOn(ctx, b.shelf)
	if err != nil {
		return err
	}
	for _, old := range all[:max(0, len(all)-backupLeast)] {
		if now.Sub(old.made) <= time.Duration(b.maker.config.Backup.Keep) {
			continue
		}
		if err := b.shelf.Delete(ctx, old.name); err != nil && !errors.Is(err, objstore.ErrNotFound) && !errors.Is(err, objstore.ErrLocked) {
			return err
		}
	}
	return nil
}

// removeDrafts takes away what a process that was killed had begun: nobody else of this switch is making one now.
func removeDrafts(c Config) {
	all, err := os.ReadDir(c.Data)
	if err != nil {
		return
	}
	for _, e := range all {
		if strings.HasPrefix(e.Name(), backupDraft) {
			_ = os.Remove(c.path(e.Name()))
		}
	}
}

func (p *pbx) backupMetrics(c *collector) {
	b := p.backups
	if b == nil {
		return
	}
	gauge := func(name, help string, v func() float64) { c.add(name, help, prometheus.GaugeValue, v) }
	gauge("naisen_backup_newest_seconds", "When the newest backup was made, in Unix seconds; 0: there is none.", func() float64 { return float64(b.newest.Load()) })
	gauge("naisen_backup_bytes", "Size of the last one that this process made.", func() float64 { return float64(b.bytes.Load()) })
	gauge("naisen_backup_took_seconds", "How long that took.", func() float64 { return float64(b.took.Load()) / 1000 })
	c.add("naisen_backups_total", "Backups that were made, put away and read back.", prometheus.CounterValue, func() float64 { return float64(b.made.Load()) })
	c.add("naisen_backups_failed_total", "Backups that failed.", prometheus.CounterValue, func() float64 { return float64(b.failed.Load()) })
}
