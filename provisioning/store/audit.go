package store

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/uptrace/bun"

	"naisen/provisioning"
	"naisen/provisioning/audit"
)

// subjectName as in AuditEntry.Subject.
func subjectName(s provisioning.Subject) string {
	if s.User == "" {
		return "system"
	}
	return s.User + "@" + s.Domain
}

// note records an entity change.
func (w *writer) note(domain, action, object string, detail map[string]any) error {
	return w.add(provisioning.AuditEntry{Domain: domain, Action: action, Object: object, Outcome: "ok", Detail: detail})
}

// AddAudit: see provisioning.Writer. Only System may write in another's name.
func (w *writer) AddAudit(e provisioning.AuditEntry) error { return w.add(audit.Lift(e)) }

func (w *writer) add(e provisioning.AuditEntry) error {
	if err := w.mayWrite(e.Domain); err != nil {
		return err
	}
	if e.Action == "" {
		return &provisioning.Invalid{Field: "action", Reason: "is missing"}
	}
	if e.Subject == "" || !w.who.System {
		e.Subject = subjectName(w.who)
	}
	if e.Time.IsZero() || !w.who.System {
		e.Time = w.cfg.Now()
	}
	for to, from := range map[*string]string{&e.Client: w.who.Client, &e.Source: w.who.Source, &e.Session: w.who.Session} {
		if from != "" && (*to == "" || !w.who.System) {
			*to = from
		}
	}
	w.who.Grounds.Write(w.who, &e, len(w.entries) == 0)
	if _, _, err := audit.Canonical(e); err != nil { // now, so that the faulty call gets the error
		return err
	}
	w.entries = append(w.entries, e)
	return nil
}

// flush writes the outbox, the audit entries and the counters.
func (w *writer) flush() error {
	if len(w.changes) == 0 && len(w.entries) == 0 {
		return nil
	}
	for page := range slices.Chunk(w.changes, feedPage) {
		if &page[len(page)-1] == &w.changes[len(w.changes)-1] {
			page[len(page)-1].More = false
		}
		if _, err := w.db.NewInsert().Model(&page).ModelTableExpr("change").Exec(w.ctx); err != nil {
			return err
		}
	}
	if err := w.flushAudit(); err != nil {
		return err
	}
	if err := w.writeHead(); err != nil {
		return err
	}
	return w.prune()
}

func (w *writer) writeHead() error {
	const query = "UPDATE head SET version = ?, audit_size = ? WHERE id = 1"
	if w.cfg.Postgres == nil {
		return w.exec("write head", query, w.head.Version, w.head.AuditSize)
	}
	if err := w.db.NewRaw(query+" RETURNING pg_current_xact_id()::text", w.head.Version, w.head.AuditSize).Scan(w.ctx, &w.xid); err != nil {
		return w.fail("write head", err)
	}
	if len(w.changes) == 0 {
		return nil
	}
	return w.exec("tell other nodes", "SELECT pg_notify(?, '')", pgChannel) // when this is committed
}

// prune cuts the feed now and then.
func (w *writer) prune() error {
	every := max(w.cfg.KeepChanges/10, 1)
	first := w.head.Version - int64(len(w.changes))
	if first/every == w.head.Version/every {
		return nil
	}
	return w.exec("cut feed", "DELETE FROM change WHERE version <= ?", w.head.Version-w.cfg.KeepChanges)
}

type auditRow struct {
	Seq     int64
	At      int64
	Domain  string
	Subject string
	Action  string
	Object  string
	Outcome string
	Leaf    []byte
	Hashes  []byte
}

const auditPage = 100

func (w *writer) flushAudit() error {
	fresh := map[int64][]byte{}
	read := func(seqs []int64) (map[int64][]byte, error) {
		out := map[int64][]byte{}
		var old []int64
		for _, seq := range seqs {
			if h, ok := fresh[seq]; ok {
				out[seq] = h
			} else {
				old = append(old, seq)
			}
		}
		if len(old) == 0 {
			return out, nil
		}
		stored, err := w.hashes(old)
		maps.Copy(out, stored)
		return out, err
	}
	rows := make([]auditRow, 0, min(len(w.entries), auditPage))
	for i, e := range w.entries {
		e.Seq = w.head.AuditSize + 1
		leaf, e, err := audit.Canonical(e)
		if err != nil {
			return err
		}
		hashes, err := audit.Append(w.head.AuditSize, leaf, read)
		if err != nil {
			return err
		}
		fresh[e.Seq] = hashes
		w.head.AuditSize++
		rows = append(rows, auditRow{
			Seq: e.Seq, At: e.Time.UnixNano(), Domain: e.Domain, Subject: e.Subject, Action: e.Action,
			Object: e.Object, Outcome: e.Outcome, Leaf: leaf, Hashes: hashes,
		})
		if len(rows) == auditPage || i == len(w.entries)-1 {
			if _, err := w.db.NewInsert().Model(&rows).ModelTableExpr("audit").Exec(w.ctx); err != nil {
				return err
			}
			rows = rows[:0]
		}
	}
	return nil
}

func (r *reader) hashes(seqs []int64) (map[int64][]byte, error) {
	out, err := auditHashes(r.ctx, r.db, seqs, true)
	if err != nil {
		return nil, r.fail("read audit", err)
	}
	return out, nil
}

// auditHashes are those of entries, and of the last one of each block that is archived, where the database is of the kind that has blocks.
func auditHashes(ctx context.Context, db bun.IDB, seqs []int64, blocks bool) (map[int64][]byte, error) {
	var rows []auditRow
	query := db.NewRaw("SELECT seq, hashes FROM audit WHERE seq IN (?)", bun.List(seqs))
	if blocks {
		query = db.NewRaw("SELECT seq, hashes FROM audit WHERE seq IN (?) UNION ALL SELECT last, hashes FROM audit_block WHERE last IN (?)", bun.List(seqs), bun.List(seqs))
	}
	if err := query.Scan(ctx, &rows); err != nil {
		return nil, err
	}
	out := make(map[int64][]byte, len(rows))
	for _, row := range rows {
		out[row.Seq] = row.Hashes
	}
	return out, nil
}

// Audit: see provisioning.Reader.
func (r *reader) Audit(domain string, q provisioning.AuditQuery) ([]provisioning.AuditEntry, error) {
	for _, s := range []string{domain, q.Subject, q.Object, q.Action} {
		if s != "" && !storable(s) { // no entry has it
			return nil, nil
		}
	}
	sql := "SELECT seq, leaf FROM audit WHERE domain = ?"
	args := []any{domain}
	where := func(cond string, arg ...any) { sql, args = sql+" AND "+cond, append(args, arg...) }
	switch {
	case q.Newest && q.After > 0:
		where("seq < ?", q.After)
	case q.After > 0:
		where("seq > ?", q.After)
	}
	if q.Subject != "" {
		where("subject = ?", q.Subject)
	}
	if q.Object != "" {
		where("object = ?", q.Object)
	}
	if prefix := strings.TrimSuffix(q.Action, "*"); prefix != q.Action || strings.HasSuffix(prefix, ".") {
		where("action >= ? AND action < ?", prefix, prefix+"\U0010FFFF")
	} else if q.Action != "" {
		where("action = ?", q.Action)
	}
	if !q.Since.IsZero() {
		where("at >= ?", q.Since.UnixNano())
	}
	if !q.Until.IsZero() {
		where("at < ?", q.Until.UnixNano())
	}
	order := " ORDER BY seq"
	if q.Newest {
		order += " DESC"
	}
	var rows []auditRow
	err := r.db.NewRaw(sql+order+" LIMIT ?", append(args, pageLimit(q.Limit))...).Scan(r.ctx, &rows)
	if err != nil {
		return nil, r.fail("read audit", err)
	}
	out := make([]provisioning.AuditEntry, len(rows))
	for i, row := range rows {
		if err := json.Unmarshal(row.Leaf, &out[i]); err != nil {
			return nil, fmt.Errorf("store: audit entry %d: %w", row.Seq, err)
		}
	}
	return out, nil
}

func pageLimit(n int) int {
	if n <= 0 || n > provisioning.MaxPage {
		return provisioning.MaxPage
	}
	return n
}

// AuditSize: see audit.Source.
func (s *Store) AuditSize(ctx context.Context) (n int64, err error) {
	err = s.view(ctx, func(r *reader) error {
		n = r.head.AuditSize
		return nil
	})
	return n, err
}

// AuditRecords: see audit.Source.
func (s *Store) AuditRecords(ctx context.Context, after int64, limit int) (out []audit.Record, err error) {
	err = s.view(ctx, func(r *reader) error {
		if out, err = auditRecords(ctx, r.db, after, limit); err != nil {
			return r.fail("read audit", err)
		}
		return nil
	})
	return out, err
}

// AuditHashes: see audit.Source.
func (s *Store) AuditHashes(ctx context.Context, seqs []int64) (out map[int64][]byte, err error) {
	err = s.view(ctx, func(r *reader) error {
		out, err = r.hashes(seqs)
		return err
	})
	return out, err
}
