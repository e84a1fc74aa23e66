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
	fresh, err := w.execOften("write call record", w.often.cdr, c.Domain, c.ID, c.Started.UnixNano(), c.From, c.To, c.AnsweredBy, body)
	if err != nil || fresh == 0 { // of a record that was there already the rows below are there too
		return err
	}
	for _, number := range c.Insiders() {
		if part, _ := c.Part(number); part != "" {
			if _, err := w.execOften("write call record", w.often.party, c.Domain, number, c.Started.UnixNano(), c.ID, part); err != nil {
				return err
			}
		}
	}
	return nil
}

// CDRs: see provisioning.Reader.
func (r *reader) CDRs(domain string, q provisioning.CDRQuery) ([]provisioning.CDR, error) {
	if !storable(domain) {
		return nil, nil
	}
	if q.Extension != "" {
		return r.historyOf(domain, q)
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
	var rows []recordRow
	err := r.db.NewRaw(query+" ORDER BY started DESC, id DESC LIMIT ?", append(args, pageLimit(q.Limit))...).Scan(r.ctx, &rows)
	if err != nil {
		return nil, r.fail("read call records", err)
	}
	return records(rows)
}

type recordRow struct{ Body []byte }

func records(rows []recordRow) ([]provisioning.CDR, error) {
	out := make([]provisioning.CDR, len(rows))
	for i, row := range rows {
		if err := json.Unmarshal(row.Body, &out[i]); err != nil {
			return nil, fmt.Errorf("store: call record: %w", err)
		}
	}
	return out, nil
}

// historyOf reads the calls in which an extension had a part: it looks at as many rows as it gives, whatever there is besides.
func (r *reader) historyOf(domain string, q provisioning.CDRQuery) ([]provisioning.CDR, error) {
	if !storable(q.Extension) || !storable(q.Part) && q.Part != "" {
		return nil, nil
	}
	query := "SELECT c.body FROM cdr_party p JOIN cdr c ON c.domain = p.domain AND c.id = p.id WHERE p.domain = ? AND p.number = ?"
	args := []any{domain, q.Extension}
	if q.Part != "" {
		query, args = query+" AND p.part = ?", append(args, q.Part)
	}
	if q.After != "" {
		started, err := r.started(domain, q.After)
		if err != nil {
			return nil, err
		}
		query, args = query+" AND (p.started, p.id) < (?, ?)", append(args, started, q.After)
	}
	var rows []recordRow
	err := r.db.NewRaw(query+" ORDER BY p.started DESC, p.id DESC LIMIT ?", append(args, pageLimit(q.Limit))...).Scan(r.ctx, &rows)
	if err != nil {
		return nil, r.fail("read the history of an extension", err)
	}
	return records(rows)
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
