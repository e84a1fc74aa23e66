package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"naisen/provisioning"
)

// Approver vouches for rows, with a key that is not in the database. *approval.Keeper is one. Safe for concurrent use.
type Approver interface {
	Sign(text []byte) []byte
	Verify(text, mac []byte) bool
	Begun() bool                 // false: this database was made before there was a key
	Marks() map[string]int64     // how far each list has counted at least; nobody changes it
	Mark(map[string]int64) error // keeps how far lists have counted
}

// Tampering is a row that somebody changed past the program.
type Tampering struct{ Domain, Kind, Key, Why string }

func (t Tampering) String() string { return t.Domain + " " + t.Kind + " " + t.Key + ": " + t.Why }

// Why a row is not what was approved.
const (
	whyChanged  = "was changed past the program; what was approved last stays in force"
	whyRemoved  = "was removed past the program; what was approved last stays in force"
	whyUnsigned = "was never approved; it is not used"
	whyForged   = "its approval does not verify; it is not used"
	whyGone     = "its approval was removed; it is not used"
	whyBack     = "was put back past the program after it was removed; it is not used"
	whyOld      = "is an older version than the one approved last"
	whyList     = "the list of what is approved does not verify"
	whyListOld  = "the list of what is approved is older than it was"
)

// voucher is what readers and writers share.
type voucher struct {
	Approver
	tampered func(Tampering)

	mu    sync.Mutex
	known map[string]knownList // by list; verified once
}

type knownList struct {
	mac      string
	versions map[string]int64
}

type vouchedRow struct {
	Key       string
	Body      []byte
	Version   int64
	MAC       []byte
	HasSecret bool
}

const selectVouched = `SELECT key, body, version, mac,
	EXISTS (SELECT 1 FROM secret s WHERE s.domain = v.domain AND s.kind = v.kind AND s.key = v.key) AS has_secret FROM vouched v `

// list is what is approved of one kind in one domain.
type list struct {
	counter  int64
	versions map[string]int64
	dirty    bool
}

func listName(domain, kind string) string { return domain + "/" + kind }

// rowText is what is signed of a row: each part with its length, so that no two rows read alike.
func rowText(domain, kind, key string, version int64, body []byte) []byte {
	return signedText("naisen row 1", version, domain, kind, key, string(body))
}

func listText(domain, kind string, counter int64, versions []byte) []byte {
	return signedText("naisen list 1", counter, domain, kind, string(versions))
}

func signedText(head string, n int64, parts ...string) []byte {
	out := append([]byte(head), '\n')
	out = binary.BigEndian.AppendUint64(out, uint64(n)) // a counter
	for _, p := range parts {
		out = binary.BigEndian.AppendUint64(out, uint64(len(p)))
		out = append(out, p...)
	}
	return out
}

func (r *reader) vouches(kind string) bool { return r.vouch != nil && provisioning.Vouchable(kind) }

func (r *reader) tell(domain, kind, key, why string) {
	if r.vouch.tampered != nil {
		r.vouch.tampered(Tampering{domain, kind, key, why})
	}
}

// marksNow is taken before a transaction begins: what a list had counted then it has in each state that is read later.
func (v *voucher) marksNow() map[string]int64 {
	if v == nil {
		return nil
	}
	return v.Marks()
}

// list reads what is approved of a kind, once in a transaction.
func (r *reader) list(domain, kind string) (*list, error) {
	name := listName(domain, kind)
	if l := r.lists[name]; l != nil {
		return l, nil
	}
	var row struct {
		Counter int64
		MAC     []byte
	}
	l := &list{versions: map[string]int64{}}
	err := r.db.NewRaw("SELECT counter, mac FROM vouched_list WHERE domain = ? AND kind = ?", domain, kind).Scan(r.ctx, &row)
	switch {
	case errors.Is(err, sql.ErrNoRows) && r.marks[name] == 0:
	case errors.Is(err, sql.ErrNoRows):
		l.versions, err = r.verified(domain, kind)
	case err == nil:
		l.counter = row.Counter
		l.versions, err = r.versions(domain, kind, row.Counter, row.MAC)
	}
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, r.fail("read approvals", err)
	}
	if marked := r.marks[name]; l.counter < marked {
		r.tell(domain, kind, "", whyListOld)
		l.counter = marked
	}
	if r.lists == nil {
		r.lists = map[string]*list{}
	}
	r.lists[name] = l
	return l, nil
}

// versions verifies a list. One that does not is told of, and made anew of the rows that do.
func (r *reader) versions(domain, kind string, counter int64, mac []byte) (map[string]int64, error) {
	v, name := r.vouch, listName(domain, kind)
	v.mu.Lock()
	known := v.known[name]
	v.mu.Unlock()
	if known.mac == string(mac) {
		return known.versions, nil
	}
	var text []byte
	if err := r.db.NewRaw("SELECT versions FROM vouched_list WHERE domain = ? AND kind = ?", domain, kind).Scan(r.ctx, &text); err != nil {
		return nil, r.fail("read approvals", err)
	}
	out := map[string]int64{}
	if v.Verify(listText(domain, kind, counter, text), mac) && json.Unmarshal(text, &out) == nil {
		v.mu.Lock()
		v.known[name] = knownList{string(mac), out}
		v.mu.Unlock()
		return out, nil
	}
	r.tell(domain, kind, "", whyList)
	return r.verified(domain, kind)
}

// verified is what stands in the place of a list that is gone, or does not verify: the rows that do, so that nothing ends by its loss.
func (r *reader) verified(domain, kind string) (map[string]int64, error) {
	out := map[string]int64{}
	var rows []vouchedRow
	if err := r.db.NewRaw(selectVouched+"WHERE domain = ? AND kind = ?", domain, kind).Scan(r.ctx, &rows); err != nil {
		return nil, r.fail("read approvals", err)
	}
	for _, row := range rows {
		if r.vouch.Verify(rowText(domain, kind, row.Key, row.Version, row.Body), row.MAC) {
			out[row.Key] = row.Version
		}
	}
	return out, nil
}

// set changes a list, whose versions others read; 0 takes a row off.
func (l *list) set(key string, version int64) {
	if !l.dirty {
		l.versions, l.dirty = maps.Clone(l.versions), true
	}
	if l.versions[key] = version; version == 0 {
		delete(l.versions, key)
	}
}

// sound is the row that counts: the one that was approved, where somebody must. e has no version: there is none; likewise v.
func (r *reader) sound(domain, kind, key string, e entityRow, v vouchedRow) (entityRow, bool, error) {
	l, err := r.list(domain, kind)
	if err != nil {
		return e, false, err
	}
	there, approved := e.Version > 0, v.Version > 0
	listed := l.versions[key]
	switch {
	case approved && !r.vouch.Verify(rowText(domain, kind, key, v.Version, v.Body), v.MAC):
		r.tell(domain, kind, key, whyForged)
		return e, false, nil
	case approved && v.Version < listed:
		r.tell(domain, kind, key, whyOld)
	case approved && listed == 0:
		r.tell(domain, kind, key, whyBack)
		return e, false, nil
	case approved && !there:
		r.tell(domain, kind, key, whyRemoved)
	case approved && (e.Version != v.Version || !bytes.Equal(e.Body, v.Body)):
		r.tell(domain, kind, key, whyChanged)
	case approved:
		return e, true, nil
	case listed > 0:
		r.tell(domain, kind, key, whyGone)
		return e, false, nil
	case there && provisioning.VouchedRow(kind, e.Body):
		r.tell(domain, kind, key, whyUnsigned)
		return e, false, nil
	}
	if approved {
		return entityRow{Key: key, Body: v.Body, Version: v.Version, HasSecret: v.HasSecret}, true, nil
	}
	return e, there, nil
}

// soundOne is sound of a row that was read.
func (r *reader) soundOne(domain, kind, key string, e entityRow) (entityRow, bool, error) {
	var v vouchedRow
	err := r.db.NewRaw(selectVouched+"WHERE domain = ? AND kind = ? AND key = ?", domain, kind, key).Scan(r.ctx, &v)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return e, false, r.fail("read approvals", err)
	}
	return r.sound(domain, kind, key, e, v)
}

// soundRows is Rows of a kind that is vouched for: what was removed past the program is among them, what was never approved is not.
func (r *reader) soundRows(domain, kind, after string, limit int) (out []entityRow, err error) {
	for {
		var rows []entityRow
		n := sqlLimit(limit)
		if err := r.db.NewRaw(selectEntity+"WHERE domain = ? AND kind = ? AND key > ? ORDER BY key LIMIT ?", domain, kind, after, n).Scan(r.ctx, &rows); err != nil {
			return nil, r.fail("list "+kind, err)
		}
		query, args := selectVouched+"WHERE domain = ? AND kind = ? AND key > ?", []any{domain, kind, after}
		whole := int64(len(rows)) < n
		if !whole {
			query, args = query+" AND key <= ?", append(args, rows[len(rows)-1].Key)
		}
		var approved []vouchedRow
		if err := r.db.NewRaw(query+" ORDER BY key", args...).Scan(r.ctx, &approved); err != nil {
			return nil, r.fail("read approvals", err)
		}
		page, err := r.merge(domain, kind, rows, approved)
		if err != nil {
			return nil, err
		}
		out = append(out, page...)
		if whole || int64(len(out)) >= n {
			return out[:min(int64(len(out)), n)], nil
		}
		after = rows[len(rows)-1].Key
	}
}

// merge brings two ordered lists together, by sound.
func (r *reader) merge(domain, kind string, rows []entityRow, approved []vouchedRow) (out []entityRow, err error) {
	for len(rows)+len(approved) > 0 {
		var e entityRow
		var v vouchedRow
		switch {
		case len(approved) == 0 || len(rows) > 0 && rows[0].Key < approved[0].Key:
			e, rows = rows[0], rows[1:]
		case len(rows) == 0 || approved[0].Key < rows[0].Key:
			v, approved = approved[0], approved[1:]
		default:
			e, v, rows, approved = rows[0], approved[0], rows[1:], approved[1:]
		}
		at, key := domain, max(e.Key, v.Key)
		if at == "" { // all domains
			at = key
		}
		sound, ok, err := r.sound(at, kind, key, e, v)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, sound)
		}
	}
	return out, nil
}

// soundDomains is soundRows of all domains.
func (r *reader) soundDomains(after string, limit int) ([]entityRow, error) {
	var rows []entityRow
	var approved []vouchedRow
	const kind = provisioning.KindDomain
	err := r.db.NewRaw(selectEntity+"WHERE kind = ? AND key > ? ORDER BY key", kind, after).Scan(r.ctx, &rows)
	if err == nil {
		err = r.db.NewRaw(selectVouched+"WHERE kind = ? AND key > ? ORDER BY key", kind, after).Scan(r.ctx, &approved)
	}
	if err != nil {
		return nil, r.fail("list domains", err)
	}
	out, err := r.merge("", kind, rows, approved)
	return out[:min(int64(len(out)), sqlLimit(limit))], err
}

// approve vouches for a row that was just written, or for none any more.
func (w *writer) approve(domain string, e provisioning.Entity, version int64, body []byte) error {
	kind, key := e.Kind(), e.Key()
	if !w.vouches(kind) {
		return nil
	}
	if !provisioning.Vouched(e) {
		return w.disown(domain, kind, key)
	}
	l, err := w.list(domain, kind)
	if err != nil {
		return err
	}
	l.set(key, version)
	return w.exec("approve "+kind, `INSERT INTO vouched (domain, kind, key, body, version, mac) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (domain, kind, key) DO UPDATE SET body = excluded.body, version = excluded.version, mac = excluded.mac`,
		domain, kind, key, body, version, w.vouch.Sign(rowText(domain, kind, key, version, body)))
}

// disown takes the approval of a row away that is gone, or needs none.
func (w *writer) disown(domain, kind, key string) error {
	if !w.vouches(kind) {
		return nil
	}
	l, err := w.list(domain, kind)
	if err != nil {
		return err
	}
	if _, ok := l.versions[key]; !ok {
		return nil
	}
	l.set(key, 0)
	return w.exec("disown "+kind, "DELETE FROM vouched WHERE domain = ? AND kind = ? AND key = ?", domain, kind, key)
}

// flushLists writes the lists that changed, and says how far they have counted.
func (w *writer) flushLists() (map[string]int64, error) {
	marks := map[string]int64{}
	names := make([]string, 0, len(w.lists))
	for name, l := range w.lists {
		if l.dirty {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		l := w.lists[name]
		domain, kind, _ := strings.Cut(name, "/")
		text, err := json.Marshal(l.versions)
		if err != nil {
			return nil, err
		}
		l.counter++
		err = w.exec("write approvals", `INSERT INTO vouched_list (domain, kind, counter, versions, mac) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (domain, kind) DO UPDATE SET counter = excluded.counter, versions = excluded.versions, mac = excluded.mac`,
			domain, kind, l.counter, text, w.vouch.Sign(listText(domain, kind, l.counter, text)))
		if err != nil {
			return nil, err
		}
		marks[name] = l.counter
	}
	return marks, nil
}

// vouchAll vouches for what is there when a database gets its key: what people agreed to before cannot be told from anything else. It is done once, and logged.
func (s *Store) vouchAll(ctx context.Context) error {
	if s.vouch == nil || s.vouch.Begun() {
		return nil
	}
	if s.cfg.Postgres != nil {
		if done, err := s.joins(ctx); done || err != nil {
			return err
		}
	}
	n := 0
	err := s.Update(ctx, provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		n = 0
		own, ok := w.(*writer)
		if !ok {
			return errors.New("store: foreign writer")
		}
		for _, clear := range []string{"DELETE FROM vouched", "DELETE FROM vouched_list"} {
			if err := own.exec("clear approvals", clear); err != nil {
				return err
			}
		}
		var err error
		if n, err = own.approveAll(); err != nil {
			return err
		}
		if n == 0 {
			return nil
		}
		return w.AddAudit(provisioning.AuditEntry{Action: "approval.begun", Object: "approval", Outcome: "ok", Detail: map[string]any{"rows": n}})
	})
	if err != nil {
		return fmt.Errorf("store: vouch for what is there: %w", err)
	}
	return s.vouch.Mark(nil)
}

// ErrOtherKey says that the nodes of this database vouch with another key than this one has.
var ErrOtherKey = errors.New("store: another node's key vouches for the rows of this database: its directory of keys must be here too")

// joins: a node that comes to a database for which others vouch begins where they are. It never vouches anew for what is there: what nobody agreed to would be among it.
func (s *Store) joins(ctx context.Context) (done bool, err error) {
	var lists int
	err = s.view(ctx, func(r *reader) error {
		return r.fail("read approvals", r.db.NewRaw("SELECT COUNT(*) FROM vouched_list").Scan(ctx, &lists))
	})
	if err != nil || lists == 0 {
		return false, err
	}
	counted, err := s.Counted(ctx)
	if err != nil {
		return false, err
	}
	if len(counted) == 0 { // one that does not verify is told of as ever; all of them are another key's
		return false, ErrOtherKey
	}
	return true, s.vouch.Mark(counted)
}

func (w *writer) approveAll() (n int, err error) {
	var rows []struct {
		Domain, Kind, Key string
		Body              []byte
		Version           int64
	}
	if err := w.db.NewRaw("SELECT domain, kind, key, body, version FROM entity ORDER BY domain, kind, key").Scan(w.ctx, &rows); err != nil {
		return 0, w.fail("read entities", err)
	}
	for _, row := range rows {
		if !provisioning.Vouchable(row.Kind) || !provisioning.VouchedRow(row.Kind, row.Body) {
			continue
		}
		n++
		l, err := w.list(row.Domain, row.Kind)
		if err != nil {
			return n, err
		}
		l.set(row.Key, row.Version)
		err = w.exec("approve", "INSERT INTO vouched (domain, kind, key, body, version, mac) VALUES (?, ?, ?, ?, ?, ?)",
			row.Domain, row.Kind, row.Key, row.Body, row.Version, w.vouch.Sign(rowText(row.Domain, row.Kind, row.Key, row.Version, row.Body)))
		if err != nil {
			return n, err
		}
	}
	return n, nil
}
