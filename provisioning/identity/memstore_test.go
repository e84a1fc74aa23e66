package identity

import (
	"context"
	"encoding/json"
	"iter"
	"slices"
	"strings"
	"sync"

	"naisen/provisioning"
)

// memStore is the part of a provisioning.Store that this package uses, without SQL: sealed at rest and transactions are
// the store's own tests' matter. A failed Update rolls back.
type memStore struct {
	mu      sync.Mutex
	rows    map[string][]byte
	secrets map[string][]byte
	audit   []provisioning.AuditEntry
	fail    error // every Update fails with it
}

func newMemStore() *memStore {
	return &memStore{rows: map[string][]byte{}, secrets: map[string][]byte{}}
}

type memTx struct {
	*memStore
	by provisioning.Subject
}

func id(parts ...string) string { return strings.Join(parts, "\x00") }

func (m *memStore) View(_ context.Context, f func(provisioning.Reader) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return f(memTx{memStore: m})
}

func (m *memStore) Update(_ context.Context, by provisioning.Subject, f func(provisioning.Writer) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		return m.fail
	}
	rows, secrets, audit := map[string][]byte{}, map[string][]byte{}, slices.Clone(m.audit)
	for k, v := range m.rows {
		rows[k] = v
	}
	for k, v := range m.secrets {
		secrets[k] = v
	}
	err := f(memTx{m, by})
	if err != nil {
		m.rows, m.secrets, m.audit = rows, secrets, audit
	}
	return err
}

func (m *memStore) Changes(context.Context, provisioning.Version) iter.Seq2[provisioning.Change, error] {
	return func(func(provisioning.Change, error) bool) {}
}
func (m *memStore) Close() error { return nil }

func (t memTx) Version() provisioning.Version { return 0 }
func (t memTx) Row(domain, kind, key string) (provisioning.Row, error) {
	b, ok := t.rows[id(domain, kind, key)]
	if !ok {
		return provisioning.Row{}, provisioning.ErrNotFound
	}
	return provisioning.Row{Key: key, Body: b}, nil
}
func (t memTx) Rows(domain, kind, after string, limit int) ([]provisioning.Row, error) {
	var out []provisioning.Row
	for k, b := range t.rows {
		p := strings.Split(k, "\x00")
		if p[0] == domain && p[1] == kind && p[2] > after {
			out = append(out, provisioning.Row{Key: p[2], Body: b})
		}
	}
	slices.SortFunc(out, func(a, b provisioning.Row) int { return strings.Compare(a.Key, b.Key) })
	if limit > 0 && len(out) > limit {
		out = out[:limit]
	}
	return out, nil
}
func (t memTx) Since(provisioning.Version, int) ([]provisioning.Change, error) { return nil, nil }
func (t memTx) Secrets(domain, kind string, keys ...string) (map[string][]byte, error) {
	out := map[string][]byte{}
	for _, k := range keys {
		if b, ok := t.secrets[id(domain, kind, k)]; ok {
			out[k] = b
		}
	}
	return out, nil
}
func (t memTx) CDRs(string, provisioning.CDRQuery) ([]provisioning.CDR, error) { return nil, nil }
func (t memTx) Audit(string, provisioning.AuditQuery) ([]provisioning.AuditEntry, error) {
	return t.memStore.audit, nil
}
func (t memTx) Put(domain string, e provisioning.Entity, ifMatch string) (string, error) {
	k := id(domain, e.Kind(), e.Key())
	if _, ok := t.rows[k]; ok && ifMatch == "!" {
		return "", provisioning.ErrExists
	}
	b, err := json.Marshal(e)
	t.rows[k] = b
	return "", err
}
func (t memTx) Delete(domain, kind, key, _ string) error {
	delete(t.rows, id(domain, kind, key))
	for k := range t.secrets {
		if p := strings.Split(k, "\x00"); p[0] == domain && p[2] == key && provisioning.SecretOwner(p[1]) == kind {
			delete(t.secrets, k)
		}
	}
	return nil
}
func (t memTx) PutSecret(domain, kind, key string, plain []byte) error {
	if plain == nil {
		delete(t.secrets, id(domain, kind, key))
	} else {
		t.secrets[id(domain, kind, key)] = plain
	}
	return nil
}
func (t memTx) AddCDR(provisioning.CDR) error { return nil }
func (t memTx) AddAudit(e provisioning.AuditEntry) error {
	t.memStore.audit = append(t.memStore.audit, e)
	return nil
}

// entries counts the audit entries of an action.
func (m *memStore) entries(action string) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range m.audit {
		if e.Action == action {
			n++
		}
	}
	return n
}

func (m *memStore) put(domain string, e provisioning.Entity) {
	_ = m.Update(context.Background(), provisioning.Subject{System: true}, func(w provisioning.Writer) error {
		_, err := w.Put(domain, e, "")
		return err
	})
}
