package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/uptrace/bun"

	"naisen/provisioning"
)

// reader is one transaction's view. Its context lives as long as the transaction, which ends before View or Update returns.
type reader struct {
	ctx  context.Context // a transaction is bound to one call
	db   bun.Tx
	seal Sealer
	head headRow

	vouch *voucher         // nil: any row counts
	marks map[string]int64 // see marksNow
	lists map[string]*list // of what is approved, as far as they were read
}

type headRow struct {
	Version   int64
	AuditSize int64
}

var _ provisioning.Reader = (*reader)(nil)

// pin fixes the snapshot by its first read.
func (r *reader) pin() error {
	return r.fail("read head", r.db.NewRaw("SELECT version, audit_size FROM head WHERE id = 1").Scan(r.ctx, &r.head))
}

func (r *reader) fail(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("store: %s: %w", what, err)
}

// Version of this state.
func (r *reader) Version() provisioning.Version { return provisioning.Version(r.head.Version) }

const maxKey = 2048

// storable says that a key can be in the tables at all; others need no query. (SQL text ends at a NUL.)
func storable(keys ...string) bool {
	for _, k := range keys {
		if k == "" || len(k) > maxKey || !utf8.ValidString(k) || strings.ContainsRune(k, 0) {
			return false
		}
	}
	return true
}

func missing(kind, key string) error {
	return fmt.Errorf("%w: %s %q", provisioning.ErrNotFound, kind, key)
}

type entityRow struct {
	Key       string
	Body      []byte
	Version   int64
	HasSecret bool
}

func (e entityRow) row() provisioning.Row {
	return provisioning.Row{Key: e.Key, Body: e.Body, ETag: etag(e.Version), HasSecret: e.HasSecret}
}

// etag is the version of the entity's last change: never used twice, so that a deleted and remade entity differs.
func etag(version int64) string { return strconv.FormatInt(version, 36) }

const selectEntity = `SELECT key, body, version,
	EXISTS (SELECT 1 FROM secret s WHERE s.domain = e.domain AND s.kind = e.kind AND s.key = e.key) AS has_secret FROM entity e `

// Row: see provisioning.Reader.
func (r *reader) Row(domain, kind, key string) (provisioning.Row, error) {
	e, err := r.entity(domain, kind, key)
	return e.row(), err
}

func (r *reader) entity(domain, kind, key string) (entityRow, error) {
	if !storable(domain, kind, key) {
		return entityRow{}, missing(kind, key)
	}
	var e entityRow
	err := r.db.NewRaw(selectEntity+"WHERE domain = ? AND kind = ? AND key = ?", domain, kind, key).Scan(r.ctx, &e)
	there := err == nil
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return e, r.fail("read "+kind, err)
	}
	if r.vouches(kind) {
		if e, there, err = r.soundOne(domain, kind, key, e); err != nil {
			return e, err
		}
	}
	if !there {
		return entityRow{}, missing(kind, key)
	}
	return e, nil
}

// Rows: see provisioning.Reader.
func (r *reader) Rows(domain, kind, after string, limit int) ([]provisioning.Row, error) {
	if domain != "" && !storable(domain) {
		return nil, nil
	}
	if domain == "" && kind != provisioning.KindDomain {
		return nil, &provisioning.Invalid{Field: "domain", Reason: "is missing"}
	}
	if after != "" && !storable(after) {
		return nil, &provisioning.Invalid{Field: "after", Reason: "is no key"}
	}
	rows, err := r.entities(domain, kind, after, limit)
	if err != nil {
		return nil, err
	}
	out := make([]provisioning.Row, len(rows))
	for i, e := range rows {
		out[i] = e.row()
	}
	return out, nil
}

func (r *reader) entities(domain, kind, after string, limit int) (rows []entityRow, err error) {
	switch {
	case r.vouches(kind) && domain == "":
		return r.soundDomains(after, limit)
	case r.vouches(kind):
		return r.soundRows(domain, kind, after, limit)
	}
	query := r.db.NewRaw(selectEntity+"WHERE domain = ? AND kind = ? AND key > ? ORDER BY key LIMIT ?", domain, kind, after, sqlLimit(limit))
	if domain == "" {
		query = r.db.NewRaw(selectEntity+"WHERE kind = ? AND key > ? ORDER BY key LIMIT ?", kind, after, sqlLimit(limit))
	}
	return rows, r.fail("list "+kind, query.Scan(r.ctx, &rows))
}

// sqlLimit: no limit is a limit that no table reaches, which both databases understand.
func sqlLimit(n int) int64 {
	if n <= 0 {
		return 1 << 40
	}
	return int64(n)
}

type secretRow struct {
	Key    string
	Sealed []byte
}

// Secrets: see provisioning.Reader.
func (r *reader) Secrets(domain, kind string, keys ...string) (map[string][]byte, error) {
	if !storable(domain, kind) {
		return nil, missing("secret", kind)
	}
	var rows []secretRow
	query := r.db.NewRaw("SELECT key, sealed FROM secret WHERE domain = ? AND kind = ?", domain, kind)
	if len(keys) > 0 {
		for _, k := range keys {
			if !storable(k) {
				return nil, missing("secret "+kind, k)
			}
		}
		query = r.db.NewRaw("SELECT key, sealed FROM secret WHERE domain = ? AND kind = ? AND key IN (?)", domain, kind, bun.List(keys))
	}
	if err := query.Scan(r.ctx, &rows); err != nil {
		return nil, r.fail("read secrets", err)
	}
	out := make(map[string][]byte, len(rows))
	for _, row := range rows {
		plain, err := r.seal.Open(domain, kind, row.Key, row.Sealed)
		if err != nil {
			return nil, fmt.Errorf("store: secret %s of %s in %s: %w", kind, row.Key, domain, err)
		}
		out[row.Key] = plain
	}
	return out, nil
}
