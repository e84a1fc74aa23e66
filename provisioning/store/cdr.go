package store

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/uptrace/bun"

	"naisen/provisioning"
)

// AddCDR: see provisioning.Writer.
func (w *writer) AddCDR(c provisioning.CDR) error {
	if err := c.Validate(); err != nil {
		return err
	}
	if err := w.mayWrite(c.Domain); err != nil {
		return err
	}
	c = c.Clean()
	body, err := json.Marshal(c)
	if err != nil {
		return &provisioning.Invalid{Field: "started", Reason: "cannot be written as JSON"}
	}
	return w.exec("write call record", `INSERT INTO cdr (domain, id, started, caller, called, answered_by, body) VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (domain, id) DO NOTHING`, c.Domain, c.ID, c.Started.UnixNano(), c.From, c.To, c.AnsweredBy, body)
}

// CDRs: see provisioning.Reader.
func (r *reader) CDRs(domain string, q provisioning.CDRQuery) ([]provisioning.CDR, error) {
	if !storable(domain) {
		return nil, nil
	}
	query := "SELECT body FROM cdr WHERE domain = ?"
	args := []any{domain}
	if q.ID != "" {
		if !storable(q.ID) {
			return nil, nil
		}
		query, args = query+" AND id = ?", append(args, q.ID)
	}
	if q.Parties != nil {
		for _, p := range q.Parties {
			if !storable(p) {
				return nil, &provisioning.Invalid{Field: "parties", Reason: "is no number"}
			}
		}
		if len(q.Parties) == 0 { // somebody without a number has no calls
			return nil, nil
		}
		in := bun.List(q.Parties)
		query, args = query+" AND (caller IN (?) OR called IN (?) OR answered_by IN (?))", append(args, in, in, in)
	}
	if q.After != "" {
		started, err := r.started(domain, q.After)
		if err != nil {
			return nil, err
		}
		query, args = query+" AND (started < ? OR started = ? AND id < ?)", append(args, started, started, q.After)
	}
	var rows []struct{ Body []byte }
	err := r.db.NewRaw(query+" ORDER BY started DESC, id DESC LIMIT ?", append(args, pageLimit(q.Limit))...).Scan(r.ctx, &rows)
	if err != nil {
		return nil, r.fail("read call records", err)
	}
	out := make([]provisioning.CDR, len(rows))
	for i, row := range rows {
		if err := json.Unmarshal(row.Body, &out[i]); err != nil {
			return nil, fmt.Errorf("store: call record: %w", err)
		}
	}
	return out, nil
}

func (r *reader) started(domain, id string) (at int64, err error) {
	if !storable(id) {
		return 0, missing("call record", id)
	}
	err = r.db.NewRaw("SELECT started FROM cdr WHERE domain = ? AND id = ?", domain, id).Scan(r.ctx, &at)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, missing("call record", id)
	}
	return at, r.fail("read call record", err)
}
