package store

import (
	"encoding/json"
	"fmt"
	"math"
	"time"

	"naisen/provisioning"
)

// AddVisit: see provisioning.Writer.
func (w *writer) AddVisit(v provisioning.QueueVisit) error {
	if err := v.Validate(); err != nil {
		return err
	}
	if err := w.mayLog(v.Domain); err != nil {
		return err
	}
	body, err := json.Marshal(v.Clean())
	if err != nil {
		return &provisioning.Invalid{Field: "arrived", Reason: "cannot be written as JSON"}
	}
	return w.exec("write queue visit", `INSERT INTO queue_visit (domain, id, queue, arrived, body) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (domain, id) DO NOTHING`, v.Domain, v.ID, v.Queue, v.Arrived.UnixNano(), body)
}

// AddStint: see provisioning.Writer.
func (w *writer) AddStint(s provisioning.AgentStint) error {
	if err := s.Validate(); err != nil {
		return err
	}
	if err := w.mayLog(s.Domain); err != nil {
		return err
	}
	body, err := json.Marshal(s)
	if err != nil {
		return &provisioning.Invalid{Field: "started", Reason: "cannot be written as JSON"}
	}
	return w.exec("write agent stint", `INSERT INTO agent_stint (domain, agent, started, state, body) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (domain, agent, started, state) DO NOTHING`, s.Domain, s.Agent, s.Started.UnixNano(), s.State, body)
}

// mayLog: the row's domain is the writer's, and is there.
func (w *writer) mayLog(domain string) error {
	if err := w.mayWrite(domain); err != nil {
		return err
	}
	_, err := w.entity(domain, provisioning.KindDomain, domain)
	return err
}

// Visits: see provisioning.Reader.
func (r *reader) Visits(domain string, q provisioning.LogQuery) ([]provisioning.QueueVisit, error) {
	query, args := "SELECT body FROM queue_visit WHERE domain = ? AND arrived >= ? AND arrived < ?", []any{domain}
	if q.Queue != "" {
		query += " AND queue = ?"
	}
	return logged[provisioning.QueueVisit](r, q, query+" ORDER BY arrived, id LIMIT ?", args, q.Queue)
}

// Stints: see provisioning.Reader.
func (r *reader) Stints(domain string, q provisioning.LogQuery) ([]provisioning.AgentStint, error) {
	query, args := "SELECT body FROM agent_stint WHERE domain = ? AND started >= ? AND started < ?", []any{domain}
	if q.Agent != "" {
		query += " AND agent = ?"
	}
	return logged[provisioning.AgentStint](r, q, query+" ORDER BY started, agent, state LIMIT ?", args, q.Agent)
}

// logged reads rows of the log: the domain is in args, the times and the one key follow.
func logged[T any](r *reader, q provisioning.LogQuery, query string, args []any, key string) ([]T, error) {
	if !storable(args[0].(string)) || key != "" && !storable(key) {
		return nil, nil
	}
	args = append(args, nanos(q.From, -math.MaxInt64), nanos(q.Until, math.MaxInt64))
	if key != "" {
		args = append(args, key)
	}
	limit := provisioning.MaxLog
	if q.Limit > 0 {
		limit = min(q.Limit, limit)
	}
	var rows []struct{ Body []byte }
	if err := r.db.NewRaw(query, append(args, limit)...).Scan(r.ctx, &rows); err != nil {
		return nil, r.fail("read queue log", err)
	}
	out := make([]T, len(rows))
	for i, row := range rows {
		if err := json.Unmarshal(row.Body, &out[i]); err != nil {
			return nil, fmt.Errorf("store: queue log: %w", err)
		}
	}
	return out, nil
}

func nanos(t time.Time, otherwise int64) int64 {
	if t.IsZero() {
		return otherwise
	}
	return t.UnixNano()
}
