package enrol_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/enrol"
	"naisen/provisioning/secret"
	"naisen/provisioning/store"
)

const ward = "ward.example"

// rig is the handler on a store of its own.
type rig struct {
	t     *testing.T
	store *store.Store
	dir   string
	now   time.Time
	way   bool // apps can reach the switch
	wrong atomic.Int64
	h     http.Handler
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir(), now: time.Date(2026, 12, 1, 9, 0, 0, 0, time.UTC), way: true}
	keys, err := secret.OpenKeyring(filepath.Join(r.dir, "secrets.key"))
	if err != nil {
		t.Fatal(err)
	}
	if r.store, err = store.Open(t.Context(), store.Config{Path: filepath.Join(r.dir, "pbx.db"), Sealer: keys, Log: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.store.Close() })
	r.write(func(w provisioning.Writer) error {
		for _, e := range []provisioning.Entity{provisioning.Domain{Name: ward, Language: "ja"}, provisioning.User{Name: "taro"}, provisioning.User{Name: "hana"},
			provisioning.Extension{Number: "2001", User: "taro"}} {
			if _, err := w.Put(ward, e, ""); err != nil {
				return err
			}
		}
		return nil
	})
	mux := http.NewServeMux()
	mux.Handle(enrol.Pattern, enrol.New(enrol.Config{Store: r.store, Clock: func() time.Time { return r.now }, Log: slog.New(slog.DiscardHandler),
		Way:   func(string, string) (enrol.Way, bool) { return enrol.Way{Proxy: "sip.ward.example:5061"}, r.way },
		Wrong: func(string, netip.Addr) bool { return r.wrong.Add(1) > 100 }}))
	r.h = mux
	return r
}

func (r *rig) write(f func(w provisioning.Writer) error) {
	r.t.Helper()
	if err := r.store.Update(r.t.Context(), provisioning.Subject{System: true}, f); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) claim() (code string) {
	r.t.Helper()
	r.write(func(w provisioning.Writer) (err error) {
		code, err = enrol.Claim(w, ward, "2001", r.now.Add(enrol.DefaultLife), r.now)
		return err
	})
	return code
}

// send is a POST from an address; one of this machine comes without TLS, as from a proxy.
func (r *rig) send(from, body string) *httptest.ResponseRecorder {
	req := httptest.NewRequestWithContext(r.t.Context(), http.MethodPost, "/enrol/"+ward, strings.NewReader(body))
	req.RemoteAddr = from + ":9"
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	w := httptest.NewRecorder()
	r.h.ServeHTTP(w, req)
	return w
}

func (r *rig) show(code string) int {
	return r.send("127.0.0.1", `{"code":"`+code+`","title":"x"}`).Code
}

func (r *rig) want(what string, got, want int) {
	r.t.Helper()
	if got != want {
		r.t.Errorf("%s: %d, want %d", what, got, want)
	}
}

// A code is good once, for its time, for whose extension it was, and for nobody who shows it in the clear; what uses none up leaves it good.
func TestCode(t *testing.T) {
	r := newRig(t)
	code := r.claim()
	r.want("in the clear", r.send("192.0.2.9", `{"code":"`+code+`"}`).Code, 403)
	for what, bad := range map[string]string{"unknown field": `{"code":"` + code + `","role":"admin"}`, "two": `{"code":"` + code + `"}{}`, "long": `{"code":"` + code + `","title":"` + strings.Repeat("x", 5000) + `"}`} {
		r.want(what, r.send("127.0.0.1", bad).Code, 400)
	}
	r.way = false
	r.want("no way to the switch", r.show(code), 409)
	r.way = true
	r.want("lower case", r.show(strings.ToLower(code)), 404)
	r.want("half", r.show(code[:13]), 404)
	r.want("none", r.show(""), 404)
	r.want("right", r.show(code), 200)
	r.want("again", r.show(code), 404)
	old := r.claim()
	second := r.claim()
	r.want("a code of before", r.show(old), 404)
	r.now = r.now.Add(enrol.DefaultLife)
	r.want("over", r.show(second), 404)
	moved := r.claim()
	r.write(func(w provisioning.Writer) error {
		_, err := w.Put(ward, provisioning.Extension{Number: "2001", User: "hana"}, "")
		return err
	})
	r.want("somebody else's extension by now", r.show(moved), 404)
	if r.wrong.Load() != 7 {
		t.Errorf("%d wrong codes were told of", r.wrong.Load())
	}
	r.wrong.Store(100)
	w := r.send("127.0.0.1", `{"code":"x"}`)
	r.want("too often", w.Code, 429)
	if w.Header().Get("Retry-After") == "" || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%v", w.Header())
	}
}

// Of many who show one code at once, one gets an account.
func TestCodeOnce(t *testing.T) {
	r := newRig(t)
	code := r.claim()
	var mu sync.Mutex
	got := map[int]int{}
	var all sync.WaitGroup
	for range 6 {
		all.Go(func() {
			status := r.send("127.0.0.1", `{"code":"`+code+`"}`).Code
			mu.Lock()
			got[status]++
			mu.Unlock()
		})
	}
	all.Wait()
	if got[200] != 1 || got[200]+got[404] != 6 {
		t.Errorf("%v", got)
	}
}

// What is kept tells neither codes nor passwords; each app has its own; an extension has so many at most, and each ends alone.
func TestAccounts(t *testing.T) {
	r := newRig(t)
	code := r.claim()
	secrets := []string{code}
	names := map[string]bool{}
	for i := range provisioning.MaxSoftphones {
		if i > 0 {
			code = r.claim()
		}
		w := r.send("127.0.0.1", `{"code":"`+code+`","title":"a\u202eb\u0007"}`)
		var a enrol.Account
		if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil || len(a.Password) != 26 || names[a.Username] || a.Username != "2001."+a.ID {
			t.Fatalf("%d: %v %+v", i, err, a)
		}
		names[a.Username] = true
		secrets = append(secrets, a.Password)
	}
	waiting := ""
	err := r.store.Update(t.Context(), provisioning.Subject{System: true}, func(w provisioning.Writer) (err error) {
		waiting, err = enrol.Claim(w, ward, "2001", r.now.Add(time.Minute), r.now)
		return err
	})
	var bad *provisioning.Invalid
	if !errors.As(err, &bad) || waiting != "" {
		t.Errorf("one more than it may have: %v", err)
	}
	for _, name := range []string{"pbx.db", "pbx.db-wal"} {
		text, err := os.ReadFile(filepath.Join(r.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range secrets {
			if bytes.Contains(text, []byte(s)) {
				t.Errorf("%s holds a secret in the clear", name)
			}
		}
	}
	var apps provisioning.Softphones
	read := func() {
		t.Helper()
		if err := r.store.View(t.Context(), func(rd provisioning.Reader) (err error) {
			apps, _, err = provisioning.Get[provisioning.Softphones](rd, ward, "2001")
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	read()
	if a := apps.Apps[0]; a.Title != "ab" || a.User != "taro" || !a.Enrolled.Equal(r.now) {
		t.Errorf("%+v", a)
	}
	r.write(func(w provisioning.Writer) error { return provisioning.EndSoftphone(w, ward, "2001", apps.Apps[0].ID) })
	gone := apps.Apps[0].ID
	read()
	if _, there := apps.Of(gone); there || len(apps.Apps) != provisioning.MaxSoftphones-1 {
		t.Errorf("%d are left", len(apps.Apps))
	}
	r.write(func(w provisioning.Writer) error {
		return provisioning.Delete[provisioning.Extension](w, ward, "2001", "")
	})
	if err := r.store.View(t.Context(), func(rd provisioning.Reader) error {
		_, err := provisioning.Secret(rd, ward, provisioning.SecretSoftphones, "2001")
		return err
	}); !errors.Is(err, provisioning.ErrNotFound) {
		t.Errorf("the keys of an extension that is gone: %v", err)
	}
}

// A browser that opens the link reads, in both languages, what to do; it sends no code.
func TestPage(t *testing.T) {
	r := newRig(t)
	w := httptest.NewRecorder()
	req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/enrol/nowhere", nil)
	req.RemoteAddr = "127.0.0.1:9"
	r.h.ServeHTTP(w, req)
	if w.Code != 200 || !strings.Contains(w.Body.String(), "内線アプリ") || !strings.Contains(w.Body.String(), "Enrol the telephone app") || r.wrong.Load() != 0 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if link := enrol.Link("https://pbx.example", ward, "CODE"); link != "https://pbx.example/enrol/"+ward+"#CODE" {
		t.Error(link)
	}
}
