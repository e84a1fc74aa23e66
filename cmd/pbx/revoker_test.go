package main

import (
	"context"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/directory"
	"naisen/provisioning/secret"
	"naisen/provisioning/store"
	"naisen/sip/event"
	"naisen/sip/registrar"
)

// registered is a table with one phone of each extension.
type registered []string

func (r registered) Load(context.Context) ([]registrar.Record, error) {
	var out []registrar.Record
	for _, aor := range r {
		out = append(out, registrar.Record{AOR: aor, Key: "k", Expires: time.Now().Add(time.Hour),
			Body: []byte(`{"Text":"<sip:x@192.0.2.1>","Transport":"udp","Received":"192.0.2.1:5060","Local":"192.0.2.2:5060"}`)})
	}
	return out, nil
}

func (registered) Save(context.Context, []registrar.Record) error { return nil }

const revokerDomain = "pbx.example.jp"

// office is a store that a test changes, and the directory that follows it.
type office struct {
	t  *testing.T
	st *store.Store
}

func (o office) update(f func(provisioning.Writer) error) {
	o.t.Helper()
	if err := o.st.Update(o.t.Context(), provisioning.Subject{System: true}, f); err != nil {
		o.t.Fatal(err)
	}
}

func (o office) put(e provisioning.Entity) {
	o.t.Helper()
	o.update(func(w provisioning.Writer) error { _, err := w.Put(revokerDomain, e, ""); return err })
}

func (o office) password(number string) {
	o.t.Helper()
	_, c := secret.NewSIPSecret(number, revokerDomain)
	o.update(func(w provisioning.Writer) error {
		return w.PutSecret(revokerDomain, provisioning.SecretSIP, number, c.Encode())
	})
}

func newOffice(t *testing.T, numbers ...string) office {
	t.Helper()
	keys, err := secret.OpenKeyring(filepath.Join(t.TempDir(), "key"))
	if err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(t.Context(), store.Config{Path: filepath.Join(t.TempDir(), "pbx.db"), Sealer: keys, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	o := office{t, st}
	o.put(provisioning.Domain{Name: revokerDomain, Title: "x", Language: "ja", CountryCode: "81"})
	for _, n := range numbers {
		o.put(provisioning.Extension{Number: n, Display: n})
		o.password(n)
	}
	return o
}

// await waits until exactly these numbers are registered.
func await(t *testing.T, r *registrar.Registrar, what string, numbers ...string) {
	t.Helper()
	deadline, tick := time.NewTimer(5*time.Second), time.NewTicker(5*time.Millisecond)
	defer deadline.Stop()
	defer tick.Stop()
	for {
		var got []string
		for _, aor := range r.AORs() {
			number, _, _ := strings.Cut(aor, "@")
			got = append(got, number)
		}
		slices.Sort(got)
		if slices.Equal(got, numbers) {
			return
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("%s: registered are %q, want %q", what, got, numbers)
		}
	}
}

// watching is who has subscriptions.
type watching struct {
	mu sync.Mutex
	of map[event.AOR]bool
}

func (w *watching) Watchers() []event.AOR {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Collect(maps.Keys(w.of))
}

func (w *watching) revoke(a event.AOR, lost func(proof string) bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if lost(proofDigest) {
		delete(w.of, a)
	}
}

// A registration ends with the right to it, and no other one does.
func TestRevoker(t *testing.T) {
	o := newOffice(t, "2001", "2002", "2003", "2004", "2005")
	owner := provisioning.User{Name: "owner", Display: "o", Roles: []provisioning.Role{provisioning.RoleStaff}}
	o.put(owner)
	o.put(provisioning.Extension{Number: "2004", Display: "owned", User: "owner"})
	quiet := slog.New(slog.DiscardHandler)
	dir, err := directory.New(t.Context(), o.st, quiet)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = dir.Close() }()
	table := registered{}
	for _, n := range []string{"2001", "2002", "2003", "2004", "2005", "9999"} {
		table = append(table, n+"@"+revokerDomain)
	}
	r := registrar.New(registrar.Config{}, table, quiet)
	if err := r.Start(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close(context.Background()) }()
	seen := watching{of: map[event.AOR]bool{}}
	for _, n := range []string{"2001", "2002", "2003"} {
		seen.of[event.AOR{User: n, Domain: revokerDomain}] = true
	}
	v := newRevoker(t.Context(), dir, r, &seen)
	defer v.Close()

	await(t, r, "deleted while the switch was down", "2001", "2002", "2003", "2004", "2005")
	o.put(provisioning.Extension{Number: "2001", Display: "another name"})
	o.password("2002")
	await(t, r, "password changed", "2001", "2003", "2004", "2005")
	o.put(provisioning.Extension{Number: "2003", Display: "x", Disabled: true})
	await(t, r, "disabled", "2001", "2004", "2005")
	if got := seen.Watchers(); len(got) != 1 || got[0].User != "2001" { // 2002 has another password, 2003 is disabled
		t.Errorf("still watching: %v", got)
	}
	owner.Disabled = true
	o.put(owner)
	await(t, r, "owner disabled", "2001", "2005")
	o.put(provisioning.User{Name: "boss", Display: "b", Roles: []provisioning.Role{provisioning.RoleStaff}})
	o.put(provisioning.User{Name: "guest", Display: "g", Contract: &provisioning.Contract{Sponsor: "boss", Ends: time.Now().Add(300 * time.Millisecond)}})
	o.put(provisioning.Extension{Number: "2005", Display: "a contractor's", User: "guest"})
	await(t, r, "contract over, and nothing written", "2001")
	o.update(func(w provisioning.Writer) error {
		return w.Delete(revokerDomain, provisioning.KindExtension, "2001", "")
	})
	await(t, r, "deleted")
}
