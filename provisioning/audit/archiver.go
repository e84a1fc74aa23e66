package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"naisen/provisioning"
)

// MinKeep is how long an entry stays in the database at least.
const MinKeep = 366 * 24 * time.Hour

// Shortened is a log whose first entries may lie in archives.
type Shortened interface {
	Source
	// AuditArchived is how many they are: a multiple of BlockSize where nobody had another one.
	AuditArchived(ctx context.Context) (int64, error)
}

// Archivable is a log from which blocks can be taken.
type Archivable interface {
	Shortened
	// ArchiveAudit takes the block out, enters what is told of it, and keeps what proofs of later entries need, in one transaction. It refuses a block with an entry that
	// is younger than MinKeep, and any but the first that is there.
	ArchiveAudit(ctx context.Context, s Segment, object string, told provisioning.AuditEntry) error
}

// Shelf is where archives are kept. Put seals one, stores it under a name that begins with prefix, reads it back, locks it and says how it is called; only then
// do the entries go.
type Shelf interface {
	Put(ctx context.Context, prefix string, plain []byte) (name string, err error)
}

// ArchiverConfig is for an Archiver; all of it is required but Now and Block.
type ArchiverConfig struct {
	Log    Archivable
	Key    *Key
	Shelf  Shelf
	Domain string           // whose log says that it was done
	Keep   time.Duration    // of entries in the database, not less than MinKeep
	Proven func() int64     // entries of the last checkpoint that was taken off this machine: only those are archived
	Now    func() time.Time // nil: time.Now
	Block  int64            // 0: BlockSize
}

// Archiver takes old entries out of the database, block by block, once each lies signed, sealed and locked on the shelf.
type Archiver struct{ cfg ArchiverConfig }

// NewArchiver checks its configuration.
func NewArchiver(cfg ArchiverConfig) (*Archiver, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Block == 0 {
		cfg.Block = BlockSize
	}
	if cfg.Log == nil || cfg.Key == nil || cfg.Shelf == nil || cfg.Domain == "" || cfg.Proven == nil {
		return nil, errors.New("audit: archives need a log, a key, a shelf, a domain and checkpoints elsewhere")
	}
	if cfg.Keep < MinKeep {
		return nil, fmt.Errorf("audit: entries are kept for %d days at least", MinKeep/(24*time.Hour))
	}
	return &Archiver{cfg}, nil
}

// Archive takes blocks, at most so many, until the next one has an entry that is to be kept, and says how many there were. Where it dies between the shelf and
// the database the block is archived once more, under another name: an archive too many proves the same.
func (a *Archiver) Archive(ctx context.Context, most int) (blocks int, err error) {
	for ; blocks < most; blocks++ {
		more, err := a.next(ctx)
		if err != nil || !more {
			return blocks, err
		}
	}
	return blocks, nil
}

func (a *Archiver) next(ctx context.Context) (more bool, err error) {
	archived, err := a.cfg.Log.AuditArchived(ctx)
	if err != nil {
		return false, fmt.Errorf("audit: archive: %w", err)
	}
	first, last := archived+1, archived+a.cfg.Block
	if last > a.cfg.Proven() {
		return false, nil
	}
	before := a.cfg.Now().Add(-a.cfg.Keep)
	ends, err := a.cfg.Log.AuditRecords(ctx, last-1, 1)
	if err != nil {
		return false, fmt.Errorf("audit: archive: %w", err)
	}
	if len(ends) == 0 || ends[0].Entry.Time.After(before) { // nearly always the newest: the others need not be read
		return false, nil
	}
	records, err := a.cfg.Log.AuditRecords(ctx, archived, int(a.cfg.Block))
	if err != nil {
		return false, fmt.Errorf("audit: archive: %w", err)
	}
	var plain bytes.Buffer
	s, err := a.cfg.Key.WriteSegment(&plain, records, a.cfg.Now())
	if err != nil || s.Newest.After(before) {
		return false, err
	}
	if s.First != first || s.Last != last {
		return false, fmt.Errorf("%w: entry %d is missing", ErrBroken, first)
	}
	object, err := a.cfg.Shelf.Put(ctx, fmt.Sprintf("%016d-%016d", first, last), plain.Bytes())
	if err != nil {
		return false, fmt.Errorf("audit: archive: %w", err)
	}
	told := provisioning.AuditEntry{Domain: a.cfg.Domain, Subject: "system", Action: "audit.archived", Object: "audit-archive/" + object, Outcome: "ok",
		Detail: map[string]any{"first": s.First, "last": s.Last, "root": s.Root.String(), "newest": s.Newest}}
	if err := a.cfg.Log.ArchiveAudit(ctx, s, object, told); err != nil {
		return false, fmt.Errorf("audit: archive: %w", err)
	}
	return true, nil
}
