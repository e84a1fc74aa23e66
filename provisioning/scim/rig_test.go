package scim

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/secret"
	"naisen/provisioning/store"
)

const (
	here      = "a.example"
	elsewhere = "b.example"
)

// rig is the server over a real store of two domains, with a client of each.
type rig struct {
	t      testing.TB
	store  *store.Store
	now    time.Time
	server *server
	mux    *http.ServeMux
	tokens map[string]string // by domain
}

func newRig(t testing.TB) *rig {
	t.Helper()
	keys, err := secret.OpenKeyring(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	quiet := slog.New(slog.DiscardHandler)
	st, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "pbx.db"), Sealer: keys, Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	r := &rig{t: t, store: st, now: time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC), mux: http.NewServeMux(), tokens: map[string]string{}}
	h, err := New(Config{Store: st, Clock: func() time.Time { return r.now }, Log: quiet, Rate: 1e6})
	if err != nil {
		t.Fatal(err)
	}
	r.server = h.(*server)
	r.mux.Handle(Pattern, h)
	for _, domain := range []string{here, elsewhere} {
		r.tokens[domain] = secret.Generate().Reveal()
		r.update(func(w provisioning.Writer) error {
			for _, e := range []provisioning.Entity{provisioning.Domain{Name: domain, Title: "x", Language: "ja", CountryCode: "81"}, provisioning.Provisioner{Name: "entra"},
				provisioning.User{Name: "boss", Display: "課長", Roles: []provisioning.Role{provisioning.RoleAdmin}}} {
				if _, err := w.Put(domain, e, ""); err != nil {
					return err
				}
			}
			return w.PutSecret(domain, provisioning.SecretProvisioner, "entra", provisioning.ProvisionerProof(r.tokens[domain]))
		})
	}
	return r
}

func (r *rig) update(f func(provisioning.Writer) error) {
	r.t.Helper()
	if err := r.store.Update(r.t.Context(), provisioning.Subject{System: true}, f); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) put(entities ...provisioning.Entity) {
	r.t.Helper()
	r.update(func(w provisioning.Writer) error {
		for _, e := range entities {
			if _, err := w.Put(here, e, ""); err != nil {
				return err
			}
		}
		return nil
	})
}

// reply is an answer that a client got.
type reply struct {
	status int
	header http.Header
	text   string
	body   map[string]any
}

func (a reply) id() string { s, _ := a.body["id"].(string); return s }

func (a reply) kind() string { s, _ := a.body["scimType"].(string); return s }

// as sends a request with a token and header fields in pairs.
func (r *rig) as(token, method, path, body string, header ...string) reply {
	r.t.Helper()
	var in io.Reader
	if body != "" {
		in = strings.NewReader(body)
	}
	req := httptest.NewRequestWithContext(r.t.Context(), method, path, in)
	req.Header.Set("Content-Type", contentType)
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	r.mux.ServeHTTP(rec, req)
	out := reply{status: rec.Code, header: rec.Header(), text: rec.Body.String()}
	_ = json.Unmarshal(rec.Body.Bytes(), &out.body) // some have none
	return out
}

// do is as the domain's own client; path is behind /scim/v2/DOMAIN.
func (r *rig) do(method, path, body string, header ...string) reply {
	r.t.Helper()
	return r.as(r.tokens[here], method, "/scim/v2/"+here+path, body, header...)
}

// must is do with the status that it has to have.
func (r *rig) must(status int, method, path, body string, header ...string) reply {
	r.t.Helper()
	a := r.do(method, path, body, header...)
	if a.status != status {
		r.t.Fatalf("%s %s: %d %s, want %d", method, path, a.status, a.text, status)
	}
	return a
}

func get[T provisioning.Entity](r *rig, key string) (e T, found bool) {
	r.t.Helper()
	err := r.store.View(r.t.Context(), func(rd provisioning.Reader) (err error) {
		e, _, err = provisioning.Get[T](rd, here, key)
		return err
	})
	return e, err == nil
}

func equalJSON(t *testing.T, what string, got any, want string) {
	t.Helper()
	g, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	var w any
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatalf("%s: %v", want, err)
	}
	n, _ := json.Marshal(w)
	if !bytes.Equal(g, n) {
		t.Errorf("%s:\n got %s\nwant %s", what, g, n)
	}
}

const usersCore = `"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"]`

// tax is a rule for a department: a number, a hunt group, and what may be heard.
func (r *rig) tax() {
	r.t.Helper()
	r.put(provisioning.Extension{Number: "2001", Display: "受付"}, provisioning.Group{Number: "6000", Title: "税務", Members: []string{"2001"}},
		provisioning.Group{Number: "6001", Title: "福祉", Members: []string{"2001"}},
		provisioning.LifecycleRules{Rules: []provisioning.LifecycleRule{
			{Name: "all", Roles: []provisioning.Role{provisioning.RoleStaff}},
			{Name: "tax", Department: "税務課", Numbers: &provisioning.NumberRule{From: "3000", To: "3009", Move: true}, HuntGroups: []string{"6000"},
				Roles: []provisioning.Role{provisioning.RoleListener}, Scope: &provisioning.ScopeRule{Numbers: []string{"0312340001"}}},
			{Name: "welfare", Department: "福祉課", Numbers: &provisioning.NumberRule{From: "4000", To: "4009", Move: true, Attribute: "phoneNumbers"}, HuntGroups: []string{"6001"},
				Scope: &provisioning.ScopeRule{Numbers: []string{"0312340002"}}},
			{Name: "chiefs", Group: "責任者", Roles: []provisioning.Role{provisioning.RoleManager, provisioning.RoleTelephony}},
		}})
}

func taxed(name string) string {
	return `{` + usersCore + `,"userName":"` + name + `","displayName":"山田 ` + name + `","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"税務課"}}`
}
