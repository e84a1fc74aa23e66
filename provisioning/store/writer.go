package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"naisen/provisioning"
)

// writer collects changes and audit entries; flush writes them at the end of the transaction, so that its own reads do not see them yet.
type writer struct {
	reader
	cfg     *Config
	often   *often
	who     provisioning.Subject
	changes []changeRow
	entries []provisioning.AuditEntry
	broken  error  // a statement failed: the transaction cannot be trusted any more
	xid     string // of PostgreSQL, once there is something to commit
}

var _ provisioning.Writer = (*writer)(nil)

// exec runs one statement; its failure dooms the transaction even if fn swallows the error.
func (w *writer) exec(what, query string, args ...any) error {
	_, err := w.db.ExecContext(w.ctx, query, args...)
	if err != nil {
		w.broken = w.fail(what, err)
		return w.broken
	}
	return nil
}

// often are the statements of each call. SQLite parses them once: to parse them each time costs as much as to carry them out.
type often struct{ cdr, party statement }

type statement struct {
	query  string
	parsed *sql.Stmt // nil: it is parsed each time
}

func newOften() often {
	return often{
		cdr:   statement{query: "INSERT INTO cdr (domain, id, started, caller, called, answered_by, body) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (domain, id) DO NOTHING"},
		party: statement{query: "INSERT INTO cdr_party (domain, number, started, id, part) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"},
	}
}

func (o *often) prepare(ctx context.Context, writer *sql.DB) (err error) {
	for _, p := range []*statement{&o.cdr, &o.party} {
		if p.parsed, err = writer.PrepareContext(ctx, p.query); err != nil {
			return err
		}
	}
	return nil
}

// execOften is exec for one of these; it tells how many rows it wrote.
func (w *writer) execOften(what string, s statement, args ...any) (rows int64, err error) {
	var done sql.Result
	if s.parsed != nil {
		done, err = w.db.StmtContext(w.ctx, s.parsed).ExecContext(w.ctx, args...)
	} else {
		done, err = w.db.ExecContext(w.ctx, s.query, args...)
	}
	if err == nil {
		rows, err = done.RowsAffected()
	}
	if err != nil {
		w.broken = w.fail(what, err)
		return 0, w.broken
	}
	return rows, nil
}

// mayWrite is a second fence behind policy: nobody but the switch itself writes into another domain.
func (w *writer) mayWrite(domain string) error {
	if !w.who.System && w.who.Domain != domain {
		return &provisioning.Denied{Rule: "other-domain"}
	}
	return nil
}

// match checks ifMatch. exists is false for a missing entity.
func match(ifMatch, etag string, exists bool) error {
	switch {
	case ifMatch == "":
		return nil
	case ifMatch == "!":
		if exists {
			return provisioning.ErrExists
		}
		return nil
	case !exists, ifMatch != "*" && ifMatch != etag:
		return provisioning.ErrStale
	}
	return nil
}

// next gives the change its version.
func (w *writer) next(domain, kind, key string, deleted bool) int64 {
	w.head.Version++
	w.changes = append(w.changes, changeRow{Version: w.head.Version, Domain: domain, Kind: kind, Key: key, Deleted: deleted, More: true})
	return w.head.Version
}

// Version is that of the last change made so far.
func (w *writer) Version() provisioning.Version { return provisioning.Version(w.head.Version) }

// Put: see provisioning.Writer.
func (w *writer) Put(domain string, e provisioning.Entity, ifMatch string) (string, error) {
	kind, key := e.Kind(), e.Key()
	if err := w.mayWrite(domain); err != nil {
		return "", err
	}
	if _, err := provisioning.Encode(e); err != nil { // what is not valid is told before anything else
		return "", err
	}
	if kind == provisioning.KindDomain && key != domain {
		return "", &provisioning.Invalid{Field: "name", Reason: "is not the domain that is written"}
	}
	old, err := w.entity(domain, kind, key)
	exists := err == nil
	if err != nil && !errors.Is(err, provisioning.ErrNotFound) {
		return "", err
	}
	if err := match(ifMatch, etag(old.Version), exists); err != nil {
		return "", fmt.Errorf("%w: %s %q", err, kind, key)
	}
	if e, err = provisioning.Incarnate(e, old.Body); err != nil {
		return "", err
	}
	body, err := provisioning.Encode(e)
	if err != nil {
		return "", err
	}
	if exists && string(old.Body) == string(body) {
		return etag(old.Version), nil
	}
	if err := w.checkRefs(domain, e); err != nil {
		return "", err
	}
	if err := provisioning.Check(w, domain, e); err != nil {
		return "", err
	}
	version := w.next(domain, kind, key, false)
	err = w.exec("write "+kind, `INSERT INTO entity (domain, kind, key, body, version) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (domain, kind, key) DO UPDATE SET body = excluded.body, version = excluded.version`, domain, kind, key, body, version)
	if err != nil {
		return "", err
	}
	if err := w.writeRefs(domain, e, exists || w.vouch != nil); err != nil { // also those of a row that does not count
		return "", err
	}
	if err := w.approve(domain, e, version, body); err != nil {
		return "", err
	}
	return etag(version), w.noteChange(domain, kind+".put", key, old.Body, body)
}

// checkRefs: the domain and everything that the entity names must exist. A missing domain is ErrNotFound, a missing target *Invalid.
func (w *writer) checkRefs(domain string, e provisioning.Entity) error {
	if e.Kind() != provisioning.KindDomain {
		if _, err := w.entity(domain, provisioning.KindDomain, domain); err != nil {
			return err
		}
	}
	for _, ref := range e.Refs() {
		_, err := w.entity(domain, ref.Kind, ref.Key)
		if errors.Is(err, provisioning.ErrNotFound) {
			return &provisioning.Invalid{Field: ref.Field, Reason: fmt.Sprintf("names %s %q, which does not exist", ref.Kind, ref.Key)}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) writeRefs(domain string, e provisioning.Entity, exists bool) error {
	if exists {
		if err := w.exec("write references", "DELETE FROM ref WHERE domain = ? AND kind = ? AND key = ?", domain, e.Kind(), e.Key()); err != nil {
			return err
		}
	}
	for _, ref := range e.Refs() {
		err := w.exec("write references", "INSERT INTO ref (domain, kind, key, to_kind, to_key) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
			domain, e.Kind(), e.Key(), ref.Kind, ref.Key)
		if err != nil {
			return err
		}
	}
	return nil
}

// Deletable says what Delete would, and deletes nothing: see provisioning.DeleteGuarded.
func (w *writer) Deletable(domain, kind, key, ifMatch string) error {
	_, _, err := w.deletable(domain, kind, key, ifMatch)
	return err
}

// deletable is the entity, and the kinds of what goes with it.
func (w *writer) deletable(domain, kind, key, ifMatch string) (old entityRow, going []string, err error) {
	if err := w.mayWrite(domain); err != nil {
		return old, nil, err
	}
	if old, err = w.entity(domain, kind, key); err != nil {
		return old, nil, err
	}
	if err := match(ifMatch, etag(old.Version), true); err != nil {
		return old, nil, fmt.Errorf("%w: %s %q", err, kind, key)
	}
	going = append([]string{kind}, provisioning.Parts(kind)...)
	for _, k := range going { // a refusal changes nothing
		if err := w.unused(domain, k, key, going); err != nil {
			return old, nil, err
		}
	}
	return old, going, nil
}

// Delete: see provisioning.Writer.
func (w *writer) Delete(domain, kind, key, ifMatch string) error {
	old, going, err := w.deletable(domain, kind, key, ifMatch)
	if err != nil {
		return err
	}
	for _, part := range going[1:] {
		at := provisioning.PartKey(part, key)
		row, err := w.entity(domain, part, at)
		if err == nil {
			err = w.remove(domain, part, at, row)
		}
		if err != nil && !errors.Is(err, provisioning.ErrNotFound) {
			return err
		}
	}
	return w.remove(domain, kind, key, old)
}

// remove deletes what nothing refers to.
func (w *writer) remove(domain, kind, key string, old entityRow) error {
	if err := w.deleteSecrets(domain, kind, key); err != nil {
		return err
	}
	if err := w.exec("delete "+kind, "DELETE FROM entity WHERE domain = ? AND kind = ? AND key = ?", domain, kind, key); err != nil {
		return err
	}
	if kind == provisioning.KindDomain { // who was revoked there can do nothing there any more
		if err := w.exec("delete revocations", "DELETE FROM entity WHERE domain = ? AND kind = ?", domain, provisioning.KindRevocation); err != nil {
			return err
		}
	}
	if err := w.disown(domain, kind, key); err != nil {
		return err
	}
	w.next(domain, kind, key, true)
	return w.noteChange(domain, kind+".delete", key, old.Body, nil)
}

// unused: nothing refers to it, which is of owner or a part of it, but what goes too; a domain holds nothing but itself, and what was revoked in it.
func (w *writer) unused(domain, kind, owner string, going []string) error {
	key := owner
	if kind != going[0] {
		key = provisioning.PartKey(kind, owner)
	}
	var users []struct{ Kind, Key string }
	query := w.db.NewRaw("SELECT kind, key FROM ref WHERE domain = ? AND to_kind = ? AND to_key = ? ORDER BY kind, key LIMIT 5", domain, kind, key)
	if kind == provisioning.KindDomain {
		query = w.db.NewRaw("SELECT kind, key FROM entity WHERE domain = ? AND kind NOT IN (?, ?) ORDER BY kind, key LIMIT 3", domain, kind, provisioning.KindRevocation)
	}
	if err := query.Scan(w.ctx, &users); err != nil {
		return w.fail("read references", err)
	}
	var names []string
	for _, u := range users {
		if u.Key != provisioning.PartKey(u.Kind, owner) || !slices.Contains(going, u.Kind) {
			names = append(names, u.Kind+" "+u.Key)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s %q by %s", provisioning.ErrInUse, kind, key, strings.Join(names, ", "))
}

// PutSecret: see provisioning.Writer. An owned secret's key is its owner's, or that followed by "/" and more.
func (w *writer) PutSecret(domain, kind, key string, plain []byte) error {
	if err := w.mayWrite(domain); err != nil {
		return err
	}
	if !storable(domain, kind, key) || len(kind) > 64 || len(key) > 256 {
		return &provisioning.Invalid{Field: "key", Reason: "is no name of a secret"}
	}
	ownerKind, ownerKey := provisioning.SecretOwner(kind), key
	if ownerKind == "" {
		ownerKind, ownerKey = provisioning.KindDomain, domain
	} else if head, _, ok := strings.Cut(key, "/"); ok {
		ownerKey = head
	}
	if _, err := w.entity(domain, ownerKind, ownerKey); err != nil {
		return err
	}
	old, err := w.Secrets(domain, kind, key)
	if err != nil && plain != nil {
		old = nil // the old one cannot be opened (key lost): a new one mends that
	}
	was, exists := old[key]
	switch {
	case plain == nil && err == nil && !exists:
		return missing("secret "+kind, key)
	case plain == nil:
		err = w.exec("delete secret", "DELETE FROM secret WHERE domain = ? AND kind = ? AND key = ?", domain, kind, key)
	case exists && string(was) == string(plain):
		return nil
	default:
		err = w.seal1(domain, kind, key, plain)
	}
	if err != nil {
		return err
	}
	action := "secret.put"
	if plain == nil {
		action = "secret.delete"
	}
	w.next(domain, provisioning.KindSecret, kind+"/"+key, plain == nil)
	return w.note(domain, action, kind+"/"+key, nil)
}

func (w *writer) seal1(domain, kind, key string, plain []byte) error {
	sealed, err := w.seal.Seal(domain, kind, key, plain)
	if err != nil {
		return fmt.Errorf("store: seal %s of %s in %s: %w", kind, key, domain, err)
	}
	return w.exec("write secret", `INSERT INTO secret (domain, kind, key, sealed) VALUES (?, ?, ?, ?)
		ON CONFLICT (domain, kind, key) DO UPDATE SET sealed = excluded.sealed`, domain, kind, key, sealed)
}

// deleteSecrets of an entity that goes. A domain takes all that stand alone in it.
func (w *writer) deleteSecrets(domain, kind, key string) error {
	var rows []struct{ Kind, Key string }
	query := w.db.NewRaw("SELECT kind, key FROM secret WHERE domain = ? AND (key = ? OR key >= ? AND key < ?) ORDER BY kind, key", domain, key, key+"/", key+"0")
	if kind == provisioning.KindDomain {
		query = w.db.NewRaw("SELECT kind, key FROM secret WHERE domain = ? ORDER BY kind, key", domain)
	}
	if err := query.Scan(w.ctx, &rows); err != nil {
		return w.fail("read secrets", err)
	}
	for _, s := range rows {
		if kind != provisioning.KindDomain && provisioning.SecretOwner(s.Kind) != kind {
			continue
		}
		if err := w.exec("delete secret", "DELETE FROM secret WHERE domain = ? AND kind = ? AND key = ?", domain, s.Kind, s.Key); err != nil {
			return err
		}
		w.next(domain, provisioning.KindSecret, s.Kind+"/"+s.Key, true)
		if err := w.note(domain, "secret.delete", s.Kind+"/"+s.Key, nil); err != nil {
			return err
		}
	}
	return nil
}
