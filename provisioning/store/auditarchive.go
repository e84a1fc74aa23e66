package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/uptrace/bun"

	"naisen/provisioning"
	"naisen/provisioning/audit"
)

const archivedOf = "SELECT coalesce(max(last), 0) FROM audit_block"

// AuditArchived implements audit.Shortened.
func (s *Store) AuditArchived(ctx context.Context) (n int64, err error) {
	err = s.view(ctx, func(r *reader) error {
		n, _, err = archived(ctx, r.db)
		return r.fail("read archive", err)
	})
	return n, err
}

// AuditFrom is after when the log has entries here: what is older is archived. Zero: all are here.
func (s *Store) AuditFrom(ctx context.Context) (from time.Time, err error) {
	err = s.view(ctx, func(r *reader) error {
		_, from, err = archived(ctx, r.db)
		return r.fail("read archive", err)
	})
	return from, err
}

// archived is how many entries are in the archive, and the latest time that one of the last block has.
func archived(ctx context.Context, db bun.IDB) (last int64, newest time.Time, err error) {
	var at sql.NullInt64
	err = db.QueryRowContext(ctx, "SELECT coalesce(max(last), 0), (SELECT newest FROM audit_block ORDER BY last DESC LIMIT 1) FROM audit_block").Scan(&last, &at)
	if at.Valid {
		newest = time.Unix(0, at.Int64).UTC()
	}
	return last, newest, err
}

// ArchiveAudit implements audit.Archivable. It believes neither the archiver's clock nor its sums: what is younger than audit.MinKeep stays, whoever asks.
func (s *Store) ArchiveAudit(ctx context.Context, seg audit.Segment, object string, told provisioning.AuditEntry) error {
	return s.Update(ctx, provisioning.Subject{System: true}, func(pw provisioning.Writer) error {
		w, ok := pw.(*writer)
		if !ok {
			return fmt.Errorf("store: archive: %T writes no archive", pw)
		}
		if err := w.dropBlock(seg, object); err != nil {
			return err
		}
		return w.AddAudit(told)
	})
}

func (w *writer) dropBlock(seg audit.Segment, object string) error {
	before, _, err := archived(w.ctx, w.db)
	if err != nil {
		return w.fail("read archive", err)
	}
	var n, newest int64
	err = w.db.QueryRowContext(w.ctx, "SELECT count(*), coalesce(max(at), 0) FROM audit WHERE seq >= ? AND seq <= ?", seg.First, seg.Last).Scan(&n, &newest)
	if err != nil {
		return w.fail("read audit", err)
	}
	switch {
	case seg.First != before+1 || n != seg.Last-seg.First+1:
		return fmt.Errorf("store: archive: entries %d to %d are not the first block that is there", seg.First, seg.Last)
	case time.Unix(0, newest).After(w.cfg.Now().Add(-audit.MinKeep)):
		return fmt.Errorf("store: archive: entries %d to %d are younger than a year", seg.First, seg.Last)
	}
	if err := audit.HoldSegment(w.ctx, ownHashes{w}, seg); err != nil {
		return err
	}
	err = w.exec("write archive", "INSERT INTO audit_block (last, newest, object, hashes) SELECT seq, ?, ?, hashes FROM audit WHERE seq = ?", newest, object, seg.Last)
	if err != nil {
		return err
	}
	return w.exec("cut audit", "DELETE FROM audit WHERE seq >= ? AND seq <= ?", seg.First, seg.Last)
}

// ownHashes are the log's hashes as the transaction sees them.
type ownHashes struct{ w *writer }

// AuditHashes implements audit.Hashes.
func (o ownHashes) AuditHashes(_ context.Context, seqs []int64) (map[int64][]byte, error) {
	return o.w.hashes(seqs)
}
