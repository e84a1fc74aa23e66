package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"naisen/provisioning/audit"
	"naisen/recorder/objstore"
	"naisen/recorder/seal"
)

// archivePart is the name below which archives of the audit log are kept in the object store, and that of the key that they are sealed to; no domain is called so.
const archivePart = "_audit-archive"

const (
	archiveEvery  = time.Hour
	archiveBlocks = 64      // of a turn: what many years left does not hold everything else up
	maxArchive    = 1 << 30 // octets of an archive
	archiveFirst  = 2500    // days for which an archive is locked when the configuration says nothing: seven years with those in the database
	yearDays      = int(audit.MinKeep / (24 * time.Hour))
)

// RetentionConfig says how long entries of the audit log stay in the database, and how long their archives are locked.
type RetentionConfig struct {
	Days    int `yaml:"days"`    // entries that are older leave the database for sealed archives in the object store; 366 at least; 0: none ever leaves
	Archive int `yaml:"archive"` // days for which an archive is locked from when it was made; 2500
}

func (r RetentionConfig) validate() error {
	if r.Days != 0 && (r.Days < yearDays || r.Days > 36_600) {
		return invalid("audit.retention.days", "is 0, or %d to 36600", yearDays)
	}
	if r.Archive != 0 && (r.Archive < yearDays || r.Archive > 36_600) {
		return invalid("audit.retention.archive", "is 0, or %d to 36600", yearDays)
	}
	return nil
}

// auditShelf is an audit.Shelf in the object store. Archives are sealed to a key of their own, as a domain's recordings are, which the recovery key opens too.
type auditShelf struct {
	store  objstore.Store
	sealer *seal.Sealer
	lock   time.Duration
	now    func() time.Time
}

var _ audit.Shelf = auditShelf{}

// Put implements audit.Shelf. Each sealing is another text, so its hash is in the name: what an attempt before left there is an archive too, and in nobody's way.
func (s auditShelf) Put(ctx context.Context, prefix string, plain []byte) (string, error) {
	var sealed bytes.Buffer
	w, err := s.sealer.Seal(ctx, archivePart, &sealed)
	if err != nil {
		return "", err
	}
	_, err = w.Write(plain)
	if err = errors.Join(err, w.Close()); err != nil {
		return "", err
	}
	sum := sha256.Sum256(sealed.Bytes())
	name := prefix + "-" + hex.EncodeToString(sum[:8]) + ".archive"
	err = s.store.Put(ctx, name, bytes.NewReader(sealed.Bytes()), int64(sealed.Len()), objstore.Lock{})
	if err != nil && !errors.Is(err, objstore.ErrExists) {
		return "", err
	}
	if err := s.sameThere(ctx, name, sum); err != nil {
		return "", err
	}
	err = s.store.Retain(ctx, name, s.now().Add(s.lock))
	if err != nil && !errors.Is(err, objstore.ErrNoLocks) { // a store without locks is another alarm's
		return "", err
	}
	return name, nil
}

// sameThere reads back what a store says it has.
func (s auditShelf) sameThere(ctx context.Context, name string, sum [sha256.Size]byte) error {
	r, err := s.store.Get(ctx, name, 0, -1)
	if err != nil {
		return err
	}
	defer r.Close()
	h := sha256.New()
	if _, err := io.Copy(h, io.LimitReader(r, maxArchive)); err != nil {
		return err
	}
	if [sha256.Size]byte(h.Sum(nil)) != sum {
		return fmt.Errorf("%s: the store keeps something else", name)
	}
	return nil
}

// startAuditArchive lets old entries go, where the configuration says that any do.
func (p *pbx) startAuditArchive(ctx context.Context) error {
	cfg := p.config.Audit.Retention
	if cfg.Days == 0 || p.publisher == nil { // without checkpoints outside nothing that goes could be proven
		return nil
	}
	locked := time.Duration(cfg.Archive) * 24 * time.Hour
	if locked == 0 {
		locked = archiveFirst * 24 * time.Hour
	}
	a, err := audit.NewArchiver(audit.ArchiverConfig{Log: p.store, Key: p.auditKey, Domain: p.config.Domain, Keep: time.Duration(cfg.Days) * 24 * time.Hour, Proven: p.publisher.Proven,
		Shelf: auditShelf{objstore.Under(p.vault.store, archivePart), p.vault.sealer, locked, time.Now}})
	if err != nil {
		return fmt.Errorf("audit.retention: %w", err)
	}
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		archiveAudit(run, a, p.nodes.Mine, func(on bool) { p.alarms.set("audit-archive-failed", "", "", "", on) }, p.log)
	}()
	p.closing("audit archive", func(context.Context) error { stop(); <-done; return nil })
	return nil
}

// archiveAudit does it each hour, where of several nodes this one does.
func archiveAudit(ctx context.Context, a *audit.Archiver, mine func() bool, failing func(on bool), log *slog.Logger) {
	tick := time.NewTicker(archiveEvery)
	defer tick.Stop()
	for {
		n, err := 0, error(nil)
		if mine() {
			n, err = a.Archive(ctx, archiveBlocks)
		}
		if ctx.Err() != nil {
			return
		}
		if failing(err != nil); err != nil {
			log.Error("pbx: old entries of the audit log are not archived, and stay", "err", err)
		}
		if n > 0 {
			log.Info("pbx: old entries of the audit log are archived", "blocks", n)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// holdArchive checks one archive, sealed or open, against the log that it was taken from, and says which entries it has. A sealed one needs the vault's key.
func holdArchive(ctx context.Context, config Config, log audit.Hashes, public, path string) (audit.Segment, error) {
	f, err := os.Open(path)
	if err != nil {
		return audit.Segment{}, err
	}
	defer f.Close()
	start := make([]byte, 2)
	if _, err := f.ReadAt(start, 0); err != nil {
		return audit.Segment{}, fmt.Errorf("%w: %w", audit.ErrSegment, err)
	}
	var plain io.Reader = f
	if string(start) != "\x1f\x8b" { // as gzip begins: it is open
		v := &vault{}
		if err := v.openRing(config); err != nil {
			return audit.Segment{}, err
		}
		if plain, err = v.sealer.Open(ctx, archivePart, f); err != nil {
			return audit.Segment{}, err
		}
	}
	s, err := audit.ReadSegment(plain, public, nil)
	if err != nil {
		return s, err
	}
	return s, audit.HoldSegment(ctx, log, s)
}
