package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"naisen/provisioning"
	"naisen/provisioning/store/postgrestest"
	"naisen/sip/siptest"
	"naisen/sip/stack"
)

// postgres runs a server of this test's own, and makes a database in it.
func postgres(t *testing.T) (*postgrestest.Server, StoreConfig) {
	t.Helper()
	server, err := postgrestest.Start(t.Context(), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := server.Make(t.Context(), "naisen"); err != nil {
		t.Fatal(err)
	}
	word, err := server.Password()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(word), 0o600); err != nil {
		t.Fatal(err)
	}
	return server, StoreConfig{URL: server.URL("naisen"), Password: Secret{ref: "file:" + file}, late: 2 * time.Second}
}

// asked sends a request to the API, and gives the answer's status, kind and body.
func (l *lab) asked(token, method, path, body string) (int, string, string) {
	l.t.Helper()
	req, err := http.NewRequestWithContext(l.t.Context(), method, "http://"+l.p.http.addr.String()+path, strings.NewReader(body))
	if err != nil {
		l.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		l.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		l.t.Fatal(err)
	}
	return resp.StatusCode, resp.Header.Get("Content-Type"), string(text)
}

// calls brings a call up; end hangs it up. One of them may be at another switch.
func (l *lab) calls(a, b *siptest.Phone) (end func()) {
	l.t.Helper()
	inv := l.authorised(a, callTo(a, b.Name))
	in := b.Expect("INVITE")
	b.Reply(in, 200, func(r *stack.Response) { r.SetBody("application/sdp", offer(b.Addr.Addr())) })
	resp := a.ExpectStatus(200, "INVITE")
	a.Ack(inv, resp)
	b.Expect("ACK")
	return func() {
		l.t.Helper()
		a.Send(a.InDialog("BYE", inv, resp))
		b.Reply(b.Expect("BYE"), 200, nil)
		a.ExpectStatus(200, "BYE")
	}
}

// records of calls, as stored.
func (l *lab) records() (out []provisioning.CDR) {
	l.t.Helper()
	if err := l.p.store.View(l.t.Context(), func(r provisioning.Reader) (err error) {
		out, err = r.CDRs(l.p.config.Domain, provisioning.CDRQuery{})
		return err
	}); err != nil {
		l.t.Log(err)
	}
	return out
}

// until waits for something that comes by itself.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick, late := time.NewTicker(50*time.Millisecond), time.NewTimer(30*time.Second)
	defer tick.Stop()
	defer late.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-late.C:
			t.Fatalf("%s: not in 30 s", what)
		}
	}
}

// TestDatabaseAway: while PostgreSQL is stopped, or hangs, calls and registrations go on from memory, the API says 503 within its time, and an operator is
// told. What was to be kept is there when the database is.
func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	server, database := postgres(t)
	l := newLab(t, func(c *Config) { c.Store = database })
	local := netip.MustParseAddr("127.0.0.1")
	alice, bob := l.phone("2001", local), l.phone("2002", local)
	v, page := l.signIn("admin", l.p.first.Admin.Reveal())
	word := map[string]string{"password": "correct horse battery", "again": "correct horse battery"}
	token := v.token(l.p.identity.Path(), v.fill(page, word))
	alice.Register(3600)
	bob.Register(3600)
	path := "/v1/domains/" + l.p.config.Domain + "/users"
	if status, _, body := l.asked(token, http.MethodGet, path, ""); status != http.StatusOK {
		t.Fatalf("before: %d %s", status, body)
	}
	for i, c := range []struct {
		name       string
		stop, back func() error
	}{
		{"stopped", func() error { server.Stop(); return nil }, func() error { return server.Run(t.Context()) }},
		{"hangs", server.Freeze, server.Thaw},
	} {
		end := l.calls(alice, bob)
		if err := c.stop(); err != nil {
			t.Fatal(err)
		}
		end()
		alice.Register(1800)
		l.calls(alice, bob)()
		for _, r := range [][3]string{{http.MethodGet, path, ""}, {http.MethodPut, path + "/taro", `{"name":"taro"}`}} {
			status, kind, body := l.asked(token, r[0], r[1], r[2])
			var problem struct{ Status int }
			if err := json.Unmarshal([]byte(body), &problem); err != nil || status != 503 || kind != "application/problem+json" || problem.Status != 503 {
				t.Errorf("%s, %s: %d %s %s", c.name, r[0], status, kind, body)
			}
		}
		until(t, "the alarm is raised", func() bool { return l.alarmed("database-away") })
		if err := c.back(); err != nil {
			t.Fatal(err)
		}
		until(t, "the alarm is cleared", func() bool { return !l.alarmed("database-away") })
		until(t, "call records", func() bool { return len(l.records()) == 2*(i+1) })
		until(t, "what the registrar keeps", func() bool { return l.p.registrar.Stats().Unsaved == 0 })
		rows, err := l.p.store.Bindings(t.Context())
		if err != nil || len(rows) != 2 || time.Until(rows[0].Expires) > 1800*time.Second {
			t.Errorf("%s: %d bindings, %v", c.name, len(rows), err)
		}
		if status, _, body := l.asked(token, http.MethodGet, path, ""); status != http.StatusOK {
			t.Errorf("%s, afterwards: %d %s", c.name, status, body)
		}
	}
	if n, err := server.SQL(t.Context(), "naisen", "SELECT count(*), count(DISTINCT id) FROM cdr_party WHERE number = '2002'"); err != nil || n != "4|4" {
		t.Errorf("rows of the index of calls: %s, %v", n, err)
	}
}
